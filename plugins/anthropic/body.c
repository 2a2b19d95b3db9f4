/* body.c - the request as the Messages API wants it.
 *
 * Parameters have the names of llm.h; those of a client that speaks this dialect go out unchanged. What
 * the API cannot do is left out and named. Source: Anthropic API reference, "Create a Message".
 */
#include "anthropic.h"

void write_member(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

static bool is_ignored(const struct anthropic *anthropic, const char *name)
{
    for (size_t i = 0; i < anthropic->ignore.count; i++)
        if (pb_str_is(PB_ITEM(anthropic->ignore, pb_str, i), name))
            return true;
    return false;
}

const pb_json *param(const struct body *body, const char *name)
{
    const pb_json *value = pb_json_get(body->request->params, name);

    if (!value)
        value = pb_json_get(body->anthropic->params, name);
    if (!value || value->type == PB_JSON_NULL)
        return NULL;
    if (!is_ignored(body->anthropic, name))
        return value;
    pb_llm_ignore(pb_str_of(name));
    return NULL;
}

static void write_param(struct body *body, const char *name, const char *as)
{
    const pb_json *value = param(body, name);

    if (!value)
        return;
    pb_jw_key(&body->writer, as);
    pb_jw_json(&body->writer, value);
}

static int64_t max_tokens(const struct body *body)
{
    int64_t most = pb_json_int(param(body, "max_completion_tokens"), -1);

    if (most < 0)
        most = pb_json_int(param(body, "max_tokens"), -1);
    return most < 0 ? body->anthropic->max_tokens : most; /* 0 only fills the cache */
}

static void write_stop(struct body *body)
{
    const pb_json *stop = param(body, "stop");

    if (!stop)
        return;
    pb_jw_key(&body->writer, "stop_sequences");
    if (stop->type == PB_JSON_ARRAY) {
        pb_jw_json(&body->writer, stop);
        return;
    }
    pb_jw_open(&body->writer, '[');
    pb_jw_json(&body->writer, stop);
    pb_jw_close(&body->writer, ']');
}

static void write_user(struct body *body)
{
    pb_str user = pb_json_text(param(body, "user"));

    if (!user.size)
        return;
    pb_jw_key(&body->writer, "metadata");
    pb_jw_open(&body->writer, '{');
    write_member(&body->writer, "user_id", user);
    pb_jw_close(&body->writer, '}');
}

/* The schema that the answer must have, or NULL. */
static const pb_json *schema_of(const struct body *body)
{
    const pb_json *format = param(body, "response_format");
    const pb_json *schema = pb_json_get(pb_json_get(format, "json_schema"), "schema");

    if (format && !schema && !pb_str_is(pb_json_text(pb_json_get(format, "type")), "text"))
        pb_llm_ignore(pb_lit("response_format"));
    return schema;
}

/* OpenAI's words for effort as this API's; absent: none. */
static pb_str effort_of(const struct body *body)
{
    pb_str effort = pb_json_text(param(body, "reasoning_effort"));
    return pb_str_is(effort, "minimal") ? pb_lit("low") : effort;
}

static void write_budget(struct body *body, pb_str effort, int64_t most)
{
    int64_t budget = pb_str_is(effort, "low")      ? 1024
                     : pb_str_is(effort, "medium") ? 4096
                     : pb_str_is(effort, "high")   ? 16384
                                                   : 32768;
    if (budget >= most)
        budget = most - 1;
    if (budget < 1024) { /* the least that the API takes */
        pb_llm_ignore(pb_lit("reasoning_effort"));
        return;
    }
    pb_jw_key(&body->writer, "thinking");
    pb_jw_open(&body->writer, '{');
    write_member(&body->writer, "type", pb_lit("enabled"));
    pb_jw_key(&body->writer, "budget_tokens");
    pb_jw_int(&body->writer, budget);
    pb_jw_close(&body->writer, '}');
}

/* `thinking` in the API's own words wins. */
static void write_thinking(struct body *body, pb_str effort, int64_t most)
{
    const pb_json *own =
        body->native ? param(body, "thinking") : pb_json_get(body->anthropic->params, "thinking");
    bool none = pb_str_is(effort, "none");

    if (own) {
        pb_jw_key(&body->writer, "thinking");
        pb_jw_json(&body->writer, own);
    } else if (body->native) {
        return; /* a client of this API would have said so */
    } else if (effort.size && !none && body->anthropic->thinking == THINKING_BUDGET) {
        write_budget(body, effort, most);
    } else if (effort.size) {
        pb_jw_key(&body->writer, "thinking");
        pb_jw_open(&body->writer, '{');
        write_member(&body->writer, "type", none ? pb_lit("disabled") : pb_lit("adaptive"));
        pb_jw_close(&body->writer, '}');
    }
}

/* {"effort": …, "format": {"type": "json_schema", "schema": …}}; the API's own words win. */
static void write_output(struct body *body, pb_str effort)
{
    pb_json_writer *writer = &body->writer;
    const pb_json *own = body->native ? param(body, "output_config")
                                      : pb_json_get(body->anthropic->params, "output_config");
    const pb_json *schema = schema_of(body);
    bool adaptive = body->native || body->anthropic->thinking == THINKING_ADAPTIVE;
    bool has_effort = effort.size && adaptive && !pb_str_is(effort, "none");

    if (!own && !schema && !has_effort)
        return;
    pb_jw_key(writer, "output_config");
    pb_jw_open(writer, '{');
    for (const pb_json *at = own ? own->child : NULL; at; at = at->next) {
        pb_jw_key_str(writer, at->key);
        pb_jw_json(writer, at);
    }
    if (has_effort && !pb_json_get(own, "effort"))
        write_member(writer, "effort", effort);
    if (schema && !pb_json_get(own, "format")) {
        pb_jw_key(writer, "format");
        pb_jw_open(writer, '{');
        write_member(writer, "type", pb_lit("json_schema"));
        pb_jw_key(writer, "schema");
        pb_jw_json(writer, schema);
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, '}');
}

/* Written by this file or tools.c in its own way. */
static bool is_ours(pb_str name)
{
    static const char *const names[] = {"messages", "system",   "stream",        "stop_sequences",
                                        "thinking", "metadata", "output_config", "anthropic_tools",
                                        "anthropic_beta"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pb_str_is(name, names[i]))
            return true;
    return pb_llm_param_is_standard(name);
}

/* Parameters in the API's own words: of a client that speaks it, and configured ones. */
static void write_native(struct body *body)
{
    const pb_json *own = body->request->params, *configured = body->anthropic->params;

    for (const pb_json *at = body->native ? own->child : NULL; at; at = at->next)
        if (!is_ours(at->key) && at->type != PB_JSON_NULL) {
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
    static const char *const names[] = {"seed",     "presence_penalty", "frequency_penalty",
                                        "logprobs", "top_logprobs",     "metadata"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const pb_json *value = param(body, names[i]);
        bool idle = pb_json_is(value, PB_JSON_FALSE) || (i > 0 && pb_json_double(value, 1) == 0);
        if (value && !idle)
            pb_llm_ignore(pb_str_of(names[i]));
    }
}

pb_status body_write(const struct anthropic *anthropic, const pb_llm_request *request, pb_str *out)
{
    pb_buf buf = {0};
    struct body body = {anthropic, request, pb_json_writer_make(&buf),
                        pb_str_is(request->dialect, "anthropic")};
    pb_json_writer *writer = &body.writer;
    pb_str model = pb_json_text(param(&body, "model")), effort = effort_of(&body);
    int64_t most = max_tokens(&body);

    pb_jw_open(writer, '{');
    write_member(writer, "model", model.size ? model : anthropic->upstream.model);
    pb_jw_key(writer, "max_tokens");
    pb_jw_int(writer, most);
    pb_status status = messages_write(&body);
    tools_write(&body);
    write_param(&body, "temperature", "temperature");
    write_param(&body, "top_p", "top_p");
    write_stop(&body);
    write_user(&body);
    write_thinking(&body, effort, most);
    write_output(&body, effort);
    write_native(&body);
    name_ignored(&body);
    if (request->stream)
        pb_jw_raw(writer, pb_lit("\"stream\":true"));
    pb_jw_close(writer, '}');
    *out = pb_buf_str(&buf);
    return status == PB_OK ? pb_buf_status(&buf) : status;
}
