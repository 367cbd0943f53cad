/* updates.c: what a step leaves in its parameters, slots and running statistics: an ASSIGN each.
 *
 * Running statistics are assigned while the script runs (core.assign). The rest is the pass `update`, which turns gradients into
 * updates.
 *
 * Takes the model after differentiate_model. The rules themselves are Lua functions, nn's (optimizers.lua) or the user's; here
 * their results become ASSIGN nodes. Every node made meanwhile carries the optimizer's name as its rule. */
#include "model/script.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

/* begin(i): what is made from now on belongs to update i; explain finds it by the parameter that `of` names */
static int begin(lua_State *lua)
{
    Script *script = script_of(lua);
    const Update *update = &script->model->updates[luaL_checkinteger(lua, 1) - 1];
    script->origin.rule = script->model->optimizer.name;
    script->origin.of = script->graph->leaves[update->parameter].node;
    return 0;
}

/* {{parameter =, gradient =, lr =, weight_decay =} …} */
static void push_updates(Script *script)
{
    lua_State *lua = script->lua;
    const Model *model = script->model;
    lua_createtable(lua, model->update_count, 0);
    for (int u = 0; u < model->update_count; u++) {
        const Leaf *leaf = &script->graph->leaves[model->updates[u].parameter];
        lua_createtable(lua, 0, 4);
        push_tensor(lua, leaf->node);
        lua_setfield(lua, -2, "parameter");
        if (model->updates[u].gradient != NONE) {             /* a search has none */
            push_tensor(lua, model->updates[u].gradient);
            lua_setfield(lua, -2, "gradient");
        }
        lua_pushnumber(lua, leaf->lr_factor);
        lua_setfield(lua, -2, "lr");
        if (!isnan(leaf->weight_decay)) {
            lua_pushnumber(lua, leaf->weight_decay);
            lua_setfield(lua, -2, "weight_decay");
        }
        lua_rawseti(lua, -2, u + 1);
    }
}

static NodeId whole_loss(Graph *graph, const Metric *loss)
{
    if (loss->part[0] == NONE || loss->part[1] == NONE)
        return loss->part[0] == NONE ? loss->part[1] : loss->part[0];
    return add(graph, loss->part[0], loss->part[1]);
}

static bool fits(Type value, Type place)
{
    if (value.per_row || value.scalar != FLOAT || value.rank > place.rank)
        return false;
    for (int d = 1; d <= value.rank; d++)
        if (value.size[value.rank - d] != 1 && value.size[value.rank - d] != place.size[place.rank - d])
            return false;
    return true;
}

/* The value of a parameter or slot, from {target =, value =} on the stack's top. */
static NodeId make_assign(Script *script)
{
    lua_State *lua = script->lua;
    Graph *graph = script->graph;
    int table = lua_gettop(lua);
    const Node *target = &graph->nodes[field_tensor(lua, table, "target")];
    NodeId value = field_tensor(lua, table, "value");
    int leaf = target->attributes.leaf;
    Type type = target->type;
    graph->now = script->origin;
    graph->now.place = script->model->optimizer.place;
    if (!fits(graph->nodes[value].type, type))
        fail_at(graph->nodes[value].origin.place, "the optimizer's value of %s has the shape %s, which does not fit %s",
                quoted(script->arena, graph->leaves[leaf].name), shape_text(script->arena, graph->nodes[value].type),
                shape_text(script->arena, type));
    return assign(graph, leaf, broadcast_to(graph, value, type));
}

/* The list of lists on the stack's top: what Lua returned. */
static void make_assigns(Script *script)
{
    lua_State *lua = script->lua;
    Model *model = script->model;
    for (int u = 0; u < model->update_count; u++) {
        Update *update = &model->updates[u];
        lua_rawgeti(lua, -1, u + 1);
        update->optimizer = model->optimizer.name;
        update->assigns = NEW(script->arena, NodeId, lua_rawlen(lua, -1) + 1);
        script->origin.of = script->graph->leaves[update->parameter].node;
        for (int a = 0; a < (int)lua_rawlen(lua, -1); a++) {
            lua_rawgeti(lua, -1, a + 1);
            update->assigns[update->assign_count++] = make_assign(script);
            lua_pop(lua, 1);
        }
        lua_pop(lua, 1);
    }
}

