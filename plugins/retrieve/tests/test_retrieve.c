/* What is looked for, what is chosen of it, what it is joined with, and which sources go out. */
#include "kit.h"

static const pb_json *source(const pb_outcome *reply, size_t number)
{
    return pb_outcome_event(reply, PB_EVENT_SOURCE, number)->data;
}

static void check_count(const pb_outcome *reply, size_t sources)
{
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_SOURCE), sources);
}

/* What the template saw of the passages. */
static pb_str prompt_of(size_t request)
{
    const pb_json *messages = pb_json_get(pb_scripted_request(harness, "a", request), "messages");

    return pb_json_text(pb_json_get(pb_json_at(messages, 0), "content"));
}

#define TEMPLATE                                                                                   \
    "prompt: {text: '{{#passages}}<{{index}} {{document}} {{heading}} {{text}}>{{/passages}}'},"

START_TEST(a_template_gets_the_passages)
{
    open_with("passages: " BOOKS, "top_k: 2", TEMPLATE);
    pb_harness_say(harness, "How do I run it?");
    ck_assert_uint_eq(shelf_seen.top_k, 2);
    ck_assert_int_eq(shelf_seen.mode, -1);
    ck_assert_str_eq(shelf_seen.query, "How do I run it?");
    ck_text(prompt_of(0), "<1 a.md Install Run it.><2 a.md  Then stop it.>");
    end();
}
END_TEST

START_TEST(only_what_is_cited_is_a_source)
{
    open_with("passages: " BOOKS, "top_k: 3", "");
    pb_script(harness, "a", PB_STEP_TEXT("Like this ["), PB_STEP_TEXT("3"), PB_STEP_TEXT("]."),
              PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "How?");
    check_count(reply, 1);
    ck_text(pb_json_text(pb_json_get(source(reply, 0), "document")), "b.md");
    ck_assert_int_eq(pb_json_int(pb_json_get(source(reply, 0), "index"), 0), 3);
    pb_script_reset(harness, "a");
    pb_script(harness, "a", PB_STEP_TEXT("I do not know."), PB_STEP_STOP);
    check_count(pb_harness_say(harness, "How?"), 0);
    end();
}
END_TEST

START_TEST(citations_have_many_forms)
{
    static const struct {
        const char *text;
        size_t sources;
    } forms[] = {
        {"a [1].", 1},         {"a [1][2]", 2}, {"a [1, 2]", 2},
        {"a [1-3]", 3},        {"a [1;3]", 2},  {"a [0] [4] [99]", 0},
        {"a [x] [1a] []", 0},  {"`a[1]` b", 0}, {"```\na[1]\n``` [2]", 1},
        {"[1] again [1]", 1},  {"[[2]]", 1},    {"a [ 1 ]", 0},
        {"[1,] [-2] [1 2", 0},
    };
    open_with("passages: " BOOKS, "top_k: 3", "");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        pb_script_reset(harness, "a");
        pb_script(harness, "a", PB_STEP_TEXT(forms[i].text), PB_STEP_STOP);
        const pb_outcome *reply = pb_harness_say(harness, "How?");
        size_t count = pb_outcome_count(reply, PB_EVENT_SOURCE);
        ck_assert_msg(count == forms[i].sources, "'%s': %zu", forms[i].text, count);
        ck_assert_str_eq(reply->text.data, forms[i].text);
    }
    end();
}
END_TEST

