/* Launched turns: their events are numbered and durable before anybody sees them, any follower gets
 * all of them from wherever it begins, a key stands for one turn, and what nobody writes any more
 * ends as interrupted. With real SQLite files. */
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

static void open_with(const char *config)
{
    char yaml[512];

    snprintf(yaml, sizeof yaml, config, folder);
    harness = pb_harness_new(yaml, &patchbay_plugin_sqlite, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false); /* the database's threads take real time */
    database = pb_harness_instance(harness, "database", "main");
}

static void begin(void)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    open_with(CONFIG);
}

static void end(void)
{
    char command[128];

    pb_harness_free(harness);
    harness = NULL;
    database_forget_tables();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- in a task -------------------------------------------------------------------------------- */

static void run(pb_status (*fn)(void *arg), void *arg)
{
    pb_str sentence;
    pb_status status = pb_harness_run(harness, fn, arg, &sentence);

    ck_assert_msg(status == PB_OK, "%s: %.*s", pb_status_name(status), PB_ARG(sentence));
}

static void sql_with(const char *text, const pb_value *values, size_t count, pb_rows *out)
{
    pb_statement statement = pb_statement_make(pb_str_of(text), values, count);

    statement.flags = PB_ALL_TENANTS;
    statement.tenant = pb_lit("default");
    pb_status status = pb_db_run(database, &statement, out);
    ck_assert_msg(status == PB_OK, "%s: %.*s", text, PB_ARG(pb_error_last()->sentence));
}

static void sql(const char *text)
{
    sql_with(text, NULL, 0, NULL);
}

static int64_t number(const char *text)
{
    pb_rows rows;

    sql_with(text, NULL, 0, &rows);
    ck_assert_uint_eq(rows.count, 1);
    return pb_cell(&rows, 0, 0)->integer;
}

static pb_principal somebody(const char *id, const char *tenant)
{
    return (pb_principal){
        .size = sizeof(pb_principal), .id = pb_str_of(id), .tenant = pb_str_of(tenant)};
}

static pb_launched launched;
static pb_principal me;

static pb_status launch(const char *text, const char *key, const char *digest)
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

static pb_status see(pb_sink *sink, const pb_event *event)
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

static pb_status follow(struct follower *follower, pb_str id)
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

static void wait_for_all(void)
{
    journal_wait_all();
}

/* --- the whole way ---------------------------------------------------------------------------- */

static pb_status launch_and_follow(void *arg)
{
    struct follower *follower = arg;
    pb_status status = launch("hi", NULL, NULL);

    ck_assert_int_eq(status, PB_OK);
    ck_assert_uint_eq(launched.known, 0);
    ck_assert_uint_eq(launched.id.size, 36);
    ck_text(launched.pipeline, "p");
    ck_text(launched.request_id, "request-1");
    (void)follow(follower, launched.id);
    ck_assert_int_eq(follower->status, PB_OK);
    ck_assert(pb_str_equal(follower->about.id, launched.id));
    ck_assert(pb_str_equal(follower->about.reply, launched.reply));
    ck_assert_int_eq(follower->about.created, launched.created);
    ck_text(follower->about.request_id, "request-1");
    wait_for_all();
    ck_assert_int_eq(
        number("SELECT COUNT(*) FROM turns WHERE status = 'done' AND ended IS NOT NULL"), 1);
    ck_assert_int_eq(number("SELECT events FROM turns"), (int64_t)follower->last);
    ck_assert_int_eq(number("SELECT bytes = (SELECT SUM(LENGTH(CAST(data AS BLOB))) FROM "
                            "turn_events) FROM turns"),
                     1);
    return PB_OK;
}

START_TEST(a_turn_is_kept)
{
    struct follower follower = {0};

    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"),
              PB_STEP_TOOL_CALL(0, "c0", "f", "{\"a\""), PB_STEP_TOOL_CALL(1, "c1", "g", "{"),
              PB_STEP_TOOL_CALL(0, NULL, NULL, ":1}"), PB_STEP_TOOL_CALL(1, NULL, NULL, "}"),
              PB_STEP_USAGE(7, 3), PB_STEP_STOP);
    run(launch_and_follow, &follower);
    /* deltas of one moment are one row, calls are whole, and a number is left before the end */
    ck_assert_str_eq(follower.text, "1 2 hm\n2 1 hello\n3 6 \n4 3 c0f{\"a\":1}\n5 3 c1g{}\n"
                                    "7 done done\n");
    ck_assert_int_eq(follower.result.usage.input_tokens, 7);
    ck_assert_int_eq(follower.result.usage.output_tokens, 3);
    ck_assert_int_eq(follower.result.finish, PB_FINISH_STOP);
    ck_assert_str_eq(follower.model, "scripted-1 by main");
    ck_assert_int_gt(follower.result.total, 0);
}
END_TEST

