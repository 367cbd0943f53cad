/* emitted.c: reads the finished text beside the plan: which lines are which kernel's function, and which lines of the model each
 * comes from.
 *
 * The text itself is asked, not the emitter: a kernel's function is where its name is defined (names are unique in a program),
 * its calls and the struct's members are where the names are said. So no marks run through the stages that print, and what the page
 * shows cannot be another text than the one that is compiled. */
#include "explain/explain.h"
#include "emit/emit_parts.h"
#include <ctype.h>
#include <string.h>

/* Different lines of the model, in rising order. */
typedef struct Lines { bool *has; int count; } Lines;

static int count_lines(const char *text)
{
    int count = 0;
    for (; *text; count++)
        text += strcspn(text, "\n") + (text[strcspn(text, "\n")] == '\n');
    return count;
}

static void cut_lines(Emitted *e, Arena *arena, const char *text)
{
    e->count = count_lines(text);
    e->line = NEW(arena, const char *, e->count + 2);
    for (int n = 1; n <= e->count; n++) {
        size_t length = strcspn(text, "\n");
        e->line[n] = arena_print(arena, "%.*s", (int)length, text);
        text += length + (text[length] == '\n');
    }
}

/* ---- the lines of the model behind a kernel ---- */

typedef struct Collecting { const Selection *s; Lines *lines; } Collecting;

static void add_node(const Selection *s, Lines *lines, NodeId node)
{
    const Place *place = &s->graph->nodes[node].origin.place;
    if (place->file && strcmp(place->file, s->c->model->path) == 0 && place->line > 0 && place->line <= lines->count)
        lines->has[place->line] = true;
}

static void add_term(Term *term, void *context)
{
    const Collecting *c = context;
    if (term->kind == TERM_APPLY && term->node != NONE)
        add_node(c->s, c->lines, term->node);
}

static void add_kernel(const Selection *s, Lines *lines, const Kernel *kernel)
{
    if (kernel->form == FORM_CALL)
        add_node(s, lines, s->graph->leaves[s->c->model->updates[kernel->update].parameter].node);
    for (int i = 0; i < kernel->stage_count; i++) {
        add_node(s, lines, kernel->stage[i].node);
        if (kernel->stage[i].buffer != NONE)
            add_node(s, lines, s->plan->buffer[kernel->stage[i].buffer].node);
        each_term(kernel->stage[i].term, add_term, &(Collecting){s, lines});
    }
}

static Lines new_lines(const Selection *s)
{
    Lines lines = {.count = count_lines(s->c->model->source ? s->c->model->source : "")};
    lines.has = NEW(s->c->arena, bool, lines.count + 2);
    return lines;
}

static const char *lines_text(const Selection *s, const Lines *lines)
{
    Text text = text_new(s->c->arena);
    for (int n = 1; n <= lines->count; n++)
        if (lines->has[n])
            text_print(&text, "%s%d", text.length ? " " : "", n);
    return text.bytes;
}

/* Of the kernel itself, or of all that call its function. */
static const char *lines_of_kernel(const Selection *s, const Kernel *kernel, bool of_function)
{
    Lines lines = new_lines(s);
    for (const Kernel *user = kernel; user; user = of_function ? user->next_user : NULL)
        add_kernel(s, &lines, user);
    return lines_text(s, &lines);
}

/* ---- what a line of the program says ---- */

static bool is_in_name(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* Where `name` stands as a whole word; NULL: nowhere. */
static const char *find_word(const char *line, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = line; (at = strstr(at, name)); at++)
        if ((at == line || !is_in_name(at[-1])) && !is_in_name(at[length]))
            return at;
    return NULL;
}

/* NAME(… in C, NN_LAUNCH(NAME, … in CUDA. */
static bool begins_with_call(const char *line, const char *name)
{
    static const char launch[] = "NN_LAUNCH(";
    line += strspn(line, " ");
    const bool is_launch = strncmp(line, launch, strlen(launch)) == 0;
    line += is_launch ? strlen(launch) : 0;
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && strchr(is_launch ? ",)" : "(", line[length]) && line[length];
}

static void mark(Emitted *e, int from, int to, const char *role, const char *model_lines)
{
    for (int n = from; n <= to; n++) {
        e->role[n] = role;
        e->model_lines[n] = model_lines;
    }
}

/* ---- statements ---- */

/* Does a line give `name` its value? "name[b][j] = …", "*name = …", "const float name = …", "name += …", NN_CORE(name, …), and the
 * comment's "name[b,j] = …". */
