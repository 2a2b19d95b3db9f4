/* From a configuration to running instances and back: order, references, what is reported where. */
#include "plugin/contract.h"
#include "plugin/instances.h"

#include "parts.h"
#include "plugin_test.h"
#include "suite.h"

static struct config_diagnostics diagnostics;

static void begin(void)
{
    registry_reset();
    ck_assert_int_eq(registry_add_static(&parts_plugin), PB_OK);
    diagnostics = (struct config_diagnostics){0};
    parts_reset();
}

static void end(void)
{
    instances_stop();
    instances_reset();
    registry_reset();
}

static struct config_node *root; /* of the last build */

/* Builds from YAML text, which stands for the file "c.yaml". */
static pb_status build(const char *yaml)
{
    root = NULL;
    (void)config_tree_parse("c.yaml", pb_str_of(yaml), &diagnostics, &root);
    struct instances_source source = {root, "/data", &diagnostics};
    return instances_build(&source);
}

static const char *problems(void)
{
    pb_buf text = {0};
    config_diagnostics_print(&diagnostics, &text);
    pb_buf_byte(&text, 0);
    return text.data;
}

static void build_well(const char *yaml)
{
    pb_status status = build(yaml);
    ck_assert_msg(status == PB_OK && diagnostics.warnings == 0, "%s", problems());
}

/* Exactly these problems, without the folder in front of the file's name. */
static void refused(const char *yaml, const char *expected)
{
    pb_buf text = {0};
    ck_assert_int_eq(build(yaml), PB_INVALID);
    const char *found = problems();
    for (const char *at = found; *at; at = strchr(at, '\n') + 1) {
        const char *name = strstr(at, "c.yaml:"), *line_end = strchr(at, '\n');
        pb_buf_add(&text, pb_str_make(name, (size_t)(line_end + 1 - name)));
    }
    pb_buf_byte(&text, 0);
    ck_assert_msg(strstr(text.data, expected), "%s", text.data);
}

static pb_instance *get(const char *kind, const char *name)
{
    pb_instance *instance = instance_find(pb_str_of(kind), pb_str_of(name));
    ck_assert_ptr_nonnull(instance);
    return instance;
}

/* --- the order of life -------------------------------------------------------------------------- */

static const char whole[] = "transports:\n"
                            "  web: {use: door, label: web}\n"
                            "llms:\n"
                            "  second: {use: echo, label: second, peer: first}\n"
                            "  first: {use: echo, label: first}\n"
                            "pipelines:\n"
                            "  support:\n"
                            "    description: Helps.\n"
                            "    stages:\n"
                            "      - step: {label: outer, llm: second, inner: [step: {label: "
                            "inner, llm: first}]}\n";

START_TEST(what_is_needed_starts_first_and_stops_last)
{
    build_well(whole);
    ck_assert_str_eq(parts_log, "");
    ck_assert_int_eq(instances_start(), PB_OK);
    ck_assert_str_eq(parts_log, "create first; create second; create inner; create outer; "
                                "create web; start first; start second; start inner; start outer; "
                                "start web");
    parts_reset();
    instances_stop_transports();
    ck_assert_str_eq(parts_log, "stop web");
    instances_stop();
    instances_stop();
    ck_assert_str_eq(parts_log, "stop web; stop outer; stop inner; stop second; stop first; "
                                "destroy web; destroy outer; destroy inner; destroy second; "
                                "destroy first");
}
END_TEST

START_TEST(a_failing_create_leaves_nothing)
{
    build_well("llms:\n"
               "  a: {use: echo, label: a}\n"
               "  b: {use: echo, label: b, peer: a, fail: create}\n"
               "  c: {use: echo, label: c, peer: b}\n");
    ck_assert_int_eq(instances_start(), PB_INVALID);
    ck_assert_str_eq(test_error(),
                     "llms.b: llm 'b' (parts 1.2.0) could not be created: no room for b");
    ck_assert_str_eq(parts_log, "create a; create b; destroy a");
}
END_TEST

START_TEST(a_failing_start_stops_what_had_started)
{
    build_well("llms:\n"
               "  a: {use: echo, label: a}\n"
               "  b: {use: echo, label: b, fail: start}\n"
               "  c: {use: echo, label: c}\n");
    ck_assert_int_eq(instances_start(), PB_UNAVAILABLE);
    ck_assert_str_eq(test_error(), "llms.b: llm 'b' (parts 1.2.0) did not start: nobody answers");
    ck_assert_str_eq(parts_log, "create a; create b; create c; start a; start b; stop a; "
                                "destroy c; destroy b; destroy a");
}
END_TEST

