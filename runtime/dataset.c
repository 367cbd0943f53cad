/* dataset.c: the sets of rows that a program trains and is judged on.
 *
 * Takes what the model says of its data (NnData, NnInput); gives train, validation and test. A set is a file of its own or a
 * part cut from train; parts share its memory and are lists of row numbers, kept in file order. The bindings are checked here
 * and in the format's reader, so that a row that is handed out is always good. */
#include "failure.h"
#include "memory.h"
#include "source.h"
#include <nngen/random.h>
#include <nngen/runtime.h>

#include <math.h>
#include <string.h>

const char *const nn_set_name[NN_SETS] = {"train", "validation", "test"};

/* One of its own, not cut from train. */
static bool has_set(const NnReading *reading, NnSet set)
{
    bool has_file = reading->data->file[set] != NULL;
    for (int i = 0; i < reading->input_count; i++)
        has_file |= reading->inputs[i].file[set] != NULL;
    return has_file || reading->data->table_rows[set] > 0;
}

typedef struct Subset {
    NnSet source;                       /* whose columns hold the rows */
    int64_t rows;
    int64_t *row;                       /* ascending; NULL: all of them, as they lie */
} Subset;

struct NnDataset {
    const NnData *data;
    const NnInput *inputs;
    int input_count;
    NnColumn *column[NN_SETS];          /* by input; NULL: no file of its own */
    Subset subset[NN_SETS];
    NnConversion *conversion;           /* by input */
    void *augmented;                    /* room for one stored row; NULL: no input is augmented */
};

int64_t nn_rows_kept(const NnData *data, NnSet set, int64_t found, const char *place)
{
    int64_t first = data->first_rows[set];
    if (found == 0)
        nn_fail(NN_WRONG_INPUT, place, "holds no rows");
    if (first > found)
        nn_fail(NN_WRONG_INPUT, place, "holds %lld rows, but rows = {%s = %lld} asks for more", (long long)found, nn_set_name[set],
                (long long)first);
    return first ? first : found;
}

static double stored_value(const NnColumn *column, int64_t at)
{
    double value;
    static const double identity[] = {0, 1};
    const NnConversion as_it_is = {.scale = 1, .period = 1, .tabulated = NN_STORED_TYPES,
                                   .mean = (double *)&identity[0], .spread = (double *)&identity[1]};
    nn_convert_floats(&as_it_is, column->stored, (const char *)column->values + (size_t)at * nn_stored_size(column->stored), 1,
                      true, &value);
    return value;
}

void nn_check_column(const NnInput *input, const NnColumn *column)
{
    if (!input->classes && column->stored < NN_STORED_F32)
        return;                                               /* an integer is always a number */
    for (int64_t i = 0; i < column->rows * input->elements; i++) {
        double value = stored_value(column, i);
        long long row = i / input->elements + 1;
        if (!isfinite(value))
            nn_fail(NN_WRONG_INPUT, column->place, "row %lld: a value of %s is %s; finite numbers are expected", row,
                    nn_quoted(input->name), isnan(value) ? "not a number (NaN)" : "infinite");
        if (input->classes && (value < 0 || value >= input->classes || value != floor(value)))
            nn_fail(NN_WRONG_INPUT, column->place, "row %lld: %g is no class of %s; integers from 0 to %d are expected", row, value,
                    nn_quoted(input->name), input->classes - 1);
    }
}

/* ---- cutting validation and test from train ---- */

static bool is_split(const NnData *data)
{
    return data->share[NN_VALIDATION] > 0 || data->share[NN_TEST] > 0;
}

/* ⌈share · n⌉; a share like 0.07 of 100 rows is meant exactly, though its product comes out as 7.000000000000001. */
static int64_t rows_of_share(const NnData *data, NnSet set, int64_t rows)
{
    return data->share[set] > 0 ? (int64_t)ceil(data->share[set] * (double)rows - 1e-9) : 0;
}

