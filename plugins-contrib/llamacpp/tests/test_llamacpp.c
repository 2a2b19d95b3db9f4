/* test_llamacpp.c - a real small model: what it says, how it stops, what it costs, how options
 * change it. */
#include "kit.h"

static int64_t input_of(const pb_outcome *reply)
{
    return reply->result->usage.input_tokens;
}

static int64_t output_of(const pb_outcome *reply)
{
    return reply->result->usage.output_tokens;
}

START_TEST(it_answers)
{
    open_with(", context: 512");
    const pb_outcome *reply = ask(question, "{\"max_tokens\": 40}");
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    ck_assert_msg(pb_str_contains(reply->text, pb_lit("Paris")), "%.*s", PB_ARG(reply->text));
    ck_assert(!pb_str_contains(reply->text, pb_lit("<|im_end|>")));
    /* token by token */
    ck_assert_uint_ge(pb_outcome_count(reply, PB_EVENT_TEXT) + 2, (size_t)output_of(reply));
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_USAGE), 1);
    ck_assert_int_gt(input_of(reply), 7);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_STOP);
    ck_assert(reply->result->model.size > 0);
    /* the same question, the same answer, from what was computed before */
    pb_str before = reply->text;
    const pb_outcome *again = ask(question, "{\"max_tokens\": 40}");
    ck_assert(pb_str_equal(again->text, before));
    ck_assert_int_eq(again->result->usage.cached_tokens, input_of(again) - 1);
    ck_assert_int_eq(reply->result->usage.cached_tokens, 0);
}
END_TEST

START_TEST(what_was_said_before_counts)
{
    open_with(", context: 512");
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": \"My name is Robert.\"},"
                                       "{\"role\": \"assistant\", \"content\": \"Hello Robert!\"},"
                                       "{\"role\": \"user\", \"content\": \"What is my name?\"}]",
                           .params = "{\"max_tokens\": 24}"});
    ck_assert_int_eq(reply->status, PB_OK);
    /* Another reply to the same beginning computes only what is new. */
    const pb_outcome *next = pb_harness_ask(
        harness, &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": \"My name is Robert.\"},"
                                       "{\"role\": \"assistant\", \"content\": \"Hello Robert!\"},"
                                       "{\"role\": \"user\", \"content\": \"Say goodbye.\"}]",
                           .params = "{\"max_tokens\": 4}"});
    ck_assert_int_gt(next->result->usage.cached_tokens, 20);
    ck_assert_int_lt(next->result->usage.cached_tokens, input_of(next));
}
END_TEST

START_TEST(parameters)
{
    open_with(", context: 512");
    const pb_outcome *whole = ask(question, "{\"max_tokens\": 12}");
    const pb_outcome *cut = ask(question, "{\"max_tokens\": 3}");
    ck_assert_int_eq(output_of(cut), 3);
    ck_assert_int_eq(cut->result->finish, PB_FINISH_LENGTH);
    ck_assert(pb_str_starts(whole->text, cut->text) && cut->text.size < whole->text.size);
    ck_assert_int_eq(output_of(ask(question, "{\"max_completion_tokens\": 2}")), 2);

    const pb_outcome *stopped =
        ask(question, "{\"max_tokens\": 12, \"stop\": [\"nowhere\", \"Paris\"]}");
    ck_assert(!pb_str_contains(stopped->text, pb_lit("Paris")));
    ck_assert(pb_str_starts(whole->text, stopped->text));
    ck_assert_int_eq(stopped->result->finish, PB_FINISH_STOP);
    ck_text(stopped->result->stop, "Paris");

    static const char seven[] = "{\"max_tokens\": 8, \"temperature\": 1.5, \"seed\": 7}";
    static const char eight[] = "{\"max_tokens\": 8, \"temperature\": 1.5, \"seed\": 8}";
    static const char sure[] =
        "{\"max_tokens\": 8, \"temperature\": 1.5, \"seed\": 8, \"top_p\": 0.0001}";
    static const char tired[] = "{\"max_tokens\": 12, \"frequency_penalty\": 2}";
    pb_str first = ask("Tell me a story.", seven)->text;
    ck_assert(pb_str_equal(ask("Tell me a story.", seven)->text, first));
    ck_assert(!pb_str_equal(ask("Tell me a story.", eight)->text, first));
    ck_assert(pb_str_equal(ask("Tell me a story.", sure)->text,
                           ask("Tell me a story.", "{\"max_tokens\": 8}")->text));
    ck_assert(!pb_str_equal(ask("Tell me a story.", tired)->text,
                            ask("Tell me a story.", "{\"max_tokens\": 12}")->text));
}
END_TEST

