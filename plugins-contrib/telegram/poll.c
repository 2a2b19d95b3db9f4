/* poll.c - asks Telegram for updates, stores them, wakes the answerers. */
#include "telegram.h"

static void wake(struct telegram *own)
{
    own->arrivals++;
    for (int64_t i = 0; i < own->parallel; i++)
        if (own->answerers[i].idle) {
            own->answerers[i].idle = false;
            pb_signal_raise(&own->answerers[i].signal, 1);
        }
}

/* What the last worker was answering when it died: the model may have spoken, and tools may have done
 * something, so it is not asked again; whoever asked is told. */
static pb_status tell_interrupted(const struct telegram *own)
{
    struct job *jobs = PB_NEW_ARRAY(struct job, BATCH);
    size_t count = 0;
    pb_status status = jobs ? inbox_interrupted(own, jobs, BATCH, &count) : (pb_status)PB_NO_MEMORY;

    for (size_t i = 0; status == PB_OK && i < count; i++) {
        status = inbox_remove(own, &jobs[i]);
        if (status == PB_OK && api_say(own, &jobs[i], own->texts.interrupted) == PB_CANCELLED)
            status = PB_CANCELLED;
    }
    return status;
}

/* Who are we? For commands that carry the bot's name. */
static pb_status get_me(struct telegram *own)
{
    const pb_json *me = NULL;
    pb_status status = api_call(own, "getMe", pb_lit("{}"), &me);
    pb_str name = pb_json_text(pb_json_get(me, "username"));

    if (status == PB_OK && name.size && name.size < sizeof own->username_room) {
        memcpy(own->username_room, name.data, name.size);
        own->username = pb_str_make(own->username_room, name.size);
    }
    return status;
}

static pb_status poll_once(struct telegram *own)
{
    const pb_json *updates = NULL;
    size_t stored = 0;
    int64_t offset;
    pb_status status = inbox_offset(own, &offset);

    if (status != PB_OK)
        return status;
    pb_str body = pb_printf("{\"offset\":%lld,\"limit\":%d,\"timeout\":%lld,"
                            "\"allowed_updates\":[\"message\"]}",
                            (long long)offset, BATCH, (long long)(own->poll / PB_SECOND));
    if (!body.data)
        return PB_NO_MEMORY;
    status = api_call(own, "getUpdates", body, &updates);
    if (status == PB_OK)
        status = inbox_store(own, updates, &stored);
    if (status == PB_OK && stored)
        wake(own);
    return status;
}

/* Notes how it goes, for the log (once) and for health. */
static void note(struct telegram *own, pb_status status)
{
    pb_str why = pb_error_last()->sentence;

    if (status == PB_OK) {
        if (own->failing)
            pb_log(PB_INFO, "%.*s: Telegram answers again", PB_ARG(own->name));
        own->failing = false;
        return;
    }
    (void)snprintf(own->problem, sizeof own->problem, "%.*s", PB_ARG(pb_str_slice(why, 0, 250)));
    if (!own->failing)
        pb_log(PB_WARN, "%.*s: no updates: %.*s", PB_ARG(own->name), PB_ARG(why));
    own->failing = true;
}

pb_status poller_run(void *arg)
{
    struct telegram *own = arg;
    bool told = false;
    int failures = 0;
    pb_status status = PB_OK;

    while (status != PB_CANCELLED) {
        pb_scope *scope = pb_scope_begin();
        status = own->username.size ? (pb_status)PB_OK : get_me(own);
        if (status == PB_OK && !told) {
            status = tell_interrupted(own);
            told = status == PB_OK;
        }
        if (status == PB_OK)
            status = poll_once(own);
        if (status != PB_CANCELLED)
            note(own, status);
        failures = status == PB_OK ? 0 : failures + 1;
        pb_duration wait = status == PB_OK ? 0 : pb_error_last()->retry_after;
        pb_error_clear();
        pb_scope_end(scope);
        if (failures && status != PB_CANCELLED)
            status = pb_sleep(wait ? wait : api_pause(failures));
    }
    return status;
}
