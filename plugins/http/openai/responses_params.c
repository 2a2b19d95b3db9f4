/* responses_params.c - the fields of a request for a response as parameters of a turn, which have the names
 * of chat completions. What has no effect here is named in Patchbay-Ignored; what would change the answer and
 * cannot be done is refused.
 */
#include "openai/responses.h"

static const struct param checks[] = {
    {PB_LIT("temperature"), PARAM_NUMBER, 0, 2},
    {PB_LIT("top_p"), PARAM_NUMBER, 0, 1},
    {PB_LIT("max_output_tokens"), PARAM_INTEGER, 1, 1e9},
    {PB_LIT("top_logprobs"), PARAM_INTEGER, 0, 20},
    {PB_LIT("parallel_tool_calls"), PARAM_BOOLEAN, 0, 0},
    {PB_LIT("metadata"), PARAM_OBJECT, 0, 0},
    {PB_LIT("user"), PARAM_TEXT, 0, 0},
    {PB_LIT("service_tier"), PARAM_TEXT, 0, 0},
    {PB_LIT("prompt_cache_key"), PARAM_TEXT, 0, 0},
    {PB_LIT("prompt_cache_retention"), PARAM_TEXT, 0, 0},
    {PB_LIT("safety_identifier"), PARAM_TEXT, 0, 0},
    {PB_LIT("reasoning"), PARAM_OBJECT, 0, 0},
    {PB_LIT("text"), PARAM_OBJECT, 0, 0},
    {PB_LIT("truncation"), PARAM_TEXT, 0, 0},
    {PB_LIT("include"), PARAM_LIST, 0, 0},
    {PB_LIT("stream_options"), PARAM_OBJECT, 0, 0},
};

/* Fields that another function reads. */
static const char *const elsewhere[] = {
    "model",      "input",        "instructions",         "stream", "store",
    "background", "conversation", "previous_response_id", "tools",  "tool_choice",
    "reasoning",  "text",         "include",              "prompt", "stream_options", NULL,
};

/* Those that a chat completion has under the same name, or another. */
static const struct {
    const char *name;
    const char *param;
} same[] = {
    {"temperature", NULL},
    {"top_p", NULL},
    {"max_output_tokens", "max_completion_tokens"},
    {"top_logprobs", NULL},
    {"parallel_tool_calls", NULL},
    {"metadata", NULL},
    {"user", NULL},
    {"service_tier", NULL},
    {"prompt_cache_key", NULL},
    {"prompt_cache_retention", NULL},
    {"safety_identifier", NULL},
};

static bool is_elsewhere(pb_str name)
{
    for (size_t i = 0; elsewhere[i]; i++)
        if (pb_str_is(name, elsewhere[i]))
            return true;
    return false;
}

static void put(pb_json *params, const char *name, const pb_json *value)
{
    if (json_given(value))
        (void)pb_json_add_copy(params, pb_str_of(name), value);
}

static void put_text(pb_json *object, const char *name, const char *text)
{
    (void)pb_json_add(object, pb_str_of(name), pb_json_string(pb_str_of(text)));
}

static pb_json *put_object(pb_json *params, const char *name)
{
    return pb_json_add(params, pb_str_of(name), pb_json_new(PB_JSON_OBJECT, (pb_str){0}));
}

/* --- tools -------------------------------------------------------------------------------------- */

/* {"type": "function", "name": …} as {"type": "function", "function": {"name": …}}. */
static void add_function(pb_json *list, const pb_json *tool)
{
    static const char *const members[] = {"name", "description", "parameters", "strict"};
    pb_json *item = pb_json_add(list, (pb_str){0}, pb_json_new(PB_JSON_OBJECT, (pb_str){0}));

    put_text(item, "type", "function");
    pb_json *function = put_object(item, "function");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        put(function, members[i], pb_json_get(tool, members[i]));
}

static void read_tools(struct exchange *exchange, const pb_json *tools, pb_json *params)
{
    const struct place *place = AT(NULL, "tools");
    pb_json *list;
    size_t index = 0;

    if (!json_given(tools))
        return;
    if (tools->type != PB_JSON_ARRAY || tools->count > 128) {
        fault(exchange, place, "must be a list of at most 128 tools");
        return;
    }
    list = tools->count ? pb_json_add(params, pb_lit("tools"),
                                      pb_json_new(PB_JSON_ARRAY, (pb_str){0}))
                        : NULL;
    for (const pb_json *tool = tools->child; tool; tool = tool->next, index++) {
        const struct place *inside = AT_INDEX(place, index);
        pb_str type = pb_json_text(pb_json_get(tool, "type"));
        if (!pb_str_is(type, "function"))
            fault(exchange, AT(inside, "type"),
                  "must be \"function\": tools that run at OpenAI are not to be had here");
        else if (member_needed(exchange, tool, inside, "name").size)
            add_function(list, tool);
    }
}

static void read_allowed(const pb_json *choice, pb_json *params)
{
    pb_json *out = put_object(params, "tool_choice");
    const pb_json *tools = pb_json_get(choice, "tools");

    put_text(out, "type", "allowed_tools");
    pb_json *allowed = put_object(out, "allowed_tools");
    put(allowed, "mode", pb_json_get(choice, "mode"));
    pb_json *list =
        pb_json_add(allowed, pb_lit("tools"), pb_json_new(PB_JSON_ARRAY, (pb_str){0}));
    for (const pb_json *at = pb_json_is(tools, PB_JSON_ARRAY) ? tools->child : NULL; at;
         at = at->next)
        add_function(list, at);
}

