/* associate.c: products of products in the order that costs least.
 *
 * Takes a specialised model, gives another one whose training step computes the same by fewer operations, or the model itself;
 * the model that it took stays as it was, for generic kernels and CBLAS compute in the order in which a network is written.
 *
 * A contraction sums over all values of its folded letters, so of three factors any two may be multiplied first:
 *
 *     (A B) C = A (B C) = (A C) B                        and with a bias between     (A B + β) C = (A B) C + β C
 *
 * Two linear layers with nothing between, h = x V' + β and z = h W', from 784 by 50 to 10 with 64 rows: 5.0 M operations for h, and
 * as many for V's gradient. But
 *
 *     z  = x (W V)' + W β                                W V has 10 columns instead of 50
 *     dV = (dz W)' x = W' (dz' x)
 *     dW = dz' h     = (dz' x) V' + (sum of dz) β'       the product that dV has too
 *
 * take 4.4 M all together, and neither h nor its gradient is computed at all. No reader alone would gain by that: as long as one
 * needs h, it is there for the others. So a product is taken away from all its readers at once, the graph is simplified, for
 * products that have become equal are one, and the operations of the whole step are counted. The product that saves most goes,
 * and all are tried again until none saves anything; what comes of it is taken if it needs WORTH per cent of the operations or
 * less. A matrix chain's order by dynamic programming (Cormen et al., 15.2) would count each chain by itself and see no factor that
 * several have in common.
 *
 * Rounding differs as it does when a sum is added in another order, with one exception that is left alone: only a parameter is
 * taken out of a sum, as a bias is. In (A B - m) C with m near A B, parts that cancel would be multiplied first.
 *
 * Only training: evaluation and prediction take other numbers of rows. Models with recurrences keep their order. */
#include "graph/build.h"
#include "graph/passes.h"
#include "graph/rules.h"
#include <stdio.h>
#include <string.h>

enum {
    WORTH = 90,                         /* per cent of a step's operations that an order must come down to */
    CALL = 4096,                        /* operations: what a kernel costs besides, 100 ns at half of 92 GF/s */
};

/* ---- what a step costs -------------------------------------------------------------------------------------------------- */

static double elements(Type type, int64_t batch)
{
    return (double)element_count(type) * (type.per_row ? (double)batch : 1);
}

/* The points of a contraction: of its result, times the letters that are folded. */
static double points(const Graph *graph, const Node *node, int64_t batch)
{
    Letters l = split_letters(node->attributes.letters);
    double count = elements(node->type, batch);
    for (const char *at = l.operand[0]; *at; at++) {
        if (strchr(l.result, *at))
            continue;
        Type type = type_of(graph, node->operand[0]);
        count *= *at == 'b' ? (double)batch : (double)axis_size(type, (int)(at - l.operand[0]) + !type.per_row);
    }
    return count;
}

static double cost_of(const Graph *graph, const Node *node, int64_t batch)
{
    switch (op_info[node->op].class) {
    case CONTRACT: return 2 * points(graph, node, batch) + CALL;
    case REDUCE: return elements(type_of(graph, node->operand[0]), batch);
    case POINTWISE: return elements(node->type, batch);
    default: return 0;
    }
}

static double cost_of_step(const Model *model)
{
    Arena *scratch = arena_new();
    const Phase *train = &model->phase[PHASE_TRAIN];
    bool *needed = needed_for(model->graph, scratch, train->roots, train->root_count);
    double cost = 0;
    for (NodeId id = 0; id < model->graph->count; id++)
        cost += needed[id] ? cost_of(model->graph, &model->graph->nodes[id], model->batch) : 0;
    arena_free(scratch);
    return cost;
}

/* ---- three factors --------------------------------------------------------------------------------------------------------- */

/* result = sum over all other letters of factor[0] factor[1] factor[2], in letters that all of them share. */
typedef struct Triple {
    NodeId factor[3];
    char letters[3][MAX_RANK + 2], result[MAX_RANK + 2];
} Triple;

static bool has(const char *letters, char letter)
{
    return strchr(letters, letter) != NULL;
}

/* The reader's letters hold; what the product folds is called by letters that it does not use. Two folds over the batch, one
 * behind the other, cannot be one. */
