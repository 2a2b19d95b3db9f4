/* chat_here.c - a turn of the chat through a pipeline of this process. */
#include "app/chat.h"

#include "app/worker.h"
#include "plugin/instances.h"
#include <patchbay/transport.h>

/* The pipeline of the terminal's transport, else the first that a transport offers. */
const char *chat_usual_pipeline(void)
{
    const struct config_node *offered = NULL;

    for (pb_instance *at = instances_all(); at; at = at->next) {
        if (!pb_str_is(at->kind, "transport") || !at->node)
            continue;
        const struct config_node *one = config_node_get(at->node, "pipeline");
        const struct config_node *some = config_node_get(at->node, "pipelines");
        if (((const pb_transport *)at->interface)->run && one && one->text.size)
            return pb_copy(one->text).data;
        if (!offered && some)
            offered = some->child ? some->child : some;
    }
    if (offered && offered->text.size)
        return pb_copy(offered->text).data;
    return pipelines_all() ? pb_copy(pipelines_all()->info.name).data : NULL;
}

struct here {
    pb_sink base;
    struct chat *chat;
};

static void note_result(struct chat *chat, const pb_turn_result *result)
{
    chat->fallback = result->fallback != 0;
    snprintf(chat->llm, sizeof chat->llm, "%.*s", PB_ARG(result->llm));
}

static pb_status show_source(struct chat *chat, const pb_json *source)
{
    pb_scope *scope = pb_scope_begin();
    pb_buf json = {0};

    pb_json_write(&json, source);
    chat_view_source(chat, pb_buf_str(&json));
    pb_scope_end(scope);
    return PB_OK;
}

static pb_status emit(pb_sink *sink, const pb_event *event)
{
    struct chat *chat = ((struct here *)sink)->chat;

    switch (event->type) {
    case PB_EVENT_TEXT:
        return chat_view_text(chat, event->text);
    case PB_EVENT_THINKING:
        chat_view_stage(chat, pb_lit("thinking"));
        return PB_OK;
    case PB_EVENT_STAGE:
        if (pb_str_is(event->text, "begin"))
            chat_view_stage(chat, event->name);
        return PB_OK;
    case PB_EVENT_TOOL_CALL:
        if (!event->name.size)
            return PB_OK;
        return chat_view_note(chat, pb_printf("calls %.*s", PB_ARG(event->name)));
    case PB_EVENT_SOURCE:
        return event->data ? show_source(chat, event->data) : (pb_status)PB_OK;
    case PB_EVENT_DONE:
        note_result(chat, event->result);
        return PB_OK;
    default:
        return PB_OK;
    }
}

/* The conversation is kept by the pipeline, or else told again with every turn. */
static pb_status fill_spec(struct chat *chat, pb_turn_spec *spec)
{
    bool keeps = pb_pipeline_info_of(spec->pipeline)->keeps_history;
    size_t before = keeps ? 0 : chat->said_count;
    const pb_message **messages = PB_NEW_ARRAY(const pb_message *, before + 1);

    if (!messages)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < before; i++)
        messages[i] = pb_message_new(chat->said[i].role, pb_str_of(chat->said[i].text));
    messages[before] = pb_message_new(PB_ROLE_USER, chat->question);
    for (size_t i = 0; i <= before; i++)
        if (!messages[i])
            return PB_NO_MEMORY;
    spec->messages = messages;
    spec->message_count = before + 1;
    if (keeps)
        spec->conversation = chat->conversation[0] ? pb_str_of(chat->conversation) : pb_lit("new");
    else if (chat->conversation[0])
        return pb_fail(PB_INVALID,
                       "the pipeline '%s' keeps no conversations; it needs the stage "
                       "'history'",
                       chat->pipeline);
    return PB_OK;
}

pb_status chat_ask_here(struct chat *chat)
{
    struct here here = {.base = {.size = (uint32_t)sizeof(pb_sink), .emit = emit}, .chat = chat};
    pb_turn_spec spec = pb_turn_spec_make();
    pb_turn *turn;

    spec.pipeline = pb_pipeline_find(pb_str_of(chat->pipeline));
    spec.principal = terminal_principal();
    spec.transport = pb_lit("chat");
    spec.stream = spec.stream_stages = 1;
    pb_status status = fill_spec(chat, &spec);
    if (status == PB_OK)
        status = pb_turn_new(&spec, &turn);
    if (status != PB_OK)
        return status;
    const pb_turn_info *info = pb_turn_info_of(turn);
    chat_keep_id(chat->turn, info->id);
    status = pb_turn_run(turn, &here.base);
    /* what failed before anything was stored has not begun one */
    if (info->conversation.size && (status == PB_OK || chat->spoke))
        chat_keep_id(chat->conversation, info->conversation);
    pb_turn_free(turn);
    return status;
}
