/* kit.h - what these tests share: a harness on a database in a folder of its own, turns in a
 * conversation, operations, statements by text, and a stage that ends the process. Include it once.
 */
#ifndef TEST_CONVERSATIONS_KIT_H
#define TEST_CONVERSATIONS_KIT_H

#define pb_host_table    pb_host_table_cliff
#define PB_PLUGIN_SYMBOL patchbay_plugin_cliff

#include "suite.h"
#include "testkit.h"

#include <patchbay/database.h>
#include <patchbay/tool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_conversations;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_parallel;
extern const pb_plugin patchbay_plugin_retry;
extern const pb_plugin patchbay_plugin_sqlite;

/* --- a stage after which the process is gone, and a clock as a tool ----------------------------- */

struct cliff {
    bool before; /* the model is asked */
    bool fail;   /* not the process ends, but the turn, after the model answered */
};

static const pb_field cliff_options[] = {PB_BOOL(struct cliff, before, .help = "At once."),
                                         PB_BOOL(struct cliff, fail, .help = "Fail instead."),
                                         PB_END};

static pb_status cliff_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct cliff *cliff = self;

    if (cliff->before)
        _exit(7);
    pb_status status = pb_run_next(next, turn);
    if (cliff->fail)
        return status == PB_OK ? pb_fail(PB_UNAVAILABLE, "fell off") : status;
    _exit(7);
}

struct clock {
    bool unused;
};

static const pb_field clock_options[] = {PB_BOOL(struct clock, unused, .help = "Nothing."), PB_END};

static pb_status clock_list(void *self, pb_tool_list *out)
{
    const pb_tool_function **list = PB_NEW_ARRAY(const pb_tool_function *, 1);
    pb_tool_function *function = PB_NEW(pb_tool_function);

    (void)self;
    function->size = sizeof *function;
    function->name = pb_lit("clock");
    list[0] = function;
    out->functions = list;
    out->count = 1;
    return pb_json_parse(pb_lit("{\"type\":\"object\"}"), &function->parameters);
}

static pb_status clock_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out)
{
    (void)self;
    (void)name;
    (void)arguments;
    *out = pb_json_string(pb_lit("noon"));
    return PB_OK;
}

PB_PLUGIN("cliff", "1.0.0", "Apache-2.0", "Ends the process.",
          PB_STAGE("cliff", struct cliff, cliff_options, .run = cliff_run),
          PB_TOOL("clock", struct clock, clock_options, .list = clock_list, .call = clock_call));

/* --- the harness -------------------------------------------------------------------------------- */

static const pb_plugin *const plugins[] = {&patchbay_plugin_conversations,
                                           &patchbay_plugin_generate,
                                           &patchbay_plugin_parallel,
                                           &patchbay_plugin_retry,
                                           &patchbay_plugin_sqlite,
                                           &patchbay_plugin_cliff,
                                           NULL};
static pb_harness *harness;
static char folder[256];
static char *kept[4096]; /* texts that live as long as the test */
static size_t kept_count;

static inline char *keep(size_t size)
{
    ck_assert_uint_lt(kept_count, 4096);
    ck_assert_ptr_nonnull(kept[kept_count] = calloc(1, size));
    return kept[kept_count++];
}

#define PLAIN "[history: {}, generate: {llm: a}]"

