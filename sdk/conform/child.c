/* child.c - the process of a case: how it ends, and what it says when something ends it.
 *
 * The report is one line through a pipe: 'F' (failed) or 'S' (skipped) and a sentence. Signal
 * handlers write it too; they name the function, as far as the file has symbols.
 */
#include "conform.h"

#include "plugin/contract_internal.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int report = -1;
static unsigned limit;

static void send_report(char how, const char *sentence)
{
    char line[2048];
    int size = snprintf(line, sizeof line, "%c%s", how, sentence);

    if (size > (int)sizeof line - 1)
        size = sizeof line - 1;
    if (write(report, line, (size_t)size) < 0)
        _exit(RUN_FAILED);
}

_Noreturn void case_fail(int rule, const char *format, ...)
{
    char sentence[1800], whole[1900];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (rule)
        snprintf(whole, sizeof whole, "contract %d: %s", rule, sentence);
    send_report('F', rule ? whole : sentence);
    _exit(RUN_FAILED);
}

_Noreturn void case_skip(const char *format, ...)
{
    char sentence[1800];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    send_report('S', sentence);
    _exit(0);
}

static const char *plugin_file;

/* The innermost function of the plugin on this stack: " in shout_run", or "". */
static const char *where(void *const *frames, int count)
{
    static char text[400];
    char name[300];
    Dl_info info;

    text[0] = 0;
    for (int i = 0; i < count && !text[0]; i++) {
        if (!dladdr(frames[i], &info) || !strstr(info.dli_fname, "/proc/self/fd/"))
            continue;
        unsigned long offset = (unsigned long)((char *)frames[i] - (char *)info.dli_fbase);
        if (contract_symbol(plugin_file, offset, name, sizeof name))
            (void)snprintf(text, sizeof text, " in %s", name);
        else
            (void)snprintf(text, sizeof text, " in the plugin at +0x%lx, which has no symbols",
                           offset);
    }
    return text;
}

static void on_signal(int number)
{
    void *frames[64];
    char sentence[600];
    int count = backtrace(frames, 64);

    if (number == SIGALRM)
        snprintf(sentence, sizeof sentence, "it did not end within %u s%s", limit,
                 where(frames, count));
    else
        snprintf(sentence, sizeof sentence, "ended by SIG%s%s", sigabbrev_np(number),
                 where(frames, count));
    send_report('F', sentence);
    _exit(RUN_FAILED);
}

void child_begin(int fd, const char *plugin, unsigned seconds)
{
    static char stack[64 * 1024];
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, 0};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESETHAND};
    void *frame;

    report = fd;
    limit = seconds;
    plugin_file = plugin;
    (void)backtrace(&frame, 1); /* loads what it needs now */
    (void)sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    for (size_t i = 0; numbers[i]; i++)
        (void)sigaction(numbers[i], &action, NULL);
    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(seconds);
}
