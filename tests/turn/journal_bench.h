/* journal_bench.h - what the tests of launched turns share: a harness with a SQLite file, a launch,
 * a follower that writes down what it saw, and SQL to look behind the scenes. */
#ifndef TESTS_TURN_JOURNAL_BENCH_H
#define TESTS_TURN_JOURNAL_BENCH_H

#include "plugin/instances.h"
#include "runtime/task.h"
#include "suite.h"
#include "testkit.h"
#include "turn/database.h"
#include "turn/journal.h"

#include <stdio.h>
#include <stdlib.h>

extern const pb_plugin patchbay_plugin_sqlite, patchbay_plugin_generate;

#define CONFIG                                                                                     \
    "databases: {main: {use: sqlite, path: %s/test.db}}\n"                                         \
    "llms: {main: {use: scripted}}\n"                                                              \
    "pipelines: {p: {stages: [generate: {llm: main}]}}\n"

static char folder[] = "/tmp/patchbay-test-XXXXXX";
static pb_harness *harness;
static pb_instance *database;

static inline void open_with(const char *config)
{
    char yaml[512];

    snprintf(yaml, sizeof yaml, config, folder);
    harness = pb_harness_new(yaml, &patchbay_plugin_sqlite, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false); /* the database's threads take real time */
    database = pb_harness_instance(harness, "database", "main");
}

static inline void begin(void)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_with(CONFIG);
}

static inline void end(void)
{
    char command[128];

    pb_harness_free(harness);
    harness = NULL;
    database_forget_tables();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- in a task -------------------------------------------------------------------------------- */

static inline void run(pb_status (*fn)(void *arg), void *arg)
{
    pb_str sentence;
    pb_status status = pb_harness_run(harness, fn, arg, &sentence);

    ck_assert_msg(status == PB_OK, "%s: %.*s", pb_status_name(status), PB_ARG(sentence));
}

static inline void sql_with(const char *text, const pb_value *values, size_t count, pb_rows *out)
{
    pb_statement statement = pb_statement_make(pb_str_of(text), values, count);

    statement.flags = PB_ALL_TENANTS;
    statement.tenant = pb_lit("default");
    pb_status status = pb_db_run(database, &statement, out);
    ck_assert_msg(status == PB_OK, "%s: %.*s", text, PB_ARG(pb_error_last()->sentence));
}

static inline void sql(const char *text)
{
    sql_with(text, NULL, 0, NULL);
}

static inline int64_t number(const char *text)
{
    pb_rows rows;

    sql_with(text, NULL, 0, &rows);
    ck_assert_uint_eq(rows.count, 1);
    return pb_cell(&rows, 0, 0)->integer;
}

static inline pb_principal somebody(const char *id, const char *tenant)
{
    return (pb_principal){
        .size = sizeof(pb_principal), .id = pb_str_of(id), .tenant = pb_str_of(tenant)};
}

static pb_launched launched;
static pb_principal me;

static inline pb_status launch(const char *text, const char *key, const char *digest)
{
    const pb_message *message = pb_message_new(PB_ROLE_USER, pb_str_of(text));
    pb_turn_spec spec = pb_turn_spec_make();

    me = somebody("me", "default");
    spec.pipeline = pb_pipeline_find(pb_lit("p"));
    spec.principal = &me;
    spec.messages = &message;
    spec.message_count = 1;
    spec.request_id = pb_lit("request-1");
    spec.key = pb_str_of(key);
    spec.digest = pb_str_of(digest);
    launched = (pb_launched){.size = sizeof launched};
    return pb_turn_launch(&spec, &launched);
}

/* What a follower saw, a line for each event: "3 text hello". */
struct follower {
    pb_sink base;
    char text[4096];
    size_t size;
    uint64_t after;
    uint64_t last;
    pb_launched about;
    pb_status status;
    pb_turn_result result;
    char model[32];
    char said[64]; /* the text alone */
    size_t events;
    size_t stop_at;   /* the n-th event: the client is gone */
    pb_duration slow; /* each event takes it so long */
    bool done;
};

static inline pb_status see(pb_sink *sink, const pb_event *event)
{
    struct follower *follower = (struct follower *)(void *)sink;
    char *at = follower->text + follower->size;
    size_t room = sizeof follower->text - follower->size;

    ck_assert_uint_gt(event->number, follower->last);
    follower->last = event->number;
    follower->events++;
    if (event->type == PB_EVENT_DONE) {
        follower->done = true;
        follower->result = *event->result;
        snprintf(follower->model, sizeof follower->model, "%.*s by %.*s",
                 PB_ARG(event->result->model), PB_ARG(event->result->llm));
        follower->size +=
            (size_t)snprintf(at, room, "%llu done %s\n", (unsigned long long)event->number,
                             pb_result_state(event->result));
    } else {
        if (event->type == PB_EVENT_TEXT && strlen(follower->said) + event->text.size < 64)
            strncat(follower->said, event->text.data, event->text.size);
        follower->size += (size_t)snprintf(
            at, room, "%llu %d %.*s%.*s%.*s\n", (unsigned long long)event->number, event->type,
            PB_ARG(event->id), PB_ARG(event->name), PB_ARG(event->text));
    }
    if (follower->slow && pb_sleep(follower->slow) != PB_OK)
        return PB_CANCELLED;
    return follower->events == follower->stop_at ? PB_CANCELLED : PB_OK;
}

static inline pb_status follow(struct follower *follower, pb_str id)
{
    pb_follow_spec spec = {.size = sizeof spec,
                           .id = id,
                           .principal = &me,
                           .after = follower->after,
                           .about = &follower->about};

    follower->base = (pb_sink){.size = sizeof follower->base, .emit = see};
    follower->about.size = sizeof follower->about;
    follower->last = follower->after;
    follower->status = pb_turn_follow(&spec, &follower->base);
    return follower->status;
}

static inline void wait_for_all(void)
{
    journal_wait_all();
}

#endif
