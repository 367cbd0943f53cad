/* emit_loops.c: the loops of a kernel. They are derived from its stages here, one function a form:
 *
 *   nest, row      for the outer axes: stages in order; neighbouring stages over the same inner loops share them when the later
 *                  one reads just the element that the earlier one made
 *   contraction    tile by tile: emit_tiles.c
 *   rows in lanes  16 rows at a time through the stages of a row: emit_lanes.c
 *   draw           a call of random.h
 *
 * A local that is used only inside the loops that make it is a scalar there; else an array over its inner axes. */
#include "emit/loops_internal.h"
#include <limits.h>
#include <math.h>
#include <string.h>

enum { SHORTEST_LANES = 4, SHORTEST_FOLD_IN_LANES = 32, SHORTEST_LINE_IN_LANES = 6 /* of several folds */ };

void line(Emission *e, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprint(e->w.arena, format, arguments);
    va_end(arguments);
    stand_beside(e);
    text_print(e->out, "%*s%s\n", e->indent, "", text);
}

void own_line(Emission *e, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprint(e->w.arena, format, arguments);
    va_end(arguments);
    text_print(e->out, "%*s%s\n", e->indent, "", text);
}

void own_call_line(Emission *e, const char *call)
{
    text_print(e->out, "%*s", e->indent, "");
    add_wrapped(e->out, call, "", (size_t)e->indent + INDENT, 0);
    text_add(e->out, "\n");
}

