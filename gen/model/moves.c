/* moves.c: the functions of `core` for what is not pointwise: folds, shapes, products, derivatives, substitution.
 *
 * The Lua parts of nn have already judged their arguments (tensors.lua); here they are only fetched. Axes are numbers, 0 the
 * batch; sets of axes are bit sets. */
#include "graph/recurrence.h"
#include "model/script.h"
#include <nngen/random.h>
#include <string.h>

static uint32_t axes_argument(lua_State *lua, int index)
{
    return (uint32_t)luaL_checkinteger(lua, index);
}

static int axis_argument(lua_State *lua, int index)
{
    return (int)luaL_checkinteger(lua, index);
}

static int sum(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "sum");
    push_tensor(lua, sum_axes(graph_here(lua), x, axes_argument(lua, 2)));
    return 1;
}

static int max(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "max");
    push_tensor(lua, max_axes(graph_here(lua), x, axes_argument(lua, 2)));
    return 1;
}

static int argmax(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "argmax");
    push_tensor(lua, reduce(graph_here(lua), OP_ARGMAX, x, axes_argument(lua, 2)));
    return 1;
}

/* fold_size(x, axes): how many elements such a fold sees */
static int fold_elements(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "mean");
    Graph *graph = graph_here(lua);
    push_tensor(lua, fold_size(graph, graph->nodes[x].type, axes_argument(lua, 2)));
    return 1;
}

static int every_axis(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "axes");
    lua_pushinteger(lua, all_axes(script_of(lua)->graph->nodes[x].type));
    return 1;
}

static int reshape(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "reshape");
    Type type = read_shape(lua, 2, "reshape");
    push_tensor(lua, reshape_to(graph_here(lua), x, type.rank, type.size));
    return 1;
}

static int permute_axes(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "permute");
    int8_t order[8] = {0};
    for (int d = 0; d < (int)luaL_len(lua, 2); d++) {
        lua_geti(lua, 2, d + 1);
        order[d] = (int8_t)lua_tointeger(lua, -1);
    }
    push_tensor(lua, permute(graph_here(lua), x, order));
    return 1;
}

/* slice(x, axis, first, last): from 1, both ends included */
static int slice_axis(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "slice");
    push_tensor(lua, slice(graph_here(lua), x, axis_argument(lua, 2), luaL_checkinteger(lua, 3) - 1, luaL_checkinteger(lua, 4)));
    return 1;
}

static int pad_axis(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "pad");
    int64_t before = luaL_checkinteger(lua, 3), after = luaL_checkinteger(lua, 4);
    push_tensor(lua, pad(graph_here(lua), x, axis_argument(lua, 2), before, after, luaL_checknumber(lua, 5)));
    return 1;
}

static int concat_axis(lua_State *lua)
{
    NodeId a = need_tensor(lua, 1, "concat"), b = need_tensor(lua, 2, "concat");
    push_tensor(lua, concat(graph_here(lua), a, b, axis_argument(lua, 3)));
    return 1;
}

static int product(lua_State *lua)
{
    NodeId a = need_tensor(lua, 1, "matmul"), b = need_tensor(lua, 2, "matmul");
    push_tensor(lua, matmul(graph_here(lua), a, b));
    return 1;
}

/* previous(initial, steps, backward): a state one time earlier, (steps, …); scan(previous, next) closes what it opened */
static int open_state(lua_State *lua)
{
    NodeId initial = need_tensor(lua, 1, "initial state");
    push_tensor(lua, open_recurrence(graph_here(lua), initial, luaL_checkinteger(lua, 2), lua_toboolean(lua, 3)));
    return 1;
}

/* zeros(shape, like): with the batch if `like` has it */
static int zeros(lua_State *lua)
{
    Type type = read_shape(lua, 1, "zeros");
    NodeId like = need_tensor(lua, 2, "zeros");
    Graph *graph = graph_here(lua);
    type.per_row = graph->nodes[like].type.per_row;
    NodeId zero = constant(graph, 0);
    push_tensor(lua, broadcast_to(graph, zero, type));
    return 1;
}

static int close_state(lua_State *lua)
{
    NodeId previous = need_tensor(lua, 1, "previous state"), next = need_tensor(lua, 2, "next state");
    push_tensor(lua, close_recurrence(graph_here(lua), previous, next));
    return 1;
}

static int contraction(lua_State *lua)
{
    NodeId a = need_tensor(lua, 1, "contract"), b = need_tensor(lua, 2, "contract");
    push_tensor(lua, contract(graph_here(lua), a, b, luaL_checkstring(lua, 3)));
    return 1;
}

/* gather(x, index, letters): "vd,bt->btd" */
static int gather_along(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "gather"), index = need_tensor(lua, 2, "gather");
    push_tensor(lua, gather(graph_here(lua), x, index, luaL_checkstring(lua, 3)));
    return 1;
}

/* index(sizes, axis): integers, the place along the axis */
static int index_numbers(lua_State *lua)
{
    Type type = read_shape(lua, 1, "index");
    type.scalar = INT;
    push_tensor(lua, index_along(graph_here(lua), type, axis_argument(lua, 2)));
    return 1;
}

