/* embedded.c: the Lua files of this folder, as the build put them into the program. */
#include "model/embedded.h"
#include <string.h>

#define PARTS(X) X(nn) X(sandbox) X(objects) X(tensors) X(functions) X(initialisers) X(layers) X(windows) X(norms) X(recurrent) X(attention) X(losses) X(optimizers) X(schedules) X(data) X(training) X(language) X(annotations)

#define DECLARE(name) extern const char name##_lua_source[]; extern const size_t name##_lua_source_size;
PARTS(DECLARE)

bool find_embedded(const char *name, const char **source, size_t *size)
{
#define ANSWER(part)                            \
    if (!strcmp(name, #part)) {                 \
        *source = part##_lua_source;            \
        *size = part##_lua_source_size;         \
        return true;                            \
    }
    PARTS(ANSWER)
    return false;
}
