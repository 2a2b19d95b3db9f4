/* openai.h - OpenAI's dialect: POST /v1/chat/completions and GET /v1/models. */
#ifndef HTTP_OPENAI_H
#define HTTP_OPENAI_H

#include "http.h"

handler chat_completions, models_list, models_get;

struct chat {
    pb_str model; /* the pipeline's name, as the client asked for it */
    pb_time created;
    bool stream;
    bool include_usage;
    pb_turn_spec spec;
    struct messages messages;
    struct source source;
};

/* messages.c */
void messages_read(struct exchange *exchange, const pb_json *json, struct messages *out);

/* chat_reply.c, chat_stream.c: run the turn and answer. */
pb_status chat_answer_whole(struct exchange *exchange, const struct chat *chat);
pb_status chat_answer_stream(struct exchange *exchange, const struct chat *chat);
const char *openai_finish(int32_t finish);
void openai_usage_write(pb_json_writer *writer, const pb_usage *usage);
/* "sources" and "patchbay", beside the standard members. */
void openai_extras_write(pb_json_writer *writer, const pb_reply *reply, pb_str turn,
                         const pb_turn_result *result);

/* error.c: {"message": …, "type": …, "param": …, "code": …} */
void openai_error_write(pb_json_writer *writer, const struct exchange *exchange,
                        const pb_error *error);

#endif
