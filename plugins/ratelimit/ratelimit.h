/* ratelimit.h - one limit, whom it is counted for, and what a count says. */
#ifndef RATELIMIT_H
#define RATELIMIT_H

#include <patchbay/cache.h>
#include <patchbay/pipeline.h>

enum { PER_PRINCIPAL, PER_KEY, PER_ADDRESS, PER_PIPELINE, PER_TENANT, PER_KINDS };
enum { ALGORITHM_BUCKET, ALGORITHM_WINDOW };
enum { COUNT_REQUESTS, COUNT_TOKENS };
enum { FAILURE_ALLOW, FAILURE_REFUSE };

extern const char *const per_names[];

/* "30/min" */
struct rate {
    double amount;
    pb_duration window;
};

/* NULL, or the sentence that says what is wrong. */
const char *rate_read(pb_str text, struct rate *out);

/* The instance. */
struct ratelimit {
    pb_instance *cache;
    pb_str name;
    pb_list per; /* of int32_t, PER_… */
    pb_str rate_text;
    int64_t burst;
    int32_t algorithm, count, on_failure;
    pb_list exempt;
    struct rate rate;
    double capacity;
    pb_duration warned; /* when it was last said that the cache fails */
};

/* How one count of a limit stands. */
struct standing {
    int per;
    bool refused;
    double left;
    pb_duration reset; /* until all of it is there again */
    pb_duration wait;  /* when refused: until it is worth another try */
};

/* The key of this count for whoever asks; absent: it does not apply (a terminal has no address). */
pb_str count_key(const struct ratelimit *limit, int per, const pb_turn_info *info);

/* Counts `cost` where there is room for it; 0 only looks. Parks. */
pb_status count_take(const struct ratelimit *limit, pb_str key, double cost, struct standing *out);
/* Counts `cost` whether or not there is room: it was used. Parks. */
pb_status count_charge(const struct ratelimit *limit, pb_str key, double cost);
/* Takes back what count_take counted. Parks. */
void count_give_back(const struct ratelimit *limit, pb_str key, double cost);

/* Puts RateLimit and RateLimit-Policy into the answer, beside those of other limits. */
void headers_set(pb_turn *turn, const struct ratelimit *limit, const struct standing *standings,
                 size_t count);

#endif