START_TEST(a_failure_without_a_sentence_gets_one)
{
    build_well("llms: {a: {use: echo, fail: mute}}\n");
    contract_enable(false); /* rule 7 would be said instead */
    ck_assert_int_eq(instances_start(), PB_UNAVAILABLE);
    ck_assert_str_eq(test_error(), "llms.a: llm 'a' (parts 1.2.0) could not be created: "
                                   "Unavailable, and the plugin gave no sentence");
}
END_TEST

START_TEST(without_listeners_the_desk_still_starts)
{
    build_well("transports:\n"
               "  web: {use: door, label: web}\n"
               "  terminal: {use: desk, label: terminal}\n");
    instances_without_listeners();
    ck_assert_int_eq(instances_start(), PB_OK);
    ck_assert_str_eq(parts_log, "create web; create terminal; start terminal");
    instances_stop();
    ck_assert_ptr_nonnull(strstr(parts_log, "stop terminal; destroy terminal; destroy web"));
    ck_assert_ptr_null(strstr(parts_log, "stop web"));
}
END_TEST

/* --- names and references ----------------------------------------------------------------------- */

START_TEST(instances_have_names_and_places)
{
    build_well(whole);
    pb_instance *second = get("llm", "second");
    ck_assert(pb_str_is(second->path, "llms.second"));
    ck_assert(pb_str_is(host_instance_name(second), "second"));
    ck_assert(pb_str_is(host_instance_component(second), "echo"));
    ck_assert(pb_str_is(instance_title(second), "llm 'second' (parts 1.2.0)"));
    pb_pipeline *pipeline = pipeline_lookup(pb_lit("support"));
    ck_assert_ptr_nonnull(pipeline);
    ck_assert_ptr_null(pipeline_lookup(pb_lit("other")));
    ck_assert(pb_str_is(pipeline->info.description, "Helps."));
    ck_assert_uint_eq(pipeline->count, 1);
    pb_instance *outer = pipeline->stages[0];
    ck_assert(pb_str_is(outer->path, "pipelines.support.stages[0].step"));
    ck_assert(pb_str_is(outer->nested->info.name, "inner"));
    ck_assert_uint_eq(outer->nested->count, 1);
    ck_assert(pb_str_is(outer->nested->stages[0]->path,
                        "pipelines.support.stages[0].step.inner[0].step"));
}
END_TEST

START_TEST(nested_pipelines_of_a_list_are_numbered)
{
    build_well("llms: {main: {use: echo}}\n"
               "pipelines: {p: {stages: [step: {tries: [[step], [step, step]]}]}}\n");
    pb_instance *stage = pipelines_all()->stages[0];
    ck_assert(pb_str_is(stage->nested->info.name, "tries[0]"));
    ck_assert(pb_str_is(stage->nested->next->info.name, "tries[1]"));
    ck_assert_uint_eq(stage->nested->next->count, 2);
    ck_assert_uint_eq(stage->nested->next->info.stage_count, 2);
}
END_TEST

START_TEST(the_only_instance_of_a_kind_is_taken)
{
    build_well("llms: {main: {use: echo}}\npipelines: {p: {stages: [step]}}\n");
    ck_assert_int_eq(instances_start(), PB_OK);
    end();
    begin();
    refused("llms: {a: {use: echo}, b: {use: echo}}\npipelines: {p: {stages: [step]}}\n",
            "there are 2 of kind llm; say which, 'a' or 'b'");
    end();
    begin();
    refused("pipelines: {p: {stages: [step: {label: x}]}}\n",
            "one of kind llm is needed; declare it in section 'llms'");
}
END_TEST

START_TEST(the_name_stands_for_use)
{
    build_well("tools: {kit: {}}\nauth: {gate: {}}\nexporters: {box: {}}\n");
    ck_assert(pb_str_is(host_instance_component(get("tool", "kit")), "kit"));
    (void)get("auth", "gate");
    (void)get("exporter", "box");
}
END_TEST

START_TEST(references_are_checked)
{
    refused("llms:\n  main: {use: echo, peer: mian}\n  other: {use: echo, peer: tools}\n"
            "  third: {use: echo, peer: kit}\ntools: {kit: {}}\n",
            "c.yaml:2:27: llms.main.peer: there is no llm 'mian'; did you mean 'main'?\n");
    ck_assert_ptr_nonnull(strstr(problems(), "llms.third.peer: 'kit' is of kind tool; a reference "
                                             "to one of kind llm belongs here\n"));
    ck_assert_uint_eq(diagnostics.errors, 3);
    end();
    begin();
    refused("llms: {main: {use: echo, box: x}}\n",
            "there is no exporter 'x'; section 'exporters' declares none");
}
END_TEST

