/* A child process under the testkit: it takes real time, and virtual time waits for it. */
#include "suite.h"
#include "testkit.h"

static pb_status run(void *arg)
{
    const char *const *argv = arg;
    pb_process_spec spec = {.size = sizeof spec, .confined = 1, .argv = argv};
    pb_process_result result;
    pb_status status = pb_process_run(&spec, &result);

    if (status == PB_OK && !pb_str_is(result.output, "done\n"))
        return pb_fail(PB_INTERNAL, "it printed '%.*s'", PB_ARG(result.output));
    return status;
}

/* Its own limit of 30 s is the next timer: it must not fire before the child is done. */
START_TEST(virtual_time_waits_for_a_child)
{
    static const char *const argv[] = {"perl", "-e",
                                       "select(undef, undef, undef, 0.1); print \"done\\n\"", NULL};
    pb_harness *harness = pb_harness_new("llms: {main: {use: scripted}}\n", &pb_plugin_scripted);
    pb_str sentence;
    pb_status status = pb_harness_run(harness, run, (void *)(uintptr_t)argv, &sentence);

    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(sentence));
    pb_harness_free(harness);
}
END_TEST

START_TEST(a_child_that_is_not_there_says_so)
{
    static const char *const argv[] = {"no-such-program-here", NULL};
    pb_harness *harness = pb_harness_new("llms: {main: {use: scripted}}\n", &pb_plugin_scripted);
    pb_str sentence;

    ck_assert_int_eq(pb_harness_run(harness, run, (void *)(uintptr_t)argv, &sentence),
                     PB_NOT_FOUND);
    ck_text(sentence, "there is no program 'no-such-program-here' in /usr/bin or /bin");
    pb_harness_free(harness);
}
END_TEST

int main(void)
{
    return suite_run("process", (const TTest *const[]){virtual_time_waits_for_a_child,
                                                       a_child_that_is_not_there_says_so, NULL});
}
