/* Audit records: of what, with what in them, and that none is lost nor anything changed without one. */
#include "box.h"
#include "suite.h"

#include "turn/export.h"
#include <stdio.h>

static const char yaml[] = "exporters: {out: {use: box-audit}}\n"
                           "services: {one: {use: jobs}}\n"
                           "pipelines: {p: {stages: [{probe: {act: a}}]}}\n";

static pb_harness *harness;
static const pb_str scopes[] = {PB_LIT("other")};
static const pb_principal reader = {.size = sizeof reader,
                                    .id = PB_LIT("bob"),
                                    .tenant = PB_LIT("acme"),
                                    .scopes = scopes,
                                    .scope_count = 1};

static void begin(void)
{
    probe_reset();
    box_reset();
    harness = pb_harness_new(yaml, &patchbay_plugin_probe, &patchbay_plugin_box);
}

static void finish(void)
{
    pb_harness_free(harness);
}

static int call(const char *method, const char *path, const pb_principal *who)
{
    return pb_harness_call(harness, method, path, NULL, who).status;
}

/* "tester jobs.delete 7 ok" */
static void check_record(size_t number, const char *wanted)
{
    const struct box_record *record = &box.records[number];
    char text[256];

    ck_assert_uint_lt(number, box.record_count);
    (void)snprintf(text, sizeof text, "%s/%s %s %s %s", record->tenant, record->principal,
                   record->action, record->object, pb_status_name(record->status));
    ck_assert_str_eq(text, wanted);
}

START_TEST(what_changes_something_is_recorded_at_once)
{
    ck_assert_int_eq(call("DELETE", "/v1/jobs/7", NULL), 204);
    ck_assert_int_eq(call("POST", "/v1/jobs", NULL), 200);
    ck_assert_int_eq(call("POST", "/v1/jobs/open", NULL), 204);
    pb_harness_wait(harness, PB_MILLISECOND);
    ck_assert_uint_eq(box.record_count, 3);
    check_record(0, "default/tester jobs.delete 7 ok");
    check_record(1, "default/tester jobs.add job-1 ok");
    check_record(2, "default/tester jobs.open  ok");
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.record_count, 3);
}
END_TEST

START_TEST(so_is_what_was_not_allowed_or_failed)
{
    ck_assert_int_eq(call("DELETE", "/v1/jobs/7", &reader), 403);
    ck_assert_int_eq(call("POST", "/v1/jobs?colour=red", NULL), 200); /* takes no input at all */
    ck_assert_int_eq(call("DELETE", "/v1/jobs/8?colour=red", NULL), 400);
    pb_harness_wait(harness, PB_MILLISECOND);
    ck_assert_uint_eq(box.record_count, 3);
    check_record(0, "acme/bob jobs.delete 7 forbidden");
    check_record(2, "default/tester jobs.delete 8 invalid");
}
END_TEST

static pb_status call_as_nobody(void *arg)
{
    pb_call call = {.size = sizeof call};
    pb_content content;
    const pb_operation *operation;
    pb_operation_match match = {0};

    (void)arg;
    ck_assert_int_eq(pb_operation_route(pb_lit("DELETE"), pb_lit("/v1/jobs/7"), &operation, &match),
                     PB_OK);
    call.match = &match;
    return pb_operation_call(operation, &call, &content);
}

START_TEST(reading_searching_turns_and_strangers_are_not)
{
    probe_on("a", NULL);
    ck_assert_int_eq(call("GET", "/v1/jobs", NULL), 204);
    ck_assert_int_eq(call("POST", "/v1/jobs/search", NULL), 200);
    ck_assert_int_eq(pb_harness_run(harness, call_as_nobody, NULL, NULL), PB_UNAUTHENTICATED);
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.audit_call_count, 0);
}
END_TEST

START_TEST(whatever_an_exporter_says_it_gets_them_again)
{
    box.failures = 3;
    box.status = PB_INVALID;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(call("DELETE", pb_printf("/v1/jobs/%d", i).data, NULL), 204);
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(box.record_count, 5);
    for (size_t i = 0; i < 5; i++)
        check_record(i, pb_printf("default/tester jobs.delete %zu ok", i).data);
    ck_assert_int_ge(box.audit_calls[2].when - box.audit_calls[1].when, 2 * PB_SECOND);
}
END_TEST

static void fill(void)
{
    box.failures = 1000000;
    box.status = PB_UNAVAILABLE;
    for (int i = 0; i < EXPORT_AUDIT_MOST; i++)
        ck_assert_int_eq(call("DELETE", "/v1/jobs/7", NULL), 204);
    ck_assert_uint_eq(box.handled, EXPORT_AUDIT_MOST);
}

