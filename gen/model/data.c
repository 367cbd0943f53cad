/* data.c: a source that nn.data made (data.lua), as the tables that the runtime's readers take (nngen/data.h).
 *
 * Tables in the model are judged here, row by row; files when they are read. */
#include "model/script.h"
#include "base/text.h"
#include <inttypes.h>
#include <string.h>

static const char *const set_names[NN_SETS] = {"train", "validation", "test"};

/* Pushes table[key][name]; nil where there is no such table. */
static void push_inner(lua_State *lua, int table, const char *key, const char *name)
{
    lua_getfield(lua, table, key);
    if (lua_type(lua, -1) == LUA_TTABLE)
        lua_getfield(lua, -1, name);
    else
        lua_pushnil(lua);
    lua_remove(lua, -2);
}

static double inner_number(lua_State *lua, int table, const char *key, const char *name, double otherwise)
{
    push_inner(lua, table, key, name);
    double value = lua_type(lua, -1) == LUA_TNUMBER ? lua_tonumber(lua, -1) : otherwise;
    lua_pop(lua, 1);
    return value;
}

static const char *inner_string(lua_State *lua, int table, const char *key, const char *name)
{
    push_inner(lua, table, key, name);
    const char *text = lua_type(lua, -1) == LUA_TSTRING ? arena_string(script_of(lua)->arena, lua_tostring(lua, -1)) : NULL;
    lua_pop(lua, 1);
    return text;
}

static NnColumns read_columns(lua_State *lua, int table, const char *name)
{
    push_inner(lua, table, "columns", name);
    int column = lua_gettop(lua);
    NnColumns columns = {.name = field_string(lua, column, "name"), .first = (int)field_integer(lua, column, "first", 0),
                         .last = (int)field_integer(lua, column, "last", 0)};
    lua_pop(lua, 1);
    return columns;
}

static void read_table(lua_State *lua, int table, NnData *data, NnInput *input, NnSet set)
{
    Arena *arena = script_of(lua)->arena;
    push_inner(lua, table, set_names[set], input->name);
    if (!lua_isnil(lua, -1)) {
        int64_t rows;
        const char *what = arena_print(arena, "nn.data.table: %s.%s", set_names[set], escaped(arena, input->name));
        input->table[set] = row_numbers(lua, lua_gettop(lua), input->elements, &rows, input->classes, what);
        if (data->table_rows[set] && data->table_rows[set] != rows)
            refuse_here(lua, "%s: it has %" PRId64 " rows, the inputs before it have %" PRId64, what, rows, data->table_rows[set]);
        data->table_rows[set] = rows;
    }
    lua_pop(lua, 1);
}

static const NnFormat *find_format(const char *name)
{
    static const NnFormat *const formats[] = {&nn_idx, &nn_csv, &nn_table, &nn_npy, &nn_npz, &nn_safetensors, &nn_images, &nn_text};
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++)
        if (strcmp(name, formats[f]->name) == 0)
            return formats[f];
    bug("no such source of data: %s", name);
}

static bool has_files_by_input(const NnFormat *format)
{
    return format == &nn_idx || format == &nn_npy;
}

static void read_input(lua_State *lua, int table, NnData *data, NnInput *input)
{
    input->scale = inner_number(lua, table, "scale", input->name, 1);
    input->mean = inner_number(lua, table, "mean", input->name, 0);
    input->std = inner_number(lua, table, "std", input->name, 1);
    const char *way = inner_string(lua, table, "standardize", input->name);
    input->standardize = !way ? NN_AS_IS : !strcmp(way, "feature") ? NN_BY_FEATURE : NN_BY_ALL;
    if (data->format == &nn_csv)
        input->columns = read_columns(lua, table, input->name);
    if (data->format == &nn_text)
        input->later = !strcmp(inner_string(lua, table, "bind", "next"), input->name);
    push_inner(lua, table, "augment", input->name);
    if (!lua_isnil(lua, -1))
        input->augment = (NnAugment){(int)field_integer(lua, lua_gettop(lua), "shift", 0), field_string(lua, lua_gettop(lua), "flip") != NULL};
    lua_pop(lua, 1);
    for (int set = 0; set < NN_SETS; set++) {
        if (has_files_by_input(data->format))
            input->file[set] = inner_string(lua, table, set_names[set], input->name);
        else if (data->format == &nn_table)
            read_table(lua, table, data, input, set);
    }
}

static void make_inputs(Script *script)
{
    Model *model = script->model;
    model->inputs = NEW(script->arena, NnInput, script->graph->leaf_count + 1);
    for (int l = 0; l < script->graph->leaf_count; l++) {
        const Leaf *leaf = &script->graph->leaves[l];
        if (leaf->kind != LEAF_INPUT)
            continue;
        NnInput *input = &model->inputs[model->input_count++];
        *input = (NnInput){.name = leaf->name, .classes = leaf->classes, .rank = leaf->type.rank,
                           .elements = element_count(leaf->type), .scale = 1, .std = 1};
        memcpy(input->shape, leaf->type.size, sizeof leaf->type.size);
    }
}

void read_data(Script *script, int index)
{
    lua_State *lua = script->lua;
    NnData *data = &script->model->data;
    make_inputs(script);
    if (lua_isnil(lua, index))
        return;
    script->blame = script->model->data_place = field_place(lua, index, "place");
    data->format = find_format(field_string(lua, index, "kind"));
    const char *level = field_string(lua, index, "level");
    data->by_byte = level && !strcmp(level, "byte");
    data->no_shuffle = !field_boolean(lua, index, "shuffle");
    data->stratify = field_string(lua, index, "stratify");
    data->folder = script->folder;
    data->default_folder = field_string(lua, index, "default");
    for (int set = 0; set < NN_SETS; set++) {
        data->first_rows[set] = (int64_t)inner_number(lua, index, "rows", set_names[set], 0);
        data->share[set] = inner_number(lua, index, "split", set_names[set], 0);
        if (!has_files_by_input(data->format) && data->format != &nn_table)
            data->file[set] = field_string(lua, index, set_names[set]);
    }
    for (int i = 0; i < script->model->input_count; i++)
        read_input(lua, index, data, &script->model->inputs[i]);
}

/* text_classes(file, default folder or nil, by byte) */
static int text_classes(lua_State *lua)
{
    Script *script = script_of(lua);
    const NnData data = {.format = &nn_text, .file = {[NN_TRAIN] = luaL_checkstring(lua, 1)}, .folder = script->folder,
                         .default_folder = lua_tostring(lua, 2), .by_byte = lua_toboolean(lua, 3)};
    lua_pushinteger(lua, nn_text_classes(&data, script->options->data_dir));
    return 1;
}

void add_data_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"text_classes", text_classes}, {NULL, NULL}};
    luaL_setfuncs(lua, functions, 0);
}