static bool open_product(const Graph *graph, const Node *reader, int side, NodeId product, Triple *triple)
{
    Letters outer = split_letters(reader->attributes.letters), inner = split_letters(graph->nodes[product].attributes.letters);
    const char *seen = outer.operand[side], *other = outer.operand[1 - side];
    char next = 'a';
    char name[128] = {0};
    for (int i = 0; inner.result[i]; i++)
        name[(int)inner.result[i]] = seen[i];
    for (int o = 0; o < 2; o++)
        for (const char *at = inner.operand[o]; *at; at++) {
            if (name[(int)*at])
                continue;
            if (*at == 'b' && (has(other, 'b') || has(outer.result, 'b')))
                return false;
            while (next == 'b' || has(seen, next) || has(other, next) || has(outer.result, next))
                next++;
            name[(int)*at] = *at == 'b' ? 'b' : next++;
        }
    if (next > 'z' + 1)
        return false;
    *triple = (Triple){.factor = {operand_of(graph, product, 0), operand_of(graph, product, 1), reader->operand[1 - side]}};
    for (int o = 0; o < 2; o++)
        for (int i = 0; inner.operand[o][i]; i++)
            triple->letters[o][i] = name[(int)inner.operand[o][i]];
    strcpy(triple->letters[2], other);
    strcpy(triple->result, outer.result);
    return true;
}

static int64_t size_of_letter(const Graph *graph, const Triple *t, char letter, int64_t batch)
{
    for (int f = 0; f < 3; f++)
        for (int i = 0; t->letters[f][i]; i++)
            if (t->letters[f][i] == letter) {
                Type type = type_of(graph, t->factor[f]);
                return letter == 'b' ? batch : axis_size(type, i + !type.per_row);
            }
    bug("letter %c", letter);
}

/* The letters of a product of two factors: those that the third or the result has. Rows first, as everywhere; the longest last,
 * whose neighbours then lie side by side. The same two factors give the same letters in the same order, whichever reader asks. */
static bool letters_of_pair(const Graph *graph, const Triple *t, int x, int y, int64_t batch, char *letters)
{
    const int z = 3 - x - y;
    int count = 0;
    for (int f = 0; f < 2; f++)
        for (const char *at = t->letters[f ? y : x]; *at; at++) {
            if (!(has(t->letters[z], *at) || has(t->result, *at)) || memchr(letters, *at, (size_t)count))
                continue;
            if (count == MAX_RANK)
                return false;
            int place = count++;
            for (; place > 0 && *at == 'b'; place--)
                letters[place] = letters[place - 1];
            letters[place] = *at;
        }
    letters[count] = '\0';
    int longest = letters[0] == 'b';
    for (int i = longest; i < count; i++)
        if (size_of_letter(graph, t, letters[i], batch) > size_of_letter(graph, t, letters[longest], batch))
            longest = i;
    const char last = letters[longest];
    for (int i = longest; i + 1 < count; i++)
        letters[i] = letters[i + 1];
    if (count)
        letters[count - 1] = last;
    return true;
}

static NodeId contract_words(Graph *graph, NodeId a, const char *of_a, NodeId b, const char *of_b, const char *result)
{
    char letters[3 * (MAX_RANK + 2) + 4];
    snprintf(letters, sizeof letters, "%s,%s->%s", of_a, of_b, result);
    return contract(graph, a, b, letters);
}

/* "fc1.weight_fc2.weight", "d_fc2_x": a product that the model does not have, called by what it is made of. NULL: one has no name. */
static const char *name_of_factor(const Graph *graph, NodeId node)
{
    const Origin *origin = &graph->nodes[node].origin;
    if (origin->rule && origin->gradient_of != NONE && graph->nodes[origin->gradient_of].origin.name)
        return arena_print(graph->arena, "d_%s", graph->nodes[origin->gradient_of].origin.name);
    return origin->rule ? NULL : origin->name;
}

static const char *name_of_pair(const Graph *graph, NodeId a, NodeId b)
{
    const char *left = name_of_factor(graph, a), *right = name_of_factor(graph, b);
    return left && right ? arena_print(graph->arena, "%s_%s", left, right) : NULL;
}

/* The letters i, j, k … in the order in which the factors have them: equal products are equal nodes then. */
static NodeId pair_of(Graph *graph, const Triple *t, int x, int y, const char *kept)
{
    char name[128] = {['b'] = 'b'}, words[3][MAX_RANK + 2] = {"", "", ""};
    const char *const old[] = {t->letters[x], t->letters[y], kept};
    char next = 'i';
    for (int w = 0; w < 3; w++)
        for (int i = 0; old[w][i]; i++) {
            char *letter = &name[(int)old[w][i]];
            *letter = *letter ? *letter : next++;
            words[w][i] = *letter;
        }
    return contract_words(graph, t->factor[x], words[0], t->factor[y], words[1], words[2]);
}

