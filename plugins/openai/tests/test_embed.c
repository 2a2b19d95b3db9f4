/* The openai embedder against a service whose every byte the test wrote. */
#define pb_host_table    pb_host_table_bench
#define PB_PLUGIN_SYMBOL patchbay_plugin_bench

#include "canned.h"
#include "suite.h"
#include "testkit.h"

#include <patchbay/embedder.h>

extern const pb_plugin patchbay_plugin_openai;

struct bench {
    pb_instance *embedder;
};

static const pb_field bench_options[] = {
    PB_REF(struct bench, embedder, "embedder", .required = 1, .help = "The one under test."), PB_END};

static pb_status bench_run(void *self, pb_turn *turn, const pb_next *next)
{
    (void)self;
    return pb_run_next(next, turn);
}

PB_PLUGIN("bench", "0.1.0", "Apache-2.0", "Names the embedder under test.",
          PB_STAGE("bench", struct bench, bench_options, .run = bench_run));

#define JSON(status)                                                                               \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n"
/* [3, 4] as base64: unit length is [0.6, 0.8]; and [0, -2]. */
#define THREE_FOUR "AABAQAAAgEA="
#define MINUS_TWO  "AAAAAAAAAMA="
#define ITEM(index, vector) "{\"object\":\"embedding\",\"index\":" index ",\"embedding\":" vector "}"
#define BOTH                                                                                       \
    JSON("200 OK") "\r\n{\"object\":\"list\",\"data\":[" ITEM("1", "\"" MINUS_TWO "\"") "," ITEM(  \
        "0", "\"" THREE_FOUR "\"") "],\"usage\":{\"prompt_tokens\":8}}"
#define ONE(vector) JSON("200 OK") "\r\n{\"data\":[" ITEM("0", vector) "]}"

static pb_harness *harness;
static pb_instance *embedder;

static void begin_with(const char *options)
{
    char yaml[2048];

    canned_start();
    (void)snprintf(yaml, sizeof yaml,
                   "embedders:\n  e: {use: openai, base_url: 'http://127.0.0.1:%d/v1/', "
                   "api_key: sk-planted, %s}\n"
                   "pipelines: {p: {stages: [bench: {embedder: e}]}}\n",
                   canned.port, options);
    harness = pb_harness_new(yaml, &patchbay_plugin_openai, &patchbay_plugin_bench);
    pb_harness_virtual_time(harness, false);
    embedder = pb_harness_instance(harness, "embedder", "e");
}

static void begin(void)
{
    begin_with("model: m, dimensions: 2, query_prefix: 'query: ', organization: org");
}

static void end(void)
{
    pb_harness_free(harness);
    canned_stop();
}

struct call {
    const pb_str *texts;
    size_t count;
    int32_t purpose;
    float out[16];
    pb_duration retry_after;
};

static pb_status call_embed(void *arg)
{
    struct call *call = arg;
    pb_status status = pb_embed(embedder, call->purpose, call->texts, call->count, call->out);

    call->retry_after = pb_error_last()->retry_after;
    return status;
}

static pb_status embed(struct call *call, const char *answer, pb_str *sentence)
{
    canned_set(answer, canned.at_end);
    return pb_harness_run(harness, call_embed, call, sentence);
}

static void ck_vector(const float *vector, double x, double y)
{
    ck_assert_double_eq_tol((double)vector[0], x, 1e-6);
    ck_assert_double_eq_tol((double)vector[1], y, 1e-6);
}

static void ck_sent(const char *part)
{
    ck_assert_msg(strstr(canned_request(), part), "'%s' was not sent:\n%s", part, canned_request());
}

START_TEST(texts_become_vectors)
{
    pb_str texts[] = {pb_lit("one"), pb_lit(" \n"), pb_lit("two \"2\"")};
    struct call call = {.texts = texts, .count = 3};

    ck_assert_int_eq(embed(&call, BOTH, NULL), PB_OK);
    ck_vector(call.out, 0.6, 0.8);
    ck_vector(call.out + 2, 0, 0); /* a blank text is not sent */
    ck_vector(call.out + 4, 0, -1);
    ck_sent("POST /v1/embeddings HTTP/1.1\r\n");
    ck_sent("Authorization: Bearer sk-planted\r\n");
    ck_sent("OpenAI-Organization: org\r\n");
    ck_sent("{\"model\":\"m\",\"encoding_format\":\"base64\",\"input\":[\"one\",\"two "
            "\\\"2\\\"\"]}");
    ck_assert_uint_eq(pb_embed_dimensions(embedder), 2);
    ck_text(pb_embed_model(embedder), "openai/m");
}
END_TEST

START_TEST(questions_have_their_prefix_and_numbers_are_read)
{
    pb_str text = pb_lit("why?");
    struct call call = {.texts = &text, .count = 1, .purpose = PB_EMBED_QUERY};

    ck_assert_int_eq(embed(&call, ONE("[-3.0, 4e0]"), NULL), PB_OK);
    ck_vector(call.out, -0.6, 0.8);
    ck_sent("\"input\":[\"query: why?\"]");
}
END_TEST

START_TEST(nothing_is_asked_about_nothing)
{
    pb_str text = pb_lit("  ");
    struct call call = {.texts = &text, .count = 1};

    ck_assert_int_eq(embed(&call, "", NULL), PB_OK);
    ck_assert_int_eq(canned.count, 0);
}
END_TEST

