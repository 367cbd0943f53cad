/* leaves.c: the functions of `core` that make what a step starts from: inputs, parameters, slots, constants; and options,
 * which are values from the command line. */
#include "model/script.h"
#include "base/text.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static Leaf new_leaf_of(LeafKind kind, const char *name, Type type, Place place)
{
    return (Leaf){.kind = kind, .name = name, .type = type, .place = place, .lr_factor = 1, .weight_decay = NAN, .parameter = NONE};
}

/* What the optimizer's function made would get no data and no training. */
static void refuse_while_updating(lua_State *lua, const char *what)
{
    if (script_of(lua)->updating)
        refuse_here(lua, "%s: it is made inside the optimizer's function\nmake it outside; s:slot(\"m\", 0) is what an optimizer keeps", what);
}

/* input(name, shape [, classes]) */
static int input(lua_State *lua)
{
    bool is_class = !lua_isnoneornil(lua, 3);
    const char *what = is_class ? "nn.class" : "nn.input";
    refuse_while_updating(lua, what);
    Type type = read_shape(lua, 2, what);
    type.per_row = true;
    type.scalar = is_class ? INT : FLOAT;
    Leaf leaf = new_leaf_of(LEAF_INPUT, checked_name(lua, 1, what), type, user_place(lua));
    leaf.classes = is_class ? (int)luaL_checkinteger(lua, 3) : 0;
    push_tensor(lua, new_leaf(graph_here(lua), leaf));
    return 1;
}

/* ---- parameters --------------------------------------------------------------------------------------------------- */

/* The initialiser at `index`: {kind = "constant" | "uniform" | "normal", a =, b =, zero_from =, zero_to =} or {kind = "table", values = nested} */
static NnInit read_init(lua_State *lua, int index, const Type *type, const char *name)
{
    Arena *arena = script_of(lua)->arena;
    const char *kind = field_string(lua, index, "kind");
    NnInit init = {.a = field_number(lua, index, "a", 0), .b = field_number(lua, index, "b", 0),
                   .zero_from = (int64_t)field_number(lua, index, "zero_from", 0), .zero_to = (int64_t)field_number(lua, index, "zero_to", 0)};
    if (!strcmp(kind, "table")) {
        Type found;
        lua_getfield(lua, index, "values");
        init.kind = NN_INIT_TABLE;
        const char *what = arena_print(arena, "the initial value of %s", quoted(arena, name));
        init.table = nested_numbers(lua, lua_gettop(lua), &found, what);
        lua_pop(lua, 1);
        if (!same_shape(found, *type))
            refuse_here(lua, "the initial value of %s has the shape %s, the parameter %s", quoted(arena, name),
                        shape_text(arena, found), shape_text(arena, *type));
        for (int64_t i = 0; i < element_count(found); i++)
            if (!isfinite(init.table[i]))
                refuse_here(lua, "the initial value of %s is not finite", quoted(arena, name));
        return init;
    }
    init.kind = !strcmp(kind, "uniform") ? NN_INIT_UNIFORM : !strcmp(kind, "normal") ? NN_INIT_NORMAL : NN_INIT_CONSTANT;
    return init;
}

/* parameter(name, shape, init, {freeze =, lr =, weight_decay =}, place) */
static int parameter(lua_State *lua)
{
    Script *script = script_of(lua);
    refuse_while_updating(lua, "nn.parameter");
    Type type = read_shape(lua, 2, "nn.parameter");
    Leaf leaf = new_leaf_of(LEAF_PARAMETER, checked_name(lua, 1, "nn.parameter"), type, place_numbered(script, luaL_checkinteger(lua, 5)));
    leaf.init = read_init(lua, 3, &type, leaf.name);
    leaf.frozen = field_boolean(lua, 4, "freeze");
    leaf.lr_factor = field_number(lua, 4, "lr", 1);
    leaf.weight_decay = field_number(lua, 4, "weight_decay", NAN);
    push_tensor(lua, new_leaf(graph_here(lua), leaf));
    return 1;
}

/* slot(name, parameter, initial): a state shaped like the parameter, named "fc1.weight.name" */
static int slot(lua_State *lua)
{
    Script *script = script_of(lua);
    const Node *owner = &script->graph->nodes[need_tensor(lua, 2, "slot")];
    const Leaf *parameter = &script->graph->leaves[owner->attributes.leaf];
    const char *name = arena_print(script->arena, "%s.%s", parameter->name, checked_name(lua, 1, "s:slot"));
    Leaf leaf = new_leaf_of(LEAF_SLOT, name, parameter->type, parameter->place);
    leaf.parameter = owner->attributes.leaf;
    leaf.init = (NnInit){.kind = NN_INIT_CONSTANT, .a = luaL_checknumber(lua, 3)};
    push_tensor(lua, new_leaf(graph_here(lua), leaf));
    return 1;
}

