/* output_file.h: writing a file whole or not at all.
 *
 * The bytes go to a temporary file beside the target; committing flushes it to the disk and renames it over the target, so a
 * full disk, a crash or a kill leaves the old file as it was. What is no regular file (/dev/null, a pipe) is written directly,
 * never renamed over. Whatever fails ends the program with status 3, the temporary file removed; so does a signal. */
#ifndef NNGEN_RUNTIME_OUTPUT_FILE_H
#define NNGEN_RUNTIME_OUTPUT_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct NnOutputFile {
    const char *path;                   /* the caller's name for it */
    char *target;                       /* with symbolic links followed */
    char *temporary;                    /* NULL: written directly */
    int descriptor;
} NnOutputFile;

NnOutputFile nn_create_output(const char *path);
void nn_write_output(NnOutputFile *file, const void *bytes, size_t count);        /* not buffered: hand over large pieces */
void nn_commit_output(NnOutputFile *file, bool to_disk);      /* to_disk: safe from a power cut, and slower; whole it is anyway */
void nn_probe_output(const char *path);                       /* can it be created? Else the program ends as it would then */
void nn_remove_unfinished(void);                              /* for a signal's handler that ends the program */

#endif
