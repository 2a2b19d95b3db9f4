/* What is answered, piece by piece. The harness is a host in this program; its time is virtual. */
#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("llms:\n"
                             "  main:\n"
                             "    use: @NAME@\n"
                             "    pause: 1s\n"
                             "    rules:\n"
                             "      - {words: open hours, reply: From nine to five.}\n"
                             "      - {words: open, reply: Push the door.}\n"
                             "pipelines: {p: {stages: [generate: {llm: main}]}}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

START_TEST(the_first_rule_that_fits_answers)
{
    ck_text(pb_harness_say(harness, "In which hours is it open?")->text, "From nine to five.");
    ck_text(pb_harness_say(harness, "How does this open?")->text, "Push the door.");
    ck_text(pb_harness_say(harness, "Why?")->text, "I do not know.");
}
END_TEST

START_TEST(it_streams_and_counts)
{
    const pb_outcome *reply = pb_harness_say(harness, "How does this open?");

    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_TEXT), 3);
    ck_text(pb_outcome_event(reply, PB_EVENT_TEXT, 1)->text, " the");
    ck_assert_int_eq(reply->elapsed / PB_SECOND, 2); /* two pauses, and nobody waited */
    ck_assert_int_eq(reply->result->usage.input_tokens, 4);
    ck_assert_int_eq(reply->result->usage.output_tokens, 3);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_STOP);
    ck_text(reply->result->model, "@NAME@-1");
}
END_TEST

START_TEST(a_limit_is_kept)
{
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "open?", .params = "{\"max_tokens\": 2, \"seed\": 4}"});

    ck_text(reply->text, "Push the");
    ck_assert_int_eq(reply->result->finish, PB_FINISH_LENGTH);
    ck_assert_uint_eq(reply->header_count, 1);
    ck_text(reply->headers[0].value, "seed"); /* Patchbay-Ignored */
}
END_TEST

START_TEST(cancelling_ends_it)
{
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.text = "open?", .cancel_after = 1500 * PB_MILLISECOND});

    ck_assert_int_eq(reply->status, PB_CANCELLED);
    ck_text(reply->text, "Push the");
}
END_TEST

int main(void)
{
    const TTest *const turns[] = {the_first_rule_that_fits_answers, it_streams_and_counts,
                                  a_limit_is_kept, cancelling_ends_it, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("turns", begin, end, turns), NULL});
}
