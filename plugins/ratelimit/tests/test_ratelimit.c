/* How many get in, when the next one does, what the answer's headers say, and who counts together.
 */
#define pb_host_table    pb_host_table_porch
#define PB_PLUGIN_SYMBOL patchbay_plugin_porch

#include "suite.h"
#include "testkit.h"

#include <stdlib.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_memory;
extern const pb_plugin patchbay_plugin_ratelimit;

/* --- a stage that sees the headers, and a cache that is not there ----------------------------- */

struct porch {
    pb_str unused;
};

static const pb_field porch_options[] = {
    PB_STR(struct porch, unused, .help = "Nothing."),
    PB_END,
};

static char policy[512], state[512];

static void remember(pb_turn *turn, const char *name, char out[512])
{
    size_t count = 0;
    const pb_header *headers = pb_turn_headers(turn, &count);

    out[0] = 0;
    for (size_t i = 0; i < count; i++)
        if (pb_str_same(headers[i].name, pb_str_of(name)))
            (void)snprintf(out, 512, "%.*s", PB_ARG(headers[i].value));
}

static pb_status porch_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    pb_status status = pb_run_next(next, turn);
    remember(turn, "RateLimit-Policy", policy);
    remember(turn, "RateLimit", state);
    return status;
}

static pb_status away(void)
{
    return pb_fail(PB_UNAVAILABLE, "nobody is at home");
}

static pb_status away_get(void *self, pb_str key, pb_bytes *out)
{
    (void)self, (void)key, (void)out;
    return away();
}

static pb_status away_set(void *self, pb_str key, pb_bytes value, const pb_cache_options *options)
{
    (void)self, (void)key, (void)value, (void)options;
    return away();
}

static pb_status away_increment(void *self, pb_str key, int64_t by, const pb_cache_options *options,
                                int64_t *out)
{
    (void)self, (void)key, (void)by, (void)options, (void)out;
    return away();
}

static pb_status away_take(void *self, pb_str key, pb_bucket *bucket)
{
    (void)self, (void)key, (void)bucket;
    return away();
}

static pb_status away_remove(void *self, pb_str key)
{
    (void)self, (void)key;
    return away();
}

PB_PLUGIN("porch", "0.1.0", "Apache-2.0", "Sees the headers; a cache that is away.",
          PB_STAGE("porch", struct porch, porch_options, .run = porch_run),
          PB_CACHE("away", struct porch, porch_options, .get = away_get, .set = away_set,
                   .add = away_set, .increment = away_increment, .take = away_take,
                   .remove = away_remove, .remove_tag = away_remove));

static const pb_plugin *const plugins[] = {&patchbay_plugin_generate, &patchbay_plugin_memory,
                                           &patchbay_plugin_ratelimit, &patchbay_plugin_porch,
                                           NULL};
static pb_harness *harness;

#define AROUND "llms: {a: {use: scripted}}\ncaches: {shared: {use: memory, size: 1MiB}}\n"

static void open_limit(const char *limit)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml,
                   AROUND "pipelines:\n"
                          "  p: {stages: [porch: {}, ratelimit: {%s}, generate: {llm: a}]}\n"
                          "  q: {stages: [porch: {}, ratelimit: {%s}, generate: {llm: a}]}\n",
                   limit, limit);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static const pb_outcome *ask_as(const char *id, const char *tenant, const char *pipeline)
{
    const pb_principal who = {.size = sizeof who,
                              .id = pb_str_of(id),
                              .tenant = pb_str_of(tenant),
                              .scheme = pb_lit("keys")};
    const pb_ask ask = {.text = "hi", .principal = &who, .pipeline = pipeline};

    return pb_harness_ask(harness, &ask);
}

static pb_status ask(const char *id)
{
    return ask_as(id, "default", "p")->status;
}

static int let_in(const char *id, int tries)
{
    int count = 0;

    while (tries--)
        count += ask(id) == PB_OK;
    return count;
}

/* --- buckets ---------------------------------------------------------------------------------- */

