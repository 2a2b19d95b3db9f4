/* responses_input.c - the input of a response as messages.
 *
 * Items that follow one another and are the model's (reasoning, text, function calls) are one message of the
 * assistant, as models want them: results of calls stand right behind the message that made them.
 */
#include "openai/responses.h"

struct reading {
    struct exchange *exchange;
    pb_message **list;
    size_t count;
    pb_message *open; /* the assistant's message that goes on, or NULL */
    pb_status status;
};

/* --- growing messages --------------------------------------------------------------------------- */

static pb_message *add_message(struct reading *reading, int32_t role)
{
    pb_message *message = pb_message_new(role, (pb_str){0});

    reading->open = role == PB_ROLE_ASSISTANT ? message : NULL;
    if (message)
        reading->list[reading->count++] = message;
    else
        reading->status = PB_NO_MEMORY;
    return message;
}

static pb_message *assistant(struct reading *reading)
{
    return reading->open ? reading->open : add_message(reading, PB_ROLE_ASSISTANT);
}

/* A list of pointers with one more at its end; room grows by doubling. NULL: no memory. */
static const void **grow(const void *const *list, size_t count, const void *more)
{
    bool full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8 … */
    const void **out =
        full ? PB_NEW_ARRAY(const void *, count ? count * 2 : 1) : (const void **)(uintptr_t)list;

    if (!out)
        return NULL;
    if (full && count)
        memcpy(out, list, count * sizeof *out);
    out[count] = more;
    return out;
}

static void add_call(struct reading *reading, pb_str id, pb_str name, const pb_json *item)
{
    pb_message *message = assistant(reading);
    pb_tool_call *call = PB_NEW(pb_tool_call);
    const void **list =
        message && call ? grow((const void *const *)message->tool_calls, message->tool_call_count, call)
                        : NULL;

    if (!list) {
        reading->status = PB_NO_MEMORY;
        return;
    }
    call->size = (uint32_t)sizeof *call;
    call->index = (uint32_t)message->tool_call_count++;
    call->id = id;
    call->name = name;
    call->arguments = pb_json_text(pb_json_get(item, "arguments"));
    call->signature = openai_signature(item);
    if (!call->signature.size)
        call->signature = pb_json_text(pb_json_get(item, "signature"));
    message->tool_calls = (const pb_tool_call *const *)list;
}

static void add_part(struct reading *reading, pb_message *message, int32_t type, pb_str text,
                     pb_str content)
{
    pb_part *part = PB_NEW(pb_part);
    const void **list =
        part ? grow((const void *const *)message->parts, message->part_count, part) : NULL;

    if (!list) {
        reading->status = PB_NO_MEMORY;
        return;
    }
    part->size = (uint32_t)sizeof *part;
    part->type = type;
    part->text = text;
    part->content = content;
    message->parts = (const pb_part *const *)list;
    message->part_count++;
}

/* Text of the assistant's: beside its thinking as a part, and always as the message's text. */
static void add_text(struct reading *reading, pb_str text)
{
    pb_message *message = assistant(reading);

    if (!message)
        return;
    message->text = message->text.size ? pb_printf("%.*s\n\n%.*s", PB_ARG(message->text), PB_ARG(text))
                                       : text;
    if (message->part_count)
        add_part(reading, message, PB_PART_TEXT, text, (pb_str){0});
}

static void add_thinking(struct reading *reading, pb_str text, pb_str sealed)
{
    pb_message *message = assistant(reading);

    if (!message)
        return;
    if (!message->part_count && message->text.size)
        add_part(reading, message, PB_PART_TEXT, message->text, (pb_str){0});
    add_part(reading, message, PB_PART_THINKING, text.size ? text : (pb_str){0}, sealed);
}

/* --- items -------------------------------------------------------------------------------------- */

