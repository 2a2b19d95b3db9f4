/* Metrics: kinds, labels and their bound, names, the text format, and promtool's opinion of it. */
#include "base/metrics.h"
#include "base/scope.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

static pb_str written(void)
{
    pb_buf buf = {0};
    metrics_write(&buf);
    pb_buf_byte(&buf, 0);
    buf.size--;
    return pb_buf_str(&buf);
}

START_TEST(counters_and_gauges_are_written)
{
    pb_metric *turns = pb_metric_new(PB_COUNTER, "turns", "Turns that ended.", "pipeline");
    pb_metric *open = pb_metric_new(PB_GAUGE, "connections", "Open connections.", NULL);
    pb_metric *bytes = pb_metric_new(PB_COUNTER, "bytes_total", "Bytes.\nTwo lines, a \\.", NULL);

    pb_metric_add(turns, pb_lit("support"), 1);
    pb_metric_add(turns, pb_lit("a\"b\\c\nd\xFF"), 2);
    pb_metric_add(turns, pb_lit("support"), 1.5);
    pb_metric_add(open, pb_str_make(NULL, 0), 3);
    pb_metric_add(open, pb_lit("ignored"), -1);
    pb_metric_add(NULL, pb_lit("x"), 1);
    ck_text(written(), "# HELP patchbay_bytes_total Bytes.\\nTwo lines, a \\\\.\n"
                       "# TYPE patchbay_bytes_total counter\n"
                       "patchbay_bytes_total 0\n"
                       "# HELP patchbay_connections Open connections.\n"
                       "# TYPE patchbay_connections gauge\n"
                       "patchbay_connections 2\n"
                       "# HELP patchbay_turns_total Turns that ended.\n"
                       "# TYPE patchbay_turns_total counter\n"
                       "patchbay_turns_total{pipeline=\"support\"} 2.5\n"
                       "patchbay_turns_total{pipeline=\"a\\\"b\\\\c\\nd\xEF\xBF\xBD\"} 2\n");
    pb_metric_add(bytes, pb_lit(""), -5); /* a counter only counts up */
    pb_metric_add(bytes, pb_lit(""), NAN);
    ck_assert(metric_value(bytes, pb_lit("")) == 0);
    ck_assert(metric_value(turns, pb_lit("support")) == 2.5);
    ck_assert(metric_value(turns, pb_lit("unseen")) == 0);
    metrics_fini();
    ck_text(written(), "");
}
END_TEST

START_TEST(a_gauge_can_be_set_and_cleared)
{
    pb_metric *gauge = pb_metric_new(PB_GAUGE, "ready", "Is it?", "instance");
    metric_set(gauge, pb_lit("a"), 5);
    metric_set(gauge, pb_lit("a"), 4);
    metric_set(gauge, pb_lit("b"), 1);
    ck_assert(metric_value(gauge, pb_lit("a")) == 4);
    metric_clear(gauge);
    metric_set(gauge, pb_lit("b"), 2);
    ck_text(written(), "# HELP patchbay_ready Is it?\n# TYPE patchbay_ready gauge\n"
                       "patchbay_ready{instance=\"b\"} 2\n");
    metrics_fini();
}
END_TEST

START_TEST(a_histogram_adds_up)
{
    pb_metric *seconds = pb_metric_new(PB_HISTOGRAM, "turn_seconds", "Time of a turn.", NULL);
    static const double values[] = {0.0001, 0.0005, 0.3, 0.3, 7, 1e9};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        pb_metric_add(seconds, pb_str_make(NULL, 0), values[i]);
    pb_str text = written();
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_bucket{le=\"0.0005\"} 2\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_bucket{le=\"0.25\"} 2\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_bucket{le=\"0.5\"} 4\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_bucket{le=\"600\"} 5\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_bucket{le=\"+Inf\"} 6\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_count 6\n"));
    ck_assert_ptr_nonnull(strstr(text.data, "patchbay_turn_seconds_sum 1000000007.6006\n"));
    ck_assert(metric_value(seconds, pb_lit("")) == 6);
    metrics_fini();
}
END_TEST

