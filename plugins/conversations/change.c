/* change.c - the operations that change: names, tags, marks; deleting and restoring. Only the owner
 * may. */
#include "conversations.h"

enum { TAGS_MOST = 32, TAG_SIZE = 64 };

/* Nothing was written: it is not there, or another edit came first. */
static pb_status gone_or_changed(const struct asked *asked, const pb_call *call)
{
    struct conversation conversation;
    pb_status status = asked_read(asked, true, &conversation);

    if (status != PB_OK)
        return status;
    return call->revision ? pb_call_changed(call) : no_conversation();
}

/* --- naming, tagging, marking
 * --------------------------------------------------------------------- */

static bool has_tag(const pb_list *tags, pb_str tag)
{
    for (size_t i = 0; i < tags->count; i++)
        if (pb_str_equal(PB_ITEM(*tags, pb_str, i), tag))
            return true;
    return false;
}

/* Words without the space around them, each once; and as JSON. */
pb_status tags_read(const pb_json *json, pb_list *out, pb_str *text)
{
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);

    memset(&buf, 0, sizeof buf);
    memset(out, 0, sizeof *out);
    if (!pb_json_is(json, PB_JSON_ARRAY) || json->count > TAGS_MOST)
        return pb_fail_at(PB_INVALID, "/tags", "must be a list of at most %d words", TAGS_MOST);
    if (!(out->items = PB_NEW_ARRAY(pb_str, json->count + 1)))
        return PB_NO_MEMORY;
    pb_jw_open(&writer, '[');
    for (const pb_json *at = json->child; at; at = at->next) {
        pb_str tag = pb_str_trim(pb_json_text(at));
        if (!tag.size || tag.size > TAG_SIZE)
            return pb_fail_at(PB_INVALID, "/tags", "a tag is a word of 1 to %d bytes", TAG_SIZE);
        if (has_tag(out, tag))
            continue;
        PB_ITEM(*out, pb_str, out->count++) = tag;
        pb_jw_str(&writer, tag);
    }
    pb_jw_close(&writer, ']');
    *text = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

static pb_status read_flag(const pb_json *json, const char *pointer, pb_value *out)
{
    *out = pb_value_null();
    if (!json)
        return PB_OK;
    if (!pb_json_is(json, PB_JSON_TRUE) && !pb_json_is(json, PB_JSON_FALSE))
        return pb_fail_at(PB_INVALID, pointer, "must be true or false");
    *out = pb_value_int(pb_json_is(json, PB_JSON_TRUE));
    return PB_OK;
}

static pb_status write_changes(const struct asked *asked, const pb_value *changes,
                               const pb_list *tags)
{
    pb_statement batch[TAGS_MOST + 2];
    pb_value *tagged = PB_NEW_ARRAY(pb_value, tags->count * 3 + 1);
    pb_value whose[] = {id_value(asked->uuid), pb_value_text(asked->principal->id)};
    size_t count = 0;

    if (!tagged)
        return PB_NO_MEMORY;
    batch[count++] = statement_of(sql_update, changes, 8, PB_EXPECT_ROW);
    if (changes[4].type != PB_VALUE_NULL)
        batch[count++] = statement_of(sql_untag, whose, 2, 0);
    for (size_t i = 0; i < tags->count; i++) {
        pb_value *values = &tagged[3 * i];
        values[0] = pb_value_text(PB_ITEM(*tags, pb_str, i));
        values[1] = whose[0];
        values[2] = whose[1];
        batch[count++] = statement_of(sql_tag, values, 3, 0);
    }
    return pb_db_batch(asked->database, batch, count, NULL);
}

