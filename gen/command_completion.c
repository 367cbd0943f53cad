/* command_completion.c: nngen completion, a bash script that completes calls of nngen; and nngen man, the manual page.
 *
 * Both are written from the tables that read the command line (commands.c, options.c), so neither knows an option that nngen does
 * not, nor lacks one. */
#include "base/text.h"
#include "pipeline.h"
#include <string.h>

/* ---- completion ---- */

static void add_option_words(Text *out, CommandId command)
{
    ShownOption option;
    const char *gap = "";
    for (int at = 0; next_option(command, &at, &option); gap = " ")
        text_print(out, "%s%s", gap, option.name);
}

/* Options that take one of a few values, each once: no command gives them another meaning. */
static void add_value_cases(Text *out)
{
    ShownOption option;
    const char *told = " ";
    for (CommandId command = 0; command < COMMAND_COUNT; command++)
        for (int at = 0; next_option(command, &at, &option);) {
            const char *word = arena_print(out->arena, " %s ", option.name);
            if (!option.values || strstr(told, word))
                continue;
            told = arena_print(out->arena, "%s%s", told, word);
            text_print(out, "        %s) COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", option.name, option.values);
        }
}

/* Those whose value is anything else: nothing to offer but files, for paths. */
static void add_free_cases(Text *out)
{
    static const char paths[] = " -o --data --html --report --weights ";
    ShownOption option;
    const char *told = " ";
    for (CommandId command = 0; command < COMMAND_COUNT; command++)
        for (int at = 0; next_option(command, &at, &option);) {
            const char *word = arena_print(out->arena, " %s ", option.name);
            if (!option.value || option.values || strstr(told, word))
                continue;
            told = arena_print(out->arena, "%s%s", told, word);
            text_print(out, "        %s) ", option.name);
            if (strstr(paths, word))
                text_print(out, "_nngen_files '*'; ");
            text_add(out, "return ;;\n");
        }
}

int command_completion(Arena *arena, Options *options)
{
    (void)options;
    Text out = text_new(arena), names = text_new(arena);
    for (CommandId command = 1; command < COMMAND_COUNT; command++)
        if (commands[command].run)
            text_print(&names, "%s%s", names.length ? " " : "", commands[command].name);

    text_add(&out, "# Completion of nngen's calls for bash; written by `nngen completion` from nngen's own tables.\n\n"
             "_nngen_files() {                        # files of a pattern, and folders\n"
             "    compopt -o filenames 2> /dev/null\n"
             "    COMPREPLY+=($(compgen -f -X \"!$1\" -- \"$word\") $(compgen -d -- \"$word\"))\n"
             "}\n\n"
             "_nngen() {\n"
             "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command='' options='' i\n"
             "    COMPREPLY=()\n"
             "    [ \"$word\" = = ] && word='' || { [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD-2]}; }      # --kernels=f is three words here\n"
             "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
             "        [ \"${COMP_WORDS[i]}\" = -- ] && { _nngen_files '*'; return; }                           # the program's own\n"
             "    done\n");
    text_print(&out, "    case \" %s \" in *\" ${COMP_WORDS[1]} \"*) [ $COMP_CWORD -gt 1 ] && command=${COMP_WORDS[1]} ;; esac\n", names.bytes);
    text_add(&out, "    case $before in\n");
    add_value_cases(&out);
    add_free_cases(&out);
    text_add(&out, "    esac\n    case $command in\n");
    for (CommandId command = 0; command < COMMAND_COUNT; command++) {
        if (!commands[command].run)
            continue;
        text_print(&out, "        '%s') options='", commands[command].name);
        add_option_words(&out, command);
        text_add(&out, "' ;;\n");
    }
    text_print(&out,
               "    esac\n"
               "    case $word in -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")); return ;; esac\n"
               "    [ $COMP_CWORD = 1 ] && COMPREPLY=($(compgen -W '%s' -- \"$word\"))\n"
               "    case $command in\n"
               "        report) _nngen_files '*.jsonl' ;;\n"
               "        '' | run | check | bench | explain) _nngen_files '*.lua' ;;\n"
               "    esac\n"
               "}\n\n"
               "complete -F _nngen nngen\n", names.bytes);
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}

/* ---- the manual page ---- */

