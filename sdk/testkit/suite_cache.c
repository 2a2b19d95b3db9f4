/* suite_cache.c - what every cache must do: the sentences of cache.h. A cache may forget anything
 * at any time; one that forgets what was kept a moment ago, with nothing else to keep, is of no
 * use.
 */
#include "suite_kit.h"

#include <patchbay/cache.h>

static pb_bytes bytes_of(pb_str text)
{
    return (pb_bytes){(const uint8_t *)text.data, text.size};
}

/* A key with nothing by it, whatever was there before. */
static pb_str fresh(pb_instance *cache, const char *name)
{
    pb_str key = pb_printf("suite %s", name);

    EXPECT_OK(pb_cache_remove(cache, key), "remove of '%s'", name);
    return key;
}

static void set(pb_instance *cache, pb_str key, const char *value, const pb_cache_options *options)
{
    EXPECT_OK(pb_cache_set(cache, key, bytes_of(pb_str_of(value)), options), "set of '%.*s'",
              PB_ARG(key));
}

/* The value, or absent. */
static pb_str get(pb_instance *cache, pb_str key)
{
    pb_bytes value = {0};
    pb_status status = pb_cache_get(cache, key, &value);

    if (status == PB_NOT_FOUND)
        return (pb_str){0};
    EXPECT_OK(status, "get of '%.*s'", PB_ARG(key));
    return pb_str_make(value.data ? (const char *)value.data : "", value.size);
}

static int64_t count(pb_instance *cache, pb_str key, int64_t by, const pb_cache_options *options)
{
    int64_t sum = 0;

    EXPECT_OK(pb_cache_increment(cache, key, by, options, &sum), "increment of '%.*s' by %lld",
              PB_ARG(key), (long long)by);
    return sum;
}

/* --- values ----------------------------------------------------------------------------------- */

SUITE_CASE(keeps)
{
    pb_str key = fresh(instance, "kept"), other = fresh(instance, "other");

    EXPECT_STR(get(instance, key), (pb_str){0}, "what is kept by a key that was never set");
    set(instance, key, "one", NULL);
    EXPECT_STR(get(instance, key), pb_lit("one"), "a value that was set");
    set(instance, key, "another", NULL);
    EXPECT_STR(get(instance, key), pb_lit("another"), "a value that was set twice");
    set(instance, key, "", NULL);
    EXPECT_STR(get(instance, key), pb_lit(""), "an empty value");
    EXPECT_STR(get(instance, other), (pb_str){0}, "what is kept by another key");
    EXPECT_OK(pb_cache_remove(instance, key), "remove");
    EXPECT_STR(get(instance, key), (pb_str){0}, "a value that was removed");
    EXPECT_OK(pb_cache_remove(instance, key), "remove of what is not there");
}

SUITE_CASE(adds)
{
    pb_str key = fresh(instance, "added");

    EXPECT_OK(pb_cache_add(instance, key, bytes_of(pb_lit("one")), NULL), "add of a new key");
    EXPECT_STATUS(pb_cache_add(instance, key, bytes_of(pb_lit("two")), NULL), PB_CONFLICT,
                  "add of a key that is there");
    EXPECT_STR(get(instance, key), pb_lit("one"), "the value after an add that was refused");
    EXPECT_OK(pb_cache_remove(instance, key), "remove");
    EXPECT_OK(pb_cache_add(instance, key, bytes_of(pb_lit("two")), NULL), "add after remove");
}

static const size_t sizes[] = {1, 100, 4095, 4096, 4097, 65536, 1 << 20};

SUITE_CASE(large)
{
    pb_str key = fresh(instance, "large");

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        pb_str value = suite_bytes(sizes[i], (uint32_t)i);
        set(instance, key, "before", NULL);
        pb_status status = pb_cache_set(instance, key, bytes_of(value), NULL);
        if (status == PB_TOO_LARGE) {
            EXPECT(!pb_str_is(get(instance, key), "before"),
                   "a set of %zu bytes was too large, and the value from before is still given; it "
                   "is not true any more",
                   sizes[i]);
            continue;
        }
        EXPECT_OK(status, "set of %zu bytes", sizes[i]);
        EXPECT(pb_str_equal(get(instance, key), value),
               "a value of %zu bytes does not come back as it was set", sizes[i]);
    }
}

