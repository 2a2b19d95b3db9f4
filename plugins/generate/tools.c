/* tools.c - the functions that this stage's tools offer, and running the calls of a model. */
#include "generate.h"

#include <patchbay/json.h>

static pb_str client_name(const pb_json *tool)
{
    return pb_json_text(pb_json_get(pb_json_get(tool, "function"), "name"));
}

const struct offer *offers_find(const struct offers *offers, pb_str name)
{
    for (size_t i = 0; i < offers->count; i++)
        if (pb_str_equal(offers->items[i].function->name, name))
            return &offers->items[i];
    return NULL;
}

bool offers_is_clients(const struct offers *offers, pb_str name)
{
    for (const pb_json *at = offers->clients ? offers->clients->child : NULL; at; at = at->next)
        if (pb_str_equal(client_name(at), name))
            return true;
    return false;
}

static pb_status add_offers(struct offers *offers, pb_instance *tool, const pb_tool_list *list)
{
    struct offer *items = (struct offer *)pb_grow(offers->items, offers->count * sizeof *items,
                                                  (offers->count + list->count) * sizeof *items);
    if (!items && list->count)
        return PB_NO_MEMORY;
    offers->items = items;
    for (size_t i = 0; i < list->count; i++) {
        const struct offer *other = offers_find(offers, list->functions[i]->name);
        if (other)
            return pb_fail(PB_INTERNAL, "the tools '%.*s' and '%.*s' both offer a function '%.*s'",
                           PB_ARG(pb_instance_name(other->tool)), PB_ARG(pb_instance_name(tool)),
                           PB_ARG(other->function->name));
        items[offers->count].tool = tool;
        items[offers->count++].function = list->functions[i];
    }
    return PB_OK;
}

pb_status offers_list(const struct generate *generate, pb_turn *turn, struct offers *out)
{
    const pb_json *clients = pb_json_get(pb_turn_params(turn), "tools");

    if (!clients)
        clients = pb_json_get(generate->params, "tools");
    out->clients = pb_json_is(clients, PB_JSON_ARRAY) ? clients : NULL;
    for (size_t i = 0; i < generate->tools.count; i++) {
        pb_instance *tool = PB_ITEM(generate->tools, pb_instance *, i);
        pb_tool_list list;
        memset(&list, 0, sizeof list);
        list.size = (uint32_t)sizeof list;
        pb_status status = pb_tool_list_functions(tool, &list);
        if (status == PB_OK)
            status = add_offers(out, tool, &list);
        if (status != PB_OK)
            return status;
    }
    for (size_t i = 0; i < out->count; i++)
        if (offers_is_clients(out, out->items[i].function->name))
            return pb_fail_at(PB_INVALID, "/tools",
                              "a function '%.*s' is offered here already; give yours another name",
                              PB_ARG(out->items[i].function->name));
    return PB_OK;
}

/* --- running ---------------------------------------------------------------------------------- */

/* A call and the task that makes it. The task's memory dies with it: it leaves the result in `room`
 * (malloc), which the parent copies and frees. */
struct running {
    const struct call *call;
    pb_task *task;
    size_t most;
    char *room;
    size_t size;
    pb_status status;
};

static pb_status make_call(const struct call *call, const pb_json **result)
{
    pb_str text = pb_str_trim(pb_buf_str(&call->arguments));
    const pb_json *arguments = NULL;
    pb_status status = pb_json_parse(text.size ? text : pb_lit("{}"), &arguments);

    if (status == PB_OK && arguments->type != PB_JSON_OBJECT)
        status = pb_fail(PB_INVALID, "the arguments must be a JSON object");
    return status == PB_OK ? pb_tool_call_function(call->offer->tool, call->name, arguments, result)
                           : status;
}

/* At most `most` bytes, not cut within a character. */
static size_t cut(const pb_buf *buf, size_t most)
{
    size_t size = buf->size;

    if (size <= most)
        return size;
    for (size = most; size && ((unsigned char)buf->data[size] & 0xC0) == 0x80;)
        size--;
    return size;
}

static pb_status leave(struct running *running, const pb_buf *buf)
{
    static const char more[] = " [cut: the result was longer]";
    size_t size = cut(buf, running->most), tail = size < buf->size ? sizeof more - 1 : 0;

    if (buf->failed || !(running->room = (char *)malloc(size + tail + 1)))
        return pb_fail(PB_NO_MEMORY, "there is no memory for the result of a tool");
    if (size)
        memcpy(running->room, buf->data, size);
    memcpy(running->room + size, more, tail);
    running->size = size + tail;
    return PB_OK;
}

static pb_status run_call(void *arg)
{
    struct running *running = arg;
    const pb_json *result = NULL;
    pb_buf buf;

    memset(&buf, 0, sizeof buf);
    pb_status status = make_call(running->call, &result);
    if (status == PB_CANCELLED)
        return status;
    if (status == PB_DECLINED)
        pb_buf_add(&buf, pb_lit("Error: the tool does not do this"));
    else if (status != PB_OK) /* the model should know, and may do something else */
        pb_buf_printf(&buf, "Error: %.*s", PB_ARG(pb_error_last()->sentence));
    else if (pb_json_is(result, PB_JSON_STRING))
        pb_buf_add(&buf, result->text);
    else if (result)
        pb_json_write(&buf, result);
    return leave(running, &buf);
}

static pb_status take_result(struct running *running, struct call *call)
{
    if (running->task)
        running->status = pb_join(running->task);
    if (running->room)
        call->result = pb_copy(pb_str_make(running->room, running->size));
    free(running->room);
    return running->status == PB_OK && call->offer && !call->result.data ? (pb_status)PB_NO_MEMORY
                                                                         : running->status;
}

pb_status calls_run(const struct generate *generate, struct calls *calls)
{
    struct running *all = PB_NEW_ARRAY(struct running, calls->count);
    pb_status status = PB_OK;

    if (!all)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < calls->count; i++) {
        struct call *call = &calls->items[i];
        all[i].call = call;
        all[i].most = (size_t)generate->max_result;
        if (call->offer)
            all[i].status = pb_spawn(run_call, &all[i], &all[i].task);
        else
            call->result = pb_printf("Error: there is no function '%.*s'",
                                     PB_ARG(pb_str_slice(call->name, 0, 64)));
    }
    for (size_t i = 0; i < calls->count; i++) { /* all are joined, whatever the first one says */
        pb_status one = take_result(&all[i], &calls->items[i]);
        if (status == PB_OK)
            status = one;
    }
    return status;
}
