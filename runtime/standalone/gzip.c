/* gzip.c of programs that have no library but libm: nothing is unpacked. */
#include "gzip.h"
#include "failure.h"

const bool nn_unpacks = false;

NnGzip *nn_open_gzip(const char *path)
{
    nn_fail(NN_WRONG_INPUT, path, "is packed, and this program was made with --standalone, which unpacks nothing: gunzip it first");
}

size_t nn_unpack(NnInputFile *file, void *out, size_t bytes)
{
    (void)file;
    (void)out;
    (void)bytes;
    return 0;
}

void nn_close_gzip(NnGzip *gzip)
{
    (void)gzip;
}
