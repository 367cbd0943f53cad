/* page.h: what the pages of `nngen explain --html` and `nngen report` are made of. A page is one file: markup, style, script and
 * pictures, nothing from a network.
 *
 * Strings of the user (the model's text, names, paths, whatever a log holds) pass through html_text and nowhere else; scripts
 * hold none of them, so a model's text with </script> in it is text. */
#ifndef NNGEN_PAGE_PAGE_H
#define NNGEN_PAGE_PAGE_H

#include "base/text.h"

const char *html_text(Arena *arena, const char *string);     /* fit for an element's text and for an attribute in double quotes */

void begin_page(Text *out, const char *title, const char *lead);      /* up to the heading; title and lead are plain strings; lead NULL: none */
void end_page(Text *out, const char *script);                /* with the script, NULL: none */

/* A formula as dump_math and the comments of kernels write it, as MathML: `<math>…</math>`. What is no formula comes out as
 * it is, a sign after the other: there is nothing that it refuses. */
const char *mathml(Arena *arena, const char *formula);

/* What a program of the system writes to its standard output when it reads `input`. NULL: there is no such program here, or it failed;
 * then *why says which, in one sentence. argv[0] is looked up in PATH. */
const char *run_tool(Arena *arena, const char *const *argv, const char *input, const char **why);

/* An <svg> element out of a file: without what stands before it; with `class`, and its size left to the style. NULL: there is none. */
const char *inline_svg(Arena *arena, const char *file, const char *class);

#endif