/* Keys as they may come: all bytes, alike but for the last one, as long as they may be. */
SUITE_CASE(odd_keys)
{
    static const pb_str keys[] = {PB_LIT("suite a"),       PB_LIT("suite a "),
                                  PB_LIT("suite A"),       PB_LIT("suite a\0b"),
                                  PB_LIT("suite a\0c"),    PB_LIT("suite a\n"),
                                  PB_LIT("suite %s/../x"), PB_LIT("suite \xc3\xa9 * ? [a]"),
                                  PB_LIT("suite \xff\xfe")};
    enum { KEYS = sizeof keys / sizeof *keys };
    pb_str longest[2];
    char *text = pb_alloc(2 * 512);

    memset(text, 'k', 1024);
    text[511] = 'j';
    longest[0] = pb_str_make(text, 512);
    longest[1] = pb_str_make(text + 512, 512);
    for (size_t i = 0; i < KEYS + 2; i++)
        set(instance, i < KEYS ? keys[i] : longest[i - KEYS], pb_printf("%zu", i).data, NULL);
    for (size_t i = 0; i < KEYS + 2; i++) {
        pb_str key = i < KEYS ? keys[i] : longest[i - KEYS];
        EXPECT_STR(get(instance, key), pb_printf("%zu", i), "the value of key %zu, '%.*s'", i,
                   PB_ARG(pb_str_slice(key, 0, 20)));
        EXPECT_OK(pb_cache_remove(instance, key), "remove of key %zu", i);
    }
}

/* --- what is borrowed ------------------------------------------------------------------------- */

SUITE_CASE(borrows)
{
    char key[] = "suite borrowed", value[] = "value", tag[] = "suite tag";
    const pb_str tags[] = {pb_str_of(tag)};
    const pb_cache_options tagged = {.size = sizeof tagged, .tag_count = 1, .tags = tags};

    set(instance, pb_str_of(key), value, &tagged);
    memset(key, 'x', sizeof key - 1);
    memset(value, 'x', sizeof value - 1);
    memset(tag, 'x', sizeof tag - 1);
    EXPECT_STR(get(instance, pb_lit("suite borrowed")), pb_lit("value"),
               "a value whose bytes the caller used again after set");
    EXPECT_OK(pb_cache_remove_tag(instance, pb_lit("suite tag")), "remove_tag");
    EXPECT_STR(get(instance, pb_lit("suite borrowed")), (pb_str){0},
               "a value whose tag was removed, after the caller used the tag's bytes again,");
}

SUITE_CASE(gives_a_copy)
{
    pb_str key = fresh(instance, "copy");

    set(instance, key, "first", NULL);
    pb_str first = get(instance, key);
    set(instance, key, "SECOND", NULL);
    EXPECT_OK(pb_cache_remove(instance, key), "remove");
    for (int i = 0; i < 50; i++) /* where it was others are */
        set(instance, fresh(instance, pb_printf("cop%d", i % 10).data), "OTHER", NULL);
    EXPECT_STR(first, pb_lit("first"), "what get gave before the value was set again and removed");
}

/* --- time ------------------------------------------------------------------------------------- */

SUITE_CASE(forgets)
{
    const pb_cache_options brief = {.size = sizeof brief, .ttl = 2 * PB_SECOND};
    pb_str key = fresh(instance, "brief"), number = fresh(instance, "brief number");
    pb_str kept = fresh(instance, "kept longer"), added = fresh(instance, "brief added");

    set(instance, key, "one", &brief);
    set(instance, kept, "one", &brief);
    set(instance, kept, "two", NULL); /* its time is the last set's */
    EXPECT_OK(pb_cache_add(instance, added, bytes_of(pb_lit("x")), &brief), "add with a ttl");
    EXPECT_INT(count(instance, number, 5, &brief), 5, "a new number");
    if (suite_time_is_virtual()) {
        EXPECT_OK(pb_sleep(1900 * PB_MILLISECOND), "waiting");
        EXPECT_STR(get(instance, key), pb_lit("one"), "a value with a ttl of 2 s after 1.9 s");
        EXPECT_INT(count(instance, number, 1, &brief), 6,
                   "the sum of a number with a ttl of 2 s after 1.9 s");
        EXPECT_OK(pb_sleep(200 * PB_MILLISECOND), "waiting");
    } else {
        EXPECT_OK(pb_sleep(2100 * PB_MILLISECOND), "waiting");
    }
    EXPECT_STR(get(instance, key), (pb_str){0}, "a value with a ttl of 2 s after 2.1 s");
    EXPECT_INT(count(instance, number, 1, NULL), 1,
               "the sum of a number that was new 2.1 s ago with a ttl of 2 s");
    EXPECT_STR(get(instance, kept), pb_lit("two"), "a value that was set again without a ttl");
    EXPECT_OK(pb_cache_add(instance, added, bytes_of(pb_lit("y")), NULL),
              "add where the value's ttl is over");
}

