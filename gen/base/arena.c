/* arena.c: a list of blocks; an allocation moves a pointer forward in the newest one.
 *
 * Takes sizes, gives zeroed memory aligned for any type. Blocks come from calloc, whose fresh pages are zero already, so the
 * promise costs nothing. Something larger than a block gets a block of its own, put behind the newest one so that the rest of
 * that one is not lost.
 *
 * Invariant: next <= end, both within the first block of the list.
 *
 * Rejected: reserving one huge range of addresses, which address-space limits (ulimit -v, some containers) refuse. */
#include "base/arena.h"
#include "base/fail.h"
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16 };

typedef struct Block {
    struct Block *older;
    _Alignas(max_align_t) char bytes[];
} Block;

struct Arena {
    Block *newest;
    char *next, *end;
    size_t bytes;                       /* of all blocks */
};

static Block *new_block(Arena *arena, size_t bytes)
{
    Block *block = bytes <= SIZE_MAX - sizeof *block ? calloc(1, sizeof *block + bytes) : NULL;
    if (!block)
        fail_machine("not enough memory: %zu more bytes are needed", bytes);
    arena->bytes += sizeof *block + bytes;
    return block;
}

Arena *arena_new(void)
{
    Arena *arena = calloc(1, sizeof *arena);
    if (!arena)
        fail_machine("not enough memory");
    return arena;
}

void arena_free(Arena *arena)
{
    if (!arena)
        return;
    for (Block *block = arena->newest, *older; block; block = older) {
        older = block->older;
        free(block);
    }
    free(arena);
}

size_t arena_bytes(const Arena *arena)
{
    return arena->bytes;
}

void *arena_alloc(Arena *arena, size_t bytes)
{
    const size_t alignment = _Alignof(max_align_t);
    if (bytes > SIZE_MAX - alignment)
        fail_machine("not enough memory: %zu more bytes are needed", bytes);
    bytes = bytes ? (bytes + alignment - 1) / alignment * alignment : alignment;       /* an address of its own, even for nothing */

    if (bytes > (size_t)(arena->end - arena->next)) {
        if (bytes > BLOCK_BYTES / 4 && arena->newest) {
            Block *block = new_block(arena, bytes);
            block->older = arena->newest->older;
            arena->newest->older = block;
            return block->bytes;
        }
        size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        Block *block = new_block(arena, room);
        block->older = arena->newest;
        arena->newest = block;
        arena->next = block->bytes;
        arena->end = block->bytes + room;
    }
    void *memory = arena->next;
    arena->next += bytes;
    return memory;
}

void *arena_copy(Arena *arena, const void *from, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes);
    if (bytes > 0)
        memcpy(copy, from, bytes);
    return copy;
}

char *arena_string(Arena *arena, const char *string)
{
    return string ? arena_copy(arena, string, strlen(string) + 1) : NULL;
}

char *arena_vprint(Arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        bug("a format that cannot be printed: %s", format);
    char *string = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(string, (size_t)length + 1, format, again);
    va_end(again);
    return string;
}

char *arena_print(Arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *string = arena_vprint(arena, format, arguments);
    va_end(arguments);
    return string;
}

void *arena_grow(Arena *arena, const void *array, int count, int *room, size_t element)
{
    if (*room > INT_MAX / 2)
        fail_machine("not enough memory: a table of more than %d entries", *room);
    *room = *room ? 2 * *room : 8;
    void *grown = arena_alloc(arena, (size_t)*room * element);
    if (count > 0)
        memcpy(grown, array, (size_t)count * element);
    return grown;
}
