/* runtime_program.h: a program as nngen would write it, by hand and small: y = W x + b with momentum, in f32 or f64.
 *
 *   x (3), y (2), 37 training rows in batches of 5 (the last has 2), 7 test rows; the loss is the mean of squared errors
 *   fc.weight is (2, 3) for PyTorch and [3][8] here, element (j, i) at i · 8 + j: layouts must not show in files
 *
 * REAL and PRECISION are defined by the test that includes this. */
#include <math.h>
#include <nngen/runtime.h>
#include <signal.h>
#include <string.h>

enum { BATCH = 5, TRAIN_ROWS = 37, TEST_ROWS = 7, WIDE = 8 };

static struct {
    REAL weight[3][WIDE], bias[WIDE];
    REAL weight_velocity[3][WIDE], bias_velocity[WIDE];
    REAL d_weight[3][WIDE], d_bias[WIDE];
    REAL x[BATCH][3], y[BATCH][2], prediction[BATCH][2];
    int sign[BATCH];
    REAL loss, error_sum, counts[2][2], r2[3];
} m;

static int64_t interrupt_at, diverge_at;                      /* steps at which the program does so; 0: never */

static double rows_x[NN_SETS][TRAIN_ROWS][3], rows_y[NN_SETS][TRAIN_ROWS][2], rows_sign[NN_SETS][TRAIN_ROWS];

/* y = (x0 - 2 x1 + 0.5, 3 x2 - 1) + noise; sign: whether y0 > 0 */
static void make_rows(void)
{
    for (int set = 0; set < NN_SETS; set++)
        for (int r = 0; r < TRAIN_ROWS; r++) {
            for (int i = 0; i < 3; i++)
                rows_x[set][r][i] = nn_normal(5, (uint32_t)set, 1, (uint64_t)(3 * r + i));
            const double *x = rows_x[set][r];
            double *y = rows_y[set][r];
            y[0] = x[0] - 2 * x[1] + 0.5 + 0.1 * nn_normal(5, (uint32_t)set, 2, (uint64_t)r);
            y[1] = 3 * x[2] - 1 + 0.1 * nn_normal(5, (uint32_t)set, 3, (uint64_t)r);
            rows_sign[set][r] = y[0] > 0;
        }
}

static void forward(const NnStep *step)
{
    REAL sum = 0;
    memset(m.counts, 0, sizeof m.counts);
    memset(m.r2, 0, sizeof m.r2);
    for (int b = 0; b < BATCH; b++)
        for (int j = 0; j < 2; j++) {
            m.prediction[b][j] = m.bias[j];
            for (int i = 0; i < 3; i++)
                m.prediction[b][j] += m.x[b][i] * m.weight[i][j];
            if (b >= step->rows)
                continue;
            REAL error = m.prediction[b][j] - m.y[b][j];
            sum += error * error;
            m.r2[0] += error * error;
            m.r2[1] += m.y[b][j];
            m.r2[2] += m.y[b][j] * m.y[b][j];
            if (j == 0)
                m.counts[m.sign[b]][m.prediction[b][0] > 0]++;
        }
    m.error_sum = sum;
    m.loss = sum / (REAL)(2 * step->rows);
}

static double gradients(const NnStep *step)
{
    forward(step);
    memset(m.d_weight, 0, sizeof m.d_weight);
    memset(m.d_bias, 0, sizeof m.d_bias);
    for (int b = 0; b < step->rows; b++)
        for (int j = 0; j < 2; j++) {
            REAL d = (m.prediction[b][j] - m.y[b][j]) / (REAL)step->rows;
            m.d_bias[j] += d;
            for (int i = 0; i < 3; i++)
                m.d_weight[i][j] += d * m.x[b][i];
        }
    return m.loss;
}

static double train_step(const NnStep *step)
{
    if (step->t == diverge_at)
        m.y[0][1] = INFINITY;
    double loss = gradients(step);
    if (!isfinite(loss))
        return loss;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 2; j++) {
            m.weight_velocity[i][j] = (REAL)0.9 * m.weight_velocity[i][j] + m.d_weight[i][j];
            m.weight[i][j] -= (REAL)step->lr * m.weight_velocity[i][j];
        }
    for (int j = 0; j < 2; j++) {
        m.bias_velocity[j] = (REAL)0.9 * m.bias_velocity[j] + m.d_bias[j];
        m.bias[j] -= (REAL)step->lr * m.bias_velocity[j];
    }
    if (step->t == interrupt_at)
        raise(SIGINT);
    return loss;
}

