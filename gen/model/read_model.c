/* read_model.c: runs the script and copies what it returned, a definition of training.lua, into the Model.
 *
 * The definition is judged already and its lists are sorted; what is left to judge here needs the graph or the command line:
 * loose ends (an input that nothing reads, a parameter that the loss does not see), unknown --set, how many rows are all. */
#include "model/script.h"
#include "model/loss_parts.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

/* ---- losses, metrics, outputs -------------------------------------------------------------------------------------- */

static const char *list_name(lua_State *lua, int element)
{
    return field_string(lua, element, "name");
}

/* The list's length, which is that of an array here. */
static int bounded_count(lua_State *lua, int list, size_t room)
{
    lua_Unsigned count = lua_rawlen(lua, list);
    if (count > room)
        bug("a list of %llu in a definition, for an array of %zu", (unsigned long long)count, room);
    return (int)count;
}

static size_t list_length(lua_State *lua, int table, const char *key)
{
    lua_getfield(lua, table, key);
    size_t length = lua_rawlen(lua, -1);
    lua_pop(lua, 1);
    return length;
}

static void read_losses(Script *script, int definition)
{
    lua_State *lua = script->lua;
    Model *model = script->model;
    lua_getfield(lua, definition, "losses");
    int list = lua_gettop(lua), count = (int)lua_rawlen(lua, list);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, list, i);
        int element = lua_gettop(lua);
        NodeId loss = field_tensor(lua, element, "tensor");
        LossParts parts = split_loss(script->graph, loss);
        model->metrics[model->metric_count++] = (Metric){
            .name = list_name(lua, element), .kind = parts.mean == NONE ? METRIC_SUM : METRIC_MEAN,
            .part = {parts.mean, parts.sum, NONE}, .is_loss = true, .place = script->graph->nodes[loss].origin.place,
        };
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static void read_metrics(Script *script, int definition)
{
    lua_State *lua = script->lua;
    Model *model = script->model;
    lua_getfield(lua, definition, "metrics");
    int list = lua_gettop(lua), count = (int)lua_rawlen(lua, list);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, list, i);
        int element = lua_gettop(lua);
        const char *kind = field_string(lua, element, "kind");
        Metric *metric = &model->metrics[model->metric_count++];
        *metric = (Metric){.name = list_name(lua, element), .part = {NONE, NONE, NONE}};
        metric->elements = field_integer(lua, element, "elements", 0);
        metric->kind = !strcmp(kind, "counts") ? METRIC_COUNTS : !strcmp(kind, "r2") ? METRIC_R2 : METRIC_MEAN;
        lua_getfield(lua, element, "parts");
        const int parts = bounded_count(lua, -1, sizeof metric->part / sizeof *metric->part);
        for (int p = 0; p < parts; p++) {
            lua_rawgeti(lua, -1, p + 1);
            metric->part[p] = to_tensor(lua, -1);
            lua_pop(lua, 1);
        }
        metric->place = script->graph->nodes[metric->part[0]].origin.place;
        lua_pop(lua, 2);
    }
    lua_pop(lua, 1);
}

static void read_outputs(Script *script, int definition)
{
    lua_State *lua = script->lua;
    Model *model = script->model;
    lua_getfield(lua, definition, "outputs");
    int list = lua_gettop(lua), count = (int)lua_rawlen(lua, list);
    model->outputs = NEW(script->arena, Output, count + 1);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, list, i);
        NodeId node = field_tensor(lua, lua_gettop(lua), "tensor");
        model->outputs[model->output_count++] =
            (Output){list_name(lua, lua_gettop(lua)), node, script->graph->nodes[node].origin.place};
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

static void read_optimizer(Script *script, int definition)
{
    lua_State *lua = script->lua;
    Optimizer *optimizer = &script->model->optimizer;
    lua_getfield(lua, definition, "optimizer");
    int table = lua_gettop(lua);
    optimizer->name = field_string(lua, table, "name");
    optimizer->place = field_place(lua, table, "place");
    lua_getfield(lua, table, "options");
    optimizer->lr = field_number(lua, -1, "lr", 0);
    lua_getfield(lua, table, "arguments");
    const int arguments = bounded_count(lua, -1, sizeof optimizer->argument / sizeof *optimizer->argument);
    for (int i = 0; i < arguments; i++) {
        lua_rawgeti(lua, -1, i + 1);
        optimizer->argument[i] = lua_tonumber(lua, -1);
        lua_pop(lua, 1);
    }
    lua_getfield(lua, table, "shown");
    optimizer->option_count = (int)lua_rawlen(lua, -1);
    optimizer->option = arena_alloc(script->arena, sizeof *optimizer->option * (size_t)(optimizer->option_count + 1));
    for (int i = 0; i < optimizer->option_count; i++) {
        lua_rawgeti(lua, -1, i + 1);
        optimizer->option[i].name = field_string(lua, lua_gettop(lua), "name");
        optimizer->option[i].value = field_number(lua, lua_gettop(lua), "value", NAN);
        lua_pop(lua, 1);
    }
    lua_pop(lua, 4);
}

