/* Asking from a command line: what is printed where, and the exit code. */
#include "suite.h"
#include "testkit.h"

#include <patchbay/transport.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_cli;
extern const pb_plugin patchbay_plugin_generate;

static pb_harness *harness;
static int out[2], err[2];
static int32_t code;
static char said[1 << 17], complained[4096];

static void begin(void)
{
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines:\n"
                             "  p: {stages: [generate: {llm: main}]}\n"
                             "  q: {stages: [generate: {llm: main}]}\n"
                             "transports: {terminal: {use: cli, pipeline: p}}\n",
                             &patchbay_plugin_cli, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false);
    ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
    ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
    fcntl(out[1], F_SETPIPE_SZ, 1 << 17);
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
}

static void end(void)
{
    pb_harness_free(harness);
    for (int i = 0; i < 2; i++) {
        close(out[i]);
        close(err[i]);
    }
}

static void take(int fd, char *text, size_t size)
{
    size_t have = 0;
    ssize_t got;

    while (have + 1 < size && (got = read(fd, text + have, size - 1 - have)) > 0)
        have += (size_t)got;
    text[have] = 0;
}

static void ask(pb_cli_call call)
{
    call.out = out[1];
    call.err = err[1];
    code = pb_harness_cli(harness, "terminal", &call);
    take(out[0], said, sizeof said);
    take(err[0], complained, sizeof complained);
}

START_TEST(text_streams)
{
    pb_script(harness, "main", PB_STEP_THINKING("hm"), PB_STEP_TEXT("hel"), PB_STEP_TEXT("lo"),
              PB_STEP_STOP);
    ask((pb_cli_call){.text = pb_lit("what?"), .input = pb_lit(" a file\n")});
    ck_assert_str_eq(said, "hello\n");
    ck_assert_str_eq(complained, "");
    ck_assert_int_eq(code, 0);
    const pb_json *request = pb_scripted_request(harness, "main", 0);
    ck_assert(
        pb_str_is(pb_json_text(pb_json_path(request, "messages/0/content")), "what?\n\na file"));
}
END_TEST

START_TEST(json_is_one_document)
{
    pb_script(harness, "main", PB_STEP_TEXT("hello"), PB_STEP_USAGE(1, 2), PB_STEP_STOP);
    ask((pb_cli_call){.text = pb_lit("what?"), .pipeline = pb_lit("q"), .json = 1});
    ck_assert_ptr_nonnull(strstr(said, "\"status\":\"done\""));
    ck_assert_ptr_nonnull(strstr(said, "\"pipeline\":\"q\""));
    ck_assert_ptr_nonnull(strstr(said, "\"text\":\"hello\""));
    ck_assert_int_eq(said[strlen(said) - 1], '\n');
    ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(tool_calls_are_shown)
{
    pb_script(harness, "main", PB_STEP_TEXT("let me see"),
              PB_STEP_TOOL_CALL(0, "c", "get_weather", "{\"city\":"),
              PB_STEP_TOOL_CALL(0, NULL, NULL, "\"Ghent\"}"), PB_STEP_FINISH(PB_FINISH_TOOL_CALLS));
    ask((pb_cli_call){.text = pb_lit("what?")});
    ck_assert_str_eq(said, "let me see\ncalls get_weather {\"city\":\"Ghent\"}\n");
}
END_TEST

START_TEST(failures_are_one_sentence)
{
    pb_script(harness, "main", PB_STEP_TEXT("so far"), PB_STEP_FAIL(PB_RATE_LIMITED, "busy"));
    ask((pb_cli_call){.text = pb_lit("what?")});
    ck_assert_str_eq(said, "so far\n");
    ck_assert_str_eq(complained, "patchbay: busy\n");
    ck_assert_int_eq(code, pb_status_exit(PB_RATE_LIMITED));
    ask((pb_cli_call){.text = pb_lit("what?"), .json = 1});
    ck_assert_ptr_nonnull(strstr(said, "\"status\":\"failed\""));
    ck_assert_ptr_nonnull(strstr(said, "\"detail\":\"busy\""));
    ck_assert_str_eq(complained, "patchbay: busy\n");
    ask((pb_cli_call){.text = pb_lit(" \n")});
    ck_assert_int_eq(code, pb_status_exit(PB_INVALID));
    ck_assert_str_eq(said, "");
    ask((pb_cli_call){.text = pb_lit("what?"), .pipeline = pb_lit("nope")});
    ck_assert_str_eq(complained, "patchbay: there is no pipeline 'nope'\n");
    ck_assert_int_eq(code, pb_status_exit(PB_NOT_FOUND));
}
END_TEST

START_TEST(a_reader_that_leaves_is_no_failure)
{
    pb_script(harness, "main", PB_STEP_TEXT("hello"), PB_STEP_STOP);
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    close(out[0]);
    ask((pb_cli_call){.text = pb_lit("what?")});
    ck_assert_str_eq(complained, "");
    ck_assert_int_eq(code, 0);
    out[0] = dup(out[1]);
}
END_TEST

/* On a thread of its own, because more is said than a pipe holds. */
static void *read_all(void *arg)
{
    size_t *have = arg;
    ssize_t got;
    static char piece[4096];

    while (*have < 300000 && (got = read(out[0], piece, sizeof piece)) > 0)
        *have += (size_t)got;
    return NULL;
}

START_TEST(a_slow_reader_is_waited_for)
{
    static char text[300000];
    size_t have = 0;
    pthread_t reader;
    pb_cli_call call = {.text = pb_lit("what?"), .out = out[1], .err = err[1]};

    memset(text, 'x', sizeof text - 1);
    pb_script(harness, "main", PB_STEP_TEXT(text), PB_STEP_STOP);
    fcntl(out[0], F_SETFL, 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_all, &have), 0);
    ck_assert_int_eq(pb_harness_cli(harness, "terminal", &call), 0);
    pthread_join(reader, NULL);
    ck_assert_uint_eq(have, 300000); /* with the line's end */
}
END_TEST

