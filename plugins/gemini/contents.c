/* contents.c - `systemInstruction` and `contents`.
 *
 * The API knows users and a model that take turns: all results of one round of calls stand in one content
 * of the user, so messages in a row on the same side become one. What a thinking model signed goes back
 * with the part that it signed, or the service refuses the call.
 */
#include "gemini.h"

static const pb_str mark = PB_LIT(SIGNATURE);
static const pb_str own_id = PB_LIT(OWN_ID);

/* Calls that no model of this service made have no signature; so one says that. Gemini 2 and earlier want
 * none. Source: Gemini API, "Thought signatures". */
static const pb_str no_signature = PB_LIT("skip_thought_signature_validator");

static pb_str signature_of(pb_str signature)
{
    return pb_str_starts(signature, mark) ? pb_str_slice(signature, mark.size, signature.size)
                                          : pb_str_make(NULL, 0);
}

static void write_text(pb_json_writer *writer, pb_str text)
{
    if (!text.size)
        return;
    pb_jw_open(writer, '{');
    write_member(writer, "text", text);
    pb_jw_close(writer, '}');
}

static const char *mime_of(const pb_part *part)
{
    return part->type == PB_PART_IMAGE   ? "image/png"
           : part->type == PB_PART_AUDIO ? "audio/wav"
                                         : "application/pdf";
}

static pb_status write_data(pb_json_writer *writer, const pb_part *part)
{
    pb_str mime = part->mime.size ? part->mime : pb_str_of(mime_of(part));

    if (!part->url.size && !part->content.size)
        return pb_fail(PB_UNSUPPORTED, "this model takes files as content or by URL");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, part->url.size ? "fileData" : "inlineData");
    pb_jw_open(writer, '{');
    if (part->url.size)
        write_member(writer, "fileUri", part->url);
    else
        write_member(writer, "data", part->content);
    if (part->mime.size || !part->url.size)
        write_member(writer, "mimeType", mime);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    return PB_OK;
}

/* Of thinking only the signature goes back, in a part of its own as the stream brought it; what no model of
 * this service signed does not. */
static void write_signature(pb_json_writer *writer, const pb_part *part)
{
    pb_str signature = signature_of(part->content);

    if (!signature.size) {
        pb_llm_ignore(pb_lit("thinking"));
        return;
    }
    pb_jw_open(writer, '{');
    write_member(writer, "text", pb_lit(""));
    write_member(writer, "thoughtSignature", signature);
    pb_jw_close(writer, '}');
}

static pb_status write_part(pb_json_writer *writer, const pb_part *part)
{
    switch (part->type) {
    case PB_PART_TEXT:
        write_text(writer, part->text);
        return PB_OK;
    case PB_PART_IMAGE:
    case PB_PART_FILE:
    case PB_PART_AUDIO:
        return write_data(writer, part);
    case PB_PART_THINKING:
        write_signature(writer, part);
        return PB_OK;
    default:
        return pb_fail(PB_UNSUPPORTED, "this model takes text, images, audio and files only");
    }
}

static pb_status write_content(pb_json_writer *writer, const pb_message *message)
{
    pb_status status = PB_OK;

    if (!message->part_count)
        write_text(writer, message->text);
    for (size_t i = 0; status == PB_OK && i < message->part_count; i++)
        status = write_part(writer, message->parts[i]);
    return status;
}

