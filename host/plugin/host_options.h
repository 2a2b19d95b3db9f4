/* host_options.h - the sections `host` and `plugins` of the configuration, as schema tables.
 *
 * Every limit of the host that is not an option of a transport or plugin stands here with its
 * default. Times are nanoseconds, sizes bytes.
 */
#ifndef HOST_PLUGIN_HOST_OPTIONS_H
#define HOST_PLUGIN_HOST_OPTIONS_H

#include <patchbay/schema.h>

struct host_limits {
    pb_duration connect;       /* to connect, and again for TLS: pb_http_spec.connect == 0 */
    pb_duration first_byte;    /* pb_http_spec.first_byte == 0 */
    pb_duration between_bytes; /* pb_http_spec.between_bytes == 0 */
    pb_duration upstream_queue; /* for a connection below the next two */
    int64_t upstreams;          /* connections to upstreams */
    int64_t upstreams_per_host; /* the same to one scheme, host and port */
    pb_duration turn;          /* a whole turn; final */
    pb_duration tool;          /* one tool call */
    pb_duration offload_queue; /* until a helper thread takes the work */
    pb_duration cleanup;       /* pb_shield */
    int64_t turns;             /* at once in a worker */
    int64_t turn_queue;        /* more that wait for one of them to end */
    int64_t turn_memory;       /* arena of a turn */
    int64_t offload_threads;
    int64_t kept_turns;        /* traces kept for GET /v1/turns/{id} */
    pb_duration journal_age;   /* ended turns and their events in host.journal: how long, */
    int64_t journal_turns;     /* how many, */
    int64_t journal_bytes;     /* and how much of them is kept */
    pb_duration hang;          /* a task that holds the loop so long ends its worker; 0: never */
    pb_duration start;         /* a worker that does not serve by then has failed */
    int64_t worker_memory;     /* resident bytes above which a worker is replaced; 0: never */
};

enum { HOST_LOG_DEBUG, HOST_LOG_INFO, HOST_LOG_WARN, HOST_LOG_ERROR }; /* as PB_DEBUG … */
enum { HOST_FORMAT_AUTO, HOST_FORMAT_JSON, HOST_FORMAT_TEXT };

struct host_log {
    int32_t level;  /* PB_DEBUG … PB_ERROR */
    int32_t format; /* HOST_FORMAT_…; auto: text on a terminal, else JSON */
    pb_str file;    /* "stderr", or an absolute path */
};

struct host_options {
    pb_str workers; /* "auto", or a number */
    pb_str run_dir; /* absolute: control socket, scoreboard, epoch */
    pb_duration drain_timeout;
    int64_t max_tasks;
    bool core;      /* core dumps, which hold prompts and keys */
    bool contract;  /* check the plugin contract at every call */
    pb_str journal; /* the database that keeps detached turns and those with a key, or absent */
    struct host_log log;
    struct host_limits limits;
};

extern const pb_field host_options_fields[];

struct plugins_options {
    pb_list path; /* of pb_str, absolute folders */
    pb_map pin;   /* of pb_str: SHA-256 by plugin name */
};

extern const pb_field plugins_options_fields[];

#endif
