/* table.c - see table.h. */
#include "app/table.h"

#include <patchbay/memory.h>

enum { GAP = 2, NARROWEST = 16 };

void table_column(struct table *table, const char *title, bool right, bool flexible)
{
    if (table->count < TABLE_COLUMNS)
        table->columns[table->count++] =
            (struct table_column){.title = pb_str_of(title), .right = right, .flexible = flexible};
}

pb_str *table_row(struct table *table)
{
    if (table->rows == table->room) {
        size_t room = table->room ? table->room * 2 : 16;
        size_t each = table->count * sizeof *table->cells;
        pb_str *cells = pb_grow(table->cells, table->room * each, room * each);
        if (!cells) {
            table->failed = true;
            return NULL;
        }
        table->cells = cells;
        table->room = room;
    }
    return table->cells + table->rows++ * table->count;
}

static void measure(struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        table->columns[i].width = text_width(table->columns[i].title);
        for (size_t row = 0; row < table->rows; row++) {
            size_t width = text_width(table->cells[row * table->count + i]);
            if (width > table->columns[i].width)
                table->columns[i].width = width;
        }
    }
}

static size_t least(const struct table_column *column)
{
    return column->flexible && column->width > NARROWEST ? NARROWEST : column->width;
}

/* How many columns have room when each is as narrow as it may be. */
static size_t count_shown(const struct table *table, size_t width)
{
    size_t shown = 0, sum = 0;

    while (shown < table->count) {
        sum += least(&table->columns[shown]) + (shown ? GAP : 0);
        if (sum > width && shown)
            break;
        shown++;
    }
    return shown;
}

/* How many columns are shown; the widest of them give until all fit. */
static size_t fit(struct table *table, size_t width)
{
    size_t shown = count_shown(table, width);

    for (;;) {
        size_t sum = shown ? (shown - 1) * GAP : 0;
        struct table_column *widest = NULL;
        for (size_t i = 0; i < shown; i++) {
            struct table_column *column = &table->columns[i];
            sum += column->width;
            if (column->width > least(column) && (!widest || column->width > widest->width))
                widest = column;
        }
        if (sum <= width || !widest)
            return shown;
        widest->width--;
    }
}

/* One cell; `last`: nothing follows it in its line. */
static void put_cell(pb_buf *line, const struct table_column *column, pb_str cell, bool last)
{
    size_t width = text_width(cell);

    if (width > column->width) {
        cell = text_fit(cell, column->width - 1);
        width = text_width(cell) + 1;
        cell = pb_printf("%.*s…", PB_ARG(cell));
    }
    size_t pad = column->width - width;
    if (column->right)
        pb_buf_printf(line, "%*s", (int)pad, "");
    pb_buf_add(line, cell);
    if (!last)
        pb_buf_printf(line, "%*s", (int)(column->right ? GAP : pad + GAP), "");
}

pb_status table_print(struct table *table, const struct terminal *terminal)
{
    pb_buf text = {0}, head = {0};
    size_t shown = table->count;

    measure(table);
    if (terminal->live)
        shown = fit(table, terminal_width(terminal));
    for (size_t i = 0; i < shown; i++)
        put_cell(&head, &table->columns[i], table->columns[i].title, i + 1 == shown);
    pb_buf_printf(&text, "%.*s\n", PB_ARG(terminal_styled(terminal, STYLE_DIM, pb_buf_str(&head))));
    for (size_t row = 0; row < table->rows; row++) {
        for (size_t i = 0; i < shown; i++)
            put_cell(&text, &table->columns[i], table->cells[row * table->count + i],
                     i + 1 == shown);
        pb_buf_byte(&text, '\n');
    }
    if (text.failed || table->failed)
        return PB_NO_MEMORY;
    return terminal_write(terminal, pb_buf_str(&text));
}
