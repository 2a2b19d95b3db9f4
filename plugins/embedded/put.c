/* put.c - the passages of one document in one durable step. A short document is one batch. Of a
 * long one the passages are written before, in batches that hold nobody up, under a document that
 * nobody sees; the last batch shows it in place of the old. */
#include "embedded.h"

#include <math.h>

enum { AT_ONCE = 128, VALUES = 10 };

struct putting {
    struct store *self;
    const pb_vector_put *put;
    struct place place;
    uint32_t dimensions;
    pb_value document[11]; /* of document_add */
};

/* --- what is put
 * ----------------------------------------------------------------------------------- */

/* Of a text without a known word there is nothing to be found by its meaning. */
static bool is_zero(const pb_vector_item *item)
{
    for (uint32_t i = 0; i < item->dimensions; i++)
        if (item->vector[i] != 0)
            return false;
    return true;
}

static pb_status check_vector(const pb_vector_item *item, size_t at)
{
    double sum = 0;

    for (uint32_t i = 0; i < item->dimensions; i++)
        sum += (double)item->vector[i] * item->vector[i];
    if (sum == 0)
        return PB_OK;
    if (!isfinite(sum) || fabs(sum - 1) > 0.05)
        return pb_fail(PB_INVALID, "the vector of passage %zu has length %g and not 1", at,
                       sqrt(sum));
    return PB_OK;
}

static pb_status check_items(struct putting *putting)
{
    const pb_vector_put *put = putting->put;
    pb_status status = PB_OK;

    for (size_t i = 0; i < put->count && status == PB_OK; i++) {
        const pb_vector_item *item = put->items[i];
        if (!item->passage)
            return pb_fail(PB_INVALID, "item %zu has no passage", i);
        if (!item->vector)
            continue;
        if (!item->dimensions || item->dimensions > 65536 ||
            (putting->dimensions && item->dimensions != putting->dimensions))
            return pb_fail(PB_INVALID, "the vectors of one document have %u and %u dimensions",
                           putting->dimensions, item->dimensions);
        putting->dimensions = item->dimensions;
        status = check_vector(item, i);
        if (status == PB_OK && i % 256 == 255)
            status = pb_step();
    }
    return status;
}

static pb_status wrong_dimensions(const struct putting *putting)
{
    return pb_fail(PB_INVALID,
                   "the vectors have %u dimensions, those of collection '%.*s' have %u: documents "
                   "embedded by another model need a collection of their own, or all must be "
                   "embedded again",
                   putting->dimensions, PB_ARG(putting->place.name), putting->place.dimensions);
}

static pb_status describe(struct putting *putting)
{
    const pb_vector_put *put = putting->put;
    const pb_passage *first = put->items[0]->passage;
    struct labels labels = {.document_id = put->document_id,
                            .name = first->document,
                            .type = put->type,
                            .tags = put->tags,
                            .access = put->access,
                            .tag_count = put->tag_count,
                            .access_count = put->access_count,
                            .metadata = first->metadata};
    pb_str attributes;
    pb_buf metadata = {0};
    pb_status status = attributes_make(&labels, &attributes);

    if (status != PB_OK)
        return status;
    if (first->metadata)
        pb_json_write(&metadata, first->metadata);
    pb_value values[] = {pb_value_text(putting->place.name),
                         pb_value_text(put->document_id),
                         pb_value_int(1),
                         pb_value_int((int64_t)put->count),
                         pb_value_text(first->document),
                         pb_value_text(put->type),
                         pb_value_text(strings_text(put->tags, put->tag_count)),
                         pb_value_text(strings_text(put->access, put->access_count)),
                         pb_value_text(pb_buf_str(&metadata)),
                         pb_value_bytes(attributes.data, attributes.size),
                         pb_value_int(pb_now())};
    memcpy(putting->document, values, sizeof values);
    return pb_buf_status(&metadata);
}

/* --- statements
 * -------------------------------------------------------------------------------------- */

static pb_value number_or_null(int64_t number)
{
    return number ? pb_value_int(number) : pb_value_null();
}

static pb_str id_of(const struct putting *putting, const pb_passage *passage)
{
    if (passage->id.size)
        return passage->id;
    return pb_printf("%.*s#%lld", PB_ARG(putting->put->document_id), (long long)passage->index);
}

/* Two for each passage that has a vector. `document`: its number, or NULL for the newest. */
static pb_status add_passages(const struct putting *putting, size_t from, size_t count,
                              pb_value document, pb_statement *statements, size_t *used)
{
    pb_value *values = PB_NEW_ARRAY(pb_value, count * (VALUES + 1));

    for (size_t i = 0; i < count; i++, values += VALUES + 1) {
        const pb_vector_item *item = putting->put->items[from + i];
        const pb_passage *passage = item->passage;
        pb_str uid = id_of(putting, passage);
        if (!values || !uid.data)
            return PB_NO_MEMORY;
        const pb_value row[VALUES] = {
            document,
            pb_value_int(passage->index),
            pb_value_text(uid),
            number_or_null(passage->page),
            number_or_null(passage->line),
            number_or_null(passage->lines),
            number_or_null(passage->tokens),
            pb_value_text(passage->heading),
            pb_value_text(passage->text.data ? passage->text : pb_lit("")),
            pb_value_text(passage->url)};
        memcpy(values, row, sizeof row);
        statements[(*used)++] = about(&putting->place, sql_passage_add, values, VALUES);
        if (!item->vector || is_zero(item))
            continue;
        values[VALUES] = pb_value_bytes(item->vector, item->dimensions * sizeof(float));
        statements[(*used)++] = about(&putting->place, sql_float_add, values + VALUES, 1);
    }
    return PB_OK;
}

