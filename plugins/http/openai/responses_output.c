/* responses_output.c - a turn's events as output items: reasoning, messages, function calls, in the order in
 * which they began. */
#include "openai/responses.h"

struct output output_make(size_t limit)
{
    struct output output;

    memset(&output, 0, sizeof output);
    output.reply = pb_reply_make(limit);
    return output;
}

void output_end(struct output *output)
{
    for (size_t i = 0; i < output->count; i++)
        free(output->items[i].sealed.data);
    free(output->items);
    pb_reply_end(&output->reply);
}

static size_t count_of(const struct output *output, int32_t type)
{
    size_t count = 0;

    for (size_t i = 0; i < output->count; i++)
        count += output->items[i].type == type;
    return count;
}

static struct item *add(struct output *output, int32_t type)
{
    enum { MOST = 4096 };
    if (output->count == MOST) {
        pb_fail(PB_BAD_UPSTREAM, "the reply holds more than %d items", MOST);
        return NULL;
    }
    if (output->count == output->room) {
        size_t room = output->room ? output->room * 2 : 4;
        struct item *items = realloc(output->items, room * sizeof *items);
        if (!items) {
            pb_fail(PB_NO_MEMORY, "out of memory");
            return NULL;
        }
        output->items = items;
        output->room = room;
    }
    struct item *item = &output->items[output->count];
    memset(item, 0, sizeof *item);
    item->type = type;
    item->number = count_of(output, type);
    output->count++;
    return item;
}

/* The item that text or thinking goes on in: the last one, if it is of that type and has not ended. */
static struct item *open_item(struct output *output, int32_t type, bool *fresh)
{
    struct item *last = output->count ? &output->items[output->count - 1] : NULL;

    if (last && last->type == type && !last->ended)
        return last;
    *fresh = true;
    last = add(output, type);
    if (last) {
        last->from = last->to =
            type == ITEM_MESSAGE ? output->reply.text.size : output->reply.thinking.size;
        last->logs = last->logs_to = output->reply.logprobs.size;
    }
    return last;
}

static pb_status note_text(struct output *output, const pb_event *event, struct item **item,
                           bool *fresh)
{
    if (!event->text.size && !event->data)
        return PB_DECLINED;
    if (!(*item = open_item(output, ITEM_MESSAGE, fresh)))
        return pb_error_last()->status;
    pb_status status = pb_reply_note(&output->reply, event);
    (*item)->to = output->reply.text.size;
    (*item)->logs_to = output->reply.logprobs.size;
    return status;
}

static pb_status note_thinking(struct output *output, const pb_event *event, struct item **item,
                               bool *fresh)
{
    pb_str sealed = pb_json_text(pb_json_get(event->data, "signature"));

    if (!event->text.size && !event->data)
        return PB_DECLINED;
    if (!(*item = open_item(output, ITEM_REASONING, fresh)))
        return pb_error_last()->status;
    pb_status status = pb_reply_note(&output->reply, event);
    (*item)->to = output->reply.thinking.size;
    if (status != PB_OK || !event->data)
        return status;
    if (!sealed.size)
        sealed = pb_json_text(pb_json_get(event->data, "redacted"));
    return pb_reply_add(&output->reply, &(*item)->sealed, sealed);
}

static pb_status note_call(struct output *output, const pb_event *event, struct item **item,
                           bool *fresh)
{
    size_t before = output->reply.call_count, number = 0;
    pb_status status = pb_reply_note(&output->reply, event);

    if (status != PB_OK)
        return status;
    if (output->reply.call_count > before) {
        *fresh = true;
        return (*item = add(output, ITEM_CALL)) ? (pb_status)PB_OK : pb_error_last()->status;
    }
    while (output->reply.calls[number].index != event->index ||
           output->reply.calls[number].branch != event->branch)
        number++;
    for (size_t i = 0; i < output->count; i++)
        if (output->items[i].type == ITEM_CALL && output->items[i].number == number)
            *item = &output->items[i];
    return PB_OK;
}

