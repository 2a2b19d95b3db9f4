/* collections.c - the operations about collections. Those of the configuration belong to nobody:
 * all who may write put documents there, and only the configuration changes them. */
#include "knowledge.h"

#include <inttypes.h>

static pb_status no_collection(pb_str name)
{
    return pb_fail(PB_NOT_FOUND, "there is no collection '%.*s'", PB_ARG(name));
}

pb_status read_cursor(pb_str cursor, int64_t *key)
{
    char text[24];
    int end = 0;

    if (!cursor.size)
        return PB_OK;
    if (cursor.size < sizeof text) {
        memcpy(text, cursor.data, cursor.size);
        text[cursor.size] = 0;
        if (sscanf(text, "%" SCNd64 "%n", key, &end) == 1 && (size_t)end == cursor.size &&
            *key >= 0)
            return PB_OK;
    }
    return pb_fail_at(PB_INVALID, "/cursor", "must be `next` of an earlier page");
}

pb_status collection_find(const struct knowledge *self, const struct asker *asker, pb_str name,
                          struct collection *out)
{
    pb_value values[4];
    pb_rows rows;

    if (!name.size)
        name = pb_lit("documents");
    asker_values(asker, values);
    values[3] = pb_value_text(name);
    pb_status status = pb_db_query(self->database, sql_collection_get, values, 4, &rows);
    if (status != PB_OK)
        return status;
    return rows.count ? collection_read(&rows, 0, out) : no_collection(name);
}

pb_status collection_open(const struct collection *collection, const pb_principal *principal)
{
    if (!collection->owner.size || pb_str_equal(collection->owner, principal->id) ||
        is_admin(principal))
        return PB_OK;
    return pb_fail(PB_FORBIDDEN, "the collection '%.*s' is another's", PB_ARG(collection->name));
}

/* --- those of the configuration --------------------------------------------------------------- */

static pb_status configure(const struct knowledge *self, pb_str name,
                           const struct configured *configured)
{
    static const pb_str everybody[] = {PB_LIT("public")};
    pb_list open = {(void *)(uintptr_t)everybody, 1};
    pb_value values[] = {
        pb_value_text(self->tenant),
        pb_value_text(name),
        pb_value_text(configured->description),
        pb_value_text(words_text(configured->access.count ? &configured->access : &open)),
        pb_value_text(words_text(&configured->tags)),
        pb_value_int(pb_now())};
    pb_statement statement =
        statement_of(sql_collection_configure, values, COUNT(values), PB_ALL_TENANTS);

    return pb_db_run(self->database, &statement, NULL);
}

pb_status collections_configure(const struct knowledge *self)
{
    static const struct configured plain;
    bool has_default = false;
    pb_status status = PB_OK;

    for (size_t i = 0; i < self->collections.count && status == PB_OK; i++) {
        has_default = has_default || pb_str_is(self->collections.keys[i], "documents");
        status = configure(self, self->collections.keys[i],
                           &((const struct configured *)self->collections.items)[i]);
    }
    return status == PB_OK && !has_default ? configure(self, pb_lit("documents"), &plain) : status;
}

/* --- reading ---------------------------------------------------------------------------------- */

HANDLER(collections_list)
{
    const struct knowledge *service = self;
    const struct page_in *input = in;
    struct collections_out *output = out;
    struct asker asker;
    int64_t after = 0;
    pb_value values[5];
    pb_rows rows;
    pb_status status = asker_of(call->principal, &asker);

    if (status == PB_OK)
        status = read_cursor(input->cursor, &after);
    if (status != PB_OK)
        return status;
    asker_values(&asker, values);
    values[3] = pb_value_int(after);
    values[4] = pb_value_int(input->limit + 1);
    status = pb_db_query(service->database, sql_collection_list, values, 5, &rows);
    if (status != PB_OK)
        return status;
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct collection *items = PB_NEW_ARRAY(struct collection, count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count && status == PB_OK; i++)
        status = collection_read(&rows, i, &items[i]);
    output->collections = (pb_list){items, count};
    if (count < rows.count)
        output->next = pb_printf("%" PRId64, items[count - 1].key);
    return status;
}

static pb_status add_counts(const struct knowledge *self, struct collection *collection)
{
    pb_json *counts = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));
    pb_value values[] = {pb_value_int(collection->key)};
    pb_rows rows;
    pb_status status = pb_db_query(self->database, sql_collection_counts, values, 1, &rows);

    for (size_t i = 0; i < rows.count && status == PB_OK; i++) {
        const pb_value *cell = pb_cell(&rows, i, 0);
        if (!pb_json_add(counts, pb_str_of(state_names[cell[0].integer % 5]),
                         pb_json_number((double)cell[1].integer)))
            status = PB_NO_MEMORY;
        collection->passages += cell[2].integer;
    }
    collection->documents = counts;
    return status;
}

