/* Events of launched turns as they are kept: what comes back is what was written. */
#include "turn/journal.h"

#include "suite.h"

static pb_event again(const pb_event *event)
{
    pb_buf buf = {0};
    pb_event out;

    journal_event_write(&buf, event);
    ck_assert(!buf.failed);
    pb_status status = journal_event_read(pb_buf_str(&buf), 7, &out);
    ck_assert_msg(status == PB_OK, "%.*s: %.*s", PB_ARG(pb_error_last()->sentence),
                  PB_ARG(pb_buf_str(&buf)));
    ck_assert_uint_eq(out.number, 7);
    ck_assert_int_eq(out.type, event->type);
    return out;
}

START_TEST(an_empty_one)
{
    pb_event event = pb_event_make(PB_EVENT_TEXT), out = again(&event);

    ck_assert_ptr_null(out.text.data); /* absent stays absent */
    ck_assert_ptr_null(out.id.data);
    ck_assert_ptr_null(out.data);
    ck_assert_ptr_null(out.usage);
    ck_assert_ptr_null(out.result);
    event.text = pb_lit("");
    out = again(&event);
    ck_assert_ptr_nonnull(out.text.data);
    ck_assert_uint_eq(out.text.size, 0);
}
END_TEST

START_TEST(all_of_it)
{
    pb_usage usage = {.size = sizeof usage,
                      .calls = 2,
                      .input_tokens = 1LL << 40,
                      .output_tokens = 3,
                      .cached_tokens = 4,
                      .reasoning_tokens = 5,
                      .cost = 0.125};
    pb_event event = pb_event_make(PB_EVENT_TOOL_RESULT);

    event.branch = 3;
    event.index = 4;
    event.flags = PB_EVENT_LOCAL;
    event.finish = PB_FINISH_LENGTH;
    event.text = pb_lit("a \"text\"\n\xc3\xa9");
    event.id = pb_lit("id");
    event.name = pb_lit("name");
    event.usage = &usage;
    pb_event out = again(&event);
    ck_assert_int_eq(out.branch, 3);
    ck_assert_uint_eq(out.index, 4);
    ck_assert_uint_eq(out.flags, PB_EVENT_LOCAL);
    ck_assert_int_eq(out.finish, PB_FINISH_LENGTH);
    ck_text(out.text, "a \"text\"\n\xc3\xa9");
    ck_text(out.id, "id");
    ck_text(out.name, "name");
    ck_assert_int_eq(memcmp(out.usage, &usage, sizeof usage), 0);
}
END_TEST

START_TEST(a_result)
{
    pb_error error = {.size = sizeof error,
                      .status = PB_UNAVAILABLE,
                      .sentence = PB_LIT("away"),
                      .pointer = PB_LIT("/a"),
                      .retry_after = 2 * PB_SECOND,
                      .instance = PB_LIT("main")};
    pb_turn_result result = {.size = sizeof result,
                             .status = PB_UNAVAILABLE,
                             .fallback = 1,
                             .finish = PB_FINISH_STOP,
                             .error = &error,
                             .llm = PB_LIT("main"),
                             .model = PB_LIT("m"),
                             .total = 123456789012,
                             .first_text = 5,
                             .interrupted = 1};
    pb_event event = pb_event_make(PB_EVENT_DONE);

    event.result = &result;
    const pb_turn_result *out = again(&event).result;
    ck_assert_int_eq(out->status, PB_UNAVAILABLE);
    ck_assert_int_eq(out->finish, PB_FINISH_STOP);
    ck_assert_uint_eq(out->fallback, 1);
    ck_assert_uint_eq(out->interrupted, 1);
    ck_assert_int_eq(out->total, 123456789012);
    ck_assert_int_eq(out->first_text, 5);
    ck_text(out->llm, "main");
    ck_text(out->model, "m");
    ck_assert_int_eq(out->error->status, PB_UNAVAILABLE);
    ck_text(out->error->sentence, "away");
    ck_text(out->error->pointer, "/a");
    ck_text(out->error->instance, "main");
    ck_assert_int_eq(out->error->retry_after, 2 * PB_SECOND);
}
END_TEST

/* As deep as a client may send it, and it is still read. */
START_TEST(deep_data)
{
    enum { DEEP = 64 };
    char text[2 * DEEP + 1] = "";
    const pb_json *json;
    pb_event event = pb_event_make(PB_EVENT_CUSTOM);
    pb_buf buf = {0};

    memset(text, '[', DEEP);
    memset(text + DEEP, ']', DEEP);
    ck_assert_int_eq(pb_json_parse(pb_str_of(text), &json), PB_OK);
    event.data = json;
    pb_json_write(&buf, again(&event).data);
    ck_text(pb_buf_str(&buf), text);
}
END_TEST

START_TEST(nonsense)
{
    pb_event out;

    ck_assert_int_eq(journal_event_read(pb_lit("{"), 1, &out), PB_INVALID);
    ck_assert_int_eq(journal_event_read(pb_lit("{\"type\":5,\"data\":\"{\"}"), 1, &out),
                     PB_INVALID);
}
END_TEST

int main(void)
{
    return suite_run("journal_event", (const TTest *const[]){an_empty_one, all_of_it, a_result,
                                                             deep_data, nonsense, NULL});
}
