/* config.c - `generationConfig`: the standard parameters in the API's words, and its own that are
 * configured. */
#include "gemini.h"

static void write_same(struct body *body, const char *name, const char *as)
{
    const pb_json *value = param(body, name);

    if (!value)
        return;
    pb_jw_key(&body->writer, as);
    pb_jw_json(&body->writer, value);
}

static void write_stop(struct body *body)
{
    const pb_json *stop = param(body, "stop");

    if (!stop)
        return;
    pb_jw_key(&body->writer, "stopSequences");
    if (stop->type == PB_JSON_ARRAY) {
        pb_jw_json(&body->writer, stop);
        return;
    }
    pb_jw_open(&body->writer, '[');
    pb_jw_json(&body->writer, stop);
    pb_jw_close(&body->writer, ']');
}

/* {"type": "json_schema", "json_schema": {"schema": …}}, {"type": "json_object"} */
static void write_format(struct body *body)
{
    const pb_json *format = param(body, "response_format");
    const pb_json *schema = pb_json_get(pb_json_get(format, "json_schema"), "schema");
    pb_str type = pb_json_text(pb_json_get(format, "type"));

    if (schema || pb_str_is(type, "json_object"))
        write_member(&body->writer, "responseMimeType", pb_lit("application/json"));
    else if (format && !pb_str_is(type, "text"))
        pb_llm_ignore(pb_lit("response_format"));
    if (schema) {
        pb_jw_key(&body->writer, "responseJsonSchema");
        pb_jw_json(&body->writer, schema);
    }
}

static void write_logprobs(struct body *body)
{
    const pb_json *wanted = param(body, "logprobs"), *most = param(body, "top_logprobs");

    if (!pb_json_is(wanted, PB_JSON_TRUE))
        return;
    pb_jw_key(&body->writer, "responseLogprobs");
    pb_jw_bool(&body->writer, true);
    if (pb_json_int(most, 0) > 0) {
        pb_jw_key(&body->writer, "logprobs");
        pb_jw_json(&body->writer, most);
    }
}

static void write_effort(struct body *body, pb_str effort)
{
    pb_json_writer *writer = &body->writer;

    if (body->gemini->thinking == THINKING_LEVEL && !pb_str_is(effort, "none")) {
        write_member(writer, "thinkingLevel", pb_str_is(effort, "max") ? pb_lit("high") : effort);
        return;
    }
    pb_jw_key(writer, "thinkingBudget");
    pb_jw_int(writer, pb_str_is(effort, "none")      ? 0
                      : pb_str_is(effort, "minimal") ? 512
                      : pb_str_is(effort, "low")     ? 1024
                      : pb_str_is(effort, "medium")  ? 8192
                                                     : 24576);
}

static void write_thinking(struct body *body)
{
    pb_str effort = pb_json_text(param(body, "reasoning_effort"));

    if (!effort.size && !body->gemini->thoughts)
        return;
    pb_jw_key(&body->writer, "thinkingConfig");
    pb_jw_open(&body->writer, '{');
    if (effort.size)
        write_effort(body, effort);
    if (body->gemini->thoughts) {
        pb_jw_key(&body->writer, "includeThoughts");
        pb_jw_bool(&body->writer, true);
    }
    pb_jw_close(&body->writer, '}');
}

/* Has this member of generationConfig been written from a parameter? */
static bool is_written(const struct body *body, pb_str member)
{
    static const struct {
        const char *member, *param;
    } pairs[] = {
        {"temperature", "temperature"},
        {"topP", "top_p"},
        {"maxOutputTokens", "max_tokens"},
        {"maxOutputTokens", "max_completion_tokens"},
        {"stopSequences", "stop"},
        {"seed", "seed"},
        {"presencePenalty", "presence_penalty"},
        {"frequencyPenalty", "frequency_penalty"},
        {"responseMimeType", "response_format"},
        {"responseJsonSchema", "response_format"},
        {"responseLogprobs", "logprobs"},
        {"logprobs", "logprobs"},
        {"thinkingConfig", "reasoning_effort"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pb_str_is(member, pairs[i].member) && param(body, pairs[i].param))
            return true;
    return body->gemini->thoughts && pb_str_is(member, "thinkingConfig");
}

/* The API's own words, where no parameter of the turn says otherwise. */
static void write_own(struct body *body)
{
    const pb_json *own = body->native ? param(body, "generationConfig")
                                      : pb_json_get(body->gemini->params, "generationConfig");

    for (const pb_json *at = pb_json_is(own, PB_JSON_OBJECT) ? own->child : NULL; at; at = at->next)
        if (!is_written(body, at->key)) {
            pb_jw_key_str(&body->writer, at->key);
            pb_jw_json(&body->writer, at);
        }
}

void config_write(struct body *body)
{
    bool completion = param(body, "max_completion_tokens") != NULL;

    pb_jw_key(&body->writer, "generationConfig");
    pb_jw_open(&body->writer, '{');
    write_same(body, "temperature", "temperature");
    write_same(body, "top_p", "topP");
    write_same(body, completion ? "max_completion_tokens" : "max_tokens", "maxOutputTokens");
    write_stop(body);
    write_same(body, "seed", "seed");
    write_same(body, "presence_penalty", "presencePenalty");
    write_same(body, "frequency_penalty", "frequencyPenalty");
    write_format(body);
    write_logprobs(body);
    write_thinking(body);
    write_own(body);
    pb_jw_close(&body->writer, '}');
}
