/* params.c - the parameters of a request to the model: the request's own, then the stage's. */
#include "generate.h"

static const pb_str none;

/* "auto" and "none" let the model stop calling; "required" or one function's name do not. */
static bool forces(const pb_json *choice)
{
    pb_str word = pb_json_text(choice);
    return !pb_str_is(word, "auto") && !pb_str_is(word, "none");
}

static bool add_all(pb_json *merged, const pb_json *from, bool tools, bool again)
{
    for (const pb_json *at = from ? from->child : NULL; at; at = at->next) {
        if ((tools && pb_str_is(at->key, "tools")) ||
            (again && pb_str_is(at->key, "tool_choice") && forces(at)) ||
            pb_json_member(merged, at->key))
            continue;
        if (!pb_json_add_copy(merged, at->key, at))
            return false;
    }
    return true;
}

static bool add_function(pb_json *all, const pb_tool_function *function)
{
    pb_json *tool = pb_json_add(all, none, pb_json_new(PB_JSON_OBJECT, none));
    bool added = pb_json_add(tool, pb_lit("type"), pb_json_string(pb_lit("function"))) != NULL;
    pb_json *body = pb_json_add(tool, pb_lit("function"), pb_json_new(PB_JSON_OBJECT, none));

    added = added && pb_json_add(body, pb_lit("name"), pb_json_string(function->name));
    if (added && function->description.size)
        added = pb_json_add(body, pb_lit("description"), pb_json_string(function->description));
    if (added && function->parameters)
        added = pb_json_add_copy(body, pb_lit("parameters"), function->parameters);
    return added;
}

static bool add_tools(pb_json *merged, const struct offers *offers)
{
    pb_json *all = pb_json_add(merged, pb_lit("tools"), pb_json_new(PB_JSON_ARRAY, none));
    const pb_json *at = offers->clients ? offers->clients->child : NULL;
    bool added = all != NULL;

    for (; added && at; at = at->next)
        added = pb_json_add_copy(all, none, at);
    for (size_t i = 0; added && i < offers->count; i++)
        added = add_function(all, offers->items[i].function);
    return added;
}

const pb_json *params_merge(const struct generate *generate, pb_turn *turn,
                            const struct offers *offers, bool again)
{
    const pb_json *own = pb_turn_params(turn);
    bool tools = offers->count > 0;

    if (!generate->params && !tools)
        return own;
    pb_json *merged = pb_json_new(PB_JSON_OBJECT, none);
    bool added = merged && add_all(merged, own, tools, again) &&
                 add_all(merged, generate->params, tools, again) &&
                 (!tools || add_tools(merged, offers));
    return added ? merged : NULL;
}

void params_check(const pb_json *params, pb_diagnostics *diagnostics)
{
    static const char *const ours[] = {"messages", "stream", "stream_options"};

    if (params && !pb_json_is(params, PB_JSON_OBJECT))
        pb_problem(diagnostics, "params", "params must be a map");
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (pb_json_get(params, ours[i]))
            pb_problem(diagnostics, "params", "'%s' is no parameter: the turn decides it", ours[i]);
}
