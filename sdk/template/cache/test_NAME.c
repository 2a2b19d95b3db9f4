/* What every cache must do. The harness is a host in this program; its time is virtual. */
#include <interface_case.h>

extern const pb_plugin patchbay_plugin_@ID@;

static void begin(void)
{
    interface_begin(pb_harness_new("caches: {main: {use: @NAME@}}\n", &patchbay_plugin_@ID@), "cache",
                    "main");
}

/* --- what only this one does ------------------------------------------------------------------ */

static pb_status keep_much(void *cache)
{
    static const uint8_t value[500];
    pb_bytes found = {0};

    for (int i = 0; i < 100; i++)
        EXPECT_OK(pb_cache_set(cache, pb_printf("%d", i), (pb_bytes){value, sizeof value}, NULL),
                  "set of key %d", i);
    EXPECT_OK(pb_cache_get(cache, pb_lit("99"), &found), "get of what was set last");
    return PB_OK;
}

START_TEST(it_forgets_when_there_is_no_room)
{
    pb_harness *harness = pb_harness_new("caches: {main: {use: @NAME@, size: 8KiB}}\n",
                                         &patchbay_plugin_@ID@);
    pb_instance *cache = pb_harness_instance(harness, "cache", "main");

    ck_assert_int_eq(pb_harness_run(harness, keep_much, cache, NULL), PB_OK);
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const own[] = {it_forgets_when_there_is_no_room, NULL};

    return suite_run_cases("@NAME@", (TCase *const[]){interface_case("cache", begin),
                                                      suite_case("own", NULL, NULL, own), NULL});
}
