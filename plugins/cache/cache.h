/* cache.h - what a question is known by, and an answer as it is kept. */
#ifndef CACHE_STAGE_H
#define CACHE_STAGE_H

#include <patchbay/cache.h>
#include <patchbay/pipeline.h>
#include <patchbay/reply.h>
#include <patchbay/secret.h>
#include <patchbay/service.h>

enum { SCOPE_PRINCIPAL, SCOPE_TENANT };

/* The stage's instance. */
struct cache {
    pb_instance *cache;
    int32_t scope;
    pb_duration ttl;
    int64_t max_size;
    pb_list variables;
    pb_str version;
    pb_duration warned; /* when it was last said that the cache fails */
    uint64_t hits, misses;
};

/* --- question.c ------------------------------------------------------------------------------- */

enum { QUESTION_KEY = 6 + 64 };

/* "reply:" and the SHA-256 of all that decides the answer, as far as a stage can see. May park. */
pb_status question_key(const struct cache *cache, pb_turn *turn, char out[QUESTION_KEY + 1]);
/* The tag that all answers of a pipeline have. */
pb_str question_tag(pb_str pipeline);

/* --- record.c --------------------------------------------------------------------------------- */

/* A sink that keeps what passes. */
struct record {
    pb_sink base;
    pb_reply kept; /* counts bytes against the limit */
    pb_reply_text frames;
    size_t last;   /* where the last frame begins */
    int last_type; /* 0: none */
    bool unfit;    /* something that cannot be said again, or too much */
};

void record_begin(struct record *record, int64_t limit);
pb_bytes record_bytes(const struct record *record);
void record_end(struct record *record);

/* Says it again. PB_DECLINED, with nothing said: not such a record. *age in milliseconds. */
pb_status record_age(pb_bytes bytes, int64_t *age);
pb_status record_replay(pb_turn *turn, pb_bytes bytes);

/* --- service.c -------------------------------------------------------------------------------- */

struct keeper {
    pb_instance *cache;
};

extern const pb_field keeper_options[];
extern const pb_operation keeper_operations[];

#endif
