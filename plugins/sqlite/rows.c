/* rows.c - results: gathered where the statement runs, copied once into the memory of the task that
 * asked. */
#include "sqlite.h"

#include <stdlib.h>

void harvest_clear(struct harvest *harvest)
{
    harvest->used = harvest->size = harvest->rows = harvest->columns = 0;
    harvest->changed = 0;
    harvest->failed = 0;
}

void harvest_free(struct harvest *harvest)
{
    free(harvest->cells);
    free(harvest->bytes);
    memset(harvest, 0, sizeof *harvest);
}

static bool make_room(void **memory, size_t *room, size_t want, size_t item)
{
    size_t size = *room ? *room : 64;

    if (want <= *room)
        return true;
    while (size < want)
        size *= 2;
    void *more = realloc(*memory, size * item);
    if (!more)
        return false;
    *memory = more;
    *room = size;
    return true;
}

/* Copies bytes behind the others, with a NUL. */
static bool keep_bytes(struct harvest *harvest, pb_value *cell, const void *data, size_t size)
{
    void *bytes = harvest->bytes;

    if (!make_room(&bytes, &harvest->capacity, harvest->size + size + 1, 1))
        return false;
    harvest->bytes = bytes;
    if (size)
        memcpy(harvest->bytes + harvest->size, data, size);
    harvest->bytes[harvest->size + size] = 0;
    cell->text.data = (const char *)(uintptr_t)harvest->size;
    cell->text.size = size;
    harvest->size += size + 1;
    return true;
}

static bool keep_cell(struct harvest *harvest, pb_value *cell, sqlite3_stmt *statement, int column)
{
    const void *data;

    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        *cell = pb_value_int(sqlite3_column_int64(statement, column));
        return true;
    case SQLITE_FLOAT:
        *cell = pb_value_real(sqlite3_column_double(statement, column));
        return true;
    case SQLITE_TEXT:
        *cell = pb_value_make(PB_VALUE_TEXT);
        data = sqlite3_column_text(statement, column);
        return data &&
               keep_bytes(harvest, cell, data, (size_t)sqlite3_column_bytes(statement, column));
    case SQLITE_BLOB:
        *cell = pb_value_make(PB_VALUE_BYTES);
        data = sqlite3_column_blob(statement, column);
        return keep_bytes(harvest, cell, data, (size_t)sqlite3_column_bytes(statement, column));
    default:
        *cell = pb_value_null();
        return true;
    }
}

pb_status harvest_row(struct harvest *harvest, sqlite3_stmt *statement, struct fault *fault)
{
    harvest->rows++;
    if (!harvest->wanted)
        return PB_OK;
    harvest->columns = (size_t)sqlite3_column_count(statement);
    void *cells = harvest->cells;
    bool kept =
        make_room(&cells, &harvest->room, harvest->used + harvest->columns, sizeof(pb_value));
    harvest->cells = cells;
    for (size_t i = 0; kept && i < harvest->columns; i++)
        kept = keep_cell(harvest, &harvest->cells[harvest->used++], statement, (int)i);
    if (!kept)
        return fault_set(fault, PB_NO_MEMORY, "there is no memory for the rows");
    if (harvest->size + harvest->used * sizeof(pb_value) > RESULT_MOST)
        return fault_set(fault, PB_TOO_LARGE, "the rows are larger than %zu MB together",
                         RESULT_MOST >> 20);
    return PB_OK;
}

pb_status harvest_deliver(const struct harvest *harvest, pb_rows *out)
{
    size_t cells = harvest->used * sizeof(pb_value);

    *out = (pb_rows){.size = (uint32_t)sizeof *out,
                     .failed = harvest->failed,
                     .columns = harvest->columns,
                     .changed = harvest->changed};
    if (!harvest->used)
        return PB_OK;
    pb_value *copy = pb_alloc(cells + harvest->size);
    if (!copy)
        return PB_NO_MEMORY;
    char *bytes = (char *)(copy + harvest->used);
    memcpy(copy, harvest->cells, cells);
    if (harvest->size)
        memcpy(bytes, harvest->bytes, harvest->size);
    for (size_t i = 0; i < harvest->used; i++)
        if (copy[i].type == PB_VALUE_TEXT || copy[i].type == PB_VALUE_BYTES)
            copy[i].text.data = bytes + (uintptr_t)copy[i].text.data;
    out->cells = copy;
    out->count = harvest->rows;
    return PB_OK;
}
