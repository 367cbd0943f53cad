/* input_file.h: finding a data file and reading its bytes, gzipped or not. */
#ifndef NNGEN_RUNTIME_INPUT_FILE_H
#define NNGEN_RUNTIME_INPUT_FILE_H

#include <nngen/data.h>

/* The path of `name`, to be released: in data_dir (NULL: none given), the model's folder, the default folder, in this order;
 * in each the name itself, then the same with or without ".gz" (who cannot unpack, the plain one first). Nowhere: status 1, with the places looked in. */
char *nn_find_file(const NnData *data, const char *data_dir, const char *name);

typedef struct NnGzip NnGzip;

typedef struct NnInputFile {
    const char *path;                   /* the caller's */
    int descriptor;
    NnGzip *gzip;                       /* NULL: the file is no gzip, whatever its name says */
    void *member;                       /* not NULL: the bytes come from `read_member`, not from the descriptor */
    size_t (*read_member)(struct NnInputFile *file, void *out, size_t bytes);
    int64_t bound;                      /* no more bytes than this can come out, however a header may claim it */
} NnInputFile;

/* Missing, unreadable, a folder: status 1. */
NnInputFile nn_open_input(const char *path);
/* Reads up to `bytes`; fewer only at the end of the file. A gzip that is torn, damaged or followed by something else is
 * refused with status 1: once a read comes back short, all of it has been verified. */
size_t nn_read_input(NnInputFile *file, void *out, size_t bytes);
size_t nn_read_raw(const NnInputFile *file, void *out, size_t bytes);   /* packed, if it is: for gzip.c */
void nn_close_input(NnInputFile *file);

/* The whole content, terminated by a zero, to be released. */
char *nn_read_whole_input(const char *path, size_t *bytes);

#endif