START_TEST(circles_are_told_with_every_line)
{
    refused("llms:\n"
            "  a: {use: echo, peer: b}\n"
            "  b:\n"
            "    use: echo\n"
            "    peer: c\n"
            "  c: {use: echo, peer: a}\n",
            "references go in a circle: ");
    ck_assert_ptr_nonnull(strstr(problems(), "llms.a refers to llms.b ("));
    ck_assert_ptr_nonnull(strstr(problems(), "c.yaml:2)"));
    ck_assert_ptr_nonnull(strstr(problems(), "c.yaml:5)"));
    ck_assert_ptr_nonnull(strstr(problems(), "c.yaml:6)"));
    ck_assert_uint_eq(diagnostics.errors, 1);
    end();
    begin();
    refused("llms: {a: {use: echo, peer: a}}\n", "llms.a refers to llms.a (");
}
END_TEST

/* --- what is reported --------------------------------------------------------------------------- */

START_TEST(unknown_sections_components_and_options)
{
    refused("lms: {}\n", "c.yaml:1:1: lms: unknown section; did you mean 'llms'?\n");
    end();
    begin();
    refused("llms:\n  main: {use: ecco}\n", "c.yaml:2:15: llms.main.use: no plugin offers the llm "
                                            "'ecco' (searched ");
    ck_assert_ptr_nonnull(strstr(problems(), "did you mean 'echo'?"));
    end();
    begin();
    refused("llms:\n  main: {}\n", "c.yaml:2:3: llms.main: no plugin offers the llm 'main'");
    ck_assert_ptr_nonnull(strstr(problems(), "without 'use:' the name is the component's"));
    end();
    begin();
    refused("llms:\n  main: {use: echo, labl: x}\n",
            "c.yaml:2:21: llms.main.labl: unknown option; did you mean 'label'?\n");
    end();
    begin();
    refused("llms: {\"db:x\": {use: echo}}\n", "names that begin with 'db:' belong to the database");
}
END_TEST

START_TEST(pipelines_of_a_wrong_shape)
{
    refused("llms: {m: {use: echo}}\n"
            "pipelines:\n"
            "  a: {stages: []}\n"
            "  b:\n"
            "    stages:\n"
            "      - step:\n"
            "        label: x\n"
            "  c: {stages: [3, [x], stepp]}\n"
            "  d: {stages: {step: {}}}\n"
            "  e: {}\n",
            "c.yaml:7:9: pipelines.b.stages[0].label: a stage is one name with its options under "
            "it; indent 'label' under 'step', or begin a new stage with '- '\n");
    const char *said = problems();
    ck_assert_ptr_nonnull(strstr(said, "pipelines.a.stages: no stages"));
    ck_assert_ptr_nonnull(strstr(said, "pipelines.c.stages[0]: no plugin offers the stage '3'"));
    ck_assert_ptr_nonnull(strstr(said, "pipelines.c.stages[1]: a list is no stage"));
    ck_assert_ptr_nonnull(strstr(said, "did you mean 'step'?"));
    ck_assert_ptr_nonnull(
        strstr(said, "pipelines.d.stages: expected a list of stages, found a map\n"));
    ck_assert_ptr_nonnull(strstr(said, "pipelines.e"));
    ck_assert_uint_eq(diagnostics.errors, 7);
}
END_TEST

START_TEST(check_speaks_at_the_line_of_the_option)
{
    refused("llms:\n"
            "  main:\n"
            "    use: echo\n"
            "    limits:\n"
            "      max: 13\n"
            "    keys:\n"
            "      - hash: even\n"
            "      - hash: odd\n",
            "c.yaml:5:12: llms.main.limits.max: 13 is unlucky; take 12\n");
    ck_assert_ptr_nonnull(strstr(problems(), "c.yaml:8:15: llms.main.keys[1].hash: "));
    ck_assert_uint_eq(diagnostics.errors, 1);
    ck_assert_uint_eq(diagnostics.warnings, 1);
    ck_assert_str_eq(parts_log, "");
}
END_TEST