pb_status update_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct update_in *input = in;
    struct asked asked;
    pb_value changes[8];
    pb_list tags = {0};
    pb_str tags_json = {NULL, 0}, title = pb_str_trim(input->title);
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status == PB_OK && input->title.data && !title.size)
        status = pb_fail_at(PB_INVALID, "/title", "must not be empty");
    if (status == PB_OK)
        status = read_flag(input->pinned, "/pinned", &changes[1]);
    if (status == PB_OK)
        status = read_flag(input->archived, "/archived", &changes[2]);
    if (status == PB_OK && input->tags)
        status = tags_read(input->tags, &tags, &tags_json);
    if (status != PB_OK)
        return status;
    changes[0] = pb_value_text(input->title.data ? title : input->title);
    changes[3] = pb_value_int(pb_now());
    changes[4] = pb_value_text(tags_json);
    changes[5] = id_value(asked.uuid);
    changes[6] = pb_value_text(call->principal->id);
    changes[7] = pb_value_int(call->revision);
    status = write_changes(&asked, changes, &tags);
    if (status == PB_CONFLICT)
        return gone_or_changed(&asked, call);
    return status == PB_OK ? asked_read(&asked, true, out) : status;
}

/* --- deleting and restoring
 * ------------------------------------------------------------------------ */

/* A turn that runs in it is cancelled. */
pb_status delete_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct id_in *input = in;
    struct asked asked;
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_status status = asked_for(self, call, input->id, &asked);

    (void)out;
    if (status != PB_OK)
        return status;
    pb_value values[] = {pb_value_int(pb_now()), id_value(asked.uuid),
                         pb_value_text(call->principal->id), pb_value_int(call->revision)};
    status = pb_db_query(asked.database, sql_remove, values, sizeof values / sizeof *values, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return gone_or_changed(&asked, call);
    const pb_value *running = pb_cell(&rows, 0, 0);
    if (running->type == PB_VALUE_BYTES && running->text.size == ID_SIZE &&
        pb_turn_cancel(pb_uuid_text(running->text.data), call->principal) != PB_OK)
        pb_error_clear(); /* it just ended */
    return PB_OK;
}

pb_status restore_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct id_in *input = in;
    struct asked asked;
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status != PB_OK)
        return status;
    pb_value values[] = {id_value(asked.uuid), pb_value_text(call->principal->id),
                         pb_value_int(call->revision)};
    pb_statement statement = statement_of(sql_restore, values, 3, PB_EXPECT_ROW);
    status = pb_db_run(asked.database, &statement, NULL);
    if (status == PB_CONFLICT) /* also what is deleted: whoever may not see it learns nothing */
        return call->revision ? pb_call_changed(call) : no_conversation();
    return status == PB_OK ? asked_read(&asked, true, out) : status;
}

pb_status message_delete_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct message_in *input = in;
    struct conversation conversation;
    struct message message;
    struct asked asked;
    pb_status status = asked_for(self, call, input->id, &asked);

    (void)out;
    if (status == PB_OK)
        status = asked_read(&asked, true, &conversation);
    if (status == PB_OK)
        status = asked_message(&asked, conversation.key, input->message, &message);
    if (status != PB_OK)
        return status;
    pb_value values[] = {pb_value_int(pb_now()), id_value((const uint8_t *)message.uuid.data),
                         id_value(asked.uuid), pb_value_text(call->principal->id)};
    pb_statement batch[] = {statement_of(sql_remove_message, values, 4, PB_EXPECT_ROW),
                            statement_of(sql_change, values + 2, 2, 0)};
    status = pb_db_batch(asked.database, batch, 2, NULL);
    if (status == PB_CONFLICT)
        return pb_fail(PB_CONFLICT, "the message is being written; cancel its turn first");
    return status;
}

pb_status message_restore_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct message_in *input = in;
    struct conversation conversation;
    struct message *message = out;
    struct asked asked;
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status == PB_OK)
        status = asked_read(&asked, true, &conversation);
    if (status == PB_OK)
        status = asked_message(&asked, conversation.key, input->message, message);
    if (status != PB_OK)
        return status;
    pb_value values[] = {id_value((const uint8_t *)message->uuid.data), id_value(asked.uuid),
                         pb_value_text(call->principal->id)};
    pb_statement batch[] = {statement_of(sql_restore_message, values, 3, 0),
                            statement_of(sql_change, values + 1, 2, 0)};
    status = pb_db_batch(asked.database, batch, 2, NULL);
    message->deleted = false;
    return status;
}
