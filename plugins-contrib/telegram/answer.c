/* answer.c - a message becomes a command or a turn, and the turn's reply messages. */
#include "telegram.h"

/* --- a turn -------------------------------------------------------------------------------------- */

static const pb_json *metadata_of(const struct job *job)
{
    pb_json *about = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json *all = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    pb_json_add(about, pb_lit("chat"), pb_json_number((double)job->chat));
    pb_json_add(about, pb_lit("chat_type"), pb_json_string(job->type));
    pb_json_add(about, pb_lit("message"), pb_json_number((double)job->message));
    if (job->language.size)
        pb_json_add(about, pb_lit("language"), pb_json_string(job->language));
    pb_json_add(all, pb_lit("telegram"), about);
    return all;
}

/* What is needed for a turn and its reply. */
struct attempt {
    const struct telegram *own;
    const struct job *job;
    pb_principal principal;
    pb_str conversation; /* UUID, "new", or absent */
    pb_status status;    /* of the turn */
    pb_status sent;      /* of the reply; PB_DECLINED: it has no text */
    pb_str sentence;     /* of a failed turn, for the chat */
};

/* Remembers where the conversation goes on. */
static void note_conversation(const struct attempt *attempt, pb_turn *turn)
{
    pb_str id = pb_turn_info_of(turn)->conversation;

    if (!id.size || pb_str_equal(id, attempt->conversation))
        return;
    if (inbox_set_conversation(attempt->own, attempt->job, id) != PB_OK)
        pb_log(PB_WARN, "%.*s: the conversation of a chat was not stored: %.*s",
               PB_ARG(attempt->own->name), PB_ARG(pb_error_last()->sentence));
}

/* What was said goes out also when the worker is to end, but then within its few seconds. */
static pb_status flush(struct live *live)
{
    pb_status status = pb_cancelled() ? (pb_status)PB_CANCELLED : live_flush(live);

    return status == PB_CANCELLED ? pb_shield(live_flush, live) : status;
}

static void run_turn(struct attempt *attempt, pb_turn *turn)
{
    struct live live;

    attempt->status = live_begin(&live, attempt->own, attempt->job);
    attempt->sent = PB_DECLINED;
    if (attempt->status == PB_OK) {
        attempt->status = pb_turn_run(turn, &live.base);
        if (attempt->status != PB_OK)
            attempt->sentence = pb_copy(pb_error_last()->sentence);
        live_stop(&live);
        attempt->sent = flush(&live);
        pb_reply_end(&live.reply);
    }
    if (attempt->status == PB_OK)
        note_conversation(attempt, turn);
}

/* PB_OK: it ran, see attempt->status. */
static pb_status make_turn(struct attempt *attempt)
{
    pb_message *message = pb_message_new(PB_ROLE_USER, attempt->job->text);
    const pb_message *messages[] = {message};
    pb_turn_spec spec = pb_turn_spec_make();
    pb_turn *turn;

    if (!message)
        return PB_NO_MEMORY;
    spec.stream = attempt->own->stream;
    spec.pipeline = pb_pipeline_find(attempt->own->pipeline);
    spec.principal = &attempt->principal;
    spec.messages = messages;
    spec.message_count = 1;
    spec.metadata = metadata_of(attempt->job);
    spec.transport = attempt->own->name;
    spec.conversation = attempt->conversation;
    pb_status status = pb_turn_new(&spec, &turn);
    if (status != PB_OK)
        return status;
    run_turn(attempt, turn);
    pb_turn_free(turn);
    return PB_OK;
}

static pb_status tell_failure(void *arg)
{
    const struct attempt *attempt = arg;
    const struct texts *texts = &attempt->own->texts;

    if (attempt->status == PB_CANCELLED)
        return api_say(attempt->own, attempt->job, texts->interrupted);
    if (attempt->status != PB_OK)
        return api_say(attempt->own, attempt->job,
                       pb_printf("%.*s %.*s", PB_ARG(texts->failed), PB_ARG(attempt->sentence)));
    if (attempt->sent == PB_DECLINED)
        return api_say(attempt->own, attempt->job, texts->empty);
    return attempt->sent;
}