static void read_sweep(Script *script, int definition)
{
    lua_State *lua = script->lua;
    SweptValues *sweep = &script->model->sweep;
    lua_getfield(lua, definition, "sweep");
    const int table = lua_gettop(lua);
    if (!lua_isnil(lua, table)) {
        sweep->name = field_string(lua, table, "name");
        sweep->place = field_place(lua, table, "place");
        sweep->is_rate = field_boolean(lua, table, "is_rate");
        lua_getfield(lua, table, "values");
        sweep->count = (int)lua_rawlen(lua, -1);
        sweep->value = NEW(script->arena, double, sweep->count);
        for (int i = 0; i < sweep->count; i++) {
            lua_rawgeti(lua, -1, i + 1);
            sweep->value[i] = lua_tonumber(lua, -1);
            lua_pop(lua, 1);
        }
        lua_pop(lua, 1);
    }
    lua_pop(lua, 1);
}

/* The schedule in the table on the stack's top, which goes; nil: none. */
static const NnSchedule *read_schedule(Script *script)
{
    static const char *const names[] = {
        [NN_RATE_STEP] = "step", [NN_RATE_MULTISTEP] = "multistep", [NN_RATE_EXPONENTIAL] = "exponential", [NN_RATE_COSINE] = "cosine",
        [NN_RATE_LINEAR] = "linear", [NN_RATE_ONE_CYCLE] = "one_cycle", [NN_RATE_WARMUP] = "warmup",
    };
    lua_State *lua = script->lua;
    const int table = lua_gettop(lua);
    if (lua_isnil(lua, table)) {
        lua_pop(lua, 1);
        return NULL;
    }
    luaL_checkstack(lua, 8, NULL);
    NnSchedule *schedule = arena_alloc(script->arena, sizeof *schedule);
    const char *kind = field_string(lua, table, "kind");
    *schedule = (NnSchedule){
        .per_step = field_boolean(lua, table, "per_step"), .step_size = field_integer(lua, table, "step_size", 0),
        .t_max = field_integer(lua, table, "t_max", 0), .total_iters = field_integer(lua, table, "total_iters", 0),
        .total_steps = field_integer(lua, table, "total_steps", 0), .steps = field_integer(lua, table, "steps", 0),
        .gamma = field_number(lua, table, "gamma", 0), .eta_min = field_number(lua, table, "eta_min", 0),
        .start_factor = field_number(lua, table, "start_factor", 0), .end_factor = field_number(lua, table, "end_factor", 0),
        .max_lr = field_number(lua, table, "max_lr", 0), .pct_start = field_number(lua, table, "pct_start", 0),
        .div_factor = field_number(lua, table, "div_factor", 0), .final_div_factor = field_number(lua, table, "final_div_factor", 0),
    };
    while (strcmp(names[schedule->kind], kind) != 0)
        schedule->kind++;
    if (schedule->kind == NN_RATE_MULTISTEP) {
        lua_getfield(lua, table, "milestones");
        const int count = schedule->milestone_count = (int)lua_rawlen(lua, -1);
        int64_t *milestones = arena_alloc(script->arena, sizeof *milestones * (size_t)count);
        for (int i = 0; i < count; i++) {
            lua_rawgeti(lua, -1, i + 1);
            milestones[i] = lua_tointeger(lua, -1);
            lua_pop(lua, 1);
        }
        schedule->milestones = milestones;
        lua_pop(lua, 1);
    }
    lua_getfield(lua, table, "next");
    schedule->next = read_schedule(script);
    lua_pop(lua, 1);
    return schedule;
}

/* ---- loose ends ---------------------------------------------------------------------------------------------------- */

