/* Headers that stages set for the answer: one of each name, sound ones only, as many as fit. */
#include "probe.h"

#include "suite.h"
#include "turn/turn.h"

#include <stdio.h>

static const pb_header *find(pb_turn *turn, const char *name)
{
    size_t count;
    const pb_header *headers = pb_turn_headers(turn, &count);

    for (size_t i = 0; i < count; i++)
        if (pb_str_same(headers[i].name, pb_str_of(name)))
            return &headers[i];
    return NULL;
}

static pb_status set(pb_turn *turn, const char *name, const char *value)
{
    return pb_turn_set_header(turn, pb_str_of(name), pb_str_of(value));
}

static pb_status set_some(const struct probe *probe, pb_turn *turn, const pb_next *next)
{
    char name[] = "RateLimit", value[] = "r=1";
    size_t count;

    (void)probe;
    ck_assert_ptr_null(pb_turn_headers(turn, &count));
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(set(turn, name, value), PB_OK);
    memset(name, 'x', sizeof name - 1); /* it was copied */
    memset(value, 'x', sizeof value - 1);
    ck_text(find(turn, "ratelimit")->value, "r=1");
    ck_assert_int_eq(set(turn, "RATELIMIT", "r=0"), PB_OK);
    ck_text(find(turn, "RateLimit")->value, "r=0");
    ck_assert_int_eq(set(turn, "X-Empty", ""), PB_OK);
    (void)pb_turn_headers(turn, &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(set(turn, "X-Split", "a\r\nSet-Cookie: b"), PB_INVALID);
    ck_assert_int_eq(set(turn, "X Y", "a"), PB_INVALID);
    ck_assert_int_eq(set(turn, "X:", "a"), PB_INVALID);
    ck_assert_int_eq(set(turn, "", "a"), PB_INVALID);
    for (int i = 2; i < TURN_HEADERS; i++) {
        char other[16];
        snprintf(other, sizeof other, "X-%d", i);
        ck_assert_int_eq(set(turn, other, "v"), PB_OK);
    }
    ck_assert_int_eq(set(turn, "X-One-More", "v"), PB_TOO_LARGE);
    ck_assert_int_eq(set(turn, "X-2", "w"), PB_OK); /* those that are there still change */
    ck_text(find(turn, "X-2")->value, "w");
    return pb_run_next(next, turn);
}

START_TEST(headers_of_stages)
{
    pb_harness *harness =
        pb_harness_new("pipelines: {p: {stages: [probe: {act: set}]}}\n", &patchbay_plugin_probe);

    probe_on("set", set_some);
    ck_assert_int_eq(pb_harness_say(harness, "hi")->status, PB_OK);
    pb_harness_free(harness);
    probe_reset();
}
END_TEST

int main(void)
{
    return suite_run("headers", (const TTest *const[]){headers_of_stages, NULL});
}
