/* testkit.h - a host inside the test: load static plugins, say something, look at what happened.
 *
 *     extern const pb_plugin patchbay_plugin_retry;
 *     pb_harness *harness = pb_harness_new("llms: {main: {use: scripted}}\n"
 *                                          "pipelines: {p: {stages: [retry: {…}]}}\n",
 *                                          &patchbay_plugin_retry, &patchbay_plugin_generate);
 *     pb_script(harness, "main", PB_STEP_FAIL(PB_UNAVAILABLE, "busy"));
 *     pb_script(harness, "main", PB_STEP_TEXT("hello"), PB_STEP_STOP);
 *     const pb_outcome *reply = pb_harness_say(harness, "hi");
 *     … reply->text, reply->status, reply->events …
 *     pb_harness_free(harness);      // aborts on a leaked task, turn or handle
 *
 * No network and no sleeping: time is virtual. When every task waits and nothing is ready, the
 * clock jumps to the next timer, so a retry after 30 s takes no time and is seen in reply->elapsed.
 * One harness at a time; what it hands out lives until it is freed.
 */
#ifndef PATCHBAY_TESTKIT_H
#define PATCHBAY_TESTKIT_H

#include <patchbay/patchbay.h>

#pragma GCC visibility push(default) /* the installed testkit is a shared library */

#ifndef PB_HOST_BUILD
/* A test calls the host as a plugin does: `pb_alloc`, `pb_cache_get`, … work in pb_harness_run. */
extern const pb_host host_table;
PB_HIDDEN __attribute__((weak)) const pb_host *pb_host_table = &host_table;
#endif

typedef struct pb_harness pb_harness;

/* pb_harness_new(yaml, &plugin, …): at least one plugin (&pb_plugin_scripted will do; it is always
 * there). The YAML is a configuration as in a file. A problem ends the test with the diagnostics.
 */
#define pb_harness_new(yaml, ...)                                                                  \
    pb_harness_open(yaml, (const pb_plugin *const[]){__VA_ARGS__, NULL}, NULL)
/* The same for configurations that must not load: NULL, and *problems is what was printed (free()
 * it). `plugins` ends with NULL. */
pb_harness *pb_harness_open(const char *yaml, const pb_plugin *const *plugins, char **problems);
/* It must not load, and what is printed must be as many problems as `wanted` has parts of lines
 * (NULL at the end), each of them with one of its own; else the test ends with what was printed. */
void pb_harness_refuse(const char *yaml, const pb_plugin *const *plugins,
                       const char *const *wanted);

/* Stops and destroys the instances, then checks: no live turn, no task, no open handle of the loop.
 * Prints what is left and aborts. */
void pb_harness_free(pb_harness *harness);

/* The data folder (--data-dir) of this harness: its own, removed when it is freed. */
const char *pb_harness_data_dir(pb_harness *harness);

/* From now until the next harness: lines of the log from `level` (PB_DEBUG …) on, as text, are
 * appended to `file`; NULL: to standard error. A new harness shows PB_WARN and above there. */
void pb_harness_log(int32_t level, const char *file);

/* --- turns ------------------------------------------------------------------------------------ */

/* How to ask; all zero means: the text to the first pipeline, by the principal "tester". */
typedef struct pb_ask {
    const char *text;     /* one message of the user; or */
    const char *messages; /* JSON: [{"role": "user", "content": "…"}]; content may be a list of parts:
                             {"type": "text", "text"}, {"type": "image", "mime", "content"}, … */
    const char *pipeline;
    const char *params;    /* JSON object */
    const char *variables; /* JSON object */
    const char *metadata;  /* JSON object */
    const char *conversation; /* UUID or "new"; NULL: nothing is stored */
    const char *replaces;     /* UUID of a message; with text and messages NULL: no new message */
    const char *remote;       /* the client's address */
    pb_document *document;    /* for a pipeline that takes one; must outlive the call */
    const pb_principal *principal;
    bool whole;               /* nobody reads along: spec.stream = 0 */
    bool stages;              /* ask for PB_EVENT_STAGE */
    pb_duration cancel_after; /* virtual time; then the turn is cancelled as by its owner */
    int cancel_at_event;      /* the same at the n-th event, counted from 1 */
    int fail_at_event;        /* the client is gone at the n-th event: the sink returns … */
    pb_status fail_with;      /* … this */
    pb_duration slow;         /* every event takes the client that long (back-pressure) */
    const char *dialect;      /* of the parameters; each message is its own `source` then, or has one */
} pb_ask;

