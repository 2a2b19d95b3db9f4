/* What is in the file after a turn and an operation, and what happens when it is full or in the way. The
 * harness is a host in this program; its clock is virtual. */
#include <suite.h>
#include <testkit.h>

#include <sys/stat.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;
static char path[4096];

static void begin(void)
{
    harness = pb_harness_new("exporters: {file: {use: @NAME@, path: out.jsonl, max_size: 2KiB}}\n"
                             "llms: {main: {use: scripted}}\n"
                             "pipelines: {p: {stages: [{generate: {llm: main}}]}}\n",
                             &patchbay_plugin_@ID@);
    (void)snprintf(path, sizeof path, "%s/out.jsonl", pb_harness_data_dir(harness));
}

static void end(void)
{
    pb_harness_free(harness);
}

/* The file's text, and how many of its lines have `part` in them. */
static size_t lines_with(const char *part)
{
    static char text[16384];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0, count = 0;

    if (file)
        fclose(file);
    text[size] = 0;
    for (const char *at = text; (at = strstr(at, part)); at++)
        count++;
    return count;
}

/* Ends nothing, for there is no such turn; but it was asked for. */
static void cancel_a_turn(void)
{
    pb_harness_call(harness, "DELETE", "/v1/turns/0193f3c2-7a51-7d20-9c3e-5b1f6f0e2a44", NULL, NULL);
}

START_TEST(a_turn_is_some_lines)
{
    pb_harness_say(harness, "a secret");
    ck_assert_uint_eq(lines_with("{"), 0); /* never while the turn runs */
    pb_harness_wait(harness, 2 * PB_SECOND);
    ck_assert_uint_eq(lines_with("\"kind\":\"turn\",\"name\":\"p\",\"status\":\"ok\""), 1);
    ck_assert_uint_eq(lines_with("\"kind\":\"stage\",\"name\":\"generate\""), 1);
    ck_assert_uint_eq(lines_with("\"kind\":\"llm\",\"name\":\"main\""), 1);
    ck_assert_uint_eq(lines_with("secret"), 0);
}
END_TEST

START_TEST(an_operation_is_a_line)
{
    cancel_a_turn();
    pb_harness_wait(harness, PB_SECOND);
    ck_assert_uint_eq(lines_with("\"principal\":\"tester\",\"action\":\"turns.cancel\",\"object\":\"0193f3c2-"
                                 "7a51-7d20-9c3e-5b1f6f0e2a44\",\"status\":\"not_found\""),
                      1);
}
END_TEST

START_TEST(a_full_file_makes_room)
{
    struct stat about;

    for (int i = 0; i < 6; i++) {
        pb_harness_say(harness, "hi");
        pb_harness_wait(harness, 2 * PB_SECOND);
    }
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_le(about.st_size, 2048);
    ck_assert_uint_ge(lines_with("\"kind\":\"turn\""), 1);
    strcat(path, ".1");
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_le(about.st_size, 2048);
}
END_TEST

START_TEST(what_cannot_be_written_comes_again)
{
    pb_harness_log(PB_ERROR, NULL); /* the warning is expected */
    ck_assert_int_eq(mkdir(path, 0700), 0);
    cancel_a_turn();
    pb_harness_say(harness, "hi");
    pb_harness_wait(harness, 10 * PB_SECOND);
    ck_assert_int_eq(rmdir(path), 0);
    pb_harness_wait(harness, 60 * PB_SECOND);
    ck_assert_uint_eq(lines_with("\"kind\":\"turn\""), 1);
    ck_assert_uint_eq(lines_with("\"action\":\"turns.cancel\""), 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_turn_is_some_lines, an_operation_is_a_line,
                                  a_full_file_makes_room, what_cannot_be_written_comes_again, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("records", begin, end, tests), NULL});
}