START_TEST(a_source_says_where_it_stands)
{
    open_with("passages: " BOOKS, "sources: all", "");
    const pb_outcome *reply = pb_harness_say(harness, "How do I run it?");
    check_count(reply, 3);
    const pb_json *first = source(reply, 0);
    ck_text(pb_json_text(pb_json_get(first, "document")), "a.md");
    ck_text(pb_json_text(pb_json_get(first, "document_id")), "a.md");
    ck_text(pb_json_text(pb_json_get(first, "collection")), "manuals");
    ck_text(pb_json_text(pb_json_get(first, "heading")), "Install");
    ck_text(pb_json_text(pb_json_get(first, "quote")), "Run it.");
    ck_text(pb_json_text(pb_json_get(first, "passage")), "p0");
    ck_assert_int_eq(pb_json_int(pb_json_at(pb_json_get(first, "lines"), 0), 0), 3);
    ck_assert_int_eq(pb_json_int(pb_json_at(pb_json_get(first, "lines"), 1), 0), 4);
    ck_assert_double_eq_tol(pb_json_double(pb_json_get(first, "score"), 0), 0.8, 1e-6);
    ck_assert_double_eq_tol(pb_json_double(pb_json_get(source(reply, 2), "score"), 0), 0.5, 1e-6);
    ck_assert_ptr_null(pb_json_get(first, "page"));
    ck_assert_ptr_null(pb_json_get(source(reply, 2), "lines"));
    end();
    open_with("passages: " BOOKS, "sources: none", "");
    pb_script(harness, "a", PB_STEP_TEXT("[1]"), PB_STEP_STOP);
    check_count(pb_harness_say(harness, "How?"), 0);
    end();
}
END_TEST

START_TEST(weak_passages_are_left_out)
{
    open_with("passages: " BOOKS, "top_k: 2, min_score: 0.5, sources: all", "");
    check_count(pb_harness_say(harness, "How?"), 2);
    ck_assert_uint_eq(shelf_seen.top_k, 8); /* more, to choose from */
    end();
    open_with("passages: " BOOKS, "min_score: 0.6, sources: all", "");
    check_count(pb_harness_say(harness, "How?"), 1);
    end();
    open_with("passages: " BOOKS, "min_score: 0.9, sources: all", "");
    check_count(pb_harness_say(harness, "How?"), 0);
    end();
}
END_TEST

START_TEST(a_document_has_only_so_many)
{
    open_with("passages: " BOOKS, "per_document: 1, sources: all", "");
    const pb_outcome *reply = pb_harness_say(harness, "How?");
    check_count(reply, 2);
    ck_text(pb_json_text(pb_json_get(source(reply, 1), "document")), "b.md");
    end();
}
END_TEST

START_TEST(neighbours_are_joined_and_become_one)
{
    open_with("around: true, passages: " BOOKS, "neighbours: 1, sources: all", TEMPLATE);
    const pb_outcome *reply = pb_harness_say(harness, "How?");
    check_count(reply, 2); /* both of a.md are one, with the third that was not found */
    ck_text(prompt_of(0), "<1 a.md Install Run it.\n\nThen stop it.\n\nAt last.><2 b.md  Other "
                          "things.>");
    ck_assert_int_eq(pb_json_int(pb_json_at(pb_json_get(source(reply, 0), "lines"), 1), 0), 8);
    ck_assert_int_eq(shelf_seen.surrounded, 2);
    end();
    open_with("around: false, passages: " BOOKS, "neighbours: 1, sources: all", "");
    check_count(pb_harness_say(harness, "How?"), 2); /* it does not know: each stays alone */
    end();
}
END_TEST

START_TEST(what_chunks_repeat_is_said_once)
{
    open_with("around: true, passages: [{document: a, text: 'One here. Two goes there.'},"
              " {document: a, index: 1, hidden: true, text: 'Two goes there. And three.'}]",
              "neighbours: 1", TEMPLATE);
    pb_harness_say(harness, "How?");
    ck_text(prompt_of(0), "<1 a  One here. Two goes there. And three.>");
    end();
}
END_TEST

START_TEST(whole_documents_that_fit)
{
    open_with("around: true, passages: " BOOKS, "whole_document: true", TEMPLATE);
    pb_harness_say(harness, "How?");
    ck_text(prompt_of(0), "<1 a.md Install Run it.\n\nThen stop it.\n\nAt last.><2 b.md  Other "
                          "things.>");
    end();
    open_with("around: true, passages: " BOOKS, "whole_document: true, max_tokens: 6", TEMPLATE);
    pb_harness_say(harness, "How?");
    ck_text(prompt_of(0), "<1 a.md Install Run it.><2 b.md  Other things.>");
    end();
}
END_TEST