static bool find_not_finite(const NnStep *step, NnCulprit *culprit)
{
    (void)step;
    *culprit = (NnCulprit){"error", "square", "line.lua", 12};
    return true;
}

#define STRIDES {1, WIDE}
static const NnTensor tensors[] = {
    {"fc.weight", NN_PARAMETER, 2, {2, 3}, STRIDES, m.weight, {.kind = NN_INIT_UNIFORM, .a = -0.5, .b = 0.5}, m.d_weight, 0},
    {"fc.bias", NN_PARAMETER, 1, {2}, {1}, m.bias, {.kind = NN_INIT_CONSTANT, .a = 0.25}, m.d_bias, 0},
    {"fc.weight.momentum_buffer", NN_SLOT, 2, {2, 3}, STRIDES, m.weight_velocity, {0}, NULL, 0},
    {"fc.bias.momentum_buffer", NN_SLOT, 1, {2}, {1}, m.bias_velocity, {0}, NULL, 0},
};
static const NnInput inputs[] = {
    {.name = "x", .rank = 1, .shape = {3}, .elements = 3, .batch = m.x, .scale = 1, .std = 1,
     .table = {rows_x[NN_TRAIN][0], NULL, rows_x[NN_TEST][0]}},
    {.name = "y", .rank = 1, .shape = {2}, .elements = 2, .batch = m.y, .scale = 1, .std = 1,
     .table = {rows_y[NN_TRAIN][0], NULL, rows_y[NN_TEST][0]}},
    {.name = "sign", .classes = 2, .elements = 1, .batch = m.sign, .scale = 1, .std = 1,
     .table = {rows_sign[NN_TRAIN], NULL, rows_sign[NN_TEST]}},
};
static const NnMetric metrics[] = {
    {.name = "loss", .kind = NN_MEAN, .part = {&m.loss}, .is_loss = true},
    {.name = "error_sum", .kind = NN_SUM, .part = {NULL, &m.error_sum}},
    {.name = "confusion", .kind = NN_COUNTS, .classes = 2, .part = {m.counts}},
    {.name = "r2", .kind = NN_R2, .elements = 2, .part = {&m.r2[0], &m.r2[1], &m.r2[2]}},
};
static const NnOutput outputs[] = {
    {.name = "prediction", .rank = 1, .shape = {2}, .per_row = true, .data = m.prediction},
    {.name = "bias", .rank = 1, .shape = {2}, .data = m.bias},
};
static NnData data = {.format = &nn_table, .table_rows = {TRAIN_ROWS, 0, TEST_ROWS}};
static NnProgram program = {
    .model = "line.lua", .signature = "5f1e", .precision = PRECISION, .batch = BATCH, .epochs = 5, .seed = 3, .lr = 0.01,
    .memory = sizeof m, .data = &data, .inputs = inputs, .input_count = NN_COUNT(inputs), .tensors = tensors,
    .tensor_count = NN_COUNT(tensors), .metrics = metrics, .metric_count = NN_COUNT(metrics), .outputs = outputs,
    .output_count = NN_COUNT(outputs), .train_step = train_step, .gradients = gradients, .evaluate = forward,
    .predict = forward, .find_not_finite = find_not_finite,
};

static int program_main(int argc, char **argv)
{
    make_rows();
    NnRun *run = nn_start(&program, argc, argv);
    while (nn_next_epoch(run)) {
        for (NnStep step; nn_next_batch(run, &step);)
            nn_step_done(run, train_step(&step));
        nn_epoch_done(run);
    }
    return nn_finish(run);
}

/* Runs the program in a child with these arguments, in the test's folder; `change` may alter it first. */
typedef struct Call {
    void (*change)(void);
    char **argv;
    int argc;
} Call;

static void call_program(const void *argument)
{
    const Call *call = argument;
    if (chdir(folder))
        abort();
    if (call->change)
        call->change();
    exit(program_main(call->argc, call->argv));
}

#define run_changed(change, ...)                                                                                               \
    run_child(call_program, &(Call){change, (char *[]){"./line", __VA_ARGS__, NULL},                                          \
                                    (int)(sizeof((char *[]){"./line", __VA_ARGS__}) / sizeof(char *))})
#define run_program(...) run_changed(NULL, __VA_ARGS__)
