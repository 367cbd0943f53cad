/* command_report.c: nngen report, the logs of emitted programs as a page. What is on it is gen/report's. */
#include "pipeline.h"
#include "report/report.h"
#include <string.h>
#include <sys/stat.h>

/* A page written over a log would be the end of it. */
static void refuse_log(Arena *arena, const char *output, const char *log)
{
    struct stat a, b;
    if (output && stat(output, &a) == 0 && stat(log, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        fail_call("-o %s names a log itself", escaped(arena, output));
}

int command_report(Arena *arena, Options *options)
{
    Runs runs = {.arena = arena};
    for (const char **file = options->operand; *file; file++)
        refuse_log(arena, options->output, *file);
    bool alike = false;                                       /* logs in different folders may have one name */
    for (const char **file = options->operand; *file; file++) {
        const char *name = strrchr(*file, '/') ? strrchr(*file, '/') + 1 : *file;
        for (const char **other = options->operand; other < file; other++)
            alike = alike || !strcmp(name, strrchr(*other, '/') ? strrchr(*other, '/') + 1 : *other);
    }
    for (const char **file = options->operand; *file; file++)
        read_log(&runs, *file, alike ? *file : NULL);
    Text title = text_new(arena), out = text_new(arena);
    for (const char **file = options->operand; *file; file++)
        text_print(&title, "%s%s", title.length ? ", " : "", *file);
    write_report(&runs, title.bytes, &out);
    write_file(options->output, out.bytes, out.length);
    return STATUS_DONE;
}