START_TEST(formats_and_refusals)
{
    open_with(", context: 512");
    const pb_outcome *json =
        ask("Give me JSON with a name.",
            "{\"max_tokens\": 6, \"response_format\": {\"type\": \"json_object\"}}");
    ck_assert_msg(pb_str_starts(json->text, pb_lit("{")), "%.*s", PB_ARG(json->text));

    fails(ask(question, "{\"temperature\": 3}"), PB_INVALID,
          "'temperature' must be a number from 0 to 2");
    fails(ask(question, "{\"stop\": [\"\"]}"), PB_INVALID, "'stop' must be a text");
    fails(ask(question, "{\"response_format\": {\"type\": \"json_schema\"}}"), PB_UNSUPPORTED,
          "'response_format' may be");
    fails(ask(question, "{\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]}"),
          PB_UNSUPPORTED, "no tools");
    fails(pb_harness_ask(harness,
                         &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": [{\"type\": "
                                               "\"image\", \"mime\": \"image/png\", "
                                               "\"content\": \"AAAA\"}]}]"}),
          PB_UNSUPPORTED, "text only");
}
END_TEST

/* Whoever writes a control token writes text: the reply of the assistant does not end there. */
START_TEST(control_tokens_of_users_are_text)
{
    open_with(", context: 512");
    int64_t plain = input_of(ask("x", "{\"max_tokens\": 1}"));
    int64_t control = input_of(ask("x<|im_end|>", "{\"max_tokens\": 1}"));
    ck_assert_int_gt(control, plain + 3); /* as a control token it would be one */
}
END_TEST

START_TEST(cancelled)
{
    open_with(", context: 512");
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.text = "Count to a thousand.", .cancel_at_event = 3});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_uint_le(pb_outcome_count(reply, PB_EVENT_TEXT), 4);
    ck_assert_int_eq(ask(question, "{\"max_tokens\": 40}")->status, PB_OK);
}
END_TEST

/* In the middle of a prompt: what was computed is forgotten, and the next turn is right. */
START_TEST(cancelled_in_the_prompt)
{
    char text[12000] = "";

    open_with(", context: 4096, batch: 4096");
    while (strlen(text) < sizeof text - 40)
        strcat(text, "The sea is blue and the sky is grey. ");
    const pb_outcome *reply =
        pb_harness_ask(harness, &(pb_ask){.text = text,
                                          .params = "{\"max_tokens\": 1}",
                                          .cancel_after = 20 * PB_MILLISECOND});
    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 0);
    reply = ask(question, "{\"max_tokens\": 40}");
    ck_assert_msg(pb_str_contains(reply->text, pb_lit("Paris")), "%.*s", PB_ARG(reply->text));
}
END_TEST

START_TEST(what_does_not_fit)
{
    char text[4000] = "";

    open_with(", context: 64");
    while (strlen(text) < sizeof text - 40)
        strcat(text, "The sea is blue and the sky is grey. ");
    const pb_outcome *reply = ask(text, NULL);
    fails(reply, PB_TOO_LARGE, " tokens; 'context' is 64");
    /* A reply ends where the context does. */
    reply = ask("Count to a thousand.", "{\"max_tokens\": 1000}");
    ck_assert_int_eq(reply->status, PB_OK);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    ck_assert_int_eq(input_of(reply) + output_of(reply), 64);
}
END_TEST

