/* tools.c - the functions that this stage's tools offer, and running the calls of a model. */
#include "generate.h"

#include <patchbay/json.h>

pb_status offers_list(const struct generate *generate, struct offers *out)
{
    size_t room = 0;

    for (size_t i = 0; i < generate->tools.count; i++) {
        pb_instance *tool = PB_ITEM(generate->tools, pb_instance *, i);
        pb_tool_list list;
        memset(&list, 0, sizeof list);
        list.size = (uint32_t)sizeof list;
        pb_status status = pb_tool_list_functions(tool, &list);
        if (status != PB_OK)
            return status;
        out->items = (struct offer *)pb_grow(out->items, room * sizeof *out->items,
                                             (room + list.count) * sizeof *out->items);
        if (!out->items && list.count)
            return PB_NO_MEMORY;
        for (size_t j = 0; j < list.count; j++) {
            out->items[room].tool = tool;
            out->items[room++].function = list.functions[j];
        }
    }
    out->count = room;
    return PB_OK;
}

const struct offer *offers_find(const struct offers *offers, pb_str name)
{
    for (size_t i = 0; i < offers->count; i++)
        if (pb_str_equal(offers->items[i].function->name, name))
            return &offers->items[i];
    return NULL;
}

static pb_json *copy_of(const pb_json *json)
{
    pb_json *copy = json ? PB_NEW(pb_json) : NULL;
    if (copy)
        *copy = *json;
    return copy;
}

const pb_json *offers_merge(const struct offers *offers, const pb_json *tools)
{
    pb_str none = pb_str_make(NULL, 0);
    pb_json *all = pb_json_new(PB_JSON_ARRAY, none);

    for (const pb_json *at = pb_json_is(tools, PB_JSON_ARRAY) ? tools->child : NULL; at;
         at = at->next)
        pb_json_add(all, none, copy_of(at));
    for (size_t i = 0; i < offers->count; i++) {
        const pb_tool_function *function = offers->items[i].function;
        pb_json *tool = pb_json_add(all, none, pb_json_new(PB_JSON_OBJECT, none));
        pb_json_add(tool, pb_lit("type"), pb_json_string(pb_lit("function")));
        pb_json *body =
            pb_json_add(tool, pb_lit("function"), pb_json_new(PB_JSON_OBJECT, none));
        pb_json_add(body, pb_lit("name"), pb_json_string(function->name));
        if (function->description.size)
            pb_json_add(body, pb_lit("description"), pb_json_string(function->description));
        pb_json_add(body, pb_lit("parameters"), copy_of(function->parameters));
    }
    return all;
}

/* A call and the task that makes it; the result is text in memory that outlives the task. */
struct running {
    struct call *call;
    pb_task *task;
    char *room;
    size_t size;
    pb_status status;
};

enum { RESULT_MOST = 256 * 1024 };

static pb_status run_call(void *arg)
{
    struct running *running = arg;
    struct call *call = running->call;
    const pb_json *arguments = NULL, *result = NULL;
    pb_str text = pb_buf_str(&call->arguments);
    pb_buf buf;

    memset(&buf, 0, sizeof buf);
    pb_status status = pb_json_parse(text.size ? text : pb_lit("{}"), &arguments);
    if (status == PB_OK)
        status = pb_tool_call_function(call->offer->tool, call->name, arguments, &result);
    if (status == PB_CANCELLED)
        return status;
    if (status != PB_OK) /* the model should know, and may do something else */
        pb_buf_printf(&buf, "Error: %.*s", PB_ARG(pb_error_last()->sentence));
    else if (pb_json_is(result, PB_JSON_STRING))
        pb_buf_add(&buf, result->text);
    else if (result)
        pb_json_write(&buf, result);
    if (buf.failed)
        return PB_NO_MEMORY;
    running->size = buf.size < RESULT_MOST ? buf.size : RESULT_MOST;
    running->room = (char *)malloc(running->size + 1);
    if (running->room && running->size)
        memcpy(running->room, buf.data, running->size);
    return running->room ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

pb_status calls_run(struct calls *calls, pb_turn *turn)
{
    struct running *all = PB_NEW_ARRAY(struct running, calls->count);
    pb_status status = all ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;

    (void)turn;
    for (size_t i = 0; all && i < calls->count; i++) {
        all[i].call = &calls->items[i];
        all[i].status = pb_spawn(run_call, &all[i], &all[i].task);
    }
    for (size_t i = 0; all && i < calls->count; i++) {
        if (all[i].task)
            all[i].status = pb_join(all[i].task);
        if (status == PB_OK)
            status = all[i].status;
        if (all[i].room) /* from the child's hands into the turn's memory */
            calls->items[i].result = pb_copy(pb_str_make(all[i].room, all[i].size));
        free(all[i].room);
    }
    return status;
}
