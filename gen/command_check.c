/* command_check.c: nngen check, every gradient against central differences, in f64 on the interpreter.
 *
 * What is compared: for nn.train, the gradient of each trained parameter as it is after simplification, with differences of the
 * loss as the script wrote it, so that rules and rewrites are judged both; for nn.show, every nn.gradient(y, x) of the script,
 * x being any tensor.
 *
 *   n = (y(x + e) - y(x - e)) / 2e,  e = 1e-6, one element of x at a time
 *   deviation = max |a - n| / max(|a|, |n|, 1e-3 G)      maxima over the sampled elements; G: the largest |a| of the model
 *
 * (Element by element, rounding alone fails right programs: a bias before a batch norm has gradient 0 in mathematics and 3e-17
 * in arithmetic.) Elements between whose two points a kink lies (a ReLU opens, a maximum moves) have no derivative to compare
 * with; they are counted apart. Training mode, random numbers held fixed, the first rows of the training set, initial values.
 *
 * The idea: x becomes a leaf, and so does everything that y needs but that does not depend on x, with the value it has. What
 * is left to evaluate twice an element is only what moves. nn.detach holds its operand still by the same cut. */
#include "base/text.h"
#include "graph/build.h"
#include "graph/passes.h"
#include "graph/rules.h"
#include "pipeline.h"
#include <math.h>
#include <nngen/random.h>
#include <nngen/weights.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ROWS = 8, SAMPLES = 200 };
static const double STEP = 1e-6, LIMIT = 1e-6;

typedef struct Check {
    const char *name;
    NodeId y, x, gradient;
    double deviation;
    int64_t sampled, elements, kinks;
    int64_t worst;                      /* the element that deviates most; -1: none was compared */
    double analytic, numeric;           /* there */
} Check;

typedef struct Checker {
    Arena *arena;
    Model *model;
    Graph *graph;                       /* as the script built it: y and x */
    Graph *final;                       /* that kernels would be made of: the gradients; for nn.show the same */
    Situation situation;
    const double **leaf_values;         /* by leaf; grows with the held ones */
    double **base, **gradient;          /* by node of graph, of final: values at the start */
    double largest;                     /* G */
} Checker;

static int64_t value_count(const Checker *checker, Type type)
{
    return element_count(type) * (type.per_row ? checker->situation.batch : 1);
}

/* ---- the point at which gradients are compared ---- */

static const double *initial_values(Arena *arena, const Leaf *leaf, uint64_t seed)
{
    int64_t count = element_count(leaf->type);
    double *values = NEW(arena, double, count);
    uint32_t stream = nn_stream(leaf->name);
    for (int64_t i = 0; i < count; i++)
        values[i] = nn_initial_value(&leaf->init, seed, stream, i);
    return values;
}

static const double *input_rows(Arena *arena, const NnDataset *dataset, const NnInput *input, int index, int rows)
{
    double *values = NEW(arena, double, rows * input->elements);
    int32_t *classes = NEW(arena, int32_t, input->elements);
    for (int r = 0; r < rows; r++) {
        double *row = values + r * input->elements;
        if (!input->classes) {
            nn_dataset_row(dataset, NN_TRAIN, index, r, true, row);
            continue;
        }
        nn_dataset_row(dataset, NN_TRAIN, index, r, true, classes);
        for (int64_t e = 0; e < input->elements; e++)
            row[e] = classes[e];
    }
    return values;
}

static void choose_point(Checker *checker, const char *data_dir)
{
    Model *model = checker->model;
    NnDataset *dataset = NULL;
    int rows = 1;
    if (model->data.format) {
        dataset = nn_dataset_open(&model->data, model->inputs, model->input_count, data_dir, model->seed);
        int64_t there = nn_dataset_rows(dataset, NN_TRAIN);
        rows = there < MOST_ROWS ? (int)there : MOST_ROWS;
    }
    checker->leaf_values = NEW(checker->arena, const double *, checker->graph->leaf_count);
    for (int l = 0, input = 0; l < checker->graph->leaf_count; l++) {
        const Leaf *leaf = &checker->graph->leaves[l];
        if (leaf->kind != LEAF_INPUT)
            checker->leaf_values[l] = initial_values(checker->arena, leaf, model->seed);
        else if (dataset)
            checker->leaf_values[l] = input_rows(checker->arena, dataset, &model->inputs[input], input, rows), input++;
    }
    if (dataset)
        nn_dataset_close(dataset);
    checker->situation = (Situation){
        .batch = rows, .rows = rows, .rate = model->optimizer.lr, .swept = model->sweep.count ? model->sweep.value[0] : 0, .mode = 1, .step = 1, .seed = model->seed,
        .leaf_values = checker->leaf_values,
    };
}

