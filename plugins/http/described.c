/* described.c - the operations that this transport serves itself: turns, in all dialects. */
#include "anthropic/anthropic.h"
#include "native/native.h"
#include "openai/responses.h"

/* As calls in the process: the same handlers, without a connection. */
#define CALL(name, which)                                                                          \
    static pb_status name(void *self, const pb_call *call, const void *in, pb_content *out)        \
    {                                                                                              \
        (void)in;                                                                                  \
        return http_call(self, call, out, which);                                                  \
    }
CALL(call_chat, OPERATION_CHAT)
CALL(call_models, OPERATION_MODELS)
CALL(call_model, OPERATION_MODEL)
CALL(call_turn, OPERATION_TURN)
CALL(call_events, OPERATION_EVENTS)
CALL(call_messages, OPERATION_MESSAGES)
CALL(call_count, OPERATION_COUNT)
CALL(call_response, OPERATION_RESPONSE)
CALL(call_response_get, OPERATION_RESPONSE_GET)
CALL(call_response_delete, OPERATION_RESPONSE_DELETE)
CALL(call_response_items, OPERATION_RESPONSE_ITEMS)
CALL(call_embeddings, OPERATION_EMBEDDINGS)

struct id_in {
    pb_str id;
};
static const pb_field model_in[] = {
    PB_STR(struct id_in, id, .required = 1, .help = "The pipeline's name."), PB_END};

static const pb_field response_in[] = {
    PB_STR(struct id_in, id, .required = 1, .help = "The response's id."), PB_END};

struct items_in {
    pb_str id;
    int64_t limit;
    int32_t order;
    pb_str after;
};
static const pb_field items_in[] = {
    PB_STR(struct items_in, id, .required = 1, .help = "The response's id."),
    PB_INT(struct items_in, limit, .def = "20", .min = 1, .max = 100, .help = "How many at most."),
    PB_ENUM(struct items_in, order, .values = PB_VALUES("desc", "asc"), .def = "desc",
            .help = "The last ones first, or the first ones."),
    PB_STR(struct items_in, after, .max_length = 128, .help = "Only those behind this item."),
    PB_END};

struct events_in {
    pb_str id;
    int64_t after;
};
static const pb_field events_in[] = {
    PB_STR(struct events_in, id, .required = 1, .help = "The turn's id."),
    PB_INT(struct events_in, after, .max = 999999999999999,
           .help = "Only those behind the event of this id; for who cannot send Last-Event-ID."),
    PB_END};

