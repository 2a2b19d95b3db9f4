/* Log lines: both formats, hostile text, context, threads, rotation; and what cannot be opened. */
#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[32];
static char file[64], moved[64];

static void begin(void)
{
    strcpy(folder, "/tmp/patchbay-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/log.1", folder);
}

static void end(void)
{
    log_fini();
    unlink(file);
    unlink(moved);
    rmdir(folder);
}

static pb_str contents(const char *name)
{
    pb_buf buf = {0};
    int fd = open(name, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    for (ssize_t got; (got = read(fd, pb_buf_room(&buf, 65536), 65536)) > 0;)
        buf.size += (size_t)got;
    close(fd);
    return pb_buf_str(&buf);
}

static pb_str next_line(pb_str *text)
{
    size_t size = pb_str_find(*text, '\n');
    pb_str line = pb_str_slice(*text, 0, size);
    *text = pb_str_slice(*text, size + 1, text->size);
    return line;
}

static const pb_json *next_json(pb_str *text)
{
    const pb_json *json;
    pb_str line = next_line(text);
    pb_status status = pb_json_parse(line, &json);
    ck_assert_msg(status == PB_OK, "%.*s: %.*s", PB_ARG(line), PB_ARG(pb_error_last()->sentence));
    return json;
}

START_TEST(a_json_line_has_time_level_message)
{
    begin();
    ck_assert_int_eq(log_setup(PB_INFO, true, file), PB_OK);
    pb_log(PB_DEBUG, "not this");
    pb_log(PB_INFO, "%s %d", "count", 7);
    pb_log(PB_ERROR, "tab\tquote\"slash\\newline\nbell\x07 bad\xFF e\xC3\xA9");
    pb_str text = contents(file);
    const pb_json *json = next_json(&text);
    ck_text(pb_json_text(pb_json_get(json, "message")), "count 7");
    ck_text(pb_json_text(pb_json_get(json, "level")), "info");
    ck_assert_uint_eq(pb_json_text(pb_json_get(json, "time")).size, 24);
    ck_assert_uint_eq(json->count, 3);
    json = next_json(&text);
    ck_text(pb_json_text(pb_json_get(json, "message")),
            "tab\tquote\"slash\\newline\nbell\x07 bad\xEF\xBF\xBD e\xC3\xA9");
    ck_assert_uint_eq(text.size, 0);
    end();
}
END_TEST

START_TEST(a_text_line_stays_one_line)
{
    begin();
    ck_assert_int_eq(log_setup(PB_DEBUG, false, file), PB_OK);
    pb_log(PB_WARN, "a\nb\x1b[31m \"q\" \\");
    pb_detail("detail");
    pb_str text = contents(file);
    ck_text(pb_str_slice(next_line(&text), 24, 100), " warn  a\\nb\\u001b[31m \"q\" \\");
    ck_text(pb_str_slice(next_line(&text), 24, 100), " debug detail");
    end();
}
END_TEST

static void fill(struct log_context *context)
{
    context->turn = pb_lit("0193");
    context->instance = pb_lit("llms.\"main\"");
}

static void *log_elsewhere(void *arg)
{
    pb_log(PB_INFO, "%s", (const char *)arg);
    return NULL;
}

START_TEST(a_line_says_whose_it_is_but_not_on_helper_threads)
{
    pthread_t thread;
    begin();
    ck_assert_int_eq(log_setup(PB_INFO, true, file), PB_OK);
    log_context_set(fill);
    pb_log(PB_INFO, "here");
    ck_assert_int_eq(pthread_create(&thread, NULL, log_elsewhere, "there"), 0);
    pthread_join(thread, NULL);
    log_context_set(NULL);
    pb_str text = contents(file);
    const pb_json *json = next_json(&text);
    ck_text(pb_json_text(pb_json_get(json, "turn")), "0193");
    ck_text(pb_json_text(pb_json_get(json, "instance")), "llms.\"main\"");
    ck_assert_ptr_null(pb_json_get(json, "request"));
    json = next_json(&text);
    ck_text(pb_json_text(pb_json_get(json, "message")), "there");
    ck_assert_ptr_null(pb_json_get(json, "turn"));
    end();
}
END_TEST

static void fill_much(struct log_context *context)
{
    static char much[3000];
    memset(much, 't', sizeof much);
    context->turn = pb_lit("0193");
    context->request = pb_str_make(much, sizeof much);
}

START_TEST(a_line_is_bounded_and_stays_json)
{
    static char long_text[20000];
    begin();
    ck_assert_int_eq(log_setup(PB_INFO, true, file), PB_OK);
    log_context_set(fill_much);
    for (size_t size = 2900; size < 3200; size++) { /* around every edge of the line's room */
        memset(long_text, size % 3 ? 'x' : '\n', size);
        host_log(PB_INFO, pb_str_make(long_text, size));
    }
    memset(long_text, '\x01', sizeof long_text);
    host_log(PB_INFO, pb_str_make(long_text, sizeof long_text));
    memcpy(long_text, "\xC3\xA9", 2);
    for (size_t i = 0; i + 1 < sizeof long_text; i += 2)
        memcpy(long_text + i, "\xC3\xA9", 2);
    host_log(PB_INFO, pb_str_make(long_text + 1, sizeof long_text - 1));
    log_context_set(NULL);
    pb_str text = contents(file);
    for (int i = 0; i < 302; i++) {
        ck_assert_uint_lt(pb_str_find(text, '\n'), LOG_LINE_SIZE);
        const pb_json *json = next_json(&text);
        ck_text(pb_json_text(pb_json_get(json, "turn")), "0193");
    }
    ck_assert_uint_eq(text.size, 0);
    end();
}
END_TEST

START_TEST(rotation_goes_on_in_the_new_file)
{
    begin();
    ck_assert_int_eq(log_setup(PB_INFO, false, file), PB_OK);
    pb_log(PB_INFO, "first");
    ck_assert_int_eq(rename(file, moved), 0);
    pb_log(PB_INFO, "second");
    ck_assert_int_eq(log_reopen(), PB_OK);
    pb_log(PB_INFO, "third");
    pb_str old = contents(moved), new = contents(file);
    ck_text(pb_str_slice(next_line(&old), 31, 9), "first");
    ck_text(pb_str_slice(next_line(&old), 31, 9), "second");
    ck_text(pb_str_slice(next_line(&new), 31, 9), "third");
    ck_assert_uint_eq(old.size + new.size, 0);
    end();
}
END_TEST

enum { THREADS = 4, LINES = 500 };

static void *log_many(void *arg)
{
    for (int i = 0; i < LINES; i++)
        pb_log(PB_INFO, "%s %d", (const char *)arg, i);
    return NULL;
}

START_TEST(lines_of_threads_do_not_mix_and_none_is_lost_in_rotation)
{
    pthread_t threads[THREADS];
    unsigned count = 0;
    begin();
    ck_assert_int_eq(log_setup(PB_INFO, true, file), PB_OK);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, log_many, "line"), 0);
    ck_assert_int_eq(rename(file, moved), 0);
    ck_assert_int_eq(log_reopen(), PB_OK);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pb_str texts[] = {contents(moved), contents(file)};
    for (int i = 0; i < 2; i++)
        for (; texts[i].size; count++)
            ck_assert(pb_str_starts(pb_json_text(pb_json_get(next_json(&texts[i]), "message")),
                                    pb_lit("line ")));
    ck_assert_uint_eq(count, THREADS * LINES);
    ck_assert_uint_eq(log_lost(), 0);
    end();
}
END_TEST

