/* copying.c - writes a whole conversation that comes from elsewhere: a fork, an import.
 *
 * A short one is one batch. A long one comes in several; until the last of them it counts as
 * deleted, so nobody sees half of it.
 */
#include "conversations.h"

static pb_status flush(struct copying *copying)
{
    size_t count = copying->count;

    copying->count = 0;
    return pb_db_batch(copying->database, copying->pending, count, NULL);
}

static pb_status add(struct copying *copying, pb_str sql, const pb_value *from, size_t count)
{
    pb_value *values = PB_NEW_ARRAY(pb_value, count);

    if (!values)
        return PB_NO_MEMORY;
    memcpy(values, from, count * sizeof *values);
    copying->pending[copying->count++] = statement_of(sql, values, count, 0);
    return PB_OK;
}

/* A new id, as text in out and as bytes that live as long as the scope. */
static const uint8_t *new_id(void)
{
    pb_str text = pb_uuid();
    uint8_t *id = (uint8_t *)pb_alloc(ID_SIZE);

    return id && pb_uuid_bytes(text, id) ? id : NULL;
}

static pb_value id_or_null(pb_str text)
{
    uint8_t *id = text.size ? (uint8_t *)pb_alloc(ID_SIZE) : NULL;

    return id && pb_uuid_bytes(text, id) ? id_value(id) : pb_value_null();
}

static pb_time moment(pb_str text, pb_time otherwise)
{
    pb_time time;

    return time_read(text, &time) ? time : otherwise;
}

pb_status copy_begin(struct copying *copying, const struct conversation *from)
{
    const uint8_t *id = new_id();
    pb_time now = pb_now();

    if (!id)
        return PB_NO_MEMORY;
    memcpy(copying->uuid, id, ID_SIZE);
    copying->seq = 1;
    copying->count = 0;
    pb_value values[] = {id_value(copying->uuid),
                         pb_value_text(copying->owner),
                         pb_value_text(from->title),
                         pb_value_int(from->titled),
                         pb_value_text(from->pipeline),
                         pb_value_int(moment(from->created, now)),
                         pb_value_int(moment(from->updated, now)),
                         pb_value_int(from->pinned),
                         from->archived ? pb_value_int(now) : pb_value_null(),
                         pb_value_int(now),
                         pb_value_text(from->tags_json),
                         id_or_null(from->forked_from)};
    return add(copying, sql_copy, values, sizeof values / sizeof *values);
}

static pb_value count_or_null(const struct message *from, int64_t count)
{
    return from->usage ? pb_value_int(count) : pb_value_null();
}

pb_status copy_message(struct copying *copying, const struct message *from)
{
    static const uint8_t nobody[ID_SIZE];
    const uint8_t *id = new_id();
    pb_status status = PB_OK;

    if (!id)
        return PB_NO_MEMORY;
    pb_value values[] = {pb_value_int(copying->seq++),
                         id_value(id),
                         pb_value_text(copying->owner),
                         pb_value_int(from->role),
                         pb_value_text(from->text.data ? from->text : pb_lit("")),
                         pb_value_text(from->extra),
                         pb_value_int(from->status),
                         pb_value_text(from->reason),
                         id_or_null(from->turn),
                         pb_value_text(from->llm),
                         pb_value_text(from->model),
                         count_or_null(from, from->input_tokens),
                         count_or_null(from, from->output_tokens),
                         count_or_null(from, from->cached_tokens),
                         from->usage ? pb_value_real(from->cost) : pb_value_null(),
                         from->latency_ms ? pb_value_int(from->latency_ms) : pb_value_null(),
                         from->finish >= 0 ? pb_value_int(from->finish) : pb_value_null(),
                         pb_value_int(from->created_at),
                         from->superseded ? id_value(nobody) : pb_value_null(),
                         id_value(copying->uuid)};
    if (copying->count >= COPY_BATCH)
        status = flush(copying);
    return status == PB_OK ? add(copying, sql_copy_message, values, sizeof values / sizeof *values)
                           : status;
}

pb_status copy_end(struct copying *copying, const struct conversation *from)
{
    pb_value shown[] = {pb_value_int(copying->seq), id_value(copying->uuid)};
    pb_status status = PB_OK;

    for (size_t i = 0; i < from->tags.count && status == PB_OK; i++) {
        pb_value values[] = {pb_value_text(PB_ITEM(from->tags, pb_str, i)), id_value(copying->uuid),
                             pb_value_text(copying->owner)};
        status = add(copying, sql_tag, values, sizeof values / sizeof *values);
    }
    if (status == PB_OK)
        status = add(copying, sql_copied, shown, sizeof shown / sizeof *shown);
    return status == PB_OK ? flush(copying) : status;
}
