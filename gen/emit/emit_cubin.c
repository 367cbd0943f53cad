/* emit_cubin.c: --gpu-arch: the kernels of a CUDA program compiled now, as an array at the end of its text.
 *
 * What NVRTC gets here is what the C preprocessor will make of NN_CUDA and NN_CUDA_TEXT (nngen/cuda.h), taken from the program's own
 * text, so that there is one place where kernels are written. Bytes of spaces may differ; what is compiled does not. */
#include "emit/emit_cuda.h"
#include "cuda_compile.h"
#include "memory.h"
#include <stdlib.h>
#include <string.h>

/* Behind a string, a comment or one character. */
static const char *after_token(const char *at)
{
    if (*at == '"' || *at == '\'') {
        const char quote = *at++;
        while (*at && *at != quote)
            at += *at == '\\' && at[1] ? 2 : 1;
        return *at ? at + 1 : at;
    }
    if (at[0] == '/' && at[1] == '*') {
        const char *end = strstr(at + 2, "*/");
        return end ? end + 2 : at + strlen(at);
    }
    return *at ? at + 1 : at;
}

/* Behind `count` commas of a macro's call, or at the parenthesis that ends it (count -1). */
static const char *behind_commas(const char *at, int count)
{
    for (int depth = 0; *at && count; at = after_token(at)) {
        if (*at == ')' && depth-- == 0)
            return at;
        depth += *at == '(';
        if (*at == ',' && depth == 0 && --count == 0)
            return at + 1;
    }
    return at;
}

/* "#line LINE FILE" and the rest of the call, whose first `skipped` words come before FILE. Gives the end of the call. */
static const char *add_call(const char *call, int skipped, Text *out)
{
    const char *file = behind_commas(call, skipped), *line = behind_commas(file, 1), *body = behind_commas(line, 1), *end = behind_commas(body, -1);
    text_print(out, "#line %.*s %.*s\n", (int)(body - 1 - line), line, (int)(line - 1 - file), file);
    text_add_bytes(out, body, (size_t)(end - body));
    text_add(out, "\n");
    return end;
}

static const char *text_of_device(const char *program, Arena *arena)
{
    Text text = text_new(arena), kernels = text_new(arena);
    text_add(&text, "#include <nngen/device.h>\n");
    for (const char *at = program; *at;) {
        if (strncmp(at, "NN_CUDA(", 8) == 0)
            at = add_call(at + 8, 3, &kernels);
        else if (strncmp(at, "NN_CUDA_TEXT(", 13) == 0)
            at = add_call(at + 13, 0, &text);
        else
            at = after_token(at);
    }
    text_add(&text, kernels.bytes);
    return text.bytes;
}

void emit_cubin_name(Text *out)
{
    text_add(out, "\nstatic const NnCubin cubin;        /* the kernels as machine code: the end of this file */\n");
}

void emit_cubin(const Plan *plan, const char *arch, const char *program, Text *out)
{
    const char *path = plan->model->path, *slash = strrchr(path, '/');
    if (plan->model->products != PRODUCTS_FULL && atoi(arch + 3) < LEAST_FOR_ROUNDED)
        fail_call("--gpu-arch %s: products of precision %s need sm_%d or later", arch, model_precision(plan->model), LEAST_FOR_ROUNDED);
    NnImage image = nn_compile_cuda(text_of_device(program, out->arena), slash ? slash + 1 : path, arch);
    section(out, "the kernels as machine code");
    text_print(out, "\n/* What NVRTC made of the kernels above for %s: where the GPU is one, the program needs no NVRTC. */\n"
                    "static const unsigned char cubin_bytes[] = {", arch);
    for (size_t i = 0; i < image.size; i++)
        text_print(out, "%s%u,", i % 32 ? "" : "\n    ", (unsigned)(unsigned char)image.bytes[i]);
    text_print(out, "\n};\nstatic const NnCubin cubin = {.arch = \"%s\", .bytes = cubin_bytes, .size = sizeof cubin_bytes};\n", arch);
    nn_release(image.bytes);
}
