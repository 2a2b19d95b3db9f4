/* crash.c - see crash.h. The handler runs on a stack of its own, because the task's may be used up;
 * it stores to shared memory, restores the action that was there before and returns into the same
 * fault. */
#include "runtime/crash.h"

#include "runtime/task_internal.h"
#include <signal.h>

uint32_t (*crash_explain)(const void *address);

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WITH_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif

#ifdef WITH_SANITIZER

void crash_watch(uint32_t overflow)
{
    (void)overflow;
}

#else

static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
enum { COUNT = sizeof numbers / sizeof *numbers };

static struct sigaction before[COUNT]; /* who watched before us: goes on after us */
static bool watched;
static _Thread_local bool on_loop_thread;
static uint32_t overflow_cause;

static void note_crash(int number, const void *address)
{
    const struct task_work *work = offload_work();
    uint32_t cause = crash_explain && address ? crash_explain(address) : 0;

    if (cause)
        atomic_store_explicit(&task_note->cause, cause, memory_order_relaxed);
    if (work) {
        task_tell(work);
        atomic_store_explicit(&task_note->running, 1, memory_order_relaxed);
    } else if (on_loop_thread && (number == SIGSEGV || number == SIGBUS) &&
               coroutine_in_guard(task_coroutine(), address)) {
        atomic_store_explicit(&task_note->cause, overflow_cause, memory_order_relaxed);
    }
}

static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    note_crash(number, info->si_code > 0 ? info->si_addr : NULL);
    for (size_t i = 0; i < COUNT; i++)
        if (numbers[i] == number)
            sigaction(number, &before[i], NULL);
    if (info->si_code <= 0) /* it was sent: it does not happen again by itself */
        raise(number);
}

void crash_watch(uint32_t overflow)
{
    static _Alignas(64) char stack[64 * 1024];
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};

    on_loop_thread = true;
    overflow_cause = overflow;
    sigfillset(&action.sa_mask);
    if (watched || sigaltstack(&own, NULL) != 0)
        return;
    watched = true;
    for (size_t i = 0; i < COUNT; i++)
        sigaction(numbers[i], &action, &before[i]);
}

#endif