void sweep_statements(const struct place *place, pb_statement *statements)
{
    statements[0] = about(place, sql_sweep_floats, NULL, 0);
    statements[1] = about(place, sql_sweep_passages, NULL, 0);
    statements[2] = about(place, sql_sweep_documents, NULL, 0);
}

/* Rows of documents that are gone. What is left when this fails goes with the next. */
pb_status store_sweep(struct store *self, const struct place *place)
{
    pb_rows rows[3];
    pb_statement statements[3];
    pb_status status;

    sweep_statements(place, statements);
    do
        status = pb_db_batch(self->database, statements, 3, rows);
    while (status == PB_OK && (rows[1].changed || rows[2].changed));
    return status;
}

/* --- the last step
 * -------------------------------------------------------------------------------------- */

/* `staged`: the number of a document whose passages are there already; 0: they come with it. */
static pb_status show(struct putting *putting, int64_t staged, int64_t *replaced)
{
    const pb_vector_put *put = putting->put;
    struct place *place = &putting->place;
    size_t most = 8 + (staged ? 0 : put->count * 2), count = 0;
    pb_statement *statements = PB_NEW_ARRAY(pb_statement, most);
    pb_rows *rows = PB_NEW_ARRAY(pb_rows, most);
    pb_value collection[] = {putting->document[0], pb_value_int(putting->dimensions)};
    pb_value show[] = {putting->document[0], pb_value_int(staged)};
    pb_status status = PB_OK;

    if (!statements || !rows)
        return PB_NO_MEMORY;
    statements[count] = about(place, sql_collection_put, collection, 2);
    statements[count++].flags = PB_EXPECT_ROW;
    statements[count++] = about(place, sql_document_retire, putting->document, 2);
    if (staged) {
        statements[count] = about(place, sql_document_show, show, 2);
        statements[count++].flags = PB_EXPECT_ROW;
    } else {
        statements[count++] = about(place, sql_document_add, putting->document, 11);
        status = add_passages(putting, 0, put->count, pb_value_null(), statements, &count);
    }
    statements[count++] = about(place, sql_change_log, putting->document, 1);
    sweep_statements(place, statements + count);
    count += 3;
    if (status == PB_OK)
        status = pb_db_batch(putting->self->database, statements, count, rows);
    if (status == PB_CONFLICT && rows[0].failed)
        return place_find(putting->self, place) == PB_OK ? wrong_dimensions(putting)
                                                         : (pb_status)PB_INVALID;
    if (status == PB_OK)
        place->id = pb_cell(&rows[0], 0, 0)->integer;
    if (status == PB_OK && rows[1].count)
        *replaced = pb_cell(&rows[1], 0, 0)->integer;
    return status;
}

/* --- long documents
 * ---------------------------------------------------------------------------------------- */

static pb_status stage_document(struct putting *putting, int64_t *id)
{
    pb_rows rows[2];
    pb_value values[11];

    memcpy(values, putting->document, sizeof values);
    values[2] = pb_value_int(0);
    pb_statement statements[] = {about(&putting->place, sql_collection_make, putting->document, 1),
                                 about(&putting->place, sql_document_add, values, 11)};
    pb_status status = pb_db_batch(putting->self->database, statements, 2, rows);
    if (status == PB_OK)
        *id = pb_cell(&rows[1], 0, 0)->integer;
    return status;
}

static pb_status stage(struct putting *putting, int64_t *id)
{
    const pb_vector_put *put = putting->put;
    pb_status status = stage_document(putting, id);

    for (size_t from = 0; from < put->count && status == PB_OK; from += AT_ONCE) {
        pb_scope *scope = pb_scope_begin();
        size_t count = put->count - from < AT_ONCE ? put->count - from : AT_ONCE, used = 0;
        pb_statement *statements = PB_NEW_ARRAY(pb_statement, AT_ONCE * 2);
        status = statements
                     ? add_passages(putting, from, count, pb_value_int(*id), statements, &used)
                     : (pb_status)PB_NO_MEMORY;
        if (status == PB_OK)
            status = pb_db_batch(putting->self->database, statements, used, NULL);
        pb_scope_end(scope);
    }
    return status;
}

/* Before so much is written, what would be refused at the end is. */
static pb_status stage_all(struct putting *putting, int64_t *id)
{
    const struct place *place = &putting->place;
    pb_status status = place_find(putting->self, &putting->place);

    if (status == PB_OK && putting->dimensions && place->dimensions &&
        place->dimensions != putting->dimensions)
        return wrong_dimensions(putting);
    return status == PB_OK ? stage(putting, id) : status;
}

pb_status store_put(void *arg, const pb_vector_put *put)
{
    struct putting putting = {.self = arg, .put = put, .place = place_of(put->collection)};
    int64_t staged = 0, replaced = 0;

    if (!put->document_id.size)
        return pb_fail(PB_INVALID, "a document without an id cannot be stored");
    if (!put->count) {
        pb_vector_selection all = {.size = sizeof all,
                                   .collection = put->collection,
                                   .document_id = put->document_id,
                                   .last = -1,
                                   .all = 1};
        return store_remove(arg, &all, &replaced);
    }
    pb_status status = check_items(&putting);
    if (status == PB_OK)
        status = describe(&putting);
    if (status == PB_OK && put->count > AT_ONCE)
        status = stage_all(&putting, &staged);
    if (status == PB_OK)
        status = show(&putting, staged, &replaced);
    if (status != PB_OK)
        return status;
    putting.self->figures.puts++;
    if (replaced > 1024 && store_sweep(putting.self, &putting.place) != PB_OK)
        pb_error_clear();
    index_note(putting.self, &putting.place, (int64_t)put->count);
    return PB_OK;
}
