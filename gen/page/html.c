/* html.c: the frame of a page, and strings fit for it. The style is templates/page/style.css, for both kinds of pages. */
#include "page/page.h"
#include <string.h>

extern const char template_page_style[];

const char *html_text(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    for (const char *c = escaped(arena, string); *c; c++)
        switch (*c) {
        case '&': text_add(&text, "&amp;"); break;
        case '<': text_add(&text, "&lt;"); break;
        case '>': text_add(&text, "&gt;"); break;
        case '"': text_add(&text, "&quot;"); break;
        default: text_add_bytes(&text, c, 1);
        }
    return text.bytes;
}

void begin_page(Text *out, const char *title, const char *lead)
{
    const char *shown = html_text(out->arena, title);
    text_print(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
               "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
               "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n<title>%s</title>\n<style>\n", shown);
    text_add(out, template_page_style);
    text_print(out, "</style>\n</head>\n<body>\n<header>\n<h1>%s</h1>\n", shown);
    if (lead)
        text_print(out, "<p>%s</p>\n", html_text(out->arena, lead));
    text_add(out, "</header>\n");
}

void end_page(Text *out, const char *script)
{
    if (script)
        text_print(out, "<script>\n%s</script>\n", script);
    text_add(out, "</body>\n</html>\n");
}

const char *inline_svg(Arena *arena, const char *file, const char *class)
{
    const char *begin = strstr(file, "<svg"), *end = begin ? strchr(begin, '>') : NULL;
    if (!end)
        return NULL;
    Text text = text_new(arena);
    text_print(&text, "<svg class=\"%s\" role=\"img\"", class);
    for (const char *at = begin + 4; at < end; ) {      /* its attributes, but for its size: viewBox says the proportions */
        at += strspn(at, " \n");
        size_t name = strcspn(at, "=>");
        if (at[name] != '=')
            break;
        const char *value_end = strchr(at + name + 2, at[name + 1]);
        if (!value_end)
            return NULL;
        bool is_class = name == 5 && memcmp(at, "class", 5) == 0;
        if (!is_class)
            text_print(&text, " %.*s", (int)(value_end + 1 - at), at);
        at = value_end + 1;
    }
    text_add(&text, end);
    return text.bytes;
}
