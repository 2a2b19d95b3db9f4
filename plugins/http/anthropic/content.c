/* content.c - `system` and `messages` as Anthropic writes them, made into pb_message.
 *
 * There are no messages of the roles system and tool: `system` is a member of the request and becomes the first
 * message, each tool_result of a user's message one of the role tool, before what else that message says. All
 * keep the JSON they came from, so that an llm of the same dialect sends it unchanged.
 */
#include "anthropic/anthropic.h"

static pb_message *add_message(struct messages *out, int32_t role, const pb_json *source)
{
    pb_message *message = pb_message_new(role, pb_lit(""));

    if (!message) { /* the caller sees a count without a list */
        out->list = NULL;
        out->count = 1;
        return NULL;
    }
    message->source = source;
    message->dialect = pb_lit("anthropic");
    out->list[out->count++] = message;
    return message;
}

static bool is_type(const pb_json *block, const char *type)
{
    return pb_str_is(pb_json_text(pb_json_get(block, "type")), type);
}

/* A text, or a list of text blocks. */
static void read_system(struct exchange *exchange, const pb_json *value, const struct place *place,
                        struct messages *out)
{
    struct parts parts = {0};
    size_t index = 0;

    if (value->type != PB_JSON_STRING && value->type != PB_JSON_ARRAY) {
        fault(exchange, place, "must be a text or a list of text blocks");
        return;
    }
    if (value->type == PB_JSON_STRING ? !value->text.size : !value->count)
        return;
    pb_message *message = add_message(out, PB_ROLE_SYSTEM, value);
    if (!message)
        return;
    if (value->type == PB_JSON_STRING) {
        message->text = value->text;
        return;
    }
    if (!parts_begin(&parts, value))
        return;
    for (const pb_json *at = value->child; at; at = at->next, index++)
        if (is_type(at, "text"))
            block_read(exchange, at, AT_INDEX(place, index), &parts);
        else
            fault(exchange, AT(AT_INDEX(place, index), "type"), "must be \"text\"");
    parts_end(&parts, message);
}

/* That a tool failed the other dialects have no word for. */
static pb_str as_failure(pb_str text)
{
    if (!text.size)
        return pb_lit("Error");
    return pb_str_same(pb_str_slice(text, 0, 5), pb_lit("error"))
               ? text
               : pb_printf("Error: %.*s", PB_ARG(text));
}

static void read_tool_result(struct exchange *exchange, const pb_json *block,
                             const struct place *place, struct messages *out)
{
    const pb_json *content = pb_json_get(block, "content"), *failed = pb_json_get(block, "is_error");
    const struct place *inside = AT(place, "content");
    pb_message *message = add_message(out, PB_ROLE_TOOL, block);
    struct parts parts = {0};
    size_t index = 0;

    if (!message)
        return;
    message->tool_call_id = member_needed(exchange, block, place, "tool_use_id");
    if (pb_json_is(content, PB_JSON_ARRAY)) {
        if (!parts_begin(&parts, content))
            return;
        for (const pb_json *at = content->child; at; at = at->next, index++)
            block_read(exchange, at, AT_INDEX(inside, index), &parts);
        parts_end(&parts, message);
    } else if (json_given(content) && content->type != PB_JSON_STRING) {
        fault(exchange, inside, "must be a text or a list of blocks");
    } else if (json_given(content)) {
        message->text = content->text;
    }
    if (json_given(failed) && failed->type != PB_JSON_TRUE && failed->type != PB_JSON_FALSE)
        fault(exchange, AT(place, "is_error"), "must be true or false");
    else if (pb_json_is(failed, PB_JSON_TRUE))
        message->text = as_failure(message->text);
}

static void read_tool_use(struct exchange *exchange, const pb_json *block,
                          const struct place *place, pb_tool_call *call)
{
    const pb_json *input = pb_json_get(block, "input");
    pb_buf buf = {0};

    call->id = member_needed(exchange, block, place, "id");
    call->name = member_needed(exchange, block, place, "name");
    call->signature = member_text(exchange, block, place, "signature");
    if (!pb_json_is(input, PB_JSON_OBJECT)) {
        fault(exchange, AT(place, "input"), input ? "must be an object" : "is missing");
        return;
    }
    pb_json_write(&buf, input);
    call->arguments = pb_buf_str(&buf);
}

static void read_assistant(struct exchange *exchange, const pb_json *content,
                           const struct place *place, pb_message *message)
{
    const pb_tool_call **calls = PB_NEW_ARRAY(const pb_tool_call *, content->count);
    struct parts parts = {0};
    bool foreign = false;
    size_t index = 0;

    if (!calls || !parts_begin(&parts, content))
        return;
    for (const pb_json *at = content->child; at; at = at->next, index++) {
        const struct place *inside = AT_INDEX(place, index);
        if (is_type(at, "tool_result")) {
            fault(exchange, AT(inside, "type"), "stands in messages of the user only");
        } else if (!is_type(at, "tool_use")) {
            block_read(exchange, at, inside, &parts);
        } else {
            pb_tool_call *call = PB_NEW(pb_tool_call);
            if (!call)
                return;
            call->size = (uint32_t)sizeof *call;
            call->index = (uint32_t)message->tool_call_count;
            read_tool_use(exchange, at, inside, call);
            foreign = foreign || call->signature.size;
            calls[message->tool_call_count++] = call;
        }
    }
    parts_end(&parts, message);
    if (message->tool_call_count)
        message->tool_calls = calls;
    if (foreign || parts.unsigned_thinking) /* of another service: this one would refuse it */
        message->source = NULL;
}

