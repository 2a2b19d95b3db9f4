/* Turns short of memory: every allocation of a turn fails once, alone or with all that follow it.
 *
 * The linker puts memory_* below in front of malloc and of the arenas (CMakeLists.txt), so that the
 * host needs no hook. What a turn may say then is "no memory" or the whole answer, nothing between.
 */
#include "probe.h"

#include "base/arena.h"
#include "runtime/task.h"

extern const pb_plugin patchbay_plugin_sanitize, patchbay_plugin_prompt, patchbay_plugin_generate,
    patchbay_plugin_replay, patchbay_plugin_fallback, patchbay_plugin_retry,
    patchbay_plugin_timeout, patchbay_plugin_route, patchbay_plugin_parallel;

/* --- allocations that fail -------------------------------------------------------------------- */

static struct {
    bool armed;
    bool rest; /* the later ones fail too */
    long at;   /* the first that fails, counted from 1; 0: none */
    long seen;
} memory;

/* Only what tasks allocate counts: they run on one thread, and the harness between them. */
static bool short_now(void)
{
    if (!memory.armed || !task_current())
        return false;
    long number = ++memory.seen;
    return memory.at && (number == memory.at || (memory.rest && number > memory.at));
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_grow(struct arena *arena, void *old, size_t old_size, size_t new_size);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_grow(struct arena *arena, void *old, size_t old_size, size_t new_size);

void *__wrap_malloc(size_t size)
{
    return short_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return short_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return short_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return short_now() ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_grow(struct arena *arena, void *old, size_t old_size, size_t new_size)
{
    return short_now() ? NULL : __real_arena_grow(arena, old, old_size, new_size);
}

/* --- one turn --------------------------------------------------------------------------------- */

#define ANSWER "Good day, what can be done for you?"

struct client {
    pb_sink base;
    const char *pipeline;
    char text[256]; /* what it got; nothing here allocates */
    size_t size;
    int done;
    int32_t done_status;
};

static pb_status hear(pb_sink *sink, const pb_event *event)
{
    struct client *client = (struct client *)(void *)sink;

    memory.armed = false; /* Check allocates, too */
    if (event->type == PB_EVENT_TEXT) {
        ck_assert_uint_lt(client->size + event->text.size, sizeof client->text);
        memcpy(client->text + client->size, event->text.data, event->text.size);
        client->size += event->text.size;
    }
    if (event->type == PB_EVENT_DONE) {
        client->done++;
        client->done_status = event->result->status;
    }
    memory.armed = true;
    return PB_OK;
}

static pb_status ask(void *arg)
{
    struct client *client = arg;
    pb_turn_spec spec = pb_turn_spec_make();
    const pb_message *message = pb_message_new(PB_ROLE_USER, pb_lit("<b>Hello</b>"));
    pb_turn *turn = NULL;

    spec.pipeline = pb_pipeline_find(pb_str_of(client->pipeline));
    spec.stream = 1;
    spec.request_id = pb_lit("request-1");
    spec.messages = &message;
    spec.message_count = 1;
    memory.seen = 0;
    memory.armed = true;
    pb_status status = pb_turn_new(&spec, &turn);
    if (status == PB_OK) {
        status = pb_turn_run(turn, &client->base);
        pb_turn_free(turn);
    }
    memory.armed = false;
    ck_assert_int_eq(client->done, turn != NULL);
    if (turn)
        ck_assert_int_eq(client->done_status, status);
    return status;
}

static struct client say(pb_harness *harness, const char *pipeline, pb_str *sentence,
                         pb_status *status)
{
    struct client client = {.base = {.size = sizeof(pb_sink), .emit = hear}, .pipeline = pipeline};

    *status = pb_harness_run(harness, ask, &client, sentence);
    return client;
}

static void check_good(pb_harness *harness, const char *pipeline)
{
    pb_str sentence;
    pb_status status;

    memory.at = 0;
    struct client client = say(harness, pipeline, &sentence, &status);
    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(sentence));
    ck_assert_str_eq(client.text, ANSWER);
}

static void check_short(pb_harness *harness, const char *pipeline, long at)
{
    pb_str sentence;
    pb_status status;

    memory.at = at;
    struct client client = say(harness, pipeline, &sentence, &status);
    ck_assert_msg(status == PB_OK || status == PB_NO_MEMORY, "%s, allocation %ld%s: %s: %.*s",
                  pipeline, at, memory.rest ? " and later" : "", pb_status_name(status),
                  PB_ARG(sentence));
    if (status == PB_OK)
        ck_assert_msg(strcmp(client.text, ANSWER) == 0, "%s, allocation %ld%s: '%s'", pipeline, at,
                      memory.rest ? " and later" : "", client.text);
    else
        ck_assert_uint_gt(sentence.size, 0);
}

/* --- the tests -------------------------------------------------------------------------------- */

#define MODEL "llms: {main: {use: replay, notice: '', replies: [{text: '" ANSWER "'}]}}\n"

static void each_allocation(const char *stages)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml, MODEL "pipelines: {p: {stages: %s}}\n", stages);
    pb_harness *harness = pb_harness_new(
        yaml, &patchbay_plugin_sanitize, &patchbay_plugin_prompt, &patchbay_plugin_generate,
        &patchbay_plugin_replay, &patchbay_plugin_fallback, &patchbay_plugin_retry,
        &patchbay_plugin_timeout, &patchbay_plugin_route, &patchbay_plugin_parallel);
    check_good(harness, "p"); /* what is made once is made */
    for (int rest = 0; rest <= 1; rest++) {
        long at = 0;
        memory.rest = rest;
        do
            check_short(harness, "p", ++at);
        while (memory.seen >= at);
        ck_assert_int_gt(at, 5);  /* it was counted */
        check_good(harness, "p"); /* and all is well again */
    }
    pb_harness_free(harness);
}

