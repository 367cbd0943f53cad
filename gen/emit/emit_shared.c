/* emit_shared.c: which loops of a kernel threads share.
 *
 * Takes the loops of one kernel as text, for a kernel worth sharing (Kernel.is_shared); puts NN_SHARED in front of the outermost
 * loops over its outer axes, and NN_THREADS in front of its calls. All threads run the kernel then, and meet behind each such loop,
 * whose rounds they share out. Its elements are independent of each other, and each is made whole by one thread in the order in
 * which one thread alone would make it: the bits are the same for every number of threads. A loop over a part of a fold is run by
 * all, and the loops in it are shared; so is what fills a thread's own arrays (panels, a tile).
 *
 * All forms of loops pass here and nowhere else, so that none of them need know of threads. What could not be run by all of them at
 * once (a store that is in no shared loop, a sum beside them) leaves the kernel to one thread.
 *
 * The loops are marked by themselves (an orphaned `omp for`) and the threads started around the call, because a compiler puts the
 * body of an `omp parallel` into a function of its own, where it knows less of the arrays: 50 for 44 µs a step of 784-100-10 with
 * one thread. */
#define _GNU_SOURCE
#include "emit/loops_internal.h"
#include <string.h>

/* The axis of "for (int b0 = …": b0 and b1 are places of tiles along axis b. NONE: no loop over an axis. */
static int axis_of_loop(const Kernel *kernel, const char *statement)
{
    static const char head[] = "for (int ";
    if (strncmp(statement, head, sizeof head - 1) != 0)
        return NONE;
    const char *name = statement + sizeof head - 1;
    size_t length = strcspn(name, " ");
    for (int last = 0; last < 2; last++, length--)              /* as it is, then without the digit */
        for (int axis = 0; axis < kernel->axis_count; axis++)
            if (strlen(kernel->axis[axis].letter) == length && strncmp(kernel->axis[axis].letter, name, length) == 0)
                return axis;
    return NONE;
}

static bool has_own_place(const Stage *stage, int axis)
{
    for (int d = 0; d < MAX_RANK + 1; d++)
        if (has_axis(&stage->store[d], axis))
            return true;
    return false;
}

/* Does each element along the axis go to places of its own? */
static bool is_independent(const Kernel *kernel, int axis)
{
    bool outer = false;
    for (int o = 0; o < kernel->outer_count; o++)
        outer |= kernel->outer[o] == axis;
    for (int s = 0; s < kernel->stage_count; s++)
        outer &= kernel->stage[s].buffer == NONE || has_own_place(&kernel->stage[s], axis);
    return outer;
}

/* May all threads run it, each for itself? What makes a thread's own variables, or opens and closes a scope. */
static bool is_for_all(const char *statement)
{
    static const char *const heads[] = {"/*", "float ", "double ", "_Alignas", "{", "}", "NN_PANELS(", "NN_TURNED_PANELS(", "NN_SIDE(", "NN_SIDES(",
                                        "NN_CORE(", "NN_LINES(", "NN_DOT(", "NN_DOTS("};
    const bool is_constant = strncmp(statement, "const ", 6) == 0 || strncmp(statement, "enum ", 5) == 0;
    const char *equals = strstr(statement, " = ");
    if (is_constant)
        return true;
    if (equals && equals < strchrnul(statement, '('))
        return false;                                   /* a sum that begins */
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (strncmp(statement, heads[i], strlen(heads[i])) == 0)
            return true;
    return false;
}

static bool ends_statement(const char *line)
{
    const char last = line[strlen(line) - 1];
    return last == ';' || last == '{' || last == '}';
}

static bool opens_fold(const Kernel *kernel, int axis)
{
    const Stage *sum = kernel->stage;
    for (int f = 0; f < sum->fold_count; f++)
        if (sum->fold_axis[f] == axis)
            return true;
    return false;
}

bool share_loops(Text *text, size_t start, const Kernel *kernel, Arena *arena)
{
    char *copy = arena_string(arena, text->bytes + start);
    Text shared = text_new(arena);
    size_t inside = SIZE_MAX;                           /* the indent of the shared loop that is open */
    bool any = false, goes_on = false;                  /* a statement over several lines */
    bool in_fold = false;                               /* in a loop that all run, of a sum whose elements a thread has for itself */
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        const size_t indent = strspn(line, " ");
        const bool continues = goes_on, is_comment = strncmp(line + indent, "/*", 2) == 0;
        goes_on = !is_comment && !ends_statement(line);
        in_fold &= indent > INDENT;
        if (inside != SIZE_MAX && indent <= inside && !(indent == inside && line[indent] == '}'))
            inside = SIZE_MAX;
        if (inside != SIZE_MAX || continues || is_comment) {
            text_print(&shared, "%s\n", line);
            continue;
        }
        const int axis = axis_of_loop(kernel, line + indent);
        if (axis != NONE) {
            goes_on = false;                            /* a loop without braces: what follows stands for itself */
            if (is_independent(kernel, axis)) {
                inside = indent;
                any = true;
            } else if (!opens_fold(kernel, axis)) {
                return false;
            } else {
                in_fold |= kernel->form == FORM_SKIP;
            }
        } else if (!is_for_all(line + indent)) {
            return false;
        }
        const char *shares = inside == SIZE_MAX ? "" : in_fold ? "NN_SHARED_ON " : "NN_SHARED ";
        text_print(&shared, "%*s%s%s\n", (int)indent, "", shares, line + indent);
    }
    if (!any)
        return false;
    text->length = start;
    text->bytes[start] = 0;
    text_add(text, shared.bytes);
    return true;
}

bool runs_in_threads(const Plan *plan, const Kernel *kernel)
{
    const Kernel *function = kernel->same_as == NONE ? kernel : kernel_at(plan, kernel->same_as);
    Text body = text_new(plan->arena);
    if (function->is_shared)
        emit_body(plan, function, INDENT, &body);
    return strstr(body.bytes, "NN_SHARED ") != NULL;
}
