/* process.h - what the files of a child process share; for process*.c and the testkit.
 *
 * process.c follows it on the loop, process_start.c makes it on a helper thread, process_confine.c
 * runs in the new process between fork and exec: only async-signal-safe calls there.
 */
#ifndef HOST_NET_PROCESS_H
#define HOST_NET_PROCESS_H

#include <patchbay/process.h>
#include <sys/types.h>

/* What a start is told (in malloc or on the stack of who waits) and what came of it. */
struct process_start {
    const pb_process_spec *spec;
    size_t memory;
    pb_duration time;
    char program[256]; /* its path */
    char loader[256];  /* that the kernel starts for it, or "" */
    pid_t pid;
    int gone;   /* pidfd: readable at its end */
    int output; /* its standard output and standard error, not blocking */
    int complaint;
    bool open;          /* its file system is not confined: the kernel has no Landlock */
    char sentence[256]; /* when it failed */
};

/* Any thread; blocks for the milliseconds that a start takes. */
pb_status process_start(void *start);

/* What can go wrong between fork and exec. */
enum process_step {
    PROCESS_SET_UP = 1, /* descriptors, limits */
    PROCESS_CONFINE,    /* the kernel cannot */
    PROCESS_READABLE,   /* one of spec->readable is not there */
    PROCESS_OPEN,       /* no failure: there is no Landlock */
    PROCESS_EXEC,
};

/* In the new process. 0, or the step that failed with errno. */
int process_set_limits(const struct process_start *start);
int process_confine(const struct process_start *start, bool *is_open);
/* Nothing but exec of exactly these pointers, and what a program needs to compute. False: no such
 * thing here, or errno. */
bool process_filter(const char *program, char *const *argv, char *const *environment);

/* Children that run: the clock of a test does not jump meanwhile. */
size_t process_pending(void);

#endif