START_TEST(one_name_is_one_metric)
{
    pb_metric *one = pb_metric_new(PB_COUNTER, "hits", "Hits.", "stage");
    ck_assert_ptr_nonnull(one);
    ck_assert_ptr_eq(pb_metric_new(PB_COUNTER, "hits", "Other help.", "stage"), one);
    ck_assert_ptr_eq(pb_metric_new(PB_COUNTER, "hits_total", "", "stage"), one);
    ck_assert_ptr_null(pb_metric_new(PB_GAUGE, "hits", "Hits.", "stage"));
    ck_assert_ptr_null(pb_metric_new(PB_COUNTER, "hits", "Hits.", NULL));
    ck_assert_ptr_null(pb_metric_new(PB_COUNTER, "hits", "Hits.", "llm"));
    static const char *const bad[] = {"", "Hits", "a-b", "a b", "1a", "a.b", "a_count", "a_bucket",
                                      "a_sum", "\xC3\xA9"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(!pb_metric_new(PB_COUNTER, bad[i], "x", NULL), "%s", bad[i]);
    ck_assert_ptr_null(pb_metric_new(PB_GAUGE, "a_total", "x", NULL));
    ck_assert_ptr_null(pb_metric_new(PB_COUNTER, "a", "x", "le"));
    ck_assert_ptr_null(pb_metric_new(PB_COUNTER, "a", "x", "A"));
    ck_assert_ptr_null(pb_metric_new(7, "a", "x", NULL));
    metrics_fini();
}
END_TEST

START_TEST(label_values_are_bounded)
{
    pb_metric *metric = pb_metric_new(PB_COUNTER, "calls", "Calls.", "user");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            char value[16];
            snprintf(value, sizeof value, "u%d", i);
            pb_metric_add(metric, pb_str_of(value), 1);
        }
    ck_assert(metric_value(metric, pb_lit("u0")) == 2);
    ck_assert(metric_value(metric, pb_lit("u99")) == 2);
    ck_assert(metric_value(metric, pb_lit("u100")) == 0);
    ck_assert(metric_value(metric, pb_lit("other")) == 1800);
    metrics_fini();
}
END_TEST

static void *add_elsewhere(void *arg)
{
    pb_metric_add(arg, pb_lit(""), 1);
    return pb_metric_new(PB_COUNTER, "elsewhere", "x", NULL);
}

START_TEST(a_helper_thread_counts_nothing)
{
    pb_metric *metric = pb_metric_new(PB_COUNTER, "calls", "Calls.", NULL);
    pthread_t thread;
    void *made;
    ck_assert_int_eq(pthread_create(&thread, NULL, add_elsewhere, metric), 0);
    pthread_join(thread, &made);
    ck_assert_ptr_null(made);
    ck_assert(metric_value(metric, pb_lit("")) == 0);
    metrics_fini();
}
END_TEST

/* Only where promtool is installed; packaging/deps.sh installs it for the tests. */
START_TEST(promtool_accepts_it)
{
    if (system("command -v promtool >/dev/null") != 0)
        return;
    pb_metric *turns = pb_metric_new(PB_COUNTER, "turns", "Turns.", "pipeline");
    pb_metric *open = pb_metric_new(PB_GAUGE, "connections", "", NULL);
    pb_metric *seconds = pb_metric_new(PB_HISTOGRAM, "turn_seconds", "Time.", "pipeline");
    static const char *const values[] = {"a\"\\\n", "\xC3\xA9", "", "b"};
    for (int i = 0; i < 4; i++) {
        pb_metric_add(turns, pb_str_of(values[i]), 1e18);
        pb_metric_add(seconds, pb_str_of(values[i]), 0.5);
    }
    pb_metric_add(open, pb_lit(""), -0.125);
    FILE *promtool = popen("promtool check metrics", "w");
    ck_assert_ptr_nonnull(promtool);
    pb_str text = written();
    ck_assert_uint_eq(fwrite(text.data, 1, text.size, promtool), text.size);
    ck_assert_int_eq(pclose(promtool), 0);
    metrics_fini();
}
END_TEST

int main(void)
{
    return suite_run("metrics",
                     (const TTest *[]){counters_and_gauges_are_written,
                                       a_gauge_can_be_set_and_cleared, a_histogram_adds_up,
                                       one_name_is_one_metric, label_values_are_bounded,
                                       a_helper_thread_counts_nothing, promtool_accepts_it, NULL});
}