START_TEST(the_pipeline_must_exist)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_cli, NULL};
    char *problems = NULL;

    ck_assert_ptr_null(pb_harness_open("transports: {terminal: {use: cli, pipeline: nope}}\n",
                                       plugins, &problems));
    ck_assert_msg(strstr(problems, "there is no pipeline 'nope'"), "%s", problems);
    free(problems);
}
END_TEST

START_TEST(a_long_reply_needs_room)
{
    static char text[2001];

    memset(text, 'x', sizeof text - 1);
    pb_harness_free(harness);
    harness = pb_harness_new("llms: {main: {use: scripted}}\n"
                             "pipelines: {q: {stages: [generate: {llm: main}]}}\n"
                             "transports: {terminal: {use: cli, pipeline: q, max_reply: 1KiB}}\n",
                             &patchbay_plugin_cli, &patchbay_plugin_generate);
    pb_harness_virtual_time(harness, false);
    pb_script(harness, "main", PB_STEP_TEXT("short"), PB_STEP_STOP);
    ask((pb_cli_call){.text = pb_lit("what?"), .json = 1});
    ck_assert_ptr_nonnull(strstr(said, "\"pipeline\":\"q\""));
    ck_assert_int_eq(code, 0);
    pb_script_reset(harness, "main");
    pb_script(harness, "main", PB_STEP_TEXT(text), PB_STEP_STOP);
    ask((pb_cli_call){.text = pb_lit("what?"), .json = 1});
    ck_assert_int_ne(code, 0);
    ck_assert_ptr_null(strstr(said, "xxx"));
}
END_TEST

int main(void)
{
    TCase *cases = suite_case("cli", begin, end,
                              (const TTest *const[]){text_streams, json_is_one_document,
                                                     a_long_reply_needs_room, tool_calls_are_shown,
                                                     failures_are_one_sentence,
                                                     a_reader_that_leaves_is_no_failure,
                                                     a_slow_reader_is_waited_for, NULL});
    TCase *loading =
        suite_case("loading", NULL, NULL, (const TTest *const[]){the_pipeline_must_exist, NULL});

    return suite_run_cases("cli", (TCase *const[]){cases, loading, NULL});
}
