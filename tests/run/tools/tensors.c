/* tensors.c: looks into safetensors files for the tests of emitted programs; shares no code with what it tests.
 *
 *   tensors list F                       a line a tensor, sorted by name: NAME DTYPE SHAPE, as  fc1.weight F32 80x64
 *   tensors get F NAME                   its elements, a line each, 17 digits
 *   tensors compare A B ULPS PREFIX…     both files hold the same tensors; each float tensor whose name begins with none of
 *                                        PREFIX… differs by at most ULPS units in the last place of its largest element;
 *                                        ULPS 0: the same bytes. Exit 1 names the first that does not
 *   tensors near A B RELATIVE            B holds every tensor of A, of the same shape, each element within RELATIVE of the largest
 *                                        of A's (or of 1e-3, where all are smaller)
 *   tensors one F NAME DTYPE SHAPE X…    writes a file with one tensor
 *
 * A safetensors file is the header's length (8 bytes, little endian), the header in JSON, then the data. */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 256, NAME = 512, MOST_AXES = 8 };

typedef struct Tensor {
    char name[NAME], type[8];
    int rank;
    long size[MOST_AXES], begin, end;
} Tensor;

typedef struct File {
    const char *path;
    char *bytes;
    long length, data;                  /* data: where the tensors begin */
    Tensor tensor[MOST];
    int count;
} File;

_Noreturn static void fail(const char *path, const char *what)
{
    fprintf(stderr, "tensors: %s: %s\n", path, what);
    exit(2);
}

static const char *skip(const char *at) { return at + strspn(at, " \t\r\n,:"); }

/* A JSON string at `at` (its opening quote); returns what follows. \uXXXX stays as it is written. */
static const char *string(const File *file, const char *at, char *out)
{
    int length = 0;
    if (*at++ != '"')
        fail(file->path, "a string is expected in the header");
    while (*at && *at != '"' && length < NAME - 1) {
        if (*at == '\\' && at[1] != 'u')
            at++;
        out[length++] = *at++;
    }
    if (*at != '"')
        fail(file->path, "a string without end in the header");
    out[length] = 0;
    return at + 1;
}

static const char *numbers(const File *file, const char *at, long *out, int *count)
{
    if (*at++ != '[')
        fail(file->path, "a list is expected in the header");
    for (*count = 0; *(at = skip(at)) != ']'; (*count)++) {
        char *end;
        if (*count == MOST_AXES || (out[*count] = strtol(at, &end, 10), end == at))
            fail(file->path, "a wrong list in the header");
        at = end;
    }
    return at + 1;
}

static const char *tensor_of(File *file, const char *at, const char *name)
{
    Tensor *tensor = &file->tensor[file->count];
    if (file->count++ == MOST)
        fail(file->path, "too many tensors for this tool");
    memset(tensor, 0, sizeof *tensor);
    strcpy(tensor->name, name);
    for (at = skip(at + 1); *at != '}'; at = skip(at)) {
        char key[NAME], type[NAME];
        long offset[MOST_AXES];
        int count;
        at = skip(string(file, at, key));
        if (!strcmp(key, "dtype")) {
            at = string(file, at, type);
            snprintf(tensor->type, sizeof tensor->type, "%.7s", type);
        } else if (!strcmp(key, "shape")) {
            at = numbers(file, at, tensor->size, &tensor->rank);
        } else if (!strcmp(key, "data_offsets")) {
            at = numbers(file, at, offset, &count);
            tensor->begin = offset[0], tensor->end = offset[1];
        } else {
            fail(file->path, "an unknown key in the header");
        }
    }
    if (tensor->begin < 0 || tensor->end < tensor->begin || file->data + tensor->end > file->length)
        fail(file->path, "a tensor outside the file");
    return at + 1;
}

static int by_name(const void *a, const void *b) { return strcmp(((const Tensor *)a)->name, ((const Tensor *)b)->name); }

