/* sources.h: the runtime's sources as text, and what an emitted text needs of them. */
#ifndef NNGEN_EMIT_SOURCES_H
#define NNGEN_EMIT_SOURCES_H

#include "base/text.h"

typedef struct RuntimeSource { const char *path, *text; } RuntimeSource;
extern const RuntimeSource runtime_sources[];               /* made by CMake: "nngen/core.h", "random.c" …; ended by NULL */

/* Everything that `program` uses of the runtime, and what that uses in turn, as static C in an order in which it compiles:
 * `includes` gets the system's headers, a line each, `out` the rest. */
void add_needed_sources(const char *program, Text *includes, Text *out);

#endif
