/* markdown_table.c - a table of a Markdown text: columns as wide as they need, narrower together
 * when the line is; cells wrap.
 */
#include "app/markdown.h"

#include "app/terminal.h"

enum { COLUMNS_MOST = 16, NARROWEST = 4, GAP = 3 };

struct grid {
    const struct table_text *text;
    size_t columns;
    size_t width[COLUMNS_MOST];
    char align[COLUMNS_MOST]; /* 'l', 'r', 'c' */
    struct buf *out;
};

static void put(struct buf *out, pb_str text)
{
    (void)buf_add(out, text);
}

static void put_some(struct buf *out, pb_str text, size_t count)
{
    for (; count; count--)
        put(out, text);
}

/* --- rows and cells --------------------------------------------------------------------------- */

static pb_str take_line(pb_str *rest)
{
    size_t end = pb_str_find(*rest, '\n');
    pb_str line = pb_str_trim(pb_str_slice(*rest, 0, end));

    *rest = pb_str_slice(*rest, end + 1, rest->size);
    return line;
}

/* "| a | b |" to a, b; a bar after a backslash or within code belongs to its cell. */
static size_t split(pb_str line, pb_str cells[COLUMNS_MOST])
{
    size_t count = 0, from = line.size && line.data[0] == '|';
    bool code = false;

    for (size_t at = from; at <= line.size && count < COLUMNS_MOST; at++) {
        if (at < line.size && line.data[at] == '\\') {
            at++;
            continue;
        }
        if (at < line.size && line.data[at] == '`')
            code = !code;
        if (at < line.size && (line.data[at] != '|' || code))
            continue;
        if (at == line.size && from == at) /* behind the last bar */
            break;
        cells[count++] = pb_str_trim(pb_str_slice(line, from, at - from));
        from = at + 1;
    }
    return count;
}

/* Is this the line of dashes? Then it says how columns are aligned. */
static bool read_rule(struct grid *grid, pb_str line)
{
    pb_str cells[COLUMNS_MOST];
    size_t count = split(line, cells);

    for (size_t i = 0; i < count; i++) {
        pb_str cell = cells[i];
        bool left = cell.size && cell.data[0] == ':';
        bool right = cell.size > 1 && cell.data[cell.size - 1] == ':';
        size_t dashes = 0;
        for (size_t at = left; at + right < cell.size; at++, dashes++)
            if (cell.data[at] != '-')
                return false;
        if (!dashes)
            return false;
        grid->align[i] = left && right ? 'c' : right ? 'r' : 'l';
    }
    return count > 0;
}

/* A cell in lines of the flow's width. */
static void render(const struct grid *grid, pb_str cell, bool head, struct flow *flow)
{
    struct inliner in = {.flow = flow};

    flow->colour = grid->text->colour;
    flow_begin(flow, pb_lit(""), pb_lit(""));
    inline_begin(&in, head ? STYLE_BOLD : 0);
    inline_text(&in, cell); /* \| is a bar there too */
    inline_end(&in);
    flow_end(flow);
    inline_fini(&in);
}

/* Columns of a line, its style sequences not counted. */
static size_t shown_width(pb_str line)
{
    size_t width = 0;

    while (line.size) {
        size_t end = pb_str_find(line, '\033');
        width += text_width(pb_str_slice(line, 0, end));
        line = pb_str_slice(line, end, line.size);
        line = pb_str_slice(line, pb_str_find(line, 'm') + 1, line.size);
    }
    return width;
}

/* --- widths ----------------------------------------------------------------------------------- */

static void measure(struct grid *grid)
{
    pb_str rest = grid->text->rows, cells[COLUMNS_MOST];

    for (int row = 0; rest.size; row++) {
        pb_str line = take_line(&rest);
        if (row == 1 && read_rule(grid, line))
            continue;
        size_t count = split(line, cells);
        for (size_t i = 0; i < count; i++) {
            struct flow flow = {.width = SIZE_MAX / 2};
            render(grid, cells[i], false, &flow);
            pb_str shown = buf_str(&flow.out);
            size_t width = shown_width(pb_str_slice(shown, 0, pb_str_find(shown, '\n')));
            if (width > grid->width[i])
                grid->width[i] = width;
            flow_fini(&flow);
        }
        if (count > grid->columns)
            grid->columns = count;
    }
}

/* The widest gives until all fit. */
static void narrow(struct grid *grid)
{
    size_t gaps = grid->columns ? (grid->columns - 1) * GAP : 0;

    for (;;) {
        size_t sum = gaps, widest = 0;
        for (size_t i = 0; i < grid->columns; i++) {
            sum += grid->width[i];
            if (grid->width[i] > grid->width[widest])
                widest = i;
        }
        if (sum <= grid->text->width || grid->width[widest] <= NARROWEST)
            return;
        grid->width[widest]--;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_cell(const struct grid *grid, size_t column, pb_str line)
{
    size_t used = shown_width(line);
    size_t left = grid->width[column] > used ? grid->width[column] - used : 0, before = 0;

    if (grid->align[column] == 'r')
        before = left;
    else if (grid->align[column] == 'c')
        before = left / 2;
    put_some(grid->out, pb_lit(" "), before);
    put(grid->out, line);
    if (column + 1 < grid->columns)
        put_some(grid->out, pb_lit(" "), left - before);
}

static void put_row(const struct grid *grid, pb_str line, bool head)
{
    struct flow flows[COLUMNS_MOST];
    pb_str cells[COLUMNS_MOST], rests[COLUMNS_MOST] = {{0}};
    size_t count = split(line, cells);
    bool more = true;

    memset(flows, 0, sizeof flows);
    for (size_t i = 0; i < count; i++) {
        flows[i].width = grid->width[i];
        render(grid, cells[i], head, &flows[i]);
        rests[i] = buf_str(&flows[i].out);
    }
    while (more) {
        more = false;
        for (size_t i = 0; i < grid->columns; i++) {
            size_t end = pb_str_find(rests[i], '\n');
            put_cell(grid, i, pb_str_slice(rests[i], 0, end));
            if (i + 1 < grid->columns)
                put(grid->out, pb_lit(" │ "));
            rests[i] = pb_str_slice(rests[i], end + 1, rests[i].size);
            more = more || rests[i].size;
        }
        put(grid->out, pb_lit("\n"));
    }
    for (size_t i = 0; i < count; i++)
        flow_fini(&flows[i]);
}

static void put_rule(const struct grid *grid)
{
    for (size_t i = 0; i < grid->columns; i++) {
        put_some(grid->out, pb_lit("─"), grid->width[i]);
        if (i + 1 < grid->columns)
            put(grid->out, pb_lit("─┼─"));
    }
    put(grid->out, pb_lit("\n"));
}

void markdown_table(const struct table_text *table, struct buf *out)
{
    struct grid grid = {.text = table, .out = out};
    pb_str rest = table->rows;

    measure(&grid);
    narrow(&grid);
    for (int row = 0; rest.size; row++) {
        pb_str line = take_line(&rest);
        if (row == 1 && read_rule(&grid, line))
            put_rule(&grid);
        else
            put_row(&grid, line, row == 0);
    }
}
