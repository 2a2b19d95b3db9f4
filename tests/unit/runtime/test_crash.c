/* What a worker that dies by a signal leaves behind in the memory that its supervisor reads. */
#include "runtime/crash.h"

#include "runtime/task.h"
#include "suite.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OVERFLOW = 7, INSTANCE = 5, PIPELINE = 3 };

static struct task_note *shared;

static void begin(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
}

static void end(void)
{
    munmap(shared, sizeof *shared);
}

/* Runs crime on a task of a child that is somebody's work; the signal that ended it. */
static int signal_of(void (*crime)(void *arg))
{
    int status = 0;
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        task_note = shared;
        if (loop_init() != PB_OK || task_start(crime, NULL, NULL) != PB_OK)
            _exit(1);
        crash_watch(OVERFLOW);
        loop_run();
        _exit(2);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status), "it ended with %d", WEXITSTATUS(status));
    return WTERMSIG(status);
}

static void be_somebody(void)
{
    task_local()->work = (struct task_work){.instance = INSTANCE, .pipeline = PIPELINE};
    task_tell(&task_local()->work);
}

static int deeper(volatile char *above, volatile int *left)
{
    volatile char room[1024];

    room[0] = above[0];
    return *left ? deeper(room, left) + room[0] : 0;
}

static void overflow(void *arg)
{
    volatile char first[1] = {0};
    volatile int left = 1;
    (void)arg;
    be_somebody();
    exit(deeper(first, &left));
}

static void write_to_null(void *arg)
{
    (void)arg;
    be_somebody();
    volatile uintptr_t nowhere = 16; /* the compiler shall not see it coming */
    *(volatile int *)nowhere = 1;
}

static pb_status abort_there(void *arg)
{
    (void)arg;
    abort();
}

static void abort_on_a_helper(void *arg)
{
    (void)arg;
    be_somebody();
    pb_offload(abort_there, NULL);
}

static void be_killed(void *arg)
{
    (void)arg;
    be_somebody();
    kill(getpid(), SIGKILL);
}

static void be_sent_a_fault(void *arg)
{
    (void)arg;
    kill(getpid(), SIGSEGV);
    pb_sleep(PB_SECOND * 60);
}

static void check_who(void)
{
    ck_assert_uint_eq(shared->running, 1);
    ck_assert_uint_eq(shared->instance, INSTANCE);
    ck_assert_uint_eq(shared->pipeline, PIPELINE);
    ck_assert_uint_ge(shared->switches, 1);
}

START_TEST(a_stack_overflow_is_named)
{
    ck_assert_int_eq(signal_of(overflow), SIGSEGV);
    check_who();
    ck_assert_uint_eq(shared->cause, OVERFLOW);
}
END_TEST

START_TEST(another_fault_is_none)
{
    ck_assert_int_eq(signal_of(write_to_null), SIGSEGV);
    check_who();
    ck_assert_uint_eq(shared->cause, 0);
}
END_TEST

START_TEST(a_helper_names_whose_work_it_did)
{
    ck_assert_int_eq(signal_of(abort_on_a_helper), SIGABRT);
    check_who();
}
END_TEST

START_TEST(a_kill_leaves_who_ran)
{
    ck_assert_int_eq(signal_of(be_killed), SIGKILL);
    check_who();
}
END_TEST

START_TEST(a_signal_that_was_sent_ends_it_too)
{
    ck_assert_int_eq(signal_of(be_sent_a_fault), SIGSEGV);
    ck_assert_uint_eq(shared->cause, 0);
}
END_TEST

static void idle(void *arg)
{
    (void)arg;
    be_somebody();
    loop_stop();
}

START_TEST(between_tasks_nobody_runs)
{
    ck_assert_int_eq(loop_init(), PB_OK);
    ck_assert_int_eq(task_start(idle, NULL, NULL), PB_OK);
    loop_run();
    ck_assert_uint_eq(task_note->running, 0);
    ck_assert_uint_eq(task_note->instance, 0);
    ck_assert_uint_eq(task_note->switches, 1);
    loop_fini();
}
END_TEST

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif

int main(void)
{
#ifdef WITH_SANITIZER /* it has handlers of its own */
    (void)a_stack_overflow_is_named;
    (void)another_fault_is_none;
    (void)a_helper_names_whose_work_it_did;
    (void)a_signal_that_was_sent_ends_it_too;
#endif
    return suite_run_cases(
        "crash",
        (TCase *const[]){
            suite_case("crash", begin, end,
                       (const TTest *const[]){
#ifndef WITH_SANITIZER
                           a_stack_overflow_is_named, another_fault_is_none,
                           a_helper_names_whose_work_it_did, a_signal_that_was_sent_ends_it_too,
#endif
                           a_kill_leaves_who_ran, between_tasks_nobody_runs, NULL}),
            NULL});
}
