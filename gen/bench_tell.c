/* bench_tell.c: what nngen bench measured, as a table for people and as JSON for programs.
 *
 * The JSON is one object; times are microseconds, rates are a second, a spread is the least and the largest of the rounds:
 *
 *   {"model": "models/digits.lua", "precision": "f32", "batch": 64, "threads": 1, "rounds": 5, "processor": "…", "compiler": "cc",
 *    "flop_per_second": …, "working_set_bytes": …, "bytes_per_second": …, "memory_bytes_per_second": …,
 *    "programs": {"fused": {"us_per_step": …, "spread_us": […, …], "flop": …, "bytes": …, "gflop_per_second": …,
 *                           "roofline_us": …, "roofline_share": …, "times_fused": 1},
 *                 "generic": {…}, "blas": {…} or {"absent": "why"}, "cuda": {…}, "cuda_generic": {…} with --target cuda},
 *    "kernels": [{"name": "forward_fc1", "us": …, "share": …, "flop": …, "bytes": …, "roofline_us": …, "roofline_share": …,
 *                 "bound": "compute" or "memory"}, …]}                                        with --kernels-table, in order
 *
 * bytes_per_second is that of the working set, memory_bytes_per_second that of an array which no cache holds. */
#include "bench.h"
#include "base/text.h"
#include "kernel/kernel.h"
#include <stdlib.h>
#include <string.h>

/* "1.37 µs", "417 ms": three digits, a unit that fits */
static const char *scaled(Arena *arena, double value, const char *unit)
{
    static const struct { double scale; const char *prefix; } prefixes[] = {
        {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}, {1, ""}, {1e-3, "m"}, {1e-6, "µ"}, {1e-9, "n"},
    };
    size_t i = 0, last = sizeof prefixes / sizeof *prefixes - 1;
    while (i < last && value < 0.9995 * prefixes[i].scale && value > 0)
        i++;
    if (value == 0)
        return arena_print(arena, "0 %s", unit);
    double shown = value / prefixes[i].scale;
    return arena_print(arena, "%.*f %s%s", shown < 9.995 ? 2 : shown < 99.95 ? 1 : 0, shown, prefixes[i].prefix, unit);
}

static const char *processor_name(Arena *arena)
{
    size_t count;
    char *all = read_file(arena, "/proc/cpuinfo", &count), *name = all ? strstr(all, "model name") : NULL;
    name = name ? strchr(name, ':') : NULL;
    return name ? arena_print(arena, "%.*s", (int)strcspn(name + 2, "\n"), name + 2) : "unknown processor";
}

static const char *compiler_name(void)
{
    const char *compiler = getenv("CC");
    return compiler && *compiler ? compiler : "cc";
}

/* ---- for people ---- */

/* Cells of a line, the first to the left, the others to the right of their columns. */
static void add_row(Text *out, const char *const *cells, const int *width, int count)
{
    size_t end = 0;
    for (int i = 0; i < count; i++) {
        size_t length = 0;
        for (const char *c = cells[i]; *c; c++)
            length += ((unsigned char)*c & 0xc0) != 0x80;       /* characters, not bytes: µ */
        if (i > 0)
            text_pad(out, end + (length < (size_t)width[i] ? (size_t)width[i] - length : 1));
        text_add(out, cells[i]);
        end += (size_t)width[i];
    }
    text_add(out, "\n");
}

