/* tensor.c: nodes as Lua values.
 *
 * A tensor is a userdata that holds a node's id; equal ids are different values to Lua, so nothing depends on identity. One
 * C closure for each pointwise row of ops.def serves as core.op.NAME and as metamethod: a new row needs nothing here. What a
 * tensor answers besides (methods, x.shape, the refusals of ==, # and the like) is written in tensors.lua. */
#include "model/script.h"
#include "base/text.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

static const char TENSOR[] = "tensor";      /* the metatable's name: Lua's own messages use it */

void push_tensor(lua_State *lua, NodeId node)
{
    *(NodeId *)lua_newuserdatauv(lua, sizeof(NodeId), 0) = node;
    luaL_setmetatable(lua, TENSOR);
}

NodeId to_tensor(lua_State *lua, int index)
{
    const NodeId *tensor = luaL_testudata(lua, index, TENSOR);
    return tensor ? *tensor : NONE;
}

Graph *graph_here(lua_State *lua)
{
    Script *script = script_of(lua);
    Graph *graph = script->graph;
    graph->now = script->origin;
    graph->now.place = node_place(lua);
    return graph;
}

NodeId need_tensor(lua_State *lua, int index, const char *what)
{
    NodeId node = to_tensor(lua, index);
    if (node != NONE)
        return node;
    if (lua_type(lua, index) == LUA_TNUMBER) {
        double value = lua_tonumber(lua, index);
        if (isnan(value))
            refuse_here(lua, "%s: a constant is not a number (NaN)", what);
        return constant(graph_here(lua), value);
    }
    const char *kind = luaL_typename(lua, index);
    if (luaL_getmetafield(lua, index, "__name") == LUA_TSTRING)
        kind = escaped(script_of(lua)->arena, lua_tostring(lua, -1));
    if (lua_isnoneornil(lua, index))
        refuse_here(lua, "%s: a tensor or a number belongs here, not nil\n%s", what,
                    isalpha((unsigned char)what[0]) ? "in a sequential a function stands as it is, without ()"
                                                    : "is a name misspelt, or local to another place?");
    refuse_here(lua, "%s: a tensor or a number belongs here, not %s %s%s", what, strchr("aeiou", kind[0]) ? "an" : "a", kind,
                !strcmp(kind, "layer") ? "\na layer is a function: call it with a tensor" :
                !strcmp(kind, "table") ? "\na table of numbers becomes a tensor by nn.constant" : "");
}

/* ---- operations --------------------------------------------------------------------------------------------------- */

static int operate(lua_State *lua)
{
    Op op = (Op)lua_tointeger(lua, lua_upvalueindex(1));
    const char *name = lua_tostring(lua, lua_upvalueindex(2));
    NodeId operand[3] = {NONE, NONE, NONE};
    for (int i = 0; i < op_info[op].arity; i++)
        operand[i] = need_tensor(lua, i + 1, name);
    Graph *graph = graph_here(lua);
    push_tensor(lua, op_info[op].arity == 1 ? apply1(graph, op, operand[0]) :
                     op_info[op].arity == 2 ? apply2(graph, op, operand[0], operand[1]) :
                                              apply3(graph, op, operand[0], operand[1], operand[2]));
    return 1;
}

/* What users call it, for messages. */
static const char *name_in_language(Op op)
{
    switch (op) {
    case OP_SELECT: return "where";
    case OP_POWER: return "pow";
    case OP_GREATER: return "gt";
    case OP_GREATER_EQUAL: return "ge";
    case OP_LESS: return "lt";
    case OP_LESS_EQUAL: return "le";
    case OP_EQUAL: return "eq";
    case OP_NOT_EQUAL: return "ne";
    default: return op_info[op].name;
    }
}

static void push_operation(lua_State *lua, Op op, const char *name)
{
    lua_pushinteger(lua, op);
    lua_pushstring(lua, name);
    lua_pushcclosure(lua, operate, 2);
}

/* ---- what a tensor is --------------------------------------------------------------------------------------------- */

static int is_tensor(lua_State *lua)
{
    lua_pushboolean(lua, to_tensor(lua, 1) != NONE);
    return 1;
}

static Type type_argument(lua_State *lua)
{
    return script_of(lua)->graph->nodes[need_tensor(lua, 1, "type")].type;
}

/* kind(x): "float" or "int" */
static int kind(lua_State *lua)
{
    lua_pushstring(lua, type_argument(lua).scalar == INT ? "int" : "float");
    return 1;
}

/* is_swept(x): is it what nn.sweep gave? */
static int is_swept(lua_State *lua)
{
    const NodeId node = to_tensor(lua, 1);
    lua_pushboolean(lua, node != NONE && script_of(lua)->graph->nodes[node].op == OP_SWEPT);
    return 1;
}

static int per_row(lua_State *lua)
{
    lua_pushboolean(lua, type_argument(lua).per_row);
    return 1;
}

