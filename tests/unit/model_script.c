/* The script around the model: options from the command line, modules beside it, what Lua still has and what it lost, the same
 * model every time, warnings. Refusals are cases of tests/error. */
#include "model_world.h"

#define HEAD "local nn = require 'nn'\n"

static double shown(const World *world, const char *name)
{
    World copy = *world;
    for (int o = 0; o < world->model->output_count; o++)
        if (!strcmp(world->model->outputs[o].name, name)) {
            world_values(&copy, &world->model->outputs[o].node, 1, 1);
            return *copy.values[world->model->outputs[o].node];
        }
    ck_abort_msg("no %s", name);
}

START_TEST(options)
{
    Setting settings[] = {{"width", "3", false}, {"deep", "true", false}, {"rate", "1e-3", false}, {"rule", "adam", false}, {"width", "1e1", false}};
    ReadOptions options = {.settings = settings, .setting_count = 5, .precision = "f64"};
    World world = world_open(HEAD
        "local width, deep, rate, rule = nn.option('width', 2), nn.option('deep', false), nn.option('rate', 0.5), nn.option('rule', 'sgd')\n"
        "local kept = nn.option('kept', 1.5)\n"
        "assert(math.type(width) == 'integer' and deep == true and rule == 'adam')\n"
        "return nn.show {width = width, rate = rate, kept = kept}\n", &options);
    ck_assert_double_eq(shown(&world, "width"), 10);          /* the last one wins */
    ck_assert_double_eq(shown(&world, "rate"), 1e-3);
    ck_assert_double_eq(shown(&world, "kept"), 1.5);
    ck_assert_int_eq(world.model->precision, F64);
    static const char *const seen[][2] = {{"width", "10"}, {"deep", "true"}, {"rate", "0.001"}, {"rule", "adam"}, {"kept", "1.5"}};
    ck_assert_int_eq(world.model->option_count, 5);
    for (int o = 0; o < 5; o++) {
        ck_assert_str_eq(world.model->options[o].name, seen[o][0]);
        ck_assert_str_eq(world.model->options[o].value, seen[o][1]);
    }
    world_close(&world);
}
END_TEST

START_TEST(modules)
{
    world_write("/tmp/nngen_module_a.lua", "\xef\xbb\xbf#!/usr/bin/lua\nlocal name = ...\nassert(name == 'nngen_module_a')\n"
                "local nn = require 'nn'\nreturn {twice = function(x)\n  return x + x\nend}\n");
    World world = world_open(HEAD
        "local a = require 'nngen_module_a'\nassert(a == require 'nngen_module_a' and nn == require 'nn')\n"
        "return nn.show {y = a.twice(nn.constant(4)):exp()}\n", NULL);
    const Graph *graph = world.model->graph;
    bool seen = false;
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_ADD) {
            seen = true;
            ck_assert_str_eq(graph->nodes[id].origin.place.file, "/tmp/nngen_module_a.lua");
            ck_assert_int_eq(graph->nodes[id].origin.place.line, 6);
        }
    ck_assert(seen);
    unlink("/tmp/nngen_module_a.lua");
    world_close(&world);
}
END_TEST

/* Every assertion is one of the language's promises about Lua. */
START_TEST(lua)
{
    World world = world_open(HEAD
        "assert(not io and not os and not debug and not package and not dofile and not loadfile and not collectgarbage and not string.dump)\n"
        "local keys = {}\n"
        "for key in pairs {b = 1, a = 2, [3] = 3, 10, 20, [-1.5] = 4} do keys[#keys + 1] = tostring(key) end\n"
        "assert(table.concat(keys, ' ') == '-1.5 1 2 3 a b')\n"
        "local t = {a = 1, b = 2, c = 3}\n"
        "for key in pairs(t) do t[key] = nil end\n"
        "assert(next(t) == nil)\n"
        "local own = setmetatable({}, {__pairs = function() return function(_, k) if not k then return 1, 2 end end end})\n"
        "for key, value in pairs(own) do assert(key == 1 and value == 2) end\n"
        "assert(load('return 1 + ...', 'x', 'b')(2) == 3 and load('return y', 'x', 't', {y = 5})() == 5 and not load('\\27Lua'))\n"
        "assert(load(coroutine.wrap(function() coroutine.yield 'return ' coroutine.yield '7' end))() == 7)\n"
        "math.randomseed()\nlocal r = math.random()\nmath.randomseed()\nassert(r == math.random())\n"
        "assert(select('#', pcall(error)) == 2 and not pcall(error, 'x'))\n"
        "local closed\ndo local c <close> = setmetatable({}, {__close = function() closed = true end}) end\nassert(closed)\n"
        "local x = nn.constant {1, 2, 3}\n"
        "assert(#x.shape == 1 and x.shape[1] == 3 and tostring(x) == 'tensor (3)' and getmetatable(x) == false)\n"
        "local f = coroutine.wrap(function(a) while true do a = coroutine.yield(nn.exp(a)) end end)\n"
        "return nn.show {y = f(nn.constant(0)) + f(nn.constant(0))}\n", NULL);
    ck_assert_double_eq(shown(&world, "y"), 2);
    world_close(&world);
}
END_TEST

