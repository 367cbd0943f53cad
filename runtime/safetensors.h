/* safetensors.h: the file format of Hugging Face's safetensors.
 *
 *   8 bytes: length of the header, little end first;  the header, JSON: {"name": {"dtype", "shape", "data_offsets"}, …};
 *   then the tensors, row-major, little end first, without holes
 *
 * Reading trusts nothing: every size and offset is checked against the file before a byte of a tensor is looked at. */
#ifndef NNGEN_RUNTIME_SAFETENSORS_H
#define NNGEN_RUNTIME_SAFETENSORS_H

#include "tensor_header.h"

/* ---- writing ---- */

typedef struct NnSaved {
    const char *prefix, *name;          /* the tensor is called prefix + name */
    NnDtype dtype;                      /* not OTHER */
    int rank;
    int64_t shape[NN_MAX_RANK];
    const int64_t *stride;              /* of data, in elements; NULL: row-major */
    const void *data;                   /* of type dtype */
} NnSaved;

typedef struct NnMetadata { const char *key, *value; } NnMetadata;

/* Whole or not at all; failing: status 3. Eight-byte types first keeps every tensor aligned. to_disk: see output_file.h. */
void nn_write_safetensors(const char *path, const NnSaved *saved, int count, const NnMetadata *metadata, int metadata_count, bool to_disk);

/* ---- reading ---- */

typedef struct NnSafetensors {
    const char *path;                   /* the caller's */
    int descriptor;
    int64_t data_start;
    NnEntry *entry;                     /* sorted by name */
    int count;
    char *header;                       /* owns the names */
    NnMetadata *metadata;
    int metadata_count;
} NnSafetensors;

NnSafetensors nn_open_safetensors(const char *path);          /* missing, torn, hostile: status 1 with the reason */
const NnEntry *nn_find_entry(const NnSafetensors *file, const char *prefix, const char *name);   /* NULL: none */
const char *nn_find_metadata(const NnSafetensors *file, const char *key);         /* NULL: none */
/* Elements in row-major order, converted to `precision` and laid out by stride (NULL: row-major). F32 and F64 only; what is
 * not finite, or not any more, is refused. */
void nn_read_entry(const NnSafetensors *file, const NnEntry *entry, const int64_t *stride, void *data, NnPrecision precision);
/* As they are; the entry must have that many. */
void nn_read_bytes(const NnSafetensors *file, const NnEntry *entry, void *data, size_t bytes);
void nn_close_safetensors(NnSafetensors *file);

/* "(100, 784)", in a buffer that the eighth call after it reuses. */
const char *nn_shape_text(int rank, const int64_t *shape);

#endif
