/* cache - answers again what was answered before, word for word, without asking a model.
 *
 * An answer is kept when it ended by itself and did nothing but speak. It is given to the same
 * principal (or tenant) for the same messages and parameters only.
 */
#include "cache.h"

static const pb_field cache_options[] = {
    PB_REF(struct cache, cache, "cache", .required = 1, .help = "Where answers are kept."),
    PB_ENUM(struct cache, scope, .values = PB_VALUES("principal", "tenant"), .def = "principal",
            .help = "Who may get an answer again: whoever asked, or all of the tenant."),
    PB_DURATION(struct cache, ttl, .def = "1h", .min = 1, .max = 365 * 86400.0,
                .help = "How long an answer is given again."),
    PB_SIZE(struct cache, max_size, .def = "64KiB", .min = 256, .max = 16 << 20,
            .help = "The longest answer that is kept."),
    PB_LIST(struct cache, variables, PB_KIND_STR,
            .help = "Variables that the stages behind this one use: answers differ with them."),
    PB_STR(struct cache, version, .max_length = 64,
           .help = "Any text; another one forgets all answers from before."),
    PB_END,
};

enum { MODE_NORMAL, MODE_REFRESH, MODE_BYPASS };

/* {"cache": false} asks past it, {"cache": "refresh"} asks anew; so does who wants another reply.
 */
static int mode_of(const pb_turn_info *info)
{
    const pb_json *wish = pb_json_get(info->metadata, "cache");

    if (pb_json_is(wish, PB_JSON_FALSE))
        return MODE_BYPASS;
    if (info->replaces.size || pb_str_is(pb_json_text(wish), "refresh"))
        return MODE_REFRESH;
    return MODE_NORMAL;
}

static void tell(pb_turn *turn, const char *result)
{
    pb_span *span = pb_span_begin(pb_lit("cache"), pb_lit("reply"));

    pb_span_note(span, pb_lit("result"), pb_str_of(result));
    pb_span_end(span, PB_OK);
    if (pb_turn_set_header(turn, pb_lit("X-Patchbay-Cache"), pb_str_of(result)) != PB_OK)
        pb_error_clear();
}

/* A cache that fails is none; said once a minute. */
static pb_status without(struct cache *cache, pb_status status)
{
    pb_duration now = pb_monotonic();

    if (status == PB_CANCELLED)
        return status;
    if (status != PB_NOT_FOUND && (!cache->warned || now - cache->warned >= 60 * PB_SECOND)) {
        cache->warned = now;
        pb_log(PB_WARN, "answers cannot be kept or found: %.*s", PB_ARG(pb_error_last()->sentence));
    }
    pb_error_clear();
    return PB_OK;
}

/* --- a hit ------------------------------------------------------------------------------------ */

static pb_status emit_age(pb_turn *turn, int64_t age)
{
    pb_json *data = pb_json_new(PB_JSON_OBJECT, (pb_str){0});

    if (!data || !pb_json_add(data, pb_lit("hit"), pb_json_boolean(true)) ||
        !pb_json_add(
            data, pb_lit("age_ms"),
            pb_json_new(PB_JSON_NUMBER, pb_printf("%lld", (long long)(age > 0 ? age : 0)))))
        return pb_fail(PB_NO_MEMORY, "no memory for an event");
    return pb_emit_custom(turn, pb_lit("cache"), data);
}

static pb_status answer_again(struct cache *cache, pb_turn *turn, pb_bytes bytes, int64_t age)
{
    cache->hits++;
    tell(turn, "hit");
    pb_status status = emit_age(turn, age);
    if (status == PB_OK)
        status = record_replay(turn, bytes);
    if (status == PB_OK)
        pb_turn_set_finish(turn, PB_FINISH_STOP);
    return status;
}

/* --- a miss ----------------------------------------------------------------------------------- */

static bool is_worth(pb_turn *turn, const struct record *record)
{
    pb_turn_result so_far;

    pb_turn_so_far(turn, &so_far);
    bool ended = so_far.finish == PB_FINISH_STOP ||
                 (so_far.finish == PB_FINISH_NONE && !so_far.llm.size); /* no model was asked */
    return !record->unfit && record->last_type && ended && !so_far.fallback;
}

static pb_status keep(struct cache *cache, pb_turn *turn, const char *key,
                      const struct record *record)
{
    pb_str tag = question_tag(pb_turn_info_of(turn)->pipeline);
    pb_cache_options options = {
        .size = sizeof options, .ttl = cache->ttl, .tags = &tag, .tag_count = 1};
    pb_status status =
        tag.data ? pb_cache_set(cache->cache, pb_str_of(key), record_bytes(record), &options)
                 : pb_fail(PB_NO_MEMORY, "no memory for a name");

    if (status == PB_TOO_LARGE) {
        pb_error_clear();
        return PB_OK;
    }
    return status == PB_OK ? status : without(cache, status);
}

static pb_status answer_anew(struct cache *cache, pb_turn *turn, const pb_next *next,
                             const char *key)
{
    struct record record;

    cache->misses++;
    tell(turn, "miss");
    record_begin(&record, cache->max_size);
    pb_status status = pb_run_next_with(next, turn, &record.base);
    if (status == PB_OK && is_worth(turn, &record))
        status = keep(cache, turn, key, &record);
    record_end(&record);
    return status;
}

/* --- the stage -------------------------------------------------------------------------------- */

static pb_status cache_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct cache *cache = self;
    int mode = mode_of(pb_turn_info_of(turn));
    char key[QUESTION_KEY + 1];
    pb_bytes bytes;
    int64_t age;

    if (mode == MODE_BYPASS) {
        tell(turn, "bypass");
        return pb_run_next(next, turn);
    }
    pb_status status = question_key(cache, turn, key);
    if (status != PB_OK)
        return status;
    if (mode == MODE_REFRESH)
        return answer_anew(cache, turn, next, key);
    status = pb_cache_get(cache->cache, pb_str_of(key), &bytes);
    if (status == PB_OK && record_age(bytes, &age) == PB_OK)
        return answer_again(cache, turn, bytes, age);
    if (status != PB_OK)
        status = without(cache, status);
    return status == PB_OK ? answer_anew(cache, turn, next, key) : status;
}

static void cache_stats(void *self, pb_stats *stats)
{
    const struct cache *cache = self;

    pb_stat(stats, "replies_found", (double)cache->hits);
    pb_stat(stats, "replies_missed", (double)cache->misses);
}

PB_PLUGIN("cache", "0.1.0", "Apache-2.0", "Answers again what was answered before.",
          PB_STAGE("cache", struct cache, cache_options, .run = cache_run, .stats = cache_stats),
          PB_SERVICE("replies", struct keeper, keeper_options, .operations = keeper_operations));