/* ---- what is compared ---- */

static Check *trained_parameters(Checker *checker, int *count)
{
    Model *model = checker->model;
    Graph *graph = model->graph;
    const NodeId *part = model->metrics[0].part;
    NodeId loss = part[0] == NONE ? part[1] : part[1] == NONE ? part[0] : add(graph, part[0], part[1]);
    Check *checks = NEW(checker->arena, Check, model->update_count);
    for (int i = 0; i < model->update_count; i++) {
        const Leaf *leaf = &graph->leaves[model->updates[i].parameter];
        checks[i] = (Check){.name = leaf->name, .y = loss, .x = leaf->node};
        if (model->updates[i].gradient == NONE)         /* an optimizer that searches asks for none */
            differentiate(graph, loss, &checks[i].x, 1, &model->updates[i].gradient);
    }
    /* simplify renumbers in place; the graph as it was written stays behind. */
    Graph *written = arena_copy(checker->arena, graph, sizeof *graph);
    written->nodes = arena_copy(checker->arena, graph->nodes, sizeof *graph->nodes * (size_t)graph->room);
    written->leaves = arena_copy(checker->arena, graph->leaves, sizeof *graph->leaves * (size_t)graph->leaf_room);
    simplify(model);
    check_graph(graph, "simplify");
    for (int i = 0; i < model->update_count; i++)
        checks[i].gradient = model->updates[i].gradient;
    checker->graph = written;
    checker->final = graph;
    *count = model->update_count;
    return checks;
}

static Check *asked_derivatives(Checker *checker, int *count)
{
    Model *model = checker->model;
    Check *checks = NEW(checker->arena, Check, model->derivative_count);
    for (int i = 0; i < model->derivative_count; i++) {
        Derivative d = model->derivatives[i];
        const char *name = model->graph->nodes[d.gradient].origin.name, *x = model->graph->nodes[d.x].origin.name;
        checks[i] = (Check){.y = d.y, .x = d.x, .gradient = d.gradient};
        checks[i].name = arena_print(checker->arena, "%s, by %s, line %d", name ? name : "nn.gradient", x ? x : "x", d.place.line);
    }
    checker->graph = checker->final = model->graph;
    *count = model->derivative_count;
    return checks;
}

static void evaluate_base(Checker *checker, const Check *checks, int count)
{
    NodeId *values = NEW(checker->arena, NodeId, 2 * count), *gradients = NEW(checker->arena, NodeId, count);
    for (int i = 0; i < count; i++) {
        values[2 * i] = checks[i].y;
        values[2 * i + 1] = checks[i].x;
        gradients[i] = checks[i].gradient;
    }
    checker->base = interpret(checker->arena, checker->graph, values, 2 * count, &checker->situation);
    checker->gradient = interpret(checker->arena, checker->final, gradients, count, &checker->situation);
    for (int i = 0; i < count; i++)
        for (int64_t e = 0; e < value_count(checker, checker->graph->nodes[checks[i].x].type); e++)
            checker->largest = fmax(checker->largest, fabs(checker->gradient[checks[i].gradient][e]));
}

/* ---- y as a function of x alone ---- */

static NodeId held_leaf(Checker *checker, NodeId node, const double *values, int *room)
{
    Graph *graph = checker->graph;
    Type type = graph->nodes[node].type;
    Leaf leaf = {.kind = type.per_row ? LEAF_INPUT : LEAF_STATISTIC, .type = type, .parameter = NONE, .lr_factor = 1,
                 .weight_decay = NAN, .name = arena_print(checker->arena, "held %%%d of %d", node, graph->count)};
    NodeId held = new_leaf(graph, leaf);
    int count = graph->leaf_count - 1;
    ARENA_PUSH(checker->arena, checker->leaf_values, count, *room, values);
    return held;
}

