/* docx.c - the text of a DOCX: paragraphs by their styles, lists, tables, notes.
 *
 * Pages are where the program that wrote it last broke them, else where its author did. Deleted
 * text, field codes, comments, headers and footers are left out. */
#include "docx.h"
#include "office.h"
#include "relations.h"
#include "xml.h"

struct docx {
    struct job *job;
    struct docx_styles styles;
    struct docx_style now; /* of the running paragraph */
    int32_t list;          /* its list level, 0: none, -1: numbering taken away */
    bool text;             /* inside of what is shown */
    bool title;            /* the running paragraph is the document's title */
    size_t from;
    bool notes; /* reading footnotes */
};

static void become(struct docx *docx)
{
    if (docx->notes || docx->job->draft.tables)
        return;
    if (docx->now.outline > 0)
        draft_become(docx->job, PB_BLOCK_HEADING, docx->now.outline);
    else if (docx->list > 0 || (docx->list == 0 && docx->now.list))
        draft_become(docx->job, PB_BLOCK_LIST_ITEM, docx->list > 0 ? docx->list : 1);
    else
        draft_become(docx->job, docx->now.code ? PB_BLOCK_CODE : PB_BLOCK_TEXT, 0);
}

/* Lines of code are paragraphs of their own; a block of them is one. */
static bool continues_code(const struct docx *docx)
{
    const struct draft *draft = &docx->job->draft;

    return docx->now.code && docx->now.outline <= 0 && !draft->tables && draft->open &&
           draft->leaves[draft->count - 1].type == PB_BLOCK_CODE;
}

static void on_paragraph(void *self, const char **attributes)
{
    struct docx *docx = self;

    (void)attributes;
    docx->now = (struct docx_style){0};
    docx->list = 0;
    docx->title = false;
    /* Code stays open until it is known that this is something else. */
    if (docx->job->draft.tables || !docx->job->draft.open ||
        docx->job->draft.leaves[docx->job->draft.count - 1].type != PB_BLOCK_CODE)
        draft_open(docx->job, PB_BLOCK_TEXT, 0);
    docx->from = docx->job->draft.size;
}

static void paragraph_known(struct docx *docx)
{
    struct draft *draft = &docx->job->draft;
    bool code =
        !draft->tables && draft->open && draft->leaves[draft->count - 1].type == PB_BLOCK_CODE;

    if (code && continues_code(docx)) {
        draft_add(docx->job, pb_lit("\n"));
        return;
    }
    if (code)
        draft_open(docx->job, PB_BLOCK_TEXT, 0);
    docx->from = draft->size;
    become(docx);
}

static void on_properties_end(void *self)
{
    paragraph_known(self);
}

static void on_run(void *self, const char **attributes)
{
    struct docx *docx = self;

    (void)attributes;
    if (docx->now.code || docx->now.outline || docx->list || docx->now.list)
        return;
    const struct draft *draft = &docx->job->draft; /* a paragraph without properties after code */
    if (!draft->tables && draft->open && draft->leaves[draft->count - 1].type == PB_BLOCK_CODE)
        draft_open(docx->job, PB_BLOCK_TEXT, 0);
}

static void on_paragraph_end(void *self)
{
    struct docx *docx = self;
    const struct draft *draft = &docx->job->draft;

    if (docx->title && !draft->tables && draft->size > docx->from)
        job_note(docx->job, META_TITLE,
                 pb_str_make(draft->text + docx->from, draft->size - docx->from));
    if (!continues_code(docx))
        draft_close(docx->job);
    docx->now = (struct docx_style){0};
    docx->list = 0;
}

static void on_style(void *self, const char **attributes)
{
    struct docx *docx = self;

    docx->now = docx_style_of(&docx->styles, xml_get(attributes, "val"));
    docx->title = docx->now.title;
}

static void on_outline(void *self, const char **attributes)
{
    struct docx *docx = self;
    int64_t level = xml_number(attributes, "val", 9);

    docx->now.outline = level >= 0 && level < 9 ? (int32_t)level + 1 : -1;
}

static void on_list_level(void *self, const char **attributes)
{
    struct docx *docx = self;
    int64_t level = xml_number(attributes, "val", 0);

    docx->list = level >= 0 && level < 9 ? (int32_t)level + 1 : 1;
}

static void on_number(void *self, const char **attributes)
{
    struct docx *docx = self;

    if (xml_number(attributes, "val", 0) == 0)
        docx->list = -1;
    else if (!docx->list)
        docx->list = 1;
}

