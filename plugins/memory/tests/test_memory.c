/* What is kept, for how long, counted and taken; as a plugin calls it. */
#include "suite.h"
#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_memory;

static const pb_plugin *const plugins[] = {&patchbay_plugin_memory, NULL};
static pb_harness *harness;
static pb_instance *cache;

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

static void set(const char *key, const char *value, const pb_cache_options *options)
{
    ck_assert_int_eq(pb_cache_set(cache, pb_str_of(key), bytes_of(value), options), PB_OK);
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

static int64_t count(const char *key, int64_t by, const pb_cache_options *options)
{
    int64_t sum = 0;

    ck_assert_int_eq(pb_cache_increment(cache, pb_str_of(key), by, options, &sum), PB_OK);
    return sum;
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

TASK_TEST(values_are_kept)
{
    (void)arg;
    ck_assert_ptr_null(get("a"));
    set("a", "one", NULL);
    ck_assert_str_eq(get("a"), "one");
    set("a", "", NULL);
    ck_assert_str_eq(get("a"), "");
    ck_assert_int_eq(pb_cache_add(cache, pb_lit("a"), bytes_of("two"), NULL), PB_CONFLICT);
    ck_assert_int_eq(pb_cache_add(cache, pb_lit("b"), bytes_of("two"), NULL), PB_OK);
    ck_assert_str_eq(get("b"), "two");
    ck_assert_int_eq(pb_cache_remove(cache, pb_lit("b")), PB_OK);
    ck_assert_int_eq(pb_cache_remove(cache, pb_lit("b")), PB_OK);
    ck_assert_ptr_null(get("b"));
    pb_error_clear();
    return PB_OK;
}

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

TASK_TEST(times_run_out)
{
    const pb_cache_options minute = {.size = sizeof minute, .ttl = 60 * PB_SECOND};

    (void)arg;
    set("a", "one", &minute);
    ck_assert_int_eq(count("n", 5, &minute), 5);
    ck_assert_int_eq(pb_sleep(59 * PB_SECOND), PB_OK);
    ck_assert_str_eq(get("a"), "one");
    ck_assert_int_eq(count("n", 1, &minute), 6); /* keeps its own time */
    ck_assert_int_eq(pb_sleep(PB_SECOND), PB_OK);
    ck_assert_ptr_null(get("a"));
    ck_assert_int_eq(count("n", 1, NULL), 1);
    return PB_OK;
}

TASK_TEST(numbers_are_counted)
{
    int64_t sum = 7;

    (void)arg;
    ck_assert_int_eq(count("n", 0, NULL), 0);
    ck_assert_int_eq(count("n", 41, NULL), 41);
    ck_assert_int_eq(count("n", -40, NULL), 1);
    ck_assert_str_eq(get("n"), "1");
    set("n", "-9223372036854775808", NULL);
    ck_assert_int_eq(count("n", 1, NULL), INT64_MIN + 1);
    ck_assert_int_eq(pb_cache_increment(cache, pb_lit("n"), INT64_MIN, NULL, &sum), PB_CONFLICT);
    ck_assert_int_eq(count("n", 0, NULL), INT64_MIN + 1);
    set("n", "9223372036854775808", NULL);
    ck_assert_int_eq(pb_cache_increment(cache, pb_lit("n"), 1, NULL, &sum), PB_CONFLICT);
    set("n", "twelve", NULL);
    ck_assert_int_eq(pb_cache_increment(cache, pb_lit("n"), 1, NULL, &sum), PB_CONFLICT);
    ck_assert_str_eq(get("n"), "twelve");
    pb_error_clear();
    return PB_OK;
}

TASK_TEST(tags_remove_together)
{
    const pb_str tags[] = {pb_lit("red"), pb_lit("blue")};
    const pb_cache_options both = {.size = sizeof both, .tag_count = 2, .tags = tags};
    const pb_cache_options blue = {.size = sizeof blue, .tag_count = 1, .tags = tags + 1};

    (void)arg;
    set("a", "one", &both);
    set("b", "two", &blue);
    set("c", "three", NULL);
    (void)count("n", 3, &blue);
    ck_assert_int_eq(pb_cache_remove_tag(cache, pb_lit("red")), PB_OK);
    ck_assert_ptr_null(get("a"));
    ck_assert_str_eq(get("b"), "two");
    ck_assert_int_eq(pb_cache_remove_tag(cache, pb_lit("blue")), PB_OK);
    ck_assert_ptr_null(get("b"));
    ck_assert_ptr_null(get("n"));
    ck_assert_str_eq(get("c"), "three");
    set("a", "four", &both); /* the tag can be used again */
    ck_assert_str_eq(get("a"), "four");
    return PB_OK;
}

static pb_bucket take(const char *key, double cost, uint32_t debt)
{
    pb_bucket bucket = {
        .size = sizeof bucket, .rate = 2, .capacity = 10, .cost = cost, .debt = debt};

    ck_assert_int_eq(pb_cache_take(cache, pb_str_of(key), &bucket), PB_OK);
    return bucket;
}

static bool near(double a, double b)
{
    return a - b < 1e-3 && b - a < 1e-3;
}

TASK_TEST(buckets_fill_again)
{
    pb_bucket bucket = take("b", 0, 0);

    (void)arg;
    ck_assert(bucket.taken && near(bucket.left, 10));
    for (int i = 9; i >= 0; i--) {
        bucket = take("b", 1, 0);
        ck_assert(bucket.taken && near(bucket.left, i) && !bucket.wait);
    }
    bucket = take("b", 3, 0);
    ck_assert(!bucket.taken && near(bucket.left, 0));
    ck_assert(near((double)bucket.wait / 1e9, 1.5));
    ck_assert_int_eq(pb_sleep(bucket.wait), PB_OK);
    ck_assert(take("b", 3, 0).taken);
    bucket = take("b", 20, 1); /* charged into debt */
    ck_assert(bucket.taken && near(bucket.left, -20));
    ck_assert(near((double)take("b", 1, 0).wait / 1e9, 10.5));
    ck_assert_int_eq(pb_sleep(3600 * PB_SECOND), PB_OK);
    ck_assert(near(take("b", 0, 0).left, 10)); /* never more than full */
    return PB_OK;
}

TASK_TEST(kinds_do_not_mix)
{
    pb_bucket bucket = {.size = sizeof bucket, .rate = 1, .capacity = 1, .cost = 1};
    int64_t sum;

    (void)arg;
    set("v", "text", NULL);
    ck_assert_int_eq(pb_cache_take(cache, pb_lit("v"), &bucket), PB_CONFLICT);
    (void)take("b", 1, 0);
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

int main(void)
{
    TCase *calls = suite_case(
        "calls", begin, end,
        (const TTest *const[]){values_are_kept, large_values_too, times_run_out,
                               numbers_are_counted, tags_remove_together, buckets_fill_again,
                               kinds_do_not_mix, what_it_says_of_itself, NULL});
    TCase *options =
        suite_case("options", NULL, NULL, (const TTest *const[]){sizes_are_checked, NULL});

    return suite_run_cases("memory", (TCase *const[]){calls, options, NULL});
}