pb_status output_note(struct output *output, const pb_event *event, size_t *place, bool *fresh)
{
    struct item *item = NULL;
    pb_status status = PB_DECLINED;

    *fresh = false;
    if (event->type == PB_EVENT_TEXT)
        status = note_text(output, event, &item, fresh);
    else if (event->type == PB_EVENT_THINKING)
        status = note_thinking(output, event, &item, fresh);
    else if (event->type == PB_EVENT_TOOL_CALL && !(event->flags & PB_EVENT_LOCAL))
        status = note_call(output, event, &item, fresh);
    else if (event->type == PB_EVENT_SOURCE)
        status = pb_reply_note(&output->reply, event);
    if (item)
        *place = (size_t)(item - output->items);
    return status == PB_OK && !item ? (pb_status)PB_DECLINED : status;
}

/* --- as JSON ------------------------------------------------------------------------------------ */

pb_str item_text(const struct output *output, const struct item *item)
{
    const pb_reply *reply = &output->reply;

    if (item->type == ITEM_CALL)
        return pb_reply_str(&reply->calls[item->number].arguments);
    return pb_str_slice(
        pb_reply_str(item->type == ITEM_MESSAGE ? &reply->text : &reply->thinking), item->from,
        item->to - item->from);
}

pb_str item_name(const struct item *item, pb_str base)
{
    static const char *const prefixes[] = {"rs_", "msg_", "fc_"};

    return item_id(prefixes[item->type], base, item->number);
}

static void write_message(pb_json_writer *writer, const struct output *output,
                          const struct item *item, bool begun)
{
    pb_str logs = pb_str_slice(pb_reply_str(&output->reply.logprobs), item->logs,
                               item->logs_to - item->logs);

    pb_jw_member(writer, "role", pb_lit("assistant"));
    pb_jw_key(writer, "content");
    pb_jw_open(writer, '[');
    if (!begun) {
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "type", pb_lit("output_text"));
        pb_jw_key(writer, "text");
        pb_jw_str(writer, item_text(output, item));
        pb_jw_key(writer, "annotations");
        pb_jw_raw(writer, pb_lit("[]"));
        pb_jw_key(writer, "logprobs");
        pb_jw_open(writer, '[');
        if (logs.size)
            pb_jw_raw(writer, pb_str_slice(logs, logs.data[0] == ',', logs.size));
        pb_jw_close(writer, ']');
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static void write_reasoning(pb_json_writer *writer, const struct output *output,
                            const struct item *item, bool begun)
{
    pb_jw_key(writer, "summary");
    pb_jw_open(writer, '[');
    if (!begun && item->to > item->from) {
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "type", pb_lit("summary_text"));
        pb_jw_member(writer, "text", item_text(output, item));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
    if (!begun && item->sealed.size)
        pb_jw_member(writer, "encrypted_content", pb_reply_str(&item->sealed));
}

static void write_call(pb_json_writer *writer, const pb_reply_call *call, bool begun)
{
    pb_jw_key(writer, "call_id");
    pb_jw_str(writer, pb_reply_str(&call->id));
    pb_jw_key(writer, "name");
    pb_jw_str(writer, pb_reply_str(&call->name));
    pb_jw_key(writer, "arguments"); /* a text, also when it is empty */
    pb_jw_str(writer, begun ? pb_lit("") : pb_reply_str(&call->arguments));
    openai_signature_write(writer, pb_reply_str(&call->signature));
}

void item_write(pb_json_writer *writer, const struct output *output, const struct item *item,
                pb_str base, const char *status)
{
    static const char *const types[] = {"reasoning", "message", "function_call"};
    bool begun = pb_str_is(pb_str_of(status), "in_progress"); /* nothing of its content yet */

    pb_jw_open(writer, '{');
    pb_jw_member(writer, "id", item_name(item, base));
    pb_jw_member(writer, "type", pb_str_of(types[item->type]));
    if (item->type != ITEM_REASONING)
        pb_jw_member(writer, "status", pb_str_of(status));
    if (item->type == ITEM_MESSAGE)
        write_message(writer, output, item, begun);
    else if (item->type == ITEM_REASONING)
        write_reasoning(writer, output, item, begun);
    else
        write_call(writer, &output->reply.calls[item->number], begun);
    pb_jw_close(writer, '}');
}
