/* tools.c - the functions that the model may call, and whether it must. They come in OpenAI's form. */
#include "gemini.h"

static const pb_json *function_of(const pb_json *tool)
{
    return pb_json_get(tool, "function");
}

static void write_function(pb_json_writer *writer, const pb_json *function)
{
    const pb_json *schema = pb_json_get(function, "parameters");
    pb_str description = pb_json_text(pb_json_get(function, "description"));

    pb_jw_open(writer, '{');
    write_member(writer, "name", pb_json_text(pb_json_get(function, "name")));
    if (description.size)
        write_member(writer, "description", description);
    if (pb_json_is(schema, PB_JSON_OBJECT) && schema->count) {
        pb_jw_key(writer, "parametersJsonSchema");
        pb_jw_json(writer, schema);
    }
    pb_jw_close(writer, '}');
}

/* "auto", "none", "required", or {"type": "function", "function": {"name": …}} */
static void write_choice(struct body *body)
{
    pb_json_writer *writer = &body->writer;
    const pb_json *choice = param(body, "tool_choice");
    pb_str word = pb_json_text(choice),
           name = pb_json_text(pb_json_get(function_of(choice), "name"));

    if (choice && !word.size && !name.size)
        pb_llm_ignore(pb_lit("tool_choice"));
    if (!word.size && !name.size)
        return;
    pb_jw_key(writer, "toolConfig");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "functionCallingConfig");
    pb_jw_open(writer, '{');
    write_member(writer, "mode",
                 name.size || pb_str_is(word, "required") ? pb_lit("ANY")
                 : pb_str_is(word, "none")                ? pb_lit("NONE")
                                                          : pb_lit("AUTO"));
    if (name.size) {
        pb_jw_key(writer, "allowedFunctionNames");
        pb_jw_open(writer, '[');
        pb_jw_str(writer, name);
        pb_jw_close(writer, ']');
    }
    pb_jw_close(writer, '}');
    pb_jw_close(writer, '}');
}

/* With the service's own tools (search) that are configured: a list has room for all. */
void tools_write(struct body *body)
{
    pb_json_writer *writer = &body->writer;
    const pb_json *tools = param(body, "tools");
    size_t index = 0, count = 0;

    if (!pb_json_is(tools, PB_JSON_ARRAY) || !tools->count)
        return;
    pb_jw_key(writer, "tools");
    pb_jw_open(writer, '[');
    for (const pb_json *at = tools->child; at; at = at->next, index++) {
        if (!pb_json_is(function_of(at), PB_JSON_OBJECT)) {
            if (pb_json_get(at, "type"))
                pb_llm_ignore(pb_printf("tools[%zu]", index));
            else /* {"googleSearch": {}} */
                pb_jw_json(writer, at);
            continue;
        }
        count++;
    }
    if (count) {
        pb_jw_open(writer, '{');
        pb_jw_key(writer, "functionDeclarations");
        pb_jw_open(writer, '[');
        for (const pb_json *at = tools->child; at; at = at->next)
            if (pb_json_is(function_of(at), PB_JSON_OBJECT))
                write_function(writer, function_of(at));
        pb_jw_close(writer, ']');
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
    if (count)
        write_choice(body);
}