static int64_t rows_left_to_train(const NnData *data, int64_t rows)
{
    int64_t left = rows - rows_of_share(data, NN_VALIDATION, rows) - rows_of_share(data, NN_TEST, rows);
    if (left < 1)
        nn_fail(NN_WRONG_INPUT, NULL, "split leaves no row of %lld for training; give train a larger share", (long long)rows);
    return left;
}

/* Deals `total` rows out to classes in proportion to size[], never more than left[]: whole parts first, then one each by the
 * largest remainder (Hamilton's method; at a tie the lower class). Takes them off left[]. */
static void apportion(int64_t total, int64_t rows, int classes, const int64_t *size, int64_t *left, int64_t *quota)
{
    int64_t dealt = 0;
    for (int c = 0; c < classes; c++) {
        quota[c] = (int64_t)((double)total * (double)size[c] / (double)rows + 1e-9);
        quota[c] = quota[c] < left[c] ? quota[c] : left[c];
        dealt += quota[c];
    }
    for (; dealt < total; dealt++) {
        int best = -1;
        double most = -INFINITY;
        for (int c = 0; c < classes; c++) {
            double remainder = (double)total * (double)size[c] / (double)rows - (double)quota[c];
            if (quota[c] < left[c] && remainder > most + 1e-9) {
                most = remainder;
                best = c;
            }
        }
        quota[best]++;
    }
    for (int c = 0; c < classes; c++)
        left[c] -= quota[c];
}

/* Rows are visited in the order of a permutation that no epoch uses; each goes to test while its class has places there, then
 * to validation, then to train. Without `stratify` all rows are one class. */
static void split(NnDataset *dataset, uint64_t seed)
{
    const NnData *data = dataset->data;
    int64_t rows = dataset->subset[NN_TRAIN].rows;
    int stratify = -1;
    for (int i = 0; i < dataset->input_count && data->stratify; i++)
        if (!strcmp(dataset->inputs[i].name, data->stratify))
            stratify = i;
    int classes = stratify < 0 ? 1 : dataset->inputs[stratify].classes;

    int32_t *class_of = nn_allocate((size_t)rows, sizeof *class_of);
    int64_t *size = nn_allocate((size_t)classes, sizeof *size), *left = nn_allocate((size_t)classes, sizeof *left),
            *quota[NN_SETS] = {NULL};
    for (int64_t r = 0; r < rows; r++) {
        if (stratify >= 0) {
            const NnColumn *label = &dataset->column[NN_TRAIN][stratify];
            class_of[r] = (int32_t)stored_value(label, r * dataset->inputs[stratify].elements);
        }
        left[class_of[r]] = ++size[class_of[r]];
    }
    rows_left_to_train(data, rows);
    for (NnSet set = NN_VALIDATION; set < NN_SETS; set++) {
        quota[set] = nn_allocate((size_t)classes, sizeof *quota[set]);
        apportion(rows_of_share(data, set, rows), rows, classes, size, left, quota[set]);
    }
    quota[NN_TRAIN] = left;

    uint8_t *goes_to = nn_allocate((size_t)rows, 1);
    int64_t count[NN_SETS] = {0};
    for (int64_t i = 0; i < rows; i++) {
        int64_t row = (int64_t)nn_permute((uint64_t)i, (uint64_t)rows, seed, UINT64_MAX);
        NnSet set = NN_TEST;
        while (set > NN_TRAIN && !quota[set][class_of[row]])
            set--;
        quota[set][class_of[row]]--;
        goes_to[row] = (uint8_t)set;
        count[set]++;
    }
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++) {
        if (!count[set])
            continue;
        Subset *subset = &dataset->subset[set];
        *subset = (Subset){.source = NN_TRAIN, .row = nn_allocate((size_t)count[set], sizeof *subset->row)};
        for (int64_t row = 0; row < rows; row++)
            if (goes_to[row] == set)
                subset->row[subset->rows++] = row;
    }
    nn_release(goes_to);
    nn_release(class_of);
    nn_release(size);
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
        nn_release(quota[set]);
}

