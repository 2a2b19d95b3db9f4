/* responses.h - POST /v1/responses and what was stored of it.
 *
 * A response is a turn; its id names the conversation and the reply, so that every worker finds it again, or
 * the turn alone where nothing is stored. responses_input.c and responses_params.c make our messages and
 * parameters of the request, responses_output.c makes items of the turn's events, responses_stored.c asks
 * the service `conversations`.
 */
#ifndef HTTP_OPENAI_RESPONSES_H
#define HTTP_OPENAI_RESPONSES_H

#include "openai/openai.h"

handler responses_create, responses_get, responses_delete, responses_input_items;

/* schema_responses.c */
extern const char schema_response_in[], schema_response_out[], schema_response_event[],
    schema_response_deleted[], schema_response_items[], example_response_in[],
    example_response_out[];
extern const int32_t stored_errors[];

/* --- ids: "resp_", "msg_", "rs_", "fc_", "fco_", and behind it the base ------------------------- */

enum { BASE_MOST = 64 };

struct reference {
    pb_str prefix;
    pb_str conversation; /* UUIDs; absent where nothing was stored */
    pb_str message;
    size_t number; /* of the item among those of its kind */
};

/* responses_id.c. A base is made of a conversation and a message in it, or of a turn alone. */
pb_str base_make(pb_str conversation, pb_str message);
pb_str item_id(const char *prefix, pb_str base, size_t number);
/* False: it is no id of ours. */
bool reference_read(pb_str id, struct reference *out);
/* The milliseconds that a UUIDv7 begins with. */
pb_time uuid_time(pb_str uuid);

/* --- items that a turn puts out ----------------------------------------------------------------- */

enum { ITEM_REASONING, ITEM_MESSAGE, ITEM_CALL };

struct item {
    int32_t type;
    size_t number;      /* among those of its type: a call's place in reply.calls */
    size_t from, to;    /* in reply.text or reply.thinking */
    size_t logs, logs_to; /* in reply.logprobs */
    bool ended;
    pb_reply_text sealed; /* of reasoning: what its model's service wants back */
};

struct output {
    pb_reply reply;
    struct item *items;
    size_t count;
    size_t room;
};

/* responses_output.c. Memory is malloc'd, as that of pb_reply. */
struct output output_make(size_t limit);
void output_end(struct output *output);
/* Notes an event of the reply. *item is the place of its item; *fresh: the item is new. PB_DECLINED: the
 * event belongs to none. */
pb_status output_note(struct output *output, const pb_event *event, size_t *item, bool *fresh);
pb_str item_text(const struct output *output, const struct item *item);
pb_str item_name(const struct item *item, pb_str base);
/* An item as JSON; `status`: "in_progress" (and nothing of its content), "completed" or "incomplete". */
void item_write(pb_json_writer *writer, const struct output *output, const struct item *item,
                pb_str base, const char *status);

/* --- one response ------------------------------------------------------------------------------- */

struct response {
    pb_str model;
    const pb_json *request; /* NULL of one that was stored */
    pb_str base;
    pb_time created;
    bool stream;
    bool stored;
    pb_str previous; /* previous_response_id, or absent */
    pb_str conversation; /* that the request named, or absent */
    pb_buf ignored;  /* names for the header Patchbay-Ignored */
    pb_turn_spec spec;
    struct messages messages;
    struct source source;
};

/* How it stands: for the writer of the whole document. */
struct standing {
    const char *status; /* "in_progress", "completed", "incomplete", "failed" */
    const struct output *output;  /* or NULL: nothing yet */
    const pb_turn_result *result; /* or NULL */
    const pb_error *error;        /* of "failed" */
    pb_str turn;                  /* for "patchbay", or absent */
};

/* responses_write.c: {"id": "resp_…", "object": "response", …} */
void response_write(pb_json_writer *writer, const struct response *response,
                    const struct standing *standing);
/* "completed", or "incomplete" where the model was cut short. */
const char *response_status(int32_t finish);
void response_usage_write(pb_json_writer *writer, const pb_usage *usage);

/* responses_input.c: `instructions` and `input` as messages. PB_OK also with faults. */
pb_status response_input_read(struct exchange *exchange, struct response *response);
/* responses_params.c: the other fields as parameters of a turn. NULL: no memory. */
const pb_json *response_params_read(struct exchange *exchange, struct response *response);
void response_ignore(struct response *response, pb_str name);

/* responses_answer.c, responses_stream.c: run the turn and answer. */
pb_status response_answer_whole(struct exchange *exchange, struct response *response);
pb_status response_answer_stream(struct exchange *exchange, struct response *response);

/* --- what was stored; all of it parks ------------------------------------------------------------- */

/* responses_stored.c. Calls an operation of the service `conversations`; `input` is a query of GET, else a
 * body. *out: what it answered, or NULL when nothing. */
pb_status stored_call(struct exchange *exchange, const char *method, pb_str path, pb_str input,
                      const pb_json **out);
/* The path of a conversation's messages, or of the one message. */
pb_str stored_path(const struct reference *reference, bool message);
/* The message that a reference names, as `messages.get` gives it. PB_NOT_FOUND. */
pb_status stored_message(struct exchange *exchange, const struct reference *reference,
                         const pb_json **out);
/* The conversation in which the turn goes on from previous_response_id: its own, or a copy up to there when
 * more was said since. */
pb_status stored_continue(struct exchange *exchange, struct response *response);

/* responses_get.c: the reply that the path names. */
pb_status stored_response(struct exchange *exchange, struct reference *reference,
                          const pb_json **out);

enum { SAID_MOST = 512 };
struct said {
    const pb_json *items[SAID_MOST]; /* the last one first */
    size_t count;
};
/* responses_items.c: what came into the conversation with the reply's turn, and is not the reply. */
pb_status said_read(struct exchange *exchange, const struct reference *reference,
                    const pb_json *reply, struct said *out);

#endif
