/* read_model.h: from the script to the Model. model/ is the only folder that sees Lua. */
#ifndef NNGEN_MODEL_READ_MODEL_H
#define NNGEN_MODEL_READ_MODEL_H

#include "graph/model.h"

typedef struct Setting { const char *name, *value; bool used; } Setting;       /* --set name=value */

typedef struct ReadOptions {
    Setting *settings;
    int setting_count;
    const char *data_dir;               /* --data; NULL: none */
    int64_t memory_limit;               /* bytes; 0: 1 GiB */
    int64_t instruction_limit;          /* 0: 10^9 */
    const char *precision;              /* "f32", "f64", "tf32", "bf16"; NULL: the model's */
} ReadOptions;

typedef struct Script Script;           /* the Lua state, kept until the updates are built */

/* Runs the script and returns its model: the forward graph, metrics, outputs, data. An unknown --set is a wrong call (2), a
 * wrong model 1, with the user's line. */
Model *read_model(Arena *arena, const char *path, const ReadOptions *options, Script **script);

/* The pass `update`: after differentiate_model, calls the optimizer's Lua function for every trained parameter and appends
 * its ASSIGNs (and clipping). Then the script is closed. */
void build_updates(Script *script, Model *model);
void close_script(Script *script);

/* read_reference.c: the reference of the language as the registrations of nn have it, in order. `text` is Markdown; a section
 * with an example has the graph of its value and gradients as well, as a model of the kind show. `annotation` is its declaration for
 * editors (annotations.lua), NULL: none; all of them in order are one Lua file. */
typedef struct Section { const char *text; Model *example; const char *annotation; } Section;
Section *read_reference(Arena *arena, int *count);

#endif