static bool gives_value(const char *line, const char *name)
{
    static const char *const before[] = {"* ", "*", "const ", "float ", "double ", "int ", "NN_SIMD ", "NN_SIMD_SUMS ", "NN_CORE(", "NN_LINES(", "NN_DOT("};
    for (bool more = true; more;) {
        line += strspn(line, " ");
        more = false;
        for (size_t b = 0; b < sizeof before / sizeof *before; b++)
            if (strncmp(line, before[b], strlen(before[b])) == 0) {
                line += strlen(before[b]);
                more = true;
            }
    }
    size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || is_in_name(line[length]))
        return false;
    for (line += length; *line == '['; line += *line == ']')
        for (int depth = 0; *line && (depth += *line == '[', depth -= *line == ']', depth > 0); line++)
            continue;
    return strncmp(line, " = ", 3) == 0 || strncmp(line, " += ", 4) == 0 || strncmp(line, " -= ", 4) == 0 || *line == ',';
}

/* What a stage comes from in all kernels that call the function. */
static const char *lines_of_stage(const Selection *s, const Kernel *kernel, int stage)
{
    Lines lines = new_lines(s);
    for (const Kernel *user = kernel; user; user = user->next_user) {
        if (stage >= user->stage_count)
            continue;
        add_node(s, &lines, user->stage[stage].node);
        each_term(user->stage[stage].term, add_term, &(Collecting){s, &lines});
    }
    return lines_text(s, &lines);
}

/* Statements and formulas of a function of several stages: each of its own lines of the model, an update's as such. */
static void mark_statements(Emitted *e, const Selection *s, const Function *function, const char *role)
{
    const Kernel *kernel = function->kernel;
    for (int i = 0; i < kernel->stage_count && kernel->stage_count > 1; i++) {
        const Stage *stage = &kernel->stage[i];
        const bool is_assigned = assigns(s->plan, stage), is_derived = is_part_of_gradient(s->c->model, stage->node);
        const char *name = stage->buffer != NONE ? array_name(s->plan, kernel, stage->buffer) : stage->name;
        const char *own_role = is_assigned ? "update" : is_derived && strcmp(role, "update") == 0 ? "backward" : role;
        const char *text = lines_of_stage(s, kernel, i);
        for (int n = function->comment; n <= function->end && name && *text; n++)
            if (gives_value(e->line[n], name))
                mark(e, n, n, own_role, text);
    }
}

static void mark_function(Emitted *e, const Selection *s, const Kernel *kernel, const char *role)
{
    Arena *arena = s->c->arena;
    const char *head = arena_print(arena, " %s(", kernel->name);      /* behind NN_KERNEL void, or NN_GPU_KERNEL(256) */
    for (int n = 1; n <= e->count; n++) {
        const char *at = strstr(e->line[n], head);
        if (!at || e->line[n][0] == ' ' || strchr(e->line[n], ';'))
            continue;
        Function function = {.kernel = kernel, .comment = n, .name = n, .end = n};
        while (function.comment > 1 && e->line[function.comment - 1][0])
            function.comment--;
        while (function.end < e->count && e->line[function.end][0] != '}')
            function.end++;
        e->function[e->function_count++] = function;
        mark(e, function.comment, function.end, role, lines_of_kernel(s, kernel, true));
        mark_statements(e, s, &function, role);
        return;
    }
}

/* A call goes on to its semicolon. */
static void mark_calls(Emitted *e, const Selection *s, const Kernel *kernel, const char *role, int *from)
{
    for (int n = *from; n <= e->count; n++) {
        if (!begins_with_call(e->line[n], kernel->name))
            continue;
        int end = n;
        while (end < e->count && !strchr(e->line[end], ';'))
            end++;
        mark(e, n, end, role, lines_of_kernel(s, kernel, false));
        *from = end + 1;
        return;
    }
}

static const char *role_of(const Selection *s, const Role *role, int phase, int k)
{
    static const char *const word[] = {[FORWARD_ROLE] = "forward", [LOSS_ROLE] = "loss", [BACKWARD_ROLE] = "backward",
                                       [UPDATE_ROLE] = "update", [METRIC_ROLE] = "metric"};
    if (phase == PHASE_TRAIN)
        return is_update(s->plan, &s->plan->kernel[phase][k]) ? "update" : word[role[k]];
    return s->c->model->kind == MODEL_SHOW ? "forward" : "other";
}