static pb_status follow_from_everywhere(void *arg)
{
    struct follower whole = {0};
    char *at = whole.text;

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&whole, launched.id), PB_OK);
    for (uint64_t after = 0; after <= whole.last; after++) {
        struct follower rest = {.after = after};
        pb_status status = follow(&rest, launched.id);
        while (*at && strtoull(at, NULL, 10) <= after)
            at = strchr(at, '\n') + 1;
        ck_assert_int_eq(status, after < whole.last ? PB_OK : PB_DECLINED);
        ck_assert_str_eq(rest.text, at);
        ck_assert_uint_eq(rest.about.id.size, 36);
    }
    wait_for_all();
    return PB_OK;
}

START_TEST(following_begins_anywhere)
{
    static pb_script_step steps[200];

    for (int i = 0; i < 198; i++) /* more than a page, each a row of its own */
        steps[i] =
            i % 2 ? (pb_script_step)PB_STEP_THINKING("odd") : (pb_script_step)PB_STEP_TEXT("even");
    steps[198] = (pb_script_step)PB_STEP_USAGE(1, 1);
    steps[199] = (pb_script_step)PB_STEP_STOP;
    pb_script_add(harness, "main", steps, 200);
    run(follow_from_everywhere, NULL);
}
END_TEST

static pb_status follow_many_pieces(void *arg)
{
    struct follower follower = {0};

    (void)arg;
    for (int turn = 0; turn < 5; turn++) {
        memset(&follower, 0, sizeof follower);
        ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
        ck_assert_int_eq(follow(&follower, launched.id), PB_OK);
        ck_assert_str_eq(follower.said, "0123456789012345678901234567890123456789");
    }
    wait_for_all();
    return PB_OK;
}

START_TEST(pieces_that_come_while_others_are_written)
{
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    static pb_script_step steps[81];

    for (int i = 0; i < 40; i++) {
        steps[2 * i] = (pb_script_step)PB_STEP_TEXT(digits[i % 10]);
        steps[2 * i + 1] = (pb_script_step)PB_STEP_WAIT(PB_MILLISECOND);
    }
    steps[80] = (pb_script_step)PB_STEP_STOP;
    pb_script_add(harness, "main", steps, 81);
    run(follow_many_pieces, NULL);
}
END_TEST

static pb_status follow_while_it_runs(void *arg)
{
    struct follower first = {.stop_at = 1}, second = {.slow = 20 * PB_MILLISECOND};
    pb_task *task;

    (void)arg;
    (void)task;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    ck_assert_str_eq(first.text, "1 1 one\n");
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    ck_assert_ptr_nonnull(journal_find(launched.id)); /* it goes on without its client */
    second.after = 1;
    ck_assert_int_eq(follow(&second, launched.id), PB_OK);
    ck_assert_str_eq(second.text, "2 1 two\n3 1 three\n5 done done\n");
    wait_for_all();
    return PB_OK;
}

START_TEST(a_client_may_leave_and_come_back)
{
    pb_script(harness, "main", PB_STEP_TEXT("one"), PB_STEP_WAIT(100 * PB_MILLISECOND),
              PB_STEP_TEXT("two"), PB_STEP_WAIT(100 * PB_MILLISECOND), PB_STEP_TEXT("three"),
              PB_STEP_STOP);
    run(follow_while_it_runs, NULL);
}
END_TEST

static pb_status fail_and_follow(void *arg)
{
    struct follower follower = {0};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&follower, launched.id), PB_BAD_UPSTREAM);
    ck_text(pb_error_last()->sentence, "the model is ill");
    ck_assert_str_eq(follower.text, "1 1 half\n3 done failed\n");
    ck_assert_int_eq(follower.result.status, PB_BAD_UPSTREAM);
    wait_for_all();
    return PB_OK;
}

START_TEST(a_failure_is_kept)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"),
              PB_STEP_FAIL(PB_BAD_UPSTREAM, "the model is ill"));
    run(fail_and_follow, NULL);
}
END_TEST

static pb_status cancel_and_follow(void *arg)
{
    struct follower first = {.stop_at = 1}, rest = {.after = 1};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    ck_assert_int_eq(pb_turn_cancel(launched.id, &me), PB_OK);
    ck_assert_int_eq(follow(&rest, launched.id), PB_CANCELLED);
    ck_assert_str_eq(rest.text, "3 done cancelled\n");
    wait_for_all();
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'cancelled'"), 1);
    return PB_OK;
}

