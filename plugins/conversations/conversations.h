/* conversations.h - what the files of this plugin share: rows, keys, the claim of a turn.
 *
 * Two components stand on the same tables: the stage `history` writes what is said in turns, the
 * service `conversations` lets people list, search, change and carry it. Where a function parks it
 * is because it asks the database.
 */
#ifndef PLUGIN_CONVERSATIONS_H
#define PLUGIN_CONVERSATIONS_H

#include <patchbay/patchbay.h>
#include <patchbay/reply.h>
#include <patchbay/secret.h>

#include "sql.h"

enum { ID_SIZE = 16, TIME_SIZE = 25, TITLE_MOST = 80 };

enum status { DONE, RUNNING, CANCELLED, INTERRUPTED, FAILED };

/* --- schema.c, encode.c ----------------------------------------------------------------------- */

/* Brings the tables up to date; for start(). Parks. */
pb_status schema_open(pb_instance *database);

/* A UUID as databases keep it. */
static inline pb_value id_value(const uint8_t id[ID_SIZE])
{
    return pb_value_bytes(id, ID_SIZE);
}

static inline pb_statement statement_of(pb_str sql, const pb_value *values, size_t count,
                                        uint32_t flags)
{
    pb_statement statement = pb_statement_make(sql, values, count);
    statement.flags = flags;
    return statement;
}

/* "2024-05-06T07:08:09.123Z" in the running scope, and back (false: it is none). */
pb_str time_text(pb_time moment);
bool time_read(pb_str text, pb_time *out);

/* The first line, at most TITLE_MOST characters, cut between words; absent when there is none. */
pb_str title_of(pb_str text);

/* What a message has beside its text, as one JSON object in the column `extra`: name, tool_call_id,
 * parts, tool_calls. Absent when it has nothing. */
pb_status extra_of(const pb_message *message, pb_str *out);
/* And back into a message, whose strings are those of `extra`. */
pb_status extra_read(const pb_json *extra, pb_message *message);
/* A JSON array of {id, name, arguments} as tool calls of a message. */
pb_status calls_read(const pb_json *calls, pb_message *message);

/* --- keeper.c: dead workers, the full-text index ------------------------------------------------
 */

/* Frees a conversation that the turn of a dead worker holds; its reply is marked. PB_OK also when
 * somebody else was first. Parks. */
struct held {
    int64_t conversation;
    pb_str turn, node; /* 16 bytes; a node's id */
    const char *reason;
};
pb_status take_over(pb_instance *database, const struct held *held);
/* All of them, page by page. Parks. */
pb_status sweep(pb_instance *database);
/* Brings the full-text index up to date, at most `slices` steps. Parks. */
pb_status search_catch_up(pb_instance *database, int slices);

/* --- claim.c, queue.c: one turn at a time -------------------------------------------------------
 */

/* One stored message, as a turn needs it. */
struct recall_row {
    int64_t seq;
    int32_t role;
    int64_t output_tokens; /* as its model counted; 0: not known */
    pb_str text, extra;
};

/* What this worker remembers of conversations (recent.c). */
struct recent {
    struct recent_entry **buckets; /* NULL: nothing is kept */
    struct recent_entry *newest, *oldest;
    int64_t limit;
    size_t bytes;
};

/* Rows of it that a turn reads. */
enum { RECENT_PINS = 16 };

struct recent_pins {
    struct recent_chunk *chunks[RECENT_PINS];
    size_t count;
};
void recent_unpin(struct recent_pins *pins);

/* A turn's hold on its conversation. */
struct claim {
    pb_instance *database;
    struct recent *recent;
    const pb_turn_info *info;
    bool queue; /* wait where another turn runs */
    int64_t queue_limit;
    const pb_message *const *fresh; /* what is said now and not stored yet */
    size_t fresh_count;
    uint8_t turn[ID_SIZE], conversation[ID_SIZE], reply[ID_SIZE], replaces[ID_SIZE];
    int64_t cut;           /* from this seq on the conversation is superseded; 0: nothing */
    bool cut_some;         /* there must be something to supersede */
    int64_t ticket;        /* in the queue, or 0 */
    pb_subscription *bell; /* while it waits */
    int64_t key;           /* out: the conversation's integer */
    int64_t first;         /* out: seq of the first new message */
    int64_t answer;        /* out: seq of the reply */
    pb_time began;         /* out: when it was taken */
    int64_t version;       /* out: of the conversation; grows when what a model would see changes */
    struct recent_pins pins; /* until the turn has ended */
};