void call_line(Emission *e, const char *call)
{
    stand_beside(e);
    own_call_line(e, call);
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

bool is_loop(const Emission *e, int axis)
{
    return e->kernel->axis[axis].extent > 1;
}

void open_block(Emission *e, const char *head)
{
    own_line(e, "%s", head);
    e->indent += INDENT;
}

void close_block(Emission *e)
{
    e->indent -= INDENT;
    own_line(e, "}");
    leave_loop(e);
}

void open_over(Emission *e, int axis, const char *how, const char *head)
{
    if (*how)
        stand_beside(e);
    open_block(e, arena_print(e->w.arena, "%s%s%s {", *how ? "" : share_loop(e, axis), how, head));
}

void open_loop_as(Emission *e, int axis, const char *how)
{
    const char *letter = e->kernel->axis[axis].letter;
    if (!is_loop(e, axis))
        return;
    if (strcmp(how, "NN_FOLD") == 0)
        open_over(e, axis, how, arena_print(e->w.arena, "(%s, %s)", letter, axis_extent(&e->w, axis)));
    else
        open_over(e, axis, how, arena_print(e->w.arena, "for (int %1$s = 0; %1$s < %2$s; %1$s++)", letter, axis_extent(&e->w, axis)));
}

void open_loop(Emission *e, int axis)
{
    open_loop_as(e, axis, "");
}

void close_loop(Emission *e, int axis)
{
    if (is_loop(e, axis))
        close_block(e);
}

const char *local_type(const Emission *e, const Stage *stage)
{
    return real_type(e->w.plan, e->w.plan->model->graph->nodes[stage->node].type.scalar);
}

const char *zero(const Emission *e)
{
    return e->w.plan->model->precision == F32 ? "0.0f" : "0.0";
}

/* Where a stage's value is inside its inner loops: name, or name[m] of an array. */
const char *local_element(const Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    Text text = text_new(e->w.arena);
    text_add(&text, stage->name);
    for (int i = 0; i < stage->inner_count && e->is_array[s]; i++)
        text_print(&text, "[%s]", is_loop(e, stage->inner[i]) ? e->kernel->axis[stage->inner[i]].letter : "0");
    text_add(&text, e->in_lanes[s] ? e->w.lane : "");
    return text.bytes;
}

/* The largest so far, whose place ARGMAX keeps: the value that follows it, or one of its own. */
static const char *largest_of(const Emission *e, int s)
{
    if (e->kernel->stage[s].beside_largest)
        return local_element(e, s + 1);
    return arena_print(e->w.arena, "%s_value%s", e->kernel->stage[s].name, e->in_lanes[s] ? e->w.lane : "");
}

/* The variables of a fold before its loops. */
void begin_fold(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    const char *element = local_element(e, s);
    const char *type = e->is_array[s] || e->in_lanes[s] ? "" : arena_print(e->w.arena, "%s ", local_type(e, stage));
    if (stage->fold == FOLD_ARGMAX && !stage->beside_largest)
        line(e, "%s%s = -INFINITY;", e->in_lanes[s] ? "" : arena_print(e->w.arena, "%s ", real_type(e->w.plan, FLOAT)), largest_of(e, s));
    line(e, "%s%s = %s;", type, element, stage->fold == FOLD_SUM ? zero(e) : stage->fold == FOLD_MAX ? "-INFINITY" : "0");
}

void assign_line(Emission *e, const char *left, const char *operator, const char *right)
{
    stand_beside(e);
    text_print(e->out, "%*s%s %s ", e->indent, "", left, operator);
    add_wrapped(e->out, right, "", (size_t)e->indent + 2 * INDENT, 1);
    text_add(e->out, ";\n");
}

/* One element more of a fold. */
void fold_element(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    const char *element = local_element(e, s);
    const char *term = term_text(&e->w, stage->term, BIND_CHOICE);
    if (stage->fold == FOLD_SUM) {
        assign_line(e, element, "+=", term);
    } else if (stage->fold == FOLD_MAX) {
        assign_line(e, element, "=", arena_print(e->w.arena, "nn_maximum%s(%s, %s)", e->w.plan->model->precision == F32 ? "f" : "", term, element));
    } else {
        Index place = index_constant(0);                /* row-major among the folded elements */
        int64_t step = 1;
        for (int f = stage->fold_count - 1; f >= 0; f--) {
            place = index_add(place, step, index_axis(stage->fold_axis[f]));
            step *= e->kernel->axis[stage->fold_axis[f]].extent;
        }
        const char *larger = term_text(&e->w, stage->term, BIND_SUM), *at = index_text(&e->w, &place, BIND_CHOICE);
        const char *largest = largest_of(e, s);
        if (e->w.plan->mode == KERNELS_FUSED && (stage->fold_count > 1 || e->in_lanes[s])) {      /* without a branch: windows of 2 x 2 1140 for 80 µs */
            assign_line(e, element, "=", arena_print(e->w.arena, "%s > %s ? %s : %s", larger, largest, at, element));
            if (!stage->beside_largest)
                assign_line(e, largest, "=", arena_print(e->w.arena, "%1$s > %2$s ? %1$s : %2$s", larger, largest));
        } else {
            line(e, "if (%s > %s) {", larger, largest);
            line(e, "    %s = %s;", largest, term);
            line(e, "    %s = %s;", element, at);
            line(e, "}");
        }
    }
}

void store_line(Emission *e, const Stage *stage, const char *value)
{
    if (stage->buffer != NONE)
        assign_line(e, access_text(&e->w, stage->buffer, stage->store, NULL), "=", value);
}

/* w = w - x reads better as w -= x; likewise v = v + x. */
static bool in_place(Emission *e, const Stage *stage)
{
    const Term *term = stage->term;
    if (term->kind != TERM_APPLY || (term->op != OP_SUBTRACT && term->op != OP_ADD) || stage->buffer == NONE)
        return false;
    const Term *old = term->operand[0];
    if (old->kind != TERM_READ || old->buffer != stage->buffer)
        return false;
    for (int d = 0; d < old->rank; d++)
        if (!same_index(&old->index[d], &stage->store[d]))
            return false;
    assign_line(e, access_text(&e->w, stage->buffer, stage->store, NULL), term->op == OP_ADD ? "+=" : "-=", term_text(&e->w, term->operand[1], BIND_SUM));
    return true;
}

/* A pointwise stage where its loops are. */
void pointwise(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    if (in_place(e, stage))
        return;
    const char *term = term_text(&e->w, stage->term, BIND_CHOICE);
    if (stage->buffer != NONE) {
        store_line(e, stage, term);
    } else if (e->is_array[s] || e->in_lanes[s]) {
        assign_line(e, local_element(e, s), "=", term);
    } else {
        assign_line(e, arena_print(e->w.arena, "const %s %s", local_type(e, stage), stage->name), "=", term);
    }
}

/* ---- groups: stages that share their inner loops -------------------------------------------------------------------- */

static void find_call(Term *term, void *context)
{
    bool *found = context;
    *found |= term->kind == TERM_RANDOM || (term->kind == TERM_APPLY && op_is_call(term->op));
}

bool has_call(const Stage *stage)
{
    bool found = false;
    each_term(stage->term, find_call, &found);
    return found;
}

/* Do loops run in lanes at all? Generic ones are plain, on a GPU threads are the lanes. */
bool has_lanes(const Emission *e)
{
    return e->w.plan->mode == KERNELS_FUSED && e->w.plan->target == TARGET_C;
}

/* A normal draw is a call; what is guarded by a place along the lanes, or looked up, would be fetched lane by lane (backward of a
 * convolution: 39 for 25 µs). */
typedef struct Obstacle { int axis; bool found; } Obstacle;

static void find_obstacle(Term *term, void *context)
{
    Obstacle *o = context;
    o->found |= term->kind == TERM_RANDOM && term->op == OP_NORMAL;
    for (int i = 0; i < term->rank; i++) {
        o->found |= !is_affine(&term->index[i]);
        o->found |= term->kind == TERM_INSIDE && has_axis(&term->index[i], o->axis);
    }
}

typedef struct Stride { const Plan *plan; int axis; bool found; } Stride;

/* The dimension whose neighbours are neighbours in memory: the innermost of more than one element. */
static int innermost(const Buffer *buffer)
{
    int place = buffer->rank - 1;
    while (place > 0 && buffer->size[buffer->order[place]] == 1 && !buffer->border && !buffer->pad)
        place--;
    return buffer->order[place];
}

/* Are neighbours along the axis no neighbours in memory? */
static void find_stride(Term *term, void *context)
{
    Stride *s = context;
    const int last = term->kind == TERM_READ && term->rank ? innermost(&s->plan->buffer[term->buffer]) : term->rank - 1;
    for (int i = 0; i < term->rank && term->kind != TERM_INDEX; i++)
        for (int t = 0; t < term->index[i].count; t++)
            s->found |= term->index[i].term[t].axis == s->axis && (i != last || term->index[i].term[t].factor != 1);
}

typedef struct Whole { const Emission *e; const Stage *stage; bool works; } Whole;

static void look_at_whole(Term *term, void *context)
{
    Whole *w = context;
    if (term->kind != TERM_READ) {
        w->works &= term->kind == TERM_APPLY || term->kind == TERM_NUMBER || term->kind == TERM_SYMBOL;
        return;
    }
    const Buffer *buffer = &w->e->w.plan->buffer[term->buffer];
    w->works &= !term->rank || (term->rank == w->stage->fold_count && !term->operand[0] && !buffer->border && !buffer->pad);
    for (int d = 0; d < term->rank && w->works; d++)
        w->works = plain_axis(&term->index[buffer->order[d]]) == w->stage->fold_axis[d];
}

/* Elements of arrays that a sum takes whole, as they lie in memory: it needs no loops around its innermost, whose lines may be shorter than a
 * register. Squares of 5000 x 5 27 and 0.9 µs. 0: it is no such sum. */
static int64_t elements_of_whole(const Emission *e, const Stage *stage)
{
    Whole whole = {e, stage, has_lanes(e) && stage->fold == FOLD_SUM && stage->fold_count > 1 && !stage->inner_count};
    int64_t elements = 1;
    for (int f = 0; f < stage->fold_count; f++)
        elements *= e->kernel->axis[stage->fold_axis[f]].extent;
    each_term(stage->term, look_at_whole, &whole);
    return whole.works && elements > e->kernel->axis[stage->fold_axis[stage->fold_count - 1]].extent && elements <= INT_MAX ? elements : 0;
}

/* Is the innermost fold one that NN_SUM or NN_LARGEST does, sixteen elements at a time? */
bool folds_in_lanes(const Emission *e, const Stage *stage)
{
    if (!has_lanes(e) || e->folds_vectors || !stage->fold_count || (stage->fold != FOLD_SUM && stage->fold != FOLD_MAX) || stage->term->scalar != FLOAT)
        return false;
    if (elements_of_whole(e, stage) >= SHORTEST_FOLD_IN_LANES)
        return true;
    Stride stride = {e->w.plan, stage->fold_axis[stage->fold_count - 1], false};
    Obstacle obstacle = {stride.axis, false};
    each_term(stage->term, find_obstacle, &obstacle);
    each_term(stage->term, find_stride, &stride);
    const int64_t shortest = stage->fold == FOLD_SUM && stage->fold_count > 1 ? SHORTEST_LINE_IN_LANES : SHORTEST_FOLD_IN_LANES;
    return !obstacle.found && !stride.found && e->kernel->axis[stride.axis].extent >= shortest;
}

/* A stage's own loops, if it can share them: all its inner axes or all its fold axes. */
static int own_loops(const Stage *stage, int *loops)
{
    if (stage->inner_count && stage->fold_count)
        return NONE;
    const int *from = stage->inner_count ? stage->inner : stage->fold_axis;
    int count = stage->inner_count ? stage->inner_count : stage->fold_count;
    memcpy(loops, from, sizeof *loops * (size_t)count);
    return count;
}

typedef struct Sharing { const Emission *e; const Group *group; bool allowed; } Sharing;

static void check_sharing(Term *term, void *context)
{
    Sharing *s = context;
    const Kernel *kernel = s->e->kernel;
    for (int m = s->group->first; m < s->group->end; m++) {
        const Stage *maker = &kernel->stage[m];
        const Index *made = maker->store;
        bool reads = (term->kind == TERM_STAGE && term->stage == m) || (term->kind == TERM_READ && maker->buffer != NONE && term->buffer == maker->buffer);
        if (!reads)
            continue;
        if (maker->fold != FOLD_NONE) {                 /* complete only after the loops */
            s->allowed = false;
        } else if (term->kind == TERM_STAGE) {
            for (int i = 0; i < term->rank; i++)
                s->allowed &= plain_axis(&term->index[i]) == maker->inner[i];
        } else {
            for (int d = 0; d < term->rank; d++)
                s->allowed &= same_index(&term->index[d], &made[d]);
        }
    }
}

typedef struct Overwriting { const Plan *plan; const Stage *writer; bool allowed; } Overwriting;

static void check_overwriting(Term *term, void *context)
{
    Overwriting *o = context;
    if (term->kind == TERM_READ && term->buffer == o->writer->buffer && !are_apart(o->plan, term, o->writer))
        for (int d = 0; d < term->rank; d++)
            o->allowed &= same_index(&term->index[d], &o->writer->store[d]);
}

/* In shared loops a stage may overwrite only what the earlier ones have read at that very element. */
static bool overwrites_what_is_read(const Emission *e, const Group *group, const Stage *writer)
{
    Overwriting overwriting = {e->w.plan, writer, true};
    for (int m = group->first; m < group->end && writer->buffer != NONE; m++)
        each_term(e->kernel->stage[m].term, check_overwriting, &overwriting);
    return !overwriting.allowed;
}

/* Is it an array within a border of one number, lying along the axis? Whole registers of that come, some of their lanes masked: pad of
 * 32 x 32 before a max-pool of windows that overlap, with those, 2.4 for 1.6 µs. */
static bool is_bordered(const Emission *e, Term *term, int axis)
{
    Stride stride = {e->w.plan, axis, term->kind != TERM_INSIDE};
    while (term->kind == TERM_INSIDE && term->operand[1]->kind == TERM_NUMBER && is_affine(&term->index[0]))
        term = term->operand[0];
    Obstacle obstacle = {axis, term->kind != TERM_READ};
    find_obstacle(term, &obstacle);
    find_stride(term, &stride);
    return !obstacle.found && !stride.found;
}

/* Are the elements of these loops independent of each other, and enough for a register? */
static bool in_lanes(const Emission *e, const Group *group, int axis)
{
    Obstacle obstacle = {axis, false};
    for (int s = group->first; s < group->end; s++) {
        if (!is_bordered(e, e->kernel->stage[s].term, axis))
            each_term(e->kernel->stage[s].term, find_obstacle, &obstacle);
        if (e->kernel->stage[s].fold != FOLD_NONE)
            return false;
    }
    return has_lanes(e) && !obstacle.found;
}

/* Is the fold in lanes one of the elements that a loop in lanes makes just before? One loop does both then, which may come to an element
 * twice: exp and the sum of it, softmax over 300 classes, loss and gradient of 512 rows 106 and 76 µs. */
static bool is_folded_as_made(const Emission *e, const Group *group, const Stage *fold)
{
    const Stage *maker = &e->kernel->stage[group->first];
    const Term *value = fold->term;
    if (e->runs_rows || group->end != group->first + 1 || group->loop_count != 1 || !in_lanes(e, group, group->loops[0])
        || changes_what_it_reads(e->kernel))
        return false;
    if (value->kind == TERM_STAGE)
        return value->stage == group->first && value->rank == 1 && plain_axis(&value->index[0]) == maker->inner[0];
    bool found = value->kind == TERM_READ && maker->buffer != NONE && value->buffer == maker->buffer;
    for (int d = 0; found && d < value->rank; d++)
        found = same_index(&value->index[d], &maker->store[d]);
    return found;
}

Group next_group(const Emission *e, int first)
{
    const Kernel *kernel = e->kernel;
    Group group = {.first = first, .end = first + 1};
    int count = own_loops(&kernel->stage[first], group.loops);
    if (count == NONE) {
        group.end += kernel->stage[first].beside_largest;
        return group;
    }
    group.loop_count = count;
    if (folds_in_lanes(e, &kernel->stage[first]))
        return group;
    while (group.end < kernel->stage_count && kernel->stage[group.end].after == kernel->stage[first].after) {
        int loops[MAX_AXES * 2];
        const Stage *stage = &kernel->stage[group.end];
        if (own_loops(stage, loops) != count || memcmp(loops, group.loops, sizeof *loops * (size_t)count) != 0)
            break;
        if (folds_in_lanes(e, stage)) {
            group.folded = is_folded_as_made(e, &group, stage);
            group.end += group.folded;
            return group;
        }
        const Stage *before = &kernel->stage[group.end - 1];    /* exp in lanes, then the sum of it */
        if (has_lanes(e) && !e->folds_vectors && (stage->fold == FOLD_NONE) != (before->fold == FOLD_NONE) && count > 0
            && (has_call(before) || has_call(stage)))
            break;
        Sharing sharing = {e, &group, true};
        each_term(stage->term, check_sharing, &sharing);
        if (!sharing.allowed || overwrites_what_is_read(e, &group, stage))
            break;
        group.end++;
    }
    return group;
}

typedef struct Reader { int stage; bool found; } Reader;

static void find_reader(Term *term, void *context)
{
    Reader *r = context;
    r->found |= term->kind == TERM_STAGE && term->stage == r->stage;
}

bool read_by(const Kernel *kernel, int stage, int from, int to)
{
    Reader reader = {stage, false};
    for (int s = from; s < to; s++)
        each_term(kernel->stage[s].term, find_reader, &reader);
    return reader.found;
}

void find_arrays(Emission *e)
{
    for (Group group = {.end = 0}; group.end < e->kernel->stage_count; ) {
        group = next_group(e, group.end);
        for (int s = group.first; s < group.end; s++)
            e->is_array[s] = e->kernel->stage[s].buffer == NONE && e->kernel->stage[s].inner_count > 0
                          && read_by(e->kernel, s, group.end, e->kernel->stage_count);
    }
    e->w.is_array = e->is_array;
}

/* ---- nest and row -------------------------------------------------------------------------------------------------------- */

void declare_array(Emission *e, const char *storage, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    Text sizes = text_new(e->w.arena);
    for (int i = 0; i < stage->inner_count; i++)
        text_print(&sizes, "[%s]", axis_extent(&e->w, stage->inner[i]));
    own_line(e, "%s%s %s%s;", storage, local_type(e, stage), stage->name, sizes.bytes);
}

/* Of loops over independent elements the innermost that is long enough for lanes, where all inside is short enough to be written
 * out; `inside` is that already without them. NONE: none. */
static int lanes_among(const Emission *e, const int *loops, int count, int64_t inside)
{
    for (int l = count - 1; l >= 0 && inside <= MOST_WRITTEN_OUT; l--) {
        if (e->kernel->axis[loops[l]].extent >= SHORTEST_LANES)
            return l;
        inside *= e->kernel->axis[loops[l]].extent;
    }
    return NONE;
}

/* The innermost of the outer loops that is long enough, where all that is inside is short, local and written to its own place. */
static int lanes_of_nest(const Emission *e)
{
    const Kernel *kernel = e->kernel;
    int64_t inside = 1;
    Obstacle obstacle = {NONE, !has_lanes(e)};
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        const int64_t steps = steps_inside(kernel, stage);
        inside = steps > inside ? steps : inside;
        obstacle.found |= stage->folds_outer || stage->after || e->is_array[s];
    }
    const int lanes = lanes_among(e, kernel->outer, kernel->outer_count, inside);
    if (lanes == NONE)
        return NONE;
    obstacle.axis = kernel->outer[lanes];
    for (int s = 0; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, find_obstacle, &obstacle);
    return obstacle.found ? NONE : lanes;
}

