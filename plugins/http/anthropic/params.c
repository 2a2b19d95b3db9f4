/* params.c - the parameters of a request, by the names of llm.h where those have one.
 *
 * All others (top_k, thinking, service_tier, cache_control, container, mcp_servers …) keep their names: a model of
 * the same dialect gets them unchanged, for any other the host names them in Patchbay-Ignored.
 */
#include "anthropic/anthropic.h"

static pb_json *copy_of(const pb_json *value)
{
    pb_json *copy = PB_NEW(pb_json);

    if (copy)
        *copy = *value;
    return copy;
}

/* --- single ones ------------------------------------------------------------------------------ */

static const struct number {
    const char *name;
    bool whole;
    double min, max;
} numbers[] = {
    {"max_tokens", true, 0, 1e9},
    {"temperature", false, 0, 1},
    {"top_p", false, 0, 1},
    {"top_k", true, 0, 1e9},
};

static void check_number(struct exchange *exchange, const pb_json *value,
                         const struct number *number)
{
    const struct place *place = AT_NAME(NULL, value->key);
    double is = pb_json_double(value, NAN);

    if (number->whole ? is != floor(is) : isnan(is))
        fault(exchange, place, "must be a %s", number->whole ? "whole number" : "number");
    else if (is < number->min || is > number->max)
        fault(exchange, place, "must be between %.15g and %.15g", number->min, number->max);
}

static void read_stop(struct exchange *exchange, const pb_json *json, pb_json *params)
{
    const pb_json *list = pb_json_get(json, "stop_sequences");
    const struct place *place = AT(NULL, "stop_sequences");
    size_t index = 0;

    if (!json_given(list))
        return;
    if (list->type != PB_JSON_ARRAY) {
        fault(exchange, place, "must be a list of texts");
        return;
    }
    for (const pb_json *at = list->child; at; at = at->next, index++)
        if (at->type != PB_JSON_STRING)
            fault(exchange, AT_INDEX(place, index), "must be a text");
    if (list->count)
        param_set(params, "stop", copy_of(list));
}

static void check_thinking(struct exchange *exchange, const pb_json *thinking)
{
    const struct place *place = AT(NULL, "thinking");
    const pb_json *budget = pb_json_get(thinking, "budget_tokens");

    if (thinking->type != PB_JSON_OBJECT) {
        fault(exchange, place, "must be an object");
        return;
    }
    pb_str type = member_needed(exchange, thinking, place, "type");
    if (pb_str_is(type, "enabled") && !json_given(budget))
        fault(exchange, AT(place, "budget_tokens"), "is missing");
    else if (json_given(budget) && pb_json_int(budget, -1) < 1)
        fault(exchange, AT(place, "budget_tokens"), "must be a whole number from 1 on");
}

/* --- what the output is to be ----------------------------------------------------------------- */

/* {"type": "json_schema", "schema": …} in OpenAI's words. */
static void read_format(struct exchange *exchange, const pb_json *format,
                        const struct place *place, pb_json *params)
{
    const pb_json *schema = pb_json_get(format, "schema");
    pb_json *outer = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json *inner = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!json_given(format))
        return;
    if (!pb_str_is(pb_json_text(pb_json_get(format, "type")), "json_schema"))
        fault(exchange, AT(place, "type"), "must be \"json_schema\"");
    else if (!pb_json_is(schema, PB_JSON_OBJECT))
        fault(exchange, AT(place, "schema"), schema ? "must be an object" : "is missing");
    pb_json_add(outer, pb_lit("type"), pb_json_string(pb_lit("json_schema")));
    pb_json_add(outer, pb_lit("json_schema"), inner);
    pb_json_add(inner, pb_lit("name"), pb_json_string(pb_lit("output")));
    pb_json_add(inner, pb_lit("strict"), pb_json_boolean(true));
    pb_json_add_copy(inner, pb_lit("schema"), schema);
    param_set(params, "response_format", outer);
}

/* `format` and `effort` have standard names; what else stands there goes on as it is. */
static void read_output_config(struct exchange *exchange, const pb_json *json, pb_json *params)
{
    const pb_json *config = pb_json_get(json, "output_config");
    const struct place *place = AT(NULL, "output_config");
    pb_json *rest = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!json_given(config))
        return;
    if (config->type != PB_JSON_OBJECT) {
        fault(exchange, place, "must be an object");
        return;
    }
    for (const pb_json *at = config->child; at; at = at->next)
        if (!pb_str_is(at->key, "format") && !pb_str_is(at->key, "effort"))
            pb_json_add_copy(rest, at->key, at);
    pb_str effort = member_text(exchange, config, place, "effort");
    if (effort.size)
        param_set(params, "reasoning_effort", pb_json_string(effort));
    read_format(exchange, pb_json_get(config, "format"), AT(place, "format"), params);
    if (rest && rest->count)
        param_set(params, "output_config", rest);
}

/* --- all -------------------------------------------------------------------------------------- */

/* Read here, by others, or above. */
static bool is_ours(pb_str name)
{
    static const char *const ours[] = {"model",         "messages",      "system",   "stream",
                                       "tools",         "tool_choice",   "metadata", "stop_sequences",
                                       "output_config", "output_format"};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (pb_str_is(name, ours[i]))
            return true;
    return false;
}

static void check(struct exchange *exchange, const pb_json *value)
{
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (pb_str_is(value->key, numbers[i].name)) {
            check_number(exchange, value, &numbers[i]);
            return;
        }
    if (pb_str_is(value->key, "thinking"))
        check_thinking(exchange, value);
    else
        (void)param_check(exchange, value, AT_NAME(NULL, value->key));
}

/* anthropic-beta: a, b, c */
static void read_beta(const pb_request *request, pb_json *params)
{
    pb_str list = pb_request_header(request, "anthropic-beta");
    pb_json *names = pb_json_new(PB_JSON_ARRAY, (pb_str){0});

    while (list.size) {
        pb_str item = pb_str_slice(list, 0, pb_str_find(list, ','));
        list = pb_str_slice(list, item.size + 1, list.size);
        item = pb_str_trim(item);
        if (item.size)
            pb_json_add(names, (pb_str){0}, pb_json_string(item));
    }
    if (names && names->count)
        param_set(params, "anthropic_beta", names);
}

const pb_json *anthropic_params_read(struct exchange *exchange, const pb_json *json, bool counting)
{
    pb_json *params = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_str user = pb_json_text(pb_json_get(pb_json_get(json, "metadata"), "user_id"));

    if (!params)
        return NULL;
    if (!counting && !json_given(pb_json_get(json, "max_tokens")))
        fault(exchange, AT(NULL, "max_tokens"), "is missing");
    anthropic_tools_read(exchange, json, params);
    anthropic_choice_read(exchange, json, params);
    read_stop(exchange, json, params);
    read_output_config(exchange, json, params);
    read_format(exchange, pb_json_get(json, "output_format"), AT(NULL, "output_format"), params);
    if (user.size)
        param_set(params, "user", pb_json_string(user));
    read_beta(exchange->request, params);
    for (const pb_json *at = json->child; at; at = at->next) {
        if (at->type == PB_JSON_NULL || is_ours(at->key))
            continue;
        check(exchange, at);
        if (!pb_json_member(params, at->key) && !pb_json_add(params, at->key, copy_of(at)))
            return NULL;
    }
    return params;
}