static int rank(lua_State *lua)
{
    lua_pushinteger(lua, type_argument(lua).rank);
    return 1;
}

/* sizes(x): a new list, without the batch */
static int sizes(lua_State *lua)
{
    Type type = type_argument(lua);
    lua_createtable(lua, type.rank, 0);
    for (int d = 0; d < type.rank; d++) {
        lua_pushinteger(lua, type.size[d]);
        lua_rawseti(lua, -2, d + 1);
    }
    return 1;
}

static int shape(lua_State *lua)
{
    Script *script = script_of(lua);
    lua_pushstring(lua, shape_text(script->arena, script->graph->nodes[need_tensor(lua, 1, "shape")].type));
    return 1;
}

/* made(x): "made at mnist.lua:7", for messages */
static int made(lua_State *lua)
{
    Script *script = script_of(lua);
    Place place = script->graph->nodes[need_tensor(lua, 1, "made")].origin.place;
    if (place.file && place.line > 0)
        lua_pushfstring(lua, "made at %s:%d", escaped(script->arena, place.file), place.line);
    else
        lua_pushliteral(lua, "");
    return 1;
}

/* classes(x): how many classes an integer tensor counts; nothing where that cannot be seen */
static int classes(lua_State *lua)
{
    int64_t limit = index_limit(script_of(lua)->graph, need_tensor(lua, 1, "classes"));
    if (limit == INT64_MAX)
        return 0;
    lua_pushinteger(lua, limit);
    return 1;
}

/* get_name(x): nil if it has none */
static int get_name(lua_State *lua)
{
    const Script *script = script_of(lua);
    lua_pushstring(lua, script->graph->nodes[need_tensor(lua, 1, "get_name")].origin.name);
    return 1;
}

/* set_name(x, name): leaves keep theirs */
static int set_name(lua_State *lua)
{
    Script *script = script_of(lua);
    Node *node = &script->graph->nodes[need_tensor(lua, 1, "set_name")];
    if (op_info[node->op].class != LEAF)
        node->origin.name = arena_string(script->arena, lua_tostring(lua, 2));
    return 0;
}
/* What the names of values made from x begin with: where it all began, fc1 for fc1 and for fc1_relu; NULL: nobody named it. */
static const char *beginning_of(const Script *script, NodeId x)
{
    const Origin *origin = &script->graph->nodes[x].origin;
    return origin->after ? origin->after : origin->name;
}

static int beginning(lua_State *lua)
{
    lua_pushstring(lua, beginning_of(script_of(lua), need_tensor(lua, 1, "beginning")));
    return 1;
}

/* name_after(y, x, "relu"): y is named fc1_relu if x is fc1, and if x is fc1_dropout as well: where it began and what came last. */
static int name_after(lua_State *lua)
{
    Script *script = script_of(lua);
    NodeId y = need_tensor(lua, 1, "name_after"), x = need_tensor(lua, 2, "name_after");
    Node *result = &script->graph->nodes[y];
    if (!beginning_of(script, x) || result->origin.name || op_info[result->op].class == LEAF)
        return 0;
    result->origin.after = beginning_of(script, x);
    result->origin.name = arena_print(script->arena, "%s_%s", result->origin.after, lua_tostring(lua, 3));
    return 0;
}

void add_tensor_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"is_tensor", is_tensor}, {"kind", kind}, {"is_swept", is_swept}, {"per_row", per_row}, {"rank", rank}, {"sizes", sizes}, {"shape", shape},
        {"made", made}, {"classes", classes}, {"get_name", get_name}, {"set_name", set_name}, {"name_after", name_after},
        {"beginning", beginning}, {NULL, NULL},
    };
    static const struct { const char *event; Op op; const char *symbol; } metamethods[] = {
        {"__add", OP_ADD, "+"}, {"__sub", OP_SUBTRACT, "-"}, {"__mul", OP_MULTIPLY, "*"}, {"__div", OP_DIVIDE, "/"},
        {"__unm", OP_NEGATE, "unary -"},
    };
    luaL_setfuncs(lua, functions, 0);

    lua_newtable(lua);
    for (int op = 0; op < OP_COUNT; op++)
        if (op_info[op].class == POINTWISE) {
            push_operation(lua, (Op)op, name_in_language((Op)op));
            lua_setfield(lua, -2, op_info[op].name);
        }
    lua_setfield(lua, -2, "op");

    luaL_newmetatable(lua, TENSOR);
    for (size_t m = 0; m < sizeof metamethods / sizeof *metamethods; m++) {
        push_operation(lua, metamethods[m].op, metamethods[m].symbol);
        lua_setfield(lua, -2, metamethods[m].event);
    }
    lua_pushboolean(lua, 0);
    lua_setfield(lua, -2, "__metatable");
    lua_setfield(lua, -2, "metatable");
}