/* What came of it. */
typedef struct pb_outcome {
    pb_status status; /* of pb_turn_run, or of pb_turn_new when that failed */
    pb_str sentence;  /* of the error */
    pb_duration retry_after;
    pb_str error_instance;
    pb_str text; /* all PB_EVENT_TEXT of branch 0 in one piece */
    pb_str thinking;
    const pb_event *const *events; /* copies, PB_EVENT_DONE too */
    size_t event_count;
    size_t done_count;            /* how many PB_EVENT_DONE came: 1 unless the sink failed */
    const pb_turn_result *result; /* of the last one, or NULL */
    pb_str id;                    /* the turn's */
    pb_str conversation, reply;   /* ids of pb_turn_info, or absent */
    const pb_header *headers;     /* that stages set; header_count of them */
    size_t header_count;
    pb_duration elapsed;          /* virtual time */
    const pb_json *explain;       /* GET /v1/turns/{id} */
} pb_outcome;

const pb_outcome *pb_harness_say(pb_harness *harness, const char *text);
const pb_outcome *pb_harness_ask(pb_harness *harness, const pb_ask *ask);
/* Several at once, each in a task of its own, begun in this order; outcomes[i] is that of asks[i]. */
void pb_harness_together(pb_harness *harness, const pb_ask *asks, size_t count,
                         const pb_outcome **outcomes);

/* Asks `turns` times, then as often again: by how many bytes did the second half grow what the
 * process has allocated? Nothing is recorded; ask a model without a memory (not `scripted`), and
 * keep few traces: host: {limits: {kept_turns: 8}}. */
int64_t pb_harness_growth(pb_harness *harness, const pb_ask *ask, size_t turns);

/* Runs fn(arg) on a task with virtual time until it returned; gives its status. For tests of calls
 * that are not turns. The task's memory is gone afterwards; its error's sentence is in *sentence
 * (may be NULL) and lives as long as the harness. */
pb_status pb_harness_run(pb_harness *harness, pb_status (*fn)(void *arg), void *arg,
                         pb_str *sentence);

/* Calls an operation ("turns.get") as a transport would: `path` with its query, `body` JSON or
 * NULL. `principal` NULL: "tester", who may do everything; &pb_nobody: whoever came without
 * credentials, whom every operation refuses that is not public. The answer lives as long as the
 * harness. */
extern const pb_principal pb_nobody;
pb_content pb_harness_call(pb_harness *harness, const char *method, const char *path,
                           const char *body, const pb_principal *principal);
/* The same with POST for an operation that takes files: `type` is the body's Content-Type. */
pb_content pb_harness_upload(pb_harness *harness, const char *path, const char *type, pb_str body,
                             const pb_principal *principal);

/* --- transports ------------------------------------------------------------------------------- */

/* "http://127.0.0.1:43210": where the first listener answers. Needs real time (below). */
const char *pb_harness_url(pb_harness *harness);
/* Runs one command-line conversation of a transport that has `run`; gives the exit code. Without a
 * principal in the call it is "tester". */
int32_t pb_harness_cli(pb_harness *harness, const char *name, const pb_cli_call *call);

/* --- the clock -------------------------------------------------------------------------------- */

/* false: timers fire by the real clock, for plugins that talk to real sockets. Default true. */
void pb_harness_virtual_time(pb_harness *harness, bool on);
/* Moves the virtual clock; timers that fall due fire in the next round of the loop. */
void pb_harness_advance(pb_harness *harness, pb_duration by);
/* Lets the host run for that long: what works beside the test gets its turn, as exporters and
 * whatever plugins spawned. In virtual time it takes none. */
void pb_harness_wait(pb_harness *harness, pb_duration time);

/* --- instances and the scripted model --------------------------------------------------------- */