START_TEST(no_more_than_the_budget)
{
    open_with("passages: " BOOKS, "max_tokens: 6", TEMPLATE);
    pb_harness_say(harness, "How?");
    ck_text(prompt_of(0), "<1 a.md Install Run it.><2 a.md  Then stop it.>");
    end();
    open_with("passages: [{document: a, line: 1, lines: 2, text: \"one two three\\nfour five\"}]",
              "max_tokens: 4", TEMPLATE);
    pb_harness_say(harness, "How?");
    ck_text(prompt_of(0), "<1 a  one two three>");
    end();
}
END_TEST

START_TEST(a_reranker_gets_vectors_and_decides)
{
    open_with("passages: [{document: a, text: one, embedding: [1, 0]},"
              " {document: b, text: two, embedding: [0.999, 0.04]},"
              " {document: c, text: three, embedding: [0, 1]}]",
              "reranker: diverse, top_k: 2, sources: all", "");
    const pb_outcome *reply = pb_harness_say(harness, "How?");
    ck_assert_uint_eq(shelf_seen.vectors, 1);
    ck_assert_uint_eq(shelf_seen.top_k, 8);
    check_count(reply, 2);
    ck_text(pb_json_text(pb_json_get(source(reply, 1), "document")), "c");
    end();
}
END_TEST

START_TEST(a_request_can_narrow)
{
    open_with("passages: " BOOKS, "collections: [manuals, notes], filter: {lang: en}", "");
    pb_harness_say(harness, "How?");
    ck_assert_uint_eq(shelf_seen.collections, 2);
    ck_assert(shelf_seen.filtered);
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "How?",
                           .metadata = "{\"collections\": \"notes\", \"document_ids\": [\"x\", "
                                       "\"y\"], \"filter\": {\"year\": {\"gt\": 2020}}}"});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_uint_eq(shelf_seen.collections, 1);
    ck_assert_uint_eq(shelf_seen.documents, 2);
    reply = pb_harness_ask(harness, &(pb_ask){.text = "How?",
                                              .metadata = "{\"document_ids\": [\"x\", \"y\"]}",
                                              .variables = "{\"document_ids\": [\"y\", \"z\"]}"});
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_uint_eq(shelf_seen.documents, 1); /* both hold */
    end();
}
END_TEST

START_TEST(a_request_cannot_widen)
{
    static const char *const wrong[] = {
        "{\"collections\": \"secret\"}",
        "{\"collections\": [\"manuals\", \"secret\"]}",
        "{\"collections\": []}",
        "{\"collections\": 7}",
        "{\"document_ids\": [\"\"]}",
        "{\"document_ids\": {}}",
        "{\"filter\": 7}",
        "{\"filter\": {\"a\": {\"like\": 1}}}",
    };
    open_with("passages: " BOOKS, "collections: [manuals], on_failure: continue", "");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const pb_outcome *reply =
            pb_harness_ask(harness, &(pb_ask){.text = "How?", .metadata = wrong[i]});
        ck_assert_msg(reply->status == PB_INVALID, "%s", wrong[i]);
    }
    ck_assert_int_eq(shelf_seen.asked, 0);
    end();
}
END_TEST

#define TALK(last)                                                                                 \
    "[{\"role\": \"user\", \"content\": \"How do I start the server?\"},"                          \
    " {\"role\": \"assistant\", \"content\": \"With run.sh.\"},"                                   \
    " {\"role\": \"user\", \"content\": \"" last "\"}]"

