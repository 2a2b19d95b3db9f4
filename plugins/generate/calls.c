/* calls.c - tool calls put together from the pieces of a stream, and back into messages. */
#include "generate.h"

/* Whose is it? Known as soon as its name is. */
static void decide(struct calls *calls, struct call *call, const struct offers *offers)
{
    call->known = true;
    call->offer = offers_find(offers, call->name);
    call->passed = !call->offer && offers_is_clients(offers, call->name);
    if (call->passed)
        call->index = calls->passed++; /* without holes where ours are */
}

static pb_status collect(struct call *call, const pb_event *event)
{
    if (event->id.size && !call->id.size)
        call->id = pb_copy(event->id);
    if (event->name.size && !call->known)
        call->name = pb_copy(event->name);
    if (!call->signature.size)
        call->signature = pb_copy(pb_json_text(pb_json_get(event->data, "signature")));
    pb_buf_add(&call->arguments, event->text);
    if ((event->id.size && !call->id.size) || (event->name.size && !call->name.size))
        return PB_NO_MEMORY;
    return pb_buf_status(&call->arguments);
}

pb_status calls_take(struct calls *calls, const pb_event *event, const struct offers *offers,
                     pb_sink *sink)
{
    if (event->index >= calls->most)
        return pb_fail(PB_BAD_UPSTREAM, "the model made more than %zu tool calls at once",
                       calls->most);
    if (event->index > calls->count)
        return pb_fail(PB_BAD_UPSTREAM, "the model's tool calls come out of order");
    if (!calls->items && !(calls->items = PB_NEW_ARRAY(struct call, calls->most)))
        return PB_NO_MEMORY;
    struct call *call = &calls->items[event->index];
    if (event->index == calls->count) {
        memset(call, 0, sizeof *call);
        calls->count++;
    }
    pb_status status = collect(call, event);
    if (status != PB_OK)
        return status;
    bool first = !call->known && call->name.size;
    if (first)
        decide(calls, call, offers);
    if (!call->passed)
        return PB_OK;
    pb_event piece = *event;
    piece.index = call->index;
    if (first) { /* with what came before the name */
        piece.id = call->id;
        piece.text = pb_buf_str(&call->arguments);
    }
    return pb_sink_emit(sink, &piece);
}

static pb_event event_of(int32_t type, const struct call *call, uint32_t index)
{
    pb_event event = pb_event_make(type);

    event.flags = PB_EVENT_LOCAL;
    event.index = index;
    event.id = call->id;
    event.name = call->name;
    return event;
}

pb_status call_announce(const struct call *call, uint32_t index, pb_sink *sink)
{
    pb_event event = event_of(PB_EVENT_TOOL_CALL, call, index);
    event.text = pb_buf_str(&call->arguments);
    return pb_sink_emit(sink, &event);
}

pb_status call_report(const struct call *call, uint32_t index, pb_sink *sink)
{
    pb_event event = event_of(PB_EVENT_TOOL_RESULT, call, index);
    event.text = call->result;
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
        pb_str arguments = pb_buf_str(&calls->items[i].arguments);
        items[i].size = (uint32_t)sizeof items[i];
        items[i].index = (uint32_t)i;
        items[i].id = calls->items[i].id;
        items[i].name = calls->items[i].name;
        items[i].arguments = arguments.size ? arguments : pb_lit("{}");
        items[i].signature = calls->items[i].signature;
        list[i] = &items[i];
    }
    message->tool_calls = list;
    message->tool_call_count = calls->count;
    return message;
}

pb_status calls_append(const struct calls *calls, const struct thinking *thinking, pb_str text,
                       pb_turn *turn)
{
    size_t count = 0;
    const pb_message *const *before = pb_turn_messages(turn, &count);
    const pb_message **all = PB_NEW_ARRAY(const pb_message *, count + 1 + calls->count);

    if (!all)
        return PB_NO_MEMORY;
    memcpy(all, before, count * sizeof *all);
    pb_message *calling = calling_message(calls, text);
    if (!calling || thinking_give(thinking, calling) != PB_OK)
        return PB_NO_MEMORY;
    all[count++] = calling;
    for (size_t i = 0; i < calls->count; i++) {
        pb_message *message = pb_message_new(PB_ROLE_TOOL, calls->items[i].result);
        if (!message)
            return PB_NO_MEMORY;
        message->tool_call_id = calls->items[i].id;
        message->name = calls->items[i].name;
        all[count++] = message;
    }
    return pb_turn_set_messages(turn, all, count);
}
