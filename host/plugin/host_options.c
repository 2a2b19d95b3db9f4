/* host_options.c - see host_options.h: the tables of the sections `host` and `plugins`. */
#include "plugin/host_options.h"

static const pb_field log_fields[] = {
    PB_ENUM(struct host_log, level, .def = "info", .values = PB_VALUES("debug", "info", "warn", "error"),
            .help = "The least important lines that are written."),
    PB_ENUM(struct host_log, format, .def = "auto", .values = PB_VALUES("auto", "json", "text"),
            .help = "How lines look; auto: text on a terminal, else JSON."),
    PB_STR(struct host_log, file, .def = "stderr",
           .help = "Where lines go: stderr, or a file (relative to the data folder)."),
    PB_END};

static const pb_field limit_fields[] = {
    PB_DURATION(struct host_limits, connect, .def = "5s", .min = 0.001,
                .help = "To connect to an upstream, and again for TLS."),
    PB_DURATION(struct host_limits, first_byte, .def = "60s", .min = 0.001,
                .help = "From a request to an upstream to the header of its answer."),
    PB_DURATION(struct host_limits, between_bytes, .def = "60s", .min = 0.001,
                .help = "Between two pieces of an upstream's answer."),
    PB_INT(struct host_limits, upstreams, .def = "8192", .min = 1, .max = 1000000,
           .help = "Connections to upstreams, kept ones too."),
    PB_INT(struct host_limits, upstreams_per_host, .def = "4096", .min = 1, .max = 1000000,
           .help = "Connections to one upstream."),
    PB_DURATION(struct host_limits, upstream_queue, .def = "30s", .min = 0.001,
                .help = "For a connection to an upstream when there are as many."),
    PB_DURATION(struct host_limits, turn, .def = "600s", .min = 0.001,
                .help = "A whole turn; when it passes the turn is cancelled."),
    PB_DURATION(struct host_limits, tool, .def = "30s", .min = 0.001, .help = "One tool call."),
    PB_DURATION(struct host_limits, offload_queue, .def = "5s", .min = 0.001,
                .help = "Until a helper thread takes work that was handed to them."),
    PB_DURATION(struct host_limits, cleanup, .def = "5s", .min = 0.001,
                .help = "What a cancelled turn may still write."),
    PB_INT(struct host_limits, turns, .def = "4096", .min = 1, .max = 1000000,
           .help = "Turns that run at once in a worker."),
    PB_INT(struct host_limits, turn_queue, .def = "1024", .max = 1000000,
           .help = "Turns that wait for one of those to end; more are answered with 503."),
    PB_SIZE(struct host_limits, turn_memory, .def = "64MiB", .min = 65536,
            .help = "Memory of one turn; then it fails with no_memory."),
    PB_INT(struct host_limits, offload_threads, .def = "4", .min = 1, .max = 256,
           .help = "Helper threads for heavy work."),
    PB_INT(struct host_limits, kept_turns, .def = "1000", .max = 1000000,
           .help = "Ended turns that GET /v1/turns/{id} still explains."),
    PB_DURATION(struct host_limits, journal_age, .def = "24h", .min = 1,
                .help = "How long an ended turn of host.journal, and its key, is kept."),
    PB_INT(struct host_limits, journal_turns, .def = "100000", .min = 1,
           .help = "Ended turns in host.journal; the oldest go first."),
    PB_SIZE(struct host_limits, journal_bytes, .def = "1GiB", .min = 65536,
            .help = "Bytes of their events; the oldest go first."),
    PB_DURATION(struct host_limits, hang, .def = "10s",
                .help = "A plugin that holds the loop so long ends its worker, which is replaced; 0: "
                        "never."),
    PB_DURATION(struct host_limits, start, .def = "60s", .min = 0.1,
                .help = "A worker that does not serve so long after its start has failed."),
    PB_SIZE(struct host_limits, worker_memory, .def = "0",
            .help = "Resident memory above which a worker is replaced by a new one; 0: never."),
    PB_END};

const pb_field host_options_fields[] = {
    PB_STR(struct host_options, workers, .def = "auto", .pattern = "auto|[1-9]|[1-5][0-9]|6[0-4]",
           .help = "Worker processes: 1 to 64, or auto: as many as there are processors to use, at "
                   "least 2."),
    PB_STR(struct host_options, run_dir, .def = "run",
           .help = "Folder of the control socket (relative to the data folder). One server uses it."),
    PB_DURATION(struct host_options, drain_timeout, .def = "25s",
                .help = "How long running turns may go on after a stop."),
    PB_INT(struct host_options, max_tasks, .def = "16000", .min = 16, .max = 1000000,
           .help = "Tasks at once in a worker; above it requests are answered with 503."),
    PB_BOOL(struct host_options, core, .def = "false",
            .help = "Allow core dumps; they hold prompts and keys."),
    PB_BOOL(struct host_options, contract, .def = "false",
            .help = "Check at every call that plugins keep the contract (sdk/CONTRACT.md)."),
    PB_STR(struct host_options, journal, .ref = "database",
           .help = "The database that keeps detached turns and those with an Idempotency-Key; left "
                   "out: the only one."),
    PB_STRUCT(struct host_options, log, struct host_log, log_fields, .help = "The log."),
    PB_STRUCT(struct host_options, limits, struct host_limits, limit_fields,
              .help = "Time-outs, counts and sizes."),
    PB_END};

const pb_field plugins_options_fields[] = {
    PB_LIST(struct plugins_options, path, PB_KIND_PATH,
            .help = "Folders that are searched for plugins, before those of the installation."),
    PB_MAP(struct plugins_options, pin, PB_KIND_STR,
           .help = "SHA-256 of a plugin's file by the plugin's name; anything else is refused."),
    PB_END};