/* statistic(name, shape, init, place): a state that training assigns and the optimizer leaves alone */
static int statistic(lua_State *lua)
{
    Type type = read_shape(lua, 2, "nn.statistic");
    Place place = script_of(lua)->places[luaL_checkinteger(lua, 4)];
    Leaf leaf = new_leaf_of(LEAF_STATISTIC, checked_name(lua, 1, "nn.statistic"), type, place);
    leaf.init = read_init(lua, 3, &type, leaf.name);
    push_tensor(lua, new_leaf(graph_here(lua), leaf));
    return 1;
}

/* constant(v): a number or a nested table */
static int constant_of(lua_State *lua)
{
    if (lua_type(lua, 1) != LUA_TTABLE) {
        push_tensor(lua, need_tensor(lua, 1, "nn.constant"));
        return 1;
    }
    Attributes which = attributes();
    which.table = nested_numbers(lua, 1, &which.type, "nn.constant");
    push_tensor(lua, new_node(graph_here(lua), OP_TABLE, NULL, 0, which));
    return 1;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static void note_option(Script *script, const char *name, const char *value)
{
    for (int o = 0; o < script->seen_count; o++)
        if (!strcmp(script->seen[o].name, name))
            return;
    ARENA_PUSH(script->arena, script->seen, script->seen_count, script->seen_room,
               (Setting){.name = name, .value = arena_string(script->arena, value)});
}

/* What --set gave, of the default's type; a wrong one is a wrong call. */
static void push_setting(lua_State *lua, const Setting *setting, int otherwise)
{
    Arena *arena = script_of(lua)->arena;
    const char *value = setting->value, *name = quoted(arena, setting->name);
    char *end;
    errno = 0;
    switch (lua_type(lua, otherwise)) {
    case LUA_TBOOLEAN:
        if (strcmp(value, "true") && strcmp(value, "false"))
            fail_call("--set %s: true or false belongs here, not %s", name, quoted(arena, value));
        lua_pushboolean(lua, !strcmp(value, "true"));
        return;
    case LUA_TNUMBER:
        if (lua_isinteger(lua, otherwise)) {
            long long integer = strtoll(value, &end, 10);
            if (*value && !*end && !errno) {
                lua_pushinteger(lua, integer);
                return;
            }
            errno = 0;                                    /* 1e3 and 0.5 are numbers as well */
        }
        double number = strtod(value, &end);
        if (!*value || *end || !isfinite(number) || value[strspn(value, "0123456789+-.eE")])
            fail_call("--set %s: a number belongs here, not %s", name, quoted(arena, value));
        if (number == floor(number) && fabs(number) < 1e15 && lua_isinteger(lua, otherwise))
            lua_pushinteger(lua, (lua_Integer)number);
        else
            lua_pushnumber(lua, number);
        return;
    default:
        lua_pushstring(lua, value);
    }
}

/* option(name, default) */
static int option(lua_State *lua)
{
    Script *script = script_of(lua);
    refuse_while_updating(lua, "nn.option");
    const char *name = checked_name(lua, 1, "nn.option");
    int kind = lua_type(lua, 2);
    if (kind != LUA_TNUMBER && kind != LUA_TSTRING && kind != LUA_TBOOLEAN)
        refuse_here(lua, "nn.option: the default of %s is a number, a string or a boolean, not a %s", quoted(script->arena, name),
                    luaL_typename(lua, 2));
    lua_settop(lua, 2);
    for (int s = script->options->setting_count - 1; s >= 0; s--)       /* the last one wins */
        if (!strcmp(script->options->settings[s].name, name)) {
            push_setting(lua, &script->options->settings[s], 2);
            break;
        }
    for (int s = 0; s < script->options->setting_count; s++)
        if (!strcmp(script->options->settings[s].name, name))
            script->options->settings[s].used = true;
    note_option(script, name, luaL_tolstring(lua, -1, NULL));
    lua_pop(lua, 1);
    return 1;
}

void add_leaf_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"input", input}, {"parameter", parameter}, {"slot", slot}, {"statistic", statistic}, {"constant", constant_of}, {"option", option}, {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
