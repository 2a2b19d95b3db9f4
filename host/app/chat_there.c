/* chat_there.c - a turn of the chat on a running server, by the native API. */
#include "app/chat.h"

#include "app/remote.h"
#include <patchbay/json.h>

static void member(pb_json_writer *writer, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    pb_jw_key(writer, name);
    pb_jw_str(writer, pb_str_of(value));
}

static pb_str request_body(const struct chat *chat)
{
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    pb_jw_open(&writer, '{');
    member(&writer, "pipeline", chat->pipeline);
    member(&writer, "conversation", chat->conversation);
    pb_jw_key(&writer, "message");
    pb_jw_str(&writer, chat->question);
    pb_jw_key(&writer, "stream");
    pb_jw_bool(&writer, true);
    pb_jw_key(&writer, "stream_stages");
    pb_jw_bool(&writer, true);
    pb_jw_close(&writer, '}');
    return pb_buf_str(&body);
}

static void note_done(struct chat *chat, const pb_json *json)
{
    const pb_json *by = pb_json_get(json, "answered_by");

    chat->fallback = pb_json_bool(pb_json_get(by, "fallback"), false);
    snprintf(chat->llm, sizeof chat->llm, "%.*s", PB_ARG(pb_json_text(pb_json_get(by, "llm"))));
}

static pb_status show_event(struct chat *chat, const pb_sse_event *event)
{
    const pb_json *json;
    pb_status status = pb_json_parse(event->data, &json);

    if (status != PB_OK)
        return status;
    if (pb_str_is(event->event, "text"))
        return chat_view_text(chat, pb_json_text(pb_json_get(json, "delta")));
    if (pb_str_is(event->event, "error"))
        return remote_problem((int32_t)pb_json_int(pb_json_get(json, "status"), 500), event->data);
    if (pb_str_is(event->event, "turn")) {
        chat_keep_id(chat->turn, pb_json_text(pb_json_get(json, "id")));
        chat_keep_id(chat->conversation, pb_json_text(pb_json_get(json, "conversation")));
    } else if (pb_str_is(event->event, "source")) {
        chat_view_source(chat, event->data);
    } else if (pb_str_is(event->event, "thinking")) {
        chat_view_stage(chat, pb_lit("thinking"));
    } else if (pb_str_is(event->event, "stage")) {
        if (pb_str_is(pb_json_text(pb_json_get(json, "state")), "begin"))
            chat_view_stage(chat, pb_json_text(pb_json_get(json, "name")));
    } else if (pb_str_is(event->event, "tool.call")) {
        pb_str name = pb_json_text(pb_json_get(json, "name"));
        return chat_view_note(chat, pb_printf("calls %.*s", PB_ARG(name)));
    } else if (pb_str_is(event->event, "done")) {
        note_done(chat, json);
    }
    return PB_OK;
}

static pb_status read_events(struct chat *chat, pb_http *http)
{
    pb_sse sse = pb_sse_make(http, 0);
    pb_status status = PB_OK;
    pb_sse_event event;
    bool ended = false, done = false;

    while (status == PB_OK && (status = pb_sse_next(&sse, &event, &ended)) == PB_OK && !ended) {
        pb_scope *scope = pb_scope_begin();
        done = done || pb_str_is(event.event, "done");
        status = show_event(chat, &event);
        pb_scope_end(scope);
    }
    if (status == PB_OK && !done)
        return pb_fail(PB_BAD_UPSTREAM, "the server ended the answer before it was whole");
    return status;
}

pb_status chat_ask_there(struct chat *chat)
{
    struct remote_request request = {.method = "POST",
                                     .path = pb_lit("/v1/turns"),
                                     .accept = pb_lit("text/event-stream"),
                                     .body = request_body(chat)};
    pb_http *http;
    pb_str text;

    pb_status status = remote_open(chat->invocation, &request, &http);
    if (status != PB_OK)
        return status;
    if (pb_http_status(http) >= 400) {
        status = pb_http_read_all(http, &text);
        if (status == PB_OK)
            status = remote_problem(pb_http_status(http), text);
    } else {
        status = read_events(chat, http);
    }
    pb_http_close(http);
    return status;
}
