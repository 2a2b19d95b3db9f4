/* chat.c - POST /v1/chat/completions: reads the request and runs the turn that it asks for.
 *
 * `model` names a pipeline. Which fields are ours is listed here; all others are parameters and go
 * to the llm, unknown ones too when it speaks this dialect. Whether to stream says the body alone:
 * clients stream with any Accept.
 */
#include "openai/openai.h"

const char *openai_finish(int32_t finish)
{
    return finish == PB_FINISH_FILTER ? "content_filter" : pb_finish_name(finish);
}

static void read_stream(struct exchange *exchange, const pb_json *json, struct chat *chat)
{
    const pb_json *options = pb_json_get(json, "stream_options");
    const pb_json *usage = pb_json_get(options, "include_usage");

    chat->stream = read_bool(exchange, json, "stream", false);
    if (options && options->type != PB_JSON_NULL && options->type != PB_JSON_OBJECT)
        fault(exchange, AT(NULL, "stream_options"), "must be an object");
    if (usage && usage->type != PB_JSON_TRUE && usage->type != PB_JSON_FALSE)
        fault(exchange, AT(AT(NULL, "stream_options"), "include_usage"), "must be true or false");
    chat->include_usage = pb_json_is(usage, PB_JSON_TRUE);
}

/* What a reply of ours could not carry is refused, not dropped. */
static void refuse(struct exchange *exchange, const pb_json *value)
{
    const struct place *place = AT_NAME(NULL, value->key);

    if (pb_str_is(value->key, "n") && pb_json_int(value, 0) != 1)
        fault(exchange, place, "must be 1: a turn has one reply");
    else if (pb_str_is(value->key, "audio"))
        fault(exchange, place, "is not supported: replies are text");
    else if (pb_str_is(value->key, "modalities") &&
             !(value->count == 1 && pb_str_is(pb_json_text(pb_json_at(value, 0)), "text")))
        fault(exchange, place, "must be [\"text\"]: replies are text");
}

/* What only this dialect has: it goes to a model of it as it is, but not with a wrong type. */
static const struct param others[] = {
    {PB_LIT("metadata"), PARAM_OBJECT, 0, 0},
    {PB_LIT("logit_bias"), PARAM_OBJECT, 0, 0},
    {PB_LIT("store"), PARAM_BOOLEAN, 0, 0},
    {PB_LIT("service_tier"), PARAM_TEXT, 0, 0},
    {PB_LIT("verbosity"), PARAM_TEXT, 0, 0},
    {PB_LIT("prediction"), PARAM_OBJECT, 0, 0},
    {PB_LIT("prompt_cache_key"), PARAM_TEXT, 0, 0},
    {PB_LIT("prompt_cache_retention"), PARAM_TEXT, 0, 0},
    {PB_LIT("safety_identifier"), PARAM_TEXT, 0, 0},
    {PB_LIT("web_search_options"), PARAM_OBJECT, 0, 0},
    {PB_LIT("functions"), PARAM_LIST, 0, 0},
};

static bool is_ours(pb_str name)
{
    static const pb_str ours[] = {PB_LIT("model"), PB_LIT("messages"), PB_LIT("stream"),
                                  PB_LIT("stream_options"), PB_LIT("n")};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (pb_str_equal(name, ours[i]))
            return true;
    return false;
}

/* The parameters of the turn: the members that are not ours and not null. */
static const pb_json *read_params(struct exchange *exchange, const pb_json *json)
{
    pb_json *params = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    for (const pb_json *at = json->child; at && params; at = at->next) {
        if (at->type == PB_JSON_NULL)
            continue;
        refuse(exchange, at);
        if (is_ours(at->key))
            continue;
        if (!param_check(exchange, at, AT_NAME(NULL, at->key)))
            (void)param_check_in(exchange, others, sizeof others / sizeof *others, at,
                                 AT_NAME(NULL, at->key));
        pb_json *copy = PB_NEW(pb_json);
        if (!copy)
            return NULL;
        *copy = *at;
        pb_json_add(params, at->key, copy);
    }
    return params;
}

/* The conversation that the turn belongs to: the header, or the member of the metadata. Without
 * either the messages are the history, and nothing is stored. */
static void read_conversation(struct exchange *exchange, struct chat *chat)
{
    pb_str header = pb_str_trim(pb_request_header(exchange->request, "patchbay-conversation"));
    const pb_json *member = pb_json_get(chat->spec.metadata, "conversation");
    const struct place *place = AT(AT(NULL, "metadata"), "conversation");

    if (member && member->type != PB_JSON_NULL && !pb_json_text(member).size)
        fault(exchange, place, "must be the id of a conversation, or \"new\"");
    else if (header.size && pb_json_text(member).size && !pb_str_same(header, pb_json_text(member)))
        fault(exchange, place, "must be what the header Patchbay-Conversation says");
    chat->spec.conversation = header.size ? header : pb_json_text(member);
}

static pb_status read_request(struct exchange *exchange, struct chat *chat)
{
    const pb_json *json, *metadata;
    pb_status status = body_json(exchange, &json);

    if (status == PB_OK)
        status = openai_model(exchange, json, &chat->model, &chat->spec.pipeline);
    if (status != PB_OK)
        return status;
    messages_read(exchange, pb_json_get(json, "messages"), &chat->messages);
    read_stream(exchange, json, chat);
    chat->spec.params = read_params(exchange, json);
    metadata = pb_json_get(json, "metadata");
    if (pb_json_is(metadata, PB_JSON_OBJECT))
        chat->spec.metadata = metadata;
    read_conversation(exchange, chat);
    if (!chat->spec.params || (chat->messages.count && !chat->messages.list))
        return PB_NO_MEMORY;
    return faults_status(exchange);
}

pb_status chat_completions(struct exchange *exchange)
{
    struct chat chat = {.spec = pb_turn_spec_make()};
    pb_status status = read_request(exchange, &chat);

    if (status == PB_OK)
        status = kept_read_key(exchange, &chat.spec);
    if (status != PB_OK)
        return status;
    chat.spec.stream = chat.stream;
    chat.spec.principal = &exchange->principal;
    chat.spec.messages = chat.messages.list;
    chat.spec.message_count = chat.messages.count;
    chat.spec.dialect = pb_lit("openai");
    chat.spec.request_id = exchange->request->id;
    chat.spec.remote = exchange->request->remote;
    chat.spec.transport = pb_lit("http");
    status = source_begin(exchange, &chat.spec, false, &chat.source);
    if (status != PB_OK)
        return status;
    chat.created = chat.source.info.created;
    status = chat.stream ? chat_answer_stream(exchange, &chat) : chat_answer_whole(exchange, &chat);
    return source_end(exchange, status);
}