/* Every node that some root needs; `losses_only`: that some loss needs. */
static bool *reached_nodes(Arena *arena, const Model *model, bool losses_only)
{
    const Graph *graph = model->graph;
    bool *reached = NEW(arena, bool, graph->count + 1);
    for (int m = 0; m < model->metric_count; m++)
        for (int p = 0; p < 3; p++)
            if (model->metrics[m].part[p] != NONE && (model->metrics[m].is_loss || !losses_only))
                reached[model->metrics[m].part[p]] = true;
    for (int s = 0; s < model->statistics.count && !losses_only; s++)
        reached[model->statistics.assigns[s]] = true;
    for (int o = 0; o < model->output_count && !losses_only; o++)
        reached[model->outputs[o].node] = true;
    for (NodeId id = graph->count - 1; id >= 0; id--)         /* operands come before their readers */
        for (int i = 0; reached[id] && i < MAX_OPERANDS && graph->nodes[id].operand[i] != NONE; i++)
            reached[graph->nodes[id].operand[i]] = true;
    return reached;
}

static void warn_of_unused_sweep(const Model *model, const bool *seen)
{
    bool is_read = !model->sweep.count || model->sweep.is_rate;
    for (NodeId id = 0; id < model->graph->count; id++)
        is_read |= seen[id] && model->graph->nodes[id].op == OP_SWEPT;
    if (!is_read)
        warn_at(model->sweep.place, "nothing that is trained depends on the sweep %s: its copies will be equal", quoted(model->arena, model->sweep.name));
}

static void warn_of_loose_ends(Script *script)
{
    Model *model = script->model;
    const bool *used = reached_nodes(script->arena, model, false);
    const bool *seen = reached_nodes(script->arena, model, model->kind == MODEL_TRAIN);
    warn_of_unused_sweep(model, seen);
    for (int l = 0; l < script->graph->leaf_count; l++) {
        Leaf *leaf = &script->graph->leaves[l];
        const char *name = quoted(script->arena, leaf->name);
        if (leaf->kind == LEAF_INPUT && !used[leaf->node])
            warn_at(leaf->place, "nothing reads the input %s", name);
        if (leaf->kind == LEAF_PARAMETER && !seen[leaf->node]) {
            warn_at(leaf->place, model->kind == MODEL_TRAIN ? "the parameter %s does not reach the loss: it is not trained"
                                                            : "nothing reads the parameter %s", name);
            leaf->frozen = true;
        }
    }
}

static void refuse_unknown_settings(const Script *script)
{
    for (int s = 0; s < script->options->setting_count; s++) {
        const Setting *setting = &script->options->settings[s];
        if (setting->used)
            continue;
        Text text = text_new(script->arena);
        const char **names = NEW(script->arena, const char *, script->seen_count + 1);
        for (int o = 0; o < script->seen_count; o++) {
            names[o] = script->seen[o].name;
            const char *value = escaped(script->arena, script->seen[o].value);
            text_print(&text, "%s%s = %s", o ? ", " : "", escaped(script->arena, names[o]), value);
        }
        const char *near = nearest(setting->name, names, script->seen_count);
        const char *hint = near ? arena_print(script->arena, "; did you mean %s?", escaped(script->arena, near)) : "";
        fail_call("--set %s: the model has no such option%s\n  %s%s", quoted(script->arena, setting->name), hint,
                  script->seen_count ? "there are: " : "it has none", text.bytes);
    }
}

/* ---- the definition ------------------------------------------------------------------------------------------------ */

static void read_settings(Script *script, int table)
{
    lua_State *lua = script->lua;
    Model *model = script->model;
    model->batch = field_integer(lua, table, "batch", 1);
    model->batch_all = field_boolean(lua, table, "batch_all");
    model->epochs = field_integer(lua, table, "epochs", 0);
    model->steps = field_integer(lua, table, "steps", 0);
    model->seed = (uint64_t)field_integer(lua, table, "seed", 0);
    model->drop_last = field_boolean(lua, table, "drop_last");
    model->validate_every = field_integer(lua, table, "validate_every", 1);
    model->clip_norm = field_number(lua, table, "clip_norm", 0);
    model->clip_value = field_number(lua, table, "clip_value", 0);
    model->stop_metric = field_string(lua, table, "stop_metric");
    model->stop_rises = field_boolean(lua, table, "stop_rises");
    model->stop_patience = field_integer(lua, table, "stop_patience", 0);
    model->stop_min_delta = field_number(lua, table, "stop_min_delta", 0);
    const char *precision = script->options->precision ? script->options->precision : field_string(lua, table, "precision");
    model->precision = !strcmp(precision, "f64") ? F64 : F32;
    model->products = !strcmp(precision, "tf32") ? PRODUCTS_TF32 : !strcmp(precision, "bf16") ? PRODUCTS_BF16 : PRODUCTS_FULL;

    model->options = arena_alloc(script->arena, sizeof *model->options * (size_t)(script->seen_count + 1));
    for (int o = 0; o < script->seen_count; o++) {
        model->options[o].name = script->seen[o].name;
        model->options[o].value = script->seen[o].value;
    }
    model->option_count = script->seen_count;
}

