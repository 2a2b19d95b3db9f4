/* A program of this machine, run once: what comes back, what ends it early, and what a confined one
 * cannot do. perl and sh are part of every Debian system. */
#include "net/process.h"
#include "upstream.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static pb_process_result result;

static pb_status run(pb_process_spec spec)
{
    spec.size = sizeof spec;
    return pb_process_run(&spec, &result);
}

#define ARGV(...)                                                                                  \
    .argv = (const char *const[])                                                                  \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define INPUT(text) .input = {(const uint8_t *)(text), sizeof(text) - 1}

static void ck_fails(pb_status status, pb_status wanted, const char *part)
{
    ck_assert_int_eq(status, wanted);
    ck_assert_msg(pb_str_contains(pb_error_last()->sentence, pb_str_of(part)),
                  "'%.*s' does not say '%s'", PB_ARG(pb_error_last()->sentence), part);
}

/* No child of this process is left, running or dead. */
static void ck_no_child(void)
{
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
    ck_assert_uint_eq(process_pending(), 0);
}

/* --- what comes back -------------------------------------------------------------------------- */

CLIENT_TEST(its_output_is_collected)
{
    ck_assert_int_eq(run((pb_process_spec){ARGV("cat"), INPUT("hello")}), PB_OK);
    ck_text(result.output, "hello");
    ck_assert_int_eq(result.code, 0);
    ck_assert_int_eq(result.signal, 0);
    ck_assert_uint_eq(result.complaint.size, 0);
    ck_no_child();
}

CLIENT_TEST(its_exit_code_and_complaint_are_told)
{
    ck_assert_int_eq(run((pb_process_spec){ARGV("sh", "-c", "echo bad >&2; exit 7")}), PB_OK);
    ck_assert_int_eq(result.code, 7);
    ck_text(result.complaint, "bad\n");
    ck_assert_uint_eq(result.output.size, 0);
}

CLIENT_TEST(a_long_complaint_is_cut)
{
    ck_assert_int_eq(run((pb_process_spec){ARGV("perl", "-e", "print STDERR 'x' x 300000")}),
                     PB_OK);
    ck_assert_int_eq(result.code, 0);
    ck_assert_uint_eq(result.complaint.size, 4096);
}

CLIENT_TEST(its_signal_is_told)
{
    ck_assert_int_eq(run((pb_process_spec){ARGV("sh", "-c", "kill -TERM $$")}), PB_OK);
    ck_assert_int_eq(result.code, -1);
    ck_assert_int_eq(result.signal, SIGTERM);
}

CLIENT_TEST(much_goes_in_and_out)
{
    size_t size = 5000003;
    uint8_t *bytes = malloc(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    ck_assert_int_eq(run((pb_process_spec){ARGV("cat"), .input = {bytes, size}}), PB_OK);
    ck_assert_uint_eq(result.output.size, size);
    ck_assert_int_eq(memcmp(result.output.data, bytes, size), 0);
    free(bytes);
}

CLIENT_TEST(input_that_nobody_reads_is_no_matter)
{
    size_t size = 20 << 20;
    uint8_t *bytes = calloc(1, size);

    ck_assert_int_eq(run((pb_process_spec){ARGV("true"), .input = {bytes, size}}), PB_OK);
    ck_assert_int_eq(result.code, 0);
    free(bytes);
}

CLIENT_TEST(it_inherits_nothing)
{
    int fd = open("/etc/passwd", O_RDONLY); /* without close-on-exec */

    setenv("PATCHBAY_TEST_SECRET", "1", 1);
    ck_assert_int_eq(
        run((pb_process_spec){ARGV("sh", "-c", "env | sort; pwd; ls /proc/self/fd | wc -l")}),
        PB_OK);
    /* 0, 1, 2 and the folder itself */
    ck_text(result.output, "LANG=C.UTF-8\nPATH=/usr/bin:/bin\nPWD=/\n/\n4\n");
    close(fd);
}

CLIENT_TEST(many_run_one_after_the_other)
{
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(run((pb_process_spec){ARGV("echo", "one")}), PB_OK);
        ck_text(result.output, "one\n");
    }
    ck_no_child();
}

/* --- what is refused -------------------------------------------------------------------------- */

CLIENT_TEST(programs_are_looked_up_in_two_folders)
{
    ck_fails(run((pb_process_spec){ARGV("no-such-program-here")}), PB_NOT_FOUND,
             "no program 'no-such-program-here'");
    ck_fails(run((pb_process_spec){ARGV("/usr/bin/true")}), PB_NOT_FOUND, "/usr/bin/true");
    ck_fails(run((pb_process_spec){ARGV("../bin/true")}), PB_NOT_FOUND, "../bin/true");
    ck_no_child();
}

