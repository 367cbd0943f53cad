/* read_reference.c: the entries that the files of nn registered with core.document, as sections of text and example graphs.
 *
 * language.lua writes the texts. Each entry is taken from a script of its own, so that the parameters and numbered names of one
 * example do not show in another's formulas. */
#include "model/script.h"

static const ReadOptions no_options;

static int list_sections(lua_State *lua)
{
    run_part(lua, "nn");
    run_part(lua, "language");
    lua_getfield(lua, -1, "sections");
    lua_call(lua, 0, 1);
    lua_setfield(lua, LUA_REGISTRYINDEX, "sections");
    return 0;
}

/* section(name), the name being the script's: its text, its definition or nil, its annotation. */
static int make_section(lua_State *lua)
{
    run_part(lua, "nn");
    run_part(lua, "language");
    lua_getfield(lua, -1, "section");
    lua_pushstring(lua, script_of(lua)->path);
    lua_call(lua, 1, 3);
    lua_setfield(lua, LUA_REGISTRYINDEX, "annotation");
    lua_setfield(lua, LUA_REGISTRYINDEX, "definition");
    lua_setfield(lua, LUA_REGISTRYINDEX, "text");
    return 0;
}

static Section read_section(Arena *arena, const char *name)
{
    Script *script = open_script(arena, name, &no_options);
    protected_call(script, make_section);
    Section section = {.text = field_string(script->lua, LUA_REGISTRYINDEX, "text"),
                       .annotation = field_string(script->lua, LUA_REGISTRYINDEX, "annotation")};
    lua_getfield(script->lua, LUA_REGISTRYINDEX, "definition");
    if (lua_toboolean(script->lua, -1)) {
        finish_model(script);
        section.example = script->model;
    }
    close_script(script);
    return section;
}

Section *read_reference(Arena *arena, int *count)
{
    Script *script = open_script(arena, "nn", &no_options);
    protected_call(script, list_sections);
    lua_State *lua = script->lua;
    lua_getfield(lua, LUA_REGISTRYINDEX, "sections");
    *count = (int)lua_rawlen(lua, -1);
    Section *list = NEW(arena, Section, *count + 1);
    for (int s = 0; s < *count; s++) {
        lua_rawgeti(lua, -1, s + 1);
        const char *name = field_string(lua, lua_gettop(lua), "name");
        if (name)
            list[s] = read_section(arena, name);
        else
            list[s] = (Section){.text = field_string(lua, lua_gettop(lua), "text"),
                                .annotation = field_string(lua, lua_gettop(lua), "annotation")};
        lua_pop(lua, 1);
    }
    close_script(script);
    return list;
}
