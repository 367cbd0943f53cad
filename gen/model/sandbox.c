/* sandbox.c: a Lua state in which a model can do no harm and cannot run for ever.
 *
 * What a model sees of Lua is text, numbers, tables, coroutines: sandbox.lua takes away what reaches outside (files,
 * bytecode, finalizers, the collector). Three limits end generation:
 *   memory        Lua's and the arena's together. The allocator refuses; Lua collects everything and asks once more; a second
 *                 refusal is final. Where only the arena grows, each call of a function looks.
 *   instructions  a hook counts every 100th.
 *   time          in one long C call (string.rep, a pattern, a sort) no hook runs, and catching an overflow of the stack walks all
 *                 of it: a timer sees that hardly anything is counted.
 * A limit ends the process from where it is noticed. Raising a Lua error instead was rejected: pcall, a coroutine or a
 * __close handler could catch it and go on. */
#include "model/script.h"
#include "base/text.h"
#include "model/embedded.h"
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { COUNT_STEP = 100, SLOW_SECONDS = 10, SLOW_COUNT = 1000 };       /* slow: fewer counts in a second of processor time */
static const int64_t DEFAULT_BYTES = INT64_C(1) << 30, DEFAULT_INSTRUCTIONS = 1000000000;

Script *script_of(lua_State *lua)
{
    return *(Script **)lua_getextraspace(lua);
}

/* ---- places ------------------------------------------------------------------------------------------------------- */

static const char *file_name(Script *script, const char *name)
{
    for (int f = 0; f < script->file_count; f++)
        if (!strcmp(script->files[f], name))
            return script->files[f];
    ARENA_PUSH(script->arena, script->files, script->file_count, script->file_room, arena_string(script->arena, name));
    return script->files[script->file_count - 1];
}

/* Chunks of the user's files are named "@file"; those of nn "=nn", text given to `load` "=(load)". Functions that users call
 * are C closures (talk.c: export), so a tail call `return nn.relu(x)` does not lose the frame that made it. */
Place user_place(lua_State *lua)
{
    Script *script = script_of(lua);
    lua_Debug frame;
    for (int level = 0; lua_getstack(lua, level, &frame); level++) {
        lua_getinfo(lua, "Sl", &frame);
        if (frame.source[0] == '@' && frame.currentline > 0)
            return (Place){file_name(script, frame.source + 1), frame.currentline};
    }
    return (Place){script->path, 0};
}

Place place_numbered(const Script *script, int64_t number)
{
    if (number < 0 || number >= script->place_count)
        bug("there is no place %" PRId64, number);
    return script->places[number];
}

Place node_place(lua_State *lua)
{
    Script *script = script_of(lua);
    return script->place_override != NONE ? place_numbered(script, script->place_override) : user_place(lua);
}

