/* xhtml.c - one chapter of a book. White space is HTML's; page breaks that name their page are
 * followed, as of editions that were printed too. */
#include "office.h"
#include "xml.h"

#include <stdlib.h>

struct chapter {
    struct job *job;
    size_t leaves, text; /* of the draft when this chapter began */
    int32_t page;
    int lists, heading, code;
};

static void block(struct chapter *chapter, int32_t type, int32_t level)
{
    if (chapter->heading)
        draft_flow(chapter->job, pb_lit(" "));
    else
        draft_open(chapter->job, type, level);
}

static void on_block(void *self, const char **attributes)
{
    struct chapter *chapter = self;

    (void)attributes;
    if (chapter->code)
        return;
    block(chapter, chapter->lists ? PB_BLOCK_LIST_ITEM : PB_BLOCK_TEXT, chapter->lists);
}

static void on_block_end(void *self)
{
    struct chapter *chapter = self;

    if (!chapter->heading && !chapter->code)
        draft_close(chapter->job);
}

#define HEADING(number)                                                                            \
    static void on_h##number(void *self, const char **attributes)                                  \
    {                                                                                              \
        struct chapter *chapter = self;                                                            \
        (void)attributes;                                                                          \
        block(chapter, PB_BLOCK_HEADING, number);                                                  \
        chapter->heading++;                                                                        \
    }
HEADING(1)
HEADING(2)
HEADING(3)
HEADING(4)
HEADING(5)
HEADING(6)

static void on_heading_end(void *self)
{
    struct chapter *chapter = self;

    if (chapter->heading && --chapter->heading == 0)
        draft_close(chapter->job);
}

static void on_list(void *self, const char **attributes)
{
    struct chapter *chapter = self;

    (void)attributes;
    chapter->lists++;
}

static void on_list_end(void *self)
{
    struct chapter *chapter = self;

    on_block_end(self);
    chapter->lists -= chapter->lists > 0;
}

static void on_code(void *self, const char **attributes)
{
    struct chapter *chapter = self;

    (void)attributes;
    block(chapter, PB_BLOCK_CODE, 0);
    chapter->code++;
}

static void on_code_end(void *self)
{
    struct chapter *chapter = self;

    chapter->code -= chapter->code > 0;
    on_block_end(self);
}

static void on_break(void *self, const char **attributes)
{
    struct chapter *chapter = self;

    (void)attributes;
    draft_add(chapter->job, chapter->heading ? pb_lit(" ") : pb_lit("\n"));
}

static void on_table(void *self, const char **attributes)
{
    (void)attributes;
    draft_table_open(((struct chapter *)self)->job);
}

static void on_table_end(void *self)
{
    draft_table_close(((struct chapter *)self)->job);
}

static void on_row_end(void *self)
{
    draft_row_end(((struct chapter *)self)->job);
}

/* A cell outside of any table still ends the word before it. */
static void on_cell(void *self, const char **attributes)
{
    (void)attributes;
    if (!((struct chapter *)self)->job->draft.tables)
        draft_flow(((struct chapter *)self)->job, pb_lit(" "));
}

static void on_cell_end(void *self)
{
    draft_cell_end(((struct chapter *)self)->job, 1);
}

/* <span epub:type="pagebreak" title="12"/>; the name may stand in aria-label. */
static void on_page(void *self, const char **attributes)
{
    struct chapter *chapter = self;
    const char *type = xml_get(attributes, "type"), *role = xml_get(attributes, "role");
    const char *name = xml_get(attributes, "title");

    if (!(type && strcmp(type, "pagebreak") == 0) && !(role && strcmp(role, "doc-pagebreak") == 0))
        return;
    name = name ? name : xml_get(attributes, "aria-label");
    long page = name ? strtol(name, NULL, 10) : 0;
    if (page > 0 && page < 1000000) {
        chapter->job->draft.page = (int32_t)page;
        chapter->job->draft.numbered = true;
    }
}

static void on_division(void *self, const char **attributes)
{
    on_page(self, attributes);
    on_block(self, attributes);
}

static void on_text(void *self, pb_str text)
{
    draft_flow(((struct chapter *)self)->job, text);
}

#define BLOCK(word)                                                                                \
    {                                                                                              \
        .name = (word), .open = on_block, .close = on_block_end                                    \
    }
static const struct xml_element elements[] = {
    BLOCK("p"),
    {.name = "div", .open = on_division, .close = on_block_end},
    {.name = "span", .open = on_page},
    {.name = "li", .open = on_block, .close = on_block_end},
    {.name = "h1", .open = on_h1, .close = on_heading_end},
    {.name = "h2", .open = on_h2, .close = on_heading_end},
    {.name = "h3", .open = on_h3, .close = on_heading_end},
    {.name = "h4", .open = on_h4, .close = on_heading_end},
    {.name = "h5", .open = on_h5, .close = on_heading_end},
    {.name = "h6", .open = on_h6, .close = on_heading_end},
    {.name = "ul", .open = on_list, .close = on_list_end},
    {.name = "ol", .open = on_list, .close = on_list_end},
    {.name = "pre", .open = on_code, .close = on_code_end},
    {.name = "br", .open = on_break},
    {.name = "table", .open = on_table, .close = on_table_end},
    {.name = "tr", .close = on_row_end},
    {.name = "td", .open = on_cell, .close = on_cell_end},
    {.name = "th", .open = on_cell, .close = on_cell_end},
    BLOCK("section"),
    BLOCK("article"),
    BLOCK("blockquote"),
    BLOCK("aside"),
    BLOCK("figure"),
    BLOCK("figcaption"),
    BLOCK("dt"),
    BLOCK("dd"),
    BLOCK("header"),
    BLOCK("footer"),
    BLOCK("address"),
    BLOCK("body"),
    BLOCK("caption"),
    BLOCK("hr"),
    {.name = "script", .skip = true},
    {.name = "style", .skip = true},
    {.name = "head", .skip = true},
    {.name = "nav", .skip = true},
    {.name = "svg", .skip = true},
    {.name = "rp", .skip = true},
    {.name = "rt", .skip = true},
    {.name = NULL}};

static void chapter_end(struct job *job)
{
    while (job->draft.tables)
        draft_table_close(job);
    draft_close(job);
}

/* What was told before it turned out not to be XML is taken back. */
static void restart(void *self)
{
    struct chapter *chapter = self;
    struct job *job = chapter->job;

    chapter_end(job);
    job->draft.count = chapter->leaves;
    job->draft.size = chapter->text;
    job->draft.page = chapter->page;
    chapter->lists = chapter->heading = chapter->code = 0;
}

pb_status xhtml_read(struct package *package, const char *part)
{
    struct job *job = package->job;
    struct chapter chapter = {
        .job = job, .leaves = job->draft.count, .text = job->draft.size, .page = job->draft.page};
    struct xml_reader reader = {.self = &chapter, .elements = elements, .text = on_text};

    (void)xml_read_tolerant(package, part, &reader, restart);
    chapter_end(job);
    return job->status;
}