/* y with x and the border of what depends on x replaced by leaves; x's values are in `point`, which the caller changes. */
static NodeId cut_around(Checker *checker, NodeId y, NodeId x, double *point)
{
    Arena *scratch = arena_new();
    Graph *graph = checker->graph;
    const int known = graph->count;
    bool *needed = needed_for(graph, scratch, &y, 1), *moves = NEW(scratch, bool, known), *border = NEW(scratch, bool, known);
    for (NodeId id = 0; id < known; id++) {
        const Node *node = &graph->nodes[id];
        moves[id] |= id == x;
        for (int k = 0; k < op_info[node->op].arity && node->op != OP_DETACH; k++)
            moves[id] |= moves[node->operand[k]];
        NodeId previous = node->op == OP_SCAN && moves[id] && needed[id] ? previous_of(graph, node->attributes.loop) : NONE;
        if (previous != NONE && !moves[previous]) {     /* an earlier node: once more from there */
            moves[previous] = true;
            id = previous - 1;
        }
    }
    for (NodeId id = 0; id < known; id++) {
        const Node *node = &graph->nodes[id];
        for (int k = 0; k < op_info[node->op].arity && needed[id] && moves[id] && id != x; k++)
            border[node->operand[k]] |= !moves[node->operand[k]];
    }
    int count = 0, room = checker->graph->leaf_count;
    NodeId *from = NEW(scratch, NodeId, known + 1), *to = NEW(scratch, NodeId, known + 1);
    from[count] = x;
    to[count++] = held_leaf(checker, x, point, &room);
    for (NodeId id = 0; id < known; id++)
        if (border[id] && op_info[graph->nodes[id].op].class != LEAF) {
            from[count] = id;
            to[count++] = held_leaf(checker, id, checker->base[id], &room);
        }
    NodeId cut = substitute(graph, y, from, to, count);
    checker->situation.leaf_values = checker->leaf_values;
    arena_free(scratch);
    return cut;
}

/* ---- kinks ---- */

/* Where element `flat` of `type` goes when `axes` are folded. */
static int64_t folded_place(Type type, uint32_t axes, int64_t flat)
{
    int64_t place = 0, stride = 1;
    for (int axis = type.rank; axis >= 1; axis--) {
        if (!(axes >> axis & 1)) {
            place += flat % type.size[axis - 1] * stride;
            stride *= type.size[axis - 1];
        }
        flat /= type.size[axis - 1];
    }
    return axes & 1 ? place : place + flat * stride;
}

static bool same_largest(const Checker *checker, const Node *node, const double *p, const double *m)
{
    Type type = checker->graph->nodes[node->operand[0]].type;
    int64_t folded = value_count(checker, node->type), count = value_count(checker, type);
    Arena *scratch = arena_new();
    int64_t *first_p = NEW(scratch, int64_t, folded), *first_m = NEW(scratch, int64_t, folded);
    memset(first_p, -1, sizeof *first_p * (size_t)folded);
    memset(first_m, -1, sizeof *first_m * (size_t)folded);
    for (int64_t i = 0; i < count; i++) {
        int64_t to = folded_place(type, node->attributes.axes, i);
        if (first_p[to] < 0 || p[i] > p[first_p[to]])
            first_p[to] = i;
        if (first_m[to] < 0 || m[i] > m[first_m[to]])
            first_m[to] = i;
    }
    bool same = memcmp(first_p, first_m, sizeof *first_p * (size_t)folded) == 0;
    arena_free(scratch);
    return same;
}

/* Do the two points lie on the same smooth piece? p and m: all values at x + e and x - e. */
static bool is_smooth_between(const Checker *checker, NodeId last, double **p, double **m)
{
    const Graph *graph = checker->graph;
    for (NodeId id = 0; id <= last; id++) {
        const Node *node = &graph->nodes[id];
        if (!p[id] || !m[id] || op_info[node->op].arity == 0)
            continue;
        NodeId a = node->operand[0], b = node->operand[1];
        int64_t count = value_count(checker, node->type);
        switch (node->op) {
        case OP_RELU: case OP_ABS:
            for (int64_t i = 0; i < count; i++)
                if ((p[a][i] > 0) != (m[a][i] > 0))
                    return false;
            break;
        case OP_SELECT:
            for (int64_t i = 0; i < count; i++)
                if ((p[a][i] != 0) != (m[a][i] != 0))
                    return false;
            break;
        case OP_MAXIMUM: case OP_MINIMUM:
            for (int64_t i = 0; i < count; i++)
                if ((p[a][i] > p[b][i]) != (m[a][i] > m[b][i]))
                    return false;
            break;
        case OP_SIGN: case OP_FLOOR: case OP_ARGMAX: case OP_GREATER: case OP_GREATER_EQUAL: case OP_LESS: case OP_LESS_EQUAL:
        case OP_EQUAL: case OP_NOT_EQUAL:
            for (int64_t i = 0; i < count; i++)
                if (p[id][i] != m[id][i])
                    return false;
            break;
        case OP_MAX:
            if (!same_largest(checker, node, p[a], m[a]))
                return false;
            break;
        default: break;
        }
    }
    return true;
}

/* ---- comparing ---- */

static void show_progress(const Check *check, int64_t done)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (done < check->sampled)
        fprintf(stderr, "\r  %s: %lld of %lld", check->name, (long long)done, (long long)check->sampled);
    else
        fprintf(stderr, "\r\033[K");
}

