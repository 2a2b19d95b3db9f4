/* claim.c - takes a conversation for a turn and stores what is said now, in one batch.
 *
 * Whoever sets `running` of the conversation's row has it. What is said gets its seq from the same
 * row in the same batch, and so does the reply that will come, so two turns at once cannot both
 * succeed. A turn that a stage above runs again finds its own rows by their ids and takes them
 * again.
 *
 * Where this worker knows how the conversation stood after its last turn, the batch says so, looks
 * nothing up and gets nothing back; if it stands otherwise, nothing is changed and the other is
 * tried.
 */
#include "recent.h"

enum { MOST_NEW = 256 };

/* A message of this turn has the turn's id but for its end, so that it is stored once. */
static void message_id(const struct claim *claim, size_t index, uint8_t out[ID_SIZE])
{
    memcpy(out, claim->turn, ID_SIZE);
    out[ID_SIZE - 2] = (uint8_t)(out[ID_SIZE - 2] ^ 0x80 ^ (index >> 8));
    out[ID_SIZE - 1] = (uint8_t)(out[ID_SIZE - 1] ^ index);
}

static pb_str first_question(const struct claim *claim)
{
    for (size_t i = 0; i < claim->fresh_count; i++)
        if (claim->fresh[i]->role == PB_ROLE_USER)
            return title_of(claim->fresh[i]->text);
    return pb_str_make(NULL, 0);
}

/* --- statements ------------------------------------------------------------------------------- */

static pb_status add(pb_statement *batch, size_t *count, pb_str sql, const pb_value *from,
                     size_t values)
{
    pb_value *copy = PB_NEW_ARRAY(pb_value, values);

    if (!copy)
        return PB_NO_MEMORY;
    memcpy(copy, from, values * sizeof *copy);
    batch[(*count)++] = statement_of(sql, copy, values, 0);
    return PB_OK;
}

static pb_status add_claim(const struct claim *claim, pb_statement *batch, size_t *count)
{
    const pb_turn_info *info = claim->info;
    int64_t rows = (int64_t)claim->fresh_count + 1;
    pb_status status;

    if (info->conversation_new) {
        pb_value values[] = {id_value(claim->conversation),
                             pb_value_text(info->principal->id),
                             pb_value_text(first_question(claim)),
                             pb_value_text(info->pipeline),
                             pb_value_int(info->created),
                             pb_value_int(rows),
                             id_value(claim->turn),
                             pb_value_text(pb_node_id()),
                             id_value(claim->reply)};
        status = add(batch, count, sql_create, values, sizeof values / sizeof *values);
    } else {
        pb_value values[] = {id_value(claim->turn),
                             pb_value_text(pb_node_id()),
                             pb_value_int(rows),
                             pb_value_text(info->principal->id),
                             id_value(claim->conversation),
                             pb_value_int(claim->ticket ? claim->ticket : INT64_MAX),
                             pb_value_text(info->pipeline),
                             id_value(claim->reply)};
        status = add(batch, count, sql_claim, values, sizeof values / sizeof *values);
    }
    batch[0].flags = PB_EXPECT_ROW;
    pb_value which[] = {id_value(claim->conversation)};
    return status == PB_OK ? add(batch, count, sql_claimed, which, 1) : status;
}

static pb_status add_cut(const struct claim *claim, pb_statement *batch, size_t *count)
{
    pb_value values[] = {id_value(claim->turn), id_value(claim->conversation),
                         pb_value_text(claim->info->principal->id), pb_value_int(claim->cut)};

    if (!claim->cut)
        return PB_OK;
    pb_status status = add(batch, count, sql_supersede, values, sizeof values / sizeof *values);
    if (claim->cut_some)
        batch[*count - 1].flags = PB_EXPECT_ROW;
    return status;
}

