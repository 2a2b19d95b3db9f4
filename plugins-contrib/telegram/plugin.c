/* plugin.c - the transport `telegram`: its options, and its tasks.
 *
 * It is .single: created in every worker, started in one. Nothing here waits for Telegram: a server
 * starts also while it cannot be reached.
 */
#include "telegram.h"

static const pb_field text_options[] = {
    PB_STR(struct texts, greeting, .def = "Hello! Ask me something. /new begins a new conversation.",
           .help = "To /start and /help."),
    PB_STR(struct texts, fresh, .name = "new", .def = "A new conversation begins.", .help = "To /new."),
    PB_STR(struct texts, unsupported, .def = "I understand text only.",
           .help = "To pictures, voices and the like without a caption."),
    PB_STR(struct texts, failed, .def = "That did not work:",
           .help = "In front of the sentence that says why there is no reply."),
    PB_STR(struct texts, interrupted, .def = "The reply was interrupted. Please ask again.",
           .help = "After a restart in the middle of a reply."),
    PB_STR(struct texts, empty, .def = "There is nothing to say to that.",
           .help = "For a reply without text."),
    PB_END,
};

static const pb_field telegram_options[] = {
    PB_SECRET(struct telegram, token, .required = 1, .help = "The bot's token, from @BotFather."),
    PB_STR(struct telegram, pipeline, .ref = "pipeline", .required = 1, .help = "What answers."),
    PB_REF(struct telegram, database, "database", .required = 1,
           .help = "Where messages wait and conversations are known."),
    PB_LIST(struct telegram, users, PB_KIND_INT, .help = "Numbers of users who may ask."),
    PB_LIST(struct telegram, chats, PB_KIND_INT, .min = -1e15,
            .help = "Numbers of chats in which everybody may ask; those of groups are negative."),
    PB_BOOL(struct telegram, everyone, .help = "Everybody may ask, everywhere."),
    PB_STR(struct telegram, tenant, .def = "default", .max_length = 128,
           .help = "The tenant that everybody here belongs to."),
    PB_BOOL(struct telegram, stream, .def = "true", .help = "Show the reply while it grows."),
    PB_DURATION(struct telegram, edit_every, .def = "1500ms", .min = 0.01, .max = 60,
                .help = "How often a growing reply is shown anew; Telegram allows about one message a "
                        "second in a chat."),
    PB_DURATION(struct telegram, poll, .def = "50s", .min = 1, .max = 50,
                .help = "How long one request waits for updates."),
    PB_INT(struct telegram, parallel, .def = "8", .min = 1, .max = ANSWERERS_MOST,
           .help = "Chats that are answered at the same time."),
    PB_STRUCT(struct telegram, texts, struct texts, text_options,
              .help = "What people are told besides replies; empty: nothing."),
    PB_STR(struct telegram, base_url, .def = "https://api.telegram.org", .pattern = "https?://.+",
           .max_length = 2048, .help = "Where the Bot API is, for a server of your own."),
    PB_SECRET(struct telegram, proxy, .pattern = "https?://.+",
              .help = "http://host:port; shown masked, because it may hold a password."),
    PB_PATH(struct telegram, ca_file, .help = "PEM of authorities to trust instead of the system's."),
    PB_END,
};

/* "123456:AA…": the number in front of the colon, or 0 bytes. */
static pb_str bot_of(pb_str token)
{
    pb_str number = pb_str_slice(token, 0, pb_str_find(token, ':'));
    pb_str secret = pb_str_slice(token, number.size + 1, token.size);

    for (size_t i = 0; i < number.size; i++)
        if (number.data[i] < '0' || number.data[i] > '9')
            return (pb_str){0};
    for (size_t i = 0; i < secret.size; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", secret.data[i]))
            return (pb_str){0};
    return secret.size ? number : (pb_str){0};
}

static void telegram_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct telegram *own = self;

    if (!bot_of(pb_str_trim(own->token.value)).size)
        pb_problem(diagnostics, "token", "is no token of a bot, which is a number, ':' and letters");
    if (!own->users.count && !own->chats.count && !own->everyone)
        pb_problem(diagnostics, "", "nobody may ask: give 'users', 'chats' or 'everyone: true'");
    if (own->everyone && (own->users.count || own->chats.count))
        pb_warning(diagnostics, "everyone", "'users' and 'chats' have no effect then");
}

static pb_status telegram_create(void *self)
{
    struct telegram *own = self;

    own->token.value = pb_str_trim(own->token.value);
    own->bot = bot_of(own->token.value);
    own->name = pb_instance_name(NULL);
    while (own->base_url.size && own->base_url.data[own->base_url.size - 1] == '/')
        own->base_url.size--;
    return PB_OK;
}

/* Those that answer end what they are at; those that wait end at once. */
static void telegram_stop(void *self)
{
    struct telegram *own = self;

    own->stopping = true;
    if (own->poller) {
        pb_task_cancel(own->poller);
        (void)pb_join(own->poller);
    }
    for (int64_t i = 0; i < own->parallel; i++)
        if (own->answerers[i].task && own->answerers[i].idle)
            pb_task_cancel(own->answerers[i].task);
    for (int64_t i = 0; i < own->parallel; i++)
        if (own->answerers[i].task)
            (void)pb_join(own->answerers[i].task);
    memset(own->answerers, 0, sizeof own->answerers);
    own->poller = NULL;
}

static pb_status telegram_start(void *self)
{
    struct telegram *own = self;
    pb_status status = inbox_migrate(own);

    own->stopping = false;
    for (int64_t i = 0; status == PB_OK && i < own->parallel; i++) {
        own->answerers[i] = (struct answerer){.own = own};
        status = pb_spawn(answerer_run, &own->answerers[i], &own->answerers[i].task);
    }
    if (status == PB_OK)
        status = pb_spawn(poller_run, own, &own->poller);
    if (status == PB_OK)
        return status;
    pb_str why = pb_copy(pb_error_last()->sentence); /* the tasks that end have errors of their own */
    telegram_stop(own);
    return pb_fail(status, "%.*s", PB_ARG(why));
}

static pb_status telegram_health(void *self)
{
    const struct telegram *own = self;

    return own->failing ? pb_fail(PB_UNAVAILABLE, "%s", own->problem) : (pb_status)PB_OK;
}

static void telegram_stats(void *self, pb_stats *stats)
{
    const struct telegram *own = self;

    pb_stat(stats, "received", (double)own->received);
    pb_stat(stats, "answered", (double)own->answered);
    pb_stat(stats, "refused", (double)own->refused);
    pb_stat(stats, "failed", (double)own->failed);
}

PB_PLUGIN("telegram", "0.1.0", "Apache-2.0", "Answers the chats of a Telegram bot.",
          PB_TRANSPORT("telegram", struct telegram, telegram_options, .check = telegram_check,
                       .create = telegram_create, .start = telegram_start, .stop = telegram_stop,
                       .health = telegram_health, .stats = telegram_stats, .single = 1));
