/* docx_styles.c - the styles of a DOCX: which of them are headings, code, lists. */
#include "docx.h"
#include "office.h"
#include "xml.h"

#include <ctype.h>
#include <stdlib.h>

bool names_code(const char *name)
{
    static const char *const parts[] = {"code", "preformatted", "courier",  "consolas", "monospace",
                                        "mono", "menlo",        "verbatim", "macro",    NULL};
    pb_str text = pb_str_of(name);

    for (int i = 0; name && parts[i]; i++)
        if (pb_str_contains(text, pb_str_of(parts[i])))
            return true;
    return false;
}

int32_t names_heading(const char *name)
{
    if (!name)
        return 0;
    if (pb_str_same(pb_str_of(name), pb_lit("title")))
        return 1;
    if (!pb_str_same(pb_str_slice(pb_str_of(name), 0, 7), pb_lit("heading")))
        return 0;
    name += 7;
    if (strncmp(name, "_20_", 4) == 0)
        name += 4;
    while (*name == ' ')
        name++;
    return *name >= '1' && *name <= '9' && !isdigit((unsigned char)name[1]) ? *name - '0' : 0;
}

static void on_style(void *self, const char **attributes)
{
    struct docx_styles *styles = self;
    const char *type = xml_get(attributes, "type"), *id = xml_get(attributes, "styleId");

    styles->running = NULL;
    if (!id || (type && strcmp(type, "paragraph") != 0))
        return;
    styles->running = job_keep(styles->job, sizeof *styles->running);
    if (!styles->running)
        return;
    styles->running->id = job_copy(styles->job, pb_str_of(id));
    names_add(&styles->styles, styles->job, pb_str_of(id), styles->running);
}

static void on_name(void *self, const char **attributes)
{
    struct docx_styles *styles = self;
    const char *name = xml_get(attributes, "val");

    if (!styles->running || !name)
        return;
    styles->running->title = pb_str_same(pb_str_of(name), pb_lit("title"));
    if (!styles->running->outline)
        styles->running->outline = names_heading(name);
    styles->running->code = styles->running->code || names_code(name);
}

static void on_parent(void *self, const char **attributes)
{
    struct docx_styles *styles = self;

    if (styles->running)
        styles->running->based_on = job_copy(styles->job, pb_str_of(xml_get(attributes, "val")));
}

static void on_outline(void *self, const char **attributes)
{
    struct docx_styles *styles = self;
    int64_t level = xml_number(attributes, "val", 9);

    if (styles->running)
        styles->running->outline = level >= 0 && level < 9 ? (int32_t)level + 1 : -1;
}

static void on_number(void *self, const char **attributes)
{
    struct docx_styles *styles = self;

    if (styles->running && xml_number(attributes, "val", 0) > 0)
        styles->running->list = 1;
}

static void on_font(void *self, const char **attributes)
{
    struct docx_styles *styles = self;

    if (styles->running && names_code(xml_get(attributes, "ascii")))
        styles->running->code = true;
}

pb_status docx_styles_read(struct docx_styles *styles, struct package *package, const char *part)
{
    static const struct xml_element elements[] = {
        {.name = "style", .open = on_style},    {.name = "name", .open = on_name},
        {.name = "basedOn", .open = on_parent}, {.name = "outlineLvl", .open = on_outline},
        {.name = "numId", .open = on_number},   {.name = "rFonts", .open = on_font},
        {.name = "docDefaults", .skip = true},  {.name = "latentStyles", .skip = true},
        {.name = "tblStylePr", .skip = true},   {.name = NULL}};
    struct xml_reader reader = {.self = styles, .elements = elements};

    styles->job = package->job;
    return package_has(package, part) ? xml_read(package, part, &reader) : package->job->status;
}

struct docx_style docx_style_of(struct docx_styles *styles, const char *id)
{
    struct docx_style all = {0};

    for (int depth = 0; id && depth < 12; depth++) { /* a style may be its own grandparent */
        const struct docx_style *style = names_find(&styles->styles, id);
        if (!style)
            break;
        all.outline = all.outline ? all.outline : style->outline;
        all.list = all.list ? all.list : style->list;
        all.code = all.code || style->code;
        all.title = all.title || (depth == 0 && style->title);
        id = style->based_on.data;
    }
    return all;
}
