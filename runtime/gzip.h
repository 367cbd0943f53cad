/* gzip.h: the stream inside a gzipped file. Programs made with --standalone have standalone/gzip.c for it, which refuses. */
#ifndef NNGEN_RUNTIME_GZIP_H
#define NNGEN_RUNTIME_GZIP_H

#include "input_file.h"

enum { NN_DEFLATE_AT_MOST = 1032 };                           /* no deflate stream grows by more */

extern const bool nn_unpacks;                                 /* false: it would be refused */
NnGzip *nn_open_gzip(const char *path);
size_t nn_unpack(NnInputFile *file, void *out, size_t bytes);
void nn_close_gzip(NnGzip *gzip);

#endif