/* A message of what is no tool_result. */
static const pb_json *without_results(const pb_json *content)
{
    pb_json *copy = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json *rest = pb_json_new(PB_JSON_ARRAY, (pb_str){0});

    for (const pb_json *at = content->child; at; at = at->next)
        if (!is_type(at, "tool_result"))
            pb_json_add_copy(rest, (pb_str){0}, at);
    pb_json_add(copy, pb_lit("role"), pb_json_string(pb_lit("user")));
    pb_json_add(copy, pb_lit("content"), rest);
    return rest ? copy : NULL;
}

static void read_user(struct exchange *exchange, const pb_json *json, const struct place *place,
                      struct messages *out)
{
    const pb_json *content = pb_json_get(json, "content");
    struct parts parts = {0};
    size_t index = 0, results = 0;

    for (const pb_json *at = content->child; at && out->list; at = at->next, index++)
        if (is_type(at, "tool_result")) {
            read_tool_result(exchange, at, AT_INDEX(place, index), out);
            results++;
        }
    if (!out->list || (results && results == content->count) || !parts_begin(&parts, content))
        return;
    pb_message *message =
        add_message(out, PB_ROLE_USER, results ? without_results(content) : json);
    index = 0;
    for (const pb_json *at = content->child; at && message; at = at->next, index++) {
        const struct place *inside = AT_INDEX(place, index);
        if (is_type(at, "tool_use") || is_type(at, "thinking") || is_type(at, "redacted_thinking"))
            fault(exchange, AT(inside, "type"), "stands in messages of the assistant only");
        else if (!is_type(at, "tool_result"))
            block_read(exchange, at, inside, &parts);
    }
    if (message)
        parts_end(&parts, message);
}

static void read_message(struct exchange *exchange, const pb_json *json, const struct place *place,
                         struct messages *out)
{
    const pb_json *content = pb_json_get(json, "content");
    const struct place *inside = AT(place, "content");
    pb_str role = member_needed(exchange, json, place, "role");
    bool user = pb_str_is(role, "user"), list = pb_json_is(content, PB_JSON_ARRAY);

    if (role.data && !user && !pb_str_is(role, "assistant") && !pb_str_is(role, "system")) {
        fault(exchange, AT(place, "role"), "must be \"user\", \"assistant\" or \"system\"");
        return;
    }
    if (!json_given(content))
        fault(exchange, inside, "is missing");
    else if (!list && content->type != PB_JSON_STRING)
        fault(exchange, inside, "must be a text or a list of blocks");
    else if (user && (list ? !content->count : !content->text.size))
        fault(exchange, inside, "must not be empty");
    else if (pb_str_is(role, "system"))
        read_system(exchange, content, inside, out);
    else if (user && list)
        read_user(exchange, json, inside, out);
    else {
        pb_message *message = add_message(out, user ? PB_ROLE_USER : PB_ROLE_ASSISTANT, json);
        if (message && list)
            read_assistant(exchange, content, inside, message);
        else if (message)
            message->text = content->text;
    }
}

/* Messages that come of `list`, at most. */
static size_t room_for(const pb_json *list)
{
    size_t room = 1;

    for (const pb_json *at = list->child; at; at = at->next) {
        const pb_json *content = pb_json_get(at, "content");
        room += 1 + (pb_json_is(content, PB_JSON_ARRAY) ? content->count : 0);
    }
    return room;
}

void anthropic_messages_read(struct exchange *exchange, const pb_json *json, struct messages *out)
{
    const pb_json *list = pb_json_get(json, "messages"), *system = pb_json_get(json, "system");
    const struct place *place = AT(NULL, "messages");
    size_t index = 0;

    if (!pb_json_is(list, PB_JSON_ARRAY) || list->count == 0) {
        fault(exchange, place, list ? "must be a list with at least one message" : "is missing");
        return;
    }
    out->count = 0;
    out->list = PB_NEW_ARRAY(const pb_message *, room_for(list));
    if (!out->list) {
        out->count = 1;
        return;
    }
    if (json_given(system))
        read_system(exchange, system, AT(NULL, "system"), out);
    for (const pb_json *at = list->child; at && out->list; at = at->next, index++)
        if (at->type != PB_JSON_OBJECT)
            fault(exchange, AT_INDEX(place, index), "must be an object");
        else
            read_message(exchange, at, AT_INDEX(place, index), out);
}
