/* The store of traces without any turn: reuse, the limits of text and count; problem documents. */
#include "turn/trace.h"

#include "base/scope.h"
#include "runtime/task.h"
#include "suite.h"
#include <patchbay/problem.h>
#include <stdio.h>

static const char *id_of(int number)
{
    static char id[37];
    snprintf(id, sizeof id, "018f4c3a-0000-7000-8000-%012x", (unsigned)number * 2654435761u);
    return id;
}

START_TEST(a_used_trace_comes_back_empty)
{
    trace_setup(2);
    for (int i = 0; i < 20; i++) {
        struct trace *trace = trace_begin(id_of(i));
        ck_assert_ptr_null(trace->root.child);
        ck_assert_uint_eq(trace->span_count, 0);
        ck_assert_ptr_null(trace->sentence.data);
        ck_assert(trace->running);
        for (int span = 0; span < 40; span++) {
            struct pb_span *one = trace_span(trace, pb_lit("stage"), pb_lit("s"));
            if (span % 2) {
                trace_span_end(one, PB_OK);
                trace_span_end(one->parent, PB_OK);
            }
        }
        trace->sentence = trace_copy(trace, pb_lit("it failed"));
        ck_assert_ptr_eq(trace_find(pb_str_of(id_of(i))), trace);
        trace_keep(trace);
        ck_assert_ptr_null(task_local()->span);
    }
    ck_assert_uint_eq(trace_kept(NULL), 2);
    ck_assert_ptr_null(trace_find(pb_str_of(id_of(17))));
    ck_assert_ptr_nonnull(trace_find(pb_str_of(id_of(18))));
    ck_assert_str_eq(trace_newest(NULL)->id, id_of(19));
    ck_assert_ptr_null(trace_newest(trace_newest(trace_newest(NULL))));
    trace_fini();
    size_t bytes;
    ck_assert_uint_eq(trace_kept(&bytes), 0);
    ck_assert_uint_eq(bytes, 0);
}
END_TEST

START_TEST(one_that_never_ran_leaves_nothing)
{
    trace_setup(2);
    trace_drop(trace_begin(id_of(1)));
    ck_assert_ptr_null(trace_find(pb_str_of(id_of(1))));
    ck_assert_uint_eq(trace_kept(NULL), 0);
    trace_fini();
}
END_TEST

START_TEST(text_of_plugins_is_bounded)
{
    trace_setup(2);
    struct trace *trace = trace_begin(id_of(1));
    char text[1000];
    size_t kept = 0;

    memset(text, 'x', sizeof text);
    for (int i = 0; i < 10000; i++)
        kept += trace_copy(trace, pb_str_make(text, sizeof text)).size;
    ck_assert_uint_gt(kept, 50 * 1000);
    ck_assert_uint_lt(trace->bytes, 1000 * 1000);
    trace_keep(trace);
    trace_fini();
}
END_TEST

START_TEST(time_side_by_side_counts_once)
{
    trace_setup(2);
    struct trace *trace = trace_begin(id_of(1));
    struct pb_span *outer = trace_span(trace, pb_lit("stage"), pb_lit("outer"));
    struct pb_span *first = trace_span(trace, pb_lit("stage"), pb_lit("first"));
    trace_span_end(first, PB_OK);
    struct pb_span *second = trace_span(trace, pb_lit("stage"), pb_lit("second"));
    trace_span_end(second, PB_OK);
    trace_span_end(outer, PB_OK);
    outer->begin = 1000;
    outer->total = 100;
    first->begin = 1010; /* 1010 to 1050 and 1030 to 1070: 60 together */
    first->total = 40;
    second->begin = 1030;
    second->total = 40;
    ck_assert_int_eq(trace_self(outer), 40);
    second->begin = 1060; /* to 1100, 10 apart from the first */
    ck_assert_int_eq(trace_self(outer), 20);
    second->begin = 1015; /* inside the first */
    second->total = 5;
    ck_assert_int_eq(trace_self(outer), 60);
    trace_keep(trace);
    trace_fini();
}
END_TEST

START_TEST(problems_are_written_in_one_shape)
{
    pb_buf buf = {0};
    pb_field_error errors[] = {{.pointer = PB_LIT("/a"), .detail = PB_LIT("must be text")},
                               {.pointer = PB_LIT("/b/0"), .detail = PB_LIT("is \"odd\"")}};

    (void)pb_fail_retry(PB_RATE_LIMITED, PB_SECOND + 1, "slow down");
    ck_assert_str_eq(pb_copy(pb_problem_text(pb_lit("r1"))).data,
                     "{\"type\":\"/problems/rate_limited\",\"title\":\"Too many requests\","
                     "\"status\":429,\"detail\":\"slow down\",\"instance\":\"r1\","
                     "\"retry_after\":2}");
    (void)pb_fail_at(PB_INVALID, "/x", "is missing");
    ck_assert_str_eq(pb_copy(pb_problem_text((pb_str){0})).data,
                     "{\"type\":\"/problems/invalid\",\"title\":\"Invalid request\","
                     "\"status\":400,\"detail\":\"is missing\","
                     "\"errors\":[{\"pointer\":\"/x\",\"detail\":\"is missing\"}]}");
    pb_problem_write(&buf, pb_error_last(), (pb_str){0}, errors, 2);
    ck_assert_ptr_nonnull(strstr(pb_copy(pb_buf_str(&buf)).data,
                                 "\"errors\":[{\"pointer\":\"/a\",\"detail\":\"must be text\"},"
                                 "{\"pointer\":\"/b/0\",\"detail\":\"is \\\"odd\\\"\"}]}"));
}
END_TEST

int main(void)
{
    return suite_run("trace", (const TTest *const[]){
                                  a_used_trace_comes_back_empty, one_that_never_ran_leaves_nothing,
                                  text_of_plugins_is_bounded, time_side_by_side_counts_once,
                                  problems_are_written_in_one_shape, NULL});
}
