/* telegram.h - a transport that answers the chats of a Telegram bot, by long polling.
 *
 * One worker polls (.single). What it gets is written to a table, with the offset that tells Telegram so,
 * before Telegram is told: nothing is lost. Answerers, a few tasks, take messages from the table, one of a
 * chat at a time, mark them as theirs, and remove them when the reply is out: nothing is answered twice.
 * Format: https://core.telegram.org/bots/api.
 */
#ifndef CONTRIB_TELEGRAM_H
#define CONTRIB_TELEGRAM_H

#include <patchbay/cluster.h>
#include <patchbay/database.h>
#include <patchbay/http.h>
#include <patchbay/json.h>
#include <patchbay/reply.h>
#include <patchbay/transport.h>

enum {
    ANSWERERS_MOST = 64,
    LONGEST = 4096,     /* of a message, in UTF-16 units */
    BATCH = 100,        /* updates at once, as many as Telegram gives */
    SEND_ATTEMPTS = 6,  /* of a message that must arrive */
};

/* What people are told; options. */
struct texts {
    pb_str greeting, fresh, unsupported, failed, interrupted, empty;
};

/* One of the tasks that answer. */
struct answerer {
    struct telegram *own;
    pb_task *task;
    pb_signal *signal; /* waits for messages here */
    bool idle;
    int64_t chat; /* whose message it answers, or 0 */
};

/* The instance: filled from YAML; the rest by create and start. */
struct telegram {
    pb_secret token;
    pb_str base_url;
    pb_str pipeline;
    pb_instance *database;
    pb_list users, chats; /* of int64_t */
    bool everyone;
    pb_str tenant;
    bool stream;
    pb_duration edit_every;
    pb_duration poll;
    int64_t parallel;
    struct texts texts;
    pb_secret proxy;
    pb_str ca_file;

    pb_str bot;  /* its number, from the token: what rows are known by */
    pb_str name; /* of the instance */
    pb_str username; /* of the bot, once known; for commands with its name */
    char username_room[64];
    pb_task *poller;
    struct answerer answerers[ANSWERERS_MOST];
    uint64_t arrivals; /* grows with every batch that was stored */
    bool stopping;
    bool failing; /* the last poll failed */
    char problem[300];
    int64_t received, answered, refused, failed;
};

/* A message to be answered; strings in the running scope. */
struct job {
    int64_t update, chat, user, thread, message;
    pb_str type;     /* of the chat: "private", "group", … */
    pb_str name;     /* of the user */
    pb_str language; /* or absent */
    pb_str text;     /* absent: it was no text */
};

/* --- api.c: calls of the Bot API ------------------------------------------------------------------ */

/* Calls `method` with a JSON body; *result (may be NULL) is in the running scope. Parks.
 *     PB_RATE_LIMITED  with retry_after            PB_UNAVAILABLE, PB_TIMEOUT  try again later
 *     PB_UNAUTHENTICATED  the token is wrong       PB_CONFLICT  somebody else polls
 *     PB_FORBIDDEN, PB_INVALID, PB_TOO_LARGE       it will never work */
pb_status api_call(const struct telegram *own, const char *method, pb_str body,
                   const pb_json **result);
/* The same until it works, or cannot, or has failed often. */
pb_status api_insist(const struct telegram *own, const char *method, pb_str body,
                     const pb_json **result);
/* How long to wait after a failure, the `attempt`-th in a row (from 1). */
pb_duration api_pause(int attempt);
/* A message of our own words to where the job came from. */
pb_status api_say(const struct telegram *own, const struct job *job, pb_str text);
/* The body's members that say where to: chat and thread. */
void api_write_place(pb_json_writer *writer, const struct job *job);

/* --- inbox.c: the tables ------------------------------------------------------------------------- */

pb_status inbox_migrate(const struct telegram *own);
/* The offset for the next poll; 0: from the beginning. */
pb_status inbox_offset(const struct telegram *own, int64_t *out);
/* Stores the messages of `updates` and the offset behind the last one, together. */
pb_status inbox_store(struct telegram *own, const pb_json *updates, size_t *stored);
/* Takes the oldest message of a chat that nobody answers. PB_DECLINED: there is none. */
pb_status inbox_take(struct telegram *own, struct answerer *answerer, struct job *out);
/* Somebody else may take it. */
pb_status inbox_give_back(const struct telegram *own, const struct job *job);
pb_status inbox_remove(const struct telegram *own, const struct job *job);
/* The messages that a worker was answering when it died. */
pb_status inbox_interrupted(const struct telegram *own, struct job *out, size_t room, size_t *count);
/* The conversation of this user in this chat; absent: none yet. */
pb_status inbox_conversation(const struct telegram *own, const struct job *job, pb_str *out);
/* Sets it; absent: forgets it. */
pb_status inbox_set_conversation(const struct telegram *own, const struct job *job, pb_str id);

/* --- answer.c, poll.c, live.c, cut.c --------------------------------------------------------------- */

pb_status answerer_run(void *arg);
pb_status poller_run(void *arg);

/* A reply on its way into a chat. */
struct live {
    pb_sink base;
    const struct telegram *own;
    const struct job *job;
    pb_reply reply;
    size_t sent;          /* bytes of the text that stand in messages which are full */
    size_t shown;         /* bytes of the text behind those that the last message shows */
    int64_t message;      /* the last message, which may still be edited; 0: none */
    pb_duration hold;     /* no edit before this moment */
    pb_task *task;        /* sends while the turn runs */
    bool ended, sleeping;
};

pb_status live_begin(struct live *live, const struct telegram *own, const struct job *job);
/* Ends the task. */
void live_stop(struct live *live);
/* Sends what is missing. PB_DECLINED: there is no text at all. `arg` is the struct live. */
pb_status live_flush(void *arg);

/* How many bytes of `text` fit into one message, up to a good place to break. */
size_t cut_place(pb_str text);

#endif