static void tell_contestants(const Bench *bench, Text *out)
{
    Arena *arena = out->arena;
    static const int width[] = {12, 10, 22, 12, 12, 14, 10, 9};
    static const char *const head[] = {"kernels", "a step", "least to largest", "FLOP", "bytes", "FLOP/s", "roofline", "÷ fused"};
    add_row(out, head, width, 8);
    for (int i = 0; i < bench->count; i++) {
        const Contestant *one = &bench->contestant[i];
        if (one->absent) {
            text_print(out, "%-12s  left out: %s\n", one->name, one->absent);
            continue;
        }
        double seconds = median(&one->seconds);
        const char *cells[] = {
            one->name, scaled(arena, seconds, "s"),
            arena_print(arena, "%s to %s", scaled(arena, least(&one->seconds), "s"), scaled(arena, largest(&one->seconds), "s")),
            scaled(arena, (double)one->work.flop, ""), scaled(arena, (double)one->work.bytes, "B"),
            scaled(arena, (double)one->work.flop / seconds, "FLOP/s"),
            arena_print(arena, "%.0f %%", 100 * roofline_of_step(bench, one->c->plan) / seconds),
            arena_print(arena, "%.2f", seconds / median(&bench->contestant[0].seconds)),
        };
        add_row(out, cells, width, 8);
    }
}

static double seconds_of_kernels(const Bench *bench, const Plan *plan)
{
    double sum = 0;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++)
        sum += median(&bench->kernel[k]);
    return sum;
}

static void tell_kernels(const Bench *bench, Text *out)
{
    Arena *arena = out->arena;
    const Plan *plan = bench->contestant[0].c->plan;
    const double all = seconds_of_kernels(bench, plan);
    static const int width[] = {38, 10, 7, 11, 11, 14, 10, 9};
    static const char *const head[] = {"fused kernel", "time", "share", "FLOP", "bytes", "FLOP/s", "roofline", "bound"};
    text_add(out, "\n");
    add_row(out, head, width, 8);
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        const double seconds = median(&bench->kernel[k]);
        bool by_memory;
        const double limit = roofline_of_kernel(bench, plan->target, kernel, &by_memory);
        const char *cells[] = {
            kernel->name, scaled(arena, seconds, "s"), arena_print(arena, "%.1f %%", all > 0 ? 100 * seconds / all : 0),
            scaled(arena, (double)kernel->flop, ""), scaled(arena, (double)(kernel->bytes_read + kernel->bytes_written), "B"),
            seconds > 0 ? scaled(arena, (double)kernel->flop / seconds, "FLOP/s") : "-",
            seconds > 0 ? arena_print(arena, "%.0f %%", 100 * limit / seconds) : "-", by_memory ? "memory" : "compute",
        };
        add_row(out, cells, width, 8);
    }
}

void tell_bench(const Bench *bench, const Model *model, Text *out)
{
    Arena *arena = out->arena;
    text_print(out, "%s: a training step of %lld %s in %s, %d thread%s; medians of %d rounds\n", escaped(arena, model->path),
               (long long)model->batch, model->batch == 1 ? "row" : "rows", model_precision(model), bench->threads,
               bench->threads == 1 ? "" : "s", bench->rounds);
    text_print(out, "%s: %s by multiply-adds; ", escaped(arena, processor_name(arena)),
               scaled(arena, largest(&bench->flop_per_second), "FLOP/s"));
    text_print(out, "%s from memory, ", scaled(arena, largest(&bench->memory_per_second), "B/s"));
    text_print(out, "%s within the %s of the fused program\n", scaled(arena, largest(&bench->bytes_per_second), "B/s"),
               scaled(arena, (double)bench->working_set, "B"));
    if (bench->device_flop_per_second.count)
        text_print(out, "GPU: %s by multiply-adds; %s from its memory; its steps by its own clock\n",
                   scaled(arena, largest(&bench->device_flop_per_second), "FLOP/s"), scaled(arena, largest(&bench->device_bytes_per_second), "B/s"));
    text_add(out, "\n");
    tell_contestants(bench, out);
    if (bench->kernel)
        tell_kernels(bench, out);
    text_add(out, "\nroofline: the share of what these figures allow, each kernel bound by its FLOP or by its bytes\n");
}

/* ---- for programs ---- */