static void read_choice(struct exchange *exchange, const pb_json *choice, pb_json *params)
{
    const struct place *place = AT(NULL, "tool_choice");
    pb_str text = pb_json_text(choice), type = pb_json_text(pb_json_get(choice, "type"));

    if (!json_given(choice))
        return;
    if (pb_str_is(text, "none") || pb_str_is(text, "auto") || pb_str_is(text, "required")) {
        put(params, "tool_choice", choice);
    } else if (pb_str_is(type, "function")) {
        pb_json *out = put_object(params, "tool_choice");
        put_text(out, "type", "function");
        pb_json *function = put_object(out, "function");
        if (member_needed(exchange, choice, place, "name").size)
            put(function, "name", pb_json_get(choice, "name"));
    } else if (pb_str_is(type, "allowed_tools")) {
        read_allowed(choice, params);
    } else {
        fault(exchange, place,
              "must be \"none\", \"auto\", \"required\", or an object of the type \"function\" or "
              "\"allowed_tools\"");
    }
}

/* --- what the answer is to look like ------------------------------------------------------------ */

static void read_text(struct exchange *exchange, struct response *response, pb_json *params)
{
    const pb_json *text = pb_json_get(response->request, "text");
    const pb_json *format = pb_json_get(text, "format");
    const struct place *place = AT(AT(NULL, "text"), "format");
    pb_str type = pb_json_text(pb_json_get(format, "type"));

    put(params, "verbosity", pb_json_get(text, "verbosity"));
    if (!json_given(format) || pb_str_is(type, "text"))
        return;
    if (pb_str_is(type, "json_object")) {
        put(params, "response_format", format);
        return;
    }
    if (!pb_str_is(type, "json_schema")) {
        fault(exchange, AT(place, "type"),
              "must be \"text\", \"json_object\" or \"json_schema\"");
        return;
    }
    static const char *const members[] = {"name", "description", "schema", "strict"};
    pb_json *out = put_object(params, "response_format");
    put_text(out, "type", "json_schema");
    pb_json *schema = put_object(out, "json_schema");
    (void)member_needed(exchange, format, place, "name");
    if (!pb_json_is(pb_json_get(format, "schema"), PB_JSON_OBJECT))
        fault(exchange, AT(place, "schema"), "must be a JSON Schema");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        put(schema, members[i], pb_json_get(format, members[i]));
}

static void read_reasoning(struct exchange *exchange, struct response *response, pb_json *params)
{
    const pb_json *reasoning = pb_json_get(response->request, "reasoning");

    (void)member_text(exchange, reasoning, AT(NULL, "reasoning"), "effort");
    put(params, "reasoning_effort", pb_json_get(reasoning, "effort"));
    for (const pb_json *at = pb_json_is(reasoning, PB_JSON_OBJECT) ? reasoning->child : NULL; at;
         at = at->next)
        if (at->type != PB_JSON_NULL && !pb_str_is(at->key, "effort"))
            response_ignore(response, pb_printf("reasoning.%.*s", PB_ARG(at->key)));
}

/* Reasoning comes with what its service wants back in any case. */
static void read_include(struct response *response, pb_json *params)
{
    const pb_json *include = pb_json_get(response->request, "include");
    bool logprobs = json_given(pb_json_get(response->request, "top_logprobs"));

    for (const pb_json *at = pb_json_is(include, PB_JSON_ARRAY) ? include->child : NULL; at;
         at = at->next) {
        pb_str name = pb_json_text(at);
        if (pb_str_is(name, "message.output_text.logprobs"))
            logprobs = true;
        else if (!pb_str_is(name, "reasoning.encrypted_content"))
            response_ignore(response, pb_printf("include.%.*s", PB_ARG(name)));
    }
    if (logprobs)
        (void)pb_json_add(params, pb_lit("logprobs"), pb_json_boolean(true));
}

/* The member that is copied under a parameter's name, or NULL. */
static const char *param_of(pb_str name)
{
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (pb_str_is(name, same[i].name))
            return same[i].param ? same[i].param : same[i].name;
    return NULL;
}

const pb_json *response_params_read(struct exchange *exchange, struct response *response)
{
    pb_json *params = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    const pb_json *json = response->request, *metadata = pb_json_get(json, "metadata");

    for (const pb_json *at = json->child; at && params; at = at->next) {
        const char *name = param_of(at->key);
        (void)param_check_in(exchange, checks, sizeof checks / sizeof *checks, at,
                             AT_NAME(NULL, at->key));
        if (name)
            put(params, name, at);
        else if (at->type != PB_JSON_NULL && !is_elsewhere(at->key) &&
                 !pb_str_is(pb_json_text(at), "disabled")) /* truncation, as it is */
            response_ignore(response, at->key);
    }
    if (json_given(pb_json_get(json, "prompt")))
        fault(exchange, AT(NULL, "prompt"), "templates that OpenAI stores are not to be had here: send "
                                            "instructions and input");
    if (!params)
        return NULL;
    read_tools(exchange, pb_json_get(json, "tools"), params);
    read_choice(exchange, pb_json_get(json, "tool_choice"), params);
    read_text(exchange, response, params);
    read_reasoning(exchange, response, params);
    read_include(response, params);
    if (pb_json_is(metadata, PB_JSON_OBJECT))
        response->spec.metadata = metadata;
    return params;
}
