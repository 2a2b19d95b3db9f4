/* collection.c - statements about one collection. Its name has the tenant in front, as the host
 * gives it; where nobody is known who asks, that is who it is for. */
#include "embedded.h"

struct place place_of(pb_str collection)
{
    const char *slash = memchr(collection.data, '/', collection.size);
    size_t size = slash ? (size_t)(slash - collection.data) : 0;
    struct place place = {.name = collection, .tenant = pb_str_slice(collection, 0, size)};

    if (!size)
        place.tenant = pb_lit("default");
    return place;
}

pb_statement about(const struct place *place, pb_str sql, const pb_value *values, size_t count)
{
    pb_statement statement = pb_statement_make(sql, values, count);

    statement.tenant = place->tenant;
    return statement;
}

pb_status place_find(struct store *self, struct place *place)
{
    pb_value values[] = {pb_value_text(place->name)};
    pb_statement statement = about(place, sql_collection_find, values, 1);
    pb_rows rows = {.size = sizeof rows};
    pb_status status = pb_db_run(self->database, &statement, &rows);

    place->id = 0;
    if (status != PB_OK || !rows.count)
        return status;
    place->id = pb_cell(&rows, 0, 0)->integer;
    place->dimensions = (uint32_t)pb_cell(&rows, 0, 1)->integer;
    place->version = pb_cell(&rows, 0, 2)->integer;
    place->stamp = pb_cell(&rows, 0, 3)->integer;
    return PB_OK;
}

pb_status ask(struct store *self, pb_str sql, const pb_value *values, size_t count, pb_rows *out)
{
    return pb_db_query(self->database, sql, values, count, out);
}

pb_str ids_text(const int64_t *ids, size_t count)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < count; i++)
        pb_jw_int(&writer, ids[i]);
    pb_jw_close(&writer, ']');
    return buf.failed ? pb_str_make(NULL, 0) : pb_buf_str(&buf);
}
