/* ratelimit - refuses turns of those who ask too often, alike in all workers.
 *
 * All counts of a limit must have room; then each is charged. Tokens are charged when the turn is
 * over and the model said how many, so that the turn that oversteps is the last one, not refused.
 */
#include "ratelimit.h"

static const pb_field ratelimit_options[] = {
    PB_REF(struct ratelimit, cache, "cache", .required = 1, .help = "Where it is counted."),
    PB_STR(struct ratelimit, name, .pattern = "[A-Za-z0-9._-]+", .max_length = 64,
           .help = "Limits with one name count together; without it each pipeline by itself."),
    PB_LIST(struct ratelimit, per, PB_KIND_ENUM, .values = per_names, .def = "[principal]",
            .help = "For whom it is counted; with several each of them must have room."),
    PB_STR(struct ratelimit, rate_text, .name = "rate", .required = 1, .max_length = 32,
           .help = "How many in which time: 30/min; s, min, hour, day, also 100/15min."),
    PB_INT(struct ratelimit, burst, .max = 1e9,
           .help = "How many at once after a rest, of a bucket; without it as many as the rate."),
    PB_ENUM(struct ratelimit, algorithm, .values = PB_VALUES("bucket", "window"), .def = "bucket",
            .help = "bucket: they come back one by one; window: in any time of that length."),
    PB_ENUM(struct ratelimit, count, .values = PB_VALUES("requests", "tokens"), .def = "requests",
            .help = "Turns, or the tokens of their models, charged when a turn is over."),
    PB_ENUM(struct ratelimit, on_failure, .values = PB_VALUES("allow", "refuse"), .def = "allow",
            .help = "What happens while the cache cannot be reached."),
    PB_LIST(struct ratelimit, exempt, PB_KIND_STR, .help = "Roles that are not counted."),
    PB_END,
};

static void ratelimit_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct ratelimit *limit = self;
    struct rate rate;
    const char *wrong = rate_read(limit->rate_text, &rate);

    if (wrong)
        pb_problem(diagnostics, "rate", "%s", wrong);
    if (!limit->per.count)
        pb_problem(diagnostics, "per",
                   "give at least one of principal, key, address, pipeline, "
                   "tenant");
    for (size_t i = 0; i < limit->per.count; i++)
        for (size_t j = 0; j < i; j++)
            if (PB_ITEM(limit->per, int32_t, i) == PB_ITEM(limit->per, int32_t, j))
                pb_problem(diagnostics, "per", "'%s' is given twice",
                           per_names[PB_ITEM(limit->per, int32_t, i)]);
    if (limit->burst && limit->algorithm == ALGORITHM_WINDOW)
        pb_problem(diagnostics, "burst", "a window has no burst; leave it out");
}

static pb_status ratelimit_create(void *self)
{
    struct ratelimit *limit = self;

    (void)rate_read(limit->rate_text, &limit->rate);
    limit->capacity = limit->burst ? (double)limit->burst : limit->rate.amount;
    return PB_OK;
}

/* --- one turn --------------------------------------------------------------------------------- */

/* The counts that apply to it. */
struct round {
    pb_sink base;
    struct ratelimit *limit;
    size_t count;
    pb_str keys[PER_KINDS];
    struct standing standings[PER_KINDS];
    double tokens; /* what its models used */
};

static bool is_exempt(const struct ratelimit *limit, const pb_principal *who)
{
    for (size_t i = 0; i < limit->exempt.count; i++)
        for (uint32_t j = 0; j < who->role_count; j++)
            if (pb_str_equal(PB_ITEM(limit->exempt, pb_str, i), who->roles[j]))
                return true;
    return false;
}

static void collect(struct round *round, const pb_turn_info *info)
{
    const struct ratelimit *limit = round->limit;

    for (size_t i = 0; i < limit->per.count && i < PER_KINDS; i++) {
        int per = PB_ITEM(limit->per, int32_t, i);
        pb_str key = count_key(limit, per, info);
        if (!key.size)
            continue;
        round->standings[round->count].per = per;
        round->keys[round->count++] = key;
    }
}

/* Stops at the first that refuses, as if it had never been asked. */
static pb_status charge_all(struct round *round, bool *refused)
{
    for (size_t i = 0; i < round->count; i++) {
        pb_status status = count_take(round->limit, round->keys[i], 1, &round->standings[i]);
        if (status != PB_OK)
            return status;
        if (!round->standings[i].refused)
            continue;
        *refused = true;
        while (i--)
            count_give_back(round->limit, round->keys[i], 1);
        return PB_OK;
    }
    return PB_OK;
}