START_TEST(a_question_that_leans_gets_words)
{
    static const struct {
        const char *talk, *query;
    } cases[] = {
        {TALK("and how do I stop it?"), "and how do I stop it? start server"},
        {TALK("What about Windows?"), "What about Windows? start server"},
        {TALK("Why?"), "Why? start server"},
        {TALK("Which databases can keep conversations?"),
         "Which databases can keep conversations?"},
        {TALK("Where does the server keep its files on disk?"),
         "Where does the server keep its files on disk?"},
    };
    open_with("passages: " BOOKS, "top_k: 1", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_harness_ask(harness, &(pb_ask){.messages = cases[i].talk});
        ck_assert_str_eq(shelf_seen.query, cases[i].query);
    }
    end();
    open_with("passages: " BOOKS, "rewrite: none", "");
    pb_harness_ask(harness, &(pb_ask){.messages = cases[0].talk});
    ck_assert_str_eq(shelf_seen.query, "and how do I stop it?");
    end();
}
END_TEST

START_TEST(a_model_rewrites)
{
    open_with("passages: " BOOKS, "rewrite: model, llm: b", "");
    pb_script(harness, "b", PB_STEP_TEXT(" \"How do I stop the server?\"\nGladly."), PB_STEP_STOP);
    pb_harness_ask(harness, &(pb_ask){.messages = TALK("and how do I stop it?")});
    ck_assert_str_eq(shelf_seen.query, "How do I stop the server?");
    const pb_json *messages = pb_json_get(pb_scripted_request(harness, "b", 0), "messages");
    ck_text(pb_json_text(pb_json_get(pb_json_at(messages, 1), "content")),
            "User: How do I start the server?\nAssistant: With run.sh.\n\nLast question: and how "
            "do I stop it?\n");
    pb_harness_say(harness, "How?"); /* nothing went before: nobody is asked */
    ck_assert_uint_eq(pb_scripted_count(harness, "b"), 1);
    end();
}
END_TEST

static void check_rules_do(const pb_outcome *reply)
{
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_str_eq(shelf_seen.query, "and how do I stop it? start server");
}

