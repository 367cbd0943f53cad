/* talk.c: the functions of `core` that are about the script and not about tensors: its files, its places, its names, and how
 * the Lua parts of nn refuse. */
#include "model/script.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LARGEST_FILE = 16 << 20 };

/* ---- files -------------------------------------------------------------------------------------------------------- */

/* "path:12: message" as the compiler of Lua has it, the path shortened to "...end" if it is long. */
static _Noreturn void refuse_syntax(Script *script, const char *path, const char *message)
{
    const char *rest = message;
    size_t length = strlen(path);
    if (!strncmp(rest, path, length)) {
        rest += length;
    } else if (!strncmp(rest, "...", 3)) {
        size_t shown = LUA_IDSIZE - 3 - 1;
        if (length >= shown && !strncmp(rest + 3, path + length - shown, shown))
            rest += 3 + shown;
    }
    char *end;
    long line = *rest == ':' ? strtol(rest + 1, &end, 10) : 0;
    if (line <= 0 || *end != ':')
        fail_at((Place){path, 0}, "%s", escaped(script->arena, message));
    fail_at((Place){path, (int)line}, "%s", escaped(script->arena, end[1] == ' ' ? end + 2 : end + 1));
}

/* The whole file, ending in a zero. A pipe may be a model as well, so the size is known only in the end; a device or a pipe
 * without end is refused at LARGEST_FILE. */
static const char *read_source(Arena *arena, const char *path, size_t *size)
{
    Place place = {path, 0};
    struct stat status;
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        fail_at(place, "this is a folder; a model is a Lua file");
    const int descriptor = nn_open_patiently(path);
    FILE *file = descriptor >= 0 ? fdopen(descriptor, "rb") : NULL;
    if (!file)
        fail_at(place, "cannot be read: %s", strerror(errno));
    Text text = text_new(arena);
    char part[16384];
    for (size_t count; (count = fread(part, 1, sizeof part, file)) > 0;) {
        text_add_bytes(&text, part, count);
        if (text.length > LARGEST_FILE)
            fail_at(place, "this file is larger than %d MiB; a model is a Lua file", LARGEST_FILE >> 20);
    }
    if (ferror(file))
        fail_at(place, "cannot be read: %s", strerror(errno));
    fclose(file);
    *size = text.length;
    return text.bytes;
}

void load_text(lua_State *lua, const char *path)
{
    Script *script = script_of(lua);
    size_t size;
    const char *text = read_source(script->arena, path, &size);
    if (!script->model->source)
        script->model->source = text;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {  /* a byte order mark */
        text += 3;
        size -= 3;
    }
    if (size && *text == '#') {                           /* "#!/usr/…": the newline stays, so lines keep their numbers */
        size_t skip = strcspn(text, "\n");
        text += skip;
        size -= skip;
    }
    if (size && *text == LUA_SIGNATURE[0])
        fail_at((Place){path, 0}, "this is compiled Lua; a model is text");
    if (luaL_loadbufferx(lua, text, size, lua_pushfstring(lua, "@%s", path), "t") != LUA_OK)
        refuse_syntax(script, path, lua_tostring(lua, -1));
    lua_remove(lua, -2);
}

/* Links may lead anywhere: both are followed to their ends. */
static bool is_within(const char *folder, const char *path)
{
    char *outer = realpath(*folder ? folder : ".", NULL), *inner = realpath(path, NULL);
    size_t length = outer ? strlen(outer) : 0;
    bool within = length && inner && !strncmp(inner, outer, length) && (inner[length] == '/' || length == 1);
    free(outer);
    free(inner);
    return within;
}

/* load_file(name): the chunk of name.lua beside the model */
static int load_file(lua_State *lua)
{
    Script *script = script_of(lua);
    const char *name = luaL_checkstring(lua, 1);
    const char *path = arena_print(script->arena, "%s%s.lua", script->folder, name);
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || !is_within(script->folder, path))
        refuse_here(lua, "require: there is no file %s\nonly nn and Lua files in the model's folder can be required",
                    quoted(script->arena, path));
    load_text(lua, path);
    return 1;
}

static int part(lua_State *lua)
{
    run_part(lua, luaL_checkstring(lua, 1));
    return 1;
}

static int print(lua_State *lua)
{
    for (lua_Integer i = 1; lua_geti(lua, 1, i) != LUA_TNIL; i++) {
        size_t size;
        const char *text = lua_tolstring(lua, -1, &size);
        if (i > 1)
            fputc('\t', stderr);
        fwrite(text, 1, size, stderr);
        lua_pop(lua, 1);
    }
    fputc('\n', stderr);
    return 0;
}

/* ---- refusals ----------------------------------------------------------------------------------------------------- */