/* How the l-th of the loops is opened if `lanes` is the one in lanes. */
static const char *opening(const Emission *e, int l, int lanes)
{
    return e->lanes != NONE || (lanes != NONE && l > lanes) ? "NN_FOLD" : l == lanes ? "NN_SIMD " : "";
}

/* The folds around the innermost one, which a sum in lanes takes along: its lanes are added up once, at the end. */
static const char *folds_around(const Emission *e, const Stage *stage)
{
    Text text = text_new(e->w.arena);
    for (int f = 0; f < stage->fold_count - 1; f++)
        if (is_loop(e, stage->fold_axis[f]))
            text_print(&text, "%3$sfor (int %1$s = 0; %1$s < %2$s; %1$s++)", e->kernel->axis[stage->fold_axis[f]].letter,
                       axis_extent(&e->w, stage->fold_axis[f]), text.length ? " " : "");
    return text.length ? text.bytes : "";
}

/* What a fold in lanes folds: its term, or the value of the stage before it, which is kept where others read it. */
static const char *folded_text(const Emission *e, int s, bool as_made)
{
    const Stage *maker = &e->kernel->stage[s - as_made];
    const char *term = term_text(&e->w, maker->term, BIND_CHOICE);
    if (!as_made || (maker->buffer == NONE && !e->is_array[s - 1]))
        return term;
    return arena_print(e->w.arena, "%s = %s", maker->buffer == NONE ? local_element(e, s - 1) : access_text(&e->w, maker->buffer, maker->store, NULL), term);
}