START_TEST(a_model_that_fails_is_done_without)
{
    open_with("passages: " BOOKS, "rewrite: model, llm: b", "");
    pb_script(harness, "b", PB_STEP_FAIL(PB_UNAVAILABLE, "down"));
    check_rules_do(pb_harness_ask(harness, &(pb_ask){.messages = TALK("and how do I stop it?")}));
    pb_script_reset(harness, "b");
    pb_script(harness, "b", PB_STEP_HANG);
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.messages = TALK("and how do I stop it?")});
    check_rules_do(reply);
    ck_assert(reply->elapsed >= 3 * PB_SECOND && reply->elapsed < 4 * PB_SECOND);
    pb_script_reset(harness, "b");
    pb_script(harness, "b", PB_STEP_TEXT(" \n"), PB_STEP_STOP);
    check_rules_do(pb_harness_ask(harness, &(pb_ask){.messages = TALK("and how do I stop it?")}));
    pb_script_reset(harness, "b");
    pb_script(harness, "b", PB_STEP_HANG);
    reply = pb_harness_ask(
        harness, &(pb_ask){.messages = TALK("and how do I stop it?"), .cancel_after = PB_SECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    end();
}
END_TEST

START_TEST(what_was_found_is_kept_for_who_asked)
{
    static const pb_str staff = PB_LIT("staff");
    pb_principal bob = {.size = sizeof bob,
                        .id = pb_lit("bob"),
                        .tenant = pb_lit("default"),
                        .name = pb_lit("Bob"),
                        .scheme = pb_lit("t")};
    pb_principal promoted = bob;

    open_with("tells: true, passages: " BOOKS, "cache: found, ttl: 1m, sources: all", TEMPLATE);
    check_count(pb_harness_say(harness, "How?"), 3);
    check_count(pb_harness_say(harness, "How?"), 3);
    ck_assert_int_eq(shelf_seen.asked, 1);
    ck_assert(pb_str_equal(prompt_of(0), prompt_of(1)));
    pb_harness_ask(harness, &(pb_ask){.text = "How?", .principal = &bob});
    ck_assert_int_eq(shelf_seen.asked, 2);
    promoted.roles = &staff;
    promoted.role_count = 1;
    pb_harness_ask(harness, &(pb_ask){.text = "How?", .principal = &promoted});
    ck_assert_int_eq(shelf_seen.asked, 3); /* may see more now */
    pb_harness_ask(harness, &(pb_ask){.text = "How?", .metadata = "{\"filter\": {\"a\": 1}}"});
    ck_assert_int_eq(shelf_seen.asked, 4);
    shelf_seen.version++; /* a document came */
    pb_harness_say(harness, "How?");
    ck_assert_int_eq(shelf_seen.asked, 5);
    end();
}
END_TEST

START_TEST(what_is_kept_is_forgotten)
{
    open_with("passages: " BOOKS, "cache: found, ttl: 2m", "");
    pb_harness_say(harness, "How?");
    pb_harness_say(harness, "How?");
    ck_assert_int_eq(shelf_seen.asked, 1); /* without a version too */
    pb_harness_advance(harness, 61 * PB_SECOND);
    pb_harness_say(harness, "How?");
    ck_assert_int_eq(shelf_seen.asked, 1);
    pb_harness_advance(harness, 61 * PB_SECOND);
    pb_harness_say(harness, "How?");
    ck_assert_int_eq(shelf_seen.asked, 2);
    end();
}
END_TEST

START_TEST(a_failure_ends_the_turn_or_not)
{
    open_with("fail: 14", "top_k: 1", "");
    const pb_outcome *reply = pb_harness_say(harness, "How?");
    ck_assert_int_eq(reply->status, PB_UNAVAILABLE);
    ck_text(reply->sentence, "the shelf is empty");
    end();
    open_with("fail: 14", "on_failure: continue", "");
    reply = pb_harness_say(harness, "How?");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_text(reply->text, "ok");
    end();
}
END_TEST

START_TEST(a_fallback_behind_it_still_works)
{
    open_with("passages: " BOOKS, "sources: all",
              "fallback: {try: [[generate: {llm: b}], [generate: {llm: a}]]},");
    pb_script(harness, "b", PB_STEP_FAIL(PB_RATE_LIMITED, "slow down"));
    pb_script(harness, "a", PB_STEP_TEXT("Yes [1]"), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "How?");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_uint_eq(reply->result->fallback, 1);
    end();
}
END_TEST

START_TEST(mistakes_are_told)
{
    pb_harness_refuse("llms: {a: {use: scripted}}\n"
                      "retrievers: {shelf: {use: shelf}}\n"
                      "pipelines: {p: {stages: [retrieve: {retriever: shelf, rewrite: model, llm: "
                      "a}, retrieve: {retriever: shelf, filter: {a: {like: 1}}}, generate: {llm: "
                      "a}]}}\n",
                      plugins, (const char *const[]){"is no comparison", NULL});
}
END_TEST

int main(void)
{
    return suite_run("retrieve", (const TTest *const[]){a_template_gets_the_passages,
                                                        only_what_is_cited_is_a_source,
                                                        citations_have_many_forms,
                                                        a_source_says_where_it_stands,
                                                        weak_passages_are_left_out,
                                                        a_document_has_only_so_many,
                                                        neighbours_are_joined_and_become_one,
                                                        what_chunks_repeat_is_said_once,
                                                        whole_documents_that_fit,
                                                        no_more_than_the_budget,
                                                        a_reranker_gets_vectors_and_decides,
                                                        a_request_can_narrow,
                                                        a_request_cannot_widen,
                                                        a_question_that_leans_gets_words,
                                                        a_model_rewrites,
                                                        a_model_that_fails_is_done_without,
                                                        what_was_found_is_kept_for_who_asked,
                                                        what_is_kept_is_forgotten,
                                                        a_failure_ends_the_turn_or_not,
                                                        a_fallback_behind_it_still_works,
                                                        mistakes_are_told,
                                                        NULL});
}
