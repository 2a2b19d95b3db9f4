/* events.c - documents.events: how documents change, as server-sent events. A message on the bus
 * only says that something did; what did is read from the table, so that nothing is missed and
 * nobody is told of what they may not see. */
#include "knowledge.h"

enum { PAGE = 100 };

struct watching {
    const struct knowledge *self;
    const pb_call *call;
    pb_str id, collection; /* only this document, only this collection */
    pb_time updated;       /* of the last change that was told */
    int64_t key;
    pb_subscription *bell;
};

static pb_status write_event(pb_writer *writer, const struct document *document)
{
    pb_buf buf;
    pb_json_writer json = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    pb_buf_printf(&buf, "event: document\ndata: ");
    document_write(&json, document);
    pb_buf_add(&buf, pb_lit("\n\n"));
    if (buf.failed)
        return PB_NO_MEMORY;
    return writer->write(writer, (pb_bytes){(const uint8_t *)buf.data, buf.size});
}

static pb_status tell_page(struct watching *watching, pb_writer *writer, size_t *count)
{
    pb_value values[7];
    struct asker asker;
    pb_rows rows;
    pb_status status = asker_of(watching->call->principal, &asker);

    asker_values(&asker, values);
    values[3] = pb_value_int(watching->updated);
    values[4] = pb_value_int(watching->key);
    values[5] = pb_value_int(PAGE);
    values[6] = pb_value_text(watching->id.size ? watching->id : pb_str_make(NULL, 0));
    if (status == PB_OK)
        status = pb_db_query(watching->self->database, sql_document_changed, values, 7, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        struct document document;
        status = document_read(&rows, i, &document);
        watching->updated = document.updated_at;
        watching->key = document.key;
        if (status == PB_OK &&
            (!watching->collection.size || pb_str_equal(watching->collection, document.collection)))
            status = write_event(writer, &document);
    }
    *count = rows.count;
    return status;
}

static pb_status tell(struct watching *watching, pb_writer *writer)
{
    size_t count = 0;
    pb_status status;

    do {
        pb_scope *scope = pb_scope_begin();
        status = tell_page(watching, writer, &count);
        pb_scope_end(scope);
    } while (status == PB_OK && count == PAGE);
    return status;
}

/* Ends when the client leaves, or the worker stops. */
static pb_status events_send(void *arg, pb_writer *writer)
{
    struct watching *watching = arg;
    pb_status status = pb_subscribe(documents_topic(watching->call->principal->tenant), NULL, NULL,
                                    &watching->bell);

    if (status == PB_OK)
        status = writer->write(writer, (pb_bytes){(const uint8_t *)": watching\n\n", 12});
    while (status == PB_OK) {
        const pb_bus_message *message;
        status = tell(watching, writer);
        if (status == PB_OK)
            status = pb_bus_wait(watching->bell, 30 * PB_SECOND, &message);
        if (status == PB_DECLINED) {
            pb_error_clear();
            status = PB_OK;
        }
    }
    pb_unsubscribe(watching->bell);
    return status;
}

/* From now on; of one document its present state first. */
RAW(documents_events)
{
    const struct events_in *input = in;
    struct watching *watching = PB_NEW(struct watching);
    struct document document;
    struct collection collection;
    struct asker asker;
    pb_status status = asker_of(call->principal, &asker);

    if (!watching)
        return PB_NO_MEMORY;
    if (status == PB_OK && input->id.size)
        status = document_find(self, &asker, input->id, &document);
    if (status == PB_OK && input->collection.size)
        status = collection_find(self, &asker, input->collection, &collection);
    watching->self = self;
    watching->call = call;
    watching->id = input->id;
    watching->collection = input->collection;
    watching->updated = input->id.size ? 0 : pb_now() - 1;
    watching->key = INT64_MAX;
    out->type = pb_lit("text/event-stream");
    out->send = events_send;
    out->arg = watching;
    return status;
}
