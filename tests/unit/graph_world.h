/* graph_world.h: a small graph with values for its leaves, and central differences over it: what the tests of graph/ share.
 *
 * Leaves draw their values from a generator with a fixed seed. Spare rows of an input repeat row 0, as they do in a program. */
#ifndef GRAPH_WORLD_H
#define GRAPH_WORLD_H

#include "graph/build.h"
#include "graph/passes.h"
#include "graph/rules.h"
#include "base/text.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORLD_LEAVES = 32 };

typedef struct World {
    Arena *arena;
    Graph *graph;
    double *values[WORLD_LEAVES];       /* by leaf */
    Situation situation;
    uint64_t random;
} World;

/* In [low, high): splitmix64. */
__attribute__((unused)) static double draw(World *world, double low, double high)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return low + (high - low) * (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

__attribute__((unused)) static World world_new(int64_t batch, int rows)
{
    World world = {.arena = arena_new(), .random = 7};
    world.graph = graph_new(world.arena);
    world.graph->now.place = (Place){"model.lua", 1};
    world.situation = (Situation){.batch = batch, .rows = rows, .rate = 0.125, .swept = 0.375, .mode = 1, .step = 3, .seed = 42};
    return world;
}

__attribute__((unused)) static void world_free(World *world)
{
    arena_free(world->arena);
}

__attribute__((unused)) static Type type_with(bool per_row, int rank, const int64_t *size)
{
    Type type = {.scalar = FLOAT, .per_row = per_row, .rank = rank};
    for (int d = 0; d < rank; d++)
        type.size[d] = size[d];
    return type;
}

#define SHARED(...)  type_with(false, (int)(sizeof (int64_t[]){__VA_ARGS__} / sizeof (int64_t)), (const int64_t[]){__VA_ARGS__})
#define PER_ROW(...) type_with(true, (int)(sizeof (int64_t[]){__VA_ARGS__} / sizeof (int64_t)), (const int64_t[]){__VA_ARGS__})

__attribute__((unused)) static int64_t elements_of(const World *world, Type type)
{
    return element_count(type) * (type.per_row ? world->situation.batch : 1);
}

/* An input where the type is per row, a parameter where it is shared; values in [low, high), whole numbers for an INT type. */
__attribute__((unused)) static NodeId world_leaf(World *world, const char *name, Type type, double low, double high)
{
    int64_t count = elements_of(world, type), row = element_count(type);
    double *value = NEW(world->arena, double, count);
    for (int64_t i = 0; i < count; i++) {
        value[i] = draw(world, low, high);
        if (type.scalar == INT)
            value[i] = floor(value[i]);
        if (type.per_row && i >= world->situation.rows * row)
            value[i] = value[i % row];
    }
    Leaf leaf = {.kind = type.per_row ? LEAF_INPUT : LEAF_PARAMETER, .name = name, .type = type, .parameter = NONE,
                 .place = {"model.lua", world->graph->leaf_count + 1}, .lr_factor = 1, .weight_decay = NAN};
    ck_assert_int_lt(world->graph->leaf_count, WORLD_LEAVES);
    world->values[world->graph->leaf_count] = value;
    return new_leaf(world->graph, leaf);
}

__attribute__((unused)) static double *world_values(const World *world, NodeId leaf)
{
    return world->values[world->graph->nodes[leaf].attributes.leaf];
}

/* The values of a node, in `arena`. */
__attribute__((unused)) static const double *world_compute(World *world, Arena *arena, NodeId node)
{
    world->situation.leaf_values = (const double *const *)world->values;
    return interpret(arena, world->graph, &node, 1, &world->situation)[node];
}

/* Σ w · node over all elements and valid rows, with fixed weights w that differ from element to element. */
__attribute__((unused)) static NodeId weighted_sum(World *world, NodeId node)
{
    Graph *graph = world->graph;
    Type type = graph->nodes[node].type, weights = type;
    weights.per_row = false;
    double *w = NEW(world->arena, double, element_count(type));
    for (int64_t i = 0; i < element_count(type); i++)
        w[i] = draw(world, 0.5, 1.5);
    Attributes table = attributes();
    table.table = w;
    table.type = weights;
    NodeId product = multiply(graph, node, new_node(graph, OP_TABLE, NULL, 0, table));
    return sum_axes(graph, product, all_axes(graph->nodes[product].type));
}

/* Every element of d y / d x by central differences against the graph's; a place of disagreement is told in `what`'s name. The
 * gradient's spare rows repeat row 0, as those of any tensor. */
__attribute__((unused)) static void check_gradient(World *world, NodeId y, NodeId x, NodeId gradient, const char *what)
{
    double *at = world_values(world, x);
    int64_t count = elements_of(world, world->graph->nodes[x].type);
    const double step = 1e-5;
    Arena *arena = arena_new();
    const double *analytic = world_compute(world, arena, gradient);
    int64_t row = element_count(world->graph->nodes[x].type), valid = row * world->situation.rows;
    for (int64_t i = 0; i < count; i++) {
        if (i >= valid && world->graph->nodes[x].type.per_row) {
            ck_assert_msg(analytic[i] == analytic[i % row], "%s: element %d of a spare row is %.17g, and %.17g in row 0", what,
                          (int)(i % row), analytic[i], analytic[i % row]);
            continue;
        }
        Arena *scratch = arena_new();
        double kept = at[i];
        at[i] = kept + step;
        double above = *world_compute(world, scratch, y);
        at[i] = kept - step;
        double below = *world_compute(world, scratch, y);
        at[i] = kept;
        double numeric = (above - below) / (2 * step);
        double scale = fmax(1, fmax(fabs(numeric), fabs(analytic[i])));
        ck_assert_msg(fabs(numeric - analytic[i]) <= 2e-6 * scale, "%s: element %d: derivative %.12g, differences %.12g", what,
                      (int)i, analytic[i], numeric);
        arena_free(scratch);
    }
    arena_free(arena);
}

/* What `act` prints on standard error, in a process of its own, and the exit status it ends with. */
__attribute__((unused)) static const char *said_by(Arena *arena, void (*act)(World *), World *world, int *status)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        act(world);
        _exit(0);
    }
    close(ends[1]);
    Text text = text_new(arena);
    char bytes[256];
    for (ssize_t got; (got = read(ends[0], bytes, sizeof bytes)) > 0;)
        text_add_bytes(&text, bytes, (size_t)got);
    close(ends[0]);
    waitpid(child, status, 0);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    return text.bytes;
}

__attribute__((unused)) static int run_suite(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