/* The loops of a stage's fold and its elements; the innermost may be one statement, and so may all of a sum. A place has its value with it.
 * `as_made`: what the stage before makes is folded. */
static void emit_fold(Emission *e, int s, bool as_made, const char *how)
{
    const Stage *stage = &e->kernel->stage[s];
    const bool lanes = folds_in_lanes(e, stage), sum = lanes && stage->fold == FOLD_SUM;
    const int loops = sum ? 0 : stage->fold_count - lanes;
    for (int place = s; place <= s + stage->beside_largest && !stage->folds_outer; place++)
        begin_fold(e, place);
    for (int f = 0; f < loops; f++)
        open_loop_as(e, stage->fold_axis[f], how);
    if (lanes) {
        const int axis = stage->fold_axis[stage->fold_count - 1];
        const int64_t whole = elements_of_whole(e, stage);
        const char *folds = !sum ? "" : whole ? ", " : arena_print(e->w.arena, "%s, ", folds_around(e, stage));
        e->w.element = whole ? e->kernel->axis[axis].letter : NULL;
        stand_beside(e);
        text_print(e->out, "%*s", e->indent, "");
        add_wrapped(e->out, arena_print(e->w.arena, "%s(%s, %s, %s%s, %s, %s);", sum ? "NN_SUM" : "NN_LARGEST",
                                        local_type(e, stage), local_element(e, s), folds, e->kernel->axis[axis].letter,
                                        whole ? arena_print(e->w.arena, "%lld", (long long)whole) : axis_extent(&e->w, axis),
                                        folded_text(e, s, as_made)), "", (size_t)e->indent + 2 * INDENT, 0);
        text_add(e->out, "\n");
        e->w.element = NULL;
    } else {
        for (int place = s; place <= s + stage->beside_largest; place++)
            fold_element(e, place);
    }
    for (int f = loops - 1; f >= 0; f--)
        close_loop(e, stage->fold_axis[f]);
}

