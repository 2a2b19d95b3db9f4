/* params.c - the generation parameters that clients may set, with their types and ranges.
 *
 * Names and ranges are those of OpenAI's chat completions (llm.h). `model` is not among them: which
 * model answers is the pipeline's business.
 */
#include "http.h"

static const struct param params[] = {
    {PB_LIT("temperature"), PARAM_NUMBER, 0, 2},
    {PB_LIT("top_p"), PARAM_NUMBER, 0, 1},
    {PB_LIT("max_tokens"), PARAM_INTEGER, 1, 1e9},
    {PB_LIT("max_completion_tokens"), PARAM_INTEGER, 1, 1e9},
    {PB_LIT("seed"), PARAM_INTEGER, -9e18, 9e18},
    {PB_LIT("presence_penalty"), PARAM_NUMBER, -2, 2},
    {PB_LIT("frequency_penalty"), PARAM_NUMBER, -2, 2},
    {PB_LIT("stop"), PARAM_STOP, 0, 4},
    {PB_LIT("response_format"), PARAM_FORMAT, 0, 0},
    {PB_LIT("tools"), PARAM_TOOLS, 0, 128},
    {PB_LIT("tool_choice"), PARAM_CHOICE, 0, 0},
    {PB_LIT("parallel_tool_calls"), PARAM_BOOLEAN, 0, 0},
    {PB_LIT("reasoning_effort"), PARAM_TEXT, 0, 0},
    {PB_LIT("logprobs"), PARAM_BOOLEAN, 0, 0},
    {PB_LIT("top_logprobs"), PARAM_INTEGER, 0, 20},
    {PB_LIT("user"), PARAM_TEXT, 0, 0},
};

static void check_number(struct exchange *exchange, const pb_json *value, const struct place *place,
                         const struct param *param)
{
    double number = pb_json_double(value, NAN);
    bool whole = param->type == PARAM_INTEGER;

    if (whole ? number != floor(number) : isnan(number))
        fault(exchange, place, "must be a %s", whole ? "whole number" : "number");
    else if (number < param->min || number > param->max)
        fault(exchange, place, "must be between %.15g and %.15g", param->min, param->max);
}

static void check_stop(struct exchange *exchange, const pb_json *value, const struct place *place,
                       const struct param *param)
{
    bool fits = value->type == PB_JSON_STRING || value->type == PB_JSON_ARRAY;

    for (const pb_json *at = value->type == PB_JSON_ARRAY ? value->child : NULL; at; at = at->next)
        fits = fits && at->type == PB_JSON_STRING;
    if (!fits || value->count > param->max)
        fault(exchange, place, "must be a text or a list of at most %g texts", param->max);
}

/* [{"type": "function", "function": {"name": …}}]; other types go to the llm as they are. */
static void check_tools(struct exchange *exchange, const pb_json *value, const struct place *place,
                        const struct param *param)
{
    size_t index = 0;

    if (value->type != PB_JSON_ARRAY || value->count > param->max) {
        fault(exchange, place, "must be a list of at most %g tools", param->max);
        return;
    }
    for (const pb_json *tool = value->child; tool; tool = tool->next, index++) {
        pb_str type = pb_json_text(pb_json_get(tool, "type"));
        const pb_json *function = pb_json_get(tool, "function");
        if (!type.size)
            fault(exchange, AT(AT_INDEX(place, index), "type"), "must be \"function\"");
        else if (pb_str_is(type, "function") && !pb_json_text(pb_json_get(function, "name")).size)
            fault(exchange, AT(AT(AT_INDEX(place, index), "function"), "name"),
                  "must be the function's name");
    }
}

/* "none", "auto", "required", or an object that tells its type. */
static void check_choice(struct exchange *exchange, const pb_json *value, const struct place *place)
{
    pb_str text = pb_json_text(value), type = pb_json_text(pb_json_get(value, "type"));

    if (value->type == PB_JSON_OBJECT && type.size)
        return;
    if (value->type == PB_JSON_STRING && (pb_str_is(text, "none") || pb_str_is(text, "auto") ||
                                          pb_str_is(text, "required")))
        return;
    fault(exchange, place, "must be \"none\", \"auto\", \"required\" or an object with `type`");
}

static void check_format(struct exchange *exchange, const pb_json *value, const struct place *place)
{
    pb_str type = pb_json_text(pb_json_get(value, "type"));
    const pb_json *format = pb_json_get(value, "json_schema");
    const pb_json *schema = pb_json_get(format, "schema");

    if (value->type != PB_JSON_OBJECT) {
        fault(exchange, place, "must be an object");
        return;
    }
    if (!type.size)
        fault(exchange, AT(place, "type"),
              "must be \"text\", \"json_object\" or \"json_schema\"");
    if (!pb_str_is(type, "json_schema"))
        return;
    if (!pb_json_text(pb_json_get(format, "name")).size)
        fault(exchange, AT(AT(place, "json_schema"), "name"), "must be the schema's name");
    if (json_given(schema) && schema->type != PB_JSON_OBJECT)
        fault(exchange, AT(AT(place, "json_schema"), "schema"), "must be a JSON Schema");
}

static void check_type(struct exchange *exchange, const pb_json *value, const struct place *place,
                       const struct param *param)
{
    switch (param->type) {
    case PARAM_NUMBER:
    case PARAM_INTEGER:
        check_number(exchange, value, place, param);
        break;
    case PARAM_BOOLEAN:
        if (value->type != PB_JSON_TRUE && value->type != PB_JSON_FALSE)
            fault(exchange, place, "must be true or false");
        break;
    case PARAM_TEXT:
        if (value->type != PB_JSON_STRING)
            fault(exchange, place, "must be a text");
        break;
    case PARAM_OBJECT:
        if (value->type != PB_JSON_OBJECT)
            fault(exchange, place, "must be an object");
        break;
    case PARAM_LIST:
        if (value->type != PB_JSON_ARRAY)
            fault(exchange, place, "must be a list");
        break;
    case PARAM_ANY:
        break;
    case PARAM_CHOICE:
        check_choice(exchange, value, place);
        break;
    case PARAM_FORMAT:
        check_format(exchange, value, place);
        break;
    case PARAM_STOP:
        check_stop(exchange, value, place, param);
        break;
    case PARAM_TOOLS:
        check_tools(exchange, value, place, param);
        break;
    }
}

bool param_check_in(struct exchange *exchange, const struct param *table, size_t count,
                    const pb_json *value, const struct place *place)
{
    for (size_t i = 0; i < count; i++)
        if (pb_str_equal(value->key, table[i].name)) {
            if (value->type != PB_JSON_NULL)
                check_type(exchange, value, place, &table[i]);
            return true;
        }
    return false;
}

bool param_check(struct exchange *exchange, const pb_json *value, const struct place *place)
{
    return param_check_in(exchange, params, sizeof params / sizeof *params, value, place);
}
