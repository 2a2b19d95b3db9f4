/* table.h - rows in columns as wide as they need; in a terminal, as wide as there is room.
 *
 * In a terminal columns that have no room are left out, the last first; flexible ones are cut. Into a
 * file or pipe goes everything. Cells are plain text (text_plain). In the running scope.
 */
#ifndef HOST_APP_TABLE_H
#define HOST_APP_TABLE_H

#include "app/terminal.h"

enum { TABLE_COLUMNS = 24 };

struct table_column {
    pb_str title;
    bool right;    /* aligned: numbers */
    bool flexible; /* may be cut */
    size_t width;  /* table.c's */
};

struct table {
    struct table_column columns[TABLE_COLUMNS];
    size_t count;
    pb_str *cells; /* count of each row */
    size_t rows, room;
    bool failed; /* memory was short: rows are missing */
};

/* Adds a column; before the first row. */
void table_column(struct table *table, const char *title, bool right, bool flexible);

/* A new row; `count` cells, to be filled in. NULL without memory. */
pb_str *table_row(struct table *table);

pb_status table_print(struct table *table, const struct terminal *terminal);

#endif
