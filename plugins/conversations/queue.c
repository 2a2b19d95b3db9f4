/* queue.c - where another turn has the conversation: refuse, wait in line, or take over from a dead
 * worker.
 *
 * The line is a table, so that it holds across workers: whoever came first goes first. The bell of
 * the conversation only wakes; the tables decide.
 */
#include "conversations.h"

/* What stands in the way. */
struct obstacle {
    int64_t key;
    pb_str turn, node; /* that has it; absent: nobody */
    int64_t head;      /* the first in line, or 0 */
    pb_str head_node;
};

static pb_status look(const struct claim *claim, struct obstacle *out)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_value values[] = {id_value(claim->conversation), pb_value_text(claim->info->principal->id)};
    pb_status status =
        pb_db_query(claim->database, sql_blocked, values, sizeof values / sizeof *values, &rows);

    if (status != PB_OK)
        return status;
    if (!rows.count)
        return no_conversation();
    out->key = pb_cell(&rows, 0, 0)->integer;
    out->turn = pb_cell(&rows, 0, 1)->text;
    out->node = pb_cell(&rows, 0, 2)->text;
    out->head = pb_cell(&rows, 0, 3)->type == PB_VALUE_NULL ? 0 : pb_cell(&rows, 0, 3)->integer;
    out->head_node = pb_cell(&rows, 0, 4)->text;
    return PB_OK;
}

static pb_status unlist(pb_instance *database, int64_t ticket, pb_str node)
{
    pb_value values[] = {pb_value_int(ticket), pb_value_text(node)};

    return pb_db_query(database, sql_unlist, values, sizeof values / sizeof *values, NULL);
}

static pb_status enlist(struct claim *claim, int64_t key)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_value values[] = {pb_value_int(key), id_value(claim->turn), pb_value_text(pb_node_id()),
                         pb_value_int(claim->queue_limit)};
    pb_statement statement =
        statement_of(sql_enlist, values, sizeof values / sizeof *values, PB_EXPECT_ROW);
    pb_status status = PB_OK;

    if (!claim->bell)
        status = pb_subscribe(claim_topic(claim), NULL, NULL, &claim->bell);
    if (status == PB_OK)
        status = pb_db_run(claim->database, &statement, &rows);
    if (status == PB_CONFLICT)
        return pb_fail(PB_CONFLICT, "too many turns wait for this conversation already");
    if (status == PB_OK)
        claim->ticket = pb_cell(&rows, 0, 0)->integer;
    return status;
}

/* Rung by the end of a turn; looks again each second, because a bell may not be heard. */
static pb_status wait_a_little(struct claim *claim)
{
    const pb_bus_message *message;
    pb_status status = pb_bus_wait(claim->bell, PB_SECOND, &message);

    if (status != PB_DECLINED)
        return status;
    pb_error_clear();
    return PB_OK;
}

/* Once more round. `*again`: the claim may be tried now. */
static pb_status step(struct claim *claim, bool *again)
{
    struct obstacle at = {0};
    pb_status status = look(claim, &at);

    *again = false;
    if (status != PB_OK)
        return status;
    if (at.head && !pb_node_alive(at.head_node))
        return unlist(claim->database, at.head, at.head_node);
    if (at.turn.data && !pb_node_alive(at.node))
        return take_over(claim->database, &(struct held){at.key, at.turn, at.node, NULL});
    if (!at.turn.data && (!at.head || at.head == claim->ticket)) {
        *again = true;
        return PB_OK;
    }
    if (!claim->queue)
        return pb_fail(PB_CONFLICT, "another turn is running in this conversation; wait for its "
                                    "end, or cancel it");
    return claim->ticket ? wait_a_little(claim) : enlist(claim, at.key);
}

pb_status claim_wait(struct claim *claim)
{
    pb_status status = PB_OK;
    bool again = false;

    while (status == PB_OK && !again) {
        pb_scope *scope = pb_scope_begin();
        status = step(claim, &again);
        pb_scope_end(scope);
    }
    return status;
}

static pb_status leave(void *arg)
{
    const struct claim *claim = arg;

    return unlist(claim->database, claim->ticket, pb_node_id());
}

void claim_leave(struct claim *claim)
{
    pb_error error = *pb_error_last();
    pb_str sentence = pb_copy(error.sentence);

    if (pb_shield(leave, claim) !=
        PB_OK) /* it goes when this worker does, or with the next sweep */
        pb_log(PB_WARN, "a turn could not leave the queue of its conversation: %.*s",
               PB_ARG(pb_error_last()->sentence));
    claim->ticket = 0;
    pb_publish(claim_topic(claim), pb_lit("left"));
    if (error.status != PB_OK)
        (void)PB_CALL(fail)(error.status, sentence, pb_str_make(NULL, 0), error.retry_after);
}

pb_str claim_topic(const struct claim *claim)
{
    return pb_printf("conversation.%.*s", PB_ARG(claim->info->conversation));
}
