/* script.h: the Lua state while it lives, shared by the files of model/ and by nobody else.
 *
 * The user's text calls functions of the Lua files of this folder (nn.lua and its parts); these call the functions of `core`, a
 * table that only they see, which make nodes. A refusal anywhere is fail_at(user_place(…), …), which ends the process: no Lua
 * error has to travel through C frames, and no pcall in a model can hide that it is wrong. What raises Lua errors all the same
 * (the model's own `error`, an index into nil) runs under one protected call and ends in the same place (sandbox.c). */
#ifndef NNGEN_MODEL_SCRIPT_H
#define NNGEN_MODEL_SCRIPT_H

#include "graph/build.h"
#include "graph/passes.h"
#include "model/read_model.h"
#include <lua.h>
#include <lauxlib.h>
#include <lualib.h>

/* What the hook and the allocator know; see sandbox.c. */
typedef struct Limits {
    int64_t bytes, byte_limit;          /* Lua's own; the limit is for them and what the arena took since the script runs */
    int64_t arena_before;
    int64_t instructions, instruction_limit;
    size_t refused;                     /* the size last refused; a second refusal of it comes after a full collection: final */
    Place last;                         /* the user's line last counted */
    const char *last_shown;             /* its file, as a message shows it */
} Limits;

struct Script {
    Arena *arena;
    Graph *graph;
    Model *model;
    lua_State *lua;
    const ReadOptions *options;
    const char *path, *folder;          /* of the model, as given; folder "" or ending in a slash */
    Limits limits;

    const char **files;                 /* the names of the files that ran, each once: places point here */
    int file_count, file_room;
    Place *places;                      /* those that Lua remembers: layers know where they were made */
    int place_count, place_room;
    int place_override;                 /* an index into places: a layer in a container stands for its own line; NONE */
    Origin origin;                      /* layer, rule and of: for the nodes made now */

    bool updating;                      /* the optimizer's function runs: the model has all its leaves but slots */
    int derivative_room;
    Place blame;                        /* refusals name this line instead of the running one; file NULL: none */

    Setting *seen;                      /* nn.option calls: names, and values as text */
    int seen_count, seen_room;
};

/* read_model.c: a script that has run nothing yet; and, when a definition is in the registry, its model made whole. */
Script *open_script(Arena *arena, const char *path, const ReadOptions *options);
void finish_model(Script *script);

/* sandbox.c: a state with the safe libraries and the limits. */
void open_sandbox(Script *script);
void start_clock(Script *script);                             /* processor time counts while the user's code may run … */
void stop_clock(void);
void run_part(lua_State *lua, const char *name);              /* an embedded Lua file, given `core`; pushes its one result */
void protected_call(Script *script, lua_CFunction function);  /* calls it with nothing; every Lua error becomes fail_at */
void need_memory(lua_State *lua, int64_t bytes);              /* refuses, before the arena takes them, what the limit forbids */

/* The line of the innermost function of the user that is running: never one of nn.lua. */
Place user_place(lua_State *lua);
Place node_place(lua_State *lua);                             /* the same, or the line of the layer that makes nodes now */
Place place_numbered(const Script *script, int64_t number);   /* one that Lua remembers */
Script *script_of(lua_State *lua);
_Noreturn void refuse_here(lua_State *lua, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* tensor.c: nodes as Lua values. */
void push_tensor(lua_State *lua, NodeId node);
NodeId to_tensor(lua_State *lua, int index);                  /* NONE: not a tensor */
NodeId need_tensor(lua_State *lua, int index, const char *what);      /* a tensor, or a number made a constant; else refused */
Graph *graph_here(lua_State *lua);                            /* the graph, its `now` set to the user's line */

/* The functions of `core`, put into the table on the stack's top. */
void add_tensor_functions(lua_State *lua);                    /* tensor.c: the metatable, operations */
void add_move_functions(lua_State *lua);                      /* moves.c: folds, shapes, products, derivatives */
void add_leaf_functions(lua_State *lua);                      /* leaves.c: inputs, parameters, constants, options */
void add_talk_functions(lua_State *lua);                      /* talk.c: places, names, refusals, files */
void load_text(lua_State *lua, const char *path);             /* pushes the file's chunk as a function */
void add_update_functions(lua_State *lua);                    /* updates.c: running statistics */
void add_random_functions(lua_State *lua);                    /* random.c: nn.rng */
void add_data_functions(lua_State *lua);                      /* data.c: what a text has, read while the model is */

/* values.c: numbers, names and nested tables out of Lua. */
const char *checked_name(lua_State *lua, int index, const char *what);
double *nested_numbers(lua_State *lua, int index, Type *type, const char *what);      /* row-major; the shape is found */
double *row_numbers(lua_State *lua, int index, int64_t elements, int64_t *rows, int classes, const char *what);
Type read_shape(lua_State *lua, int index, const char *what);
const char *field_string(lua_State *lua, int table, const char *key);       /* NULL: absent; lives in the arena */
double field_number(lua_State *lua, int table, const char *key, double otherwise);
int64_t field_integer(lua_State *lua, int table, const char *key, int64_t otherwise);
bool field_boolean(lua_State *lua, int table, const char *key);
Place field_place(lua_State *lua, int table, const char *key);
NodeId field_tensor(lua_State *lua, int table, const char *key);            /* NONE: absent */

/* data.c: the table that nn.data.* returned, at `index`, becomes the model's data and inputs; nil: none. */
void read_data(Script *script, int index);

#endif