static double pair_cost(const Graph *graph, const Triple *t, int x, int y, const char *kept, int64_t batch)
{
    double inner = 1, outer = 1;
    for (char letter = 'a'; letter <= 'z'; letter++) {
        const bool of_pair = has(t->letters[x], letter) || has(t->letters[y], letter);
        const double size = of_pair || has(t->letters[3 - x - y], letter) ? (double)size_of_letter(graph, t, letter, batch) : 1;
        inner *= of_pair ? size : 1;
        outer *= has(kept, letter) || has(t->letters[3 - x - y], letter) ? size : 1;
    }
    return inner + outer;
}

/* reader = (A B) C by the cheaper of A (B C) and (A C) B; NONE: neither has a shape. */
static NodeId other_order(Graph *graph, const Node *reader, int side, NodeId product, int64_t batch)
{
    Triple t;
    if (!open_product(graph, reader, side, product, &t))
        return NONE;
    int best = NONE;
    char kept[2][MAX_RANK + 2];
    double cost[2];
    for (int f = 0; f < 2; f++) {                       /* factor f is multiplied by C first; the lower node first, for all readers alike */
        const int x = t.factor[f] < t.factor[2] ? f : 2, y = x == f ? 2 : f;
        if (!letters_of_pair(graph, &t, x, y, batch, kept[f]))
            continue;
        cost[f] = pair_cost(graph, &t, x, y, kept[f], batch);
        best = best == NONE || cost[f] < cost[best] ? f : best;
    }
    if (best == NONE)
        return NONE;
    const int x = t.factor[best] < t.factor[2] ? best : 2, y = x == best ? 2 : best, z = 1 - best;
    const Origin origin = graph->now;
    graph->now.name = name_of_pair(graph, t.factor[x], t.factor[y]);
    graph->now.gradient_of = NONE;
    NodeId pair = pair_of(graph, &t, x, y, kept[best]);
    graph->now = origin;
    return contract_words(graph, t.factor[z], t.letters[z], pair, kept[best], t.result);
}

/* The sum of a product over axes that one factor alone has is the product with that factor's sum; over axes of both it is one
 * more fold of the product. */
static NodeId sum_of_product(Graph *graph, const Node *sum, NodeId product)
{
    Letters l = split_letters(graph->nodes[product].attributes.letters);
    NodeId factor[2] = {operand_of(graph, product, 0), operand_of(graph, product, 1)};
    uint32_t fold[2] = {0, 0};
    char left[2][MAX_RANK + 2] = {"", ""}, result[MAX_RANK + 2] = "";
    const Type type = type_of(graph, product);
    for (int i = 0; l.result[i]; i++)
        if (!(sum->attributes.axes >> (i + !type.per_row) & 1))
            result[strlen(result)] = l.result[i];
    for (int o = 0; o < 2; o++) {
        const Type of_factor = type_of(graph, factor[o]);
        for (int i = 0; l.operand[o][i]; i++) {
            const char letter = l.operand[o][i];
            if (has(result, letter) || has(l.operand[1 - o], letter))
                left[o][strlen(left[o])] = letter;
            else
                fold[o] |= 1u << (i + !of_factor.per_row);
        }
    }
    for (int o = 0; o < 2; o++)
        factor[o] = fold[o] ? reduce(graph, OP_SUM, factor[o], fold[o]) : factor[o];
    return contract_words(graph, factor[0], left[0], factor[1], left[1], result);
}

/* ---- a product away from its readers ------------------------------------------------------------------------------------- */

/* Is the node the product and a parameter that repeats? */
static NodeId bias_of(const Graph *graph, NodeId node, NodeId product)
{
    for (int i = 0; op_of(graph, node) == OP_ADD && i < 2; i++) {
        const NodeId bias = operand_of(graph, node, 1 - i);
        if (operand_of(graph, node, i) == product && op_of(graph, bias) == OP_BROADCAST && op_of(graph, operand_of(graph, bias, 0)) == OP_PARAMETER)
            return bias;
    }
    return NONE;
}