static File *open_file(const char *path)
{
    File *file = calloc(1, sizeof *file);
    FILE *in = fopen(path, "rb");
    uint64_t header;
    if (!file || !in)
        fail(path, "cannot be read");
    fseek(in, 0, SEEK_END);
    file->path = path;
    file->length = ftell(in);
    file->bytes = calloc(1, (size_t)file->length + 1);
    rewind(in);
    if (!file->bytes || fread(file->bytes, 1, (size_t)file->length, in) != (size_t)file->length || file->length < 8)
        fail(path, "cannot be read, or is too short");
    fclose(in);
    memcpy(&header, file->bytes, 8);
    if (header > (uint64_t)file->length - 8)
        fail(path, "the header is longer than the file");
    file->data = 8 + (long)header;
    char first = file->bytes[file->data];
    file->bytes[file->data] = 0;        /* so that the header is a string while it is read */
    const char *at = skip(file->bytes + 8);
    if (*at != '{')
        fail(path, "the header is no JSON object");
    for (at = skip(at + 1); *at != '}'; at = skip(at)) {
        char name[NAME], text[NAME];
        at = skip(string(file, at, name));
        if (strcmp(name, "__metadata__")) {
            at = tensor_of(file, at, name);
            continue;
        }
        for (at = skip(at + 1); *at != '}'; at = skip(at)) {    /* pairs of strings */
            at = skip(string(file, at, text));
            at = string(file, at, text);
        }
        at++;
    }
    file->bytes[file->data] = first;
    qsort(file->tensor, (size_t)file->count, sizeof *file->tensor, by_name);
    return file;
}

static long elements(const Tensor *tensor)
{
    long count = 1;
    for (int d = 0; d < tensor->rank; d++)
        count *= tensor->size[d];
    return count;
}

static bool is_float(const Tensor *tensor) { return tensor->type[0] == 'F'; }

static double element(const File *file, const Tensor *tensor, long index)
{
    const char *at = file->bytes + file->data + tensor->begin;
    union { float f32; double f64; int64_t i64; int32_t i32; } value;
    if (!strcmp(tensor->type, "F32"))
        return memcpy(&value, at + 4 * index, 4), value.f32;
    if (!strcmp(tensor->type, "F64"))
        return memcpy(&value, at + 8 * index, 8), value.f64;
    if (!strcmp(tensor->type, "I64") || !strcmp(tensor->type, "U64"))
        return memcpy(&value, at + 8 * index, 8), (double)value.i64;
    if (!strcmp(tensor->type, "I32") || !strcmp(tensor->type, "U32"))
        return memcpy(&value, at + 4 * index, 4), value.i32;
    if (!strcmp(tensor->type, "U8") || !strcmp(tensor->type, "BOOL"))
        return (unsigned char)at[index];
    fail(file->path, "a type that this tool does not know");
}

static void print_shape(const Tensor *tensor)
{
    printf("%s", tensor->rank ? "" : "scalar");
    for (int d = 0; d < tensor->rank; d++)
        printf("%s%ld", d ? "x" : "", tensor->size[d]);
    printf("\n");
}

/* The largest distance of two tensors, in units in the last place of the larger's largest element. */
static double distance(const File *a, const Tensor *left, const File *b, const Tensor *right)
{
    double largest = 0, worst = 0;
    for (long i = 0; i < elements(left); i++) {
        double x = element(a, left, i), y = element(b, right, i);
        if (isnan(x) != isnan(y))
            return INFINITY;
        if (isnan(x) || x == y) {
            largest = fmax(largest, fabs(x));
            continue;
        }
        largest = fmax(largest, fmax(fabs(x), fabs(y)));
        worst = fmax(worst, fabs(x - y));
    }
    if (worst == 0)
        return 0;
    int exponent;
    frexp(largest, &exponent);
    return worst / ldexp(1, exponent - (strcmp(left->type, "F32") ? 53 : 24));
}

static int compare(const File *a, const File *b, double ulps, char **ignored, int ignored_count)
{
    for (int t = 0; t < a->count || t < b->count; t++) {
        const Tensor *left = &a->tensor[t], *right = &b->tensor[t];
        if (t == a->count || t == b->count || strcmp(left->name, right->name)) {
            printf("the files hold different tensors, from '%s' and '%s'\n", t < a->count ? left->name : "(end)",
                   t < b->count ? right->name : "(end)");
            return 1;
        }
        bool ignore = false;
        for (int i = 0; i < ignored_count; i++)
            ignore = ignore || !strncmp(left->name, ignored[i], strlen(ignored[i]));
        if (ignore)
            continue;
        if (strcmp(left->type, right->type) || left->rank != right->rank ||
            memcmp(left->size, right->size, sizeof left->size)) {
            printf("'%s' has another type or shape\n", left->name);
            return 1;
        }
        if (ulps == 0 || !is_float(left)) {
            if (memcmp(a->bytes + a->data + left->begin, b->bytes + b->data + right->begin, (size_t)(left->end - left->begin))) {
                printf("'%s' differs\n", left->name);
                return 1;
            }
            continue;
        }
        double found = distance(a, left, b, right);
        if (!(found <= ulps)) {
            printf("'%s' differs by %.3g units in the last place of its largest element\n", left->name, found);
            return 1;
        }
    }
    return 0;
}