START_TEST(many_texts_are_several_requests)
{
    pb_str texts[] = {pb_lit("a"), pb_lit("b"), pb_lit("c"), pb_lit("d"), pb_lit("e")};
    struct call call = {.texts = texts, .count = 5};

    begin_with("model: m, dimensions: 2, batch: 1");
    ck_assert_int_eq(embed(&call, ONE("[1,0]"), NULL), PB_OK);
    ck_assert_int_eq(canned.count, 5);
    for (size_t i = 0; i < 5; i++)
        ck_vector(call.out + 2 * i, 1, 0);
    end();
}
END_TEST

START_TEST(a_shorter_vector_is_asked_for)
{
    pb_str text = pb_lit("a");
    struct call call = {.texts = &text, .count = 1};

    begin_with("model: text-embedding-3-small, dimensions: 2");
    ck_assert_int_eq(embed(&call, ONE("[1,0]"), NULL), PB_OK);
    ck_sent("\"dimensions\":2");
    ck_text(pb_embed_model(embedder), "openai/text-embedding-3-small/2");
    end();
    begin_with("model: text-embedding-3-small");
    ck_assert_uint_eq(pb_embed_dimensions(embedder), 1536);
    ck_text(pb_embed_model(embedder), "openai/text-embedding-3-small");
    end();
}
END_TEST

static const struct {
    const char *answer;
    pb_status status;
    const char *says;
    pb_duration retry;
} failing[] = {
    {JSON("429 Slow") "Retry-After: 7\r\n\r\n{}", PB_RATE_LIMITED, "no more requests",
     7 * PB_SECOND},
    {JSON("503 Busy") "\r\n{}", PB_UNAVAILABLE, "not available", 0},
    {JSON("401 No") "\r\n{\"error\":{\"message\":\"sk-planted\"}}", PB_UNAVAILABLE, "key", 0},
    {JSON("404 No") "\r\n{}", PB_BAD_UPSTREAM, "does not know the model 'm'", 0},
    {JSON("500 Oops") "\r\n{}", PB_BAD_UPSTREAM, "status 500", 0},
    {JSON("400 Bad") "\r\n{\"error\":{\"message\":\"This model's maximum context length is 8192\"}}",
     PB_TOO_LARGE, "longer than the model takes", 0},
    {JSON("400 Bad") "\r\n{\"error\":{\"message\":\"no such field\"}}", PB_INVALID, "no such field",
     0},
    {JSON("200 OK") "\r\n{\"error\":{\"message\":\"x\",\"type\":\"overloaded_error\"}}",
     PB_UNAVAILABLE, "not available", 0},
    {JSON("200 OK") "\r\nnot { JSON", PB_BAD_UPSTREAM, "not JSON", 0},
    {JSON("200 OK") "\r\n{}", PB_BAD_UPSTREAM, "0 vectors for 1 texts", 0},
    {JSON("200 OK") "\r\n{\"data\":[{\"embedding\":[1,0]},{\"embedding\":[1,0]}]}", PB_BAD_UPSTREAM,
     "for no text", 0},
    {ONE("[1,0,0]"), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {ONE("[1]"), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {ONE("[1,\"x\"]"), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {ONE("[0,0]"), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {ONE("\"AABAQAAAgE\""), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {ONE("\"AABAQAA*gEA=\""), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {ONE("\"AADAfwAAgEA=\""), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0}, /* not a number */
    {ONE("null"), PB_BAD_UPSTREAM, "vectors of 2 numbers", 0},
    {"", PB_UNAVAILABLE, "", 0},
};

START_TEST(failures)
{
    pb_str text = pb_lit("a"), sentence;
    struct call call = {.texts = &text, .count = 1};

    ck_assert_int_eq(embed(&call, failing[_i].answer, &sentence), failing[_i].status);
    ck_assert_msg(pb_str_contains(sentence, pb_str_of(failing[_i].says)), "%.*s", PB_ARG(sentence));
    ck_assert(!pb_str_contains(sentence, pb_lit("sk-planted")));
    ck_assert_int_eq(call.retry_after, failing[_i].retry);
    ck_assert_int_eq(embed(&call, ONE("[1,0]"), NULL), PB_OK);
}
END_TEST

START_TEST(options_are_checked)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_openai, NULL};

    pb_harness_refuse("embedders: {e: {use: openai, model: mine}}\n", plugins,
                      (const char *const[]){"how long the vectors of 'mine' are", NULL});
    pb_harness_refuse("embedders: {e: {use: openai, model: text-embedding-3-small, "
                      "dimensions: 4000}}\n",
                      plugins, (const char *const[]){"is more than the 1536", NULL});
    pb_harness_refuse("embedders: {e: {use: openai, model: all-minilm, dimensions: 99}}\n", plugins,
                      (const char *const[]){"only with `shorten: true`", NULL});
    pb_harness_refuse("embedders: {e: {use: openai, model: all-minilm, "
                      "base_url: 'http://me:pw@x'}}\n",
                      plugins, (const char *const[]){"must not have a user name", NULL});
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("embed", begin, end,
                   (const TTest *const[]){texts_become_vectors,
                                          questions_have_their_prefix_and_numbers_are_read,
                                          nothing_is_asked_about_nothing, NULL});
    TCase *others = suite_case("others", NULL, NULL,
                               (const TTest *const[]){many_texts_are_several_requests,
                                                      a_shorter_vector_is_asked_for,
                                                      options_are_checked, NULL});

    tcase_add_loop_test(cases, failures, 0, sizeof failing / sizeof *failing);
    return suite_run_cases("embed", (TCase *const[]){cases, others, NULL});
}
