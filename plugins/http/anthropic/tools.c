/* tools.c - `tools` and `tool_choice`, told in the words of llm.h.
 *
 * Where a tool says more than those can (a cache_control, a tool that the service runs itself), the list goes on
 * as it was written too, as `anthropic_tools`: a model of the same dialect takes that, for any other it
 * is named in Patchbay-Ignored.
 */
#include "anthropic/anthropic.h"

void param_set(pb_json *params, const char *name, pb_json *value)
{
    if (!pb_json_get(params, name))
        pb_json_add(params, pb_str_of(name), value);
}

static bool is_custom(const pb_json *tool)
{
    const pb_json *type = pb_json_get(tool, "type");

    return !json_given(type) || pb_str_is(pb_json_text(type), "custom");
}

/* Has it a member that a function of llm.h has not? */
static bool says_more(const pb_json *tool)
{
    static const char *const known[] = {"name", "description", "input_schema", "type", "strict"};

    for (const pb_json *at = tool->child; at; at = at->next) {
        bool found = at->type == PB_JSON_NULL;
        for (size_t i = 0; !found && i < sizeof known / sizeof *known; i++)
            found = pb_str_is(at->key, known[i]);
        if (!found)
            return true;
    }
    return false;
}

static pb_json *as_function(struct exchange *exchange, const pb_json *tool,
                            const struct place *place)
{
    pb_json *outer = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json *function = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    const pb_json *schema = pb_json_get(tool, "input_schema"), *strict = pb_json_get(tool, "strict");
    pb_str description = member_text(exchange, tool, place, "description");

    pb_json_add(outer, pb_lit("type"), pb_json_string(pb_lit("function")));
    pb_json_add(outer, pb_lit("function"), function);
    pb_json_add(function, pb_lit("name"),
                pb_json_string(member_needed(exchange, tool, place, "name")));
    if (description.data)
        pb_json_add(function, pb_lit("description"), pb_json_string(description));
    if (!pb_json_is(schema, PB_JSON_OBJECT))
        fault(exchange, AT(place, "input_schema"), schema ? "must be an object" : "is missing");
    else
        pb_json_add_copy(function, pb_lit("parameters"), schema);
    if (json_given(strict) && strict->type != PB_JSON_TRUE && strict->type != PB_JSON_FALSE)
        fault(exchange, AT(place, "strict"), "must be true or false");
    else if (json_given(strict))
        pb_json_add_copy(function, pb_lit("strict"), strict);
    return outer;
}

void anthropic_tools_read(struct exchange *exchange, const pb_json *json, pb_json *params)
{
    const pb_json *list = pb_json_get(json, "tools");
    const struct place *place = AT(NULL, "tools");
    pb_json *tools = pb_json_new(PB_JSON_ARRAY, (pb_str){0});
    bool more = false;
    size_t index = 0;

    if (!json_given(list))
        return;
    if (list->type != PB_JSON_ARRAY) {
        fault(exchange, place, "must be a list of tools");
        return;
    }
    for (const pb_json *at = list->child; at; at = at->next, index++) {
        const struct place *inside = AT_INDEX(place, index);
        bool custom = is_custom(at);
        more = more || !custom || says_more(at);
        if (at->type != PB_JSON_OBJECT)
            fault(exchange, inside, "must be an object");
        else if (custom)
            pb_json_add(tools, (pb_str){0}, as_function(exchange, at, inside));
        else
            (void)member_needed(exchange, at, inside, "type");
    }
    if (tools && tools->count)
        param_set(params, "tools", tools);
    if (more) {
        pb_json *whole = PB_NEW(pb_json);
        if (whole)
            *whole = *list;
        param_set(params, "anthropic_tools", whole);
    }
}

/* {"type": "tool", "name": …} is {"type": "function", "function": {"name": …}} */
static pb_json *as_named(pb_str name)
{
    pb_json *outer = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json *function = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    pb_json_add(outer, pb_lit("type"), pb_json_string(pb_lit("function")));
    pb_json_add(outer, pb_lit("function"), function);
    pb_json_add(function, pb_lit("name"), pb_json_string(name));
    return outer;
}

void anthropic_choice_read(struct exchange *exchange, const pb_json *json, pb_json *params)
{
    const pb_json *choice = pb_json_get(json, "tool_choice");
    const pb_json *single = pb_json_get(choice, "disable_parallel_tool_use");
    const struct place *place = AT(NULL, "tool_choice");
    pb_str type = pb_json_text(pb_json_get(choice, "type"));

    if (!json_given(choice))
        return;
    if (pb_str_is(type, "auto") || pb_str_is(type, "none"))
        param_set(params, "tool_choice", pb_json_string(type));
    else if (pb_str_is(type, "any"))
        param_set(params, "tool_choice", pb_json_string(pb_lit("required")));
    else if (pb_str_is(type, "tool"))
        param_set(params, "tool_choice", as_named(member_needed(exchange, choice, place, "name")));
    else
        fault(exchange, choice->type == PB_JSON_OBJECT ? AT(place, "type") : place,
              choice->type == PB_JSON_OBJECT ? "must be \"auto\", \"any\", \"tool\" or \"none\""
                                             : "must be an object");
    if (json_given(single) && single->type != PB_JSON_TRUE && single->type != PB_JSON_FALSE)
        fault(exchange, AT(place, "disable_parallel_tool_use"), "must be true or false");
    else if (pb_json_is(single, PB_JSON_TRUE))
        param_set(params, "parallel_tool_calls", pb_json_boolean(false));
}
