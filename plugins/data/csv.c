/* csv.c - tables in text (RFC 4180) to blocks of some rows, each with the header on top, so that a
 * part of a table can be read alone.
 */
#include "data.h"

struct csv {
    struct reading *reading;
    pb_str rest;
    char delimiter;
    int64_t line, rows, columns;
    char *cell; /* the decoded text of a quoted one */
    char *head; /* the header's cells, cleaned, with tabs */
    size_t head_size;
};

/* A quoted cell; rest is behind its opening quote. A quote that never ends, ends with the file. */
static pb_str take_quoted(struct csv *csv)
{
    size_t size = 0, i = 0;

    for (; i < csv->rest.size; i++) {
        char c = csv->rest.data[i];
        if (c == '"' && (i + 1 == csv->rest.size || csv->rest.data[i + 1] != '"'))
            break;
        i += c == '"';
        csv->line += c == '\n';
        csv->cell[size++] = c;
    }
    csv->rest = pb_str_slice(csv->rest, i + 1, csv->rest.size);
    return pb_str_make(csv->cell, size);
}

static size_t plain_size(const struct csv *csv)
{
    size_t i = 0;

    while (i < csv->rest.size && csv->rest.data[i] != csv->delimiter && csv->rest.data[i] != '\n')
        i++;
    return i;
}

/* One cell into the open block. *more: another one follows in this row. */
static void take_cell(struct csv *csv, bool *more)
{
    pb_block_writer *writer = csv->reading->writer;

    if (csv->rest.size && csv->rest.data[0] == '"') {
        csv->rest = pb_str_slice(csv->rest, 1, csv->rest.size);
        pb_bw_flow(writer, take_quoted(csv));
    }
    size_t size = plain_size(csv); /* behind a quote: what should not be there */
    pb_bw_flow(writer, pb_str_slice(csv->rest, 0, size));
    *more = size < csv->rest.size && csv->rest.data[size] == csv->delimiter;
    csv->rest = pb_str_slice(csv->rest, size + 1, csv->rest.size);
}

static int64_t take_row(struct csv *csv)
{
    int64_t columns = 1;
    bool more;

    take_cell(csv, &more);
    for (; more && csv->reading->writer->status == PB_OK; columns++) {
        pb_bw_break(csv->reading->writer, '\t');
        take_cell(csv, &more);
    }
    csv->line++;
    return columns;
}

static bool looks_like_header(pb_str row)
{
    while (row.size) {
        size_t size = pb_str_find(row, '\t');
        pb_str cell = pb_str_slice(row, 0, size);
        if (!cell.size || strchr("0123456789+-.", cell.data[0]))
            return false;
        row = pb_str_slice(row, size + 1, row.size);
    }
    return true;
}

/* The first row: kept aside when it is the header. It stays in the open block. */
static void take_first(struct csv *csv)
{
    pb_block_writer *writer = csv->reading->writer;
    int32_t wish = csv->reading->options->header;

    pb_bw_open(writer, PB_BLOCK_TABLE, 0, 1);
    csv->columns = take_row(csv);
    pb_str row = pb_bw_open_text(writer);
    if (writer->status != PB_OK || wish == HEADER_NO ||
        (wish == HEADER_AUTO && !looks_like_header(row))) {
        csv->rows++;
        return;
    }
    csv->head = malloc(row.size + 1);
    if (csv->head && row.size)
        memcpy(csv->head, row.data, row.size);
    csv->head_size = csv->head ? row.size : 0;
}

static bool is_full(const struct csv *csv, int64_t rows)
{
    return rows >= csv->reading->options->rows ||
           pb_bw_open_text(csv->reading->writer).size > BLOCK_LONG + csv->head_size;
}

static void skip_empty(struct csv *csv)
{
    while (csv->rest.size && strchr("\r\n", csv->rest.data[0]) && csv->rest.data[0]) {
        csv->line += csv->rest.data[0] == '\n';
        csv->rest = pb_str_slice(csv->rest, 1, csv->rest.size);
    }
}

static void take_rows(struct csv *csv)
{
    pb_block_writer *writer = csv->reading->writer;
    int64_t rows = csv->rows;

    for (skip_empty(csv); csv->rest.size && pb_bw_status(writer) == PB_OK; skip_empty(csv)) {
        if (rows && is_full(csv, rows)) {
            pb_bw_close(writer, csv->line - 1);
            rows = 0;
        }
        if (!writer->open) {
            pb_bw_open(writer, PB_BLOCK_TABLE, 0, csv->line);
            pb_bw_add(writer, pb_str_make(csv->head, csv->head_size));
        }
        if (pb_bw_open_text(writer).size)
            pb_bw_break(writer, '\n');
        int64_t columns = take_row(csv);
        csv->columns = columns > csv->columns ? columns : csv->columns;
        csv->rows++, rows++;
    }
    pb_bw_close(writer, csv->line - 1);
}

void csv_read(struct reading *reading, char delimiter)
{
    struct csv csv = {.reading = reading,
                      .rest = reading->text,
                      .delimiter = delimiter ? delimiter : csv_delimiter(reading->text),
                      .line = 1,
                      .cell = malloc(reading->text.size + 1)};
    char text[32];

    if (!csv.cell) {
        pb_bw_fail(reading->writer, PB_NO_MEMORY, "out of memory");
        return;
    }
    skip_empty(&csv);
    if (csv.rest.size) {
        take_first(&csv);
        take_rows(&csv);
        snprintf(text, sizeof text, "%lld", (long long)csv.rows);
        pb_bw_meta(reading->writer, pb_lit("rows"), pb_str_of(text));
        snprintf(text, sizeof text, "%lld", (long long)csv.columns);
        pb_bw_meta(reading->writer, pb_lit("columns"), pb_str_of(text));
    }
    free(csv.cell);
    free(csv.head);
}
