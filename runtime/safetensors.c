/* safetensors.c: see safetensors.h. Tensors pass through one buffer of 64 KB in both directions, whatever their size, so that
 * saving a model takes no memory besides the model. */
#include "safetensors.h"
#include "failure.h"
#include "json.h"
#include "memory.h"
#include "output_file.h"
#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian; this processor is not, and nobody has written the swap"
#endif

enum { PIECE_BYTES = 1 << 16, HEADER_AT_MOST = 100 * 1000 * 1000, LENGTH_BYTES = 8 };   /* the limit is the format's own */

static _Alignas(64) char piece[PIECE_BYTES];

const char *nn_shape_text(int rank, const int64_t *shape)
{
    static char ring[8][256];
    static int next;
    char *out = ring[next++ % 8];
    int used = snprintf(out, sizeof ring[0], "(");
    for (int d = 0; d < rank && d < NN_MAX_RANK; d++)
        used += snprintf(out + used, sizeof ring[0] - (size_t)used, "%s%lld", d ? ", " : "", (long long)shape[d]);
    snprintf(out + used, sizeof ring[0] - (size_t)used, rank > NN_MAX_RANK ? ", ...)" : ")");
    return out;
}

/* ---- writing ---- */

static void write_header(FILE *out, const NnSaved *saved, int count, const NnMetadata *metadata, int metadata_count)
{
    int64_t at = 0;
    fputs("{\"__metadata__\":{", out);
    for (int i = 0; i < metadata_count; i++) {
        fputs(i ? "," : "", out);
        nn_json_string(out, metadata[i].key);
        fputc(':', out);
        nn_json_string(out, metadata[i].value);
    }
    fputc('}', out);
    for (int i = 0; i < count; i++) {
        char *name = nn_format_string("%s%s", saved[i].prefix, saved[i].name);
        int64_t bytes = nn_element_count(saved[i].rank, saved[i].shape) * nn_dtype_size[saved[i].dtype];
        fputc(',', out);
        nn_json_string(out, name);
        fprintf(out, ":{\"dtype\":\"%s\",\"shape\":[", nn_dtype_name[saved[i].dtype]);
        for (int d = 0; d < saved[i].rank; d++)
            fprintf(out, "%s%lld", d ? "," : "", (long long)saved[i].shape[d]);
        fprintf(out, "],\"data_offsets\":[%lld,%lld]}", (long long)at, (long long)(at + bytes));
        at += bytes;
        nn_release(name);
    }
    fputc('}', out);
    while (ftell(out) % 8)
        fputc(' ', out);                                      /* so that the tensors begin on a multiple of 8 */
}

static void write_tensor(NnOutputFile *file, const NnSaved *saved)
{
    int64_t count = nn_element_count(saved->rank, saved->shape);
    size_t size = (size_t)nn_dtype_size[saved->dtype], used = 0;
    if (!saved->stride) {
        nn_write_output(file, saved->data, (size_t)count * size);
        return;
    }
    NnWalk walk = {.rank = saved->rank, .shape = saved->shape, .stride = saved->stride};
    for (int64_t i = 0; i < count; i++, nn_walk_on(&walk)) {
        memcpy(piece + used, (const char *)saved->data + (size_t)walk.offset * size, size);
        used += size;
        if (used == PIECE_BYTES || i == count - 1) {
            nn_write_output(file, piece, used);
            used = 0;
        }
    }
}

void nn_write_safetensors(const char *path, const NnSaved *saved, int count, const NnMetadata *metadata, int metadata_count, bool to_disk)
{
    char *header = NULL;
    size_t length = 0;
    FILE *text = open_memstream(&header, &length);
    if (text) {
        write_header(text, saved, count, metadata, metadata_count);
        if (fclose(text))
            text = NULL;
    }
    if (!text)
        nn_fail(NN_MACHINE_LACKS, path, "not enough memory to write it");

    NnOutputFile file = nn_create_output(path);
    uint64_t header_bytes = length;
    nn_write_output(&file, &header_bytes, LENGTH_BYTES);
    nn_write_output(&file, header, length);
    for (int i = 0; i < count; i++)
        write_tensor(&file, &saved[i]);
    nn_commit_output(&file, to_disk);
    free(header);
}

/* ---- reading ---- */

static void read_at(const NnSafetensors *file, int64_t at, void *out, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(file->descriptor, (char *)out + done, bytes - done, (off_t)(at + (int64_t)done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            nn_fail(NN_WRONG_INPUT, file->path, "cannot be read: %s", got ? strerror(errno) : "it became shorter meanwhile");
        done += (size_t)got;
    }
}

static _Noreturn void fail_entry(const NnSafetensors *file, const NnEntry *entry, const char *what)
{
    nn_fail(NN_WRONG_INPUT, file->path, "the header's entry %s %s", nn_quoted(entry->name), what);
}

static int by_place(const void *a, const void *b)
{
    const NnEntry *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin) - (x->begin < y->begin) : (x->end > y->end) - (x->end < y->end);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const NnEntry *)a)->name, ((const NnEntry *)b)->name);
}

static void sort_entries(NnSafetensors *file, int (*order)(const void *, const void *))
{
    if (file->count)                                    /* qsort takes no NULL, even for nothing */
        qsort(file->entry, (size_t)file->count, sizeof *file->entry, order);
}