/* What is said now. `known`: its conversation's row is not asked for key and seq. */
static pb_status add_fresh(const struct claim *claim, bool known, pb_statement *batch,
                           size_t *count)
{
    const pb_turn_info *info = claim->info;
    pb_status status = PB_OK;

    for (size_t i = 0; i < claim->fresh_count && status == PB_OK; i++) {
        const pb_message *message = claim->fresh[i];
        uint8_t *uuid = (uint8_t *)pb_alloc(ID_SIZE);
        pb_str extra;
        if (!uuid)
            return PB_NO_MEMORY;
        message_id(claim, i, uuid);
        if ((status = extra_of(message, &extra)) != PB_OK)
            return status;
        pb_value values[] = {known ? pb_value_int(claim->first + (int64_t)i)
                                   : pb_value_int((int64_t)(claim->fresh_count + 1 - i)),
                             id_value(uuid),
                             pb_value_text(info->principal->id),
                             pb_value_int(message->role),
                             pb_value_text(message->text.data ? message->text : pb_lit("")),
                             pb_value_text(extra),
                             id_value(claim->turn),
                             pb_value_int(info->created),
                             known ? pb_value_int(claim->key) : id_value(claim->conversation)};
        status = add(batch, count, known ? sql_say_known : sql_say, values,
                     sizeof values / sizeof *values);
    }
    return status;
}

static pb_status add_leaving(const struct claim *claim, pb_statement *batch, size_t *count)
{
    pb_value values[] = {pb_value_int(claim->ticket), pb_value_text(pb_node_id())};

    return claim->ticket ? add(batch, count, sql_unlist, values, sizeof values / sizeof *values)
                         : (pb_status)PB_OK;
}

/* PB_DECLINED: it stands otherwise than it did, or nothing is known. */
static pb_status claim_known(struct claim *claim)
{
    pb_statement *batch = PB_NEW_ARRAY(pb_statement, claim->fresh_count + 1);
    pb_rows *rows = PB_NEW_ARRAY(pb_rows, claim->fresh_count + 1);
    size_t count = 0;

    if (claim->info->conversation_new || claim->cut || claim->ticket || !recent_known(claim))
        return PB_DECLINED;
    if (!batch || !rows)
        return PB_NO_MEMORY;
    claim->answer = claim->first + (int64_t)claim->fresh_count;
    pb_value values[] = {id_value(claim->turn),
                         pb_value_text(pb_node_id()),
                         id_value(claim->reply),
                         pb_value_int((int64_t)claim->fresh_count + 1),
                         pb_value_text(claim->info->pipeline),
                         pb_value_int(claim->key),
                         pb_value_text(claim->info->principal->id),
                         pb_value_int(claim->version),
                         pb_value_int(claim->first)};
    pb_status status = add(batch, &count, sql_claim_known, values, sizeof values / sizeof *values);
    batch[0].flags = PB_EXPECT_ROW;
    if (status == PB_OK)
        status = add_fresh(claim, true, batch, &count);
    for (size_t i = 0; i < count; i++)
        rows[i].size = (uint32_t)sizeof *rows;
    if (status == PB_OK)
        status = pb_db_batch(claim->database, batch, count, rows);
    if (status == PB_CONFLICT && rows[0].failed) {
        pb_error_clear();
        return PB_DECLINED;
    }
    claim->began = pb_now();
    return status;
}

