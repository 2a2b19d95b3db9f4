/* rows.c - passages from rows of the tables; the columns are PASSAGE_COLUMNS. */
#include "embedded.h"

enum {
    ID,
    DOCUMENT,
    IDX,
    UID,
    PAGE,
    LINE,
    LINES,
    TOKENS,
    HEADING,
    TEXT,
    URL,
    NAME_ID,
    NAME,
    METADATA,
    VECTOR
};

static pb_status put_vector(pb_passage *passage, pb_str bytes)
{
    size_t count = bytes.size / sizeof(float);
    float *vector = count ? PB_NEW_ARRAY(float, count) : NULL;

    if (count && !vector)
        return PB_NO_MEMORY;
    if (count)
        memcpy(vector, bytes.data, count * sizeof(float)); /* bytes of a row lie anywhere */
    passage->vector = vector;
    passage->dimensions = (uint32_t)count;
    return PB_OK;
}

pb_status passage_of_row(const pb_rows *rows, size_t row, pb_passage **out)
{
    const pb_value *cells = pb_cell(rows, row, 0);
    pb_passage *passage = pb_passage_new(cells[TEXT].text);

    *out = passage;
    if (!passage)
        return PB_NO_MEMORY;
    passage->index = cells[IDX].integer;
    passage->id = cells[UID].text;
    passage->page = (int32_t)cells[PAGE].integer;
    passage->line = cells[LINE].integer;
    passage->lines = cells[LINES].integer;
    passage->tokens = cells[TOKENS].integer;
    passage->heading = cells[HEADING].text;
    passage->url = cells[URL].text;
    passage->document_id = cells[NAME_ID].text;
    passage->document = cells[NAME].text;
    if (cells[VECTOR].type == PB_VALUE_BYTES && put_vector(passage, cells[VECTOR].text) != PB_OK)
        return PB_NO_MEMORY;
    return cells[METADATA].type == PB_VALUE_TEXT
               ? pb_json_parse(cells[METADATA].text, &passage->metadata)
               : (pb_status)PB_OK;
}

pb_status passages_collect(pb_passages *out, pb_passage *const *all, size_t count)
{
    const pb_passage **items = PB_NEW_ARRAY(const pb_passage *, count + 1);

    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        items[i] = all[i];
    out->items = items;
    out->count = count;
    return PB_OK;
}
