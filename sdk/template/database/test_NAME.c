/* What every database must do. The harness is a host in this program. */
#include <interface_case.h>
#include <patchbay/database.h>

extern const pb_plugin patchbay_plugin_@ID@;

static void begin(void)
{
    interface_begin(pb_harness_new("databases: {main: {use: @NAME@}}\n", &patchbay_plugin_@ID@),
                    "database", "main");
}

/* --- what only this one does ------------------------------------------------------------------ */

static pb_status reckon(void *database)
{
    return pb_db_query(database,
                       pb_lit("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
                              "SELECT max(i) FROM n"),
                       NULL, 0, NULL);
}

static pb_status attach(void *database)
{
    return pb_db_query(database, pb_lit("ATTACH '/tmp/stranger.db' AS s"), NULL, 0, NULL);
}

static pb_status commit(void *database)
{
    return pb_db_query(database, pb_lit("COMMIT"), NULL, 0, NULL);
}

START_TEST(what_takes_too_long_is_ended_and_files_are_not_opened)
{
    pb_harness *harness = pb_harness_new("databases: {main: {use: @NAME@, limit: 5ms}}\n",
                                         &patchbay_plugin_@ID@);
    pb_instance *database = pb_harness_instance(harness, "database", "main");
    pb_str sentence;

    ck_assert_int_eq(pb_harness_run(harness, reckon, database, &sentence), PB_TIMEOUT);
    ck_assert_int_eq(pb_harness_run(harness, attach, database, &sentence), PB_INVALID);
    ck_text(sentence, "the statement failed: not authorized");
    ck_assert_int_eq(pb_harness_run(harness, commit, database, &sentence), PB_INVALID);
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const own[] = {what_takes_too_long_is_ended_and_files_are_not_opened, NULL};

    return suite_run_cases("@NAME@", (TCase *const[]){interface_case("database", begin),
                                                      suite_case("own", NULL, NULL, own), NULL});
}
