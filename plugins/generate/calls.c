/* calls.c - tool calls put together from the pieces of a stream, and back into messages. */
#include "generate.h"

/* The call that this piece belongs to; a new one when its index is new. */
struct call *calls_take(struct calls *calls, const pb_event *event, const struct offers *offers)
{
    if (!calls->items)
        calls->items = PB_NEW_ARRAY(struct call, CALLS_MOST);
    if (!calls->items || event->index >= CALLS_MOST || event->index > calls->count)
        return NULL;
    struct call *call = &calls->items[event->index];
    if (event->index == calls->count) {
        memset(call, 0, sizeof *call);
        calls->count++;
    }
    if (event->id.size && !call->id.size)
        call->id = pb_copy(event->id);
    if (event->name.size && !call->name.size) {
        call->name = pb_copy(event->name);
        call->offer = offers_find(offers, call->name);
    }
    pb_buf_add(&call->arguments, event->text);
    return call->arguments.failed ? NULL : call;
}

bool calls_all_local(const struct calls *calls)
{
    for (size_t i = 0; i < calls->count; i++)
        if (!calls->items[i].offer)
            return false;
    return true;
}

pb_status call_announce(const struct call *call, uint32_t index, pb_sink *sink)
{
    pb_event event = pb_event_make(PB_EVENT_TOOL_CALL);

    event.flags = PB_EVENT_LOCAL;
    event.index = index;
    event.id = call->id;
    event.name = call->name;
    event.text = pb_buf_str(&call->arguments);
    return pb_sink_emit(sink, &event);
}

static pb_message *calling_message(const struct calls *calls, pb_str text)
{
    pb_message *message = pb_message_new(PB_ROLE_ASSISTANT, text);
    const pb_tool_call **list = PB_NEW_ARRAY(const pb_tool_call *, calls->count);
    pb_tool_call *items = PB_NEW_ARRAY(pb_tool_call, calls->count);

    if (!message || !list || !items)
        return NULL;
    for (size_t i = 0; i < calls->count; i++) {
        items[i].size = (uint32_t)sizeof items[i];
        items[i].index = (uint32_t)i;
        items[i].id = calls->items[i].id;
        items[i].name = calls->items[i].name;
        items[i].arguments = pb_copy(pb_buf_str(&calls->items[i].arguments));
        list[i] = &items[i];
    }
    message->tool_calls = list;
    message->tool_call_count = calls->count;
    return message;
}

pb_status calls_append(const struct calls *calls, pb_str text, pb_turn *turn)
{
    size_t count = 0;
    const pb_message *const *before = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1 + calls->count);

    if (!all)
        return PB_NO_MEMORY;
    memcpy(all, before, count * sizeof *all);
    all[count++] = calling_message(calls, text);
    for (size_t i = 0; i < calls->count; i++) {
        pb_message *message = pb_message_new(PB_ROLE_TOOL, calls->items[i].result);
        if (message) {
            message->tool_call_id = calls->items[i].id;
            message->name = calls->items[i].name;
        }
        all[count++] = message;
    }
    for (size_t i = 0; i < count; i++)
        if (!all[i])
            return PB_NO_MEMORY;
    return pb_turn_set_messages(turn, all, count);
}