START_TEST(a_cancel_is_kept)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_HANG);
    run(cancel_and_follow, NULL);
}
END_TEST

static pb_status stop_and_follow(void *arg)
{
    struct follower first = {.stop_at = 1}, rest = {.after = 1};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    turn_cancel_all("the server is stopping");
    ck_assert_int_eq(follow(&rest, launched.id), PB_UNAVAILABLE);
    ck_assert_str_eq(rest.text, "3 done interrupted\n");
    wait_for_all();
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'interrupted'"), 1);
    return PB_OK;
}

START_TEST(the_end_of_a_drain_interrupts)
{
    pb_script(harness, "main", PB_STEP_TEXT("half"), PB_STEP_HANG);
    run(stop_and_follow, NULL);
}
END_TEST

/* --- keys ------------------------------------------------------------------------------------- */

static pb_status use_a_key(void *arg)
{
    struct follower first = {0}, again = {0};
    char id[37];

    (void)arg;
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    snprintf(id, sizeof id, "%.*s", PB_ARG(launched.id));
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK); /* while it runs */
    ck_assert_uint_eq(launched.known, 1);
    ck_assert(pb_str_is(launched.id, id));
    ck_assert_int_eq(follow(&first, launched.id), PB_OK);
    wait_for_all();
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK); /* when it is over */
    ck_assert_uint_eq(launched.known, 1);
    ck_assert(pb_str_is(launched.id, id));
    ck_text(launched.request_id, "request-1");
    ck_assert_int_eq(follow(&again, launched.id), PB_OK);
    ck_assert_str_eq(first.text, again.text);
    ck_assert_int_eq(launch("ho", "k", "other"), PB_UNPROCESSABLE);
    ck_assert_int_eq(launch("ho", "other", "other"), PB_OK);
    ck_assert_uint_eq(launched.known, 0);
    wait_for_all();
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 2);
    return PB_OK;
}

START_TEST(a_key_stands_for_one_turn)
{
    run(use_a_key, NULL);
}
END_TEST

struct racer {
    char id[37];
};

static pb_status race(void *arg)
{
    struct racer *racer = arg;
    pb_principal principal = somebody("me", "default");
    const pb_message *message = pb_message_new(PB_ROLE_USER, pb_lit("hi"));
    pb_turn_spec spec = pb_turn_spec_make();
    pb_launched out = {.size = sizeof out};

    spec.pipeline = pb_pipeline_find(pb_lit("p"));
    spec.principal = &principal;
    spec.messages = &message;
    spec.message_count = 1;
    spec.key = pb_lit("k");
    spec.digest = pb_lit("d");
    pb_status status = pb_turn_launch(&spec, &out);
    snprintf(racer->id, sizeof racer->id, "%.*s", PB_ARG(out.id));
    return status;
}

static pb_status race_for_a_key(void *arg)
{
    struct racer racers[8];
    pb_task *tasks[8];

    (void)arg;
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pb_spawn(race, &racers[i], &tasks[i]), PB_OK);
    for (size_t i = 0; i < 8; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
    for (size_t i = 1; i < 8; i++)
        ck_assert_str_eq(racers[i].id, racers[0].id);
    wait_for_all();
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 1);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 1);
    return PB_OK;
}

START_TEST(many_with_one_key_at_once)
{
    run(race_for_a_key, NULL);
}
END_TEST

static pb_status be_refused(void *arg)
{
    struct follower follower = {0}, again = {0};

    (void)arg;
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    ck_assert_int_eq(follow(&follower, launched.id), PB_BAD_UPSTREAM);
    wait_for_all();
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    ck_assert_uint_eq(launched.known, 1); /* a failure is an answer, too */
    sql("UPDATE turns SET key_hash = NULL");
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    ck_assert_uint_eq(launched.known, 0);
    ck_assert_int_eq(follow(&again, launched.id), PB_BAD_UPSTREAM);
    wait_for_all();
    return PB_OK;
}

START_TEST(a_failure_keeps_its_key)
{
    pb_script(harness, "main", PB_STEP_FAIL(PB_BAD_UPSTREAM, "ill"));
    run(be_refused, NULL);
}
END_TEST

/* --- whose ------------------------------------------------------------------------------------ */