/* Takes the conversation for the turn, with what is said now, durably. Parks,
 * also until it is its turn. PB_NOT_FOUND, PB_CONFLICT: another turn runs. */
pb_status claim_take(struct claim *claim);
/* One attempt, by one batch. PB_CONFLICT with *held: somebody has it. */
pb_status claim_try(struct claim *claim, bool *held);
/* Somebody has it: returns PB_OK when it may be tried again. Parks. */
pb_status claim_wait(struct claim *claim);
/* Leaves the queue, and tells the next one. Parks; works in a task that was cancelled. */
void claim_leave(struct claim *claim);
/* "conversation.<uuid>" */
pb_str claim_topic(const struct claim *claim);

/* --- recall.c, exchange.c: what the model gets to see -------------------------------------------
 */

struct recall {
    int64_t turns;      /* exchanges at most */
    int64_t max_tokens; /* of all messages; 0: no limit */
};

/* Sets the turn's messages: the request's system messages, what was said before, what is said now.
 * Parks. */
pb_status recall_into(const struct recall *recall, struct claim *claim, pb_turn *turn);

/* A growing list of messages, oldest first. */
struct messages {
    const pb_message **items;
    size_t count, room;
};
pb_status messages_add(struct messages *messages, const pb_message *message);
/* One stored row as the messages that it stands for: a reply with tools is several. */
pb_status exchange_expand(int32_t role, pb_str text, pb_str extra, struct messages *out);
/* Takes out calls without all of their results, and results without their call; from `fresh` on a
 * result without its call is an error. */
pb_status exchange_mend(struct messages *messages, size_t fresh);
/* Estimated tokens of a message: four bytes each, 1,000 for an image or a file, 4 for itself. */
int64_t exchange_tokens(size_t bytes, pb_str extra);

/* --- capture.c: what is said --------------------------------------------------------------------
 */

enum { CAPTURE_BRANCHES = 16 };

/* The sink that notes the reply. What it keeps is malloc'd (see reply.h). */
struct capture {
    pb_sink base;
    const struct claim *claim;
    pb_turn *turn;
    pb_reply reply;      /* of the branch that spoke first */
    pb_reply_text steps; /* JSON: rounds of tools that were run here, with commas between */
    pb_reply_text others[CAPTURE_BRANCHES]; /* what other branches said */
    int32_t branches[CAPTURE_BRANCHES];
    size_t other_count;
    int32_t branch; /* that spoke first; -1: nobody did */
    int in_step;
    struct capture *next, **at; /* among those that the saver looks at */
    uint64_t round;             /* of the saver, that it was last looked at in */
    size_t saved_size;          /* what of the reply is stored */
    bool lost;                  /* out: the end could not be stored, the conversation is still held */
};

struct history;
void capture_begin(struct capture *capture, struct history *history);
/* All that was said so far, in the running scope. */
pb_status capture_text(const struct capture *capture, pb_str *out);
/* Stores the reply, frees the conversation, durably. `status` is how the stages below ended; it is
 * returned, or what went wrong in storing it. Parks; works in a task that was cancelled. */
pb_status capture_end(struct capture *capture, pb_status status);

/* --- saver.c: replies while they come -----------------------------------------------------------
 */

void saver_add(struct history *history, struct capture *capture);
void saver_remove(struct capture *capture);
pb_status saver_start(struct history *history);
void saver_stop(struct history *history); /* parks */

/* --- rows.c: rows as they are shown -------------------------------------------------------------
 */

struct conversation {
    int64_t key, revision;
    pb_time updated_at;
    pb_str uuid; /* 16 bytes */
    pb_str id, title, pipeline, created, updated;
    bool pinned, archived, deleted, titled;
    pb_list tags; /* of pb_str */
    pb_str tags_json;
    pb_str turn; /* that runs in it now */
    pb_str forked_from, owner;
};

struct message {
    int64_t key, seq;
    pb_str uuid;
    pb_str id;
    int32_t role, status, finish;
    pb_str text, extra, reason, turn, node, llm, model, created;
    const pb_json *name, *tool_call_id, *parts, *tool_calls, *steps, *sources, *thinking, *usage;
    int64_t input_tokens, output_tokens, cached_tokens, latency_ms;
    double cost;
    pb_time created_at;
    bool superseded, deleted;
};

