/* command_flags.c: nngen flags, what stands behind the source file when an emitted program is compiled.
 *
 * Everything is found from the place of the running program, so a build folder and an installation both work and both may be
 * moved:   BUILD/nngen  BUILD/include/nngen  BUILD/lib/libnngen.a      PREFIX/bin/nngen  PREFIX/include/nngen  PREFIX/lib…/libnngen.a
 *
 * A CBLAS that was there when nngen was built is among them, linked only into programs that call it (--as-needed).
 *
 * -std=gnu11 -ffp-contract=fast: the strict -std=c11 turns the contraction to multiply-add off in gcc (71 against 87 GF/s).
 * -mprefer-vector-width=512: compilers take registers of 32 bytes for their own loops even where -march says 64; 1-80-1 with 100
 * rows 1.38 µs a step, 1.05 with it, 784-100-10 with 5 rows 20.8 and 18.9. Without AVX-512 it says nothing.
 * -fno-math-errno -fno-trapping-math let compilers vectorise sqrt, floor and comparisons; neither changes a value. */
#include "base/text.h"
#include "pipeline.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>

#if defined __x86_64__ || defined __i386__
#define NATIVE "-march=native"
#define WIDEST "-mprefer-vector-width=512"
#else
#define NATIVE "-mcpu=native"
#define WIDEST ""
#endif

static const char *program_folder(Arena *arena)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0)
        fail_machine("cannot find out where nngen itself lies (/proc/self/exe): %s", strerror(errno));
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    return arena_string(arena, path);
}

static const char *parent(Arena *arena, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    return arena_print(arena, "%.*s", (int)(slash - folder), folder);
}

/* The flags of a string of constants, split at blanks. */
static int add_flags(Arena *arena, const char **flags, int count, const char *words)
{
    for (char *word, *rest = arena_string(arena, words); (word = strsep(&rest, " "));)
        if (*word)
            flags[count++] = word;
    return count;
}

const char *const *compile_flags(Arena *arena)
{
    const char *folder = program_folder(arena);
    const char *include = arena_print(arena, "%s/include", folder), *library = arena_print(arena, "%s/lib/libnngen.a", folder);
    if (access(library, R_OK) != 0) {
        const char *prefix = parent(arena, folder);
        include = arena_print(arena, "%s/" NNGEN_INCLUDE_FOLDER, prefix);
        library = arena_print(arena, "%s/" NNGEN_LIBRARY_FOLDER "/libnngen.a", prefix);
    }
    if (access(library, R_OK) != 0)
        fail_machine("there is no runtime library %s: install nngen, or build it whole", quoted(arena, library));
    if (access(arena_print(arena, "%s/nngen/runtime.h", include), R_OK) != 0)
        fail_machine("there are no headers in %s: install nngen, or build it whole", quoted(arena, include));

    enum { MOST = 40 };
    const char **flags = NEW(arena, const char *, MOST);
    int count = add_flags(arena, flags, 0, "-O2 " NATIVE " -std=gnu11 -ffp-contract=fast -fno-math-errno -fno-trapping-math " WIDEST " "
                          NNGEN_OPENMP_FLAG " " NNGEN_SANITIZE_FLAGS);
    flags[count++] = arena_print(arena, "-I%s", include);
    flags[count++] = library;
    count = add_flags(arena, flags, count, NNGEN_CBLAS_FLAGS " -lzip -lz -lcjson -lm -ldl");
    return flags;
}

const char *missing_cblas(void)
{
    if (*NNGEN_CBLAS_FLAGS)
        return NULL;
    return "no CBLAS was found when nngen was built\n  install one (Debian: libopenblas-dev) and build nngen again";
}

int command_flags(Arena *arena, Options *options)
{
    (void)options;
    Text out = text_new(arena);
    for (const char *const *flag = compile_flags(arena); *flag; flag++) {
        if (strpbrk(*flag, " \t\n"))                    /* $(nngen flags) splits at blanks, whatever is quoted */
            fail_machine("%s has a blank in it, which $(nngen flags) would split: move nngen, or use 'nngen run'",
                         quoted(arena, *flag));
        text_print(&out, "%s%s", out.length ? " " : "", *flag);
    }
    text_add(&out, "\n");
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}