/* --- numbers ---------------------------------------------------------------------------------- */

SUITE_CASE(counts)
{
    pb_str key = fresh(instance, "number");
    int64_t sum = 7;

    EXPECT_INT(count(instance, key, 0, NULL), 0, "a number that is not there, and 0");
    EXPECT_INT(count(instance, key, 41, NULL), 41, "0 and 41");
    EXPECT_INT(count(instance, key, -43, NULL), -2, "41 and -43");
    EXPECT_STR(get(instance, key), pb_lit("-2"), "a number as a value");
    set(instance, key, "40", NULL);
    EXPECT_INT(count(instance, key, 2, NULL), 42, "a number that was set as '40', and 2");
    set(instance, key, "twelve", NULL);
    EXPECT_STATUS(pb_cache_increment(instance, key, 1, NULL, &sum), PB_CONFLICT,
                  "increment of 'twelve'");
    EXPECT_STR(get(instance, key), pb_lit("twelve"), "a value that is no number, after increment,");
    set(instance, key, "9223372036854775807", NULL);
    EXPECT_INT(count(instance, key, -1, NULL), INT64_MAX - 1, "the largest number and -1");
    EXPECT_STATUS(pb_cache_increment(instance, key, 2, NULL, &sum), PB_CONFLICT,
                  "increment beyond the largest number");
    EXPECT_INT(count(instance, key, 0, NULL), INT64_MAX - 1, "a number after such an increment");
}

struct crowd {
    pb_instance *cache;
    pb_str key;
    int64_t won;
};

static void count_some(void *shared, int number)
{
    const struct crowd *crowd = shared;

    for (int i = 0; i < 20; i++) {
        (void)count(crowd->cache, crowd->key, 1, NULL);
        if (number % 3 == 0)
            EXPECT_OK(pb_sleep(0), "waiting");
    }
}

SUITE_CASE(counts_at_once)
{
    struct crowd crowd = {instance, fresh(instance, "crowd"), 0};

    suite_at_once(64, count_some, &crowd);
    EXPECT_INT(count(instance, crowd.key, 0, NULL), 64 * 20,
               "a number that 64 tasks incremented 20 times each");
}

static void add_one(void *shared, int number)
{
    struct crowd *crowd = shared;
    pb_status status =
        pb_cache_add(crowd->cache, crowd->key, bytes_of(pb_printf("%d", number)), NULL);

    EXPECT(status == PB_OK || status == PB_CONFLICT, "add gave '%s'", pb_status_name(status));
    crowd->won += status == PB_OK;
}

SUITE_CASE(adds_at_once)
{
    struct crowd crowd = {instance, fresh(instance, "first"), 0};

    suite_at_once(64, add_one, &crowd);
    EXPECT_INT(crowd.won, 1, "of 64 tasks that add the same key at once, how many succeed");
}

static void keep_own(void *shared, int number)
{
    const struct crowd *crowd = shared;
    pb_str key = pb_printf("suite own %d", number);

    for (int i = 0; i < 8; i++) {
        pb_str value = suite_bytes((size_t)(50 * i), (uint32_t)(number * 8 + i));
        EXPECT_OK(pb_cache_set(crowd->cache, key, bytes_of(value), NULL), "set");
        EXPECT_OK(pb_sleep(0), "waiting");
        EXPECT(pb_str_equal(get(crowd->cache, key), value),
               "a value is another one when 64 tasks set keys of their own at once");
    }
}

