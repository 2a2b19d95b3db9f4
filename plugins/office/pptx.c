/* pptx.c - the slides of a PPTX in their order: title as heading, bullets as list items, tables,
 * speaker's notes. The page is the slide's number. */
#include "office.h"
#include "relations.h"
#include "xml.h"

enum { ROLE_TEXT, ROLE_TITLE, ROLE_BODY, ROLE_SKIP };

struct pptx {
    struct job *job;
    struct package *package;
    struct relations relations;
    const char **slides; /* parts */
    size_t count, room;
    size_t first; /* leaf of this slide */
    int role;     /* of the running shape */
    bool text, notes, titled;
};

static void on_slide(void *self, const char **attributes)
{
    struct pptx *pptx = self;
    const struct relation *slide = names_find(&pptx->relations.by_id, xml_get(attributes, "id"));

    /* <p:sldId id="256" r:id="rId2">: both are called id. */
    for (; *attributes && !slide; attributes += 2)
        slide = names_find(&pptx->relations.by_id, attributes[1]);
    if (!slide || !pb_str_is(slide->type, "slide"))
        return;
    if (pptx->count == pptx->room) {
        size_t room = pptx->room ? pptx->room * 2 : 256;
        const char **slides = job_keep(pptx->job, room * sizeof *slides);
        if (!slides)
            return;
        if (pptx->count)
            memcpy(slides, pptx->slides, pptx->count * sizeof *slides);
        pptx->slides = slides;
        pptx->room = room;
    }
    pptx->slides[pptx->count++] = slide->target.data;
}

/* --- a slide ---------------------------------------------------------------------------------- */

static void on_shape(void *self, const char **attributes)
{
    (void)attributes;
    ((struct pptx *)self)->role = ROLE_TEXT;
}

static void on_placeholder(void *self, const char **attributes)
{
    struct pptx *pptx = self;
    const char *type = xml_get(attributes, "type");

    if (!type || strcmp(type, "body") == 0 || strcmp(type, "obj") == 0)
        pptx->role = pptx->notes ? ROLE_TEXT : ROLE_BODY;
    else if (strcmp(type, "title") == 0 || strcmp(type, "ctrTitle") == 0)
        pptx->role = pptx->notes ? ROLE_SKIP : ROLE_TITLE;
    else if (strcmp(type, "sldNum") == 0 || strcmp(type, "dt") == 0 || strcmp(type, "ftr") == 0 ||
             strcmp(type, "hdr") == 0 || strcmp(type, "sldImg") == 0)
        pptx->role = ROLE_SKIP;
}

static void on_paragraph(void *self, const char **attributes)
{
    struct pptx *pptx = self;
    const struct draft *draft = &pptx->job->draft;

    (void)attributes;
    if (pptx->role == ROLE_TITLE && pptx->titled && draft->open) {
        draft_add(pptx->job, pb_lit(" ")); /* a title of two lines */
        return;
    }
    if (pptx->role == ROLE_TITLE) {
        draft_open(pptx->job, PB_BLOCK_HEADING, 1);
        pptx->titled = true;
    } else {
        draft_open(pptx->job, pptx->role == ROLE_BODY ? PB_BLOCK_LIST_ITEM : PB_BLOCK_TEXT,
                   pptx->role == ROLE_BODY);
    }
}

static void on_paragraph_properties(void *self, const char **attributes)
{
    struct pptx *pptx = self;
    int64_t level = xml_number(attributes, "lvl", 0);

    if (pptx->role == ROLE_BODY && level > 0 && level < 9)
        draft_become(pptx->job, PB_BLOCK_LIST_ITEM, (int32_t)level + 1);
}

static void on_bullet(void *self, const char **attributes)
{
    struct pptx *pptx = self;

    (void)attributes;
    if (pptx->role == ROLE_TEXT && !pptx->notes)
        draft_become(pptx->job, PB_BLOCK_LIST_ITEM, 1);
}

static void on_no_bullet(void *self, const char **attributes)
{
    struct pptx *pptx = self;

    (void)attributes;
    if (pptx->role == ROLE_BODY)
        draft_become(pptx->job, PB_BLOCK_TEXT, 0);
}

static void on_paragraph_end(void *self)
{
    struct pptx *pptx = self;

    if (pptx->role != ROLE_TITLE)
        draft_close(pptx->job);
}

static void on_shape_end(void *self)
{
    struct pptx *pptx = self;

    draft_close(pptx->job);
    pptx->role = ROLE_TEXT;
}

static void on_shown(void *self, const char **attributes)
{
    (void)attributes;
    ((struct pptx *)self)->text = true;
}

static void on_shown_end(void *self)
{
    ((struct pptx *)self)->text = false;
}