/* A stage with both inner axes and folds, or several that share loops. */
static void emit_group(Emission *e, const Group *group)
{
    const Stage *first = &e->kernel->stage[group->first];
    for (int s = group->first; s < group->end; s++)
        if (e->is_array[s])
            declare_array(e, "", s);
    if (first->inner_count && first->fold_count) {
        int64_t folds = 1;
        Obstacle obstacle = {NONE, !has_lanes(e) || e->lanes != NONE || first->folds_outer};
        for (int f = 0; f < first->fold_count; f++)
            folds *= e->kernel->axis[first->fold_axis[f]].extent;
        int lanes = lanes_among(e, first->inner, first->inner_count, folds);
        obstacle.axis = lanes == NONE ? NONE : first->inner[lanes];
        each_term(first->term, find_obstacle, &obstacle);
        lanes = obstacle.found ? NONE : lanes;
        for (int i = 0; i < first->inner_count; i++)
            open_loop_as(e, first->inner[i], opening(e, i, lanes));
        emit_fold(e, group->first, false, e->lanes != NONE || lanes != NONE ? "NN_FOLD" : "");
        for (int s = group->first; s < group->end; s++)
            store_line(e, &e->kernel->stage[s], e->kernel->stage[s].name);
        for (int i = first->inner_count - 1; i >= 0; i--)
            close_loop(e, first->inner[i]);
        return;
    }
    const Stage *fold = &e->kernel->stage[group->first + group->folded];
    if (folds_in_lanes(e, fold)) {
        emit_fold(e, group->first + group->folded, group->folded, "");
        if (!fold->folds_outer)
            store_line(e, fold, fold->name);
        return;
    }
    for (int s = group->first; s < group->end; s++)
        if (e->kernel->stage[s].fold != FOLD_NONE && !e->kernel->stage[s].folds_outer)
            begin_fold(e, s);
    int lanes = lanes_among(e, group->loops, group->loop_count, 1);
    if (lanes != NONE && !in_lanes(e, group, group->loops[lanes]))
        lanes = NONE;
    for (int l = 0; l < group->loop_count; l++)
        open_loop_as(e, group->loops[l], opening(e, l, lanes));
    for (int s = group->first; s < group->end; s++)
        if (e->kernel->stage[s].fold != FOLD_NONE)
            fold_element(e, s);
        else
            pointwise(e, s);
    for (int l = group->loop_count - 1; l >= 0; l--)
        close_loop(e, group->loops[l]);
    for (int s = group->first; s < group->end; s++)
        if (e->kernel->stage[s].fold != FOLD_NONE && !e->kernel->stage[s].folds_outer)
            store_line(e, &e->kernel->stage[s], e->kernel->stage[s].name);
}