SUITE_CASE(keeps_at_once)
{
    struct crowd crowd = {.cache = instance};

    suite_at_once(64, keep_own, &crowd);
}

/* --- buckets ---------------------------------------------------------------------------------- */

static pb_bucket take(pb_instance *cache, pb_str key, double cost, uint32_t debt)
{
    pb_bucket bucket = {
        .size = sizeof bucket, .rate = 0.5, .capacity = 10, .cost = cost, .debt = debt};

    EXPECT_OK(pb_cache_take(cache, key, &bucket), "take of %g", cost);
    return bucket;
}

/* Tokens come back while real time passes: `left` may be a little more. */
static void expect_left(const pb_bucket *bucket, bool taken, double left)
{
    double more = suite_time_is_virtual() ? 0.01 : 1;

    EXPECT_INT(bucket->taken, taken, "`taken` of a bucket that should have %g left,", left);
    EXPECT(bucket->left > left - 0.01 && bucket->left < left + more,
           "`left` of a bucket is %g and should be %g", bucket->left, left);
}

SUITE_CASE(takes)
{
    pb_str key = fresh(instance, "bucket");
    pb_bucket bucket = take(instance, key, 0, 0), wrong = {.size = sizeof wrong, .capacity = 1};

    expect_left(&bucket, true, 10); /* a new one is full */
    bucket = take(instance, key, 9, 0);
    expect_left(&bucket, true, 1);
    EXPECT_INT(bucket.wait, 0, "`wait` of what was taken");
    bucket = take(instance, key, 6, 0);
    expect_left(&bucket, false, 1);
    EXPECT(bucket.wait > 7 * PB_SECOND && bucket.wait <= 10 * PB_SECOND + PB_MILLISECOND,
           "`wait` is %g s where 5 tokens are missing that come back one in 2 s: 10 s",
           (double)bucket.wait / 1e9);
    if (suite_time_is_virtual()) {
        EXPECT_OK(pb_sleep(bucket.wait), "waiting");
        bucket = take(instance, key, 6, 0);
        expect_left(&bucket, true, 0);
        EXPECT_OK(pb_sleep(3600 * PB_SECOND), "waiting");
        bucket = take(instance, key, 0, 0);
        expect_left(&bucket, true, 10); /* never more than full */
        (void)take(instance, key, 9, 0);
    }
    bucket = take(instance, key, 21, 1);
    expect_left(&bucket, true, -20);
    bucket = take(instance, key, 1, 0);
    expect_left(&bucket, false, -20);
    EXPECT_STATUS(pb_cache_take(instance, key, &wrong), PB_INVALID, "take with a rate of 0");
    wrong = (pb_bucket){.size = sizeof wrong, .rate = 1};
    EXPECT_STATUS(pb_cache_take(instance, key, &wrong), PB_INVALID, "take with a capacity of 0");
}

static void take_one(void *shared, int number)
{
    struct crowd *crowd = shared;
    pb_bucket bucket = {.size = sizeof bucket, .rate = 1e-6, .capacity = 40, .cost = 1};

    (void)number;
    EXPECT_OK(pb_cache_take(crowd->cache, crowd->key, &bucket), "take");
    crowd->won += bucket.taken;
}

SUITE_CASE(takes_at_once)
{
    struct crowd crowd = {instance, fresh(instance, "shared bucket"), 0};

    suite_at_once(64, take_one, &crowd);
    EXPECT_INT(crowd.won, 40, "how many of 64 tasks get one of 40 tokens");
}

/* --- tags ------------------------------------------------------------------------------------- */

