/* emit_interface.h: the functions of a predictor or library that others call: their arguments, and how rows come in and go out. */
#ifndef NNGEN_EMIT_EMIT_INTERFACE_H
#define NNGEN_EMIT_EMIT_INTERFACE_H

#include "emit/emit_parts.h"

/* An array that a caller hands over: an input of the model, or one of its outputs. */
typedef struct Argument {
    const char *name, *type;            /* "pixels", "float" */
    int buffer;
    int64_t elements;                   /* a row's; of an output that has no rows: all */
    const NnInput *input;               /* NULL: an output */
    const char *what;                   /* its name in the model */
} Argument;

typedef struct Arguments { Argument *list; int count; } Arguments;

Arguments inputs_of(const Plan *plan, PhaseId phase, Arena *arena);      /* those that the phase reads, in order of declaration */
Arguments outputs_of(const Plan *plan, Arena *arena);                    /* by name */

const char *text_name(const Plan *plan, Arena *arena);        /* NAME: the model file's name as an identifier */
const char *train_step_prototype(const Plan *plan, Arena *arena);       /* "float digits_train_step(void *state, const float *pixels, …, int rows)" */
const char *predict_prototype(const Plan *plan, Arena *arena);

/* Static functions that the definitions below them use. */
void emit_checks(const Plan *plan, Text *out);                /* are_classes, where there are class inputs */
void emit_standards(const Plan *plan, Text *out);             /* tables of means and spreads of standardised inputs */
/* Statements: refuse classes that are none; take row `from` into row `to` of the batch; hand out the outputs. */
const char *classes_test(const Plan *plan, PhaseId phase, const char *rows, Arena *arena);      /* "are_classes(label, rows, 10)"; NULL: nothing to ask */
void emit_take_row(const Plan *plan, PhaseId phase, const char *to, const char *from, int indent, Text *out);
void emit_predict_function(const Plan *plan, Text *out);      /* NAME_predict */

void emit_c_header(const Plan *plan, const EmitOptions *options, Text *out);      /* the file NAME.h */
bool has_epochs(const Plan *plan);                            /* emit_library.c: does the rate move by epochs? */
int64_t library_bytes(const Plan *plan);                      /* emit_library.c: NAME_STATE_BYTES */
const char *header_name(const EmitOptions *options, Arena *arena);      /* "digits.h" of -o some/digits.c */

#endif
