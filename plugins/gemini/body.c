/* body.c - the request as generateContent wants it, and where it goes.
 *
 * Parameters have the names of llm.h; the API's own ones of the configuration go out unchanged. What the
 * API cannot do is left out and named. Source: Gemini API reference, v1beta, "models.generateContent".
 */
#include "gemini.h"

void write_member(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

/* "gemini-3-pro", or with its kind: "tunedModels/mine". */
pb_str model_url(const struct gemini *gemini, pb_str model, bool stream)
{
    pb_buf buf = {0};

    pb_buf_add(&buf, gemini->upstream.base_url);
    pb_buf_add(&buf, pb_str_find(model, '/') < model.size ? pb_lit("/") : pb_lit("/models/"));
    for (size_t i = 0; i < model.size; i++) {
        pb_str letter = pb_str_slice(model, i, 1);
        if (model.data[i] == '/' || pb_upstream_is_token(letter))
            pb_buf_add(&buf, letter);
        else
            pb_buf_printf(&buf, "%%%02X", (unsigned char)model.data[i]);
    }
    pb_buf_add(&buf,
               stream ? pb_lit(":streamGenerateContent?alt=sse") : pb_lit(":generateContent"));
    return buf.failed ? pb_str_make(NULL, 0) : pb_buf_str(&buf);
}

static bool is_ignored(const struct gemini *gemini, const char *name)
{
    for (size_t i = 0; i < gemini->ignore.count; i++)
        if (pb_str_is(PB_ITEM(gemini->ignore, pb_str, i), name))
            return true;
    return false;
}

const pb_json *param(const struct body *body, const char *name)
{
    const pb_json *value = pb_json_get(body->request->params, name);

    if (!value)
        value = pb_json_get(body->gemini->params, name);
    if (!value || value->type == PB_JSON_NULL)
        return NULL;
    if (!is_ignored(body->gemini, name))
        return value;
    pb_llm_ignore(pb_str_of(name));
    return NULL;
}

static bool is_ours(pb_str name)
{
    static const char *const names[] = {"contents", "systemInstruction", "generationConfig"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pb_str_is(name, names[i]))
            return true;
    return pb_llm_param_is_standard(name);
}

/* Parameters in the API's own words: of a client that speaks it, and configured ones. */
static void write_native(struct body *body)
{
    const pb_json *own = body->request->params, *configured = body->gemini->params;

    for (const pb_json *at = body->native ? own->child : NULL; at; at = at->next)
        if (!is_ours(at->key)) {
            pb_jw_key_str(&body->writer, at->key);
            pb_jw_json(&body->writer, at);
        }
    for (const pb_json *at = configured ? configured->child : NULL; at; at = at->next)
        if (!is_ours(at->key) && !(body->native && pb_json_member(own, at->key))) {
            pb_jw_key_str(&body->writer, at->key);
            pb_jw_json(&body->writer, at);
        }
}

/* What the API has no word for. A value that asks for nothing is not worth naming. */
static void name_ignored(const struct body *body)
{
    const pb_json *parallel = param(body, "parallel_tool_calls");

    if (param(body, "user"))
        pb_llm_ignore(pb_lit("user"));
    if (param(body, "metadata"))
        pb_llm_ignore(pb_lit("metadata"));
    if (pb_json_is(parallel, PB_JSON_FALSE))
        pb_llm_ignore(pb_lit("parallel_tool_calls"));
}

pb_status body_write(const struct gemini *gemini, const pb_llm_request *request, pb_str *out)
{
    pb_buf buf = {0};
    struct body body = {.gemini = gemini,
                        .request = request,
                        .writer = pb_json_writer_make(&buf),
                        .native = pb_str_is(request->dialect, "gemini")};

    body.model = pb_json_text(pb_json_get(request->params, "model"));
    if (!body.model.size)
        body.model = gemini->upstream.model;
    pb_jw_open(&body.writer, '{');
    pb_status status = contents_write(&body);
    tools_write(&body);
    config_write(&body);
    write_native(&body);
    name_ignored(&body);
    pb_jw_close(&body.writer, '}');
    *out = pb_buf_str(&buf);
    return status == PB_OK ? pb_buf_status(&buf) : status;
}