/* value("rate"): a scalar of the step */
static int value(lua_State *lua)
{
    static const struct { const char *name; Op op; } values[] = {
        {"rows", OP_ROWS}, {"rate", OP_RATE}, {"swept", OP_SWEPT}, {"step", OP_STEP}, {"mode", OP_MODE}, {"row_mask", OP_ROW_MASK},
    };
    const char *name = luaL_checkstring(lua, 1);
    for (size_t v = 0; v < sizeof values / sizeof *values; v++)
        if (!strcmp(name, values[v].name)) {
            push_tensor(lua, leaf_scalar(graph_here(lua), values[v].op));
            return 1;
        }
    bug("no value %s", name);
}

/* normal(name, like), uniform_like(name, like): random numbers of that shape, a stream of their own */
static int draws(lua_State *lua, Op op)
{
    const char *name = luaL_checkstring(lua, 1);
    NodeId like = need_tensor(lua, 2, "draws");
    Graph *graph = graph_here(lua);
    Attributes which = attributes();
    which.type = graph->nodes[like].type;
    which.stream = nn_stream(name);
    push_tensor(lua, new_node(graph, op, NULL, 0, which));
    return 1;
}

static int normal(lua_State *lua)
{
    return draws(lua, OP_NORMAL);
}

static int uniform_like(lua_State *lua)
{
    return draws(lua, OP_UNIFORM);
}

static Windows windows_argument(lua_State *lua)
{
    return (Windows){axis_argument(lua, 2), luaL_checkinteger(lua, 3), luaL_checkinteger(lua, 4), luaL_checkinteger(lua, 5),
                     luaL_checkinteger(lua, 6), luaL_checkinteger(lua, 7)};
}

/* unfold(x, axis, window, stride, dilation, before, after, outside) */
static int unfold_axis(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "unfold");
    push_tensor(lua, unfold(graph_here(lua), x, windows_argument(lua), luaL_checknumber(lua, 8)));
    return 1;
}

/* fold(x, axis, window, stride, dilation, before, after, size) */
static int fold_axis(lua_State *lua)
{
    NodeId x = need_tensor(lua, 1, "fold");
    push_tensor(lua, fold(graph_here(lua), x, windows_argument(lua), luaL_checkinteger(lua, 8)));
    return 1;
}

/* ---- derivatives, substitution: lists of tensors ------------------------------------------------------------------- */

static NodeId *tensor_list(lua_State *lua, int index, int *count)
{
    *count = (int)luaL_len(lua, index);
    NodeId *nodes = NEW(script_of(lua)->arena, NodeId, *count + 1);
    for (int i = 0; i < *count; i++) {
        lua_geti(lua, index, i + 1);
        nodes[i] = need_tensor(lua, -1, "a list of tensors");
        lua_pop(lua, 1);
    }
    return nodes;
}

static void push_list(lua_State *lua, const NodeId *nodes, int count)
{
    lua_createtable(lua, count, 0);
    for (int i = 0; i < count; i++) {
        push_tensor(lua, nodes[i]);
        lua_rawseti(lua, -2, i + 1);
    }
}

/* gradient(y, {x, …}): the list of d y / d x */
static int gradient(lua_State *lua)
{
    Script *script = script_of(lua);
    int count;
    NodeId y = need_tensor(lua, 1, "gradient");
    NodeId *x = tensor_list(lua, 2, &count);
    NodeId *gradients = NEW(script->arena, NodeId, count + 1);
    Graph *graph = graph_here(lua);
    differentiate(graph, y, x, count, gradients);
    Model *model = script->model;
    for (int i = 0; i < count; i++)
        ARENA_PUSH(script->arena, model->derivatives, model->derivative_count, script->derivative_room,
                   (Derivative){.y = y, .x = x[i], .gradient = gradients[i], .place = graph->now.place});
    push_list(lua, gradients, count);
    return 1;
}

/* substitute({root, …}, {from, …}, {to, …}): the roots with leaves replaced */
static int replace(lua_State *lua)
{
    int roots_count, count, to_count;
    NodeId *roots = tensor_list(lua, 1, &roots_count), *from = tensor_list(lua, 2, &count), *to = tensor_list(lua, 3, &to_count);
    if (count != to_count)
        bug("substitute: %d for %d", to_count, count);
    substitute_all(graph_here(lua), roots, roots_count, from, to, count);
    push_list(lua, roots, roots_count);
    return 1;
}

void add_move_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"sum", sum}, {"max", max}, {"argmax", argmax}, {"fold_size", fold_elements}, {"all_axes", every_axis},
        {"reshape", reshape}, {"permute", permute_axes}, {"slice", slice_axis}, {"pad", pad_axis}, {"concat", concat_axis},
        {"matmul", product}, {"contract", contraction}, {"gather", gather_along}, {"previous", open_state}, {"scan", close_state}, {"zeros", zeros}, {"index", index_numbers},
        {"value", value}, {"normal", normal}, {"uniform_like", uniform_like}, {"unfold", unfold_axis}, {"fold", fold_axis}, {"gradient", gradient}, {"substitute", replace}, {NULL, NULL},
    };
    luaL_setfuncs(lua, functions, 0);
}
