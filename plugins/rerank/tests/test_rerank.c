/* Which passage comes first: by being unlike the others, and by what a model says. */
#include "suite.h"
#include "testkit.h"

extern const pb_plugin patchbay_plugin_rerank;

static const pb_plugin *const plugins[] = {&patchbay_plugin_rerank, NULL};
static pb_harness *harness;

#define LLMS "llms: {a: {use: scripted}}\n"

static void open_with(const char *rerankers)
{
    char yaml[1024];

    (void)snprintf(yaml, sizeof yaml, LLMS "rerankers: {it: {%s}}\n", rerankers);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

/* Passages of one text each; `vectors` two numbers for each, or NULL. */
struct given {
    const char *const *texts;
    const float *vectors;
    char order[64];
    double scores[16];
    pb_duration deadline;
};

static void fill(pb_passage *passage, const struct given *given, size_t index)
{
    passage->id = pb_printf("%zu", index + 1);
    passage->score = 1.0 - 0.01 * (double)index;
    passage->document = pb_lit("a.md");
    passage->heading = index ? (pb_str){0} : pb_lit("Top");
    if (given->vectors) {
        passage->vector = given->vectors + 2 * index;
        passage->dimensions = 2;
    }
}

static pb_status run(void *arg)
{
    struct given *given = arg;
    const pb_passage *items[16];
    pb_passages in = {.size = sizeof in, .items = items}, out;

    for (; given->texts[in.count]; in.count++) {
        pb_passage *passage = pb_passage_new(pb_str_of(given->texts[in.count]));
        fill(passage, given, in.count);
        items[in.count] = passage;
    }
    int64_t deadline = given->deadline ? pb_deadline_begin(given->deadline) : 0;
    pb_status status =
        pb_rerank(pb_harness_instance(harness, "reranker", "it"), pb_lit("What is it?"), &in, &out);
    if (given->deadline)
        pb_deadline_end(deadline);
    given->order[0] = 0;
    for (size_t i = 0; i < out.count && status == PB_OK; i++) {
        strncat(given->order, out.items[i]->id.data, 8);
        given->scores[i] = out.items[i]->score;
        ck_assert(i == 0 || given->scores[i] <= given->scores[i - 1]);
    }
    return status;
}

static void check(struct given *given, const char *order)
{
    ck_assert_int_eq(pb_harness_run(harness, run, given, NULL), PB_OK);
    ck_assert_str_eq(given->order, order);
}

static const char *const three[] = {"one", "two", "three", NULL};

/* --- mmr ---------------------------------------------------------------------------------------
 */

static const float alike[] = {1, 0, 0.99f, 0.141f, 0, 1};

START_TEST(what_is_unlike_comes_before_more_of_the_same)
{
    struct given given = {.texts = three, .vectors = alike};
    open_with("use: mmr, duplicate: 1, relevance: 0.6");
    check(&given, "132");
    end();
    open_with("use: mmr, duplicate: 1, relevance: 1");
    check(&given, "123");
    end();
    open_with("use: mmr");
    check(&given, "13"); /* the second is the first again */
    end();
    open_with("use: mmr, keep: 1");
    check(&given, "1");
    end();
}
END_TEST

START_TEST(words_do_without_vectors)
{
    static const char *const texts[] = {"The red house stands on a hill",
                                        "A red house on that hill", "Ships sail far across oceans",
                                        NULL};
    static const char *const same[] = {"Red house, hill.", "The hill: red houses!", NULL};
    struct given given = {.texts = texts}, twice = {.texts = same};
    open_with("use: mmr, relevance: 0.6");
    check(&given, "132");
    check(&twice, "1");
    end();
}
END_TEST

START_TEST(few_or_none)
{
    static const char *const none[] = {NULL}, *const one[] = {"", NULL};
    struct given nothing = {.texts = none}, single = {.texts = one};
    open_with("use: mmr");
    check(&nothing, "");
    check(&single, "1");
    end();
    open_with("use: model, llm: a");
    check(&nothing, "");
    check(&single, "1");
    ck_assert_uint_eq(pb_scripted_count(harness, "a"), 0); /* nothing to order */
    end();
}
END_TEST

/* --- model -------------------------------------------------------------------------------------
 */

START_TEST(a_model_orders)
{
    static const struct {
        const char *said, *order, *dropped;
    } cases[] = {
        {"3, 1, 2", "312", "312"},
        {"3", "312", "3"},
        {"[2] > [1]", "213", "21"},
        {"The best is 2.\n1. is weaker", "213", "21"},
        {"none of them", "123", "123"},
        {"", "123", "123"},
        {"99 0 -2 2 2 2 99999999999999999999", "213", "2"},
        {"v3 and b2, but 1", "123", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int drop = 0; drop < 2; drop++) {
            struct given given = {.texts = three};
            open_with(drop ? "use: model, llm: a, drop: true" : "use: model, llm: a");
            pb_script(harness, "a", PB_STEP_TEXT(cases[i].said), PB_STEP_STOP);
            check(&given, drop ? cases[i].dropped : cases[i].order);
            end();
        }
}
END_TEST

START_TEST(it_is_shown_the_beginnings_of_the_best)
{
    static const char *const texts[] = {
        "0123456789012345678901234567890123456789012345678\xC3\xA4x", "two", "three", NULL};
    struct given given = {.texts = texts};
    open_with("use: model, llm: a, passages: 2, length: 50, instruction: Order them.");
    pb_script(harness, "a", PB_STEP_TEXT("2, 3"), PB_STEP_STOP);
    check(&given, "213"); /* the third was not shown */
    const pb_json *request = pb_scripted_request(harness, "a", 0);
    const pb_json *messages = pb_json_get(request, "messages");
    ck_text(pb_json_text(pb_json_get(pb_json_at(messages, 0), "content")), "Order them.");
    ck_text(pb_json_text(pb_json_get(pb_json_at(messages, 1), "content")),
            "Question: What is it?\n\n[1] a.md > Top\n"
            "0123456789012345678901234567890123456789012345678\n\n[2] a.md\ntwo\n");
    ck_assert_int_eq(pb_json_int(pb_json_get(pb_json_get(request, "params"), "max_tokens"), 0),
                     200);
    end();
}
END_TEST

START_TEST(a_model_that_fails_changes_nothing)
{
    struct given given = {.texts = three};
    open_with("use: model, llm: a, timeout: 2s, drop: true");
    pb_script(harness, "a", PB_STEP_TEXT("3"), PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    check(&given, "123");
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_HANG);
    check(&given, "123");
    given.deadline = PB_SECOND; /* from outside: the turn's time is over */
    ck_assert_int_eq(pb_harness_run(harness, run, &given, NULL), PB_TIMEOUT);
    end();
}
END_TEST

START_TEST(a_model_has_its_time)
{
    struct given given = {.texts = three, .deadline = 3 * PB_SECOND};

    open_with("use: model, llm: a, timeout: 2s");
    pb_script(harness, "a", PB_STEP_HANG);
    check(&given, "123"); /* before the turn's time is over */
    end();
}
END_TEST

START_TEST(of_several_models_the_one_that_is_named)
{
    static const char *const names[] = {"a", "b"};
    struct given given = {.texts = three};
    char yaml[256];

    for (int i = 0; i < 2; i++) {
        (void)snprintf(yaml, sizeof yaml,
                       "llms: {a: {use: scripted}, b: {use: scripted}}\n"
                       "rerankers: {it: {use: model, llm: %s}}\n",
                       names[i]);
        harness = pb_harness_open(yaml, plugins, NULL);
        ck_assert_int_eq(pb_harness_run(harness, run, &given, NULL), PB_OK);
        ck_assert_uint_eq(pb_scripted_count(harness, names[i]), 1);
        ck_assert_uint_eq(pb_scripted_count(harness, names[!i]), 0);
        end();
    }
}
END_TEST

int main(void)
{
    return suite_run("rerank",
                     (const TTest *const[]){
                         what_is_unlike_comes_before_more_of_the_same, words_do_without_vectors,
                         few_or_none, a_model_orders, it_is_shown_the_beginnings_of_the_best,
                         a_model_that_fails_changes_nothing, a_model_has_its_time,
                         of_several_models_the_one_that_is_named, NULL});
}
