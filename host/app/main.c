/* main.c - reads the command line and runs the command. */
#include "app/command.h"

#include <malloc.h>
#include <patchbay/types.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* Turns come and go: memory that was given back would be faulted in again a moment later. */
static void memory_set(void)
{
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

int main(int argc, char **argv)
{
    static struct invocation invocation;

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
