/* command_new.c: nngen new NAME, a commented model to start from: templates/lua/model.lua under that name. */
#include "base/text.h"
#include "pipeline.h"
#include <string.h>
#include <unistd.h>

extern const char template_lua_model[];
extern const size_t template_lua_model_size;

int command_new(Arena *arena, Options *options)
{
    const char *name = options->operand[0];
    size_t length = strlen(name);
    bool has_ending = length > 4 && strcmp(name + length - 4, ".lua") == 0;
    const char *path = has_ending ? name : arena_print(arena, "%s.lua", name);
    if (access(path, F_OK) == 0)
        fail_call("%s is there already; give another name", quoted(arena, path));
    write_file(path, template_lua_model, template_lua_model_size);

    const char *said = arena_print(arena, "%s is written. Next:\n  nngen run %s\n  nngen run %s --report run.html\n  nngen explain %s --html explained.html\n",
                                   escaped(arena, path), escaped(arena, path), escaped(arena, path), escaped(arena, path));
    write_file(NULL, said, strlen(said));
    return STATUS_DONE;
}
