/* count_allocations.c: loaded before a program (LD_PRELOAD), counts its calls of the malloc family and of mmap, and writes their
 * number to the file that ALLOCATIONS names when the program ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>

static atomic_long calls;

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t bytes) { calls++; return __libc_malloc(bytes); }
void *calloc(size_t count, size_t bytes) { calls++; return __libc_calloc(count, bytes); }
void *realloc(void *old, size_t bytes) { calls++; return __libc_realloc(old, bytes); }
void *memalign(size_t alignment, size_t bytes) { calls++; return __libc_memalign(alignment, bytes); }
void *aligned_alloc(size_t alignment, size_t bytes) { calls++; return __libc_memalign(alignment, bytes); }
int posix_memalign(void **out, size_t alignment, size_t bytes) { calls++; return !(*out = __libc_memalign(alignment, bytes)) * 12; }

void *mmap(void *at, size_t bytes, int protection, int flags, int file, off_t offset)
{
    static void *(*next)(void *, size_t, int, int, int, off_t);
    if (!next)
        next = (void *(*)(void *, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
    calls++;
    return next(at, bytes, protection, flags, file, offset);
}

__attribute__((destructor)) static void tell(void)
{
    const long count = calls;
    FILE *out = getenv("ALLOCATIONS") ? fopen(getenv("ALLOCATIONS"), "w") : NULL;
    if (out && fprintf(out, "%ld\n", count) > 0)
        fclose(out);
}
