/* plugin.c - the two components: the stage that stores what is said, the service that shows it. */
#include "parts.h"

static const pb_field history_options[] = {
    PB_REF(struct history, database, "database", .required = 1, .help = "Where it is kept."),
    PB_INT(struct history, turns, .def = "50", .min = 0, .max = 1000,
           .help =
               "Exchanges of before that the model gets to see: what the user said and what was "
               "answered, the newest ones."),
    PB_INT(struct history, max_tokens, .def = "24000", .min = 0, .max = 10000000,
           .help = "Longest in tokens (estimated: 4 bytes each), what is said now and the system "
                   "prompt of the request included; 0: only `turns` counts."),
    PB_BOOL(struct history, queue, .def = "false",
            .help = "A second turn at once in one conversation waits for its turn instead of "
                    "being refused."),
    PB_INT(struct history, queue_limit, .def = "16", .min = 1, .max = 1000,
           .help = "Turns that may wait in one conversation."),
    PB_DURATION(struct history, checkpoint, .def = "1s", .max = 3600,
                .help = "How often a reply is saved while it streams; 0: at its end only."),
    PB_SIZE(struct history, remember, .def = "8MiB", .max = 1024.0 * (1 << 20),
            .help = "What was said last is kept in memory, in each worker, so that a conversation "
                    "that goes on need not be read; 0: nothing is."),
    PB_END,
};

static const pb_field conversations_options[] = {
    PB_REF(struct conversations, database, "database", .required = 1, .help = "Where it is kept."),
    PB_DURATION(struct conversations, search_delay, .def = "10s", .min = 0.1, .max = 3600,
                .help = "How soon what was said comes into the full-text index by itself; a search "
                        "brings it up to date first."),
    PB_END,
};

static pb_status conversations_start(void *self)
{
    struct conversations *service = self;
    pb_status status = schema_open(service->database);

    return status == PB_OK ? keeper_start(service) : status;
}

static void conversations_stop(void *self)
{
    keeper_stop(self);
}

PB_PLUGIN("conversations", "0.1.0", "Apache-2.0", "Keeps what is said.",
          PB_SERVICE("conversations", struct conversations, conversations_options,
                     .operations = conversations_operations, .start = conversations_start,
                     .stop = conversations_stop),
          PB_STAGE("history", struct history, history_options, .start = history_start,
                   .stop = history_stop, .run = history_run, .keeps_history = 1));