/* An instance by kind and name; ends the test when there is none. */
pb_instance *pb_harness_instance(pb_harness *harness, const char *kind, const char *name);
/* Its struct, as the plugin sees it. */
void *pb_harness_self(pb_harness *harness, const char *kind, const char *name);

/* A model that does as it is told: `use: scripted`. Each call of generate takes the next script;
 * the last one is used again and again; without any it says "ok" and stops. */
extern const pb_plugin pb_plugin_scripted;

enum {
    PB_SCRIPT_TEXT = 1,
    PB_SCRIPT_THINKING,
    PB_SCRIPT_TOOL_CALL,
    PB_SCRIPT_USAGE,
    PB_SCRIPT_FINISH,
    PB_SCRIPT_FAIL, /* returns the status with its sentence */
    PB_SCRIPT_WAIT, /* virtual time between two pieces */
    PB_SCRIPT_HANG, /* waits for ever: until cancelled or timed out */
};

typedef struct pb_script_step {
    int type;
    const char *text; /* text, arguments, a failure's sentence, a finish's model */
    const char *name; /* a tool call's function */
    const char *id;
    int64_t a, b; /* usage: input and output tokens; finish; tool call: index */
    pb_status status;
    pb_duration wait; /* also retry_after of a failure */
    const char *data; /* JSON: the event's data */
} pb_script_step;

/* clang-format off */
#define PB_STEP_TEXT(words) {.type = PB_SCRIPT_TEXT, .text = (words)}
#define PB_STEP_THINKING(words) {.type = PB_SCRIPT_THINKING, .text = (words)}
#define PB_STEP_TOOL_CALL(i, call_id, function, arguments)                                         \
    {.type = PB_SCRIPT_TOOL_CALL, .a = (i), .id = (call_id), .name = (function), .text = (arguments)}
#define PB_STEP_SIGNED(json) {.type = PB_SCRIPT_THINKING, .data = (json)}
#define PB_STEP_USAGE(input, output) {.type = PB_SCRIPT_USAGE, .a = (input), .b = (output)}
#define PB_STEP_FINISH(why) {.type = PB_SCRIPT_FINISH, .a = (why), .text = "scripted-1"}
#define PB_STEP_STOP PB_STEP_FINISH(PB_FINISH_STOP)
#define PB_STEP_FAIL(code, sentence) {.type = PB_SCRIPT_FAIL, .status = (code), .text = (sentence)}
#define PB_STEP_FAIL_RETRY(code, after, sentence)                                                  \
    {.type = PB_SCRIPT_FAIL, .status = (code), .wait = (after), .text = (sentence)}
#define PB_STEP_WAIT(time) {.type = PB_SCRIPT_WAIT, .wait = (time)}
#define PB_STEP_HANG {.type = PB_SCRIPT_HANG}
/* clang-format on */

/* pb_script(harness, "main", step, …): adds one script to llms.main. Strings must outlive it. */
#define pb_script(harness, llm, ...)                                                               \
    pb_script_add(harness, llm, (const pb_script_step[]){__VA_ARGS__},                             \
                  sizeof((const pb_script_step[]){__VA_ARGS__}) / sizeof(pb_script_step))
void pb_script_add(pb_harness *harness, const char *llm, const pb_script_step *steps, size_t count);
/* Forgets scripts and recorded requests. */
void pb_script_reset(pb_harness *harness, const char *llm);

/* The requests that it got, oldest first, as JSON:
 * {"messages": [{"role", "content", "name"?, "tool_call_id"?, "tool_calls"?, "thinking"?}], "params": {…},
 *  "stream": true, "dialect"?} */
size_t pb_scripted_count(pb_harness *harness, const char *llm);
const pb_json *pb_scripted_request(pb_harness *harness, const char *llm, size_t index);

/* --- for assertions --------------------------------------------------------------------------- */

/* A member by path ("stages/0/calls/1/name"), or NULL. */
const pb_json *pb_json_path(const pb_json *json, const char *path);
/* How many events of this type came. */
size_t pb_outcome_count(const pb_outcome *reply, int32_t type);
/* The n-th event of this type, from 0; ends the test when there are fewer. */
const pb_event *pb_outcome_event(const pb_outcome *reply, int32_t type, size_t number);

#pragma GCC visibility pop

#endif
