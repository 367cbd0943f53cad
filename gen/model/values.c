/* values.c: numbers, names and nested tables out of Lua, each refused with the user's line when it is not what it should be.
 *
 * Tables are read raw: a model's metatables do not run here. */
#include "model/script.h"
#include "base/text.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { LONGEST_NAME = 200 };

/* ---- names -------------------------------------------------------------------------------------------------------- */

/* The length of the UTF-8 character at `at`, 0 if there is none (RFC 3629: no surrogates, no overlong forms, to U+10FFFF). */
static size_t character(const unsigned char *at, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    if (length < 2) {
        *code = at[0];
        return length;
    }
    *code = at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        *code = *code << 6 | (at[i] & 0x3f);
    }
    return *code < least[length] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : length;
}

const char *checked_name(lua_State *lua, int index, const char *what)
{
    Arena *arena = script_of(lua)->arena;
    if (lua_type(lua, index) != LUA_TSTRING)
        refuse_here(lua, "%s: its name is a string, not a %s", what, luaL_typename(lua, index));
    size_t size;
    const char *text = lua_tolstring(lua, index, &size);
    if (!size)
        refuse_here(lua, "%s: its name is empty", what);
    if (size > LONGEST_NAME)
        refuse_here(lua, "%s: its name has %zu bytes; at most %d are allowed", what, size, LONGEST_NAME);
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t code;
        length = character((const unsigned char *)text + at, &code);
        if (!length)
            refuse_here(lua, "%s: its name %s is not valid UTF-8", what, quoted(arena, text));
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            refuse_here(lua, "%s: its name has a control character (U+%04X)", what, (unsigned)code);
    }
    if (!strcmp(text, "__metadata__") || !strncmp(text, "nngen.", 6))
        refuse_here(lua, "%s: the name %s is reserved for checkpoints\ngive it another one", what, quoted(arena, text));
    return arena_string(arena, text);
}

/* ---- fields of tables that the Lua parts of nn made ---------------------------------------------------------------- */

const char *field_string(lua_State *lua, int table, const char *key)
{
    lua_getfield(lua, table, key);
    const char *text = arena_string(script_of(lua)->arena, lua_tostring(lua, -1));
    lua_pop(lua, 1);
    return text;
}

double field_number(lua_State *lua, int table, const char *key, double otherwise)
{
    lua_getfield(lua, table, key);
    double value = lua_isnumber(lua, -1) ? lua_tonumber(lua, -1) : otherwise;
    lua_pop(lua, 1);
    return value;
}

int64_t field_integer(lua_State *lua, int table, const char *key, int64_t otherwise)
{
    lua_getfield(lua, table, key);
    int isnum;
    int64_t value = lua_tointegerx(lua, -1, &isnum);
    lua_pop(lua, 1);
    return isnum ? value : otherwise;
}

bool field_boolean(lua_State *lua, int table, const char *key)
{
    lua_getfield(lua, table, key);
    bool value = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return value;
}

Place field_place(lua_State *lua, int table, const char *key)
{
    return place_numbered(script_of(lua), field_integer(lua, table, key, NONE));
}

NodeId field_tensor(lua_State *lua, int table, const char *key)
{
    lua_getfield(lua, table, key);
    NodeId node = to_tensor(lua, -1);
    lua_pop(lua, 1);
    return node;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------- */

/* A list of sizes, or one size. */
Type read_shape(lua_State *lua, int index, const char *what)
{
    Type type = scalar_type(FLOAT);
    if (lua_type(lua, index) == LUA_TNUMBER) {
        lua_createtable(lua, 1, 0);
        lua_pushvalue(lua, index);
        lua_rawseti(lua, -2, 1);
        lua_replace(lua, index);
    }
    if (lua_type(lua, index) != LUA_TTABLE)
        refuse_here(lua, "%s: its shape is a list of sizes as {28, 28}, not a %s", what, luaL_typename(lua, index));
    lua_Unsigned rank = lua_rawlen(lua, index);
    if (rank > MAX_RANK)
        refuse_here(lua, "%s: a shape has at most %d sizes besides the batch, this one has %llu", what, (int)MAX_RANK,
                    (unsigned long long)rank);
    size_t entries = 0;
    for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1))
        entries++;
    if (entries != rank)
        refuse_here(lua, "%s: its shape is a plain list of sizes as {28, 28}", what);
    for (int d = 0; d < (int)rank; d++) {
        lua_rawgeti(lua, index, d + 1);
        int is_integer;
        type.size[type.rank++] = lua_tointegerx(lua, -1, &is_integer);
        if (lua_type(lua, -1) != LUA_TNUMBER || !is_integer || type.size[d] < 1)
            refuse_here(lua, "%s: sizes are integers from 1; size %d of its shape is %s", what, d + 1,
                        lua_type(lua, -1) == LUA_TNUMBER ? lua_tostring(lua, -1) : luaL_typename(lua, -1));
        lua_pop(lua, 1);
    }
    return type;
}

/* ---- nested tables ------------------------------------------------------------------------------------------------ */

static const char *path_text(Arena *arena, const int64_t *path, int depth)
{
    Text text = text_new(arena);
    for (int d = 0; d < depth; d++)
        text_print(&text, "[%" PRId64 "]", path[d]);
    return text.bytes;
}