START_TEST(a_bucket_fills_one_by_one)
{
    open_limit("rate: 3/min");
    ck_assert_int_eq(let_in("ann", 5), 3);
    const pb_outcome *reply = ask_as("ann", "default", "p");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_text(reply->sentence,
            "the limit 'p' of 3/min for each principal is reached; try again in 20 s");
    ck_assert(reply->retry_after > 10 * PB_SECOND && reply->retry_after <= 20 * PB_SECOND);
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 3);
    pb_harness_advance(harness, 10 * PB_SECOND);
    ck_assert_int_eq(ask("ann"), PB_RATE_LIMITED);
    pb_harness_advance(harness, 10 * PB_SECOND);
    ck_assert_int_eq(let_in("ann", 2), 1);
    pb_harness_advance(harness, 3600 * PB_SECOND);
    ck_assert_int_eq(let_in("ann", 5), 3);
    end();
}
END_TEST

START_TEST(a_burst_is_more_or_less_than_the_rate)
{
    open_limit("rate: 60/hour, burst: 2");
    ck_assert_int_eq(let_in("ann", 4), 2);
    pb_harness_advance(harness, 60 * PB_SECOND);
    ck_assert_int_eq(let_in("ann", 4), 1);
    end();
    open_limit("rate: 1/day, burst: 20");
    ck_assert_int_eq(let_in("ann", 30), 20);
    end();
}
END_TEST

START_TEST(each_has_a_bucket)
{
    open_limit("rate: 2/hour");
    ck_assert_int_eq(let_in("ann", 3), 2);
    ck_assert_int_eq(let_in("bob", 3), 2);
    ck_assert_int_eq(ask_as("ann", "other", "p")->status, PB_OK);   /* another tenant's ann */
    ck_assert_int_eq(ask_as("ann", "default", "q")->status, PB_OK); /* another pipeline */
    end();
}
END_TEST

START_TEST(one_name_is_one_limit)
{
    open_limit("rate: 2/hour, name: all");
    ck_assert_int_eq(ask_as("ann", "default", "p")->status, PB_OK);
    ck_assert_int_eq(ask_as("ann", "default", "q")->status, PB_OK);
    const pb_outcome *reply = ask_as("ann", "default", "q");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_text(reply->sentence,
            "the limit 'all' of 2/hour for each principal is reached; try again in 1800 s");
    end();
}
END_TEST

START_TEST(all_counts_must_have_room)
{
    open_limit("rate: 4/hour, per: [principal, tenant]");
    ck_assert_int_eq(let_in("ann", 3), 3);
    ck_assert_int_eq(let_in("bob", 3), 1); /* the tenant's four are used up */
    ck_assert(strstr(state, "\"p-principal\";r=3;"));
    ck_assert(strstr(state, "\"p-tenant\";r=0;"));
    ck_assert_int_eq(let_in("ann", 1), 0);
    ck_assert(strstr(state, "\"p-principal\";r=1;")); /* who was refused was not charged */
    end();
}
END_TEST

START_TEST(roles_are_exempt)
{
    const pb_str role = pb_lit("staff");
    const pb_principal who = {.size = sizeof who,
                              .id = pb_lit("eve"),
                              .tenant = pb_lit("default"),
                              .roles = &role,
                              .role_count = 1};
    const pb_ask staff = {.text = "hi", .principal = &who};

    open_limit("rate: 1/day, exempt: [admin, staff]");
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(pb_harness_ask(harness, &staff)->status, PB_OK);
    ck_assert_int_eq(let_in("ann", 2), 1);
    end();
}
END_TEST

/* The tester of the harness has no address: what cannot be counted is not. */
START_TEST(without_an_address)
{
    open_limit("rate: 1/day, per: [address]");
    ck_assert_int_eq(let_in("ann", 3), 3);
    ck_assert_str_eq(state, "");
    end();
}
END_TEST

/* --- windows ---------------------------------------------------------------------------------- */

START_TEST(a_window_slides)
{
    open_limit("rate: 6/min, algorithm: window");
    pb_harness_advance(harness, 60 * PB_SECOND - pb_now() % 60000 * PB_MILLISECOND);
    ck_assert_int_eq(let_in("ann", 8), 6);
    ck_assert(strstr(state, "\"p\";r=0;t="));
    pb_harness_advance(harness, 61 * PB_SECOND); /* they still count for 59 of 60 seconds */
    const pb_outcome *reply = ask_as("ann", "default", "p");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_assert_int_le(reply->retry_after, 10 * PB_SECOND);
    pb_harness_advance(harness, reply->retry_after + 100 * PB_MILLISECOND);
    ck_assert_int_eq(let_in("ann", 3), 1);
    pb_harness_advance(harness, 120 * PB_SECOND);
    ck_assert_int_eq(let_in("ann", 8), 6);
    end();
}
END_TEST