/* Hashed tables differ in order from run to run inside Lua; the graph must not. */
/* What nn handed out stays what it was, whatever is written over it. */
START_TEST(objects)
{
    World world = world_open(HEAD
        "local w, x, c = nn.parameter('w', {2, 3}, nn.init.constant(2)), nn.input('x', {2}), nn.class('c', 3)\n"
        "local o, counts = nn.sgd {lr = 0.5}, nn.confusion(x:matmul(w), c)\n"
        "local data = nn.data.table {train = {x = {{1, 2}}, c = {0}}}\n"
        "local model = nn.train {loss = nn.cross_entropy(x:matmul(w), c), metrics = {counts = counts}, optimizer = o, data = data,\n"
        "  batch = 1, epochs = 1}\n"
        "local layer = nn.linear(2, 3)\n"
        "for _, object in ipairs {nn, nn.init, nn.init.zeros, nn.init.zeros(), nn.rng(1), o, counts, data, model, layer} do\n"
        "  assert(type(getmetatable(object)) == 'string' and not pcall(setmetatable, object, nil) and next(object) == nil)\n"
        "  for _, key in ipairs {'kind', 'name', 'place', 'arguments', 'options', 'losses', 'parts', 'metric_count', 'make'} do\n"
        "    rawset(object, key, {w, w, w, w, w})\n"
        "  end\n"
        "end\n"
        "return model\n", NULL);
    ck_assert_int_eq(world.model->metric_count, 2);
    ck_assert_double_eq(world.model->optimizer.lr, 0.5);
    ck_assert_str_eq(world.model->optimizer.name, "sgd");
    ck_assert_int_eq(world.model->metrics[1].kind, METRIC_COUNTS);
    ck_assert_int_eq(world.model->metrics[1].part[1], NONE);
    world_close(&world);
}
END_TEST

/* A model that overwrites Lua's functions changes its own, not those that nn calls. */
START_TEST(overwritten)
{
    World world = world_open(
        "string.sub, math.sqrt, table.insert, ipairs, type, select = function() return 'zz%' end, nil, error, nil, nil, nil\n"
        "function string.twice(s) return s .. s end\n"
        "assert(('ab'):twice() == 'abab' and ('abc'):sub(1, 1) == 'a' and string.sub('abc', 1, 1) == 'zz%')\n"
        HEAD
        "local x = nn.constant {{{1, 2}, {3, 4}}}\n"
        "local y = nn.linear(2, 3, {init = nn.init.ones(), bias = false})(x)\n"
        "return nn.show {y = y:sum()}\n", NULL);
    ck_assert_double_eq(shown(&world, "y"), 30);
    world_close(&world);
}
END_TEST

START_TEST(same_graph)
{
    char *first = NULL;
    for (int run = 0; run < 8; run++) {
        World world = world_open(HEAD
            "local sum, heads, losses, metrics = 0, {}, {}, {}\n"
            "for i = 1, 30 do heads['head' .. i * 7919 % 101] = i end\n"
            "for name, i in pairs(heads) do\n"
            "  local w = nn.parameter(name, {}, i)\n"
            "  losses[name], metrics['m' .. name] = w ^ 2, w\n"
            "end\n"
            "return nn.train {loss = losses, metrics = metrics, optimizer = nn.adam {lr = 0.1}, steps = 1}\n", NULL);
        world_updates(&world);
        Text text = text_new(world.arena);
        dump_graph(world.model, &text);
        for (char *at; (at = strstr(text.bytes, world.path));)
            memset(at, '-', strlen(world.path));
        if (first)
            ck_assert_str_eq(text.bytes, first);
        else
            first = strdup(text.bytes);
        world_close(&world);
    }
    free(first);
}
END_TEST

/* What reading the model writes to standard error. */
static const char *warnings_of(const char *text, World *world)
{
    static char found[4096];
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    dup2(fileno(file), STDERR_FILENO);
    *world = world_open(text, NULL);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    return found;
}

START_TEST(loose_ends)
{
    World world;
    const char *found = warnings_of(HEAD
        "local x, unused = nn.input('x', {}), nn.input('unused', {})\n"
        "local w, lost = nn.parameter('w', {}, 1), nn.parameter('lost', {}, 1)\n"
        "print('seen', 1, nil)\n"
        "return nn.train {loss = nn.mse(w * x, 1), metrics = {lost = lost}, optimizer = nn.sgd {}, steps = 1, batch = 1,\n"
        "  data = nn.data.table {train = {x = {1}, unused = {1}}}}\n", &world);
    ck_assert_ptr_nonnull(strstr(found, ":2: warning: nothing reads the input 'unused'"));
    ck_assert_ptr_nonnull(strstr(found, ":3: warning: the parameter 'lost' does not reach the loss: it is not trained"));
    ck_assert_ptr_nonnull(strstr(found, "seen\t1\tnil\n"));
    ck_assert_ptr_null(strstr(found, "the parameter 'w'"));
    ck_assert_ptr_null(strstr(found, "the input 'x'"));
    ck_assert(world_leaf(&world, "lost")->frozen && !world_leaf(&world, "w")->frozen);
    world_updates(&world);
    ck_assert_int_eq(world.model->update_count, 1);
    world_close(&world);

    found = warnings_of(HEAD
        "local w = nn.parameter('w', {}, 1, {weight_decay = 0.1})\n"
        "return nn.train {loss = w ^ 2, optimizer = nn.optimizer(function(p, g, s) return p - s.lr * g end), steps = 1}\n", &world);
    ck_assert_str_eq(found, "");
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model_script");
    TCase *cases = tcase_create("script");
    tcase_add_test(cases, options);
    tcase_add_test(cases, modules);
    tcase_add_test(cases, lua);
    tcase_add_test(cases, objects);
    tcase_add_test(cases, overwritten);
    tcase_add_test(cases, same_graph);
    tcase_add_test(cases, loose_ends);
    suite_add_tcase(suite, cases);
    return world_main(suite);
}
