/* message.c - a message as the service wants it.
 *
 * One that a client wrote in this dialect goes out as it came; others are written from their fields.
 */
#include "openai.h"

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

/* Where Google's models behind this API look for it. */
static void write_signature(pb_json_writer *writer, pb_str signature)
{
    pb_jw_key(writer, "extra_content");
    pb_jw_raw(writer, pb_lit("{\"google\":{\"thought_signature\":"));
    pb_json_quote(writer->buf, signature);
    pb_buf_add(writer->buf, pb_lit("}}"));
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
        if (call->signature.size)
            write_signature(writer, call->signature);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

/* Reasoning is not sent: this dialect has no word for it in a request that all its servers take. */
static bool has_parts(const pb_message *message)
{
    size_t thinking = 0;

    for (size_t i = 0; i < message->part_count; i++)
        thinking += message->parts[i]->type == PB_PART_THINKING;
    if (thinking)
        pb_llm_ignore(pb_lit("thinking"));
    return message->part_count > thinking;
}

static pb_status write_content(pb_json_writer *writer, const pb_message *message)
{
    pb_jw_key(writer, "content");
    if (!has_parts(message)) {
        if (!message->text.size && message->tool_call_count)
            pb_jw_null(writer);
        else
            pb_jw_str(writer, message->text);
        return PB_OK;
    }
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i]->type == PB_PART_THINKING)
            continue;
        pb_status status = write_part(writer, message->parts[i]);
        if (status != PB_OK)
            return status;
    }
    pb_jw_close(writer, ']');
    return PB_OK;
}

pb_status message_write(pb_json_writer *writer, const pb_message *message)
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