START_TEST(a_file_that_cannot_be_opened_is_named)
{
    begin();
    ck_assert_int_eq(log_setup(PB_INFO, false, file), PB_OK);
    ck_assert_int_eq(log_setup(PB_ERROR, true, "/nowhere/at/all"), PB_INVALID);
    ck_assert_ptr_nonnull(strstr(pb_error_last()->sentence.data, "/nowhere/at/all"));
    ck_assert(host_log_enabled(PB_INFO)); /* nothing is changed */
    ck_assert_int_eq(rename(file, moved), 0);
    pb_log(PB_INFO, "still");
    pb_str text = contents(moved);
    ck_assert_uint_gt(text.size, 0);
    end();
}
END_TEST

START_TEST(what_cannot_be_written_is_counted_and_harms_nobody)
{
    ck_assert_int_eq(log_setup(PB_INFO, false, "/dev/full"), PB_OK);
    errno = EBADMSG;
    pb_log(PB_INFO, "lost");
    ck_assert_int_eq(errno, EBADMSG);
    ck_assert_uint_eq(log_lost(), 1);
    log_fini();
}
END_TEST

int main(void)
{
    return suite_run("log",
                     (const TTest *[]){a_json_line_has_time_level_message,
                                       a_text_line_stays_one_line,
                                       a_line_says_whose_it_is_but_not_on_helper_threads,
                                       a_line_is_bounded_and_stays_json,
                                       rotation_goes_on_in_the_new_file,
                                       lines_of_threads_do_not_mix_and_none_is_lost_in_rotation,
                                       a_file_that_cannot_be_opened_is_named,
                                       what_cannot_be_written_is_counted_and_harms_nobody, NULL});
}