/* Words as troff takes them: its own signs escaped, a line that begins with a dot or a quote protected. */
static void add_words(Text *out, const char *words)
{
    for (const char *c = words; *c; c++) {
        const bool begins = c == words || c[-1] == '\n';
        if (*c == '\\')
            text_add(out, "\\e");
        else if (*c == '-')
            text_add(out, "\\-");
        else if (begins && (*c == '.' || *c == '\''))
            text_print(out, "\\&%c", *c);
        else
            text_add_bytes(out, c, 1);
    }
}

static void add_item(Text *out, const char *bold, const char *plain, const char *words)
{
    text_add(out, ".TP\n.B ");
    add_words(out, bold);
    text_add(out, "\n");
    if (*plain) {                                       /* on the same line as the bold word */
        out->length--;
        out->bytes[out->length] = '\0';
        text_add(out, " \\fI");
        add_words(out, plain);
        text_add(out, "\\fR\n");
    }
    add_words(out, words);
    text_add(out, "\n");
}

/* Every option once, with the commands that take it. */
static void add_options(Text *out)
{
    ShownOption option;
    const char *told = " ";
    for (CommandId command = 0; command < COMMAND_COUNT; command++)
        for (int at = 0; next_option(command, &at, &option);) {
            const char *word = arena_print(out->arena, " %s ", option.name);
            if (strstr(told, word))
                continue;
            told = arena_print(out->arena, "%s%s", told, word);
            Text takers = text_new(out->arena);
            int taken = 0;
            for (CommandId other = 0; other < COMMAND_COUNT; other++) {
                ShownOption theirs;
                for (int place = 0; next_option(other, &place, &theirs);)
                    if (!strcmp(theirs.name, option.name)) {
                        text_print(&takers, "%s%s", takers.length ? ", " : "", *commands[other].name ? commands[other].name : "MODEL.lua");
                        taken++;
                    }
            }
            const char *whose = taken == COMMAND_COUNT ? "every command" : takers.bytes;
            add_item(out, option.name, option.value ? option.value : "", arena_print(out->arena, "(%s) %s", whose, option.what));
        }
}

int command_man(Arena *arena, Options *options)
{
    (void)options;
    Text out = text_new(arena);
    text_add(&out, ".TH NNGEN 1 \"\" \"nngen " NNGEN_VERSION "\" \"User Commands\"\n.SH NAME\nnngen \\- write the C program that trains a neural network\n.SH SYNOPSIS\n");
    for (CommandId command = 0; command < COMMAND_COUNT; command++) {
        if (!commands[command].run)
            continue;
        text_add(&out, ".B nngen ");
        add_words(&out, commands[command].name);
        text_add(&out, *commands[command].usage ? "\n.I " : "");
        add_words(&out, commands[command].usage);
        text_add(&out, "\n.br\n");
    }
    text_add(&out, ".SH DESCRIPTION\nReads a neural network written in Lua, differentiates it, fuses its operations, and writes the C program that trains it.\n.SH COMMANDS\n");
    for (CommandId command = 0; command < COMMAND_COUNT; command++)
        if (commands[command].run)
            add_item(&out, arena_print(arena, "nngen %s", commands[command].name), commands[command].usage, commands[command].about);
    text_add(&out, ".SH OPTIONS\n");
    add_options(&out);
    text_add(&out, ".SH EXIT STATUS\n");
    static const char *const status[][2] = {{"0", "done"}, {"1", "the model or the input is wrong"}, {"2", "the call is wrong"},
        {"3", "the machine lacks something: a compiler, memory, disk"}, {"70", "a fault of nngen"}};
    for (size_t s = 0; s < sizeof status / sizeof *status; s++)
        add_item(&out, status[s][0], "", status[s][1]);
    text_add(&out, ".PP\nPrograms that nngen wrote use the same, and 130 after Ctrl\\-C.\n.SH ENVIRONMENT\n");
    add_item(&out, "CC", "", "the compiler of nngen run, with flags of its own if it has any.");
    add_item(&out, "XDG_CACHE_HOME", "", "compiled programs of nngen run are kept in its folder nngen; ~/.cache/nngen without it. The folder may be removed at any time.");
    text_add(&out, ".SH EXAMPLES\n.nf\n");
    for (CommandId command = 0; command < COMMAND_COUNT; command++)
        if (commands[command].run)
            add_words(&out, commands[command].examples);
    text_add(&out, ".fi\n");
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}
