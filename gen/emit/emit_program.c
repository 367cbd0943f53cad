/* emit_program.c: the whole C program of a model, from top to bottom.
 *
 * Takes a Plan whose kernels have names and whose buffers have places; gives the text. Every part is a function of the plan and
 * the options alone, so the same model gives the same bytes. What a kernel looks like is emit_kernel.c's; this file's siblings
 * print what surrounds the kernels.
 *
 * The header is printed first but made last: it explains what the rest has, and nothing else.
 *
 * A predictor and a library are the same up to their last part, the functions that others call instead of tables and main.
 *
 * The program is complete C, not fragments filled into a template: nearly every line depends on the model, and holes would
 * outnumber what is around them. */
#include "emit/emit_cuda.h"
#include "emit/emit_interface.h"
#include "emit/sources.h"

/* The runtime's parts that the rest uses, between the system's headers and the rest. */
static void emit_sources(const Plan *plan, const char *rest, Text *out)
{
    Text includes = text_new(out->arena), sources = text_new(out->arena);
    add_needed_sources(rest, &includes, &sources);
    if (plan->model->emit == EMIT_PROGRAM)
        text_add(out, "#define _GNU_SOURCE             /* signals, folders, clocks: POSIX, which -std=c11 alone hides */\n");
    text_add(out, includes.bytes);
    text_print(out, "\n#ifndef __GNUC__\n#define __attribute__(words)\ntypedef %s NnReal;\n#endif\n", real_type(plan, FLOAT));
    section(out, "what this needs of nngen's runtime, as it is there");
    text_add(out, "\n#ifdef __GNUC__\n#pragma GCC diagnostic push\n#pragma GCC diagnostic ignored \"-Wunused-function\"\n#endif\n");
    text_add(out, sources.bytes);
    text_add(out, "\n#ifdef __GNUC__\n#pragma GCC diagnostic pop\n"
                  "#pragma GCC diagnostic ignored \"-Wpedantic\"    /* a kernel's `const float x[8][64]` takes a float x[8][64]: C23 says yes, C11 nothing */\n"
                  "#endif\n#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wpass-failed\"\n#endif\n");
    section(out, "the model");
}

static void emit_includes(const Plan *plan, const EmitOptions *options, const char *rest, Text *out)
{
    if (plan->model->emit != EMIT_PROGRAM)
        text_print(out, "#include \"%s\"\n", header_name(options, out->arena));
    if (options->standalone) {
        emit_sources(plan, rest, out);
        return;
    }
    if (plan->target == TARGET_C || plan->plain)
        text_add(out, "#include <math.h>\n");
    if (uses_name(rest, "offsetof"))
        text_add(out, "#include <stddef.h>\n");
    if (uses_name(rest, "calloc"))
        text_add(out, "#include <stdlib.h>\n");
    if (uses_name(rest, "memcpy") || uses_name(rest, "memset"))
        text_add(out, "#include <string.h>\n");
    if (uses_name(rest, "cblas_sgemm") || uses_name(rest, "cblas_dgemm"))
        text_add(out, "#include <cblas.h>\n");
    text_print(out, "#include <nngen/%s.h>\n", plan->target == TARGET_CUDA ? "cuda" : "runtime");
    if (plan->model->emit != EMIT_PROGRAM)
        text_add(out, "#include <nngen/weights.h>\n");
}

void emit_program(const Plan *plan, const EmitOptions *options, Text *out, Text *header)
{
    Text rest = text_new(out->arena);
    text_print(&rest, "\nenum { BATCH = %lld };\n\n", (long long)plan->model->batch);
    emit_state(plan, &rest);
    if (plan->target == TARGET_CUDA) {
        emit_device_text(plan, tables_of(plan, rest.arena), &rest);
        emit_service_kernels(plan, &rest);
    }
    emit_kernels(plan, &rest);
    emit_steps(plan, options, &rest);
    if (plan->plain)
        emit_find_not_finite(plan, &rest);
    switch (plan->model->emit) {
    case EMIT_PROGRAM:
        if (options->gpu_arch)
            emit_cubin_name(&rest);
        emit_tables(plan, options, &rest);
        if (options->gpu_arch)
            emit_cubin(plan, options->gpu_arch, rest.bytes, &rest);
        break;
    case EMIT_PREDICT: emit_predictor(plan, options, &rest); break;
    case EMIT_LIBRARY: emit_library(plan, options, &rest); break;
    }
    if (plan->model->emit != EMIT_PROGRAM)
        emit_c_header(plan, options, header);

    emit_header(plan, options, rest.bytes, out);
    emit_includes(plan, options, rest.bytes, out);
    text_add(out, rest.bytes);
}