static pb_status look_as_others(void *arg)
{
    struct follower follower = {0};
    static const pb_str admin = PB_LIT("admin");

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    pb_str id = launched.id;
    me = somebody("you", "default");
    ck_assert_int_eq(follow(&follower, id), PB_NOT_FOUND);
    me = somebody("me", "other");
    ck_assert_int_eq(follow(&follower, id), PB_NOT_FOUND);
    me.roles = &admin;
    me.role_count = 1;
    ck_assert_int_eq(follow(&follower, id), PB_NOT_FOUND); /* of another tenant */
    ck_assert_uint_eq(follower.events, 0);
    me.tenant = pb_lit("default");
    ck_assert_int_eq(follow(&follower, id), PB_OK);
    ck_assert_int_eq(follow(&follower, pb_lit("0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44")),
                     PB_NOT_FOUND);
    ck_assert_int_eq(follow(&follower, pb_lit("nonsense")), PB_NOT_FOUND);
    wait_for_all();
    return PB_OK;
}

START_TEST(only_its_owner_sees_it)
{
    run(look_as_others, NULL);
}
END_TEST

/* --- what nobody writes any more -------------------------------------------------------------- */

/* A turn as a worker left it that died after its second row. */
static void leave_dead(const char *node)
{
    pb_value values[] = {pb_value_text(pb_str_of(node))};

    sql("DELETE FROM turn_events WHERE number > 2");
    sql_with("UPDATE turns SET status = 'running', ended = NULL, events = 2, node = $1", values, 1,
             NULL);
}

static pb_status find_dead(void *arg)
{
    const char *node = arg;
    struct follower whole = {0}, late = {.after = 2}, again = {.after = 2};

    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    pb_str id = launched.id;
    wait_for_all();
    leave_dead(node);
    ck_assert_int_eq(follow(&whole, id), PB_UNAVAILABLE);
    ck_assert(pb_str_starts(pb_error_last()->sentence, pb_lit("the worker died")));
    ck_assert_str_eq(whole.text, "1 2 one\n2 1 two\n4 done interrupted\n");
    ck_assert_uint_eq(whole.result.interrupted, 1);
    ck_assert_int_eq(follow(&late, id), PB_UNAVAILABLE);
    ck_assert_str_eq(late.text, "4 done interrupted\n");
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'interrupted'"), 1);
    ck_assert_int_eq(launch("hi", "k", "d"), PB_OK);
    ck_assert_uint_eq(launched.known, 1);
    leave_dead(node);
    ck_assert_int_eq(journal_sweep(database), PB_OK);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE status = 'interrupted'"), 1);
    ck_assert_int_eq(journal_sweep(database), PB_OK);
    ck_assert_int_eq(follow(&again, id), PB_UNAVAILABLE);
    ck_assert_str_eq(again.text, "4 done interrupted\n");
    return PB_OK;
}

START_TEST(a_dead_node_interrupts)
{
    pb_script(harness, "main", PB_STEP_THINKING("one"), PB_STEP_TEXT("two"),
              PB_STEP_THINKING("three"), PB_STEP_STOP);
    run(find_dead, "never-was-1");
}
END_TEST

START_TEST(a_node_that_does_not_know_it_interrupts)
{
    static char node[64];
    pb_str own = pb_node_id();

    snprintf(node, sizeof node, "%.*s", PB_ARG(own));
    pb_script(harness, "main", PB_STEP_THINKING("one"), PB_STEP_TEXT("two"),
              PB_STEP_THINKING("three"), PB_STEP_STOP);
    run(find_dead, node);
}
END_TEST

static pb_status lose_it(void *arg)
{
    struct follower first = {.stop_at = 1}, rest = {.after = 1};

    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    ck_assert_int_eq(follow(&first, launched.id), PB_CANCELLED);
    ck_assert_int_eq(journal_interrupt(number("SELECT id FROM turns"), pb_node_id()), PB_OK);
    wait_for_all(); /* the model goes on for minutes, but the next row is refused */
    ck_assert_int_eq(follow(&rest, launched.id), PB_UNAVAILABLE);
    ck_assert_str_eq(rest.text, "3 done interrupted\n");
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turn_events"), 2);
    return PB_OK;
}

START_TEST(who_was_taken_for_dead_writes_no_more)
{
    pb_harness_log(PB_ERROR + 1, NULL);
    pb_script(harness, "main", PB_STEP_TEXT("one"), PB_STEP_WAIT(200 * PB_MILLISECOND),
              PB_STEP_TEXT("two"), PB_STEP_HANG);
    run(lose_it, NULL);
}
END_TEST

/* --- what is old ------------------------------------------------------------------------------ */