HANDLER(collections_get)
{
    const struct name_in *input = in;
    struct asker asker;
    pb_status status = asker_of(call->principal, &asker);

    if (status == PB_OK)
        status = collection_find(self, &asker, input->name, out);
    return status == PB_OK ? add_counts(self, out) : status;
}

/* --- changing --------------------------------------------------------------------------------- */

HANDLER(collections_create)
{
    const struct knowledge *service = self;
    const struct collection_in *input = in;
    pb_str access, tags;
    struct asker asker;
    pb_status status = access_read(input->access, call->principal->id, &access);

    if (status == PB_OK)
        status = words_read(input->tags, "/tags", &tags);
    if (status == PB_OK)
        status = asker_of(call->principal, &asker);
    if (status != PB_OK)
        return status;
    if (!access.data)
        access = access_for(pb_lit("[\"owner\"]"), call->principal->id);
    pb_value values[] = {pb_value_text(call->principal->id),
                         pb_value_text(input->name),
                         pb_value_text(input->description),
                         pb_value_text(access),
                         pb_value_text(tags.data ? tags : pb_lit("[]")),
                         pb_value_int(pb_now())};
    pb_statement statement =
        statement_of(sql_collection_create, values, COUNT(values), PB_EXPECT_ROW);
    status = pb_db_run(service->database, &statement, NULL);
    if (status == PB_CONFLICT)
        return pb_fail_at(PB_CONFLICT, "/name", "there is a collection '%.*s' already",
                          PB_ARG(input->name));
    return status == PB_OK ? collection_find(service, &asker, input->name, out) : status;
}

/* One that who asks may change. */
static pb_status find_own(const struct knowledge *self, const pb_principal *principal, pb_str name,
                          struct collection *out)
{
    struct asker asker;
    pb_status status = asker_of(principal, &asker);

    if (status == PB_OK)
        status = collection_find(self, &asker, name, out);
    if (status != PB_OK)
        return status;
    if (out->configured)
        return pb_fail(PB_FORBIDDEN, "the collection '%.*s' stands in the configuration",
                       PB_ARG(name));
    return collection_open(out, principal);
}

/* Nothing was written: it is not there, or another edit came first. */
static pb_status gone_or_changed(const struct knowledge *self, const pb_call *call, pb_str name)
{
    struct collection now;
    pb_status status = find_own(self, call->principal, name, &now);

    if (status != PB_OK)
        return status;
    return call->revision ? pb_call_changed(call) : no_collection(name);
}

HANDLER(collections_update)
{
    const struct knowledge *service = self;
    const struct collection_in *input = in;
    struct collection collection;
    struct asker asker;
    pb_str access, tags;
    pb_status status = find_own(service, call->principal, input->name, &collection);

    if (status == PB_OK)
        status = access_read(input->access, collection.owner, &access);
    if (status == PB_OK)
        status = words_read(input->tags, "/tags", &tags);
    if (status == PB_OK)
        status = asker_of(call->principal, &asker);
    if (status != PB_OK)
        return status;
    pb_value values[] = {pb_value_text(input->description), pb_value_text(access),
                         pb_value_text(tags), pb_value_int(pb_now()), pb_value_int(collection.key),
                         pb_value_int(call->revision)};
    pb_statement statement =
        statement_of(sql_collection_update, values, COUNT(values), PB_EXPECT_ROW);
    status = pb_db_run(service->database, &statement, NULL);
    if (status == PB_CONFLICT)
        return gone_or_changed(service, call, input->name);
    return status == PB_OK ? collection_find(service, &asker, input->name, out) : status;
}

/* Its documents are gone with it; a job takes away their files. */
HANDLER(collections_delete)
{
    const struct knowledge *service = self;
    const struct name_in *input = in;
    struct collection collection;
    pb_vector_selection selection = {.size = (uint32_t)sizeof selection, .all = 1, .last = -1};
    int64_t removed;
    pb_status status = find_own(service, call->principal, input->name, &collection);

    (void)out;
    if (status != PB_OK)
        return status;
    pb_value when[] = {pb_value_int(pb_now()), pb_value_int(collection.key),
                       pb_value_int(call->revision)};
    pb_value job[] = {pb_value_text(pb_uuid()), when[0], when[1]};
    pb_statement batch[] = {statement_of(sql_collection_delete, when, 3, PB_EXPECT_ROW),
                            statement_of(sql_collection_empty, when, 2, 0),
                            statement_of(sql_job_insert_clear, job, 3, PB_EXPECT_ROW)};
    status = pb_db_batch(service->database, batch, 3, NULL);
    if (status == PB_CONFLICT)
        return gone_or_changed(service, call, input->name);
    if (status != PB_OK)
        return status;
    selection.collection = collection.name;
    status = pb_vectors_remove(service->vectors, &selection, &removed);
    jobs_ring();
    documents_ring(call->principal->tenant);
    return status;
}
