/* table.c - tables: rows by newline, cells by tab.
 *
 * Old pages arrange themselves in tables. One without header cells that holds headings or other
 * tables is taken for such: what is in it is the page's.
 */
#include "html.h"

void table_dissolve(struct reader *reader)
{
    struct table *table = &reader->table;

    if (!table->data || table->headed)
        return;
    if (reader->writer->open)
        reader->writer->blocks[reader->writer->count - 1].type = PB_BLOCK_TEXT;
    pb_bw_close(reader->writer, reader->last);
    table->data = false;
}

static void begin_row(struct reader *reader)
{
    if (reader->table.row && reader->writer->open)
        pb_bw_break(reader->writer, '\n');
    reader->table.row = true;
    reader->table.cell = false;
}

static void begin_cell(struct reader *reader, bool head)
{
    if (!reader->table.row) /* a cell without its row */
        begin_row(reader);
    if (reader->table.cell)
        pb_bw_break(reader->writer, '\t');
    reader->table.cell = true;
    reader->table.headed |= head;
}

static void begin_table(struct reader *reader, const unsigned char *const *attributes)
{
    struct table *table = &reader->table;

    if (table->depth++ > 0) {
        table_dissolve(reader);
        if (table->data) {
            pb_bw_space(reader->writer);
            return;
        }
    }
    reader_boundary(reader);
    reader->item = false;
    pb_str role = tag_attribute(attributes, "role");
    *table = (struct table){.depth = table->depth,
                            .own = table->depth,
                            .data = !pb_str_same(role, pb_lit("presentation")) &&
                                    !pb_str_same(role, pb_lit("none")) && !reader->heading};
    if (table->data)
        pb_bw_open(reader->writer, PB_BLOCK_TABLE, 0, reader->line);
}

void table_begin(struct reader *reader, enum tag tag, const unsigned char *const *attributes)
{
    if (tag == TAG_TABLE) {
        begin_table(reader, attributes);
    } else if (!reader->table.data) {
        reader_boundary(reader);
    } else if (reader->table.depth > reader->table.own || !reader->writer->open) {
        pb_bw_space(reader->writer);
    } else if (tag == TAG_ROW) {
        begin_row(reader);
    } else {
        begin_cell(reader, tag == TAG_HEAD_CELL);
    }
}

void table_end(struct reader *reader)
{
    struct table *table = &reader->table;

    if (table->depth > 0)
        table->depth--;
    if (table->data && table->depth >= table->own)
        return;
    if (table->data)
        pb_bw_close(reader->writer, reader->last);
    table->data = false;
    reader_boundary(reader);
}
