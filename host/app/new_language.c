/* new_language.c - `patchbay new --language`: a plugin whose code is C++ or Rust. See new.h.
 *
 * Its tables stay C, because the declaring macros are. Test, example and README are those of the
 * kind in C: the plugin does the same.
 */
#include "app/new.h"

#include "config/nearest.h"
#include <patchbay/memory.h>
#include <stdio.h>
#include <unistd.h>

const struct new_language new_languages[] = {
    {"c", ".c", "C11"},
    {"c++", ".cpp", "C++17; what it throws becomes a status"},
    {"rust", ".rs", "Rust, without crates"},
    {0},
};

static bool is_there(const char *templates, const char *language, const char *kind)
{
    pb_str folder = pb_printf("%s/%s/%s", templates, language, kind);

    return folder.data && access(folder.data, F_OK) == 0;
}

/* "stage, llm, tool" in the running scope. */
static pb_str kinds_in(const char *templates, const char *language)
{
    pb_buf names = {0};

    for (const struct new_kind *kind = new_kinds; kind->name; kind++)
        if (is_there(templates, language, kind->name))
            pb_buf_printf(&names, "%s%s", names.size ? ", " : "", kind->name);
    return pb_buf_str(&names);
}

static const struct new_language *find(const char *name)
{
    pb_str names[8];
    size_t count = 0;

    for (const struct new_language *at = new_languages; at->name; at++) {
        if (strcmp(at->name, name) == 0)
            return at;
        names[count++] = pb_str_of(at->name);
    }
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    fprintf(stderr, "patchbay new: there are no templates in the language '%s'%.*s\n", name,
            PB_ARG(hint));
    return NULL;
}

const struct new_language *new_language_find(const char *templates, const char *name,
                                             const char *kind)
{
    const struct new_language *language = find(name ? name : "c");

    if (!language || language == new_languages || is_there(templates, language->name, kind))
        return language;
    fprintf(
        stderr,
        "patchbay new: there is no template for the kind '%s' in %s; there are %.*s. Begin with "
        "one of them, or with the %s in C\n",
        kind, language->name, PB_ARG(kinds_in(templates, language->name)), kind);
    return NULL;
}

void new_language_help(const char *templates)
{
    printf("\nLANGUAGEs (the tables of a plugin are C always), and their kinds:\n");
    for (const struct new_language *at = new_languages; at->name; at++) {
        pb_str kinds = at == new_languages ? pb_lit("all") : kinds_in(templates, at->name);
        printf("  %-18s %s%s%.*s\n", at->name, at->summary, kinds.size ? ": " : "", PB_ARG(kinds));
    }
}

void new_parts(const struct new_language *language, const char *kind, const char *out[NEW_PARTS])
{
    size_t count = 0;

    if (language != new_languages) {
        out[count++] = pb_printf("%s/%s", language->name, kind).data;
        out[count++] = pb_printf("%s/common", language->name).data;
    }
    out[count++] = kind;
    out[count++] = "common";
    out[count] = NULL;
}