pb_status claim_try(struct claim *claim, bool *held)
{
    pb_statement *batch = PB_NEW_ARRAY(pb_statement, claim->fresh_count + 5);
    pb_rows *rows = PB_NEW_ARRAY(pb_rows, claim->fresh_count + 5);
    size_t count = 0;

    *held = false;
    if (!batch || !rows)
        return PB_NO_MEMORY;
    pb_status status = claim_known(claim);
    if (status != PB_DECLINED)
        return status;
    status = add_claim(claim, batch, &count);
    if (status == PB_OK)
        status = add_cut(claim, batch, &count);
    if (status == PB_OK)
        status = add_fresh(claim, false, batch, &count);
    if (status == PB_OK)
        status = add_leaving(claim, batch, &count);
    for (size_t i = 0; i < count; i++)
        rows[i].size = (uint32_t)sizeof *rows;
    if (status == PB_OK)
        status = pb_db_batch(claim->database, batch, count, rows);
    *held = status == PB_CONFLICT && rows[0].failed;
    if (status == PB_CONFLICT && !*held && claim->cut && rows[2].failed)
        return pb_fail(PB_CONFLICT, "the message was replaced meanwhile");
    if (status != PB_OK)
        return status;
    claim->ticket = 0; /* it left the queue with the batch */
    claim->key = pb_cell(&rows[1], 0, 0)->integer;
    claim->version = pb_cell(&rows[1], 0, 2)->integer;
    claim->answer = pb_cell(&rows[1], 0, 1)->integer - 1;
    claim->first = claim->answer - (int64_t)claim->fresh_count;
    claim->began = pb_now();
    return PB_OK;
}

/* --- what a turn says, and what it replaces ----------------------------------------------------
 */

/* A reply is made again, or something of the user's is said differently: what follows is cut off.
 */
static pb_status find_cut(struct claim *claim)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_value values[] = {id_value(claim->replaces), id_value(claim->conversation),
                         pb_value_text(claim->info->principal->id)};
    pb_status status =
        pb_db_query(claim->database, sql_target, values, sizeof values / sizeof *values, &rows);

    if (status != PB_OK)
        return status;
    if (!rows.count)
        return no_message();
    int64_t seq = pb_cell(&rows, 0, 0)->integer, role = pb_cell(&rows, 0, 1)->integer;
    const pb_value *by = pb_cell(&rows, 0, 2);
    if (by->type != PB_VALUE_NULL && !pb_str_equal(by->text, id_value(claim->turn).text))
        return pb_fail(PB_CONFLICT, "the message was replaced already");
    if (role == PB_ROLE_ASSISTANT ? claim->fresh_count > 0 : role != PB_ROLE_USER)
        return pb_fail_at(PB_INVALID, "/replaces",
                          "only what the user said can be said differently, and only a reply can "
                          "be made again");
    claim->cut_some = role == PB_ROLE_ASSISTANT || claim->fresh_count > 0;
    claim->cut = claim->cut_some ? seq : seq + 1;
    return PB_OK;
}

static pb_status read_ids(struct claim *claim)
{
    const pb_turn_info *info = claim->info;

    if (!pb_uuid_bytes(info->id, claim->turn) ||
        !pb_uuid_bytes(info->conversation, claim->conversation) ||
        !pb_uuid_bytes(info->reply, claim->reply) ||
        (info->replaces.size && !pb_uuid_bytes(info->replaces, claim->replaces)))
        return pb_fail(PB_INTERNAL, "the turn has no ids");
    if (claim->fresh_count > MOST_NEW)
        return pb_fail_at(PB_TOO_LARGE, "/messages", "more than %d new messages at once", MOST_NEW);
    if (!claim->fresh_count && !info->replaces.size)
        return pb_fail_at(PB_INVALID, "/messages", "nothing new is said in this turn");
    return PB_OK;
}

pb_status claim_take(struct claim *claim)
{
    pb_status status = read_ids(claim);
    bool held = true;

    while (status == PB_OK) {
        pb_scope *scope = NULL;
        if (claim->info->replaces.size && (status = find_cut(claim)) != PB_OK)
            break;
        scope = pb_scope_begin();
        status = claim_try(claim, &held);
        pb_scope_end(scope);
        if (status == PB_OK || !held)
            break;
        pb_error_clear();
        status = claim_wait(claim);
    }
    if (claim->ticket)
        claim_leave(claim);
    pb_unsubscribe(claim->bell);
    claim->bell = NULL;
    return status;
}
