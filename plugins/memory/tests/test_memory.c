/* What every cache does, and what only this one does: sizes, kinds of entries that do not mix. */
#include "interface_case.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_memory;

static const pb_plugin *const plugins[] = {&patchbay_plugin_memory, NULL};
static pb_harness *harness;
static pb_instance *cache;

static void begin_suite(void)
{
    interface_begin(pb_harness_open("caches: {shared: {use: memory, size: 8MiB}}\n", plugins, NULL),
                    "cache", "shared");
}

static void begin(void)
{
    harness = pb_harness_open("caches: {shared: {use: memory, size: 2MiB}}\n", plugins, NULL);
    cache = pb_harness_instance(harness, "cache", "shared");
}

static void end(void)
{
    pb_harness_free(harness);
}

static pb_bytes bytes_of(const char *text)
{
    return (pb_bytes){(const uint8_t *)text, strlen(text)};
}

static void set(const char *key, const char *value)
{
    ck_assert_int_eq(pb_cache_set(cache, pb_str_of(key), bytes_of(value), NULL), PB_OK);
}

/* The value, or NULL. */
static const char *get(const char *key)
{
    pb_bytes value = {0};
    pb_status status = pb_cache_get(cache, pb_str_of(key), &value);

    if (status == PB_OK) {
        ck_assert_uint_eq(strlen((const char *)value.data), value.size);
        return (const char *)value.data;
    }
    ck_assert_int_eq(status, PB_NOT_FOUND);
    pb_error_clear();
    return NULL;
}

/* Each test is a task. */
#define TASK_TEST(name)                                                                            \
    static pb_status name##_task(void *arg);                                                       \
    START_TEST(name)                                                                               \
    {                                                                                              \
        ck_assert_int_eq(pb_harness_run(harness, name##_task, NULL, NULL), PB_OK);                 \
    }                                                                                              \
    END_TEST                                                                                       \
    static pb_status name##_task(void *arg)

TASK_TEST(large_values_too)
{
    const struct {
        pb_str key;
        size_t size;
        pb_status status;
    } cases[] = {{pb_lit("x"), 2900, PB_OK}, {pb_lit("x"), 100000, PB_TOO_LARGE}};
    char *value = pb_alloc(100000);
    pb_bytes found = {0};

    (void)arg;
    for (size_t i = 0; i < 100000; i++)
        value[i] = (char)(i * 31);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            pb_cache_set(cache, cases[i].key, (pb_bytes){(uint8_t *)value, cases[i].size}, NULL),
            cases[i].status);
    ck_assert_ptr_null(get("x")); /* what was there is not true any more */
    ck_assert_int_eq(pb_cache_set(cache, cases[0].key, (pb_bytes){(uint8_t *)value, 2900}, NULL),
                     PB_OK);
    ck_assert_int_eq(pb_cache_get(cache, cases[0].key, &found), PB_OK);
    ck_assert_uint_eq(found.size, 2900);
    ck_assert_mem_eq(found.data, value, 2900);
    pb_error_clear();
    return PB_OK;
}

TASK_TEST(kinds_do_not_mix)
{
    pb_bucket bucket = {.size = sizeof bucket, .rate = 1, .capacity = 1, .cost = 1};
    int64_t sum;

    (void)arg;
    set("v", "text");
    ck_assert_int_eq(pb_cache_take(cache, pb_lit("v"), &bucket), PB_CONFLICT);
    ck_assert_int_eq(pb_cache_take(cache, pb_lit("b"), &bucket), PB_OK);
    ck_assert_int_eq(pb_cache_increment(cache, pb_lit("b"), 1, NULL, &sum), PB_CONFLICT);
    ck_assert_ptr_null(get("b"));
    bucket.rate = 0;
    ck_assert_int_eq(pb_cache_take(cache, pb_lit("x"), &bucket), PB_INVALID);
    ck_assert_int_eq(pb_cache_set(cache, pb_lit(""), bytes_of("x"), NULL), PB_INVALID);
    pb_error_clear();
    return PB_OK;
}

START_TEST(what_it_says_of_itself)
{
    pb_content metrics = pb_harness_call(harness, "GET", "/metrics", NULL, NULL);

    ck_assert_int_eq(metrics.status, 200);
    ck_assert(strstr(metrics.body.data, "patchbay_cache_shared_entries{instance=\"shared\"} 0"));
    ck_assert(strstr(metrics.body.data, "patchbay_cache_shared_repairs{instance=\"shared\"} 0"));
}
END_TEST

START_TEST(sizes_are_checked)
{
    pb_harness_refuse(
        "caches: {shared: {use: memory, size: 10MiB, max_value: 1MiB}}\n", plugins,
        (const char *const[]){"max_value: a cache of this `size` keeps values up to", NULL});
    pb_harness_refuse("caches: {shared: {use: memory, size: 1000}}\n", plugins,
                      (const char *const[]){"caches.shared.size", NULL});
}
END_TEST

static pb_status set_2000(void *arg)
{
    static char value[2000];

    (void)arg;
    return pb_cache_set(cache, pb_lit("x"), (pb_bytes){(uint8_t *)value, sizeof value}, NULL);
}

START_TEST(the_largest_value_is_an_option)
{
    for (int i = 0; i < 2; i++) {
        harness =
            pb_harness_open(i ? "caches: {shared: {use: memory, size: 2MiB, max_value: 1KiB}}\n"
                              : "caches: {shared: {use: memory, size: 2MiB}}\n",
                            plugins, NULL);
        cache = pb_harness_instance(harness, "cache", "shared");
        ck_assert_int_eq(pb_harness_run(harness, set_2000, NULL, NULL), i ? PB_TOO_LARGE : PB_OK);
        end();
    }
}
END_TEST

int main(void)
{
    TCase *calls = suite_case(
        "calls", begin, end,
        (const TTest *const[]){large_values_too, kinds_do_not_mix, what_it_says_of_itself, NULL});
    TCase *options =
        suite_case("options", NULL, NULL,
                   (const TTest *const[]){sizes_are_checked, the_largest_value_is_an_option, NULL});

    return suite_run_cases(
        "memory", (TCase *const[]){interface_case("cache", begin_suite), calls, options, NULL});
}
