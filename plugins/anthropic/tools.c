/* tools.c - the tools that the model may call, and whether it must.
 *
 * Tools come in OpenAI's form. A client that speaks this dialect sends its list along as
 * `anthropic_tools`: of a name that stands in both the original goes out (it has cache_control and more),
 * and those that only the service knows (web search) are added.
 */
#include "anthropic.h"

static const pb_json *original(const pb_json *originals, pb_str name)
{
    for (const pb_json *at = originals ? originals->child : NULL; at; at = at->next)
        if (pb_str_equal(pb_json_text(pb_json_get(at, "name")), name))
            return at;
    return NULL;
}

static pb_str name_of(const pb_json *tool)
{
    return pb_json_text(pb_json_get(pb_json_get(tool, "function"), "name"));
}

static void write_tool(pb_json_writer *writer, const pb_json *function)
{
    const pb_json *schema = pb_json_get(function, "parameters");
    const pb_json *strict = pb_json_get(function, "strict");
    pb_str description = pb_json_text(pb_json_get(function, "description"));

    pb_jw_open(writer, '{');
    write_member(writer, "name", pb_json_text(pb_json_get(function, "name")));
    if (description.size)
        write_member(writer, "description", description);
    pb_jw_key(writer, "input_schema");
    if (pb_json_is(schema, PB_JSON_OBJECT) && schema->count)
        pb_jw_json(writer, schema);
    else
        pb_jw_raw(writer, pb_lit("{\"type\":\"object\",\"properties\":{}}"));
    if (pb_json_is(strict, PB_JSON_TRUE)) {
        pb_jw_key(writer, "strict");
        pb_jw_bool(writer, true);
    }
    pb_jw_close(writer, '}');
}

static bool is_offered(const pb_json *tools, pb_str name)
{
    for (const pb_json *at = tools ? tools->child : NULL; at; at = at->next)
        if (pb_str_equal(name_of(at), name))
            return true;
    return false;
}

static void write_tools(pb_json_writer *writer, const pb_json *tools, const pb_json *originals)
{
    size_t index = 0;

    pb_jw_open(writer, '[');
    for (const pb_json *at = tools ? tools->child : NULL; at; at = at->next, index++) {
        const pb_json *known = original(originals, name_of(at));
        if (!name_of(at).size)
            pb_llm_ignore(pb_printf("tools[%zu]", index));
        else if (known)
            pb_jw_json(writer, known);
        else
            write_tool(writer, pb_json_get(at, "function"));
    }
    for (const pb_json *at = originals ? originals->child : NULL; at; at = at->next)
        if (!is_offered(tools, pb_json_text(pb_json_get(at, "name"))))
            pb_jw_json(writer, at);
    pb_jw_close(writer, ']');
}

/* "auto", "none", "required", or {"type": "function", "function": {"name": …}} */
static void write_choice(struct body *body)
{
    pb_json_writer *writer = &body->writer;
    const pb_json *choice = param(body, "tool_choice");
    bool single = pb_json_is(param(body, "parallel_tool_calls"), PB_JSON_FALSE);
    pb_str word = pb_json_text(choice), name = name_of(choice);
    bool none = pb_str_is(word, "none");

    if (choice && !word.size && !name.size) {
        pb_llm_ignore(pb_lit("tool_choice"));
        choice = NULL;
    }
    if (!choice && !single)
        return;
    pb_jw_key(writer, "tool_choice");
    pb_jw_open(writer, '{');
    write_member(writer, "type",
                 name.size                     ? pb_lit("tool")
                 : pb_str_is(word, "required") ? pb_lit("any")
                 : none                        ? pb_lit("none")
                                               : pb_lit("auto"));
    if (name.size)
        write_member(writer, "name", name);
    if (single && !none) {
        pb_jw_key(writer, "disable_parallel_tool_use");
        pb_jw_bool(writer, true);
    }
    pb_jw_close(writer, '}');
}

void tools_write(struct body *body)
{
    const pb_json *tools = param(body, "tools");
    const pb_json *originals =
        body->native ? pb_json_get(body->request->params, "anthropic_tools") : NULL;

    if (!pb_json_is(tools, PB_JSON_ARRAY))
        tools = NULL;
    if (!pb_json_is(originals, PB_JSON_ARRAY))
        originals = NULL;
    if (!(tools && tools->count) && !(originals && originals->count))
        return; /* without tools the API takes no choice either */
    pb_jw_key(&body->writer, "tools");
    write_tools(&body->writer, tools, originals);
    write_choice(body);
}
