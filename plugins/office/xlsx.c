/* xlsx.c - the sheets of an XLSX: each a heading and a table. The page is the sheet's number;
 * hidden sheets are left out. */
#include "xlsx.h"
#include "office.h"
#include "relations.h"
#include "xml.h"

#include <stdlib.h>

enum { COLUMNS_MOST = 16384, VALUE_SIZE = 128 };
enum { CELL_NUMBER, CELL_SHARED, CELL_TEXT, CELL_BOOL };

struct sheet {
    pb_str name;
    const char *part;
    struct sheet *next;
};

struct xlsx {
    struct job *job;
    struct package *package;
    struct relations relations;
    struct xlsx_formats formats;
    struct sheet *sheets, **end;
    pb_str *shared;
    size_t count, room;
    /* the text that is gathered: of a shared string or of a value */
    char *text;
    size_t size, capacity;
    bool gather;
    /* the running cell */
    int type;
    int64_t style, column, written;
};

static void gather(struct xlsx *xlsx, pb_str text)
{
    if (text.size > xlsx->capacity - xlsx->size) {
        size_t capacity = xlsx->capacity ? xlsx->capacity : 1024;
        while (capacity - xlsx->size < text.size)
            capacity *= 2;
        char *grown = job_grow(xlsx->job, xlsx->text, xlsx->capacity, capacity);
        if (!grown)
            return;
        xlsx->text = grown;
        xlsx->capacity = capacity;
    }
    memcpy(xlsx->text + xlsx->size, text.data, text.size);
    xlsx->size += text.size;
}

static void on_text(void *self, pb_str text)
{
    struct xlsx *xlsx = self;

    if (xlsx->gather && text.size)
        gather(xlsx, text);
}

static void on_gather(void *self, const char **attributes)
{
    (void)attributes;
    ((struct xlsx *)self)->gather = true;
}

static void on_gather_end(void *self)
{
    ((struct xlsx *)self)->gather = false;
}

/* --- the workbook ----------------------------------------------------------------------------- */

static void on_workbook(void *self, const char **attributes)
{
    ((struct xlsx *)self)->formats.since_1904 = xml_flag(attributes, "date1904");
}

static void on_sheet(void *self, const char **attributes)
{
    struct xlsx *xlsx = self;
    const char *state = xml_get(attributes, "state"), *name = xml_get(attributes, "name");
    const struct relation *relation = names_find(&xlsx->relations.by_id, xml_get(attributes, "id"));

    if ((state && strcmp(state, "visible") != 0) || !relation)
        return;
    struct sheet *sheet = job_keep(xlsx->job, sizeof *sheet);
    if (!sheet)
        return;
    sheet->name = job_copy(xlsx->job, pb_str_of(name));
    sheet->part = relation->target.data;
    *xlsx->end = sheet;
    xlsx->end = &sheet->next;
}

static void on_shared(void *self, const char **attributes)
{
    (void)attributes;
    ((struct xlsx *)self)->size = 0;
}

static void on_shared_end(void *self)
{
    struct xlsx *xlsx = self;

    if (xlsx->count == xlsx->room) {
        size_t room = xlsx->room ? xlsx->room * 2 : 256;
        pb_str *shared =
            job_grow(xlsx->job, xlsx->shared, xlsx->room * sizeof *shared, room * sizeof *shared);
        if (!shared)
            return;
        xlsx->shared = shared;
        xlsx->room = room;
    }
    xlsx->shared[xlsx->count++] =
        xlsx->size ? job_copy(xlsx->job, pb_str_make(xlsx->text, xlsx->size)) : pb_lit("");
}

/* --- cells ------------------------------------------------------------------------------------ */

static void on_row(void *self, const char **attributes)
{
    struct xlsx *xlsx = self;

    (void)attributes;
    xlsx->column = xlsx->written = 0;
}

static void on_row_end(void *self)
{
    draft_row_end(((struct xlsx *)self)->job);
}

/* "BC12" is column 54, counted from 0; the next one when it is not told. */
static int64_t column_of(const char *place, int64_t next)
{
    int64_t column = 0;

    if (!place || *place < 'A' || *place > 'Z')
        return next;
    for (; *place >= 'A' && *place <= 'Z' && column <= COLUMNS_MOST; place++)
        column = column * 26 + (*place - 'A' + 1);
    return column - 1 < COLUMNS_MOST ? column - 1 : next;
}

