/* messages.c - `system` and `messages`.
 *
 * The API knows users and assistants that take turns: all results of one round of tool calls stand in
 * one message of the user, so messages in a row on the same side become one. A message that a client
 * wrote in this dialect goes out as it came.
 */
#include "anthropic.h"

static bool is_native(const pb_message *message)
{
    return message->source && pb_str_is(message->dialect, "anthropic");
}

/* A signature that another service's model gave names it: "gemini:…". This one's has no colon. */
static bool is_foreign(pb_str signature)
{
    return pb_str_find(signature, ':') < signature.size;
}

/* Is its thinking, if any, of this service? */
static bool goes_unchanged(const pb_message *message)
{
    for (size_t i = 0; i < message->part_count; i++)
        if (message->parts[i]->type == PB_PART_THINKING && is_foreign(message->parts[i]->content))
            return false;
    return is_native(message);
}

static void write_text(pb_json_writer *writer, pb_str text)
{
    if (!text.size)
        return; /* the API refuses empty blocks */
    pb_jw_open(writer, '{');
    write_member(writer, "type", pb_lit("text"));
    write_member(writer, "text", text);
    pb_jw_close(writer, '}');
}

static void write_source(pb_json_writer *writer, const char *type, const char *data_key,
                         pb_str data)
{
    write_member(writer, "type", pb_str_of(type));
    write_member(writer, data_key, data);
}

