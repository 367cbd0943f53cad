/* memory.h: the only door to the heap, so that the memory a program reports is what it holds.
 *
 * The runtime allocates while it starts and never in a step. A request that the machine cannot meet ends the program with
 * status 3 and the sum. Counted: every block with its 64 bytes of bookkeeping. Not counted: what libc, zlib,
 * libzip, cJSON and stb_image take for a moment while a file is read. */
#ifndef NNGEN_RUNTIME_MEMORY_H
#define NNGEN_RUNTIME_MEMORY_H

#include <stddef.h>

void *nn_allocate(size_t count, size_t size);                 /* zeroed, aligned to 64 bytes; never NULL */
void *nn_grow(void *block, size_t count, size_t size);        /* the old content at its start, the rest zeroed */
void nn_release(void *block);                                 /* NULL is allowed */
char *nn_copy_string(const char *string);
char *nn_format_string(const char *format, ...) __attribute__((format(printf, 1, 2)));

void nn_want_large_pages(void *start, size_t bytes);          /* asks for them, if it is much memory; none need come */
size_t nn_memory_held(void);
size_t nn_memory_peak(void);                                  /* the most that was ever held */

#endif