/* --- tokens ----------------------------------------------------------------------------------- */

START_TEST(tokens_are_charged_afterwards)
{
    open_limit("rate: 600/min, count: tokens");
    pb_script(harness, "a", PB_STEP_TEXT("x"), PB_STEP_USAGE(700, 200), PB_STEP_STOP);
    ck_assert_int_eq(ask("ann"), PB_OK); /* oversteps by 300 */
    const pb_outcome *reply = ask_as("ann", "default", "p");
    ck_assert_int_eq(reply->status, PB_RATE_LIMITED);
    ck_text(reply->sentence,
            "the limit 'p' of 600/min tokens for each principal is reached; try again in 31 s");
    ck_assert_str_eq(policy, "\"p\";q=600;w=60;qu=\"tokens\"");
    pb_harness_advance(harness, 15 * PB_SECOND);
    ck_assert_int_eq(ask("ann"), PB_RATE_LIMITED);
    pb_harness_advance(harness, 16 * PB_SECOND);
    ck_assert_int_eq(ask("ann"), PB_OK);
    end();
}
END_TEST

START_TEST(tokens_of_a_cancelled_turn_count)
{
    const pb_ask hasty = {.text = "hi", .cancel_after = PB_SECOND};
    const pb_ask again = {.text = "hi"};

    open_limit("rate: 60/hour, count: tokens");
    pb_script(harness, "a", PB_STEP_TEXT("x"), PB_STEP_USAGE(50, 50), PB_STEP_HANG);
    ck_assert_int_eq(pb_harness_ask(harness, &hasty)->status, PB_CANCELLED);
    ck_assert_int_eq(pb_harness_ask(harness, &again)->status, PB_RATE_LIMITED);
    end();
}
END_TEST

/* --- headers ---------------------------------------------------------------------------------- */

START_TEST(the_answer_says_how_it_stands)
{
    open_limit("rate: 30/min");
    ck_assert_int_eq(ask("ann"), PB_OK);
    ck_assert_str_eq(policy, "\"p\";q=30;w=60");
    ck_assert_str_eq(state, "\"p\";r=29;t=2");
    ck_assert_int_eq(let_in("ann", 29), 29);
    ck_assert_str_eq(state, "\"p\";r=0;t=60");
    ck_assert_int_eq(ask("ann"), PB_RATE_LIMITED);
    ck_assert_str_eq(state, "\"p\";r=0;t=60");
    end();
}
END_TEST

START_TEST(several_limits_stand_in_one_list)
{
    harness = pb_harness_open(
        AROUND "pipelines: {p: {stages: [porch: {}, ratelimit: {rate: 5/s, name: fast},\n"
               "                         ratelimit: {rate: 100/day, name: slow},\n"
               "                         generate: {llm: a}]}}\n",
        plugins, NULL);
    ck_assert_int_eq(ask("ann"), PB_OK);
    ck_assert_str_eq(policy, "\"fast\";q=5;w=1, \"slow\";q=100;w=86400");
    ck_assert_str_eq(state, "\"fast\";r=4;t=1, \"slow\";r=99;t=864");
    end();
}
END_TEST

/* --- without a cache -------------------------------------------------------------------------- */

static void open_away(const char *limit)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml,
                   "llms: {a: {use: scripted}}\ncaches: {gone: {use: away}}\n"
                   "pipelines: {p: {stages: [ratelimit: {rate: 1/day%s}, generate: {llm: a}]}}\n",
                   limit);
    harness = pb_harness_open(yaml, plugins, NULL);
}