static void add_json_string(Text *out, const char *string)
{
    text_add(out, "\"");
    for (const char *c = string; *c; c++) {
        if (*c == '"' || *c == '\\')
            text_add(out, "\\");
        if ((unsigned char)*c < ' ')
            text_print(out, "\\u%04x", (unsigned char)*c);
        else
            text_add_bytes(out, c, 1);
    }
    text_add(out, "\"");
}

static void add_roofline(double limit, double seconds, Text *out)
{
    text_print(out, "\"roofline_us\": %.6g, \"roofline_share\": %.4g", 1e6 * limit, seconds > 0 ? limit / seconds : 0);
}

static void add_contestant(const Bench *bench, const Contestant *one, Text *out)
{
    text_print(out, "\n  \"%s\": {", one->name);
    if (one->absent) {
        text_add(out, "\"absent\": ");
        add_json_string(out, one->absent);
        text_add(out, "}");
        return;
    }
    double seconds = median(&one->seconds);
    text_print(out, "\"us_per_step\": %.6g, \"spread_us\": [%.6g, %.6g], ", 1e6 * seconds, 1e6 * least(&one->seconds), 1e6 * largest(&one->seconds));
    text_print(out, "\"flop\": %lld, \"bytes\": %lld, \"gflop_per_second\": %.6g, ", (long long)one->work.flop, (long long)one->work.bytes,
               1e-9 * (double)one->work.flop / seconds);
    add_roofline(roofline_of_step(bench, one->c->plan), seconds, out);
    text_add(out, ", ");
    text_print(out, "\"times_fused\": %.4g}", seconds / median(&bench->contestant[0].seconds));
}

static void add_kernels(const Bench *bench, Text *out)
{
    const Plan *plan = bench->contestant[0].c->plan;
    const double all = seconds_of_kernels(bench, plan);
    text_add(out, ",\n \"kernels\": [");
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        const double seconds = median(&bench->kernel[k]);
        bool by_memory;
        const double limit = roofline_of_kernel(bench, plan->target, kernel, &by_memory);
        text_print(out, "%s\n  {\"name\": \"%s\", \"us\": %.6g, \"share\": %.4g, \"flop\": %lld, \"bytes\": %lld, ", k ? "," : "", kernel->name,
                   1e6 * seconds, all > 0 ? seconds / all : 0, (long long)kernel->flop, (long long)(kernel->bytes_read + kernel->bytes_written));
        add_roofline(limit, seconds, out);
        text_print(out, ", \"bound\": \"%s\"}", by_memory ? "memory" : "compute");
    }
    text_add(out, "]");
}

void tell_bench_as_json(const Bench *bench, const Model *model, Text *out)
{
    text_add(out, "{\"model\": ");
    add_json_string(out, model->path);
    text_print(out, ", \"precision\": \"%s\", \"batch\": %lld, \"threads\": %d, \"rounds\": %d,\n \"processor\": ",
               model_precision(model), (long long)model->batch, bench->threads, bench->rounds);
    add_json_string(out, processor_name(out->arena));
    text_add(out, ", \"compiler\": ");
    add_json_string(out, compiler_name());
    text_print(out, ",\n \"flop_per_second\": %.6g, \"working_set_bytes\": %lld, \"bytes_per_second\": %.6g, \"memory_bytes_per_second\": %.6g",
               largest(&bench->flop_per_second), (long long)bench->working_set, largest(&bench->bytes_per_second), largest(&bench->memory_per_second));
    if (bench->device_flop_per_second.count)
        text_print(out, ", \"device_flop_per_second\": %.6g, \"device_bytes_per_second\": %.6g",
                   largest(&bench->device_flop_per_second), largest(&bench->device_bytes_per_second));
    text_add(out, ",\n \"programs\": {");
    for (int i = 0; i < bench->count; i++) {
        text_add(out, i ? "," : "");
        add_contestant(bench, &bench->contestant[i], out);
    }
    text_add(out, "}");
    if (bench->kernel)
        add_kernels(bench, out);
    text_add(out, "}\n");
}
