/* table.c - lines whose cells stand below one another: a table, or columns of running text that the
 * file has line by line. */
#include "pages.h"

#include <math.h>

enum { PROSE = 30 }; /* bytes that the cells of columns of text have on average, at least */

size_t grid_column(const struct grid *grid, const struct cell *cell)
{
    size_t column = 0;

    while (column + 1 < grid->columns && cell->left >= grid->right[column])
        column++;
    return column;
}

/* Widens the column that the cell stands in, or makes one. False: there are too many. */
static bool take_cell(struct grid *grid, const struct cell *cell)
{
    size_t at = 0, end;

    while (at < grid->columns && grid->right[at] <= cell->left)
        at++;
    for (end = at; end < grid->columns && grid->left[end] < cell->right; end++)
        ;
    if (end == at) { /* between two, or behind all */
        if (grid->columns == COLUMNS_MOST)
            return false;
        size_t rest = grid->columns++ - at;
        memmove(&grid->left[at + 1], &grid->left[at], rest * sizeof *grid->left);
        memmove(&grid->right[at + 1], &grid->right[at], rest * sizeof *grid->right);
        grid->left[at] = cell->left;
        grid->right[at] = cell->right;
        return true;
    }
    grid->left[at] = fminf(grid->left[at], cell->left);
    grid->right[at] = fmaxf(grid->right[end - 1], cell->right);
    size_t gone = end - at - 1, rest = grid->columns - end;
    memmove(&grid->left[at + 1], &grid->left[end], rest * sizeof *grid->left);
    memmove(&grid->right[at + 1], &grid->right[end], rest * sizeof *grid->right);
    grid->columns -= gone;
    return true;
}

static bool is_row(const struct pages *pages, const struct line *line)
{
    pb_str first = pages_text(pages, pages_cell(pages, line->first));

    return line->count > 1 && !line->mono &&
           !(line->count == 2 && (label_size(first) == first.size ||
                                  number_depth(first) > 0)); /* "2.1   Installation" */
}

/* A line of one cell below the second column or a later one: the row above goes on. */
static bool goes_on(const struct grid *grid, const struct pages *pages, const struct line *line)
{
    return line->count == 1 && !line->mono && grid->columns > 1 &&
           pages_cell(pages, line->first)->left >= grid->left[1] - 2;
}

static bool take_line(struct grid *grid, const struct pages *pages, const struct line *line)
{
    struct grid before = *grid;

    for (size_t c = line->first; c < line->first + line->count; c++)
        if (!take_cell(grid, pages_cell(pages, c))) {
            *grid = before;
            return false;
        }
    if (grid->columns > 1)
        return true;
    *grid = before; /* it would close the gap between the columns */
    return false;
}

/* Do nearly all cells hold running text? */
static bool is_prose(const struct pages *pages, const struct grid *grid)
{
    size_t bytes = 0, cells = 0;

    for (size_t i = grid->from; i < grid->from + grid->count; i++) {
        const struct line *line = pages_line(pages, i);
        for (size_t c = line->first; c < line->first + line->count; c++, cells++)
            bytes += pages_cell(pages, c)->size;
    }
    return grid->columns <= 3 && grid->count > 3 && bytes / cells >= PROSE;
}

bool grid_find(const struct pages *pages, size_t from, struct grid *grid)
{
    const struct line *line = pages_line(pages, from);
    size_t rows = 0, end = from;

    *grid = (struct grid){.from = from};
    if (!is_row(pages, line))
        return false;
    for (; end < pages->lines.count; end++) {
        const struct line *next = pages_line(pages, end);
        float height = line->bottom - line->top;
        if (end > from && (next->page != line->page || next->top < line->top ||
                           next->top - line->bottom > 2.5f * height))
            break;
        bool row = is_row(pages, next);
        if ((!row && !goes_on(grid, pages, next)) || !take_line(grid, pages, next))
            break;
        rows += row;
        line = next;
    }
    grid->count = end - from;
    if (rows < 2 || (rows == 2 && grid->columns < 3))
        return false;
    grid->prose = is_prose(pages, grid);
    return true;
}

/* What the line has in this column. */
static bool write_cells(struct pages *pages, const struct grid *grid, const struct line *line,
                        size_t column, bool more)
{
    for (size_t c = line->first; c < line->first + line->count; c++) {
        const struct cell *cell = pages_cell(pages, c);
        if (grid_column(grid, cell) != column)
            continue;
        if (more)
            block_add(pages, pb_lit(" "));
        block_add(pages, pb_str_trim(pages_text(pages, cell)));
        more = true;
    }
    return more;
}

void grid_write(struct pages *pages, const struct grid *grid)
{
    size_t end = grid->from + grid->count;

    block_begin(pages, PB_BLOCK_TABLE, 0, pages_line(pages, grid->from)->page);
    for (size_t i = grid->from, next; i < end; i = next) {
        for (next = i + 1; next < end && !is_row(pages, pages_line(pages, next)); next++)
            ;
        if (i > grid->from)
            block_add(pages, pb_lit("\n"));
        for (size_t column = 0; column < grid->columns; column++) {
            bool more = false;
            if (column)
                block_add(pages, pb_lit("\t"));
            for (size_t l = i; l < next; l++)
                more = write_cells(pages, grid, pages_line(pages, l), column, more);
        }
    }
    block_end(pages);
}
