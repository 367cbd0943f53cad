/* blas.c: which sums of products are matrix products as CBLAS knows them (--kernels blas).
 *
 * Takes generic kernels, gives those that begin with a contraction the form FORM_BLAS where they are
 *
 *   c[m][n] = sum over k of a[m][k] b[k][n]        each of the three with one stride for its rows and one for its columns, of
 *                                                  which one is 1: CBLAS takes the other, and transposes by a flag
 *
 * An axis of the sum is one of the folds, or a row, if a alone depends on it, or a column, if b alone does. Several that lie
 * evenly one within the other (the pixels of an image, all weights of a filter) are one; those that do not, and those that
 * both factors have (the batch of a batched product), are loops around the call, and the call adds to what is there in all
 * rounds of a fold but the first. Of the ways to do so the one with the largest product is taken.
 *
 * A convolution reads windows of its image, which are no matrix; so the windows are stored first (select.c): im2col. How those
 * lie is chosen here, with the weights' axes outside and the pixels inside, as Caffe has it. */
#include "kernel/fuse_internal.h"
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <string.h>

enum { LONGEST_CHECKED = 1 << 20 };

/* ---- strides ----------------------------------------------------------------------------------------------------------------- */

typedef struct Lie { int64_t stride[MAX_AXES * 2], from; } Lie;           /* element = from + Σ stride · axis */

static int64_t stride_of(const Buffer *buffer, int dimension)
{
    int64_t stride = 1;
    for (int d = buffer->rank - 1; buffer->order[d] != dimension; d--)
        stride *= room_in(buffer, d);
    return stride;
}

static int64_t value_at(const Index *index, int axis, int64_t at)
{
    int64_t value = index->constant;
    for (int t = 0; t < index->count; t++)
        value += index->term[t].axis == axis ? index->term[t].factor * at : 0;
    value /= index->divisor;
    return index->modulus ? value % index->modulus : value;
}

/* Reshapes are quotients and remainders that together are even again; whether they are is seen by trying all of an axis. */
static bool is_even_along(const Kernel *kernel, const Buffer *buffer, const Index *index, int axis, int64_t *stride)
{
    int64_t extent = kernel->axis[axis].extent, first = 0;
    bool affine = true;
    *stride = 0;
    for (int d = 0; d < buffer->rank; d++)
        affine &= is_affine(&index[d]);
    if (!affine && extent > LONGEST_CHECKED)
        return false;
    for (int64_t at = 0; at < (affine && extent > 2 ? 2 : extent); at++) {
        int64_t element = 0;
        for (int d = 0; d < buffer->rank; d++)
            element += value_at(&index[d], axis, at) * stride_of(buffer, d);
        if (at == 0)
            first = element;
        else if (at == 1)
            *stride = element - first;
        else if (element - first != at * *stride)
            return false;
    }
    return true;
}

static bool find_place(const Plan *plan, const Kernel *kernel, int b, const Index *index, Lie *place)
{
    const Buffer *buffer = &plan->buffer[b];
    *place = (Lie){.from = 0};
    for (int d = 0; d < buffer->rank; d++) {
        if (index[d].looked_up || buffer->before[d] || (!is_affine(&index[d]) && index[d].count > 1))
            return false;
        place->from += value_at(&index[d], NONE, 0) * stride_of(buffer, d);
    }
    for (int axis = 0; axis < kernel->axis_count; axis++)
        if (!is_even_along(kernel, buffer, index, axis, &place->stride[axis]))
            return false;
    return true;
}

/* ---- a matrix product -------------------------------------------------------------------------------------------------------- */

/* Axes that are one: the outermost last. first and second are the strides in the two arrays that have it. */
typedef struct Run { int axis[MAX_AXES], count; int64_t extent, first, second; } Run;