/* ---- opening, rows ---- */

static NnColumn *read_set(NnReading *reading, NnSet set)
{
    NnColumn *column = nn_allocate((size_t)reading->input_count, sizeof *column);
    reading->data->format->read(reading, set, column);
    for (int i = 1; i < reading->input_count; i++)
        if (column[i].rows != column[0].rows)
            nn_fail(NN_WRONG_INPUT, column[i].place, "holds %lld rows, but %s holds %lld; every input needs one for each",
                    (long long)column[i].rows, nn_quoted(column[0].place), (long long)column[0].rows);
    return column;
}

NnDataset *nn_dataset_open(const NnData *data, const NnInput *inputs, int input_count, const char *data_dir, uint64_t seed)
{
    return nn_dataset_open_rows(data, inputs, input_count, data_dir, seed, 0);
}

NnDataset *nn_dataset_open_rows(const NnData *data, const NnInput *inputs, int input_count, const char *data_dir, uint64_t seed,
                                int64_t most_rows)
{
    NnDataset *dataset = nn_allocate(1, sizeof *dataset);
    *dataset = (NnDataset){.data = data, .inputs = inputs, .input_count = input_count};
    dataset->conversion = nn_allocate((size_t)input_count, sizeof *dataset->conversion);
    if (!data->format || !input_count)
        return dataset;

    const NnFormat *format = data->format;
    NnReading reading = {.data = data, .inputs = inputs, .input_count = input_count, .data_dir = data_dir,
                         .most_rows = is_split(data) ? 0 : most_rows};
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++)          /* train first: it numbers the words of classes */
        if (set == NN_TRAIN || (!reading.most_rows && has_set(&reading, set))) {
            dataset->column[set] = read_set(&reading, set);
            dataset->subset[set] = (Subset){.source = set, .rows = dataset->column[set][0].rows};
        }
    if (format->finish)
        format->finish(&reading);
    if (is_split(data))
        split(dataset, seed);

    const Subset *train = &dataset->subset[NN_TRAIN];
    size_t augmented_bytes = 0;
    for (int i = 0; i < input_count; i++) {
        dataset->conversion[i] = nn_conversion_of(&inputs[i]);
        nn_fit_conversion(&dataset->conversion[i], &inputs[i], &dataset->column[NN_TRAIN][i], train->row, train->rows);
        nn_tabulate_bytes(&dataset->conversion[i], dataset->column[NN_TRAIN][i].stored);
        size_t row_bytes = (size_t)inputs[i].elements * nn_stored_size(dataset->column[NN_TRAIN][i].stored);
        if (nn_is_augmented(&inputs[i]) && row_bytes > augmented_bytes)
            dataset->augmented = nn_grow(dataset->augmented, augmented_bytes = row_bytes, 1);
    }
    return dataset;
}

void nn_dataset_close(NnDataset *dataset)
{
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++) {
        for (int i = 0; i < dataset->input_count && dataset->column[set]; i++) {
            nn_release(dataset->column[set][i].owned);
            nn_release(dataset->column[set][i].place);
        }
        nn_release(dataset->column[set]);
        nn_release(dataset->subset[set].row);
    }
    for (int i = 0; i < dataset->input_count; i++)
        nn_free_conversion(&dataset->conversion[i]);
    nn_release(dataset->conversion);
    nn_release(dataset->augmented);
    nn_release(dataset);
}

int64_t nn_dataset_standard(const NnDataset *dataset, int input, const double **mean, const double **spread)
{
    const NnConversion *conversion = &dataset->conversion[input];
    *mean = conversion->mean;
    *spread = conversion->spread;
    return conversion->period;
}

int64_t nn_dataset_rows(const NnDataset *dataset, NnSet set)
{
    return dataset->subset[set].rows;
}

