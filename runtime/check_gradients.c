/* check_gradients.c: --check-gradients: every gradient of the program against central differences.
 *
 *   n = (f(w + ε) − f(w − ε)) / 2ε,  ε = 1e-6, f the training loss of the first (at most 8) rows, dropout's masks held fixed
 *   deviation of a parameter = max |a − n| / max(|a|, |n|, 1e-3 G) over at most 200 of its elements; G: the largest |a|
 *
 * Element by element, rounding alone would fail right programs: the difference of two losses of size 1 is good to 1e-10, however
 * small the gradient.
 *
 * Kinks. Where a ReLU or a maximum changes sides between w − ε and w + ε the loss has no derivative to compare with; such
 * elements are counted apart. They are told from wrong gradients by the one-sided slopes s+ = (f(w + ε) − f(w)) / ε and s−:
 * on a smooth stretch both agree to about ε f'', so a wrong a lies far from both; across a kink they differ by the jump J, and
 * since a is the slope of one of the sides, |a − n| <= |s+ − s−|. An element is a kink's only if its deviation is above the
 * tolerance and within that bound. */
#include "failure.h"
#include "memory.h"
#include "run.h"
#include "walk.h"

#include <math.h>

enum { ROWS = 8, SAMPLES = 200 };
static const double EPSILON = 1e-6, TOLERANCE = 1e-6;

typedef struct Sample {
    int64_t element;                    /* in PyTorch's order */
    double analytic, numeric;
    double slopes_apart;                /* |s+ − s−| */
} Sample;

static double loss_now(NnRun *run)
{
    double loss = run->program->gradients(&run->current);
    if (!isfinite(loss))
        nn_fail_not_finite(run, loss);
    return loss;
}

/* Place of element k, counted in PyTorch's order, in our layout. */
static int64_t place_of(const NnTensor *tensor, int64_t k)
{
    int64_t offset = 0;
    for (int d = tensor->rank - 1; d >= 0; d--) {
        offset += k % tensor->shape[d] * tensor->stride[d];
        k /= tensor->shape[d];
    }
    return offset;
}

/* The gradients of this moment into the samples, and the largest of all elements. */
static double keep_gradients(const NnTensor *tensor, Sample *samples, int64_t count)
{
    int64_t elements = nn_element_count(tensor->rank, tensor->shape);
    double largest = 0;
    NnWalk walk = {.rank = tensor->rank, .shape = tensor->shape, .stride = tensor->stride};
    for (int64_t k = 0; k < elements; k++, nn_walk_on(&walk))
        largest = fmax(largest, fabs(((const double *)tensor->gradient)[walk.offset]));
    for (int64_t i = 0; i < count; i++) {
        samples[i].element = (int64_t)nn_permute((uint64_t)i, (uint64_t)elements, nn_stream(tensor->name), 0);
        samples[i].analytic = ((const double *)tensor->gradient)[place_of(tensor, samples[i].element)];
    }
    return largest;
}

static void difference(NnRun *run, const NnTensor *tensor, double here, Sample *sample)
{
    double *value = (double *)tensor->data + place_of(tensor, sample->element), old = *value;
    *value = old + EPSILON;
    double above = *value, loss_above = loss_now(run);
    *value = old - EPSILON;
    double below = *value, loss_below = loss_now(run);
    *value = old;
    sample->numeric = (loss_above - loss_below) / (above - below);          /* the steps that were really taken */
    sample->slopes_apart = fabs((loss_above - here) / (above - old) - (here - loss_below) / (old - below));
}

/* "fc1.weight[3,17]" */
static void name_element(const NnTensor *tensor, int64_t element, char out[256])
{
    int64_t at[NN_MAX_RANK];
    int used = snprintf(out, 256, "%.150s[", tensor->name);
    for (int d = tensor->rank - 1; d >= 0; d--) {
        at[d] = element % tensor->shape[d];
        element /= tensor->shape[d];
    }
    for (int d = 0; d < tensor->rank; d++)
        used += snprintf(out + used, 256 - (size_t)used, "%s%lld", d ? "," : "", (long long)at[d]);
    snprintf(out + used, 256 - (size_t)used, "]");
}

/* Prints the parameter's line and returns its deviation. */
static double judge_gradient(const NnTensor *tensor, const Sample *samples, int64_t count, double largest_of_all)
{
    double scale = 1e-3 * largest_of_all, worst = 0;
    int64_t kinks = 0, at = 0;
    for (int64_t i = 0; i < count; i++)
        scale = fmax(scale, fmax(fabs(samples[i].analytic), fabs(samples[i].numeric)));
    for (int64_t i = 0; i < count; i++) {
        double apart = fabs(samples[i].analytic - samples[i].numeric);
        if (apart > TOLERANCE * scale && apart <= samples[i].slopes_apart) {
            kinks++;
        } else if (apart > worst) {
            worst = apart;
            at = i;
        }
    }
    char name[256];
    name_element(tensor, samples[at].element, name);
    double deviation = scale > 0 ? worst / scale : 0;
    printf("%-24s %4lld of %lld elements  deviation %.3e  worst %s: gradient %.10g, difference %.10g", tensor->name,
           (long long)count, (long long)nn_element_count(tensor->rank, tensor->shape), deviation, name, samples[at].analytic,
           samples[at].numeric);
    printf(kinks ? "  (%lld at a kink)\n" : "\n", (long long)kinks);
    return deviation;
}

int nn_check_gradients(NnRun *run)
{
    const NnProgram *program = run->program;
    int rows = !run->has_data ? 1 : run->epoch_rows < ROWS ? (int)run->epoch_rows : ROWS;
    rows = rows < program->batch ? rows : program->batch;
    if (run->has_data)
        nn_fill_batch(run, NN_TRAIN, 0, rows, false);
    run->current.rows = rows;
    run->current.t = run->step + 1;

    Sample (*samples)[SAMPLES] = nn_allocate((size_t)program->tensor_count, sizeof *samples);
    int64_t *count = nn_allocate((size_t)program->tensor_count, sizeof *count);
    double here = loss_now(run), largest = 0, worst = 0;
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        if (tensor->kind != NN_PARAMETER || !tensor->gradient)
            continue;
        int64_t elements = nn_element_count(tensor->rank, tensor->shape);
        count[i] = elements < SAMPLES ? elements : SAMPLES;
        largest = fmax(largest, keep_gradients(tensor, samples[i], count[i]));
    }
    for (int i = 0; i < program->tensor_count; i++) {
        for (int64_t k = 0; k < count[i]; k++)
            difference(run, &program->tensors[i], here, &samples[i][k]);
        if (count[i])
            worst = fmax(worst, judge_gradient(&program->tensors[i], samples[i], count[i], largest));
    }
    printf("worst relative deviation %.3e\n", worst);
    nn_release(samples);
    nn_release(count);
    nn_close_run(run);
    return worst > TOLERANCE ? NN_WRONG_INPUT : NN_DONE;
}