static void write_image(pb_json_writer *writer, const pb_part *part)
{
    pb_jw_open(writer, '{');
    write_member(writer, "type", pb_lit("image"));
    pb_jw_key(writer, "source");
    pb_jw_open(writer, '{');
    if (part->url.size) {
        write_source(writer, "url", "url", part->url);
    } else {
        write_source(writer, "base64", "data", part->content);
        write_member(writer, "media_type", part->mime.size ? part->mime : pb_lit("image/png"));
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

/* Base64 as text, in the running scope; absent where it is none. */
static pb_str decode(pb_str base64)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = pb_alloc(base64.size / 4 * 3 + 4);
    uint32_t bits = 0;
    size_t size = 0, count = 0;

    while (base64.size && base64.data[base64.size - 1] == '=')
        base64.size--;
    for (size_t i = 0; out && i < base64.size; i++) {
        const char *found = base64.data[i] ? strchr(letters, base64.data[i]) : NULL;
        if (!found)
            return pb_str_make(NULL, 0);
        bits = bits << 6 | (uint32_t)(found - letters);
        if (++count % 4 == 0) {
            out[size++] = (char)(bits >> 16);
            out[size++] = (char)(bits >> 8);
            out[size++] = (char)bits;
        }
    }
    if (out && count % 4 >= 2)
        out[size++] = (char)(bits >> (count % 4 == 2 ? 4 : 10));
    if (out && count % 4 == 3)
        out[size++] = (char)(bits >> 2);
    return pb_str_make(out, out ? size : 0);
}

/* A document: a PDF as content or URL, or a text. */
static pb_status write_file(pb_json_writer *writer, const pb_part *part)
{
    bool text = pb_str_starts(part->mime, pb_lit("text/"));
    bool pdf = !part->mime.size || pb_str_same(part->mime, pb_lit("application/pdf"));
    pb_str decoded = part->content.size && text ? decode(part->content) : pb_lit("");

    if (!part->url.size && (!part->content.size || (!text && !pdf)))
        return pb_fail(PB_UNSUPPORTED,
                       "this model takes files that are PDF or text, as content, or PDF by URL");
    if (!decoded.data)
        return pb_fail(PB_INVALID, "a file's content is not base64");
    pb_jw_open(writer, '{');
    write_member(writer, "type", pb_lit("document"));
    if (part->name.size)
        write_member(writer, "title", part->name);
    pb_jw_key(writer, "source");
    pb_jw_open(writer, '{');
    if (part->url.size) {
        write_source(writer, "url", "url", part->url);
    } else if (text) {
        write_source(writer, "text", "data", decoded);
        write_member(writer, "media_type", pb_lit("text/plain"));
    } else {
        write_source(writer, "base64", "data", part->content);
        write_member(writer, "media_type", pb_lit("application/pdf"));
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    return PB_OK;
}

/* Thinking without a signature that the service knows would be refused. */
static void write_thinking(pb_json_writer *writer, const pb_part *part)
{
    if (!part->content.size || is_foreign(part->content)) {
        pb_llm_ignore(pb_lit("thinking"));
        return;
    }
    pb_jw_open(writer, '{');
    if (part->text.data) {
        write_member(writer, "type", pb_lit("thinking"));
        write_member(writer, "thinking", part->text);
        write_member(writer, "signature", part->content);
    } else {
        write_member(writer, "type", pb_lit("redacted_thinking"));
        write_member(writer, "data", part->content);
    }
    pb_jw_close(writer, '}');
}

static pb_status write_part(pb_json_writer *writer, const pb_part *part)
{
    switch (part->type) {
    case PB_PART_TEXT:
        write_text(writer, part->text);
        return PB_OK;
    case PB_PART_IMAGE:
        write_image(writer, part);
        return PB_OK;
    case PB_PART_FILE:
        return write_file(writer, part);
    case PB_PART_THINKING:
        write_thinking(writer, part);
        return PB_OK;
    default:
        return pb_fail(PB_UNSUPPORTED, "this model takes text, images and files only");
    }
}

static pb_status write_content(pb_json_writer *writer, const pb_message *message)
{
    pb_status status = PB_OK;

    if (!message->part_count)
        write_text(writer, message->text);
    for (size_t i = 0; status == PB_OK && i < message->part_count; i++) {
        const pb_part *part = message->parts[i];
        if (is_native(message) && part->source && part->type != PB_PART_THINKING)
            pb_jw_json(writer, part->source);
        else
            status = write_part(writer, part);
    }
    return status;
}

/* The API takes letters, digits, '_' and '-'. */
static void write_id(pb_json_writer *writer, const char *key, pb_str id)
{
    char *copy = pb_alloc(id.size + 1);

    for (size_t i = 0; copy && i < id.size; i++)
        copy[i] =
            pb_upstream_is_token(pb_str_slice(id, i, 1)) && id.data[i] != '.' ? id.data[i] : '_';
    write_member(writer, key, pb_str_make(copy, copy ? id.size : 0));
}

static pb_status write_result(pb_json_writer *writer, const pb_message *message)
{
    pb_status status = PB_OK;

    pb_jw_open(writer, '{');
    write_member(writer, "type", pb_lit("tool_result"));
    write_id(writer, "tool_use_id", message->tool_call_id);
    pb_jw_key(writer, "content");
    if (message->part_count) {
        pb_jw_open(writer, '[');
        status = write_content(writer, message);
        pb_jw_close(writer, ']');
    } else {
        pb_jw_str(writer, message->text);
    }
    pb_jw_close(writer, '}');
    return status;
}

/* The API wants an object; what a model wrote that is none goes in one. */
static void write_input(pb_json_writer *writer, pb_str arguments)
{
    const pb_json *json = NULL;
    pb_str text = pb_str_trim(arguments);

    pb_jw_key(writer, "input");
    if (!text.size) {
        pb_jw_raw(writer, pb_lit("{}"));
    } else if (pb_json_parse(text, &json) == PB_OK && json->type == PB_JSON_OBJECT) {
        pb_jw_json(writer, json);
    } else {
        pb_error_clear();
        pb_jw_open(writer, '{');
        write_member(writer, "arguments", arguments);
        pb_jw_close(writer, '}');
    }
}

static void write_call(pb_json_writer *writer, const pb_tool_call *call)
{
    pb_jw_open(writer, '{');
    write_member(writer, "type", pb_lit("tool_use"));
    write_id(writer, "id", call->id);
    write_member(writer, "name", call->name);
    write_input(writer, call->arguments);
    pb_jw_close(writer, '}');
}

/* The blocks of a message. */
static pb_status write_blocks(pb_json_writer *writer, const pb_message *message)
{
    const pb_json *content = pb_json_get(message->source, "content");

    if (message->role == PB_ROLE_TOOL) {
        if (!is_native(message))
            return write_result(writer, message);
        pb_jw_json(writer, message->source);
        return PB_OK;
    }
    if (goes_unchanged(message)) {
        write_text(writer, pb_json_text(content));
        for (const pb_json *at = pb_json_is(content, PB_JSON_ARRAY) ? content->child : NULL; at;
             at = at->next)
            pb_jw_json(writer, at);
        return PB_OK;
    }
    pb_status status = write_content(writer, message);
    for (size_t i = 0; status == PB_OK && i < message->tool_call_count; i++)
        write_call(writer, message->tool_calls[i]);
    return status;
}

/* Messages [first, end) are on one side, or of the system. */
static pb_status write_run(pb_json_writer *writer, const pb_message *const *first,
                           const pb_message *const *end)
{
    bool assistant = (*first)->role == PB_ROLE_ASSISTANT, comma = writer->comma;
    size_t begin = writer->buf->size, empty;
    pb_status status = PB_OK;

    if (end - first == 1 && (*first)->role != PB_ROLE_TOOL && goes_unchanged(*first)) {
        pb_jw_json(writer, (*first)->source);
        return PB_OK;
    }
    pb_jw_open(writer, '{');
    write_member(writer, "role", assistant ? pb_lit("assistant") : pb_lit("user"));
    pb_jw_key(writer, "content");
    pb_jw_open(writer, '[');
    empty = writer->buf->size;
    for (; status == PB_OK && first < end; first++)
        if ((*first)->role != PB_ROLE_SYSTEM)
            status = write_blocks(writer, *first);
    if (writer->buf->size == empty) { /* a message without content would be refused */
        writer->buf->size = begin;
        writer->comma = comma;
        return status;
    }
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
    return status;
}

/* All of them stand in front, wherever they were: the API has one place for them. */
static void write_system(struct body *body)
{
    const pb_llm_request *request = body->request;
    pb_json_writer *writer = &body->writer;
    size_t count = 0;

    for (size_t i = 0; i < request->message_count; i++) {
        const pb_message *message = request->messages[i];
        const pb_json *source = is_native(message) ? message->source : NULL;
        if (message->role != PB_ROLE_SYSTEM || (!message->text.size && !source))
            continue;
        if (count++ == 0) {
            pb_jw_key(writer, "system");
            pb_jw_open(writer, '[');
        }
        if (pb_json_is(source, PB_JSON_ARRAY))
            for (const pb_json *at = source->child; at; at = at->next)
                pb_jw_json(writer, at);
        else
            write_text(writer, message->text);
    }
    if (count)
        pb_jw_close(writer, ']');
}

pb_status messages_write(struct body *body)
{
    const pb_message *const *at = body->request->messages;
    const pb_message *const *end = at + body->request->message_count;
    pb_status status = PB_OK;

    write_system(body);
    pb_jw_key(&body->writer, "messages");
    pb_jw_open(&body->writer, '[');
    while (status == PB_OK && at < end) {
        if ((*at)->role == PB_ROLE_SYSTEM) {
            at++;
            continue;
        }
        const pb_message *const *last = at; /* of this side */
        for (const pb_message *const *next = at + 1; next < end; next++) {
            if ((*next)->role == PB_ROLE_SYSTEM)
                continue;
            if (((*next)->role == PB_ROLE_ASSISTANT) != ((*at)->role == PB_ROLE_ASSISTANT))
                break;
            last = next;
        }
        status = write_run(&body->writer, at, last + 1);
        at = last + 1;
    }
    pb_jw_close(&body->writer, ']');
    return status;
}
