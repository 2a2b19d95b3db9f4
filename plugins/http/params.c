/* params.c - the generation parameters that clients may set, with their types and ranges.
 *
 * Names and ranges are those of OpenAI's chat completions (llm.h). `model` is not among them: which
 * model answers is the pipeline's business.
 */
#include "http.h"

enum type { NUMBER, INTEGER, BOOLEAN, STRING, OBJECT, TOOLS, STOP, CHOICE };

static const struct param {
    pb_str name;
    enum type type;
    double min;
    double max;
} params[] = {
    {PB_LIT("temperature"), NUMBER, 0, 2},
    {PB_LIT("top_p"), NUMBER, 0, 1},
    {PB_LIT("max_tokens"), INTEGER, 1, 1e9},
    {PB_LIT("max_completion_tokens"), INTEGER, 1, 1e9},
    {PB_LIT("seed"), INTEGER, -9e18, 9e18},
    {PB_LIT("presence_penalty"), NUMBER, -2, 2},
    {PB_LIT("frequency_penalty"), NUMBER, -2, 2},
    {PB_LIT("stop"), STOP, 0, 4},
    {PB_LIT("response_format"), OBJECT, 0, 0},
    {PB_LIT("tools"), TOOLS, 0, 128},
    {PB_LIT("tool_choice"), CHOICE, 0, 0},
    {PB_LIT("parallel_tool_calls"), BOOLEAN, 0, 0},
    {PB_LIT("reasoning_effort"), STRING, 0, 0},
    {PB_LIT("user"), STRING, 0, 0},
};

static void check_number(struct exchange *exchange, const pb_json *value, const struct place *place,
                         const struct param *param)
{
    double number = pb_json_double(value, NAN);
    bool whole = param->type == INTEGER;

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

static void check_type(struct exchange *exchange, const pb_json *value, const struct place *place,
                       const struct param *param)
{
    switch (param->type) {
    case NUMBER:
    case INTEGER:
        check_number(exchange, value, place, param);
        break;
    case BOOLEAN:
        if (value->type != PB_JSON_TRUE && value->type != PB_JSON_FALSE)
            fault(exchange, place, "must be true or false");
        break;
    case STRING:
        if (value->type != PB_JSON_STRING)
            fault(exchange, place, "must be a text");
        break;
    case OBJECT:
        if (value->type != PB_JSON_OBJECT)
            fault(exchange, place, "must be an object");
        break;
    case CHOICE:
        if (value->type != PB_JSON_STRING && value->type != PB_JSON_OBJECT)
            fault(exchange, place, "must be \"none\", \"auto\", \"required\" or an object");
        break;
    case STOP:
        check_stop(exchange, value, place, param);
        break;
    case TOOLS:
        check_tools(exchange, value, place, param);
        break;
    }
}

bool param_check(struct exchange *exchange, const pb_json *value, const struct place *place)
{
    for (size_t i = 0; i < sizeof params / sizeof *params; i++)
        if (pb_str_equal(value->key, params[i].name)) {
            if (value->type != PB_JSON_NULL)
                check_type(exchange, value, place, &params[i]);
            return true;
        }
    return false;
}