static int read_definition(lua_State *lua)
{
    Script *script = script_of(lua);
    Model *model = script->model;
    lua_getfield(lua, LUA_REGISTRYINDEX, "definition");
    int definition = lua_gettop(lua);
    script->blame = model->place = field_place(lua, definition, "place");
    model->kind = !strcmp(field_string(lua, definition, "kind"), "show") ? MODEL_SHOW : MODEL_TRAIN;
    model->metrics = NEW(script->arena, Metric, list_length(lua, definition, "losses") + list_length(lua, definition, "metrics") + 1);
    read_losses(script, definition);
    read_metrics(script, definition);
    read_outputs(script, definition);
    read_settings(script, definition);
    if (model->kind == MODEL_TRAIN)
        read_optimizer(script, definition);
    read_sweep(script, definition);
    lua_getfield(lua, definition, "schedule");
    model->schedule = read_schedule(script);
    lua_getfield(lua, definition, "source");
    read_data(script, lua_gettop(lua));
    return 0;
}

/* ---- the script ---------------------------------------------------------------------------------------------------- */

/* Leaves the definition, what nn.train or nn.show knows of the object that the model returned, in the registry. */
static int run_script(lua_State *lua)
{
    Script *script = script_of(lua);
    load_text(lua, script->path);
    lua_call(lua, 0, 1);
    Place end = {script->path, 0};
    if (lua_isnil(lua, -1))
        fail_at(end, "the model returns nothing\nits last line is return nn.train {...} or return nn.show {...}");
    lua_getfield(lua, LUA_REGISTRYINDEX, "core");
    lua_getfield(lua, -1, "definition_of");               /* nil: nn was not required */
    if (lua_isfunction(lua, -1)) {
        lua_pushvalue(lua, 1);
        lua_call(lua, 1, 1);
    }
    if (lua_isnil(lua, -1))
        fail_at(end, "the model returns a %s\nits last line is return nn.train {...} or return nn.show {...}",
                to_tensor(lua, 1) != NONE ? "tensor" : luaL_typename(lua, 1));
    lua_setfield(lua, LUA_REGISTRYINDEX, "definition");
    return 0;
}

static const char *model_name(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *name = arena_string(arena, slash ? slash + 1 : path);
    size_t length = strlen(name);
    if (length > 4 && !strcmp(name + length - 4, ".lua"))
        name[length - 4] = '\0';
    return name;
}

static char *folder_of(Arena *arena, const char *path)
{
    char *folder = arena_string(arena, path), *slash = strrchr(folder, '/');
    if (slash)
        slash[1] = '\0';
    else
        *folder = '\0';
    return folder;
}

Script *open_script(Arena *arena, const char *path, const ReadOptions *options)
{
    Script *script = NEW(arena, Script, 1);
    Model *model = NEW(arena, Model, 1);
    *script = (Script){.arena = arena, .graph = graph_new(arena), .model = model, .options = options,
                       .path = arena_string(arena, path), .folder = folder_of(arena, path), .place_override = NONE};
    script->origin.of = script->origin.gradient_of = NONE;
    model->arena = arena;
    model->graph = script->graph;
    model->path = script->path;
    model->name = model_name(arena, path);
    open_sandbox(script);
    return script;
}

void finish_model(Script *script)
{
    Model *model = script->model;
    protected_call(script, read_definition);
    const Place definition = script->blame;
    script->blame = (Place){NULL, 0};
    if (model->batch_all)
        model->batch = nn_dataset_count(&model->data, model->inputs, model->input_count, script->options->data_dir);
    if (model->kind == MODEL_TRAIN && model->batch < model->least_rows)
        fail_at(definition, "%s needs at least %lld rows in a batch to train, not %lld\ntake a larger batch", model->least_rows_for,
                (long long)model->least_rows, (long long)model->batch);
}

Model *read_model(Arena *arena, const char *path, const ReadOptions *options, Script **result)
{
    Script *script = open_script(arena, path, options);
    start_clock(script);
    protected_call(script, run_script);
    stop_clock();
    refuse_unknown_settings(script);
    finish_model(script);
    warn_of_loose_ends(script);
    *result = script;
    return script->model;
}

void close_script(Script *script)
{
    lua_close(script->lua);
    script->lua = NULL;
}