/* What the reader is without the product; NONE: it needs it. `read`: the product, or its sum with a bias. */
static NodeId without_product(Graph *graph, const Node *reader, int side, NodeId read, NodeId product, NodeId bias, int64_t batch)
{
    NodeId value = reader->op == OP_CONTRACT ? other_order(graph, reader, side, product, batch)
                 : reader->op == OP_SUM ? sum_of_product(graph, reader, product) : NONE;
    if (value == NONE || read == product)
        return value;
    const NodeId other = reader->operand[1 - side];
    NodeId rest = reader->op == OP_SUM ? reduce(graph, OP_SUM, bias, reader->attributes.axes)
                : contract(graph, side == 0 ? bias : other, side == 0 ? other : bias, reader->attributes.letters);
    return add(graph, value, rest);
}

static bool is_root(NodeId node, NodeId *const *roots, int count)
{
    for (int r = 0; r < count; r++)
        if (*roots[r] == node)
            return true;
    return false;
}

/* Reader after reader, in the order of the graph: what lies behind one is made again, and reads the product as before. */
static bool take_away(Model *model, NodeId product, NodeId **roots, int root_count)
{
    Graph *graph = model->graph;
    Arena *scratch = arena_new();
    NodeId *nodes = NEW(scratch, NodeId, root_count);
    bool done = false, possible = !is_root(product, roots, root_count);
    while (possible && !done) {
        for (int r = 0; r < root_count; r++)
            nodes[r] = *roots[r];
        bool *needed = needed_for(graph, scratch, nodes, root_count);
        done = true;
        for (NodeId id = product + 1; id < graph->count && done && possible; id++) {
            const Node reader = graph->nodes[id];
            for (int side = 0; needed[id] && side < op_info[reader.op].arity && done && possible; side++) {
                const NodeId read = reader.operand[side], bias = read == NONE ? NONE : bias_of(graph, read, product);
                if ((read != product && bias == NONE) || (read == product && bias_of(graph, id, product) != NONE && !is_root(id, roots, root_count)))
                    continue;
                graph->now = reader.origin;
                const NodeId to = without_product(graph, &reader, side, read, product, bias, model->batch);
                possible = to != NONE;
                done = false;
                if (possible)
                    substitute_all(graph, nodes, root_count, &id, &to, 1);
            }
        }
        for (int r = 0; r < root_count; r++)
            *roots[r] = nodes[r];
    }
    arena_free(scratch);
    return possible;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------------------- */

/* The roots of training: a model without its other phases has no others. */
static NodeId **roots_of_training(Arena *arena, const Model *model, int *count)
{
    Model training = *model;
    training.output_count = 0;
    training.phase[PHASE_EVALUATE] = training.phase[PHASE_PREDICT] = (Phase){0};
    return model_roots(arena, &training, count);
}

/* Is it read, or its sum with a bias, and by contractions and sums alone? Only a first look: most products feed something else. */
static bool may_go(const Graph *graph, NodeId read, NodeId product)
{
    int readers = 0;
    for (NodeId id = read + 1; id < graph->count; id++)
        for (int i = 0; i < op_info[op_of(graph, id)].arity; i++) {
            if (operand_of(graph, id, i) != read)
                continue;
            const bool biased = read == product && bias_of(graph, id, product) != NONE;
            if (biased ? !may_go(graph, id, product) : op_of(graph, id) != OP_CONTRACT && op_of(graph, id) != OP_SUM)
                return false;
            readers++;
        }
    return readers > 0;
}

static Model *without(const Model *model, NodeId product)
{
    Model *other = model_copy(model->arena, model);
    Arena *scratch = arena_new();
    int count;
    NodeId **roots = roots_of_training(scratch, other, &count);
    const bool possible = take_away(other, product, roots, count);
    arena_free(scratch);
    if (possible)
        simplify(other);
    return possible ? other : NULL;
}

/* The model without the product whose absence saves most; NULL: none saves anything. */
static Model *cheaper(const Model *model, double *cost)
{
    Model *best = NULL;
    for (NodeId id = 0; id < model->graph->count; id++) {
        Model *other = op_of(model->graph, id) == OP_CONTRACT && may_go(model->graph, id, id) ? without(model, id) : NULL;
        const double its = other ? cost_of_step(other) : *cost;
        if (its < *cost) {
            best = other;
            *cost = its;
        }
    }
    return best;
}

Model *associate(Model *model)
{
    if (!model->phase[PHASE_TRAIN].root_count || model->graph->loop_count)
        return model;
    const double written = cost_of_step(model);
    double cost = written;
    Model *best = model;
    for (Model *next; (next = cheaper(best, &cost)); )
        best = next;
    best->written = model->graph;
    return cost * 100 <= written * WORTH ? best : model;
}
