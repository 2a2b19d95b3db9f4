/* history.c - the stage: stores what is said in a conversation, and tells the model what was.
 *
 *     before the model   the conversation is taken, what is said now is stored, what was said
 * before is read after it           the reply is stored and the conversation is free, before the
 * host says done
 */
#include "conversations.h"

#include "parts.h"
#include "recent.h"

/* --- what is said now ---------------------------------------------------------------------------
 */

/* A client of another dialect sends the whole list again: new is what stands behind the last reply.
 * A new conversation takes all of it. */
static pb_status find_fresh(struct claim *claim, pb_turn *turn)
{
    size_t count = 0, from = 0;
    const pb_message *const *messages = pb_turn_messages(turn, &count);
    const pb_message **fresh = PB_NEW_ARRAY(const pb_message *, count + 1);

    if (!fresh)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count && !claim->info->conversation_new; i++)
        if (messages[i]->role == PB_ROLE_ASSISTANT)
            from = i + 1;
    for (size_t i = from; i < count; i++)
        if (messages[i]->role != PB_ROLE_SYSTEM)
            fresh[claim->fresh_count++] = messages[i];
    claim->fresh = fresh;
    return PB_OK;
}

/* --- conversations that this process still holds -------------------------------------------------
 */

static void remember_held(struct history *history, const struct claim *claim)
{
    if (history->held_count == HELD_MOST)
        return; /* they are freed when this process ends */
    history->held[history->held_count].conversation = claim->key;
    memcpy(history->held[history->held_count++].turn, claim->turn, ID_SIZE);
}

/* The disk was full, the database away: maybe it is not any more. */
static void free_held(struct history *history)
{
    pb_scope *scope = pb_scope_begin();
    pb_status status = PB_OK;

    while (history->held_count && status == PB_OK) {
        size_t last = --history->held_count;
        int64_t conversation = history->held[last].conversation;
        uint8_t turn[ID_SIZE];
        memcpy(turn, history->held[last].turn, ID_SIZE);
        status = take_over(history->database,
                           &(struct held){conversation, id_value(turn).text, pb_node_id(),
                                          "its end could not be stored"});
        if (status == PB_OK)
            continue;
        pb_error_clear();
        if (history->held_count < HELD_MOST) {
            history->held[history->held_count].conversation = conversation;
            memcpy(history->held[history->held_count++].turn, turn, ID_SIZE);
        }
    }
    pb_scope_end(scope);
}

/* --- the stage ----------------------------------------------------------------------------------
 */

static pb_status run_claimed(struct history *history, struct claim *claim, pb_turn *turn,
                             const pb_next *next)
{
    const struct recall recall = {.turns = history->turns, .max_tokens = history->max_tokens};
    struct capture capture = {.claim = claim, .turn = turn};

    capture_begin(&capture, history);
    pb_status status = recall_into(&recall, claim, turn);
    if (status == PB_OK)
        status = pb_run_next_with(next, turn, &capture.base);
    status = capture_end(&capture, status);
    recent_unpin(&claim->pins);
    if (capture.lost)
        remember_held(history, claim);
    return status;
}

pb_status history_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct history *history = self;
    struct claim claim = {.database = history->database,
                          .recent = &history->recent,
                          .info = pb_turn_info_of(turn),
                          .queue = history->queue,
                          .queue_limit = history->queue_limit};

    if (!claim.info->conversation.size)
        return pb_run_next(next, turn);
    if (claim.info->branch)
        return pb_fail(PB_INTERNAL,
                       "the stage 'history' stands in a branch of a parallel stage; it "
                       "belongs above it");
    if (history->held_count)
        free_held(history);
    pb_status status = find_fresh(&claim, turn);
    if (status == PB_OK)
        status = claim_take(&claim);
    return status == PB_OK ? run_claimed(history, &claim, turn, next) : status;
}

pb_status history_start(void *self)
{
    struct history *history = self;

    pb_status status = schema_open(history->database);

    if (status == PB_OK)
        status = recent_init(&history->recent, history->remember);
    if (status == PB_OK)
        status = saver_start(history);
    if (status != PB_OK)
        recent_fini(&history->recent);
    return status;
}

void history_stop(void *self)
{
    struct history *history = self;

    saver_stop(history);
    recent_fini(&history->recent);
}