/* ---- running statistics ---- */

/* assign(statistic, value): its value after a training step; given again, the later value holds */
static int assign_statistic(lua_State *lua)
{
    Script *script = script_of(lua);
    Statistics *all = &script->model->statistics;
    const NodeId target = need_tensor(lua, 1, "nn.assign"), value = need_tensor(lua, 2, "nn.assign");
    Graph *graph = graph_here(lua);
    const int leaf = graph->nodes[target].attributes.leaf;
    if (graph->nodes[target].op != OP_STATE || graph->leaves[leaf].kind != LEAF_STATISTIC)
        refuse_here(lua, "nn.assign: a running statistic belongs first, as nn.statistic makes it; parameters are the optimizer's");
    const Type type = graph->leaves[leaf].type;
    if (!fits(graph->nodes[value].type, type))
        refuse_here(lua, "nn.assign: a value of the shape %s%s does not fit %s, which has the shape %s",
                    shape_text(script->arena, graph->nodes[value].type), graph->nodes[value].type.scalar == INT ? ", of integers," : "", quoted(script->arena, graph->leaves[leaf].name),
                    shape_text(script->arena, type));
    graph->now.rule = "running statistic";
    const NodeId root = assign(graph, leaf, broadcast_to(graph, value, type));
    for (int s = 0; s < all->count; s++)
        if (graph->nodes[all->assigns[s]].attributes.leaf == leaf) {
            all->assigns[s] = root;
            return 0;
        }
    ARENA_PUSH(script->arena, all->assigns, all->count, all->room, root);
    return 0;
}

/* need_rows(count, who): training refuses batches of fewer rows */
static int need_rows(lua_State *lua)
{
    Model *model = script_of(lua)->model;
    const int64_t rows = luaL_checkinteger(lua, 1);
    if (rows <= model->least_rows)
        return 0;
    model->least_rows = rows;
    model->least_rows_for = arena_string(script_of(lua)->arena, luaL_checkstring(lua, 2));
    return 0;
}

void add_update_functions(lua_State *lua)
{
    static const luaL_Reg functions[] = {{"assign", assign_statistic}, {"need_rows", need_rows}, {NULL, NULL}};
    luaL_setfuncs(lua, functions, 0);
}

/* ---- the pass ---- */

static int build(lua_State *lua)
{
    Script *script = script_of(lua);
    const Model *model = script->model;
    script->updating = true;
    bool clips = model->clip_norm > 0 || model->clip_value > 0;
    script->origin.rule = clips ? (model->clip_norm > 0 ? "clip_norm" : "clip_value") : model->optimizer.name;
    lua_getfield(lua, LUA_REGISTRYINDEX, "core");
    lua_getfield(lua, -1, "build_updates");
    lua_getfield(lua, LUA_REGISTRYINDEX, "definition");
    lua_getfield(lua, -1, "optimizer");
    lua_remove(lua, -2);
    push_updates(script);
    push_tensor(lua, whole_loss(graph_here(lua), &model->metrics[0]));
    lua_pushnumber(lua, model->clip_norm);
    lua_pushnumber(lua, model->clip_value);
    lua_pushcfunction(lua, begin);
    lua_call(lua, 6, 1);
    script->origin.rule = model->optimizer.name;
    make_assigns(script);
    return 0;
}

void build_updates(Script *script, Model *model)
{
    if (model->kind != MODEL_TRAIN || !model->update_count)
        return;
    script->blame = (Place){NULL, 0};
    start_clock(script);
    protected_call(script, build);
    stop_clock();
}