void refuse_here(lua_State *lua, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *message = arena_vprint(script_of(lua)->arena, format, arguments);
    va_end(arguments);
    Place blame = script_of(lua)->blame;
    fail_at(blame.file ? blame : user_place(lua), "%s", message);
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static _Noreturn void out_of_memory(const Limits *limits)
{
    fail_at(limits->last, "the model needs more than %" PRId64 " bytes of memory while it is read\n"
            "a loop that never ends? if it really needs more: --memory-limit BYTES", limits->byte_limit);
}

static int64_t memory_left(const Script *script)
{
    const Limits *limits = &script->limits;
    return limits->byte_limit - limits->bytes - ((int64_t)arena_bytes(script->arena) - limits->arena_before);
}

static void *allocate(void *context, void *block, size_t old_size, size_t new_size)
{
    Limits *limits = &((Script *)context)->limits;
    int64_t old = block ? (int64_t)old_size : 0;          /* without a block old_size is the kind of object */
    if (!new_size) {
        free(block);
        limits->bytes -= old;
        return NULL;
    }
    bool grows = (int64_t)new_size > old;
    if (grows && (new_size > PTRDIFF_MAX || (int64_t)new_size - old > memory_left(context))) {
        if (limits->refused == new_size)
            out_of_memory(limits);
        limits->refused = new_size;
        return NULL;
    }
    if (grows)
        limits->refused = 0;
    void *moved = realloc(block, new_size);
    if (!moved && grows)
        fail_machine("out of memory while the model was read");
    limits->bytes += (int64_t)new_size - old;
    return moved ? moved : block;
}

/* Where no function of the user runs (Lua cleans up after an error), the last line stays. */
static void note_line(lua_State *lua, Limits *limits)
{
    Place place = user_place(lua);
    if (place.line <= 0)
        return;
    if (place.file != limits->last.file)
        limits->last_shown = escaped(script_of(lua)->arena, place.file);
    limits->last = place;
}

void need_memory(lua_State *lua, int64_t bytes)
{
    Script *script = script_of(lua);
    if (bytes <= memory_left(script))
        return;
    note_line(lua, &script->limits);
    out_of_memory(&script->limits);
}

/* ---- instructions and time ---------------------------------------------------------------------------------------- */

static const Limits *volatile watched;      /* by the timer's handler; NULL: nothing */
static volatile sig_atomic_t counted, slow_seconds;

/* Only what may be called in a signal's handler. */
static void write_string(const char *string)
{
    if (write(STDERR_FILENO, string, strlen(string)) < 0)
        return;
}

static void on_second(int signal)
{
    (void)signal;
    const Limits *limits = watched;
    bool slow = counted < SLOW_COUNT && limits;
    slow_seconds = slow ? slow_seconds + 1 : slow_seconds / 2;
    counted = 0;
    if (slow_seconds < SLOW_SECONDS)
        return;
    char digits[16], *first = &digits[sizeof digits - 1];
    *first = '\0';
    for (int line = limits->last.line; line > 0; line /= 10)
        *--first = (char)('0' + line % 10);
    write_string(limits->last_shown);
    if (*first)
        write_string(":");
    write_string(first);
    write_string(": error: one call of the model has run for 10 s of processor time\n"
                 "  a string, pattern or sort of this size, or one caught overflow after another, does not end in useful time;\n"
                 "  this is the line last counted\n");
    _exit(STATUS_MODEL);
}

void start_clock(Script *script)
{
    counted = slow_seconds = 0;
    script->limits.last = (Place){script->path, 0};
    script->limits.last_shown = escaped(script->arena, script->path);
    script->limits.arena_before = (int64_t)arena_bytes(script->arena);
    watched = &script->limits;
    sigaction(SIGPROF, &(struct sigaction){.sa_handler = on_second, .sa_flags = SA_RESTART}, NULL);
    setitimer(ITIMER_PROF, &(struct itimerval){{1, 0}, {1, 0}}, NULL);
}

void stop_clock(void)
{
    setitimer(ITIMER_PROF, &(struct itimerval){{0, 0}, {0, 0}}, NULL);
    watched = NULL;
}

/* Runs every 100 instructions, and at each call so that a long call of C is blamed on its own line. */
static void count(lua_State *lua, lua_Debug *event)
{
    Limits *limits = &script_of(lua)->limits;
    if (event->event == LUA_HOOKCOUNT) {
        counted = counted + 1;
        note_line(lua, limits);
        limits->instructions += COUNT_STEP;
        if (limits->instructions > limits->instruction_limit)
            fail_at(limits->last, "the model ran %" PRId64 " instructions and did not end\n"
                    "a loop that never ends? if it really needs more: --instruction-limit N", limits->instruction_limit);
    } else {
        lua_getinfo(lua, "S", event);
        if (event->what[0] == 'C')
            note_line(lua, limits);
        need_memory(lua, 0);
    }
}

/* ---- errors of Lua itself ----------------------------------------------------------------------------------------- */

/* A message of Lua begins with "file:line: ", the file shortened. Finds the frame that it names, and the text after it. */
static Place place_of_message(lua_State *lua, const char **message)
{
    lua_Debug frame;
    for (int level = 0; lua_getstack(lua, level, &frame); level++) {
        lua_getinfo(lua, "Sl", &frame);
        char prefix[LUA_IDSIZE + 16];
        int length = snprintf(prefix, sizeof prefix, "%s:%d: ", frame.short_src, frame.currentline);
        if (strncmp(*message, prefix, (size_t)length))
            continue;
        *message += length;
        if (frame.source[0] == '@')
            return (Place){file_name(script_of(lua), frame.source + 1), frame.currentline};
        break;
    }
    return user_place(lua);
}

static int on_error(lua_State *lua)
{
    Script *script = script_of(lua);
    if (lua_type(lua, -1) != LUA_TSTRING)
        fail_at(user_place(lua), "the model raised an error that is no text but a %s", luaL_typename(lua, -1));
    const char *message = lua_tostring(lua, -1);
    Place place = place_of_message(lua, &message);
    fail_at(place, "%s", escaped(script->arena, message));
}

void protected_call(Script *script, lua_CFunction function)
{
    lua_State *lua = script->lua;
    lua_settop(lua, 0);
    lua_pushcfunction(lua, on_error);
    lua_pushcfunction(lua, function);
    int status = lua_pcall(lua, 0, 0, 1);
    if (status == LUA_ERRMEM)                             /* a string's buffer asks only once, and no handler runs */
        out_of_memory(&script->limits);
    if (status != LUA_OK)                                 /* an error while the message was made */
        fail_at((Place){script->path, 0}, "the model failed in a way that cannot be told: %s",
                lua_type(lua, -1) == LUA_TSTRING ? escaped(script->arena, lua_tostring(lua, -1)) : "no message");
    lua_settop(lua, 0);
}

static int panic(lua_State *lua)
{
    bug("Lua error outside a protected call: %s", lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "no message");
}

/* ---- the state ---------------------------------------------------------------------------------------------------- */

void run_part(lua_State *lua, const char *name)
{
    const char *source;
    size_t size;
    if (!find_embedded(name, &source, &size))
        bug("no embedded part %s", name);
    const char *chunk = lua_pushfstring(lua, "=%s.lua", name);
    if (luaL_loadbufferx(lua, source, size, chunk, "t") != LUA_OK)
        bug("%s", lua_tostring(lua, -1));
    lua_remove(lua, -2);
    lua_getfield(lua, LUA_REGISTRYINDEX, "core");
    lua_getfield(lua, -1, "globals");
    if (lua_isnil(lua, -1))                               /* sandbox.lua itself, which makes them */
        lua_pop(lua, 1);
    else
        lua_setupvalue(lua, -3, 1);                       /* its _ENV */
    lua_call(lua, 1, 1);
}

static int open_state(lua_State *lua)
{
    static const struct { const char *name; lua_CFunction open; } libraries[] = {
        {LUA_GNAME, luaopen_base}, {LUA_TABLIBNAME, luaopen_table}, {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math}, {LUA_UTF8LIBNAME, luaopen_utf8}, {LUA_COLIBNAME, luaopen_coroutine},
    };
    for (size_t l = 0; l < sizeof libraries / sizeof *libraries; l++) {
        luaL_requiref(lua, libraries[l].name, libraries[l].open, 1);
        lua_pop(lua, 1);
    }

    lua_newtable(lua);
    add_talk_functions(lua);
    add_tensor_functions(lua);
    add_move_functions(lua);
    add_leaf_functions(lua);
    add_update_functions(lua);
    add_random_functions(lua);
    add_data_functions(lua);
    lua_setfield(lua, LUA_REGISTRYINDEX, "core");
    run_part(lua, "sandbox");
    return 0;
}

void open_sandbox(Script *script)
{
    const ReadOptions *options = script->options;
    script->limits.byte_limit = options->memory_limit > 0 ? options->memory_limit : DEFAULT_BYTES;
    script->limits.instruction_limit = options->instruction_limit > 0 ? options->instruction_limit : DEFAULT_INSTRUCTIONS;
    script->limits.last = (Place){script->path, 0};
    script->lua = lua_newstate(allocate, script);
    if (!script->lua)
        out_of_memory(&script->limits);
    *(Script **)lua_getextraspace(script->lua) = script;
    lua_atpanic(script->lua, panic);
    protected_call(script, open_state);
    lua_sethook(script->lua, count, LUA_MASKCALL | LUA_MASKCOUNT, COUNT_STEP);    /* new coroutines inherit it */
}
