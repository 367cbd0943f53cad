/* gzip.c: see gzip.h. With zlib's inflate, not with its gzread: that one takes no notice of bytes behind the stream. */
#include "gzip.h"
#include "failure.h"
#include "memory.h"

#include <zlib.h>

enum { PACKED = 1 << 16 };

const bool nn_unpacks = true;

struct NnGzip {
    z_stream stream;
    bool is_between;                    /* behind a member: another one may follow, or the end */
    unsigned char packed[PACKED];
};

NnGzip *nn_open_gzip(const char *path)
{
    NnGzip *gzip = nn_allocate(1, sizeof *gzip);
    if (inflateInit2(&gzip->stream, 15 + 16) != Z_OK)         /* 15: the largest window; 16: gzip, with its checksum */
        nn_fail(NN_MACHINE_LACKS, path, "not enough memory to unpack it");
    return gzip;
}

void nn_close_gzip(NnGzip *gzip)
{
    inflateEnd(&gzip->stream);
    nn_release(gzip);
}

/* Makes sure of packed input; false at the end of the file. */
static bool refill(NnInputFile *file)
{
    NnGzip *gzip = file->gzip;
    if (!gzip->stream.avail_in) {
        gzip->stream.next_in = gzip->packed;
        gzip->stream.avail_in = (unsigned)nn_read_raw(file, gzip->packed, PACKED);
    }
    return gzip->stream.avail_in > 0;
}

size_t nn_unpack(NnInputFile *file, void *out, size_t bytes)
{
    z_stream *stream = &file->gzip->stream;
    size_t done = 0;
    while (done < bytes) {
        if (!refill(file)) {
            if (!file->gzip->is_between)
                nn_fail(NN_WRONG_INPUT, file->path, "the gzip stream ends too early: the file is torn; copy or download it again");
            break;
        }
        if (file->gzip->is_between) {
            if (stream->next_in[0] != 0x1F)
                nn_fail(NN_WRONG_INPUT, file->path, "goes on after the end of its gzip stream; copy or download it again");
            inflateReset(stream);
            file->gzip->is_between = false;
        }
        size_t piece = bytes - done < 1 << 30 ? bytes - done : 1 << 30;
        stream->next_out = (unsigned char *)out + done;
        stream->avail_out = (unsigned)piece;
        int code = inflate(stream, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            nn_fail(NN_WRONG_INPUT, file->path, "the gzip stream is damaged (%s); copy or download the file again",
                    stream->msg ? stream->msg : "error in the data");
        file->gzip->is_between = code == Z_STREAM_END;
        done += piece - stream->avail_out;
    }
    return done;
}