/* struct State and the memory plan above it. */
static void mark_arrays(Emitted *e, const Selection *s)
{
    int first = 1, last = e->count;
    for (int n = 1; n <= e->count; n++) {
        first = strncmp(e->line[n], " *   memory ", 12) == 0 ? n : first;
        if (strncmp(e->line[n], "} ", 2) == 0 || strcmp(e->line[n], "};") == 0) {
            last = n;                                         /* the first struct or table is the state */
            break;
        }
    }
    for (int b = 0; b < s->plan->buffer_count; b++) {
        const Buffer *buffer = &s->plan->buffer[b];
        if (!is_in_state(s->plan, buffer))
            continue;
        Lines lines = new_lines(s);
        add_node(s, &lines, buffer->node);
        const char *text = lines_text(s, &lines);
        for (int n = first; n < last && *text; n++) {
            const char *at = find_word(e->line[n], buffer->name);
            bool is_row = strncmp(e->line[n], " *   ", 5) == 0 && at == e->line[n] + 5;
            bool is_member = strstr(e->line[n], "_Alignas") && at && (at[strlen(buffer->name)] == '[' || at[strlen(buffer->name)] == ';');
            if (is_row || is_member)
                mark(e, n, n, "memory", text);
        }
    }
}

Emitted read_emitted(const Compilation *c)
{
    const Selection s = {.c = c, .graph = c->model->graph, .plan = c->plan};
    const Plan *plan = c->plan;
    Emitted e = {0};
    cut_lines(&e, c->arena, c->program.bytes);
    e.role = NEW(c->arena, const char *, e.count + 2);
    e.model_lines = NEW(c->arena, const char *, e.count + 2);
    mark(&e, 1, e.count, "", "");
    mark_arrays(&e, &s);
    int all = 0;
    for (int p = 0; p < PHASE_COUNT; p++)
        all += plan->kernel_count[p];
    e.function = NEW(c->arena, Function, all + 1);
    const Role *role = plan->kernel_count[PHASE_TRAIN] ? roles(plan, c->arena) : NULL;
    for (int p = 0; p < PHASE_COUNT; p++) {
        int from = 1;
        for (int k = 0; k < plan->kernel_count[p]; k++)
            if (plan->kernel[p][k].same_as == NONE)
                mark_function(&e, &s, &plan->kernel[p][k], role_of(&s, role, p, k));
        static const char *const caller[PHASE_COUNT] = {NULL, " evaluate(", " predict("};       /* each phase's calls are in its own */
        for (int n = 1; n <= e.count && caller[p]; n++)
            if (strncmp(e.line[n], "static ", 7) == 0 && strstr(e.line[n], caller[p]))
                from = n;
        for (int k = 0; k < plan->kernel_count[p]; k++)
            mark_calls(&e, &s, &plan->kernel[p][k], role_of(&s, role, p, k), &from);
    }
    return e;
}

int line_of_kernel(const Emitted *emitted, const Selection *s, const Kernel *kernel)
{
    const Kernel *owner = kernel->same_as == NONE ? kernel : kernel_at(s->plan, kernel->same_as);
    for (int f = 0; f < emitted->function_count; f++)
        if (emitted->function[f].kernel == owner)
            return emitted->function[f].name;
    return 0;
}

/* ---- formulas of a comment ---- */

/* A formula line begins at column 4; what belongs to it too is further in; a rule stands behind a gap. */
Formula *comment_formulas(const Selection *s, const Kernel *kernel, int *count)
{
    enum { INDENT = 4, GAP = 3 };
    Arena *arena = s->c->arena;
    Text text = text_new(arena);
    emit_kernel(s->plan, kernel, &text);
    char *end = strstr(text.bytes, "*/");
    Formula *list = NULL;
    int room = 0;
    *count = 0;
    if (!end)
        return NULL;
    *end = '\0';
    char *rest = text.bytes;
    strsep(&rest, "\n");                                      /* the title */
    for (char *line; (line = strsep(&rest, "\n"));) {
        size_t stars = strspn(line, " *"), length = strlen(line);
        while (length > stars && line[length - 1] == ' ')
            line[--length] = '\0';
        if (!line[stars])
            continue;
        char *gap = strstr(line + stars, "   (");
        const char *rule = "";
        if (gap || line[stars] == '(') {
            char *open = gap ? gap + strspn(gap, " ") : line + stars;
            rule = arena_print(arena, "%.*s", (int)strcspn(open + 1, "\n") - 1, open + 1);
            *(gap ? gap : open) = '\0';
        }
        const char *words = line + stars;
        if (stars <= INDENT + 1 && strstr(words, " = ")) {
            ARENA_PUSH(arena, list, *count, room, (Formula){words, rule});
        } else if (*count && stars > INDENT + 1) {
            Formula *last = &list[*count - 1];
            last->text = *words ? arena_print(arena, "%s %s", last->text, words) : last->text;
            last->rule = *rule ? rule : last->rule;
        }
    }
    return list;
}
