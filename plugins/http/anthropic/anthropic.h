/* anthropic.h - Anthropic's dialect: POST /v1/messages, the count of its tokens, and models in its shape.
 *
 * A request is read into what every dialect shares (pb_message, parameters by the names of llm.h) and keeps
 * what was written beside it, for a model of the same dialect.
 */
#ifndef HTTP_ANTHROPIC_H
#define HTTP_ANTHROPIC_H

#include "http.h"

handler anthropic_create;      /* create.c: POST /v1/messages */
handler anthropic_count;       /* count.c: POST /v1/messages/count_tokens */
handler anthropic_models_list; /* models.c: GET /v1/models and /v1/models/{id}, as Anthropic's clients */
handler anthropic_models_get;  /* read them */

struct ask {
    pb_str model; /* the pipeline's name, as the client asked for it */
    bool stream;
    pb_turn_spec spec;
    struct messages messages;
    struct source source;
};

/* create.c: what is common to asking and counting. `counting`: max_tokens is not needed. */
pb_status anthropic_read(struct exchange *exchange, struct ask *ask, bool counting);

/* content.c: `system` and `messages`, with one message of the role tool for each tool_result. */
void anthropic_messages_read(struct exchange *exchange, const pb_json *json, struct messages *out);

/* blocks.c: the blocks of a content, made into parts of one message. */
struct parts {
    const pb_part **list;
    size_t count;
    size_t room;
    pb_buf text;
    bool only_text;
    bool unsigned_thinking; /* its own service would not take it back */
};
/* Room for all blocks of `list`. False: memory is short. */
bool parts_begin(struct parts *parts, const pb_json *list);
/* One block other than tool_use and tool_result. */
void block_read(struct exchange *exchange, const pb_json *block, const struct place *place,
                struct parts *parts);
void parts_end(struct parts *parts, pb_message *message);

/* params.c: the parameters of the turn; NULL: memory is short. */
const pb_json *anthropic_params_read(struct exchange *exchange, const pb_json *json, bool counting);
/* tools.c: adds `tools`, `tool_choice`, and what of them has no standard name. */
void anthropic_tools_read(struct exchange *exchange, const pb_json *json, pb_json *params);
void anthropic_choice_read(struct exchange *exchange, const pb_json *json, pb_json *params);
/* Adds a parameter unless it is there. */
void param_set(pb_json *params, const char *name, pb_json *value);

/* reply.c, stream.c: run the turn and answer. */
pb_status anthropic_answer_whole(struct exchange *exchange, const struct ask *ask);
pb_status anthropic_answer_stream(struct exchange *exchange, const struct ask *ask);
/* The members of a message up to its content, and behind it. `result` NULL: it only begins. */
void anthropic_message_begin(pb_json_writer *writer, const struct exchange *exchange, pb_str model);
void anthropic_stop_write(pb_json_writer *writer, const pb_turn_result *result);
void anthropic_usage_write(pb_json_writer *writer, const pb_turn_result *result);

/* error.c: {"type": …, "message": …} */
void anthropic_error_write(pb_json_writer *writer, const struct exchange *exchange,
                           const pb_error *error, int32_t status);
void anthropic_document_write(pb_json_writer *writer, const struct exchange *exchange,
                              const pb_error *error, int32_t status);

/* The code by which a client knows that it has to send the whole conversation. */
extern const char anthropic_no_thread[];

/* schema.c */
extern const char anthropic_message_input[], anthropic_message_output[];
extern const char anthropic_count_input[], anthropic_count_output[];
extern const char anthropic_message_text[], anthropic_count_text[]; /* descriptions */
extern const char anthropic_message_asked[], anthropic_message_answered[]; /* examples */
extern const char anthropic_count_asked[];
extern const int32_t anthropic_message_errors[], anthropic_count_errors[];

#endif
