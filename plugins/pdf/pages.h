/* pages.h - a PDF's text on its way from pdftohtml to blocks.
 *
 * parse.c makes lines of cells from what the program prints, in the order of the file; repeat.c
 * drops headers and footers; layout.c, table.c and paragraph.c make blocks. All of it runs on
 * helper threads: memory is malloc'd, bounded, and freed at once by pages_fini.
 */
#ifndef PDF_PAGES_H
#define PDF_PAGES_H

#include <patchbay/extractor.h>

/* A font of the pages that are being read. */
struct font {
    float size;
    bool bold, mono;
};

/* A piece of a line that stands apart from the next. Lengths are points times ZOOM. */
struct cell {
    float left, right;
    size_t offset, size; /* in pages->text */
};

struct line {
    int32_t page;
    float left, right, top, bottom;
    float points; /* size of its font */
    bool bold, mono, dropped;
    size_t first, count; /* its cells */
};

struct leaf {
    int32_t type, level, page;
    size_t offset, size; /* in pages->out */
};

struct array {
    void *items;
    size_t count, room;
};

struct pages {
    size_t max_text, max_memory, held;
    struct array text;  /* char: of lines */
    struct array lines; /* struct line */
    struct array cells; /* struct cell */
    struct array fonts; /* struct font: of this run, by id */
    struct array out;   /* char: of blocks */
    struct array leaves;
    /* of the page that is being read */
    int32_t page;
    float height;
    /* of the document, for layout */
    float body;     /* size of most of its text */
    float sizes[6]; /* of headings, larger first */
    size_t size_count;
    pb_status status;
    char sentence[200];
};

PB_PRINTF(3, 4)
pb_status pages_fail(struct pages *pages, pb_status status, const char *format, ...);
/* `more` zeroed items behind the end, counted in; NULL when it holds too much (it failed then). */
void *pages_room(struct pages *pages, struct array *array, size_t more, size_t item);
void pages_fini(struct pages *pages);

static inline struct line *pages_line(const struct pages *pages, size_t i)
{
    return (struct line *)pages->lines.items + i;
}

static inline struct cell *pages_cell(const struct pages *pages, size_t i)
{
    return (struct cell *)pages->cells.items + i;
}

static inline pb_str pages_text(const struct pages *pages, const struct cell *cell)
{
    return pb_str_make((const char *)pages->text.items + cell->offset, cell->size);
}

/* What `pdftohtml -xml` printed of some pages. */
pb_status pages_parse(struct pages *pages, pb_str xml);
/* Marks lines that stand at the edge of most pages. */
pb_status pages_drop_repeated(struct pages *pages);
/* All lines to blocks. */
pb_status pages_layout(struct pages *pages);

/* --- between layout.c, table.c and paragraph.c -------------------------------------------------
 */

enum { COLUMNS_MOST = 64 };

/* Lines that stand side by side in columns. */
struct grid {
    size_t from, count; /* lines */
    float left[COLUMNS_MOST], right[COLUMNS_MOST];
    size_t columns;
    bool prose; /* columns of running text: to be read one after the other */
};

/* Is there a grid from the line `from` on? */
bool grid_find(const struct pages *pages, size_t from, struct grid *grid);
/* Writes it as one table. */
void grid_write(struct pages *pages, const struct grid *grid);
/* The column of a cell. */
size_t grid_column(const struct grid *grid, const struct cell *cell);

/* The block that is being written. */
struct paragraph {
    struct pages *pages;
    struct line last; /* the line that it ends with */
    bool open;
    int32_t type, level;
    float left;     /* where its first line begins */
    float items[6]; /* where the bullets of the running list stand */
    size_t item_count;
};

void paragraph_add(struct paragraph *paragraph, const struct line *line);
void paragraph_end(struct paragraph *paragraph);

void block_begin(struct pages *pages, int32_t type, int32_t level, int32_t page);
void block_add(struct pages *pages, pb_str text);
/* Drops it when it is empty. */
void block_end(struct pages *pages);

/* The size in bytes of the label that the text begins with (a bullet, "1.", "(a)"), or 0. */
size_t label_size(pb_str text);
/* The depth of a heading's number: 3 for "1.2.1 Words", 1 for "Chapter 4"; 0: none. */
int32_t number_depth(pb_str text);

#endif
