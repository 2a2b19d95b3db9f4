/* body.c - the request as the service wants it.
 *
 * Source: OpenAI API reference, "Create chat completion".
 */
#include "openai.h"

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
        if (!is_ours(at->key) && (native || pb_llm_param_is_standard(at->key))) {
            pb_jw_key_str(writer, at->key);
            pb_jw_json(writer, at);
        }
    for (const pb_json *at = openai->params ? openai->params->child : NULL; at; at = at->next)
        if (!is_ours(at->key) && !has_member(request->params, at->key)) {
            pb_jw_key_str(writer, at->key);
            pb_jw_json(writer, at);
        }
}

pb_status body_write(const struct openai *openai, const pb_llm_request *request, pb_str *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_str model = pb_json_text(pb_json_get(request->params, "model"));

    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "model");
    pb_jw_str(&writer, model.size ? model : openai->service.upstream.model);
    pb_jw_key(&writer, "messages");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < request->message_count; i++) {
        pb_status status = message_write(&writer, request->messages[i]);
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
