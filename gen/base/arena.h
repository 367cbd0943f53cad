/* arena.h: memory that is given back all at once.
 *
 * One arena lives as long as the compilation and holds the model, the graph and the kernels; a pass that needs scratch makes
 * an arena of its own and frees it at its end. Nothing is freed singly, so nothing can be freed twice or too early. Memory
 * comes zeroed and aligned for any type. Running out of memory ends the program with status 3 (fail.h). */
#ifndef NNGEN_BASE_ARENA_H
#define NNGEN_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);
size_t arena_bytes(const Arena *arena);                          /* all that it took from the machine */
void *arena_alloc(Arena *arena, size_t bytes);
void *arena_copy(Arena *arena, const void *from, size_t bytes);
char *arena_string(Arena *arena, const char *string);            /* NULL stays NULL */
char *arena_print(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprint(Arena *arena, const char *format, va_list arguments);

/* An array that grows: doubles its room in the arena when it is full. `array` is a pointer, `count` and `room` its sizes. */
#define ARENA_PUSH(arena, array, count, room, ...)                                                     \
    do {                                                                                               \
        if ((count) == (room))                                                                         \
            (array) = arena_grow((arena), (array), (count), &(room), sizeof *(array));                 \
        (array)[(count)++] = (__VA_ARGS__);                                                            \
    } while (0)
void *arena_grow(Arena *arena, const void *array, int count, int *room, size_t element);

#define NEW(arena, Type, count) ((Type *)arena_alloc((arena), sizeof(Type) * (size_t)(count)))

#endif
