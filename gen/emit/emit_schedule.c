/* emit_schedule.c: how the rate moves, as a table for the runtime and as words: "lr 0.5^floor(k / 10), k epochs".
 *
 * The runtime computes the formulas (nngen/schedule.h); here stand their numbers. */
#include "emit/emit_fields.h"

static const char *milestones_text(const NnSchedule *schedule, Arena *arena)
{
    Text text = text_new(arena);
    for (int i = 0; i < schedule->milestone_count; i++)
        text_print(&text, "%s%lld", i ? ", " : "", (long long)schedule->milestones[i]);
    return text.bytes;
}

static const char *formula(const NnSchedule *s, Arena *arena)
{
    switch (s->kind) {
    case NN_RATE_STEP: return arena_print(arena, "lr %s^floor(k / %lld)", double_text(arena, s->gamma), (long long)s->step_size);
    case NN_RATE_MULTISTEP:
        return arena_print(arena, "lr %s^(how many of %s are at most k)",
                           double_text(arena, s->gamma), milestones_text(s, arena));
    case NN_RATE_EXPONENTIAL: return arena_print(arena, "lr %s^k", double_text(arena, s->gamma));
    case NN_RATE_COSINE:
        if (s->eta_min == 0)
            return arena_print(arena, "lr (1 + cos(pi k / %lld)) / 2", (long long)s->t_max);
        return arena_print(arena, "%s + (lr - %s) (1 + cos(pi k / %lld)) / 2",
                           double_text(arena, s->eta_min), double_text(arena, s->eta_min),
                           (long long)s->t_max);
    case NN_RATE_LINEAR:
        return arena_print(arena, "from lr %s to lr %s in a line, until k = %lld", double_text(arena, s->start_factor),
                           double_text(arena, s->end_factor), (long long)s->total_iters);
    case NN_RATE_ONE_CYCLE: {
        const double first = s->max_lr / s->div_factor;
        return arena_print(arena, "from %s up to %s at k = %s and down to %s at k = %lld, by half a cosine each",
                           double_text(arena, first), double_text(arena, s->max_lr),
                           double_text(arena, s->pct_start * (double)s->total_steps - 1),
                           double_text(arena, first / s->final_div_factor), (long long)s->total_steps - 1);
    }
    case NN_RATE_WARMUP:
        return arena_print(arena, "(k + 1) / %lld of what follows, while k < %lld", (long long)s->steps, (long long)s->steps);
    }
    bug("no such schedule: %d", (int)s->kind);
}

const char *schedule_text(const NnSchedule *schedule, Arena *arena)
{
    Text text = text_new(arena);
    for (const NnSchedule *s = schedule; s; s = s->kind == NN_RATE_WARMUP ? s->next : NULL) {
        const bool unit_is_said = s != schedule && s->per_step == schedule->per_step;
        text_print(&text, "%s%s%s", s != schedule ? "; then " : "", formula(s, arena),
                   unit_is_said ? ", k counted from there" : s->per_step ? ", k finished steps" : ", k finished epochs");
        if (s->kind == NN_RATE_WARMUP && !s->next)
            text_add(&text, "; then lr");
    }
    return text.bytes;
}

/* A field of the table, unless it is what the kind does not have. */
static void add_number(Text *out, const char *name, double value)
{
    if (value != 0)
        add_field(out, ".%s = %s", name, double_text(out->arena, value));
}

static void add_count(Text *out, const char *name, int64_t value)
{
    if (value != 0)
        add_field(out, ".%s = %lld", name, (long long)value);
}

/* The innermost first, for each points to the next. */
static const char *emit_one(const NnSchedule *s, int depth, Text *out)
{
    static const char *const kind_name[] = {
        [NN_RATE_STEP] = "NN_RATE_STEP", [NN_RATE_MULTISTEP] = "NN_RATE_MULTISTEP", [NN_RATE_EXPONENTIAL] = "NN_RATE_EXPONENTIAL",
        [NN_RATE_COSINE] = "NN_RATE_COSINE", [NN_RATE_LINEAR] = "NN_RATE_LINEAR", [NN_RATE_ONE_CYCLE] = "NN_RATE_ONE_CYCLE",
        [NN_RATE_WARMUP] = "NN_RATE_WARMUP",
    };
    const char *name = depth ? arena_print(out->arena, "schedule_%d", depth + 1) : "schedule";
    const char *next = s->kind == NN_RATE_WARMUP && s->next ? emit_one(s->next, depth + 1, out) : NULL;
    if (s->milestone_count)
        text_print(out, "static const int64_t %s_milestones[] = {%s};\n", name, milestones_text(s, out->arena));
    text_print(out, "static const NnSchedule %s = {", name);
    add_field(out, ".kind = %s", kind_name[s->kind]);
    if (s->per_step)
        add_field(out, ".per_step = true");
    add_count(out, "step_size", s->step_size);
    if (s->milestone_count)
        add_field(out, ".milestones = %s_milestones, .milestone_count = NN_COUNT(%s_milestones)", name, name);
    add_number(out, "gamma", s->gamma);
    add_count(out, "t_max", s->t_max);
    add_number(out, "eta_min", s->eta_min);
    add_number(out, "start_factor", s->start_factor);
    add_number(out, "end_factor", s->end_factor);
    add_count(out, "total_iters", s->total_iters);
    add_number(out, "max_lr", s->max_lr);
    add_count(out, "total_steps", s->total_steps);
    add_number(out, "pct_start", s->pct_start);
    add_number(out, "div_factor", s->div_factor);
    add_number(out, "final_div_factor", s->final_div_factor);
    add_count(out, "steps", s->steps);
    if (next)
        add_field(out, ".next = &%s", next);
    text_add(out, "};\n");
    return name;
}

void emit_schedule(const NnSchedule *schedule, Text *out)
{
    text_add(out, "\n");
    comment_line(out, 0, arena_print(out->arena, "The rate: %s.", schedule_text(schedule, out->arena)));
    emit_one(schedule, 0, out);
}
