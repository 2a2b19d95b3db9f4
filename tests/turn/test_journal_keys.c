/* A key stands for one turn, and only its owner sees it; which database keeps them. */
#include "journal_bench.h"

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
    run(use_a_key, NULL);
    pb_harness_free(harness);
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                             &patchbay_plugin_generate);
    run(want_unsupported, "databases");
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("journal_keys", begin, end,
                   (const TTest *const[]){a_key_stands_for_one_turn, many_with_one_key_at_once,
                                          a_failure_keeps_its_key, only_its_owner_sees_it,
                                          which_database, NULL});

    return suite_run_cases("journal_keys", (TCase *const[]){cases, NULL});
}