void emit_stages(Emission *e, bool after)
{
    for (Group group = {.end = 0}; group.end < e->kernel->stage_count; ) {
        group = next_group(e, group.end);
        if (e->kernel->stage[group.first].after == after)
            emit_group(e, &group);
    }
}

static void emit_nest(Emission *e)
{
    const Kernel *kernel = e->kernel;
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer)
            begin_fold(e, s);
    e->lanes = lanes_of_nest(e);
    for (int o = 0; o < kernel->outer_count; o++)
        open_loop_as(e, kernel->outer[o], e->lanes == NONE || o < e->lanes ? "" : o == e->lanes ? "NN_SIMD " : "NN_FOLD");
    emit_stages(e, false);
    for (int o = kernel->outer_count - 1; o >= 0; o--)
        close_loop(e, kernel->outer[o]);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer)
            store_line(e, &kernel->stage[s], kernel->stage[s].name);
    emit_stages(e, true);
}

/* ---- scatter --------------------------------------------------------------------------------------------------------- */

static void scatter_loops(Emission *e, const int *axis, int count, const char *innermost, const char *left, const char *operator, const char *right)
{
    for (int i = 0; i < count; i++)
        open_loop_as(e, axis[i], i == count - 1 ? innermost : "");
    assign_line(e, left, operator, right);
    for (int i = count - 1; i >= 0; i--)
        close_loop(e, axis[i]);
}