/* All runs of the axes of one sort, and the empty one. */
static int find_runs(const Kernel *kernel, const int *axes, int count, const int64_t *first, const int64_t *second, Run *runs)
{
    int sorted[MAX_AXES], found = 0;
    for (int i = 0; i < count; i++) {
        int at = i;
        for (; at > 0 && first[sorted[at - 1]] > first[axes[i]]; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = axes[i];
    }
    for (int i = 0; i < count; i++) {
        Run run = {.extent = 1, .first = first[sorted[i]], .second = second[sorted[i]]};
        for (int j = i; j < count && first[sorted[j]] == run.first * run.extent && second[sorted[j]] == run.second * run.extent; j++) {
            run.axis[run.count++] = sorted[j];
            run.extent *= kernel->axis[sorted[j]].extent;
        }
        runs[found++] = run;
    }
    runs[found++] = (Run){.extent = 1};
    return found;
}

/* A matrix of `rows` by `columns` with these strides: as it stands, or transposed? */
static bool is_matrix(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride, bool *transposed, int64_t *leading)
{
    *transposed = !(columns == 1 || column_stride == 1);
    if (*transposed && !(rows == 1 || row_stride == 1))
        return false;
    int64_t lines = *transposed ? columns : rows, length = *transposed ? rows : columns;
    *leading = lines == 1 ? length : *transposed ? column_stride : row_stride;
    return *leading >= length;
}

static bool is_batch(const Kernel *kernel, const Run *run)
{
    return run->count == 1 && kernel->axis[run->axis[0]].batch;
}

static void consider(const Kernel *kernel, const Run *m, const Run *n, const Run *k, BlasCall *best)
{
    BlasCall call = {.m = m->extent, .n = n->extent, .k = k->extent};
    bool turned;
    if (!is_matrix(call.m, call.k, m->first, k->first, &call.a_transposed, &call.lda)
        || !is_matrix(call.k, call.n, k->second, n->first, &call.b_transposed, &call.ldb)
        || !is_matrix(call.m, call.n, m->second, n->second, &turned, &call.ldc) || turned)
        return;
    if (best->m && best->m * best->n * best->k >= call.m * call.n * call.k)
        return;
    call.m_is_batch = is_batch(kernel, m);
    call.n_is_batch = is_batch(kernel, n);
    call.k_is_batch = is_batch(kernel, k);
    const Run *run[] = {m, n, k};
    for (int r = 0; r < 3; r++)
        for (int i = 0; i < run[r]->count; i++)
            call.inside[run[r]->axis[i]] = true;
    *best = call;
}

/* a and b in this order; the other order gives the transposed product. */
static void try_order(const Plan *plan, const Kernel *kernel, Term *a, Term *b, BlasCall *best)
{
    const Stage *sum = kernel->stage;
    Lie pa, pb, pc;
    if (!find_place(plan, kernel, a->buffer, a->index, &pa) || !find_place(plan, kernel, b->buffer, b->index, &pb)
        || !find_place(plan, kernel, sum->buffer, sum->store, &pc))
        return;
    int rows[MAX_AXES], columns[MAX_AXES], folds[MAX_AXES], row_count = 0, column_count = 0, fold_count = 0;
    for (int o = 0; o < kernel->outer_count; o++) {
        int axis = kernel->outer[o];
        if (kernel->axis[axis].extent > 1 && !pb.stride[axis] && pa.stride[axis])
            rows[row_count++] = axis;
        else if (kernel->axis[axis].extent > 1 && !pa.stride[axis] && pb.stride[axis])
            columns[column_count++] = axis;
    }
    for (int f = 0; f < sum->fold_count; f++) {
        int axis = sum->fold_axis[f];
        if (kernel->axis[axis].extent > 1 && pa.stride[axis] && pb.stride[axis])
            folds[fold_count++] = axis;
    }
    Run m[MAX_AXES + 1], n[MAX_AXES + 1], k[MAX_AXES + 1];
    int m_count = find_runs(kernel, rows, row_count, pa.stride, pc.stride, m);
    int n_count = find_runs(kernel, columns, column_count, pb.stride, pc.stride, n);
    int k_count = find_runs(kernel, folds, fold_count, pa.stride, pb.stride, k);
    for (int i = 0; i < m_count; i++)
        for (int j = 0; j < n_count; j++)
            for (int l = 0; l < k_count; l++) {
                int64_t before = best->m * best->n * best->k;
                consider(kernel, &m[i], &n[j], &k[l], best);
                if (best->m * best->n * best->k == before)
                    continue;
                best->a = a;
                best->b = b;
                best->a_from = pa.from;
                best->b_from = pb.from;
                best->c_from = pc.from;
                memcpy(best->a_stride, pa.stride, sizeof pa.stride);
                memcpy(best->b_stride, pb.stride, sizeof pb.stride);
                memcpy(best->c_stride, pc.stride, sizeof pc.stride);
            }
}

static bool is_plain_read(const Term *term)
{
    return term->kind == TERM_READ && term->scalar == FLOAT && !term->operand[0];
}

static void choose_call(const Plan *plan, Kernel *kernel)
{
    const Stage *sum = kernel->stage;
    if (kernel->form != FORM_NEST || kernel->stage_count != 1 || sum->inner_count || sum->folds_outer || sum->after
        || sum->buffer == NONE || !is_contraction(plan, sum) || sum->term->kind != TERM_APPLY || sum->term->op != OP_MULTIPLY)
        return;
    Term *const *factor = sum->term->operand;
    if (!is_plain_read(factor[0]) || !is_plain_read(factor[1]))
        return;
    BlasCall *call = NEW(plan->arena, BlasCall, 1);
    *call = (BlasCall){.m = 0};
    try_order(plan, kernel, factor[0], factor[1], call);
    try_order(plan, kernel, factor[1], factor[0], call);
    if (call->m * call->n * call->k < LEAST_CALL)
        return;
    kernel->form = FORM_BLAS;
    kernel->blas = call;
}

/* ---- how windows lie --------------------------------------------------------------------------------------------------------- */

/* The array of a contraction's operand or result with windows: rows, what the weight has, the rest. */
static void lay_out(Plan *plan, NodeId node, const char *letters, size_t length, const char *weight, size_t weight_length)
{
    int b = plan->buffer_of[node];
    if (b == NONE || plan->buffer[b].kind != BUFFER_TEMPORARY || plan->buffer[b].rank != (int)length)
        return;
    Buffer *buffer = &plan->buffer[b];
    int8_t order[MAX_RANK + 1];
    int count = 0;
    for (int part = 0; part < 3; part++)
        for (int d = 0; d < buffer->rank; d++) {
            bool in_weight = memchr(weight, letters[d], weight_length) != NULL;
            if (part == (letters[d] == 'b' ? 0 : in_weight ? 1 : 2))
                order[count++] = (int8_t)d;
        }
    if (memcmp(order, buffer->order, sizeof order[0] * (size_t)count) == 0)
        return;
    memcpy(buffer->order, order, sizeof order[0] * (size_t)count);
    buffer->why_order = "a matrix for CBLAS: what a sum runs over outside, pixels inside";
}

/* Windows that a product with a weight reads, or makes for windows to be added up. */
static void lay_out_windows(Plan *plan, const Kernel *kernel, const bool *is_folded)
{
    const Graph *graph = plan->model->graph;
    if (kernel->form == FORM_CALL || graph->nodes[kernel->stage[0].node].op != OP_CONTRACT)
        return;
    const Stage *sum = kernel->stage;
    const Node *node = &graph->nodes[sum->node];
    const char *a = node->attributes.letters, *b = strchr(a, ',') + 1, *result = strchr(a, '>') + 1;
    size_t a_length = (size_t)(b - 1 - a), b_length = strcspn(b, "-");
    for (int o = 0; o < 2; o++) {
        const Node *weight = &graph->nodes[node->operand[1 - o]];
        if (weight->type.per_row)
            continue;
        const char *own = o ? b : a, *other = o ? a : b;
        size_t length = o ? b_length : a_length, other_length = o ? a_length : b_length;
        if (graph->nodes[node->operand[o]].op == OP_UNFOLD)
            lay_out(plan, node->operand[o], own, length, other, other_length);
        if (is_folded[sum->node])
            lay_out(plan, sum->node, result, strlen(result), other, other_length);
    }
}

void choose_blas(Plan *plan)
{
    const Graph *graph = plan->model->graph;
    Arena *scratch = arena_new();
    bool *is_folded = NEW(scratch, bool, graph->count);
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_FOLD)
            is_folded[graph->nodes[id].operand[0]] = true;
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            lay_out_windows(plan, &plan->kernel[phase][k], is_folded);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            choose_call(plan, &plan->kernel[phase][k]);
    arena_free(scratch);
}