/* Whatever else is wrong with the one that asks, and check() is not kept from speaking. */
START_TEST(names_of_pipelines_are_checked)
{
    refused("transports: {web: {use: door, asks: [help, suport], limits: {max: 13}}}\n"
            "pipelines: {support: {stages: [step]}, help: {stages: []}}\n",
            "c.yaml:1:44: transports.web.asks[1]: there is no pipeline 'suport'; did you mean "
            "'support'?\n");
    ck_assert_ptr_nonnull(strstr(problems(), "13 is unlucky"));
    ck_assert_uint_eq(diagnostics.errors, 4); /* and step lacks its llm, help its stages */
    end();
    begin();
    refused("transports: {web: {use: door, label: [x], asks: [support]}}\n",
            "c.yaml:1:50: transports.web.asks[0]: there is no pipeline 'support'; section "
            "'pipelines' declares none\n");
    ck_assert_uint_eq(diagnostics.errors, 2);
}
END_TEST

/* Any of them may be a key: what no table was there to read is shown masked. */
START_TEST(what_was_not_read_is_hidden)
{
    static const char *const yamls[] = {
        "llms: {main: {use: nobody, password: hunter2, more: {token: [hunter2]}}}\n",
        "llms: {main: {use: [nobody], password: hunter2}}\n",
        "llms: [{password: hunter2}]\n",
        "llms: {password: hunter2}\n",
        "vaults: {main: {password: hunter2}}\n",
        "llms: {main: {use: echo, keys: {a: {hash: hunter2}}}}\n",
        "llms: {main: {use: echo, limits: [hunter2], password: {a: hunter2}}}\n",
        "pipelines: {p: {stages: [nobody: {password: hunter2}]}}\n",
        "pipelines: {p: {stages: [{step: {label: x}, password: hunter2}]}}\n",
        "pipelines: {p: {stages: {password: hunter2}}}\n",
        "pipelines: [{password: hunter2}]\n",
        "host: [{password: hunter2}]\n",
    };
    pb_buf text = {0};

    ck_assert_int_eq(build(yamls[_i]), PB_INVALID);
    config_tree_print(root, &text, true);
    pb_buf_byte(&text, 0);
    ck_assert_msg(!strstr(text.data, "hunter2"), "%s", text.data);
    ck_assert_msg(strstr(text.data, "***"), "%s", text.data);
}
END_TEST

START_TEST(what_was_read_is_shown)
{
    static const char yaml[] = "host:\n  max_tasks: 100\n"
                               "llms:\n  main:\n    use: echo\n    label: me\n"
                               "    keys:\n      - hash: ff\n    password: \"***\"\n"
                               "pipelines:\n  p:\n    description: It.\n    stages:\n"
                               "      - step:\n          llm: main\n      - step\n";
    pb_buf text = {0};

    build_well(yaml);
    config_tree_print(root, &text, true);
    pb_buf_byte(&text, 0);
    ck_assert_str_eq(text.data, yaml);
}
END_TEST

START_TEST(host_options_have_defaults_and_are_read)
{
    build_well("host: {log: {level: warn, file: x.log}, limits: {turns: 5}}\n");
    const struct host_options *host = instances_host_options();
    ck_assert_int_eq(host->log.level, HOST_LOG_WARN);
    ck_assert(pb_str_is(host->log.file, "/data/x.log"));
    ck_assert_int_eq(host->limits.turns, 5);
    ck_assert_int_eq(host->limits.turn, 600 * PB_SECOND);
    ck_assert_int_eq(host->limits.turn_memory, 64 << 20);
    ck_assert_int_eq(host->drain_timeout, 25 * PB_SECOND);
    ck_assert_int_eq(host->max_tasks, 16000);
    end();
    begin();
    refused("host: {max_tasks: some}\nplugins: {pin: {x: abc}}\n",
            "c.yaml:1:19: host.max_tasks: expected a whole number, found 'some'\n");
    ck_assert_ptr_nonnull(strstr(problems(), "plugins.pin.x: a pin is the SHA-256 of the file"));
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "instances", begin, end,
        (const TTest *const[]){
            what_is_needed_starts_first_and_stops_last, a_failing_create_leaves_nothing,
            a_failing_start_stops_what_had_started, a_failure_without_a_sentence_gets_one,
            without_listeners_the_desk_still_starts, instances_have_names_and_places,
            nested_pipelines_of_a_list_are_numbered, the_only_instance_of_a_kind_is_taken,
            the_name_stands_for_use, references_are_checked, circles_are_told_with_every_line,
            unknown_sections_components_and_options, pipelines_of_a_wrong_shape,
            check_speaks_at_the_line_of_the_option, names_of_pipelines_are_checked,
            what_was_read_is_shown, host_options_have_defaults_and_are_read, NULL});

    tcase_add_loop_test(cases, what_was_not_read_is_hidden, 0, 12);
    return suite_run_cases("instances", (TCase *const[]){cases, NULL});
}
