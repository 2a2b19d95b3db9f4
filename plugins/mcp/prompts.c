/* prompts.c - prompts of the configuration: a list, one with its arguments filled in, values that
 * an argument may have.
 *
 * A template has {{name}} where an argument goes, nothing else. What is filled in is never read
 * again.
 */
#include "mcp.h"

/* --- templates ----------------------------------------------------------------------------- */

/* The next piece of `text`, which moves on: text up to "{{", or the name in braces. False: the
 * braces are not closed. */
static bool next_piece(pb_str *text, pb_str *plain, pb_str *name)
{
    size_t open = 0, close;

    while (open + 1 < text->size && !(text->data[open] == '{' && text->data[open + 1] == '{'))
        open++;
    *name = (pb_str){0};
    if (open + 1 >= text->size) {
        *plain = *text;
        *text = (pb_str){0};
        return true;
    }
    *plain = pb_str_slice(*text, 0, open);
    for (close = open + 2; close + 1 < text->size; close++)
        if (text->data[close] == '}' && text->data[close + 1] == '}') {
            *name = pb_str_trim(pb_str_slice(*text, open + 2, close - open - 2));
            *text = pb_str_slice(*text, close + 2, text->size);
            return true;
        }
    return false;
}

static const struct argument *argument_named(const struct prompt *prompt, pb_str name)
{
    for (size_t i = 0; i < prompt->arguments.count; i++)
        if (pb_str_equal(PB_ITEM(prompt->arguments, struct argument, i).name, name))
            return &PB_ITEM(prompt->arguments, struct argument, i);
    return NULL;
}

pb_status prompts_check(const struct prompt *prompt, pb_str *problem)
{
    pb_str text = prompt->text, plain, name;

    while (text.size) {
        if (!next_piece(&text, &plain, &name)) {
            *problem = pb_lit("has '{{' without '}}'");
            return PB_INVALID;
        }
        if (name.data && !argument_named(prompt, name)) {
            *problem = pb_printf("names '%.*s', which is none of its arguments", PB_ARG(name));
            return PB_INVALID;
        }
    }
    return PB_OK;
}

/* --- the list ------------------------------------------------------------------------------ */

static void write_argument(const struct argument *argument, pb_json_writer *writer)
{
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "name");
    pb_jw_str(writer, argument->name);
    if (argument->description.size) {
        pb_jw_key(writer, "description");
        pb_jw_str(writer, argument->description);
    }
    pb_jw_key(writer, "required");
    pb_jw_bool(writer, argument->required);
    pb_jw_close(writer, '}');
}

static void write_prompt(const struct rpc *rpc, size_t index, pb_json_writer *writer)
{
    const struct prompt *prompt = &((const struct prompt *)rpc->self->prompts.items)[index];

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "name");
    pb_jw_str(writer, rpc->self->prompts.keys[index]);
    if (prompt->title.size && rpc->session->version >= V_2025_06_18) {
        pb_jw_key(writer, "title");
        pb_jw_str(writer, prompt->title);
    }
    if (prompt->description.size) {
        pb_jw_key(writer, "description");
        pb_jw_str(writer, prompt->description);
    }
    pb_jw_key(writer, "arguments");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < prompt->arguments.count; i++)
        write_argument(&PB_ITEM(prompt->arguments, struct argument, i), writer);
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

pb_status prompts_list(struct rpc *rpc, pb_json_writer *writer)
{
    size_t from, written = 0, count = rpc->self->prompts.count, page = (size_t)rpc->self->page;
    pb_status status = page_begin(rpc, &from);

    if (status == PB_OK && !count)
        return rpc_fail(rpc, RPC_METHOD, "there are no prompts here");
    pb_jw_key(writer, "prompts");
    pb_jw_open(writer, '[');
    for (; from < count && written < page; from++, written++)
        write_prompt(rpc, from, writer);
    pb_jw_close(writer, ']');
    page_end(writer, from < count ? from : 0);
    return status;
}

/* --- one of them --------------------------------------------------------------------------- */

static const struct prompt *prompt_named(const struct mcp *self, pb_str name)
{
    for (size_t i = 0; i < self->prompts.count; i++)
        if (pb_str_equal(self->prompts.keys[i], name))
            return &((const struct prompt *)self->prompts.items)[i];
    return NULL;
}