CLIENT_TEST(too_much_output_ends_it)
{
    pb_process_spec spec = {ARGV("yes"), .max_output = 100000};

    ck_fails(run(spec), PB_TOO_LARGE, "more than 100000 bytes");
    ck_no_child();
    ck_assert_int_eq(run((pb_process_spec){ARGV("printf", "12345"), .max_output = 5}), PB_OK);
    ck_fails(run((pb_process_spec){ARGV("printf", "123456"), .max_output = 5}), PB_TOO_LARGE,
             "more than 5 bytes");
}

CLIENT_TEST(its_time_is_limited)
{
    ck_fails(run((pb_process_spec){ARGV("sleep", "1000"), .time = 50 * PB_MILLISECOND}), PB_TIMEOUT,
             "within 50 ms");
    ck_no_child();
}

CLIENT_TEST(what_it_started_ends_with_it)
{
    const char *path = pb_printf("/tmp/patchbay-test-fifo-%d", (int)getpid()).data;
    const char *program = pb_printf("sleep 1000 >%s & echo $!", path).data;
    char byte;

    /* The grandchild holds the other end: once it is dead there is nobody who writes. */
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    int fifo = open(path, O_RDONLY | O_NONBLOCK);
    ck_assert_int_eq(run((pb_process_spec){ARGV("sh", "-c", program)}), PB_OK);
    fcntl(fifo, F_SETFL, 0);
    ck_assert_int_eq(read(fifo, &byte, 1), 0);
    close(fifo);
    unlink(path);
}

struct asked {
    pb_task *task;
    pb_status status;
};

static pb_status sleep_long(void *arg)
{
    struct asked *asked = arg;

    return asked->status = run((pb_process_spec){ARGV("sleep", "1000"), .time = 900 * PB_SECOND});
}

CLIENT_TEST(a_cancelled_task_kills_it)
{
    struct asked asked = {.status = -1};

    ck_assert_int_eq(pb_spawn(sleep_long, &asked, &asked.task), PB_OK);
    while (process_pending() == 0)
        ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK);
    pb_task_cancel(asked.task);
    ck_assert_int_eq(pb_join(asked.task), PB_CANCELLED);
    ck_no_child();
}

CLIENT_TEST(a_deadline_of_the_task_is_its_own)
{
    int64_t deadline = pb_deadline_begin(50 * PB_MILLISECOND);
    pb_status status = run((pb_process_spec){ARGV("sleep", "1000")});

    ck_assert_int_eq(status, PB_TIMEOUT);
    ck_assert(!pb_str_contains(pb_error_last()->sentence, pb_lit("'sleep'")));
    pb_deadline_end(deadline);
    ck_no_child();
}

CLIENT_TEST(its_processor_time_is_limited)
{
    /* The signal that the limit sends, without the seconds until then. */
    ck_fails(run((pb_process_spec){ARGV("sh", "-c", "kill -XCPU $$")}), PB_TIMEOUT, "'sh'");
    ck_assert_int_eq(run((pb_process_spec){ARGV("sh", "-c", "ulimit -t; ulimit -c"),
                                           .time = 1500 * PB_MILLISECOND}),
                     PB_OK);
    ck_text(result.output, "3\n0\n");
}

CLIENT_TEST(its_memory_is_limited)
{
    static const char eat[] = "my @a; push @a, 'x' x 1000000 for 1 .. 100; print scalar @a";

    ck_assert_int_eq(run((pb_process_spec){ARGV("perl", "-e", eat)}), PB_OK);
    ck_text(result.output, "100");
    ck_assert_int_eq(run((pb_process_spec){ARGV("perl", "-e", eat), .memory = 64 << 20}), PB_OK);
    ck_assert_uint_eq(result.output.size, 0);
    ck_assert(result.code != 0);
}

/* --- confined --------------------------------------------------------------------------------- */

/* Runs Perl that prints "yes" when it could, else the reason. */
#define ck_cannot(program, reason)                                                                 \
    do {                                                                                           \
        ck_assert_int_eq(run((pb_process_spec){ARGV("perl", "-e", program)}), PB_OK);              \
        ck_text(result.output, "yes");                                                             \
        ck_assert_int_eq(run((pb_process_spec){.confined = 1, ARGV("perl", "-e", program)}),       \
                         PB_OK);                                                                   \
        ck_text(result.output, reason);                                                            \
    } while (0)

CLIENT_TEST(confined_programs_run)
{
    ck_assert_int_eq(run((pb_process_spec){.confined = 1, ARGV("cat"), INPUT("hello")}), PB_OK);
    ck_text(result.output, "hello");
    ck_assert_int_eq(
        run((pb_process_spec){.confined = 1, ARGV("sort", "/dev/stdin"), INPUT("b\na\n")}), PB_OK);
    ck_text(result.output, "a\nb\n");
    ck_assert_int_eq(run((pb_process_spec){.confined = 1, ARGV("sh", "-c", "echo $((6 * 7))")}),
                     PB_OK);
    ck_text(result.output, "42\n");
    ck_assert_int_eq(
        run((pb_process_spec){.confined = 1, ARGV("perl", "-MPOSIX", "-e", "POSIX::abort()")}),
        PB_OK);
    ck_assert_int_eq(result.signal, SIGABRT);
}

