/* embedded.h: the parts of the model language that are written in Lua. */
#ifndef NNGEN_MODEL_EMBEDDED_H
#define NNGEN_MODEL_EMBEDDED_H

#include <stdbool.h>
#include <stddef.h>

bool find_embedded(const char *name, const char **source, size_t *size);      /* "layers": layers.lua; false: there is none */

#endif