START_TEST(options)
{
    /* max_tokens and params are what a turn did not say. */
    open_with(", context: 512, threads: 1, max_tokens: 5");
    ck_assert_int_eq(output_of(ask("Tell me a story.", NULL)), 5);
    ck_assert_int_eq(output_of(ask("Tell me a story.", "{\"max_tokens\": 7}")), 7);
    int64_t chatml = input_of(ask("x", "{\"max_tokens\": 1}"));
    /* another template, another prompt */
    open_with(", context: 512, template: llama2");
    ck_assert_int_ne(input_of(ask("x", "{\"max_tokens\": 1}")), chatml);
    /* in pieces of 8 tokens, on two processors */
    open_with(", context: 512, max_tokens: 5, batch: 8, threads: 2, gpu_layers: -1");
    ck_assert_int_eq(output_of(ask("Tell me a story.", NULL)), 5);
}
END_TEST

START_TEST(several_at_once)
{
    const pb_ask asks[] = {{.text = question, .params = "{\"max_tokens\": 12}"},
                           {.text = "Tell me a story.", .params = "{\"max_tokens\": 12}"},
                           {.text = "What is a cat?", .params = "{\"max_tokens\": 12}"},
                           {.text = "What is a dog?", .cancel_after = 1}};
    const pb_outcome *together[4];

    open_with(", context: 512");
    pb_harness_together(harness, asks, 4, together); /* one context: they wait */
    for (int i = 0; i < 3; i++)
        ck_assert(together[i]->status == PB_OK && output_of(together[i]) > 3);
    ck_assert_int_eq(together[3]->status, PB_CANCELLED);
    open_with(", context: 512, parallel: 2, queue: 0");
    pb_harness_together(harness, asks, 3, together);
    int answered = 0;
    for (int i = 0; i < 3; i++) {
        answered += together[i]->status == PB_OK;
        if (together[i]->status != PB_OK)
            fails(together[i], PB_UNAVAILABLE, "0 turns wait for this model already");
    }
    ck_assert_int_eq(answered, 2);
}
END_TEST

START_TEST(what_does_not_start)
{
    static const pb_plugin *const plugins[] = {&patchbay_plugin_llamacpp, NULL};
    char yaml[1000];

    (void)snprintf(yaml, sizeof yaml,
                   "llms: {local: {use: llamacpp, model: /nowhere.gguf}}\n"
                   "pipelines: {p: {stages: [generate: {llm: local}]}}\n");
    pb_harness_refuse(yaml, plugins,
                      (const char *const[]){"the model '/nowhere.gguf' cannot be loaded", NULL});
    (void)snprintf(yaml, sizeof yaml,
                   "llms: {local: {use: llamacpp, model: '%s', template: chatlm}}\n"
                   "pipelines: {p: {stages: [generate: {llm: local}]}}\n",
                   model_file());
    pb_harness_refuse(yaml, plugins,
                      (const char *const[]){"libllama knows no chat template 'chatlm'", NULL});
    pb_harness_refuse("llms: {local: {use: llamacpp, model: x.gguf, params: [1]}}\n"
                      "pipelines: {p: {stages: [generate: {llm: local}]}}\n",
                      plugins, (const char *const[]){"params: must be a map of parameters", NULL});
}
END_TEST

int main(void)
{
    if (!model_file()) {
        puts("skipped: LLAMACPP_TEST_MODEL names no model (a chat model, GGUF)");
        return 77;
    }
    return suite_run_cases(
        "llamacpp",
        (TCase *const[]){
            suite_case("model", NULL, shut,
                       (const TTest *const[]){it_answers, what_was_said_before_counts, parameters,
                                              formats_and_refusals,
                                              control_tokens_of_users_are_text, cancelled,
                                              cancelled_in_the_prompt, what_does_not_fit, options,
                                              several_at_once, NULL}),
            suite_case("start", NULL, shut, (const TTest *const[]){what_does_not_start, NULL}),
            NULL});
}
