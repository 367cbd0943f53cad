/* emit_parts.h: the parts of an emitted program, in the order in which emit_program.c puts them together, one file each; and
 * the few questions about a Plan that several of them ask. */
#ifndef NNGEN_EMIT_EMIT_PARTS_H
#define NNGEN_EMIT_EMIT_PARTS_H

#include "emit/emit.h"
#include "emit/emit_comment.h"
#include "emit/emit_kernel.h"

/* emit_header.c: the comment above `program` */
void emit_header(const Plan *plan, const EmitOptions *options, const char *program, Text *out);
const char *model_text(const Model *model, Arena *arena);                         /* emit_model.c: "image (784) -> linear fc1 (100) …" */
void emit_memory_plan(const Plan *plan, Text *out);                               /* emit_memory.c: its table of arrays */
void emit_state(const Plan *plan, Text *out);                                     /* emit_state.c: struct State, constant tables */
void emit_kernels(const Plan *plan, Text *out);                                   /* emit_steps.c: the kernels in sections */
void emit_steps(const Plan *plan, const EmitOptions *options, Text *out);         /* emit_steps.c: train_step, evaluate, predict */
void emit_find_not_finite(const Plan *plan, Text *out);                           /* emit_finite.c */
void emit_data(const Plan *plan, Text *out);                                      /* emit_data.c: where its rows come from */
bool has_data(const Model *model);
void emit_sweep(const Plan *plan, Text *out);                                     /* emit_sweep.c: the copies and their values */
void emit_schedule(const NnSchedule *schedule, Text *out);                        /* emit_schedule.c: how the rate moves */
const char *schedule_text(const NnSchedule *schedule, Arena *arena);              /* the same in words */
void emit_tables(const Plan *plan, const EmitOptions *options, Text *out);        /* emit_tables.c: what the runtime is told */
bool emit_tensors(const Plan *plan, bool with_gradient, Text *out);               /* emit_tables.c: what a checkpoint holds; false: nothing */
void emit_predictor(const Plan *plan, const EmitOptions *options, Text *out);     /* emit_predictor.c: load, predict */
void emit_library(const Plan *plan, const EmitOptions *options, Text *out);       /* emit_library.c: init, train_step, predict, save */

bool has_flag(const Plan *plan);                              /* struct State ends with nn_stopped */
const bool *tables_of(const Plan *plan, Arena *arena);        /* by node: constant tables that the plan's kernels read */
void emit_table_of(const Plan *plan, NodeId id, const char *storage, Text *out);  /* "static const float table_1[2] = {…};" */

/* The constant table that holds a TABLE node's elements, "table_1", with the node's sizes as dimensions. */
const char *table_name(const Plan *plan, NodeId node, Arena *arena);

/* Does C text use `word` as a name of its own: not as a member, not within another name, a comment or a string? */
bool uses_name(const char *text, const char *word);

/* "1.0f, 2.5f" …: lines filled, further ones begin at column `indent`. */
typedef enum NumberForm { FLOATS, DOUBLES, INTEGERS } NumberForm;
void emit_numbers(const double *values, int64_t count, NumberForm form, int indent, Text *out);

/* emit_roles.c: what each kernel of a training step is there for. Where updates run among the backward kernels, they are of
 * BACKWARD_ROLE too; METRIC_ROLE is what neither loss nor updates need. */
typedef enum Role { FORWARD_ROLE, LOSS_ROLE, BACKWARD_ROLE, UPDATE_ROLE, METRIC_ROLE } Role;
Role *roles(const Plan *plan, Arena *arena);                  /* by kernel of PHASE_TRAIN */
const char *role_title(const Plan *plan, const Role *role, Role of);      /* "loss and its gradient" */
bool is_update(const Plan *plan, const Kernel *kernel);       /* writes parameters, slots or statistics */
bool is_gradient(const Plan *plan, const Kernel *kernel);     /* computes something of a derivative */
int first_update(const Plan *plan);                           /* the first kernel of PHASE_TRAIN that is one, or their number */

const Kernel *kernel_at(const Plan *plan, int number);        /* over all phases in order; NULL: none */

/* The loop over time around the kernels of a recurrence: does it begin before kernel k of [from, to), does it end behind it? And
 * its head: "    for (int time = 0; time < 64; time++) {". */
bool opens_region(const Kernel *kernels, int from, int k);
bool closes_region(const Kernel *kernels, int to, int k);
void open_region(const Plan *plan, const Kernel *kernel, Text *out);
bool has_phase(const Plan *plan, PhaseId phase);              /* does the program have a function for it? */
enum { RUN_BYTES = 64 };                                      /* of a library's steps, epochs and seed in its state */
int64_t state_bytes(const Plan *plan);                        /* sizeof(struct State), or of its arrays where more is in it (a library) */
int64_t copies_bytes(const Plan *plan);                       /* of what is kept of the copies of nn.sweep; 0: there are none */
bool is_state_allocated(const Plan *plan);                    /* too large for static data: `state` is a pointer, set when main begins */
bool is_in_state(const Plan *plan, const Buffer *buffer);                       /* a temporary that became a local of its kernel is not */
bool is_constant(const Plan *plan, const Buffer *buffer);      /* in the text, not in the state */
int64_t aligned_bytes(int64_t bytes);                         /* rounded up to 64, where the next array begins */
int64_t place_bytes(const Plan *plan, int place);             /* of the largest of its buffers, rounded up to 64 */
const char *place_text(Arena *arena, Place place);            /* "mnist_mlp.lua:7" */
const char *shown_path(const char *path);                     /* of an absolute path the name alone: a text hides where it was made */

/* How an element of a buffer is addressed: element (i, j, …) of the logical shape is strides[0] i + strides[1] j + … */
void buffer_strides(const Buffer *buffer, int64_t *strides);

#endif
