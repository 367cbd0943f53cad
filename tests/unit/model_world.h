/* model_world.h: what the tests of model/ share: a model written into a temporary file, read, and its values by the interpreter. */
#ifndef NNGEN_TESTS_MODEL_WORLD_H
#define NNGEN_TESTS_MODEL_WORLD_H

#include "graph/passes.h"
#include "model/read_model.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct World {
    Arena *arena;
    char path[64];
    Model *model;
    Script *script;
    double **values;                    /* by node id, after world_values */
} World;

__attribute__((unused)) static void world_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Reads `text` as a model; `settings` may be NULL. The file is left until world_close. */
__attribute__((unused)) static World world_open(const char *text, const ReadOptions *options)
{
    static const ReadOptions plain;
    World world = {.arena = arena_new()};
    strcpy(world.path, "/tmp/nngen_model_XXXXXX.lua");
    int file = mkstemps(world.path, 4);
    ck_assert_int_ge(file, 0);
    close(file);
    world_write(world.path, text);
    world.model = read_model(world.arena, world.path, options ? options : &plain, &world.script);
    check_model(world.model, "read_model");
    return world;
}

__attribute__((unused)) static void world_updates(World *world)
{
    differentiate_model(world->model);
    build_updates(world->script, world->model);
    check_model(world->model, "build_updates");
}

__attribute__((unused)) static void world_close(World *world)
{
    close_script(world->script);
    unlink(world->path);
    arena_free(world->arena);
}

/* Values of all roots, over the rows of the training table; parameters and slots have their initial values (constants, tables). */
__attribute__((unused)) static void world_values(World *world, const NodeId *roots, int count, int64_t step)
{
    const Model *model = world->model;
    const Graph *graph = model->graph;
    const double **leaves = NEW(world->arena, const double *, graph->leaf_count + 1);
    int input = 0;
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        int64_t elements = element_count(leaf->type);
        double *constant = NEW(world->arena, double, elements);
        for (int64_t i = 0; i < elements; i++)
            constant[i] = leaf->init.a;
        leaves[l] = leaf->kind == LEAF_INPUT ? model->inputs[input++].table[NN_TRAIN] :
                    leaf->init.kind == NN_INIT_TABLE ? leaf->init.table : constant;
    }
    int rows = model->data.format == &nn_table ? (int)model->data.table_rows[NN_TRAIN] : 1;
    Situation situation = {.batch = rows, .rows = rows, .rate = model->optimizer.lr, .mode = 1, .step = step, .seed = 1, .leaf_values = leaves};
    world->values = interpret(world->arena, graph, roots, count, &situation);
}

/* The leaf of that name. */
__attribute__((unused)) static const Leaf *world_leaf(const World *world, const char *name)
{
    for (int l = 0; l < world->model->graph->leaf_count; l++)
        if (!strcmp(world->model->graph->leaves[l].name, name))
            return &world->model->graph->leaves[l];
    ck_abort_msg("no leaf %s", name);
}

/* What the step at `step` writes into the leaf of that name; NULL: nothing. */
__attribute__((unused)) static const double *world_assigned(World *world, const char *name, int64_t step)
{
    const Model *model = world->model;
    for (int u = 0; u < model->update_count; u++)
        for (int a = 0; a < model->updates[u].assign_count; a++) {
            NodeId node = model->updates[u].assigns[a];
            if (strcmp(model->graph->leaves[model->graph->nodes[node].attributes.leaf].name, name))
                continue;
            world_values(world, &node, 1, step);
            return world->values[node];
        }
    return NULL;
}

__attribute__((unused)) static int world_main(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