START_TEST(a_cache_that_is_away)
{
    char path[] = "/tmp/ratelimit-log-XXXXXX", line[2048];
    int descriptor = mkstemp(path), lines = 0;

    ck_assert_int_ge(descriptor, 0);
    open_away("");
    pb_harness_log(PB_WARN, path);
    ck_assert_int_eq(let_in("ann", 5), 5);
    pb_harness_advance(harness, 61 * PB_SECOND);
    ck_assert_int_eq(let_in("ann", 5), 5);
    end();
    FILE *file = fdopen(descriptor, "r");
    while (fgets(line, sizeof line, file))
        lines += strstr(line, "the limit cannot be counted (nobody is at home): turns are let "
                              "through") != NULL;
    fclose(file);
    (void)remove(path);
    ck_assert_int_eq(lines, 2); /* once a minute */
    open_away(", on_failure: refuse");
    pb_harness_log(PB_ERROR, NULL);
    const pb_outcome *reply = ask_as("ann", "default", "p");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_assert_int_gt(reply->retry_after, 0);
    end();
}
END_TEST

/* --- the configuration ------------------------------------------------------------------------ */

static void refused(const char *limit, const char *wanted)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml, AROUND "pipelines: {p: {stages: [ratelimit: {%s}]}}\n",
                   limit);
    pb_harness_refuse(yaml, plugins, (const char *const[]){wanted, NULL});
}

START_TEST(options_are_checked)
{
    static const char *const wrong[] = {"30",    "/min",    "x/min",   "30/fortnight",
                                        "30/",   "-3/min",  "3 / min", "30min",
                                        "1.5/s", "30/min/", "30/0xmin"};
    char option[64];

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        (void)snprintf(option, sizeof option, "rate: \"%s\"", wrong[i]);
        refused(option, ".rate: this is no rate; write one like 30/min");
    }
    refused("rate: 0/min", "a rate of 0 lets nobody in");
    refused("rate: 1/0s", "the time of a rate is from a second to a year");
    refused("rate: 1/400day", "the time of a rate is from a second to a year");
    refused("rate: 1/s, per: []", ".per: give at least one of");
    refused("rate: 1/s, per: [tenant, tenant]", ".per: 'tenant' is given twice");
    refused("rate: 1/s, burst: 3, algorithm: window", ".burst: a window has no burst");
    refused("rate: 1/s, name: 'a b'", ".name");
}
END_TEST

START_TEST(rates_are_read)
{
    static const char *const right[] = {"30/s", "30/sec",  "30/second", "30/min", "30/minute",
                                        "30/h", "30/hour", "30/d",      "30/day", "30/15min"};
    static const char *const seconds[] = {";w=1",    ";w=1",    ";w=1",     ";w=60",    ";w=60",
                                          ";w=3600", ";w=3600", ";w=86400", ";w=86400", ";w=900"};
    char option[64];

    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        (void)snprintf(option, sizeof option, "rate: %s", right[i]);
        open_limit(option);
        ck_assert_int_eq(ask("ann"), PB_OK);
        ck_assert_str_eq(strstr(policy, ";w="), seconds[i]);
        end();
    }
}
END_TEST

START_TEST(of_several_caches_the_one_that_is_named)
{
    static const char *const names[] = {"shared", "gone"};
    char yaml[600];

    for (int i = 0; i < 2; i++) {
        (void)snprintf(yaml, sizeof yaml,
                       "llms: {a: {use: scripted}}\n"
                       "caches: {shared: {use: memory, size: 1MiB}, gone: {use: away}}\n"
                       "pipelines: {p: {stages: [ratelimit: {cache: %s, rate: 1/h, on_failure: "
                       "refuse}, generate: {llm: a}]}}\n",
                       names[i]);
        harness = pb_harness_open(yaml, plugins, NULL);
        pb_harness_log(PB_ERROR, NULL);
        ck_assert_int_eq(ask("ann"), i ? PB_UNAVAILABLE : PB_OK);
        end();
    }
}
END_TEST

int main(void)
{
    return suite_run(
        "ratelimit",
        (const TTest *const[]){a_bucket_fills_one_by_one, a_burst_is_more_or_less_than_the_rate,
                               each_has_a_bucket, one_name_is_one_limit, all_counts_must_have_room,
                               roles_are_exempt, without_an_address, a_window_slides,
                               tokens_are_charged_afterwards, tokens_of_a_cancelled_turn_count,
                               the_answer_says_how_it_stands, several_limits_stand_in_one_list,
                               a_cache_that_is_away, of_several_caches_the_one_that_is_named,
                               options_are_checked, rates_are_read, NULL});
}
