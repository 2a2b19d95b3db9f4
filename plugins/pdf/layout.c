/* layout.c - all lines of a document to blocks: which sizes are headings', then line by line. */
#include "pages.h"

#include <math.h>

enum { LEAF_COST = 128, SIZES = 600 };

void block_begin(struct pages *pages, int32_t type, int32_t level, int32_t page)
{
    struct leaf *leaf = pages_room(pages, &pages->leaves, 1, sizeof *leaf);

    if (leaf)
        *leaf =
            (struct leaf){.type = type, .level = level, .page = page, .offset = pages->out.count};
}

void block_add(struct pages *pages, pb_str text)
{
    if (pages->out.count + pages->leaves.count * LEAF_COST + text.size > pages->max_text)
        (void)pages_fail(pages, PB_TOO_LARGE, "it has more text than the %zu MiB of 'max_text'",
                         pages->max_text >> 20);
    char *room = text.size ? pages_room(pages, &pages->out, text.size, 1) : NULL;
    if (room)
        memcpy(room, text.data, text.size);
}

void block_end(struct pages *pages)
{
    if (pages->status != PB_OK || !pages->leaves.count)
        return;
    struct leaf *leaf = (struct leaf *)pages->leaves.items + pages->leaves.count - 1;
    const char *out = pages->out.items;
    while (pages->out.count > leaf->offset && strchr(" \n", out[pages->out.count - 1]))
        pages->out.count--;
    leaf->size = pages->out.count - leaf->offset;
    if (!leaf->size)
        pages->leaves.count--;
}

/* Lines that repeat.c dropped leave no gap. */
static void compact(struct pages *pages)
{
    size_t kept = 0;

    for (size_t i = 0; i < pages->lines.count; i++)
        if (!pages_line(pages, i)->dropped)
            *pages_line(pages, kept++) = *pages_line(pages, i);
    pages->lines.count = kept;
}

/* The size of most text, and the larger ones, which are headings'. */
static void measure(struct pages *pages)
{
    static const size_t most = sizeof pages->sizes / sizeof *pages->sizes;
    uint32_t bytes[SIZES] = {0};
    size_t body = 0;

    for (size_t i = 0; i < pages->lines.count; i++) {
        const struct line *line = pages_line(pages, i);
        size_t at = line->points > 0 ? (size_t)fminf(line->points, SIZES - 1) : 0;
        for (size_t c = line->first; c < line->first + line->count; c++)
            bytes[at] += (uint32_t)pages_cell(pages, c)->size;
    }
    for (size_t at = 0; at < SIZES; at++)
        body = bytes[at] > bytes[body] ? at : body;
    pages->body = (float)body;
    for (size_t at = SIZES; at-- > 0 && (float)at > (float)body * 1.1f && pages->size_count < most;)
        if (bytes[at] &&
            (!pages->size_count || (float)at < pages->sizes[pages->size_count - 1] * 0.94f))
            pages->sizes[pages->size_count++] = (float)at;
}

/* Columns of running text, one after the other. */
static void read_columns(struct paragraph *paragraph, const struct grid *grid)
{
    for (size_t column = 0; column < grid->columns; column++)
        for (size_t i = grid->from; i < grid->from + grid->count; i++) {
            struct line line = *pages_line(paragraph->pages, i);
            size_t end = line.first + line.count;
            for (size_t c = line.first; c < end; c++) {
                const struct cell *cell = pages_cell(paragraph->pages, c);
                if (grid_column(grid, cell) != column)
                    continue;
                line.first = c;
                line.count = 1;
                line.left = cell->left;
                line.right = cell->right;
                paragraph_add(paragraph, &line);
            }
        }
}

pb_status pages_layout(struct pages *pages)
{
    struct paragraph paragraph = {.pages = pages};
    struct grid grid;

    compact(pages);
    measure(pages);
    for (size_t i = 0; i < pages->lines.count && pages->status == PB_OK;) {
        if (grid_find(pages, i, &grid)) {
            if (grid.prose) {
                read_columns(&paragraph, &grid);
            } else {
                paragraph_end(&paragraph);
                grid_write(pages, &grid);
            }
            i += grid.count;
        } else {
            paragraph_add(&paragraph, pages_line(pages, i++));
        }
        if (i % 1024 == 0 && pb_cancelled())
            (void)pages_fail(pages, PB_CANCELLED, "it was cancelled");
    }
    paragraph_end(&paragraph);
    return pages->status;
}