/* The message, whose parts may be the user's strings: each line escaped. */
static const char *message_argument(lua_State *lua)
{
    Arena *arena = script_of(lua)->arena;
    Text text = text_new(arena);
    const char *line = luaL_checkstring(lua, 1);
    for (;;) {
        size_t length = strcspn(line, "\n");
        text_add(&text, escaped(arena, arena_print(arena, "%.*s", (int)length, line)));
        if (!line[length])
            return text.bytes;
        text_add(&text, "\n");
        line += length + 1;
    }
}

static Place place_argument(lua_State *lua)
{
    return lua_isinteger(lua, 2) ? place_numbered(script_of(lua), lua_tointeger(lua, 2)) : user_place(lua);
}

/* fail(message [, place]): further lines say more, the last one what to do */
static int fail(lua_State *lua)
{
    fail_at(place_argument(lua), "%s", message_argument(lua));
}

/* warn(message [, place]) */
static int warn(lua_State *lua)
{
    warn_at(place_argument(lua), "%s", message_argument(lua));
    return 0;
}

static int quote(lua_State *lua)
{
    lua_pushstring(lua, quoted(script_of(lua)->arena, luaL_checkstring(lua, 1)));
    return 1;
}

/* nearest(word, words): the nearest of them, or nil */
static int nearest_word(lua_State *lua)
{
    const char *word = luaL_checkstring(lua, 1);
    int count = (int)luaL_len(lua, 2);
    const char **words = NEW(script_of(lua)->arena, const char *, count + 1);
    luaL_checkstack(lua, count + 1, NULL);
    for (int i = 0; i < count; i++) {
        lua_geti(lua, 2, i + 1);
        words[i] = lua_tostring(lua, -1);
    }
    lua_pushstring(lua, nearest(word, words, count));     /* NULL becomes nil */
    return 1;
}

/* name(value, what): the string itself, if it may name a tensor */
static int name(lua_State *lua)
{
    checked_name(lua, 1, luaL_checkstring(lua, 2));
    lua_settop(lua, 1);
    return 1;
}

/* ---- places ------------------------------------------------------------------------------------------------------- */

/* place(): the user's line, as a number that `at`, `fail` and `warn` take */
static int place(lua_State *lua)
{
    Script *script = script_of(lua);
    Place here = user_place(lua);
    int last = script->place_count - 1;
    if (last < 0 || script->places[last].file != here.file || script->places[last].line != here.line) {
        ARENA_PUSH(script->arena, script->places, script->place_count, script->place_room, here);
        last = script->place_count - 1;
    }
    lua_pushinteger(lua, last);
    return 1;
}

/* at(place or nil): nodes are made there from now on, instead of at the user's line; gives back what held before */
static int at(lua_State *lua)
{
    Script *script = script_of(lua);
    int before = script->place_override;
    script->place_override = lua_isinteger(lua, 1) ? (int)lua_tointeger(lua, 1) : NONE;
    if (before == NONE)
        lua_pushnil(lua);
    else
        lua_pushinteger(lua, before);
    return 1;
}

/* layer(text or nil): what makes the nodes from now on, for comments; gives back what held before */
static int layer(lua_State *lua)
{
    Script *script = script_of(lua);
    lua_pushstring(lua, script->origin.layer);
    script->origin.layer = lua_isstring(lua, 1) ? arena_string(script->arena, lua_tostring(lua, 1)) : NULL;
    return 1;
}

/* A function that users call is a C closure around the Lua function: what is tail-called stays visible to user_place. */
static int call_through(lua_State *lua)
{
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, lua_gettop(lua) - 1, LUA_MULTRET);
    return lua_gettop(lua);
}

static int export(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TFUNCTION);
    lua_settop(lua, 1);
    lua_pushcclosure(lua, call_through, 1);
    return 1;
}

/* name_locals(): tensors in local variables of the user's running functions take the variables' names, the innermost
 * function and the first variable winning. Inputs and parameters keep their own. */
static int name_locals(lua_State *lua)
{
    Script *script = script_of(lua);
    Graph *graph = script->graph;
    bool *named = NEW(script->arena, bool, graph->count);
    lua_Debug frame;
    for (int level = 0; lua_getstack(lua, level, &frame); level++) {
        lua_getinfo(lua, "S", &frame);
        if (frame.source[0] != '@')
            continue;
        const char *variable;
        for (int l = 1; (variable = lua_getlocal(lua, &frame, l)); l++) {
            NodeId node = to_tensor(lua, -1);
            lua_pop(lua, 1);
            if (node == NONE || named[node] || op_info[graph->nodes[node].op].class == LEAF)
                continue;
            if (variable[0] == '(' || variable[0] == '_')     /* "(temporary)", and what the user calls nothing */
                continue;
            named[node] = true;
            name_node(&graph->nodes[node], arena_string(script->arena, variable));
        }
    }
    return 0;
}

void add_talk_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"load_file", load_file}, {"part", part}, {"print", print}, {"fail", fail}, {"warn", warn}, {"quoted", quote},
        {"nearest", nearest_word}, {"name", name}, {"place", place}, {"at", at}, {"layer", layer}, {"export", export},
        {"name_locals", name_locals}, {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