const pb_operation http_operations[] = {
    [OPERATION_CHAT] =
        {PB_OPERATION("chat.completions", "POST", "/v1/chat/completions",
                      "Runs a turn in OpenAI's dialect of chat completions."),
         .scope = "turns.create", .flags = PB_OPERATION_STREAMS | PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT,
         .error_schema = openai_error_schema,
         .raw = call_chat,
         .description =
             "`model` names a pipeline. A conversation in `metadata` or in the header `Patchbay-Conversation` "
             "binds history; without it the messages are the history, and nothing is stored. With `stream` the "
             "answer is chat.completion.chunk objects as server-sent events, `[DONE]` at the end.",
         .input_schema = schema_chat_in, .input_example = example_chat_in,
         .output_schema = schema_chat_out, .output_example = example_chat_out,
         .output_type = "application/json, text/event-stream",
         .request_headers = turn_request_headers, .answer_headers = turn_answer_headers,
         .errors = chat_errors},
    [OPERATION_MODELS] = {PB_OPERATION("models.list", "GET", "/v1/models",
                                       "The pipelines and embedders, as OpenAI's clients list models."),
                          .scope = "pipelines.read", .flags = PB_OPERATION_NO_TOOL,
                          .output_schema = schema_models, .error_schema = openai_error_schema,
         .raw = call_models},
    [OPERATION_MODEL] = {PB_OPERATION("models.get", "GET", "/v1/models/{id}",
                                      "One pipeline or embedder, as OpenAI's clients ask for a model."),
                         .scope = "pipelines.read", .flags = PB_OPERATION_NO_TOOL,
                         .input = model_in, .input_size = sizeof(struct id_in),
                         .output_schema = schema_model, .errors = model_errors, .error_schema = openai_error_schema,
         .raw = call_model},
    [OPERATION_TURN] =
        {PB_OPERATION("turns.create", "POST", "/v1/turns", "Asks a pipeline, and answers or streams its reply."),
         .scope = "turns.create", .flags = PB_OPERATION_STREAMS | PB_OPERATION_NO_AUDIT, .raw = call_turn,
         .description =
             "Runs a turn through a pipeline. The answer is the whole turn, or with `stream` its events as "
             "they come (text/event-stream; TurnEvent). A turn with `detach` or an `Idempotency-Key` is kept: "
             "it outlives its connection, and its events can be read again at /v1/turns/{id}/events.",
         .input_schema = turn_input_schema, .input_example = turn_input_example,
         .output_schema = turn_output_schema, .output_example = turn_output_example,
         .event_schema = turn_event_schema, .request_headers = turn_request_headers,
         .answer_headers = turn_answer_headers, .answers = turn_answers, .errors = turn_errors},
    [OPERATION_EVENTS] =
        {PB_OPERATION("turns.events", "GET", "/v1/turns/{id}/events", "The events of a turn that is kept."),
         .scope = "turns.read", .flags = PB_OPERATION_STREAMS | PB_OPERATION_NO_TOOL, .raw = call_events,
         .description = "From the first, or behind the one that `Last-Event-ID` or `after` names; while the "
                        "turn runs, as they come. 204: it ended, and there are no more.",
         .input = events_in, .input_size = sizeof(struct events_in), .output_type = "text/event-stream",
         .event_schema = turn_event_schema, .request_headers = events_request_headers,
         .answer_headers = turn_answer_headers, .answers = events_answers, .errors = events_errors},
    [OPERATION_MESSAGES] = {PB_OPERATION("messages.create", "POST", "/v1/messages",
                                         "Runs a turn in Anthropic's dialect."),
                            .scope = "turns.create",
                            .flags = PB_OPERATION_STREAMS | PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT,
                            .description = anthropic_message_text,
                            .input_schema = anthropic_message_input,
                            .output_schema = anthropic_message_output,
                            .input_example = anthropic_message_asked,
                            .output_example = anthropic_message_answered,
                            .output_type = "application/json, text/event-stream",
                            .errors = anthropic_message_errors, .error_schema = anthropic_error_schema,
         .raw = call_messages},
    [OPERATION_COUNT] = {PB_OPERATION("messages.count", "POST", "/v1/messages/count_tokens",
                                      "Estimates the tokens of a request in Anthropic's dialect."),
                         .scope = "turns.create", .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT,
                         .description = anthropic_count_text,
                         .input_schema = anthropic_count_input,
                         .output_schema = anthropic_count_output,
                         .input_example = anthropic_count_asked,
                         .output_example = "{\"input_tokens\": 14}",
                         .errors = anthropic_count_errors, .error_schema = anthropic_error_schema,
         .raw = call_count},
    [OPERATION_RESPONSE] =
        {PB_OPERATION("responses.create", "POST", "/v1/responses",
                      "Runs a turn in OpenAI's dialect of responses."),
         .scope = "turns.create", .flags = PB_OPERATION_STREAMS | PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT,
         .error_schema = openai_error_schema,
         .raw = call_response,
         .description =
             "`model` names a pipeline. Where the pipeline keeps conversations the response is stored unless "
             "`store` is false, and `previous_response_id` goes on from it: in its conversation, or in a copy "
             "of it when more was said since. `instructions` and system messages are used, not stored.",
         .input_schema = schema_response_in, .input_example = example_response_in,
         .output_schema = schema_response_out, .output_example = example_response_out,
         .event_schema = schema_response_event,
         .output_type = "application/json, text/event-stream",
         .request_headers = turn_request_headers, .answer_headers = turn_answer_headers,
         .errors = chat_errors},
    [OPERATION_RESPONSE_GET] = {PB_OPERATION("responses.get", "GET", "/v1/responses/{id}",
                                             "A response that was stored."),
                                .scope = "conversations.read", .flags = PB_OPERATION_NO_TOOL,
                                .input = response_in, .input_size = sizeof(struct id_in),
                                .output_schema = schema_response_out, .errors = stored_errors,
                                .error_schema = openai_error_schema,
         .raw = call_response_get},
    [OPERATION_RESPONSE_DELETE] =
        {PB_OPERATION("responses.delete", "DELETE", "/v1/responses/{id}",
                      "Deletes a response, and what was said in its turn."),
         .scope = "conversations.write", .flags = PB_OPERATION_NO_TOOL,
         .description = "The messages are marked as deleted: models do not see them any more, and "
                        "`messages.restore` brings them back.",
         .input = response_in, .input_size = sizeof(struct id_in),
         .output_schema = schema_response_deleted, .errors = stored_errors,
         .error_schema = openai_error_schema,
         .raw = call_response_delete},
    [OPERATION_RESPONSE_ITEMS] =
        {PB_OPERATION("responses.items", "GET", "/v1/responses/{id}/input_items",
                      "What was said in the turn that a response answers."),
         .scope = "conversations.read", .flags = PB_OPERATION_NO_TOOL,
         .input = items_in, .input_size = sizeof(struct items_in),
         .output_schema = schema_response_items, .errors = stored_errors,
         .error_schema = openai_error_schema,
         .raw = call_response_items},
    [OPERATION_EMBEDDINGS] =
        {PB_OPERATION("embeddings.create", "POST", "/v1/embeddings", "Vectors of texts."),
         .scope = "embeddings.create", .flags = PB_OPERATION_NO_TOOL | PB_OPERATION_NO_AUDIT,
         .description = "`model` names one of the listener's `embedders`. Vectors have length 1.",
         .input_schema = schema_embeddings_in, .input_example = example_embeddings_in,
         .output_schema = schema_embeddings_out, .errors = embeddings_errors, .error_schema = openai_error_schema,
         .raw = call_embeddings},
    PB_OPERATION_END};
