/* odf.c - content.xml of OpenDocument: ODT, ODS, ODP. Headings say their level themselves; of
 * styles only those for code and titles matter. Pages are slides, sheets, or where LibreOffice
 * noted a soft page break. */
#include "odf.h"
#include "office.h"
#include "xml.h"

/* --- styles ----------------------------------------------------------------------------------- */

static void on_style(void *self, const char **attributes)
{
    struct odf *odf = self;
    const char *name = xml_get(attributes, "name"),
               *parent = xml_get(attributes, "parent-style-name");
    const char *family = xml_get(attributes, "family");
    struct odf_style *style;

    if (!name || (family && strcmp(family, "paragraph") != 0) ||
        !(style = job_keep(odf->job, sizeof *style)))
        return;
    style->parent = job_copy(odf->job, pb_str_of(parent));
    style->code = names_code(name);
    style->outline = names_heading(name);
    names_add(&odf->styles, odf->job, pb_str_of(name), style);
}

static struct odf_style style_of(struct odf *odf, const char *name)
{
    struct odf_style all = {.code = names_code(name), .outline = names_heading(name)};

    for (int depth = 0; name && depth < 12; depth++) {
        const struct odf_style *style = names_find(&odf->styles, name);
        if (!style)
            break;
        all.code = all.code || style->code || names_code(style->parent.data);
        all.outline = all.outline ? all.outline : style->outline;
        if (!all.outline)
            all.outline = names_heading(style->parent.data);
        name = style->parent.data;
    }
    return all;
}

/* --- text ------------------------------------------------------------------------------------- */

static bool continues_code(const struct odf *odf)
{
    const struct draft *draft = &odf->job->draft;

    return !draft->tables && draft->open && draft->leaves[draft->count - 1].type == PB_BLOCK_CODE;
}

static void on_paragraph(void *self, const char **attributes)
{
    struct odf *odf = self;
    struct odf_style style = style_of(odf, xml_get(attributes, "style-name"));

    odf->paragraph = true;
    const struct draft *draft = &odf->job->draft;
    if (odf->notes) {
        if (draft->size && draft->text[draft->size - 1] != '(')
            draft_add(odf->job, pb_lit(" "));
    } else if (odf->title && odf->titled && odf->job->draft.open) {
        draft_add(odf->job, pb_lit(" "));
    } else if (odf->title) {
        odf->titled = true;
        draft_open(odf->job, PB_BLOCK_HEADING, 1);
    } else if (style.code && continues_code(odf)) {
        draft_add(odf->job, pb_lit("\n"));
    } else if (odf->lists) {
        draft_open(odf->job, PB_BLOCK_LIST_ITEM, odf->lists);
    } else {
        draft_open(odf->job,
                   style.code      ? PB_BLOCK_CODE
                   : style.outline ? PB_BLOCK_HEADING
                                   : PB_BLOCK_TEXT,
                   style.code ? 0 : style.outline);
    }
}

static void on_paragraph_end(void *self)
{
    struct odf *odf = self;

    if (odf->notes)
        return;
    odf->paragraph = false;
    if (!continues_code(odf) && !odf->title)
        draft_close(odf->job);
}

static void on_heading(void *self, const char **attributes)
{
    struct odf *odf = self;
    int64_t level = xml_number(attributes, "outline-level", 1);

    odf->paragraph = true;
    draft_open(odf->job, PB_BLOCK_HEADING, level >= 1 && level <= 9 ? (int32_t)level : 1);
}

static void on_text(void *self, pb_str text)
{
    struct odf *odf = self;

    if (odf->paragraph)
        draft_flow(odf->job, text);
}

static void on_spaces(void *self, const char **attributes)
{
    struct odf *odf = self;
    int64_t count = xml_number(attributes, "c", 1);

    for (int64_t i = 0; i < count && i < 100; i++)
        draft_add(odf->job, pb_lit(" "));
}

static void on_tab(void *self)
{
    struct odf *odf = self;

    draft_add(odf->job, continues_code(odf) ? pb_lit("\t") : pb_lit(" "));
}

static void on_break(void *self)
{
    struct odf *odf = self;

    draft_add(odf->job, odf->title ? pb_lit(" ") : pb_lit("\n"));
}

static void on_page_break(void *self)
{
    struct draft *draft = &((struct odf *)self)->job->draft;

    if (!draft->numbered)
        draft->page++;
}

static void on_list(void *self, const char **attributes)
{
    (void)attributes;
    ((struct odf *)self)->lists++;
}

static void on_list_end(void *self)
{
    ((struct odf *)self)->lists--;
}

static void on_note(void *self, const char **attributes)
{
    struct odf *odf = self;

    (void)attributes;
    odf->notes++;
    draft_add(odf->job, pb_lit(" ("));
}