START_TEST(a_plain_turn)
{
    each_allocation("[sanitize: {html: strip}, prompt: {text: 'Today is {{date}}, "
                    "{{#principal}}{{id}}{{/principal}}.'}, generate: {llm: main}]");
}
END_TEST

START_TEST(a_turn_that_may_be_repeated)
{
    each_allocation("[retry: {attempts: 2, wait: 1ms, stages: [timeout: {after: 1s, stages: "
                    "[generate: {llm: main}]}]}]");
}
END_TEST

START_TEST(a_turn_with_a_second_chance)
{
    each_allocation("[fallback: {try: [[generate: {llm: main}], [generate: {llm: main}]]}]");
}
END_TEST

START_TEST(a_turn_by_its_question)
{
    each_allocation("[route: {cases: [{when: {input: {matches: '(?i)hello'}}, stages: [generate: "
                    "{llm: main}]}], otherwise: [generate: {llm: main}]}]");
}
END_TEST

START_TEST(a_turn_of_two_branches)
{
    each_allocation("[parallel: {join: first, branches: {a: [generate: {llm: main}], b: [generate: "
                    "{llm: main}]}}]");
}
END_TEST

/* Twenty deadlines begin, those after the first few without memory: nobody waits without a limit,
 * until the ones that are missing are over. Under a shield only its own limit counts. */
static pb_status wait_a_bit(void *arg)
{
    (void)arg;
    return pb_sleep(PB_MILLISECOND);
}

static pb_status begin_many(void *arg)
{
    enum { MANY = 20 };
    int64_t deadlines[MANY];
    pb_task *task;

    (void)arg;
    for (int i = 0; i < MANY; i++) {
        memory.seen = 0;
        memory.at = 1;
        memory.rest = memory.armed = i >= MANY / 2;
        deadlines[i] = pb_deadline_begin(PB_SECOND);
    }
    memory.armed = false;
    ck_assert_int_gt(memory.seen, 0);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_NO_MEMORY);
    ck_assert_int_eq(pb_shield(wait_a_bit, NULL), PB_OK);
    ck_assert_int_eq(pb_spawn(wait_a_bit, NULL, &task), PB_OK);
    ck_assert_int_eq(pb_join(task), PB_NO_MEMORY);
    for (int i = MANY - 1; i >= MANY / 2; i--)
        pb_deadline_end(deadlines[i]);
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    ck_assert_int_eq(pb_sleep(2 * PB_SECOND), PB_TIMEOUT);
    for (int i = 0; i < MANY / 2; i++)
        pb_deadline_end(deadlines[i]);
    return pb_sleep(2 * PB_SECOND);
}

START_TEST(deadlines_that_find_no_memory)
{
    pb_harness *harness = pb_harness_new("{}", &patchbay_plugin_probe);
    ck_assert_int_eq(pb_harness_run(harness, begin_many, NULL, NULL), PB_OK);
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {a_plain_turn,
                                a_turn_that_may_be_repeated,
                                a_turn_with_a_second_chance,
                                a_turn_by_its_question,
                                a_turn_of_two_branches,
                                deadlines_that_find_no_memory,
                                NULL};
    return probe_main("no_memory", all);
}
