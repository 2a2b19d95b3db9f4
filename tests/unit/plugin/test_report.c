/* What instances say about themselves: health, figures, the effective configuration, its schema. */
#include "plugin/instances.h"

#include "parts.h"
#include "plugin_test.h"
#include "suite.h"

#include <patchbay/json.h>

static struct config_diagnostics diagnostics;

static void begin(void)
{
    registry_reset();
    ck_assert_int_eq(registry_add_static(&parts_plugin), PB_OK);
    diagnostics = (struct config_diagnostics){0};
}

static void end(void)
{
    instances_stop();
    instances_reset();
    registry_reset();
}

static void build_and_start(const char *yaml)
{
    struct config_node *root = NULL;
    ck_assert_int_eq(config_tree_parse("c.yaml", pb_str_of(yaml), &diagnostics, &root), PB_OK);
    struct instances_source source = {root, "/data", &diagnostics};
    ck_assert_msg(instances_build(&source) == PB_OK, "%s", test_error());
    ck_assert_msg(instances_start() == PB_OK, "%s", test_error());
}

static const char *text_of(pb_buf *buf)
{
    pb_buf_byte(buf, 0);
    return buf->data;
}

static void collect(void *arg, const struct instance_report *report)
{
    pb_buf_printf(arg, "%.*s=%s:%.*s ", PB_ARG(report->instance->name),
                  pb_status_name(report->status), PB_ARG(report->sentence));
}

START_TEST(health_is_asked_of_all)
{
    pb_buf text = {0};
    build_and_start("llms: {a: {use: echo}, b: {use: echo, fail: health}}\ntools: {kit: {}}\n");
    ck_assert(!instances_health(collect, &text));
    ck_assert_str_eq(text_of(&text), "a=ok: b=unavailable:feels ill kit=ok: ");
    end();
    begin();
    build_and_start("llms: {a: {use: echo}}\n");
    ck_assert(instances_health(NULL, NULL));
}
END_TEST

START_TEST(figures_of_one_name_stand_together)
{
    pb_buf text = {0};
    build_and_start("llms: {b: {use: echo}, 'a\"\\': {use: echo}}\n");
    instances_stats_write(&text);
    ck_assert_str_eq(text_of(&text),
                     "# HELP patchbay_llm_calls_total Reported by each llm.\n"
                     "# TYPE patchbay_llm_calls_total counter\n"
                     "patchbay_llm_calls_total{instance=\"a\\\"\\\\\"} 3\n"
                     "patchbay_llm_calls_total{instance=\"b\"} 3\n"
                     "# HELP patchbay_llm_open Reported by each llm.\n"
                     "# TYPE patchbay_llm_open gauge\n"
                     "patchbay_llm_open{instance=\"a\\\"\\\\\"} 1.5\n"
                     "patchbay_llm_open{instance=\"b\"} 1.5\n");
}
END_TEST

START_TEST(the_effective_configuration_has_defaults_and_no_secret)
{
    pb_buf text = {0};
    const pb_json *json = NULL;
    build_and_start("llms:\n"
                    "  a: {use: echo, password: hunter2, keys: [{hash: ff, friend: c}]}\n"
                    "  b: {use: echo, peer: a}\n"
                    "  c: {use: echo}\n"
                    "pipelines:\n"
                    "  p: {stages: [step: {llm: b, inner: [step: {llm: a}]}]}\n");
    instances_config_write(&text);
    ck_assert_ptr_null(strstr(text_of(&text), "hunter2"));
    text.size--;
    ck_assert_msg(pb_json_parse(pb_buf_str(&text), &json) == PB_OK, "%s: %s", test_error(),
                  text.data);
    const pb_json *llms = pb_json_get(json, "llms"), *a = pb_json_get(llms, "a");
    ck_assert(pb_str_is(pb_json_text(pb_json_get(a, "use")), "echo"));
    ck_assert(pb_str_is(pb_json_text(pb_json_get(a, "password")), "***"));
    ck_assert(pb_str_is(pb_json_text(pb_json_get(a, "fail")), "none"));
    const pb_json *key = pb_json_at(pb_json_get(a, "keys"), 0);
    ck_assert(pb_str_is(pb_json_text(pb_json_get(key, "hash")), "ff"));
    ck_assert(pb_str_is(pb_json_text(pb_json_get(key, "friend")), "c"));
    ck_assert(pb_str_is(pb_json_text(pb_json_get(pb_json_get(llms, "b"), "peer")), "a"));
    const pb_json *host = pb_json_get(json, "host");
    ck_assert(pb_str_is(pb_json_text(pb_json_get(host, "drain_timeout")), "25s"));
    const pb_json *stages = pb_json_get(pb_json_get(pb_json_get(json, "pipelines"), "p"), "stages");
    const pb_json *step = pb_json_get(pb_json_at(stages, 0), "step");
    ck_assert(pb_str_is(pb_json_text(pb_json_get(step, "llm")), "b"));
    const pb_json *inner = pb_json_get(pb_json_at(pb_json_get(step, "inner"), 0), "step");
    ck_assert(pb_str_is(pb_json_text(pb_json_get(inner, "llm")), "a"));
}
END_TEST

START_TEST(the_schema_knows_every_component)
{
    pb_buf text = {0};
    const pb_json *json = NULL;
    ck_assert_msg(instances_schema_write(&text) == PB_OK, "%s", test_error());
    ck_assert_msg(pb_json_parse(pb_buf_str(&text), &json) == PB_OK, "%s", test_error());
    const pb_json *definitions = pb_json_get(json, "$defs");
    const pb_json *echo = pb_json_get(definitions, "llm.echo");
    const pb_json *properties = pb_json_get(echo, "properties");
    ck_assert(pb_str_is(pb_json_text(pb_json_get(pb_json_get(properties, "use"), "const")), "echo"));
    ck_assert_ptr_nonnull(pb_json_get(properties, "limits"));
    ck_assert_ptr_nonnull(pb_json_get(definitions, "stage.step"));
    ck_assert_ptr_nonnull(pb_json_get(definitions, "stages"));
    const pb_json *sections = pb_json_get(json, "properties");
    ck_assert_ptr_nonnull(pb_json_get(sections, "host"));
    ck_assert_ptr_nonnull(pb_json_get(sections, "llms"));
    ck_assert_ptr_nonnull(pb_json_get(sections, "exporters"));
    ck_assert_ptr_nonnull(pb_json_get(sections, "pipelines"));
    ck_assert_ptr_null(pb_json_get(sections, "caches")); /* no plugin offers any */
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "report", begin, end,
        (const TTest *const[]){health_is_asked_of_all, figures_of_one_name_stand_together,
                               the_effective_configuration_has_defaults_and_no_secret,
                               the_schema_knows_every_component, NULL});

    return suite_run_cases("report", (TCase *const[]){cases, NULL});
}