static void on_note_end(void *self)
{
    struct odf *odf = self;

    odf->notes--;
    draft_add(odf->job, pb_lit(") "));
}

/* --- slides and sheets ------------------------------------------------------------------------ */

static void on_spreadsheet(void *self, const char **attributes)
{
    struct odf *odf = self;

    (void)attributes;
    odf->sheets = true;
    odf->job->draft.numbered = true;
}

static void on_slide(void *self, const char **attributes)
{
    struct odf *odf = self;

    (void)attributes;
    draft_close(odf->job);
    odf->job->draft.numbered = true;
    odf->job->draft.page = ++odf->page;
    odf->first = odf->job->draft.count;
    odf->titled = false;
}

static void on_slide_end(void *self)
{
    struct odf *odf = self;
    struct draft *draft = &odf->job->draft;
    char name[32];

    draft_close(odf->job);
    if (odf->titled || draft->count == odf->first || odf->job->status != PB_OK)
        return;
    (void)snprintf(name, sizeof name, "Slide %d", (int)odf->page);
    size_t at = draft->count;
    draft_open(odf->job, PB_BLOCK_HEADING, 1);
    draft_add(odf->job, pb_str_of(name));
    draft_close(odf->job);
    if (odf->job->status != PB_OK || draft->count == at)
        return;
    struct leaf title = draft->leaves[at];
    memmove(&draft->leaves[odf->first + 1], &draft->leaves[odf->first],
            (at - odf->first) * sizeof title);
    draft->leaves[odf->first] = title;
}

static void on_frame(void *self, const char **attributes)
{
    struct odf *odf = self;
    const char *class = xml_get(attributes, "class");

    odf->title = odf->page && class && strcmp(class, "title") == 0;
}

static void on_frame_end(void *self)
{
    struct odf *odf = self;

    if (odf->title)
        draft_close(odf->job);
    odf->title = false;
}

static void on_encrypted(void *self, const char **attributes)
{
    (void)attributes;
    (void)job_fail(((struct odf *)self)->job, PB_UNPROCESSABLE,
                   "it is encrypted; save it without a password");
}

static const struct xml_element elements[] = {
    {.name = "p", .open = on_paragraph, .close = on_paragraph_end},
    {.name = "h", .open = on_heading, .close = on_paragraph_end},
    {.name = "s", .open = on_spaces},
    {.name = "tab", .close = on_tab},
    {.name = "line-break", .close = on_break},
    {.name = "soft-page-break", .close = on_page_break},
    {.name = "list", .open = on_list, .close = on_list_end},
    {.name = "note-body", .open = on_note, .close = on_note_end},
    {.name = "table", .open = odf_table_open, .close = odf_table_close},
    {.name = "table-row", .close = odf_row_close},
    {.name = "table-cell", .open = odf_cell_open, .close = odf_cell_close},
    {.name = "covered-table-cell", .open = odf_cell_open, .close = odf_cell_close},
    {.name = "style", .open = on_style},
    {.name = "spreadsheet", .open = on_spreadsheet},
    {.name = "page", .open = on_slide, .close = on_slide_end},
    {.name = "frame", .open = on_frame, .close = on_frame_end},
    {.name = "note-citation", .skip = true},
    {.name = "annotation", .skip = true},
    {.name = "tracked-changes", .skip = true},
    {.name = "index-title-template", .skip = true},
    {.name = "ruby-text", .skip = true},
    {.name = "page-number", .skip = true},
    {.name = "forms", .skip = true},
    {.name = NULL}};

pb_status odf_read(struct package *package)
{
    static const struct xml_element styles[] = {{.name = "style", .open = on_style},
                                                {.name = NULL}};
    static const struct xml_element manifest[] = {{.name = "encryption-data", .open = on_encrypted},
                                                  {.name = NULL}};
    struct odf odf = {.job = package->job, .repeat = 1};
    struct xml_reader reader = {.self = &odf, .elements = manifest};

    if (package_has(package, "META-INF/manifest.xml"))
        (void)xml_read(package, "META-INF/manifest.xml", &reader);
    reader.elements = styles;
    if (odf.job->status == PB_OK && package_has(package, "styles.xml"))
        (void)xml_read(package, "styles.xml", &reader);
    reader.elements = elements;
    reader.text = on_text;
    if (odf.job->status == PB_OK)
        (void)xml_read(package, "content.xml", &reader);
    while (odf.job->draft.tables)
        draft_table_close(odf.job);
    draft_close(odf.job);
    if (odf.job->status == PB_OK)
        (void)properties_read(package, "meta.xml");
    names_fini(&odf.styles, odf.job);
    return odf.job->status;
}