/* PB_UNAVAILABLE: no turn could begin; all else is done with the message. */
static pb_status ask(struct telegram *own, const struct job *job)
{
    struct attempt attempt = {.own = own,
                              .job = job,
                              .principal = {.size = sizeof attempt.principal,
                                            .id = pb_printf("telegram:%lld", (long long)job->user),
                                            .tenant = own->tenant,
                                            .name = job->name,
                                            .scheme = pb_lit("telegram")}};
    pb_pipeline *pipeline = pb_pipeline_find(own->pipeline);
    bool history = pipeline && pb_pipeline_info_of(pipeline)->keeps_history;
    pb_status status = history ? inbox_conversation(own, job, &attempt.conversation)
                               : (pb_status)PB_OK;

    if (status == PB_OK && history && !attempt.conversation.size)
        attempt.conversation = pb_lit("new");
    if (status == PB_OK)
        status = make_turn(&attempt);
    if (status == PB_OK && attempt.status == PB_NOT_FOUND && attempt.sent == PB_DECLINED && history &&
        !pb_str_is(attempt.conversation, "new")) {
        attempt.conversation = pb_lit("new"); /* somebody removed the old one */
        status = make_turn(&attempt);
    }
    if (status == PB_UNAVAILABLE)
        return status;
    if (status != PB_OK) {
        attempt.status = status;
        attempt.sentence = pb_copy(pb_error_last()->sentence);
    }
    if (attempt.status != PB_OK)
        own->failed++;
    return attempt.status == PB_CANCELLED ? pb_shield(tell_failure, &attempt) : tell_failure(&attempt);
}

/* --- commands ------------------------------------------------------------------------------------ */

/* "new" of "/new" and "/new@our_bot rest"; absent: no command of ours. *other: it is another bot's. */
static pb_str command_of(const struct telegram *own, pb_str text, bool *other)
{
    pb_str word = pb_str_slice(text, 1, text.size);
    pb_str name;

    *other = false;
    if (!text.size || text.data[0] != '/')
        return (pb_str){0};
    for (size_t i = 0; i < word.size; i++)
        if (strchr(" \t\n", word.data[i]))
            word.size = i;
    size_t at = pb_str_find(word, '@');
    name = pb_str_slice(word, at + 1, word.size);
    *other = name.size && own->username.size && !pb_str_same(name, own->username);
    word.size = at;
    return word;
}

static pb_status handle(struct telegram *own, const struct job *job)
{
    bool other;
    pb_str command = command_of(own, job->text, &other);

    if (other)
        return PB_OK;
    if (pb_str_is(command, "start") || pb_str_is(command, "help"))
        return api_say(own, job, own->texts.greeting);
    if (pb_str_is(command, "new")) {
        pb_status status = inbox_set_conversation(own, job, (pb_str){0});
        return status == PB_OK ? api_say(own, job, own->texts.fresh) : status;
    }
    if (!pb_str_trim(job->text).size)
        return api_say(own, job, own->texts.unsupported);
    return ask(own, job);
}

/* --- an answerer --------------------------------------------------------------------------------- */

struct ending {
    struct telegram *own;
    const struct job *job;
    bool give_back;
};

static pb_status end_job(void *arg)
{
    const struct ending *ending = arg;

    return ending->give_back ? inbox_give_back(ending->own, ending->job)
                             : inbox_remove(ending->own, ending->job);
}

/* Answers one message; PB_UNAVAILABLE: later. */
static pb_status answer(struct telegram *own, const struct job *job)
{
    pb_status status = handle(own, job);
    struct ending ending = {own, job, status == PB_UNAVAILABLE && !pb_cancelled()};
    int64_t update = job->update;

    if (status != PB_OK && status != PB_CANCELLED)
        pb_log(PB_WARN, "%.*s: update %lld: %.*s", PB_ARG(own->name), (long long)update,
               PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
    if (pb_shield(end_job, &ending) != PB_OK) {
        pb_log(PB_ERROR, "%.*s: update %lld stays in the table: %.*s", PB_ARG(own->name),
               (long long)update, PB_ARG(pb_error_last()->sentence));
        pb_error_clear();
    } else if (!ending.give_back) {
        own->answered++;
    }
    return ending.give_back ? (pb_status)PB_UNAVAILABLE : status == PB_CANCELLED ? status : (pb_status)PB_OK;
}

static pb_status wait_for_messages(struct answerer *answerer)
{
    answerer->idle = true;
    pb_status status = pb_signal_wait(answerer->signal);
    if (status != PB_OK && !answerer->idle)
        pb_signal_wait_always(answerer->signal); /* raised at the same moment */
    answerer->idle = false;
    return status;
}

pb_status answerer_run(void *arg)
{
    struct answerer *answerer = arg;
    struct telegram *own = answerer->own;
    pb_status status = PB_OK;

    answerer->signal = pb_signal_new();
    if (!answerer->signal)
        return PB_NO_MEMORY;
    while (!own->stopping && status != PB_CANCELLED) {
        pb_scope *scope = pb_scope_begin();
        uint64_t seen = own->arrivals;
        struct job job;
        status = inbox_take(own, answerer, &job);
        if (status == PB_OK)
            status = answer(own, &job);
        answerer->chat = 0;
        pb_scope_end(scope);
        if (status == PB_DECLINED)
            status = seen == own->arrivals ? wait_for_messages(answerer) : (pb_status)PB_OK;
        else if (status != PB_OK && status != PB_CANCELLED)
            status = pb_sleep(PB_SECOND); /* the database, or no room for turns: both pass */
    }
    return PB_OK;
}
