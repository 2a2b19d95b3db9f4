/* main.c - reads the command line and runs the command. */
#include "app/command.h"

#include <limits.h>
#include <malloc.h>
#include <patchbay/types.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Turns come and go: memory that was given back would be faulted in again a moment later. */
static void memory_set(void)
{
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

/* Libraries of plugins come from the system's folders: whoever sets these for us must not choose
 * others. The dynamic linker has read them already, so the program starts again without. */
static void trust_no_search_path(char **argv)
{
    static const char *const names[] = {"LD_LIBRARY_PATH", "LD_AUDIT"};
    char program[PATH_MAX];
    bool any = false;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        any = any || getenv(names[i]);
        unsetenv(names[i]);
    }
    ssize_t size = any ? readlink("/proc/self/exe", program, sizeof program - 1) : -1;
    if (!any)
        return;
    program[size < 0 ? 0 : size] = 0;
    execv(program, argv);
    perror("patchbay: cannot start again without LD_LIBRARY_PATH");
    _exit(pb_status_exit(PB_UNAVAILABLE));
}

int main(int argc, char **argv)
{
    static struct invocation invocation;

    trust_no_search_path(argv);
    signal(SIGPIPE, SIG_IGN);
    memory_set();
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("patchbay " PATCHBAY_VERSION "\n");
        return 0;
    }
    pb_status status = invocation_read(argc, argv, &invocation);
    if (status != PB_OK)
        return pb_status_exit(status);
    if (invocation.help && !(invocation.command && invocation.command->takes & TAKES_HELP)) {
        help_print(invocation.command);
        return 0;
    }
    return invocation.command->run(&invocation);
}
