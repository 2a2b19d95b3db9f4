/* Figures of several workers as those of one service. */
#include "base/metrics_merge.h"

#include "base/metrics.h"
#include "suite.h"

static struct metrics_merge merge;

static void begin(void)
{
    metrics_merge_init(&merge);
}

static void end(void)
{
    metrics_merge_fini(&merge);
}

static const char *written(void)
{
    pb_buf text = {0};
    metrics_merge_write(&merge, &text);
    pb_buf_byte(&text, 0);
    return text.data;
}

static void add(const char *text)
{
    ck_assert_int_eq(metrics_merge_add(&merge, pb_str_of(text)), PB_OK);
}

START_TEST(same_names_and_labels_are_added_up)
{
    add("# HELP a_total All of it.\n# TYPE a_total counter\na_total{of=\"x y\"} 3\n"
        "# HELP g Now.\n# TYPE g gauge\ng 1.5\n");
    add("# HELP a_total All of it.\n# TYPE a_total counter\na_total{of=\"z\"} 1\n"
        "a_total{of=\"x y\"} 4\n# HELP b_total Only here.\n# TYPE b_total counter\nb_total 1\n"
        "# HELP g Now.\n# TYPE g gauge\ng -0.5\n");
    ck_assert_str_eq(written(), "# HELP a_total All of it.\n# TYPE a_total counter\n"
                                "a_total{of=\"x y\"} 7\na_total{of=\"z\"} 1\n"
                                "# HELP g Now.\n# TYPE g gauge\ng 1\n"
                                "# HELP b_total Only here.\n# TYPE b_total counter\nb_total 1\n");
}
END_TEST

START_TEST(histograms_are_added_up_line_by_line)
{
    for (int i = 0; i < 2; i++)
        add("# HELP h S.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 2\nh_bucket{le=\"+Inf\"} 3\n"
            "h_sum 1.25\nh_count 3\n");
    ck_assert_str_eq(written(), "# HELP h S.\n# TYPE h histogram\nh_bucket{le=\"0.1\"} 4\n"
                                "h_bucket{le=\"+Inf\"} 6\nh_sum 2.5\nh_count 6\n");
}
END_TEST

START_TEST(what_all_workers_share_is_not_added_up)
{
    add("# HELP hold H.\n# TYPE hold gauge\nhold{worker=\"1\"} 0.5\n"
        "# HELP c_shared_bytes B.\n# TYPE c_shared_bytes gauge\nc_shared_bytes 100\n");
    add("# HELP hold H.\n# TYPE hold gauge\nhold{worker=\"1\"} 0.25\nhold{worker=\"2\"} -1\n"
        "# HELP c_shared_bytes B.\n# TYPE c_shared_bytes gauge\nc_shared_bytes 120\n");
    ck_assert_str_eq(written(), "# HELP hold H.\n# TYPE hold gauge\nhold{worker=\"1\"} 0.5\n"
                                "hold{worker=\"2\"} -1\n"
                                "# HELP c_shared_bytes B.\n# TYPE c_shared_bytes gauge\n"
                                "c_shared_bytes 120\n");
}
END_TEST

START_TEST(what_is_no_text_of_metrics_is_refused)
{
    static const char *const bad[] = {"a 1\n",
                                      "# TYPE a\n",
                                      "# HOPE a b\n",
                                      "# TYPE a gauge\na\n",
                                      "# TYPE a gauge\na one\n",
                                      "# TYPE a gauge\n 1\n"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        ck_assert_msg(metrics_merge_add(&merge, pb_str_of(bad[i])) == PB_INVALID, "%s", bad[i]);
}
END_TEST

START_TEST(one_text_alone_stays_as_it_is)
{
    pb_buf text = {0};
    pb_metric *calls = pb_metric_new(PB_COUNTER, "calls", "With \\ and\nmore.", "who");
    pb_metric *took = pb_metric_new(PB_HISTOGRAM, "took_seconds", "Time.", NULL);

    pb_metric_add(calls, pb_lit("a \"b\" {c}"), 2.5);
    pb_metric_add(took, (pb_str){0}, 0.02);
    metrics_write(&text);
    ck_assert_int_eq(metrics_merge_add(&merge, pb_buf_str(&text)), PB_OK);
    pb_buf_byte(&text, 0);
    ck_assert_str_eq(written(), text.data);
    metrics_fini();
}
END_TEST

int main(void)
{
    return suite_run_cases(
        "metrics merge",
        (TCase *const[]){suite_case("merge", begin, end,
                                    (const TTest *const[]){same_names_and_labels_are_added_up,
                                                           histograms_are_added_up_line_by_line,
                                                           what_all_workers_share_is_not_added_up,
                                                           what_is_no_text_of_metrics_is_refused,
                                                           one_text_alone_stays_as_it_is, NULL}),
                         NULL});
}