extern const pb_field conversation_fields[];
extern const pb_field message_fields[];
extern const char *const role_names[], *const status_names[], *const finish_names[];

pb_status conversation_read(const pb_rows *rows, size_t row, struct conversation *out);
pb_status message_read(const pb_rows *rows, size_t row, struct message *out);
/* A reply whose worker died is shown as what it is, and marked. Parks. */
pb_status message_settle(pb_instance *database, int64_t conversation, struct message *message);

/* --- the service --------------------------------------------------------------------------------
 */

struct conversations {
    pb_instance *database;
    pb_duration search_delay;
    pb_subscription *bell;
    pb_task *keeper;
};

enum { HELD_MOST = 64 };

struct history {
    pb_instance *database;
    int64_t turns, max_tokens, queue_limit, remember;
    bool queue;
    pb_duration checkpoint;
    struct recent recent;
    struct capture *captures; /* of the turns that run */
    pb_task *saver;
    struct {
        int64_t conversation;
        uint8_t turn[ID_SIZE];
    } held[HELD_MOST]; /* whose end could not be stored: freed with the next turn */
    size_t held_count;
};

/* Who asks, and for which conversation; `id` is text. */
struct asked {
    pb_instance *database;
    const pb_principal *principal;
    uint8_t uuid[ID_SIZE];
};

/* PB_NOT_FOUND where `id` cannot be one. */
pb_status asked_for(const struct conversations *service, const pb_call *call, pb_str id,
                    struct asked *out);
bool is_admin(const pb_principal *principal);
pb_status no_conversation(void);
pb_status no_message(void);
/* The conversation: the owner's, or, unless `own`, any of the tenant for an administrator. Parks.
 */
pb_status asked_read(const struct asked *asked, bool own, struct conversation *out);
/* One message of it by the text of its id. Parks. */
pb_status asked_message(const struct asked *asked, int64_t key, pb_str id, struct message *out);
/* A page of messages, ascending by seq, `limit` at most. Parks. */
struct page {
    int64_t key, after, limit;
    bool superseded, deleted;
};
pb_status messages_page(pb_instance *database, const struct page *page, pb_rows *rows);

extern const pb_operation conversations_operations[];
pb_status keeper_start(struct conversations *service);
void keeper_stop(struct conversations *service);

/* --- copying.c: writes a whole conversation, a few dozen statements at a time --------------------
 */

enum { COPY_BATCH = 64 };

struct copying {
    pb_instance *database;
    pb_str owner;
    uint8_t uuid[ID_SIZE];
    int64_t seq; /* of the next message */
    pb_statement pending[COPY_BATCH + 40];
    size_t count;
};

/* What is written is shown once copy_end returned PB_OK. All park. `from` says everything but id.
 */
pb_status copy_begin(struct copying *copying, const struct conversation *from);
pb_status copy_message(struct copying *copying, const struct message *from);
pb_status copy_end(struct copying *copying, const struct conversation *from);

/* --- operations, each in a file of its own ------------------------------------------------------
 */

pb_status tags_read(const pb_json *json, pb_list *out, pb_str *text);

pb_status list_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status get_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status messages_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status message_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status update_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status delete_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status restore_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status message_delete_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status message_restore_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status fork_handle(void *self, const pb_call *call, const void *in, void *out);
pb_status regenerate_raw(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status edit_raw(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status export_raw(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status import_raw(void *self, const pb_call *call, const void *in, pb_content *out);

struct list_in {
    int64_t limit;
    pb_str cursor, q, tag, pipeline, pinned, owner;
    bool archived, deleted;
};
struct list_out {
    pb_list conversations;
    pb_str next;
};
struct id_in {
    pb_str id;
};
struct messages_in {
    pb_str id, cursor;
    int64_t limit, after, before;
    int32_t sort;
    bool superseded, deleted;
};
struct messages_out {
    pb_list messages;
    pb_str next;
};
struct message_in {
    pb_str id, message;
};
struct update_in {
    pb_str id, title;
    const pb_json *tags, *pinned, *archived;
};
struct fork_in {
    pb_str id, message, title;
};
struct again_in {
    pb_str id, message, text;
};
struct export_in {
    pb_str id;
    int32_t format;
};

/* chatgpt.c: one conversation of ChatGPT's export as ours; `skipped` counts what is not shown there
 * either. */
struct imported {
    struct conversation conversation;
    struct message *messages;
    size_t count, skipped;
};
pb_status chatgpt_read(const pb_json *json, struct imported *out);

#endif