/* The table on the stack's top, of the shape that was found: appends its numbers in order. */
static void flatten(lua_State *lua, const Type *type, int depth, int64_t *path, double **to, const char *what)
{
    Arena *arena = script_of(lua)->arena;
    if (depth == type->rank) {
        if (lua_type(lua, -1) != LUA_TNUMBER)
            refuse_here(lua, "%s: a number belongs at %s, not a %s", what, path_text(arena, path, depth), luaL_typename(lua, -1));
        **to = lua_tonumber(lua, -1);
        if (isnan(**to))
            refuse_here(lua, "%s: the number at %s is not a number (NaN)", what, path_text(arena, path, depth));
        ++*to;
        return;
    }
    int64_t size = lua_type(lua, -1) == LUA_TTABLE ? (int64_t)lua_rawlen(lua, -1) : -1;
    if (size != type->size[depth])
        refuse_here(lua, "%s: its tables differ in size: %" PRId64 " elements belong at %s, there %s %" PRId64, what,
                    type->size[depth], path_text(arena, path, depth), size == 1 ? "is" : "are", size < 0 ? 0 : size);
    for (int64_t i = 1; i <= size; i++) {
        path[depth] = i;
        lua_rawgeti(lua, -1, i);
        flatten(lua, type, depth + 1, path, to, what);
        lua_pop(lua, 1);
    }
}

double *nested_numbers(lua_State *lua, int index, Type *type, const char *what)
{
    *type = scalar_type(FLOAT);
    luaL_checkstack(lua, MAX_RANK + 4, NULL);
    lua_pushvalue(lua, index);
    int top = lua_gettop(lua) - 1;
    while (lua_type(lua, -1) == LUA_TTABLE) {
        if (type->rank == MAX_RANK)
            refuse_here(lua, "%s: its tables are nested more than %d deep", what, (int)MAX_RANK);
        int64_t size = (int64_t)lua_rawlen(lua, -1);
        if (!size)
            refuse_here(lua, "%s: a table in it is empty, or no plain list of numbers", what);
        type->size[type->rank++] = size;
        lua_rawgeti(lua, -1, 1);
    }
    lua_settop(lua, top);
    int64_t count = element_count(*type);
    if (count > INT64_C(1) << 40)
        refuse_here(lua, "%s: %s has more than 2^40 elements", what, shape_text(script_of(lua)->arena, *type));
    need_memory(lua, count * (int64_t)sizeof(double));
    double *numbers = NEW(script_of(lua)->arena, double, count), *to = numbers;
    int64_t path[MAX_RANK];
    lua_pushvalue(lua, index);
    flatten(lua, type, 0, path, &to, what);
    lua_pop(lua, 1);
    return numbers;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

typedef struct Rows {
    const char *what;
    double *numbers;
    int64_t count, room, row;
    int classes;
} Rows;

static void add_number(lua_State *lua, Rows *rows)
{
    double value = lua_tonumber(lua, -1);
    if (lua_type(lua, -1) != LUA_TNUMBER)
        refuse_here(lua, "%s: row %" PRId64 " holds a %s where a number belongs", rows->what, rows->row, luaL_typename(lua, -1));
    if (!isfinite(value))
        refuse_here(lua, "%s: row %" PRId64 " holds %s; data are finite numbers", rows->what, rows->row,
                    isnan(value) ? "a NaN" : "an infinite number");
    if (rows->classes && (value != floor(value) || value < 0 || value >= rows->classes))
        refuse_here(lua, "%s: row %" PRId64 " is class %.17g; classes are integers from 0 to %d", rows->what, rows->row, value,
                    rows->classes - 1);
    if (rows->count < rows->room)
        rows->numbers[rows->count] = value;
    rows->count++;
}

static void add_row(lua_State *lua, Rows *rows, int depth)
{
    if (lua_type(lua, -1) != LUA_TTABLE) {
        add_number(lua, rows);
        return;
    }
    if (depth > MAX_RANK)
        refuse_here(lua, "%s: row %" PRId64 " is nested more than %d deep", rows->what, rows->row, (int)MAX_RANK);
    luaL_checkstack(lua, 4, NULL);
    int64_t size = (int64_t)lua_rawlen(lua, -1);
    for (int64_t i = 1; i <= size; i++) {
        lua_rawgeti(lua, -1, i);
        add_row(lua, rows, depth + 1);
        lua_pop(lua, 1);
    }
}

/* A list of rows, each a number or nested lists of `elements` numbers, read in order. */
double *row_numbers(lua_State *lua, int index, int64_t elements, int64_t *row_count, int classes, const char *what)
{
    if (lua_type(lua, index) != LUA_TTABLE)
        refuse_here(lua, "%s: a list of rows belongs here, not a %s", what, luaL_typename(lua, index));
    int64_t count = (int64_t)lua_rawlen(lua, index);
    if (!count)
        refuse_here(lua, "%s: it has no rows", what);
    int64_t room;
    if (__builtin_mul_overflow(count, elements, &room) || room > INT64_C(1) << 40)
        refuse_here(lua, "%s: %" PRId64 " rows of %" PRId64 " elements are too many", what, count, elements);
    need_memory(lua, room * (int64_t)sizeof(double));
    Rows rows = {.what = what, .numbers = NEW(script_of(lua)->arena, double, room), .room = room, .classes = classes};
    for (rows.row = 1; rows.row <= count; rows.row++) {
        int64_t before = rows.count;
        lua_rawgeti(lua, index, rows.row);
        add_row(lua, &rows, 0);
        lua_pop(lua, 1);
        if (rows.count - before != elements)
            refuse_here(lua, "%s: row %" PRId64 " has %" PRId64 " elements, but the input has %" PRId64, what, rows.row,
                        rows.count - before, elements);
    }
    *row_count = count;
    return rows.numbers;
}
