/* tensor_header.h: the JSON that a safetensors file begins with, read in place: no memory but the text itself, no process ends.
 *
 *   {"__metadata__": {"key": "value", …}, "name": {"dtype": "F32", "shape": [80, 64], "data_offsets": [0, 20480]}, …} */
#ifndef NNGEN_RUNTIME_TENSOR_HEADER_H
#define NNGEN_RUNTIME_TENSOR_HEADER_H

#include <nngen/runtime.h>

typedef enum NnDtype {
    NN_DTYPE_F32, NN_DTYPE_F64, NN_DTYPE_I32, NN_DTYPE_I64, NN_DTYPE_I8, NN_DTYPE_I16, NN_DTYPE_U8, NN_DTYPE_U16, NN_DTYPE_U32,
    NN_DTYPE_U64, NN_DTYPE_OTHER
} NnDtype;
extern const char *const nn_dtype_name[NN_DTYPE_OTHER + 1];                    /* "F32" … */
extern const int nn_dtype_size[NN_DTYPE_OTHER + 1];                            /* bytes; 0: OTHER */

typedef struct NnEntry {
    const char *name;
    NnDtype dtype;
    const char *dtype_name;
    int rank;                           /* may pass NN_MAX_RANK; shape holds the first ones */
    int64_t shape[NN_MAX_RANK];
    int64_t begin, end;                 /* bytes in the file's data */
} NnEntry;

/* What stands at the reader's place. */
typedef enum NnHeaderItem { NN_ITEM_NONE, NN_ITEM_TENSOR, NN_ITEM_METADATA, NN_ITEM_BROKEN } NnHeaderItem;

typedef struct NnTensorHeader {
    char *at;                           /* the text, ended by a zero; what was read of it is changed */
    int64_t data_bytes;                 /* behind the header: offsets lie within */
    NnEntry entry;                      /* TENSOR; BROKEN: its name, if it is an entry that is broken, else NULL */
    const char *key, *value;            /* METADATA; values that are no strings are passed over */
    const char *fault;                  /* BROKEN: "has a shape that is none" */
    bool is_open, in_metadata, is_first;
} NnTensorHeader;

NnTensorHeader nn_tensor_header(char *text, int64_t data_bytes);
NnHeaderItem nn_next_item(NnTensorHeader *reader);            /* NONE: the end, and nothing stands behind it */

#endif
