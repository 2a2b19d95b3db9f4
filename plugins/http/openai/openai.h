/* openai.h - OpenAI's dialect: chat completions, responses (responses.h), embeddings and models. */
#ifndef HTTP_OPENAI_H
#define HTTP_OPENAI_H

#include "http.h"

handler chat_completions, models_list, models_get, embeddings_create;

/* schema.c: what these operations take, answer and fail with; examples. */
extern const char schema_chat_in[], schema_chat_out[], example_chat_in[], example_chat_out[],
    schema_embeddings_in[], schema_embeddings_out[], example_embeddings_in[], schema_model[],
    schema_models[];
extern const int32_t chat_errors[], model_errors[], embeddings_errors[];

/* models.c: the pipeline or embedder that a request names as `model`; *name is absent, and a fault noted,
 * when it is no text. PB_NOT_FOUND. */
pb_status openai_model(struct exchange *exchange, const pb_json *json, pb_str *name,
                       pb_pipeline **out);
pb_status openai_embedder(struct exchange *exchange, const pb_json *json, pb_str *name,
                          pb_instance **out);

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
/* The opaque text that a model wants back with its call: where Google's models behind OpenAI's API have it.
 * Absent without. */
pb_str openai_signature(const pb_json *call);

/* chat_reply.c, chat_stream.c: run the turn and answer. */
pb_status chat_answer_whole(struct exchange *exchange, const struct chat *chat);
pb_status chat_answer_stream(struct exchange *exchange, const struct chat *chat);
const char *openai_finish(int32_t finish);
void openai_usage_write(pb_json_writer *writer, const pb_usage *usage);
void openai_signature_write(pb_json_writer *writer, pb_str signature);
/* "sources" and "patchbay", beside the standard members. */
void openai_extras_write(pb_json_writer *writer, const pb_reply *reply, pb_str turn,
                         const pb_turn_result *result);

/* error.c: {"type": …, "code": …, "message": …, "param": …}; the members but for the type. */
void openai_error_members(pb_json_writer *writer, const struct exchange *exchange,
                          const pb_error *error);
void openai_error_write(pb_json_writer *writer, const struct exchange *exchange,
                        const pb_error *error);

#endif
