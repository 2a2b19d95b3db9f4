/* body.c - the request as the service wants it.
 *
 * A message that a client wrote in this dialect goes out as it came; others are written from their
 * fields. Source: OpenAI API reference, "Create chat completion".
 */
#include "openai.h"

static const pb_str standard[] = {
    PB_LIT("temperature"),
    PB_LIT("top_p"),
    PB_LIT("max_tokens"),
    PB_LIT("stop"),
    PB_LIT("seed"),
    PB_LIT("presence_penalty"),
    PB_LIT("frequency_penalty"),
    PB_LIT("response_format"),
    PB_LIT("tools"),
    PB_LIT("tool_choice"),
    PB_LIT("parallel_tool_calls"),
    PB_LIT("reasoning_effort"),
    PB_LIT("logprobs"),
    PB_LIT("top_logprobs"),
    PB_LIT("user"),
    PB_LIT("metadata"),
    PB_LIT("max_completion_tokens"),
};

static bool is_standard(pb_str name)
{
    for (size_t i = 0; i < sizeof standard / sizeof *standard; i++)
        if (pb_str_equal(name, standard[i]))
            return true;
    return false;
}

/* What this file writes by itself. */
static bool is_ours(pb_str name)
{
    return pb_str_is(name, "model") || pb_str_is(name, "messages") || pb_str_is(name, "stream") ||
           pb_str_is(name, "stream_options");
}

static bool has_member(const pb_json *object, pb_str name)
{
    const pb_json *at = object ? object->child : NULL;
    while (at && !pb_str_equal(at->key, name))
        at = at->next;
    return at != NULL;
}

/* The turn's parameters, then the configured ones that it does not set. */
static void write_params(pb_json_writer *writer, const struct openai *openai,
                         const pb_llm_request *request)
{
    bool native = pb_str_is(request->dialect, "openai");

    for (const pb_json *at = request->params->child; at; at = at->next)
        if (!is_ours(at->key) && (native || is_standard(at->key))) {
            pb_jw_key_str(writer, at->key);
            pb_jw_json(writer, at);
        }
    for (const pb_json *at = openai->params ? openai->params->child : NULL; at; at = at->next)
        if (!is_ours(at->key) && !has_member(request->params, at->key)) {
            pb_jw_key_str(writer, at->key);
            pb_jw_json(writer, at);
        }
}

static const char *role_name(int32_t role)
{
    static const char *const names[] = {"system", "user", "assistant", "tool"};
    return role >= 0 && role <= PB_ROLE_TOOL ? names[role] : "user";
}

static void write_member(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

/* url, or data:…;base64,… */
static void write_location(pb_json_writer *writer, const char *key, const pb_part *part)
{
    pb_jw_key(writer, key);
    if (part->url.size)
        pb_jw_str(writer, part->url);
    else
        pb_jw_str(writer,
                  pb_printf("data:%.*s;base64,%.*s", PB_ARG(part->mime), PB_ARG(part->content)));
}

static const char *audio_format(pb_str mime)
{
    if (pb_str_same(mime, pb_lit("audio/mpeg")) || pb_str_same(mime, pb_lit("audio/mp3")))
        return "mp3";
    return "wav";
}

static pb_status write_part(pb_json_writer *writer, const pb_part *part)
{
    pb_jw_open(writer, '{');
    switch (part->type) {
    case PB_PART_TEXT:
        write_member(writer, "type", pb_lit("text"));
        write_member(writer, "text", part->text);
        break;
    case PB_PART_IMAGE:
        write_member(writer, "type", pb_lit("image_url"));
        pb_jw_key(writer, "image_url");
        pb_jw_open(writer, '{');
        write_location(writer, "url", part);
        pb_jw_close(writer, '}');
        break;
    case PB_PART_AUDIO:
        if (!part->content.size)
            return pb_fail(PB_UNSUPPORTED, "this model takes audio as content, not as a URL");
        write_member(writer, "type", pb_lit("input_audio"));
        pb_jw_key(writer, "input_audio");
        pb_jw_open(writer, '{');
        write_member(writer, "data", part->content);
        write_member(writer, "format", pb_str_of(audio_format(part->mime)));
        pb_jw_close(writer, '}');
        break;
    case PB_PART_FILE:
        if (!part->content.size)
            return pb_fail(PB_UNSUPPORTED, "this model takes files as content, not as a URL");
        write_member(writer, "type", pb_lit("file"));
        pb_jw_key(writer, "file");
        pb_jw_open(writer, '{');
        write_member(writer, "filename", part->name.size ? part->name : pb_lit("file"));
        write_location(writer, "file_data", part);
        pb_jw_close(writer, '}');
        break;
    default:
        return pb_fail(PB_UNSUPPORTED, "this model takes text, images, audio and files only");
    }
    pb_jw_close(writer, '}');
    return PB_OK;
}

static void write_tool_calls(pb_json_writer *writer, const pb_message *message)
{
    pb_jw_key(writer, "tool_calls");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < message->tool_call_count; i++) {
        const pb_tool_call *call = message->tool_calls[i];
        pb_jw_open(writer, '{');
        write_member(writer, "id", call->id);
        write_member(writer, "type", pb_lit("function"));
        pb_jw_key(writer, "function");
        pb_jw_open(writer, '{');
        write_member(writer, "name", call->name);
        write_member(writer, "arguments", call->arguments);
        pb_jw_close(writer, '}');
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static pb_status write_content(pb_json_writer *writer, const pb_message *message)
{
    pb_jw_key(writer, "content");
    if (!message->part_count) {
        if (!message->text.data && message->tool_call_count)
            pb_jw_null(writer);
        else
            pb_jw_str(writer, message->text);
        return PB_OK;
    }
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < message->part_count; i++) {
        pb_status status = write_part(writer, message->parts[i]);
        if (status != PB_OK)
            return status;
    }
    pb_jw_close(writer, ']');
    return PB_OK;
}

static pb_status write_message(pb_json_writer *writer, const pb_message *message)
{
    if (message->source && pb_str_is(message->dialect, "openai")) {
        pb_jw_json(writer, message->source);
        return PB_OK;
    }
    pb_jw_open(writer, '{');
    write_member(writer, "role", pb_str_of(role_name(message->role)));
    if (message->name.size && message->role != PB_ROLE_TOOL)
        write_member(writer, "name", message->name);
    if (message->role == PB_ROLE_TOOL)
        write_member(writer, "tool_call_id", message->tool_call_id);
    pb_status status = write_content(writer, message);
    if (message->tool_call_count)
        write_tool_calls(writer, message);
    pb_jw_close(writer, '}');
    return status;
}

pb_status body_write(const struct openai *openai, const pb_llm_request *request, pb_str *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_str model = pb_json_text(pb_json_get(request->params, "model"));

    pb_jw_open(&writer, '{');
    write_member(&writer, "model", model.size ? model : openai->service.model);
    pb_jw_key(&writer, "messages");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < request->message_count; i++) {
        pb_status status = write_message(&writer, request->messages[i]);
        if (status != PB_OK)
            return status;
    }
    pb_jw_close(&writer, ']');
    write_params(&writer, openai, request);
    if (request->stream)
        pb_jw_raw(&writer, pb_lit("\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    pb_jw_close(&writer, '}');
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}
