/* live.c - a reply that grows in its chat: sent when it begins, edited now and then, cut when it is long.
 *
 * The sink only collects. A task beside the turn sends, so that neither Telegram's slowness nor its
 * limits hold the model up; it is never cancelled while it sends, or a message would be there twice.
 */
#include "telegram.h"

static pb_status live_emit(pb_sink *sink, const pb_event *event)
{
    struct live *live = (struct live *)sink;

    if (event->type != PB_EVENT_TEXT || event->branch > 1)
        return PB_OK; /* of several branches the first is shown */
    return pb_reply_add(&live->reply, &live->reply.text, event->text);
}

/* What is not yet in a full message. */
static pb_str rest(const struct live *live)
{
    pb_str text = pb_reply_str(&live->reply.text);

    return pb_str_slice(text, live->sent, text.size);
}

/* A piece of text that may end within a character: only whole ones. */
static pb_str whole(pb_str text)
{
    size_t back = 0;

    while (back < 4 && back < text.size &&
           ((unsigned char)text.data[text.size - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < text.size) {
        unsigned char lead = (unsigned char)text.data[text.size - 1 - back];
        size_t want = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        if (lead >= 0xC0 && want > back + 1)
            text.size -= back + 1;
    }
    return text;
}

/* Makes the last message show `text`: a new one, or an edit. */
static pb_status put(struct live *live, pb_str text, bool insist)
{
    const char *method = live->message ? "editMessageText" : "sendMessage";
    const pb_json *result = NULL;
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    pb_jw_open(&writer, '{');
    api_write_place(&writer, live->job);
    if (live->message) {
        pb_jw_key(&writer, "message_id");
        pb_jw_int(&writer, live->message);
    } else if (live->job->type.size && !pb_str_is(live->job->type, "private") && !live->sent) {
        pb_jw_key(&writer, "reply_parameters");
        pb_jw_raw(&writer, pb_printf("{\"message_id\":%lld,\"allow_sending_without_reply\":true}",
                                     (long long)live->job->message));
    }
    pb_jw_key(&writer, "text");
    pb_jw_str(&writer, text);
    pb_jw_close(&writer, '}');
    pb_status status = pb_buf_status(&body);
    if (status == PB_OK)
        status = insist ? api_insist(live->own, method, pb_buf_str(&body), &result)
                        : api_call(live->own, method, pb_buf_str(&body), &result);
    if (status == PB_INVALID && live->message &&
        pb_str_contains(pb_error_last()->sentence, pb_lit("not modified"))) {
        pb_error_clear();
        status = PB_OK;
    }
    if (status == PB_OK && !live->message)
        live->message = pb_json_int(pb_json_get(result, "message_id"), 0);
    return status;
}

/* Sends what is new. With `insist` all of it, and until it works. */
static pb_status show(struct live *live, bool insist)
{
    for (;;) {
        pb_str text = insist ? rest(live) : whole(rest(live));
        size_t place = cut_place(text);
        bool full = place < text.size;
        pb_str piece = pb_str_trim(pb_str_slice(text, 0, place));

        if (!piece.size || (!full && live->message && place == live->shown)) {
            live->sent += full ? place : 0;
            if (full)
                continue;
            return PB_OK;
        }
        pb_status status = put(live, piece, insist);
        if (status != PB_OK)
            return status;
        live->shown = place;
        if (!full)
            return PB_OK;
        live->sent += place;
        live->shown = 0;
        live->message = 0;
    }
}

static void say_typing(const struct live *live)
{
    pb_buf body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    pb_jw_open(&writer, '{');
    api_write_place(&writer, live->job);
    pb_jw_key(&writer, "action");
    pb_jw_str(&writer, pb_lit("typing"));
    pb_jw_close(&writer, '}');
    if (pb_buf_status(&body) != PB_OK ||
        api_call(live->own, "sendChatAction", pb_buf_str(&body), NULL) != PB_OK)
        pb_error_clear(); /* a courtesy */
}

/* Telegram shows "typing" for five seconds. */
static pb_status send_meanwhile(void *arg)
{
    const pb_duration typing_lasts = 4 * PB_SECOND;
    struct live *live = arg;
    pb_duration typed = 0;

    while (!live->ended) {
        pb_scope *scope = pb_scope_begin();
        pb_duration now = pb_monotonic();
        if (live->own->stream && pb_str_trim(rest(live)).size && now >= live->hold) {
            if (show(live, false) != PB_OK) {
                live->hold = now + pb_error_last()->retry_after;
                pb_error_clear(); /* live_flush sends it again */
            }
        } else if (!live->message && (!typed || now - typed >= typing_lasts)) {
            say_typing(live);
            typed = now;
        }
        pb_scope_end(scope);
        if (live->ended)
            break;
        live->sleeping = true;
        pb_status status = pb_sleep(live->own->edit_every);
        live->sleeping = false;
        if (status != PB_OK)
            return status;
    }
    return PB_OK;
}

pb_status live_begin(struct live *live, const struct telegram *own, const struct job *job)
{
    *live = (struct live){.base = {.size = sizeof(pb_sink), .emit = live_emit},
                          .own = own,
                          .job = job,
                          .reply = pb_reply_make(0)};
    return pb_spawn(send_meanwhile, live, &live->task);
}

void live_stop(struct live *live)
{
    live->ended = true;
    if (live->sleeping)
        pb_task_cancel(live->task);
    if (pb_join(live->task) != PB_OK)
        pb_error_clear();
}

pb_status live_flush(void *arg)
{
    struct live *live = arg;
    pb_status status = show(live, true);

    if (status == PB_OK && !live->message && !live->sent)
        status = PB_DECLINED;
    return status;
}