/* The API wants an object; what a model wrote that is none goes in one. */
static void write_arguments(pb_json_writer *writer, pb_str arguments)
{
    const pb_json *json = NULL;
    pb_str text = pb_str_trim(arguments);

    pb_jw_key(writer, "args");
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

/* An id that the model did not give it need not get back. */
static void write_id(pb_json_writer *writer, pb_str id)
{
    if (id.size && !pb_str_starts(id, own_id))
        write_member(writer, "id", id);
}

/* Of calls side by side the model signs the first. */
static void write_call(struct body *body, const pb_tool_call *call, bool first)
{
    pb_json_writer *writer = &body->writer;
    pb_str signature = signature_of(call->signature);
    bool early = pb_str_starts(body->model, pb_lit("gemini-1")) ||
                 pb_str_starts(body->model, pb_lit("gemini-2"));

    if (!signature.size && first && !early)
        signature = no_signature;
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "functionCall");
    pb_jw_open(writer, '{');
    write_id(writer, call->id);
    write_member(writer, "name", call->name);
    write_arguments(writer, call->arguments);
    pb_jw_close(writer, '}');
    if (signature.size)
        write_member(writer, "thoughtSignature", signature);
    pb_jw_close(writer, '}');
}

/* The function whose call this result answers: by its name, or the call's before it. */
static pb_str function_of(const struct body *body, const pb_message *const *at)
{
    const pb_message *result = *at;

    while (!result->name.size && at-- > body->request->messages)
        for (size_t i = 0; i < (*at)->tool_call_count; i++)
            if (pb_str_equal((*at)->tool_calls[i]->id, result->tool_call_id))
                return (*at)->tool_calls[i]->name;
    return result->name.size ? result->name : pb_lit("unknown");
}

static pb_status write_result(struct body *body, const pb_message *const *at)
{
    pb_json_writer *writer = &body->writer;
    const pb_message *message = *at;
    pb_status status = PB_OK;

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "functionResponse");
    pb_jw_open(writer, '{');
    write_id(writer, message->tool_call_id);
    write_member(writer, "name", function_of(body, at));
    pb_jw_key(writer, "response");
    pb_jw_open(writer, '{');
    write_member(writer, "output", message->text);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
    for (size_t i = 0; status == PB_OK && i < message->part_count; i++)
        if (message->parts[i]->type != PB_PART_TEXT) /* images, beside it */
            status = write_part(writer, message->parts[i]);
    return status;
}

static pb_status write_message(struct body *body, const pb_message *const *at)
{
    const pb_message *message = *at;

    if (message->role == PB_ROLE_SYSTEM)
        return PB_OK;
    if (message->role == PB_ROLE_TOOL)
        return write_result(body, at);
    pb_status status = write_content(&body->writer, message);
    for (size_t i = 0; status == PB_OK && i < message->tool_call_count; i++)
        write_call(body, message->tool_calls[i], i == 0);
    return status;
}

/* Messages [first, end) are on one side, or of the system. */
static pb_status write_run(struct body *body, const pb_message *const *first,
                           const pb_message *const *end)
{
    pb_json_writer *writer = &body->writer;
    bool comma = writer->comma;
    size_t begin = writer->buf->size, empty;
    pb_status status = PB_OK;

    pb_jw_open(writer, '{');
    write_member(writer, "role",
                 (*first)->role == PB_ROLE_ASSISTANT ? pb_lit("model") : pb_lit("user"));
    pb_jw_key(writer, "parts");
    pb_jw_open(writer, '[');
    empty = writer->buf->size;
    for (; status == PB_OK && first < end; first++)
        status = write_message(body, first);
    if (writer->buf->size == empty) { /* a content without parts would be refused */
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
        if (message->role != PB_ROLE_SYSTEM || !message->text.size)
            continue;
        if (count++ == 0) {
            pb_jw_key(writer, "systemInstruction");
            pb_jw_open(writer, '{');
            pb_jw_key(writer, "parts");
            pb_jw_open(writer, '[');
        }
        write_text(writer, message->text);
    }
    if (count) {
        pb_jw_close(writer, ']');
        pb_jw_close(writer, '}');
    }
}

pb_status contents_write(struct body *body)
{
    const pb_message *const *at = body->request->messages;
    const pb_message *const *end = at + body->request->message_count;
    pb_status status = PB_OK;

    write_system(body);
    pb_jw_key(&body->writer, "contents");
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
        status = write_run(body, at, last + 1);
        at = last + 1;
    }
    pb_jw_close(&body->writer, ']');
    return status;
}