/* Zero, then for b: for t: for d: r[index[b][t]][d] += x[b][t][d]. Rows come in order, and whoever has some of the columns adds to
 * them alone: the sums are the same for any number of threads. Columns are lanes: gcc -O2 makes no vectors of 31 by itself, and where
 * the value is a choice it is a branch. Largest of 100 rows of 31, 32 times, back into 100: 54 and 9 µs. */
static void emit_scatter(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Stage *stage = kernel->stage;
    const Scatter scatter = scatter_of(stage);
    int loop[MAX_AXES * 2], count = 0;
    scatter_loops(e, kernel->outer, kernel->outer_count, "", access_text(&e->w, stage->buffer, stage->store, NULL), "=", zero(e));
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->axis[kernel->outer[o]].batch)
            loop[count++] = kernel->outer[o];
    for (int f = 0; f < stage->fold_count; f++)
        loop[count++] = stage->fold_axis[f];
    const int rows = count;
    for (int o = 0; o < kernel->outer_count; o++)
        if (!kernel->axis[kernel->outer[o]].batch && kernel->outer[o] != scatter.picked)
            loop[count++] = kernel->outer[o];
    Obstacle obstacle = {count > rows ? loop[count - 1] : NONE, !has_lanes(e) || count == rows};
    each_term(scatter.value, find_obstacle, &obstacle);
    const bool lanes = !obstacle.found && kernel->axis[obstacle.axis].extent >= SHORTEST_LANES && !depends_on(scatter.index, obstacle.axis);
    Index place[MAX_RANK + 1];
    for (int d = 0; d < e->w.plan->buffer[stage->buffer].rank; d++)
        place[d] = plain_axis(&stage->store[d]) == scatter.picked ? (Index){.divisor = 1, .looked_up = true} : stage->store[d];
    scatter_loops(e, loop, count, lanes ? "NN_SIMD " : "", access_text(&e->w, stage->buffer, place, scatter.index), "+=", term_text(&e->w, scatter.value, BIND_CHOICE));
}