/* A part in the words of responses. False: no such type. */
static bool read_part(struct exchange *exchange, const pb_json *json, const struct place *place,
                      pb_part *part)
{
    pb_str type = pb_json_text(pb_json_get(json, "type"));
    bool image = pb_str_is(type, "input_image"), file = pb_str_is(type, "input_file");

    part->type = image ? PB_PART_IMAGE : file ? PB_PART_FILE : PB_PART_TEXT;
    if (pb_str_is(type, "input_text") || pb_str_is(type, "output_text") || pb_str_is(type, "text")) {
        part->text = member_needed(exchange, json, place, "text");
    } else if (pb_str_is(type, "refusal")) {
        part->text = member_needed(exchange, json, place, "refusal");
    } else if (image || file) {
        const char *url = image ? "image_url" : "file_url";
        part->name = member_text(exchange, json, place, "filename");
        if (json_given(pb_json_get(json, "file_data")))
            part_read_file(part, member_text(exchange, json, place, "file_data"));
        else
            part_read_url(part, member_text(exchange, json, place, url));
        if (!part->url.size && !part->content.size)
            fault(exchange, AT_NAME(place, pb_str_of(url)),
                  "is missing: files that OpenAI stores are not to be had here");
    } else {
        return false;
    }
    return true;
}

static void read_content(struct reading *reading, const pb_json *content, const struct place *place,
                         pb_message *message)
{
    if (pb_json_is(content, PB_JSON_STRING))
        message->text = content->text;
    else if (pb_json_is(content, PB_JSON_ARRAY))
        parts_read(reading->exchange, content, place, read_part, message);
    else
        fault(reading->exchange, place,
              json_given(content) ? "must be a text or a list of parts" : "is missing");
}

static void read_message(struct reading *reading, const pb_json *item, const struct place *place)
{
    pb_str role = pb_json_text(pb_json_get(item, "role"));
    const struct place *inside = AT(place, "content");
    pb_message text = {0};

    if (pb_str_is(role, "assistant")) {
        read_content(reading, pb_json_get(item, "content"), inside, &text);
        add_text(reading, text.text.data ? text.text : pb_lit(""));
        return;
    }
    if (!pb_str_is(role, "user") && !pb_str_is(role, "system") && !pb_str_is(role, "developer")) {
        fault(reading->exchange, AT(place, "role"),
              "must be \"user\", \"assistant\", \"system\" or \"developer\"");
        return;
    }
    pb_message *message =
        add_message(reading, pb_str_is(role, "user") ? PB_ROLE_USER : PB_ROLE_SYSTEM);
    if (message)
        read_content(reading, pb_json_get(item, "content"), inside, message);
}

static void read_output(struct reading *reading, const pb_json *item, const struct place *place)
{
    pb_str id = member_needed(reading->exchange, item, place, "call_id");
    pb_message *message = add_message(reading, PB_ROLE_TOOL);

    if (!message)
        return;
    message->tool_call_id = id;
    read_content(reading, pb_json_get(item, "output"), AT(place, "output"), message);
}

static void read_thinking(struct reading *reading, const pb_json *item)
{
    const pb_json *summary = pb_json_get(item, "summary"), *content = pb_json_get(item, "content");
    const pb_json *list = pb_json_is(summary, PB_JSON_ARRAY) && summary->count ? summary : content;
    pb_buf text = {0};

    for (const pb_json *at = pb_json_is(list, PB_JSON_ARRAY) ? list->child : NULL; at; at = at->next) {
        pb_buf_add(&text, text.size ? pb_lit("\n\n") : pb_lit(""));
        pb_buf_add(&text, pb_json_text(pb_json_get(at, "text")));
    }
    pb_str sealed = pb_json_text(pb_json_get(item, "encrypted_content"));
    if (text.size || sealed.size)
        add_thinking(reading, pb_buf_str(&text), sealed);
}