/* No holes, no overlaps, nothing behind the end; no name twice. */
static void check_entries(NnSafetensors *file, int64_t data_bytes)
{
    int64_t at = 0;
    sort_entries(file, by_place);
    for (int i = 0; i < file->count; i++) {
        if (file->entry[i].begin != at)
            fail_entry(file, &file->entry[i], "does not begin where the one before it ends");
        at = file->entry[i].end;
    }
    if (at != data_bytes)
        nn_fail(NN_WRONG_INPUT, file->path, "holds %lld bytes of tensors, but its header describes %lld; it is torn or damaged",
                (long long)data_bytes, (long long)at);
    sort_entries(file, by_name);
    for (int i = 1; i < file->count; i++)
        if (!by_name(&file->entry[i - 1], &file->entry[i]))
            fail_entry(file, &file->entry[i], "is there twice");
}

static void *grown(void *list, int count, size_t size)
{
    return count & (count - 1) ? list : nn_grow(list, count ? 2 * (size_t)count : 1, size);       /* full at each power of two */
}

static void read_items(NnSafetensors *file, int64_t data_bytes)
{
    NnTensorHeader reader = nn_tensor_header(file->header, data_bytes);
    for (NnHeaderItem item; (item = nn_next_item(&reader)) != NN_ITEM_NONE;) {
        if (item == NN_ITEM_BROKEN && reader.entry.name)
            fail_entry(file, &reader.entry, reader.fault);
        if (item == NN_ITEM_BROKEN)
            nn_fail(NN_WRONG_INPUT, file->path, "%s", reader.fault);
        if (item == NN_ITEM_TENSOR) {
            file->entry = grown(file->entry, file->count, sizeof *file->entry);
            file->entry[file->count++] = reader.entry;
        } else {
            file->metadata = grown(file->metadata, file->metadata_count, sizeof *file->metadata);
            file->metadata[file->metadata_count++] = (NnMetadata){reader.key, reader.value};
        }
    }
}

NnSafetensors nn_open_safetensors(const char *path)
{
    NnSafetensors file = {.path = path, .descriptor = open(path, O_RDONLY | O_CLOEXEC)};
    struct stat information;
    if (file.descriptor < 0 || fstat(file.descriptor, &information))
        nn_fail(NN_WRONG_INPUT, path, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(information.st_mode))
        nn_fail(NN_WRONG_INPUT, path, "is %s; a safetensors file was expected",
                S_ISDIR(information.st_mode) ? "a folder" : "no file");

    uint64_t length = 0;
    int64_t bytes = information.st_size;
    if (bytes < LENGTH_BYTES)
        nn_fail(NN_WRONG_INPUT, path, "is no safetensors file: it has only %lld bytes", (long long)bytes);
    read_at(&file, 0, &length, LENGTH_BYTES);
    if (length > HEADER_AT_MOST)
        nn_fail(NN_WRONG_INPUT, path, "is no safetensors file: it begins with a header of %llu bytes, and 100 million are allowed",
                (unsigned long long)length);
    if ((int64_t)length > bytes - LENGTH_BYTES)
        nn_fail(NN_WRONG_INPUT, path, "announces a header of %llu bytes, but the file has %lld; it is torn or no safetensors file",
                (unsigned long long)length, (long long)bytes);

    char *header = nn_allocate(length + 1, 1);
    read_at(&file, LENGTH_BYTES, header, length);
    if (memchr(header, 0, length))
        nn_fail(NN_WRONG_INPUT, path, "its header is no JSON object; the file is torn, damaged or no safetensors file");
    file.header = header;
    file.data_start = LENGTH_BYTES + (int64_t)length;
    read_items(&file, bytes - file.data_start);
    check_entries(&file, bytes - file.data_start);
    return file;
}

void nn_close_safetensors(NnSafetensors *file)
{
    close(file->descriptor);
    nn_release(file->entry);
    nn_release(file->metadata);
    nn_release(file->header);
}

const NnEntry *nn_find_entry(const NnSafetensors *file, const char *prefix, const char *name)
{
    char *full = nn_format_string("%s%s", prefix, name);
    NnEntry wanted = {.name = full};
    const NnEntry *found = file->count ? bsearch(&wanted, file->entry, (size_t)file->count, sizeof wanted, by_name) : NULL;
    nn_release(full);
    return found;
}

const char *nn_find_metadata(const NnSafetensors *file, const char *key)
{
    for (int i = 0; i < file->metadata_count; i++)
        if (!strcmp(file->metadata[i].key, key))
            return file->metadata[i].value;
    return NULL;
}

void nn_read_entry(const NnSafetensors *file, const NnEntry *entry, const int64_t *stride, void *data, NnPrecision precision)
{
    NnPrecision stored = entry->dtype == NN_DTYPE_F32 ? NN_F32 : NN_F64;
    int64_t size = nn_dtype_size[entry->dtype], count = (entry->end - entry->begin) / size, here = PIECE_BYTES / size;
    NnWalk walk = {.rank = entry->rank, .shape = entry->shape, .stride = stride};
    for (int64_t first = 0; first < count; first += here) {
        here = count - first < here ? count - first : here;
        read_at(file, file->data_start + entry->begin + first * size, piece, (size_t)(here * size));
        for (int64_t i = 0; i < here; i++) {
            const double value = nn_get_real(piece, i, stored);
            if (!isfinite(precision == NN_F32 ? (double)(float)value : value))
                nn_fail(NN_WRONG_INPUT, file->path, "element %lld of %s is %g, which is no finite number in %s", (long long)(first + i + 1),
                        nn_quoted(entry->name), value, precision == NN_F32 ? "f32" : "f64");
            nn_set_real(data, stride ? walk.offset : first + i, value, precision);
            if (stride)
                nn_walk_on(&walk);
        }
    }
}

void nn_read_bytes(const NnSafetensors *file, const NnEntry *entry, void *data, size_t bytes)
{
    read_at(file, file->data_start + entry->begin, data, bytes);
}