START_TEST(without_room_for_a_record_nothing_is_changed)
{
    fill();
    pb_content content = pb_harness_call(harness, "DELETE", "/v1/jobs/8", NULL, NULL);
    ck_assert_int_eq(content.status, 503);
    ck_assert_ptr_nonnull(strstr(content.body.data, "nothing is changed without one"));
    ck_assert_uint_eq(box.handled, EXPORT_AUDIT_MOST);
    ck_assert_int_eq(call("GET", "/v1/jobs", NULL), 204); /* reading goes on */
    box.failures = 0;
    pb_harness_wait(harness, 120 * PB_SECOND);
    ck_assert_uint_eq(box.record_count, EXPORT_AUDIT_MOST);
    ck_assert_uint_le(box.audit_calls[0].count, EXPORT_AUDIT_BATCH);
    ck_assert_int_eq(call("DELETE", "/v1/jobs/9", NULL), 204);
}
END_TEST

struct late {
    int status;
    pb_duration took;
};

static pb_status open_later(void *arg)
{
    (void)arg;
    pb_status status = pb_sleep(2 * PB_SECOND);
    box.failures = 0;
    return status;
}

static pb_status delete_one(void *arg)
{
    pb_call call = {.size = sizeof call, .principal = &reader};
    struct late *late = arg;
    pb_content content;
    const pb_operation *operation;
    pb_operation_match match = {0};
    pb_duration begun = pb_monotonic();

    (void)pb_operation_route(pb_lit("POST"), pb_lit("/v1/jobs/open"), &operation, &match);
    call.match = &match;
    late->status = pb_operation_call(operation, &call, &content);
    late->took = pb_monotonic() - begun;
    return PB_OK;
}

static pb_status race(void *arg)
{
    struct late *late = arg;
    pb_task *tasks[4];

    ck_assert_int_eq(pb_spawn(open_later, NULL, &tasks[3]), PB_OK);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pb_spawn(delete_one, &late[i], &tasks[i]), PB_OK);
    for (int i = 0; i < 4; i++)
        (void)pb_join(tasks[i]);
    return PB_OK;
}

START_TEST(who_waits_for_room_goes_on_when_there_is_some)
{
    struct late late[3] = {{0}};

    fill();
    ck_assert_int_eq(pb_harness_run(harness, race, late, NULL), PB_OK);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(late[i].status, PB_OK);
        ck_assert_int_ge(late[i].took, PB_SECOND);
        ck_assert_int_lt(late[i].took, 5 * PB_SECOND);
    }
    pb_harness_wait(harness, 120 * PB_SECOND);
    ck_assert_uint_eq(box.record_count, EXPORT_AUDIT_MOST + 3);
}
END_TEST

static pb_status cancel_while_waiting(void *arg)
{
    struct late *late = arg;
    pb_task *task;

    ck_assert_int_eq(pb_spawn(delete_one, late, &task), PB_OK);
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_OK);
    pb_task_cancel(task);
    (void)pb_join(task);
    return PB_OK;
}

START_TEST(who_is_cancelled_meanwhile_leaves_no_trace)
{
    struct late late = {0};

    fill();
    ck_assert_int_eq(pb_harness_run(harness, cancel_while_waiting, &late, NULL), PB_OK);
    ck_assert_int_eq(late.status, PB_CANCELLED);
    box.failures = 0;
    pb_harness_wait(harness, 120 * PB_SECOND);
    ck_assert_uint_eq(box.record_count, EXPORT_AUDIT_MOST);
    for (int i = 0; i < EXPORT_AUDIT_MOST; i++) /* no room went with it */
        ck_assert_int_eq(call("DELETE", "/v1/jobs/7", NULL), 204);
}
END_TEST

START_TEST(stopping_waits_for_them_and_logs_what_nobody_took)
{
    char path[512], line[4096] = "";

    box.failures = 2;
    box.status = PB_UNAVAILABLE;
    ck_assert_int_eq(call("DELETE", "/v1/jobs/7", NULL), 204);
    pb_harness_free(harness);
    ck_assert_uint_eq(box.record_count, 1);

    begin();
    box.failures = 1000;
    box.status = PB_UNAVAILABLE;
    (void)snprintf(path, sizeof path, "%s/lost.log", getenv("TMPDIR"));
    pb_harness_log(PB_ERROR, path);
    ck_assert_int_eq(call("DELETE", "/v1/jobs/7", NULL), 204);
    pb_harness_free(harness);
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(line, 1, sizeof line - 1, file), 0);
    fclose(file);
    ck_assert_msg(strstr(line, "the exporter 'out' did not take: ") &&
                      strstr(line, "default/tester jobs.delete '7': ok"),
                  "%s", line);
    begin();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {what_changes_something_is_recorded_at_once,
                                  so_is_what_was_not_allowed_or_failed,
                                  reading_searching_turns_and_strangers_are_not,
                                  whatever_an_exporter_says_it_gets_them_again,
                                  without_room_for_a_record_nothing_is_changed,
                                  who_waits_for_room_goes_on_when_there_is_some,
                                  who_is_cancelled_meanwhile_leaves_no_trace,
                                  stopping_waits_for_them_and_logs_what_nobody_took,
                                  NULL};

    return suite_run_cases("export_audit",
                           (TCase *const[]){suite_case("audit", begin, finish, tests), NULL});
}