/* An item that was answered before, by its id: what is stored of it. */
static void read_stored(struct reading *reading, const struct reference *reference,
                        const pb_json *stored)
{
    pb_str role = pb_json_text(pb_json_get(stored, "role"));
    pb_str text = pb_json_text(pb_json_get(stored, "text"));

    if (pb_str_is(reference->prefix, "fc_")) {
        const pb_json *call = pb_json_at(pb_json_get(stored, "tool_calls"), reference->number);
        if (call)
            add_call(reading, pb_json_text(pb_json_get(call, "id")),
                     pb_json_text(pb_json_get(call, "name")), call);
    } else if (pb_str_is(reference->prefix, "rs_")) {
        if (!reference->number && pb_json_text(pb_json_get(stored, "thinking")).size)
            add_thinking(reading, pb_json_text(pb_json_get(stored, "thinking")), (pb_str){0});
    } else if (pb_str_is(role, "assistant")) {
        if (!reference->number) /* all its text is kept as one */
            add_text(reading, text);
    } else {
        pb_message *message =
            add_message(reading, pb_str_is(role, "user")   ? PB_ROLE_USER
                                 : pb_str_is(role, "tool") ? PB_ROLE_TOOL
                                                           : PB_ROLE_SYSTEM);
        if (!message)
            return;
        message->text = text;
        message->tool_call_id = pb_json_text(pb_json_get(stored, "tool_call_id"));
    }
}

static void read_reference(struct reading *reading, const pb_json *item, const struct place *place)
{
    pb_str id = member_needed(reading->exchange, item, place, "id");
    struct reference reference;
    const pb_json *stored;

    if (!id.size || reading->exchange->fault_count)
        return;
    if (!reference_read(id, &reference) || !reference.message.size) {
        fault(reading->exchange, AT(place, "id"),
              "'%.*s' was not stored: send the item itself, as clients do with \"store\": false",
              PB_ARG(pb_str_slice(id, 0, 80)));
        return;
    }
    pb_status status = stored_message(reading->exchange, &reference, &stored);
    if (status == PB_OK)
        read_stored(reading, &reference, stored);
    else if (status == PB_NOT_FOUND)
        fault(reading->exchange, AT(place, "id"), "there is no item '%.*s'",
              PB_ARG(pb_str_slice(id, 0, 80)));
    else
        reading->status = status;
}

static void read_item(struct reading *reading, const pb_json *item, const struct place *place)
{
    const pb_json *member = pb_json_get(item, "type");
    pb_str type = pb_json_text(member);
    struct exchange *exchange = reading->exchange;

    if (item->type != PB_JSON_OBJECT)
        fault(exchange, place, "must be an object");
    else if (pb_str_is(type, "message") || (!json_given(member) && pb_json_get(item, "role")))
        read_message(reading, item, place);
    else if (pb_str_is(type, "function_call"))
        add_call(reading, member_needed(exchange, item, place, "call_id"),
                 member_needed(exchange, item, place, "name"), item);
    else if (pb_str_is(type, "function_call_output"))
        read_output(reading, item, place);
    else if (pb_str_is(type, "reasoning"))
        read_thinking(reading, item);
    else if (pb_str_is(type, "item_reference") || (!json_given(member) && pb_json_get(item, "id")))
        read_reference(reading, item, place);
    else
        fault(exchange, AT(place, "type"),
              "must be \"message\", \"function_call\", \"function_call_output\", \"reasoning\" or "
              "\"item_reference\"");
}

pb_status response_input_read(struct exchange *exchange, struct response *response)
{
    const pb_json *input = pb_json_get(response->request, "input");
    pb_str instructions = member_text(exchange, response->request, NULL, "instructions");
    struct reading reading = {.exchange = exchange};
    const struct place *place = AT(NULL, "input");
    size_t index = 0;

    reading.list = PB_NEW_ARRAY(pb_message *, (pb_json_is(input, PB_JSON_ARRAY) ? input->count : 1) + 1);
    if (!reading.list)
        return PB_NO_MEMORY;
    if (instructions.size && add_message(&reading, PB_ROLE_SYSTEM))
        reading.list[0]->text = instructions;
    if (pb_json_is(input, PB_JSON_STRING)) {
        pb_message *message = add_message(&reading, PB_ROLE_USER);
        if (message)
            message->text = input->text;
    } else if (pb_json_is(input, PB_JSON_ARRAY) && input->count) {
        for (const pb_json *at = input->child; at && reading.status == PB_OK; at = at->next)
            read_item(&reading, at, AT_INDEX(place, index++));
    } else {
        fault(exchange, place, json_given(input) ? "must be a text or a list with at least one item"
                                                 : "is missing");
    }
    response->messages.list = (const pb_message **)(void *)reading.list;
    response->messages.count = reading.count;
    return reading.status;
}
