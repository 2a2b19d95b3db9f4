/* saver.c - saves replies while they come, so that a worker's death costs little of them.
 *
 * One task does it for all turns of a stage, every `checkpoint`, many in one batch: a turn that
 * goes well pays nothing for it, and a model that falls silent after a few words is saved too. A
 * reply that has ended meanwhile is not touched: the statement wants a turn that still has the
 * conversation.
 */
#include "conversations.h"

enum { AT_ONCE = 32 };

void saver_add(struct history *history, struct capture *capture)
{
    capture->next = history->captures;
    capture->at = &history->captures;
    if (capture->next)
        capture->next->at = &capture->next;
    history->captures = capture;
}

void saver_remove(struct capture *capture)
{
    if (!capture->at)
        return;
    *capture->at = capture->next;
    if (capture->next)
        capture->next->at = capture->at;
    capture->at = NULL;
}

/* What one statement needs: nothing of the capture, whose turn may end while we wait. */
struct saved {
    pb_value values[5];
    uint8_t turn[ID_SIZE];
};

static pb_status note(struct capture *capture, struct saved *saved, pb_statement *statement)
{
    const struct claim *claim = capture->claim;
    pb_str text;
    pb_status status = capture_text(capture, &text);

    memcpy(saved->turn, claim->turn, ID_SIZE);
    saved->values[0] = pb_value_text(text);
    saved->values[1] = pb_value_null();
    saved->values[2] = pb_value_int(claim->key);
    saved->values[3] = id_value(saved->turn);
    saved->values[4] = pb_value_int(claim->began);
    *statement = statement_of(sql_checkpoint, saved->values, 5, 0);
    statement->tenant = pb_copy(claim->info->principal->tenant);
    capture->saved_size = capture->reply.kept;
    return status;
}

/* The next few that have grown since they were saved; *more: there may be others. */
static pb_status save_some(struct history *history, uint64_t round, bool *more)
{
    struct saved *saved = PB_NEW_ARRAY(struct saved, AT_ONCE);
    pb_statement *batch = PB_NEW_ARRAY(pb_statement, AT_ONCE);
    pb_status status = saved && batch ? PB_OK : PB_NO_MEMORY;
    size_t count = 0;

    *more = false;
    for (struct capture *at = history->captures; at && status == PB_OK; at = at->next) {
        if (at->round == round || at->saved_size == at->reply.kept)
            continue;
        if ((*more = count == AT_ONCE))
            break;
        at->round = round;
        status = note(at, &saved[count], &batch[count]);
        count++;
    }
    return status == PB_OK && count ? pb_db_batch(history->database, batch, count, NULL) : status;
}

/* One that cannot be saved is no failure of its turn, whose end will tell. */
static pb_status save_all(struct history *history, uint64_t round)
{
    pb_status status = PB_OK;
    bool more = true;

    while (more && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        status = save_some(history, round, &more);
        pb_scope_end(scope);
    }
    if (status == PB_OK || status == PB_CANCELLED)
        return status;
    pb_log(PB_WARN, "replies could not be saved while they come (%s: %.*s)", pb_status_name(status),
           PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
    return PB_OK;
}

static pb_status save(void *arg)
{
    struct history *history = arg;
    pb_status status = PB_OK;

    for (uint64_t round = 1; status == PB_OK; round++) {
        status = pb_sleep(history->checkpoint);
        if (status == PB_OK && history->captures)
            status = save_all(history, round);
    }
    return status;
}

pb_status saver_start(struct history *history)
{
    return history->checkpoint ? pb_spawn(save, history, &history->saver) : (pb_status)PB_OK;
}

void saver_stop(struct history *history)
{
    if (!history->saver)
        return;
    pb_task_cancel(history->saver);
    if (pb_join(history->saver) != PB_OK)
        pb_error_clear();
    history->saver = NULL;
}