static void on_cell(void *self, const char **attributes)
{
    struct xlsx *xlsx = self;
    const char *type = xml_get(attributes, "t");

    xlsx->column = column_of(xml_get(attributes, "r"), xlsx->column);
    xlsx->style = xml_number(attributes, "s", 0);
    xlsx->type = !type || strcmp(type, "n") == 0 ? CELL_NUMBER
                 : strcmp(type, "s") == 0        ? CELL_SHARED
                 : strcmp(type, "b") == 0        ? CELL_BOOL
                                                 : CELL_TEXT;
    xlsx->size = 0;
}

static void on_cell_end(void *self)
{
    struct xlsx *xlsx = self;
    char value[VALUE_SIZE], shown[64];
    pb_str text = pb_str_make(xlsx->text, xlsx->size);

    if (text.size && xlsx->type != CELL_TEXT) {
        (void)snprintf(value, sizeof value, "%.*s", (int)(text.size < 100 ? text.size : 100),
                       text.data);
        unsigned long index = strtoul(value, NULL, 10);
        if (xlsx->type == CELL_SHARED)
            text = index < xlsx->count ? xlsx->shared[index] : pb_lit("");
        else if (xlsx->type == CELL_BOOL)
            text = index ? pb_lit("TRUE") : pb_lit("FALSE");
        else
            xlsx_show(&xlsx->formats, xlsx->style, value, shown), text = pb_str_of(shown);
    }
    if (text.size) {
        if (xlsx->column > xlsx->written) {
            draft_cell_end(xlsx->job, (size_t)(xlsx->column - xlsx->written));
            xlsx->written = xlsx->column;
        }
        draft_add(xlsx->job, text);
    }
    xlsx->column++;
}

static pb_status read_sheet(struct xlsx *xlsx, const struct sheet *sheet, int32_t number)
{
    static const struct xml_element elements[] = {
        {.name = "c", .open = on_cell, .close = on_cell_end},
        {.name = "v", .open = on_gather, .close = on_gather_end},
        {.name = "t", .open = on_gather, .close = on_gather_end},
        {.name = "row", .open = on_row, .close = on_row_end},
        {.name = "rPh", .skip = true},
        {.name = NULL}};
    struct xml_reader reader = {.self = xlsx, .elements = elements, .text = on_text};
    struct job *job = xlsx->job;

    job->draft.page = number;
    job->draft.numbered = true;
    draft_open(job, PB_BLOCK_HEADING, 1);
    draft_add(job, sheet->name);
    draft_close(job);
    draft_table_open(job);
    (void)xml_read(xlsx->package, sheet->part, &reader);
    draft_table_close(job);
    return job->status;
}

static pb_status read_shared(struct xlsx *xlsx, const char *part)
{
    static const struct xml_element elements[] = {
        {.name = "si", .open = on_shared, .close = on_shared_end},
        {.name = "t", .open = on_gather, .close = on_gather_end},
        {.name = "rPh", .skip = true},
        {.name = NULL}};
    struct xml_reader reader = {.self = xlsx, .elements = elements, .text = on_text};

    return package_has(xlsx->package, part) ? xml_read(xlsx->package, part, &reader)
                                            : xlsx->job->status;
}

pb_status xlsx_read(struct package *package, const char *part)
{
    static const struct xml_element elements[] = {{.name = "sheet", .open = on_sheet},
                                                  {.name = "workbookPr", .open = on_workbook},
                                                  {.name = NULL}};
    struct xlsx xlsx = {.job = package->job, .package = package};
    struct xml_reader reader = {.self = &xlsx, .elements = elements};
    int32_t number = 0;

    xlsx.end = &xlsx.sheets;
    if (relations_read(&xlsx.relations, package, part) == PB_OK &&
        xml_read(package, part, &reader) == PB_OK &&
        xlsx_formats_read(&xlsx.formats, package, relations_target(&xlsx.relations, "styles")) ==
            PB_OK &&
        read_shared(&xlsx, relations_target(&xlsx.relations, "sharedStrings")) == PB_OK)
        for (struct sheet *sheet = xlsx.sheets; sheet; sheet = sheet->next)
            if (read_sheet(&xlsx, sheet, ++number) != PB_OK)
                break;
    names_fini(&xlsx.formats.codes, xlsx.job);
    relations_fini(&xlsx.relations);
    job_release(xlsx.job, xlsx.room * sizeof *xlsx.shared + xlsx.capacity);
    free(xlsx.shared);
    free(xlsx.text);
    return xlsx.job->status;
}