static void on_text(void *self, pb_str text)
{
    struct pptx *pptx = self;

    if (pptx->text && pptx->role != ROLE_SKIP)
        draft_add(pptx->job, text);
}

static void on_break(void *self, const char **attributes)
{
    struct pptx *pptx = self;

    (void)attributes;
    draft_add(pptx->job, pptx->role == ROLE_TITLE ? pb_lit(" ") : pb_lit("\n"));
}

static void on_table(void *self, const char **attributes)
{
    (void)attributes;
    draft_table_open(((struct pptx *)self)->job);
}

static void on_table_end(void *self)
{
    draft_table_close(((struct pptx *)self)->job);
}

static void on_row_end(void *self)
{
    draft_row_end(((struct pptx *)self)->job);
}

static void on_cell_end(void *self)
{
    draft_cell_end(((struct pptx *)self)->job, 1);
}

static const struct xml_element slide_elements[] = {
    {.name = "sp", .open = on_shape, .close = on_shape_end},
    {.name = "ph", .open = on_placeholder},
    {.name = "p", .open = on_paragraph, .close = on_paragraph_end},
    {.name = "pPr", .open = on_paragraph_properties},
    {.name = "buChar", .open = on_bullet},
    {.name = "buAutoNum", .open = on_bullet},
    {.name = "buNone", .open = on_no_bullet},
    {.name = "t", .open = on_shown, .close = on_shown_end},
    {.name = "br", .open = on_break},
    {.name = "tbl", .open = on_table, .close = on_table_end},
    {.name = "tr", .close = on_row_end},
    {.name = "tc", .close = on_cell_end},
    {.name = "rPr", .skip = true},
    {.name = "Fallback", .skip = true},
    {.name = NULL}};

static pb_status read_part(struct pptx *pptx, const char *part)
{
    struct xml_reader reader = {.self = pptx, .elements = slide_elements, .text = on_text};

    pptx->role = ROLE_TEXT;
    if (pptx->job->status == PB_OK && package_has(pptx->package, part))
        (void)xml_read(pptx->package, part, &reader);
    while (pptx->job->draft.tables)
        draft_table_close(pptx->job);
    draft_close(pptx->job);
    return pptx->job->status;
}

/* The heading goes in front of what was drawn before it. Text stays where it is. */
static void title_first(struct pptx *pptx)
{
    struct draft *draft = &pptx->job->draft;
    size_t at = pptx->first;

    while (at < draft->count && draft->leaves[at].type != PB_BLOCK_HEADING)
        at++;
    if (at == draft->count || at == pptx->first)
        return;
    struct leaf title = draft->leaves[at];
    memmove(&draft->leaves[pptx->first + 1], &draft->leaves[pptx->first],
            (at - pptx->first) * sizeof title);
    draft->leaves[pptx->first] = title;
}

static bool has_text(const struct pptx *pptx)
{
    return pptx->job->draft.count > pptx->first;
}

/* A slide without a title gets its number for one, lest it belong to the slide before. */
static void read_slide(struct pptx *pptx, const char *part, size_t number)
{
    struct relations relations;
    char name[32];
    struct draft *draft = &pptx->job->draft;

    draft->page = (int32_t)number;
    draft->numbered = true;
    draft->breaks = 0;
    pptx->first = draft->count;
    pptx->titled = pptx->notes = false;
    if (relations_read(&relations, pptx->package, part) == PB_OK) {
        (void)read_part(pptx, part);
        title_first(pptx);
        pptx->notes = true;
        (void)read_part(pptx, relations_target(&relations, "notesSlide"));
    }
    relations_fini(&relations);
    if (pptx->job->status == PB_OK && has_text(pptx) &&
        draft->leaves[pptx->first].type != PB_BLOCK_HEADING) {
        (void)snprintf(name, sizeof name, "Slide %zu", number);
        draft_open(pptx->job, PB_BLOCK_HEADING, 1);
        draft_add(pptx->job, pb_str_of(name));
        draft_close(pptx->job);
        title_first(pptx);
    }
}

pb_status pptx_read(struct package *package, const char *part)
{
    static const struct xml_element elements[] = {{.name = "sldId", .open = on_slide},
                                                  {.name = NULL}};
    struct pptx pptx = {.job = package->job, .package = package};
    struct xml_reader reader = {.self = &pptx, .elements = elements};

    if (relations_read(&pptx.relations, package, part) == PB_OK)
        (void)xml_read(package, part, &reader);
    for (size_t i = 0; i < pptx.count && pptx.job->status == PB_OK; i++)
        read_slide(&pptx, pptx.slides[i], i + 1);
    relations_fini(&pptx.relations);
    return pptx.job->status;
}