static void compare(Checker *checker, Check *check, bool all)
{
    Type type = checker->graph->nodes[check->x].type;
    check->elements = value_count(checker, type);
    check->sampled = all || check->elements < SAMPLES ? check->elements : SAMPLES;
    check->worst = -1;
    double *point = arena_copy(checker->arena, checker->base[check->x], sizeof *point * (size_t)check->elements);
    const double *gradient = checker->gradient[check->gradient];
    NodeId y = cut_around(checker, check->y, check->x, point);

    double worst = -1, scale = 1e-3 * checker->largest;
    for (int64_t s = 0; s < check->sampled; s++) {
        int64_t e = check->sampled == check->elements ? s : (int64_t)nn_permute((uint64_t)s, (uint64_t)check->elements, 0, 0);
        const double x = point[e];
        Arena *scratch = arena_new();
        point[e] = x + STEP;
        double **plus = interpret(scratch, checker->graph, &y, 1, &checker->situation);
        point[e] = x - STEP;
        double **minus = interpret(scratch, checker->graph, &y, 1, &checker->situation);
        point[e] = x;
        double a = gradient[e], n = (plus[y][0] - minus[y][0]) / (2 * STEP);
        bool smooth = is_smooth_between(checker, y, plus, minus);
        arena_free(scratch);
        if (s % 16 == 0)
            show_progress(check, s);
        if (!smooth) {
            check->kinks++;
            continue;
        }
        double distance = isfinite(a) && isfinite(n) ? fabs(a - n) : INFINITY;
        scale = fmax(scale, fmax(fabs(a), fabs(n)));
        if (distance > worst) {
            worst = distance;
            check->worst = e;
            check->analytic = a;
            check->numeric = n;
        }
    }
    show_progress(check, check->sampled);
    check->deviation = worst <= 0 ? 0 : isfinite(worst) && isfinite(scale) ? worst / scale : INFINITY;
}

/* ---- telling ---- */

static const char *element_text(Arena *arena, Type type, int64_t flat)
{
    int64_t at[MAX_RANK + 1];
    for (int axis = type.rank; axis >= 1; axis--) {
        at[axis] = flat % type.size[axis - 1];
        flat /= type.size[axis - 1];
    }
    at[0] = flat;
    Text text = text_new(arena);
    text_add(&text, "[");
    for (int axis = type.per_row ? 0 : 1; axis <= type.rank; axis++)
        text_print(&text, "%s%lld", text.length > 1 ? ", " : "", (long long)at[axis]);
    text_add(&text, "]");
    return text.bytes;
}

static void tell(const Checker *checker, const Check *check, size_t width)
{
    Type type = checker->graph->nodes[check->x].type;
    Text line = text_new(checker->arena);
    text_print(&line, "  %s", escaped(checker->arena, check->name));
    text_pad(&line, width + 4);
    text_print(&line, "%-16s %7s of %s", shape_text(checker->arena, type), grouped(checker->arena, check->sampled),
               grouped(checker->arena, check->elements));
    text_pad(&line, width + 42);
    if (check->worst >= 0)
        text_print(&line, "%8.1e  worst at %s: %.9g, differences %.9g", check->deviation,
                   element_text(checker->arena, type, check->worst), check->analytic, check->numeric);
    else
        text_add(&line, "nothing could be compared");
    if (check->kinks)
        text_print(&line, "; %s at a kink", grouped(checker->arena, check->kinks));
    printf("%s\n", line.bytes);
    fflush(stdout);
}

int command_check(Arena *arena, Options *options)
{
    options->read.precision = "f64";
    Compilation *c = run_passes(arena, options, "update");
    Checker checker = {.arena = arena, .model = c->model};
    int count;
    Check *checks = c->model->kind == MODEL_TRAIN ? trained_parameters(&checker, &count) : asked_derivatives(&checker, &count);
    choose_point(&checker, options->read.data_dir);
    evaluate_base(&checker, checks, count);
    size_t width = 0;
    for (int i = 0; i < count; i++)
        width = strlen(checks[i].name) > width ? strlen(checks[i].name) : width;

    printf("%s: gradients against central differences in f64, %d row%s\n", escaped(arena, c->model->path), checker.situation.rows,
           checker.situation.rows == 1 ? "" : "s");
    if (count == 0)
        printf("  the model asks for no nn.gradient\n");
    double worst = 0;
    for (int i = 0; i < count; i++) {
        compare(&checker, &checks[i], options->all_elements);
        tell(&checker, &checks[i], width);
        worst = fmax(worst, checks[i].deviation);
    }
    printf("worst relative deviation %.2g\n", worst);
    if (fflush(stdout) != 0)
        fail_machine("cannot write to standard output");
    return worst <= LIMIT ? STATUS_DONE : STATUS_MODEL;
}
