/* commands.c: every command, with what --help, the manual page and completion say of it. */
#include "pipeline.h"

/* in the order of CommandId */
const CommandRow commands[COMMAND_COUNT] = {
    {"", command_generate, {1, 1}, "MODEL.lua [-o OUT.c]", "write the training program",
     "Without a command nngen writes the training program to standard output, or to the file of -o, whole or not at "
     "all. The program is meant to be read: each function says its formula, its derivative rule and the line of the "
     "model that it came from.",
     "  nngen models/digits.lua -o digits.c\n"
     "  cc digits.c $(nngen flags) -o digits && ./digits\n"
     "  nngen models/digits.lua --set optimizer=adam --kernels generic\n"
     "  nngen models/chain_rule.lua --dump=math\n"
     "  nngen models/digits.lua --dump=fuse --stop-after=fuse\n"},
    {"run", command_run, {1, 1}, "MODEL.lua [-- ARGS]", "generate, compile (once) and run",
     "Generates, compiles with $CC (or cc) and runs the program. What was compiled before with the same text, compiler, "
     "flags and processor is run at once. What follows -- goes to the program. With --report the run leaves a page of "
     "curves and pictures and its log beside it; with --vary there is a run for each value of an option, and the page "
     "shows them together.",
     "  nngen run models/digits.lua --set optimizer=adam\n"
     "  nngen run models/mnist_mlp.lua --data DIR -- --epochs 2 --log run.jsonl\n"
     "  nngen run models/digits.lua --report digits.html\n"
     "  nngen run models/parabola.lua --vary optimizer=random,neighbour,sgd --report parabola.html\n"
     "  nngen run models/digits.lua -- --help\n"},
    {"check", command_check, {1, 1}, "MODEL.lua", "gradients against differences",
     "Holds the gradient of every trained parameter (or every nn.gradient of an nn.show) against central differences in "
     "double precision. The last line is \"worst relative deviation X\"; the status is 1 above 1e-6.",
     "  nngen check models/digits.lua\n"
     "  nngen check models/mnist_mlp.lua --data DIR --all\n"},
    {"bench", command_bench, {1, 1}, "MODEL.lua", "its kinds of kernels, timed side by side",
     "Times a training step with each kind of kernels. The programs take turns; what is told are medians, with the "
     "least and the largest. Beside them a probe measures the processor's multiply-adds and its memory, of which the "
     "column roofline is the share: each kernel is bound by its operations or by the bytes of the arrays that it "
     "touches. --json gives one object: model, precision, batch, threads, rounds, processor, compiler; flop_per_second, "
     "bytes_per_second (within working_set_bytes), memory_bytes_per_second; programs with an object each for fused, "
     "generic and blas: us_per_step, spread_us (least, largest), flop, bytes, gflop_per_second, roofline_us, "
     "roofline_share, times_fused, or absent, why it has none; with --kernels-table kernels, in order: name, us, share, "
     "flop, bytes, roofline_us, roofline_share, bound (compute or memory).",
     "  nngen bench models/digits.lua\n"
     "  nngen bench models/mnist_mlp.lua --data DIR --kernels-table\n"
     "  nngen bench models/digits.lua --set batch=256 --json > digits.json\n"},
    {"explain", command_explain, {1, 2}, "MODEL.lua [NAME|LINE]", "what became of a line or tensor",
     "Tells what became of a line or tensor: nodes, formulas, derivative rules, the functions that compute them and "
     "where those stand in the program, and why operations were fused or not. Without NAME or LINE, an overview. --html "
     "writes all of it as one page that needs no network; its picture of the graph is made by Graphviz (dot).",
     "  nngen explain models/digits.lua\n"
     "  nngen explain models/digits.lua fc1.weight\n"
     "  nngen explain models/digits.lua 12\n"
     "  nngen explain models/digits.lua --html digits.html\n"},
    {"report", command_report, {1, ANY_NUMBER}, "RUN.jsonl ... [-o F]", "curves and pictures of runs, as a page",
     "Draws what programs logged with --log: curves of all runs together, confusion matrices, a sweep's losses over its "
     "values; and, of runs with --snapshot-every N, fits over points, decision boundaries and weights as pictures. The "
     "pictures are gnuplot's.",
     "  ./digits --log run.jsonl --snapshot-every 100\n"
     "  nngen report run.jsonl -o run.html\n"
     "  nngen report first.jsonl second.jsonl -o both.html\n"},
    {"flags", command_flags, {0, 0}, "", "what follows the source file",
     "Prints what a compiler needs after the source file.",
     "  cc digits.c $(nngen flags) -o digits\n"},
    {"ops", command_ops, {0, 0}, "", "the operation table",
     "Prints the operation table.",
     "  nngen ops\n"},
    {"language", command_language, {0, 0}, "", "the reference of the model language",
     "Prints the reference of the model language.",
     "  nngen language | less\n"},
    {"new", command_new, {1, 1}, "NAME", "a commented model to start from",
     "Writes a commented model to start from, as NAME.lua.",
     "  nngen new first          writes first.lua\n"
     "  nngen run first.lua\n"},
    {"completion", command_completion, {0, 0}, "", "completion for bash",
     "Prints a script that completes commands, options, their values and files in bash. Installed with nngen where "
     "bash-completion looks for it.",
     "  source <(nngen completion)\n"},
    {"man", command_man, {0, 0}, "", "the manual page",
     "Prints the manual page, which is made of the same tables as --help.",
     "  nngen man | man -l -\n"},
    {"annotations", command_annotations, {0, 0}, "", "the language, for editors",
     "Prints declarations of the model language as the Lua language server reads them. Installed as "
     "share/nngen/annotations/nn.lua; name that folder in the editor's setting Lua.workspace.library.",
     "  nngen annotations > annotations/nn.lua\n"},
};