static pb_status check_given(struct rpc *rpc, const struct prompt *prompt, const pb_json *given)
{
    if (given && given->type != PB_JSON_OBJECT)
        return rpc_fail(rpc, RPC_PARAMS, "params.arguments must be an object");
    for (const pb_json *at = given ? given->child : NULL; at; at = at->next) {
        pb_str key = pb_str_slice(at->key, 0, 128);
        if (!argument_named(prompt, at->key))
            return rpc_fail(rpc, RPC_PARAMS, "the prompt has no argument '%.*s'", PB_ARG(key));
        if (at->type != PB_JSON_STRING)
            return rpc_fail(rpc, RPC_PARAMS, "the argument '%.*s' must be a text", PB_ARG(key));
    }
    for (size_t i = 0; i < prompt->arguments.count; i++) {
        const struct argument *argument = &PB_ITEM(prompt->arguments, struct argument, i);
        if (argument->required && !pb_json_text(pb_json_member(given, argument->name)).size)
            return rpc_fail(rpc, RPC_PARAMS, "the argument '%.*s' is needed",
                            PB_ARG(argument->name));
    }
    return PB_OK;
}

static void write_message(pb_json_writer *writer, pb_str text)
{
    pb_jw_key(writer, "messages");
    pb_jw_open(writer, '[');
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "role");
    pb_jw_str(writer, pb_lit("user"));
    pb_jw_key(writer, "content");
    (void)content_block(writer, text);
    pb_jw_close(writer, '}');
    pb_jw_close(writer, ']');
}

pb_status prompts_get(struct rpc *rpc, pb_json_writer *writer)
{
    const pb_json *given = pb_json_get(rpc->params, "arguments");
    pb_str name, text, plain, value;
    pb_buf filled = {0};
    pb_status status = rpc_text(rpc, "name", &name);
    const struct prompt *prompt = status == PB_OK ? prompt_named(rpc->self, name) : NULL;

    if (status == PB_OK && !prompt)
        return rpc_fail(rpc, RPC_PARAMS, "there is no prompt '%.*s'",
                        PB_ARG(pb_str_slice(name, 0, 128)));
    if (status == PB_OK)
        status = check_given(rpc, prompt, given);
    if (status != PB_OK)
        return status;
    for (text = prompt->text; text.size && next_piece(&text, &plain, &value);) {
        pb_buf_add(&filled, plain);
        if (value.data)
            pb_buf_add(&filled, pb_json_text(pb_json_member(given, value)));
    }
    if (prompt->description.size) {
        pb_jw_key(writer, "description");
        pb_jw_str(writer, prompt->description);
    }
    write_message(writer, pb_buf_str(&filled));
    return pb_buf_status(&filled);
}

/* --- values of an argument ----------------------------------------------------------------- */

static void write_values(const struct argument *argument, pb_str begun, pb_json_writer *writer)
{
    enum { MOST = 100 };
    int64_t total = 0;

    pb_jw_key(writer, "completion");
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "values");
    pb_jw_open(writer, '[');
    for (size_t i = 0; argument && i < argument->values.count; i++) {
        pb_str value = PB_ITEM(argument->values, pb_str, i);
        if (!pb_str_same(pb_str_slice(value, 0, begun.size), begun))
            continue;
        if (total++ < MOST)
            pb_jw_str(writer, value);
    }
    pb_jw_close(writer, ']');
    pb_jw_key(writer, "total");
    pb_jw_int(writer, total);
    pb_jw_key(writer, "hasMore");
    pb_jw_bool(writer, total > MOST);
    pb_jw_close(writer, '}');
}

/* Of a prompt's argument; ids of documents are not guessed. */
pb_status complete(struct rpc *rpc, pb_json_writer *writer)
{
    const pb_json *ref = pb_json_get(rpc->params, "ref");
    const pb_json *argument = pb_json_get(rpc->params, "argument");
    pb_str type = pb_json_text(pb_json_get(ref, "type")), begun;
    pb_str name = pb_json_text(pb_json_get(argument, "name"));
    const struct prompt *prompt;

    begun = pb_json_text(pb_json_get(argument, "value"));
    if (!name.data || !begun.data)
        return rpc_fail(rpc, RPC_PARAMS, "params.argument must have a name and a value");
    if (pb_str_is(type, "ref/resource")) {
        write_values(NULL, begun, writer);
        return PB_OK;
    }
    if (!pb_str_is(type, "ref/prompt"))
        return rpc_fail(rpc, RPC_PARAMS, "params.ref.type must be ref/prompt or ref/resource");
    prompt = prompt_named(rpc->self, pb_json_text(pb_json_get(ref, "name")));
    if (!prompt || !argument_named(prompt, name))
        return rpc_fail(rpc, RPC_PARAMS, "there is no such prompt, or it has no such argument");
    write_values(argument_named(prompt, name), begun, writer);
    return PB_OK;
}