static int near(const File *a, const File *b, double relative)
{
    for (int t = 0; t < a->count; t++) {
        const Tensor *left = &a->tensor[t], *right = NULL;
        for (int o = 0; o < b->count; o++)
            if (!strcmp(b->tensor[o].name, left->name))
                right = &b->tensor[o];
        if (!right || left->rank != right->rank || memcmp(left->size, right->size, sizeof left->size)) {
            printf("'%s' is missing, or has another shape\n", left->name);
            return 1;
        }
        double largest = 1e-3, worst = 0;
        for (long i = 0; i < elements(left); i++) {
            const double x = element(a, left, i), y = element(b, right, i);
            if (x == y && isinf(x))                         /* the best loss before there is one */
                continue;
            double difference = fabs(x - y);
            largest = fmax(largest, fabs(x));
            if (!(difference <= worst))                     /* NaN as well */
                worst = difference;
        }
        if (!(worst <= relative * largest)) {
            printf("'%s' differs by %.3g of its largest element, allowed %.3g\n", left->name, worst / largest, relative);
            return 1;
        }
    }
    return 0;
}

static void write_one(char **argument, int count)
{
    long total = 1;
    char shape[256] = "";
    if (strcmp(argument[3], "scalar"))
        for (char *at = argument[3]; *at; at += *at == 'x') {
            long size = strtol(at, &at, 10);
            total *= size;
            snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%ld", *shape ? "," : "", size);
        }
    bool wide = !strcmp(argument[2], "F64");
    char header[1024];
    int length = snprintf(header, sizeof header, "{\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[0,%ld]}}",
                          argument[1], argument[2], shape, total * (wide ? 8 : 4));
    uint64_t size = (uint64_t)length;
    FILE *out = fopen(argument[0], "wb");
    if (!out)
        fail(argument[0], "cannot be written");
    fwrite(&size, 8, 1, out);
    fwrite(header, 1, (size_t)length, out);
    for (long i = 0; i < total; i++) {
        double value = strtod(argument[4 + i % (count - 4)], NULL);       /* the numbers given, again and again */
        float narrow = (float)value;
        fwrite(wide ? (void *)&value : (void *)&narrow, wide ? 8 : 4, 1, out);
    }
    fclose(out);
}

int main(int argc, char **argv)
{
    const char *command = argc > 2 ? argv[1] : "";
    if (!strcmp(command, "list")) {
        File *file = open_file(argv[2]);
        for (int t = 0; t < file->count; t++) {
            printf("%s %s ", file->tensor[t].name, file->tensor[t].type);
            print_shape(&file->tensor[t]);
        }
        return 0;
    }
    if (!strcmp(command, "get") && argc == 4) {
        File *file = open_file(argv[2]);
        for (int t = 0; t < file->count; t++)
            if (!strcmp(file->tensor[t].name, argv[3])) {
                for (long i = 0; i < elements(&file->tensor[t]); i++)
                    printf("%.17g\n", element(file, &file->tensor[t], i));
                return 0;
            }
        fail(argv[2], "no tensor of that name");
    }
    if (!strcmp(command, "compare") && argc >= 5)
        return compare(open_file(argv[2]), open_file(argv[3]), strtod(argv[4], NULL), argv + 5, argc - 5);
    if (!strcmp(command, "near") && argc == 5)
        return near(open_file(argv[2]), open_file(argv[3]), strtod(argv[4], NULL));
    if (!strcmp(command, "one") && argc >= 7) {
        write_one(argv + 2, argc - 2);
        return 0;
    }
    fprintf(stderr, "usage: see the head of tensors.c\n");
    return 2;
}