CLIENT_TEST(confined_programs_may_have_threads)
{
    static const char program[] = "import threading\n"
                                  "t = threading.Thread(target=lambda: print('thread'))\n"
                                  "t.start(); t.join()\n";

    if (access("/usr/bin/python3", X_OK) != 0)
        return;
    ck_assert_int_eq(run((pb_process_spec){.confined = 1, ARGV("python3", "-c", program)}), PB_OK);
    ck_text(result.output, "thread\n");
}

CLIENT_TEST(confined_programs_have_no_network)
{
    ck_cannot("socket(S, 2, 1, 0) ? print 'yes' : print $!", "Operation not permitted");
    ck_cannot("socket(S, 1, 1, 0) ? print 'yes' : print $!", "Operation not permitted");
    ck_cannot("socketpair(S, T, 1, 1, 0) ? print 'yes' : print $!", "Operation not permitted");
}

CLIENT_TEST(confined_programs_write_no_file)
{
    const char *path = pb_printf("/tmp/patchbay-test-confined-%d", (int)getpid()).data;
    const char *program = pb_printf("open(F, '>', '%s') ? print 'yes' : print $!", path).data;

    ck_cannot(program, "Permission denied");
    ck_assert_int_eq(unlink(path), 0); /* of the one that was not confined */
    program = pb_printf("mkdir('%s') ? print 'yes' : print $!", path).data;
    ck_cannot(program, "Operation not permitted");
    ck_assert_int_eq(rmdir(path), 0);
}

CLIENT_TEST(confined_programs_see_no_files)
{
    char path[] = "/tmp/patchbay-test-secret-XXXXXX";
    int fd = mkstemp(path);
    const char *program = pb_printf("open(F, '<', '%s') ? print <F> : print $!", path).data;
    pb_process_spec spec = {.confined = 1, ARGV("perl", "-e", program)};

    ck_assert_int_eq(write(fd, "yes", 3), 3);
    close(fd);
    ck_cannot(program, "Permission denied");
    spec.readable = (const char *const[]){path, NULL};
    ck_assert_int_eq(run(spec), PB_OK);
    ck_text(result.output, "yes");
    unlink(path);
    ck_fails(run(spec), PB_NOT_FOUND, "No such file");
    ck_cannot("open(F, '<', '/etc/passwd') ? print 'yes' : print $!", "Permission denied");
    ck_cannot("opendir(D, '/tmp') ? print 'yes' : print $!", "Permission denied");
}

CLIENT_TEST(confined_programs_touch_no_other_process)
{
    const char *program = pb_printf("kill(0, %d) ? print 'yes' : print $!", (int)getpid()).data;
    ck_cannot(program, "Operation not permitted");
    program =
        pb_printf("open(F, '<', '/proc/%d/environ') ? print 'yes' : print $!", (int)getpid()).data;
    ck_cannot(program, "Permission denied");
    ck_cannot(
        "my $p = fork(); if (defined $p && $p == 0) { exit } defined $p ? print 'yes' : print $!",
        "Operation not permitted");
    ck_cannot("exec('/bin/echo', '-n', 'yes') or print $!", "Operation not permitted");
}

CLIENT_TEST(confined_programs_raise_no_limit)
{
    ck_assert_int_eq(
        run((pb_process_spec){.confined = 1, ARGV("sh", "-c", "ulimit -f; ulimit -S -t 1")}),
        PB_OK);
    ck_text(result.output, "0\n");
    ck_assert(result.code != 0);
    ck_assert(pb_str_contains(result.complaint, pb_lit("not permitted")));
}

CLIENT_TEST(scripts_are_not_confined)
{
    if (access("/usr/bin/ldd", X_OK) == 0)
        ck_fails(run((pb_process_spec){.confined = 1, ARGV("ldd")}), PB_UNSUPPORTED, "is a script");
}

int main(void)
{
    return suite_run("process", (const TTest *const[]){
                                    its_output_is_collected,
                                    its_exit_code_and_complaint_are_told,
                                    a_long_complaint_is_cut,
                                    its_signal_is_told,
                                    much_goes_in_and_out,
                                    input_that_nobody_reads_is_no_matter,
                                    it_inherits_nothing,
                                    many_run_one_after_the_other,
                                    programs_are_looked_up_in_two_folders,
                                    too_much_output_ends_it,
                                    its_time_is_limited,
                                    what_it_started_ends_with_it,
                                    a_cancelled_task_kills_it,
                                    a_deadline_of_the_task_is_its_own,
                                    its_processor_time_is_limited,
                                    its_memory_is_limited,
                                    confined_programs_run,
                                    confined_programs_may_have_threads,
                                    confined_programs_have_no_network,
                                    confined_programs_write_no_file,
                                    confined_programs_see_no_files,
                                    confined_programs_touch_no_other_process,
                                    confined_programs_raise_no_limit,
                                    scripts_are_not_confined,
                                    NULL,
                                });
}