int64_t nn_dataset_count(const NnData *data, const NnInput *inputs, int input_count, const char *data_dir)
{
    const NnFormat *format = data->format;
    NnReading reading = {.data = data, .inputs = inputs, .input_count = input_count, .data_dir = data_dir};
    int64_t rows;
    if (format->count) {
        rows = format->count(&reading);
    } else {
        NnColumn *column = read_set(&reading, NN_TRAIN);
        rows = column[0].rows;
        for (int i = 0; i < input_count; i++) {
            nn_release(column[i].owned);
            nn_release(column[i].place);
        }
        nn_release(column);
        if (format->finish)
            format->finish(&reading);
    }
    return is_split(data) ? rows_left_to_train(data, rows) : rows;
}

static const void *stored_row(const NnDataset *dataset, NnSet set, int input, int64_t row)
{
    const Subset *subset = &dataset->subset[set];
    const NnColumn *column = &dataset->column[subset->source][input];
    int64_t at = (subset->row ? subset->row[row] : row) * dataset->inputs[input].elements;
    return (const char *)column->values + (size_t)at * nn_stored_size(column->stored);
}

void nn_prefetch_row(const NnDataset *dataset, NnSet set, int input, int64_t row)
{
    enum { LINE = 64, ENOUGH = 4096 };                        /* then the processor's own prefetcher has seen the pattern */
    NnStored stored = dataset->column[dataset->subset[set].source][input].stored;
    size_t bytes = (size_t)dataset->inputs[input].elements * nn_stored_size(stored);
    const char *from = stored_row(dataset, set, input, row);
    for (size_t at = 0; at < bytes && at < ENOUGH; at += LINE)
        __builtin_prefetch(from + at);
}

static NnStored stored_type(const NnDataset *dataset, NnSet set, int input)
{
    return dataset->column[dataset->subset[set].source][input].stored;
}

static void convert_row(const NnDataset *dataset, int input, NnStored stored, const void *from, bool f64, void *out)
{
    int64_t elements = dataset->inputs[input].elements;
    if (dataset->inputs[input].classes)
        nn_convert_classes(stored, from, elements, out);
    else
        nn_convert_floats(&dataset->conversion[input], stored, from, elements, f64, out);
}

void nn_dataset_row(const NnDataset *dataset, NnSet set, int input, int64_t row, bool f64, void *out)
{
    convert_row(dataset, input, stored_type(dataset, set, input), stored_row(dataset, set, input, row), f64, out);
}

/* Stored integers are small enough for any type. */
void nn_dataset_check(const NnDataset *dataset, bool f64)
{
    for (int i = 0; i < dataset->input_count; i++) {
        const NnInput *input = &dataset->inputs[i];
        double *out = nn_allocate((size_t)input->elements, sizeof *out);
        for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
            for (int64_t row = 0; row < nn_dataset_rows(dataset, set) && !input->classes && stored_type(dataset, set, i) >= NN_STORED_F32; row++) {
                nn_dataset_row(dataset, set, i, row, f64, out);
                if (!nn_all_finite(out, input->elements, f64 ? NN_F64 : NN_F32))
                    nn_fail(NN_WRONG_INPUT, NULL, "input %s: a value in row %lld of the %s set is too large a number for %s; scale, or mean "
                            "and std, make it smaller", nn_quoted(input->name), (long long)row + 1, nn_set_name[set], f64 ? "f64" : "f32");
            }
        nn_release(out);
    }
}

void nn_dataset_training_row(const NnDataset *dataset, int input, int64_t row, uint64_t seed, int64_t epoch, bool f64, void *out)
{
    const void *from = stored_row(dataset, NN_TRAIN, input, row);
    NnStored stored = stored_type(dataset, NN_TRAIN, input);
    if (nn_is_augmented(&dataset->inputs[input])) {
        nn_augment_row(&dataset->inputs[input], nn_stored_size(stored), from, dataset->augmented, seed, epoch, row);
        from = dataset->augmented;
    }
    convert_row(dataset, input, stored, from, f64, out);
}