static void on_shown(void *self, const char **attributes)
{
    (void)attributes;
    ((struct docx *)self)->text = true;
}

static void on_shown_end(void *self)
{
    ((struct docx *)self)->text = false;
}

static void on_text(void *self, pb_str text)
{
    struct docx *docx = self;

    if (docx->text)
        draft_add(docx->job, text);
}

static void on_tab(void *self)
{
    draft_add(((struct docx *)self)->job, pb_lit(" "));
}

static void on_break(void *self, const char **attributes)
{
    struct docx *docx = self;
    const char *type = xml_get(attributes, "type");

    if (type && strcmp(type, "page") == 0)
        docx->job->draft.breaks++;
    draft_add(docx->job, pb_lit("\n"));
}

static void on_rendered_break(void *self, const char **attributes)
{
    struct docx *docx = self;
    struct draft *draft = &docx->job->draft;

    (void)attributes;
    draft->page++;
    if (draft->open && !draft->tables && draft->size == draft->leaves[draft->count - 1].offset)
        draft->leaves[draft->count - 1].page = draft->page; /* it begins behind the break */
}

static void on_hyphen(void *self)
{
    draft_add(((struct docx *)self)->job, pb_lit("-"));
}

static void on_table(void *self, const char **attributes)
{
    (void)attributes;
    draft_table_open(((struct docx *)self)->job);
}

static void on_table_end(void *self)
{
    draft_table_close(((struct docx *)self)->job);
}

static void on_row_end(void *self)
{
    draft_row_end(((struct docx *)self)->job);
}

static void on_span(void *self, const char **attributes)
{
    int64_t cells = xml_number(attributes, "val", 1);

    if (cells > 1 && cells < 64)
        draft_cell_end(((struct docx *)self)->job, (size_t)cells - 1);
}

static void on_cell_end(void *self)
{
    draft_cell_end(((struct docx *)self)->job, 1);
}

static const struct xml_element elements[] = {
    {.name = "p", .open = on_paragraph, .close = on_paragraph_end},
    {.name = "r", .open = on_run},
    {.name = "t", .open = on_shown, .close = on_shown_end},
    {.name = "pPr", .close = on_properties_end},
    {.name = "pStyle", .open = on_style},
    {.name = "outlineLvl", .open = on_outline},
    {.name = "ilvl", .open = on_list_level},
    {.name = "numId", .open = on_number},
    {.name = "tab", .close = on_tab},
    {.name = "br", .open = on_break},
    {.name = "cr", .open = on_break},
    {.name = "lastRenderedPageBreak", .open = on_rendered_break},
    {.name = "noBreakHyphen", .close = on_hyphen},
    {.name = "tbl", .open = on_table, .close = on_table_end},
    {.name = "tr", .close = on_row_end},
    {.name = "tc", .close = on_cell_end},
    {.name = "gridSpan", .open = on_span},
    {.name = "tabs", .skip = true},
    {.name = "rPr", .skip = true},
    {.name = "sectPr", .skip = true},
    {.name = "pPrChange", .skip = true},
    {.name = "del", .skip = true},
    {.name = "moveFrom", .skip = true},
    {.name = "Fallback", .skip = true},
    {.name = "sdtPr", .skip = true},
    {.name = NULL}};

/* Tables of a part that ends inside of one. */
static void part_end(struct job *job)
{
    while (job->draft.tables)
        draft_table_close(job);
    draft_close(job);
}

static pb_status read_notes(struct docx *docx, struct package *package, const char *part)
{
    struct xml_reader reader = {.self = docx, .elements = elements, .text = on_text};

    docx->notes = true;
    if (docx->job->status == PB_OK && package_has(package, part))
        (void)xml_read(package, part, &reader);
    part_end(docx->job);
    return docx->job->status;
}

pb_status docx_read(struct package *package, const char *part)
{
    struct docx docx = {.job = package->job};
    struct xml_reader reader = {.self = &docx, .elements = elements, .text = on_text};
    struct relations relations;

    if (relations_read(&relations, package, part) == PB_OK &&
        docx_styles_read(&docx.styles, package, relations_target(&relations, "styles")) == PB_OK) {
        (void)xml_read(package, part, &reader);
        part_end(docx.job);
        (void)read_notes(&docx, package, relations_target(&relations, "footnotes"));
        (void)read_notes(&docx, package, relations_target(&relations, "endnotes"));
    }
    names_fini(&docx.styles.styles, docx.job);
    relations_fini(&relations);
    return docx.job->status;
}