static pb_status look_at_all(struct round *round, bool *refused)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < round->count && status == PB_OK; i++) {
        status = count_take(round->limit, round->keys[i], 0, &round->standings[i]);
        *refused = *refused || round->standings[i].refused;
    }
    return status;
}

/* Several are looked at before any is charged. */
static pb_status enter(struct round *round, bool *refused)
{
    pb_status status = PB_OK;

    if (round->count > 1 || round->limit->count == COUNT_TOKENS)
        status = look_at_all(round, refused);
    if (status == PB_OK && !*refused && round->limit->count == COUNT_REQUESTS)
        status = charge_all(round, refused);
    return status;
}

static pb_status refuse(const struct round *round, const pb_turn_info *info)
{
    const struct ratelimit *limit = round->limit;
    const struct standing *worst = NULL;
    pb_str name = limit->name.size ? limit->name : info->pipeline;

    for (size_t i = 0; i < round->count; i++)
        if (round->standings[i].refused && (!worst || round->standings[i].wait > worst->wait))
            worst = &round->standings[i];
    pb_duration wait = worst->wait > 0 ? worst->wait : 1;
    return pb_fail_retry(PB_RATE_LIMITED, wait,
                         "the limit '%.*s' of %.*s%s for each %s is reached; try again in %lld s",
                         PB_ARG(name), PB_ARG(limit->rate_text),
                         limit->count == COUNT_TOKENS ? " tokens" : "", per_names[worst->per],
                         (long long)((wait + PB_SECOND - 1) / PB_SECOND));
}

/* The cache does not answer: as configured, and said once a minute. */
static pb_status without_cache(struct ratelimit *limit, pb_status status)
{
    const pb_duration minute = 60 * PB_SECOND;
    pb_duration now = pb_monotonic();
    bool allow = limit->on_failure == FAILURE_ALLOW;

    if (status == PB_CANCELLED)
        return status;
    if (!limit->warned || now - limit->warned >= minute) {
        limit->warned = now;
        pb_log(PB_WARN, "the limit cannot be counted (%.*s): turns are %s",
               PB_ARG(pb_error_last()->sentence), allow ? "let through" : "refused");
    }
    if (!allow)
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND,
                             "limits cannot be counted now, so that nobody is let in; try again");
    pb_error_clear();
    return PB_OK;
}

static pb_status watch_usage(pb_sink *sink, const pb_event *event)
{
    struct round *round = (struct round *)(void *)sink;

    if (event->type == PB_EVENT_USAGE && event->usage)
        round->tokens += (double)(event->usage->input_tokens + event->usage->output_tokens);
    return pb_pass(sink, event);
}

static pb_status charge(void *arg)
{
    struct round *round = arg;
    pb_status status = PB_OK;

    for (size_t i = 0; i < round->count; i++) {
        pb_status one = count_charge(round->limit, round->keys[i], round->tokens);
        status = one != PB_OK ? one : status;
    }
    if (status != PB_OK) /* the answer is out: only the log can hear of it */
        (void)without_cache(round->limit, status);
    return PB_OK;
}

static pb_status ratelimit_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct ratelimit *limit = self;
    const pb_turn_info *info = pb_turn_info_of(turn);
    struct round round = {.base = {.size = sizeof round.base, .emit = watch_usage}, .limit = limit};
    bool refused = false;

    if (!is_exempt(limit, info->principal))
        collect(&round, info);
    if (!round.count)
        return pb_run_next(next, turn);
    pb_status status = enter(&round, &refused);
    if (status != PB_OK) {
        status = without_cache(limit, status);
        return status == PB_OK ? pb_run_next(next, turn) : status;
    }
    headers_set(turn, limit, round.standings, round.count);
    if (refused)
        return refuse(&round, info);
    if (limit->count == COUNT_REQUESTS)
        return pb_run_next(next, turn);
    status = pb_run_next_with(next, turn, &round.base);
    if (round.tokens > 0) /* also when it was cancelled: they were used */
        (void)pb_shield(charge, &round);
    return status;
}

PB_PLUGIN("ratelimit", "0.1.0", "Apache-2.0", "Refuses turns of those who ask too often.",
          PB_STAGE("ratelimit", struct ratelimit, ratelimit_options, .check = ratelimit_check,
                   .create = ratelimit_create, .run = ratelimit_run));