static pb_status clean_old(void *arg)
{
    (void)arg;
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    wait_for_all();
    sql("UPDATE turns SET ended = ended + id");
    ck_assert_int_eq(journal_clean(database), PB_OK);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 4); /* journal_turns */
    ck_assert_int_eq(number("SELECT MIN(id) FROM turns"), 3);
    ck_assert_int_eq(number("SELECT COUNT(DISTINCT turn) FROM turn_events"), 4);
    sql("UPDATE turns SET ended = 1 WHERE id = 5");
    ck_assert_int_eq(journal_clean(database), PB_OK);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns WHERE id = 5"), 0);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 3);
    sql("UPDATE turns SET status = 'running', ended = NULL WHERE id = 3"); /* never too old */
    sql("UPDATE turns SET bytes = 40000 WHERE id > 3");
    ck_assert_int_eq(journal_clean(database), PB_OK); /* 80,000 of 65,536 bytes */
    ck_assert_int_eq(number("SELECT MAX(id) FROM turns"), 6);
    ck_assert_int_eq(number("SELECT COUNT(*) FROM turns"), 2);
    ck_assert_int_eq(number("SELECT COUNT(DISTINCT turn) FROM turn_events"), 2);
    return PB_OK;
}

START_TEST(old_ones_go)
{
    pb_harness_free(harness);
    open_with("host: {limits: {journal_turns: 4, journal_bytes: 65536}}\n" CONFIG);
    run(clean_old, NULL);
}
END_TEST

static pb_status explain(void *arg)
{
    (void)arg;
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_OK);
    wait_for_all();
    for (int i = 0; i < JOURNAL_STATEMENTS; i++) {
        char text[1024];
        pb_value nothing[16] = {{0}};
        pb_rows rows;
        size_t values = 0;
        snprintf(text, sizeof text, "EXPLAIN QUERY PLAN %.*s", PB_ARG(journal_sql[i]));
        for (char name[8]; snprintf(name, sizeof name, "$%zu", values + 1), strstr(text, name);)
            values++;
        sql_with(text, nothing, values, &rows);
        for (size_t j = 0; j < rows.count; j++) {
            pb_str plan = pb_cell(&rows, j, rows.columns - 1)->text;
            bool covering = i == SQL_SUM || i == SQL_OLDEST; /* in the background, along an index */
            ck_assert_msg(covering || !pb_str_starts(plan, pb_lit("SCAN")), "%s: %.*s", text,
                          PB_ARG(plan));
            ck_assert_msg(memmem(plan.data, plan.size, "INDEX", 5) ||
                              memmem(plan.data, plan.size, "PRIMARY KEY", 11),
                          "%s: %.*s", text, PB_ARG(plan));
            ck_assert_msg(!memmem(plan.data, plan.size, "TEMP B-TREE", 11), "%s: %.*s", text,
                          PB_ARG(plan));
        }
    }
    return PB_OK;
}

START_TEST(every_statement_has_its_index)
{
    run(explain, NULL);
}
END_TEST

/* --- which database --------------------------------------------------------------------------- */

static pb_status want_unsupported(void *arg)
{
    ck_assert_int_eq(launch("hi", NULL, NULL), PB_UNSUPPORTED);
    ck_assert_msg(strstr(pb_error_last()->sentence.data, arg) != NULL, "%.*s",
                  PB_ARG(pb_error_last()->sentence));
    return PB_OK;
}

START_TEST(which_database)
{
    pb_harness_free(harness);
    open_with("databases: {other: {use: sqlite, path: %1$s/other.db}, "
              "main: {use: sqlite, path: %1$s/test.db}}\n"
              "llms: {main: {use: scripted}}\n"
              "pipelines: {p: {stages: [generate: {llm: main}]}}\n");
    run(want_unsupported, "host.journal");
    pb_harness_free(harness);
    open_with("host: {journal: main}\n"
              "databases: {other: {use: sqlite, path: %1$s/other.db}, "
              "main: {use: sqlite, path: %1$s/test.db}}\n"
              "llms: {main: {use: scripted}}\n"
              "pipelines: {p: {stages: [generate: {llm: main}]}}\n");
    run(launch_and_follow, &(struct follower){0});
    pb_harness_free(harness);
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                             &patchbay_plugin_generate);
    run(want_unsupported, "databases");
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "journal", begin, end,
        (const TTest *const[]){
            a_turn_is_kept, following_begins_anywhere, pieces_that_come_while_others_are_written,
            a_client_may_leave_and_come_back, a_failure_is_kept, a_cancel_is_kept,
            the_end_of_a_drain_interrupts, a_key_stands_for_one_turn, many_with_one_key_at_once,
            a_failure_keeps_its_key, only_its_owner_sees_it, a_dead_node_interrupts,
            a_node_that_does_not_know_it_interrupts, who_was_taken_for_dead_writes_no_more,
            old_ones_go, every_statement_has_its_index, which_database, NULL});

    return suite_run_cases("journal", (TCase *const[]){cases, NULL});
}