static inline void make_folder(void)
{
    const char *where = getenv("TMPDIR");

    (void)snprintf(folder, sizeof folder, "%s/patchbay-conversations-XXXXXX",
                   where ? where : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void drop_folder(void)
{
    char command[300];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* Pipeline p has these stages; q is a plain one. */
static inline void open_stages(const char *stages)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite, path: %s/t.db}}\n"
                   "services: {chats: {use: conversations}}\n"
                   "llms: {a: {use: scripted}}\ntools: {desk: {use: clock}}\n"
                   "pipelines: {p: {stages: %s}, q: {stages: " PLAIN "}}\n",
                   folder, stages);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static inline void close_harness(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static inline void before(void)
{
    make_folder();
    open_stages(PLAIN);
}

static inline void after(void)
{
    close_harness();
    drop_folder();
    while (kept_count)
        free(kept[--kept_count]);
}

static inline void reopen(const char *stages)
{
    close_harness();
    open_stages(stages);
}

/* --- turns -------------------------------------------------------------------------------------- */

static inline const char *text_of(pb_str text)
{
    char *copy = keep(text.size + 1);

    if (text.size)
        memcpy(copy, text.data, text.size);
    return copy;
}

static inline const pb_outcome *ask_in(const char *conversation, const char *text)
{
    return pb_harness_ask(harness, &(pb_ask){.text = text, .conversation = conversation});
}

/* A turn that must go well. */
static inline const pb_outcome *say(const char *conversation, const char *text)
{
    const pb_outcome *reply = ask_in(conversation, text);

    ck_assert_msg(reply->status == PB_OK, "%s: %.*s", pb_status_name(reply->status),
                  PB_ARG(reply->sentence));
    return reply;
}

/* The id of a new conversation in which this was said. */
static inline const char *begin(const char *text)
{
    return text_of(say("new", text)->conversation);
}

/* What the model got in its last request: "user:hi assistant:ok …" */
static inline const char *seen(void)
{
    char *out = keep(1 << 16);
    size_t count = pb_scripted_count(harness, "a");
    const pb_json *messages = pb_json_get(pb_scripted_request(harness, "a", count - 1), "messages");

    for (const pb_json *at = messages->child; at; at = at->next) {
        const pb_json *calls = pb_json_get(at, "tool_calls");
        pb_str role = pb_json_text(pb_json_get(at, "role"));
        pb_str text = pb_json_text(pb_json_get(at, "content"));
        (void)snprintf(out + strlen(out), (1 << 16) - strlen(out), "%s%.*s:%.*s%s", *out ? " " : "",
                       PB_ARG(role), PB_ARG(text), calls && calls->count ? "!" : "");
    }
    return out;
}

/* --- statements --------------------------------------------------------------------------------- */

struct question {
    const char *sql;
    pb_rows rows;
    char *text;
};

static inline pb_status run_question(void *arg)
{
    struct question *question = arg;
    pb_statement statement = pb_statement_make(pb_str_of(question->sql), NULL, 0);

    statement.flags = PB_ALL_TENANTS;
    question->rows.size = sizeof question->rows;
    pb_status status = pb_db_run(pb_harness_instance(harness, "database", "main"), &statement,
                                 &question->rows);
    if (status != PB_OK || !question->rows.count)
        return status;
    const pb_value *cell = pb_cell(&question->rows, 0, 0);
    question->text = keep(cell->text.size + 32);
    if (cell->type == PB_VALUE_INT)
        (void)snprintf(question->text, 32, "%lld", (long long)cell->integer);
    else if (cell->text.size)
        memcpy(question->text, cell->text.data, cell->text.size);
    return status;
}

/* The first cell as text; NULL: no row. `text` lives as long as the test. */
static inline const char *sql(const char *text)
{
    struct question question = {.sql = text};
    pb_str sentence;
    pb_status status = pb_harness_run(harness, run_question, &question, &sentence);

    ck_assert_msg(status == PB_OK, "%s: %.*s", text, PB_ARG(sentence));
    return question.text;
}

/* The messages of all conversations: "user/done/hi assistant/done/ok" */
static inline const char *stored(void)
{
    const char *text = sql("SELECT group_concat(line, ' ') FROM (SELECT "
                           "CASE role WHEN 1 THEN 'user' WHEN 2 THEN 'assistant' ELSE role END || "
                           "CASE status WHEN 0 THEN '' WHEN 1 THEN '/running' "
                           "WHEN 2 THEN '/cancelled' WHEN 3 THEN '/interrupted' ELSE '/failed' "
                           "END || ':' || text || CASE WHEN superseded_by IS NULL THEN '' ELSE '~' "
                           "END AS line FROM messages ORDER BY conversation, seq)");
    return text ? text : "";
}

static inline int64_t number(const char *text)
{
    return strtoll(sql(text), NULL, 10);
}

static inline pb_status sleep_a_minute(void *arg)
{
    (void)arg;
    return pb_sleep(60 * PB_SECOND);
}

/* What happens by itself happens. */
static inline void let_time_pass(void)
{
    ck_assert_int_eq(pb_harness_run(harness, sleep_a_minute, NULL, NULL), PB_OK);
}

static inline void nothing_is_held(void)
{
    ck_assert_int_eq(number("SELECT count(*) FROM conversations WHERE running IS NOT NULL OR "
                            "running_node IS NOT NULL"),
                     0);
    ck_assert_int_eq(number("SELECT count(*) FROM conversation_queue"), 0);
}

/* --- operations --------------------------------------------------------------------------------- */

static const pb_principal other = {.size = sizeof other,
                                   .id = PB_LIT("somebody"),
                                   .tenant = PB_LIT("default")};
static const pb_str admin_roles[] = {PB_LIT("admin")};
static const pb_principal admin = {.size = sizeof admin,
                                   .role_count = 1,
                                   .roles = admin_roles,
                                   .id = PB_LIT("boss"),
                                   .tenant = PB_LIT("default")};
static const pb_principal stranger = {.size = sizeof stranger,
                                      .role_count = 1,
                                      .roles = admin_roles,
                                      .id = PB_LIT("tester"),
                                      .tenant = PB_LIT("elsewhere")};

static inline const pb_json *parsed(pb_str text)
{
    const pb_json *json = NULL;

    ck_assert_msg(pb_json_parse(text, &json) == PB_OK, "%.*s", PB_ARG(text));
    return json;
}

/* The answer as a tree; the status must be this one. */
static inline const pb_json *call_as(const pb_principal *principal, const char *method,
                                     const char *path, const char *body, int32_t wanted)
{
    pb_content content = pb_harness_call(harness, method, path, body, principal);

    ck_assert_msg(content.status == wanted, "%s %s: %d, not %d: %.*s", method, path, content.status,
                  wanted, PB_ARG(content.body));
    return content.body.size ? parsed(content.body) : NULL;
}

static inline const pb_json *call(const char *method, const char *path, const char *body,
                                  int32_t wanted)
{
    return call_as(NULL, method, path, body, wanted);
}

static inline const char *path_of(const char *conversation, const char *rest)
{
    char *path = keep(512);

    (void)snprintf(path, 512, "/v1/conversations/%s%s", conversation, rest);
    return path;
}

static inline const char *member(const pb_json *json, const char *path)
{
    const pb_json *at = pb_json_path(json, path);

    return at && at->text.data ? text_of(at->text) : NULL;
}

/* The id of the n-th message that is shown. */
static inline const char *message_id(const char *conversation, size_t number)
{
    const pb_json *page = call("GET", path_of(conversation, "/messages"), NULL, 200);
    const char *id = member(pb_json_at(pb_json_get(page, "messages"), number), "id");

    ck_assert_ptr_nonnull(id);
    return id;
}

#endif
