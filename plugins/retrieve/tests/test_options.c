/* What options of the stage change that test_retrieve.c does not show. */
#include "kit.h"

#define TALK(last)                                                                                 \
    "[{\"role\": \"user\", \"content\": \"How do I start the server?\"},"                          \
    " {\"role\": \"assistant\", \"content\": \"With run.sh.\"},"                                   \
    " {\"role\": \"user\", \"content\": \"" last "\"}]"

START_TEST(how_it_is_asked_is_an_option)
{
    open_with("passages: " BOOKS, "", "");
    pb_harness_say(harness, "How?");
    uint32_t usual = shelf_seen.top_k;
    int32_t mode = shelf_seen.mode;
    double weight = shelf_seen.vector_weight;
    end();
    open_with("passages: " BOOKS, "candidates: 77, mode: keyword, vector_weight: 0.25", "");
    pb_harness_say(harness, "How?");
    ck_assert_uint_eq(shelf_seen.top_k, 77);
    ck_assert_uint_ne(usual, 77);
    ck_assert_int_ne(shelf_seen.mode, mode);
    ck_assert_double_eq(shelf_seen.vector_weight, 0.25);
    ck_assert_double_ne(weight, 0.25);
    end();
}
END_TEST

START_TEST(rewriting_has_its_time)
{
    open_with("passages: " BOOKS, "rewrite: model, llm: b, rewrite_timeout: 1s", "");
    pb_script(harness, "b", PB_STEP_HANG);
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.messages = TALK("and how do I stop it?")});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert(reply->elapsed >= PB_SECOND && reply->elapsed < 2 * PB_SECOND);
    end();
}
END_TEST

START_TEST(of_several_retrievers_the_one_that_is_named)
{
    for (int i = 0; i < 2; i++) {
        char yaml[1000];
        (void)snprintf(yaml, sizeof yaml,
                       "llms: {a: {use: scripted}}\n"
                       "retrievers: {full: {use: shelf, passages: %s}, empty: {use: shelf}}\n"
                       "pipelines: {p: {stages: [retrieve: {retriever: %s, sources: all}, "
                       "generate: {llm: a}]}}\n",
                       BOOKS, i ? "empty" : "full");
        harness = pb_harness_open(yaml, plugins, NULL);
        const pb_outcome *reply = pb_harness_say(harness, "How?");
        ck_assert_int_eq(reply->status, PB_OK);
        ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_SOURCE), i ? 0 : 3);
        end();
    }
}
END_TEST

int main(void)
{
    return suite_run("options",
                     (const TTest *const[]){how_it_is_asked_is_an_option, rewriting_has_its_time,
                                            of_several_retrievers_the_one_that_is_named, NULL});
}
