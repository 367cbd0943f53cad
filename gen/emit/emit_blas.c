/* emit_blas.c: a sum of products as a call of CBLAS, in the loops over what is no matrix (kernel/blas.c decides). */
#include "emit/loops_internal.h"
#include <string.h>

/* "x[0]", or "&x[0][0] + 30 * b": where the matrix begins in this round of the loops. From the first element on, since from a row
 * on, x[0] + 30 * b, that would lie beyond the row, which clang's sanitizer takes for a mistake. */
static const char *place(const Emission *e, int buffer, int64_t from, const int64_t *stride)
{
    const Kernel *kernel = e->kernel;
    Text way = text_new(e->w.arena), text = text_new(e->w.arena);
    if (from)
        text_print(&way, " + %lld", (long long)from);
    for (int axis = 0; axis < kernel->axis_count; axis++)
        if (is_loop(e, axis) && !kernel->blas->inside[axis] && stride[axis] == 1)
            text_print(&way, " + %s", kernel->axis[axis].letter);
        else if (is_loop(e, axis) && !kernel->blas->inside[axis] && stride[axis])
            text_print(&way, " + %lld * %s", (long long)stride[axis], kernel->axis[axis].letter);
    const bool is_array = e->w.plan->buffer[buffer].rank > 1, moves = way.length > 0;
    text_print(&text, "%s%s", is_array && moves ? "&" : "", array_name(e->w.plan, kernel, buffer));
    for (int d = 0; d + !moves < e->w.plan->buffer[buffer].rank; d++)
        text_add(&text, is_array ? "[0]" : "");
    text_add(&text, way.bytes);
    return text.bytes;
}

static const char *extent(const Emission *e, int64_t value, bool is_batch)
{
    return is_batch ? "BATCH" : arena_print(e->w.arena, "%lld", (long long)value);
}

void emit_blas(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    const BlasCall *call = kernel->blas;
    int loop[MAX_AXES * 2], count = 0;
    Text again = text_new(e->w.arena);                  /* is this another round of a fold? */
    for (int o = 0; o < kernel->outer_count; o++)
        if (!call->inside[kernel->outer[o]])
            loop[count++] = kernel->outer[o];
    for (int f = 0; f < sum->fold_count; f++)
        if (!call->inside[sum->fold_axis[f]]) {
            loop[count++] = sum->fold_axis[f];
            if (is_loop(e, sum->fold_axis[f]))
                text_print(&again, "%s%s", again.length ? " + " : "", kernel->axis[sum->fold_axis[f]].letter);
        }
    for (int l = 0; l < count; l++)
        open_loop(e, loop[l]);
    const char *beta = again.length ? arena_print(e->w.arena, "%s > 0", again.bytes) : "0";
    line(e, "cblas_%cgemm(CblasRowMajor, %s, %s, %s, %s, %s,", e->w.plan->model->precision == F32 ? 's' : 'd',
         call->a_transposed ? "CblasTrans" : "CblasNoTrans", call->b_transposed ? "CblasTrans" : "CblasNoTrans",
         extent(e, call->m, call->m_is_batch), extent(e, call->n, call->n_is_batch), extent(e, call->k, call->k_is_batch));
    line(e, "            1, %s, %lld, %s, %lld,", place(e, call->a->buffer, call->a_from, call->a_stride), (long long)call->lda,
         place(e, call->b->buffer, call->b_from, call->b_stride), (long long)call->ldb);
    line(e, "            %s, %s, %lld);", beta, place(e, sum->buffer, call->c_from, call->c_stride), (long long)call->ldc);
    for (int l = count - 1; l >= 0; l--)
        close_loop(e, loop[l]);
}