SUITE_CASE(tags)
{
    const pb_str names[] = {PB_LIT("suite 1"), PB_LIT("suite 2"), PB_LIT("suite 3"),
                            PB_LIT("suite 4"), PB_LIT("suite 5"), PB_LIT("suite 6"),
                            PB_LIT("suite 7"), PB_LIT("suite 8")};
    const pb_cache_options all = {.size = sizeof all, .tag_count = 8, .tags = names};
    const pb_cache_options last = {.size = sizeof last, .tag_count = 1, .tags = names + 7};
    pb_str a = fresh(instance, "a"), b = fresh(instance, "b"), c = fresh(instance, "c");
    pb_str number = fresh(instance, "tagged number");

    set(instance, a, "one", &all);
    set(instance, b, "two", &last);
    set(instance, c, "three", NULL);
    (void)count(instance, number, 3, &last);
    EXPECT_OK(pb_cache_remove_tag(instance, pb_lit("suite nobody has")), "remove_tag of no value");
    EXPECT_OK(pb_cache_remove_tag(instance, names[3]), "remove_tag");
    EXPECT_STR(get(instance, a), (pb_str){0}, "a value with 8 tags whose 4th was removed");
    EXPECT_STR(get(instance, b), pb_lit("two"), "a value without the removed tag");
    EXPECT_OK(pb_cache_remove_tag(instance, names[7]), "remove_tag");
    EXPECT_STR(get(instance, b), (pb_str){0}, "a value whose tag was removed");
    EXPECT_STR(get(instance, number), (pb_str){0}, "a number whose tag was removed");
    EXPECT_STR(get(instance, c), pb_lit("three"), "a value without a tag");
    set(instance, a, "four", &all);
    EXPECT_STR(get(instance, a), pb_lit("four"), "a value with a tag that was removed before");
    set(instance, a, "five", NULL); /* has no tags any more */
    EXPECT_OK(pb_cache_remove_tag(instance, names[0]), "remove_tag");
    EXPECT_STR(get(instance, a), pb_lit("five"), "a value that was set again without its tag");
}

/* --- tenants, cancelling ---------------------------------------------------------------------- */

static pb_status set_as(void *arg)
{
    set(arg, pb_lit("suite tenant"), "theirs", NULL);
    return PB_OK;
}

static pb_status see_as(void *arg)
{
    EXPECT_STR(get(arg, pb_lit("suite tenant")), (pb_str){0}, "what another tenant set");
    return PB_OK;
}

static pb_status keep_as(void *arg)
{
    char *text = pb_alloc(512);

    memset(text, 'k', 512);
    pb_str key = pb_str_make(text, 512);
    set(arg, key, "mine", NULL);
    EXPECT_STR(get(arg, key), pb_lit("mine"),
               "the value of a key of 512 bytes, with 129 of the tenant in front of it,");
    return PB_OK;
}

SUITE_CASE(tenants)
{
    char longest[129];

    memset(longest, 't', 128);
    longest[128] = 0;
    suite_as("suite-a", set_as, instance);
    suite_as("suite-b", see_as, instance);
    suite_as(longest, keep_as, instance);
}

static pb_status set_often(void *arg)
{
    pb_status status = PB_OK;

    for (int i = 0; i < 50 && status == PB_OK; i++) {
        status = pb_cache_set(arg, pb_lit("suite often"), bytes_of(pb_lit("value")), NULL);
        if (status == PB_OK)
            status = pb_sleep(0);
    }
    return status;
}

SUITE_CASE(cancelled)
{
    EXPECT_STATUS(suite_cancelled(set_often, instance), PB_CANCELLED, "a task that was cancelled");
    pb_error_clear();
    set(instance, pb_lit("suite often"), "after", NULL);
    EXPECT_STR(get(instance, pb_lit("suite often")), pb_lit("after"),
               "a value that was set after a task was cancelled");
}

const struct pb_suite_case suite_cache[] = {
    {"get gives what set kept, remove ends it", 0, keeps},
    {"add keeps only what is new", 0, adds},
    {"large values come back whole or are refused", 0, large},
    {"keys of all bytes, up to 512 of them", 0, odd_keys},
    {"what set borrowed is copied", 1, borrows},
    {"what get gave stays", 2, gives_a_copy},
    {"values are forgotten when their ttl is over", 0, forgets},
    {"increment adds to whole numbers only", 0, counts},
    {"64 tasks increment at once", 3, counts_at_once},
    {"64 tasks add at once", 3, adds_at_once},
    {"64 tasks set at once", 3, keeps_at_once},
    {"take gives tokens, makes debts, fills again", 0, takes},
    {"64 tasks take at once", 3, takes_at_once},
    {"remove_tag removes what has the tag", 0, tags},
    {"tenants never meet", 0, tenants},
    {"a cancelled task leaves it usable", 0, cancelled},
    {.name = NULL},
};