/* ---- random numbers ------------------------------------------------------------------------------------------------- */

static void emit_draws(Emission *e)
{
    const Stage *stage = e->kernel->stage;
    const Buffer *buffer = &e->w.plan->buffer[stage->buffer];
    Text count = text_new(e->w.arena), first = text_new(e->w.arena);
    text_add(&first, array_name(e->w.plan, e->kernel, stage->buffer));
    for (int d = 0; d < buffer->rank; d++) {
        text_print(&count, d == 0 && e->w.plan->model->graph->nodes[stage->node].type.per_row ? "BATCH" : d ? " * %lld" : "%lld", (long long)buffer->size[d]);
        text_add(&first, "[0]");
    }
    line(e, "nn_uniforms%s(seed, %uu, (uint32_t)t, %s, &%s);", e->w.plan->model->precision == F32 ? "f" : "",
         (unsigned)e->w.plan->model->graph->nodes[stage->node].attributes.stream, count.bytes, first.bytes);
}

/* ---- braces --------------------------------------------------------------------------------------------------------------- */

/* A loop whose body is one statement needs none: `text` from byte `start` on, the loops of one kernel, loses such braces. */
void drop_braces(Text *text, size_t start, Arena *arena)
{
    typedef struct Line { char *text; int indent; bool opens, closes, gone; } Line;
    int count = 0, room = 0;
    Line *lines = NULL;
    char *copy = arena_string(arena, text->bytes + start);
    for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
        int indent = (int)strspn(line, " ");
        size_t length = strlen(line);
        ARENA_PUSH(arena, lines, count, room, (Line){line, indent, length > 2 && strcmp(line + length - 2, " {") == 0, line[indent] == '}', false});
    }
    for (int i = count - 1; i >= 0; i--) {              /* inner loops first */
        if (!lines[i].opens)
            continue;
        int end = i + 1, statements = 0;
        for (; !(lines[end].closes && lines[end].indent == lines[i].indent); end++)
            statements += lines[end].indent == lines[i].indent + INDENT && !lines[end].gone && !lines[end].closes;
        if (statements != 1 || lines[i].text[lines[i].indent] == '{')
            continue;
        lines[i].text[strlen(lines[i].text) - 2] = 0;
        lines[end].gone = true;
    }
    text_cut(text, start);
    for (int i = 0; i < count; i++)
        if (!lines[i].gone)
            text_print(text, "%s\n", lines[i].text);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

/* Returns whether threads may share the loops as they are written. */
static bool write_body(const Plan *plan, const Kernel *kernel, int indent, bool threads, Text *out)
{
    Emission e = {.w = {.plan = plan, .kernel = kernel, .arena = plan->arena}, .out = out, .kernel = kernel, .indent = indent, .lanes = NONE,
                  .threads = {.wanted = threads, .inside = NONE, .in_fold = NONE}};
    e.w.in_function = !plan->is_plain;
    e.folds_vectors = folds_vectors(&e);
    e.runs_rows = runs_rows_in_lanes(&e);
    find_arrays(&e);
    size_t start = out->length;
    if (plan->target == TARGET_CUDA) {
        emit_device_loops(&e);
    } else if (kernel->form == FORM_CONTRACTION && kernel->choice.lanes != NONE) {
        emit_contraction(&e);
    } else if (kernel->form == FORM_SKIP) {
        emit_skips(&e);
    } else if (kernel->form == FORM_BLAS) {
        emit_blas(&e);
    } else if (kernel->form == FORM_SCATTER) {
        emit_scatter(&e);
    } else if (kernel->form == FORM_DRAW) {
        emit_draws(&e);
    } else if (e.runs_rows) {
        emit_rows_in_lanes(&e);
    } else {
        emit_nest(&e);
    }
    drop_braces(out, start, plan->arena);
    return e.threads.any && !e.threads.impossible;
}

bool emit_body(const Plan *plan, const Kernel *kernel, int indent, Text *out)
{
    if (kernel->stage_count > MAX_STAGES)
        bug("%s has %d stages, more than loops are written for", kernel->name, kernel->stage_count);
    const size_t start = out->length;
    if (kernel->is_shared && write_body(plan, kernel, indent, true, out))
        return true;
    text_cut(out, start);
    write_body(plan, kernel, indent, false, out);
    return false;
}
