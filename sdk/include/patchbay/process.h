/* process.h - a program of this machine, run once, with limits.
 *
 * For parsers of files that strangers made: `confined` takes the child the network, the right to
 * write and to start others, and everything of the file system but what it needs to start and
 * `readable`.
 */
#ifndef PATCHBAY_PROCESS_H
#define PATCHBAY_PROCESS_H

#include <patchbay/memory.h>
#include <patchbay/task.h>

struct pb_process_spec {
    uint32_t size;
    uint32_t confined;       /* 1: as above. PB_UNSUPPORTED where the kernel cannot */
    const char *const *argv; /* ends with NULL; argv[0] is looked up in /usr/bin and /bin only */
    pb_bytes input;          /* its standard input */
    const char *const *readable; /* files that it may read besides, ends with NULL; or NULL */
    size_t max_output;       /* bytes of standard output; 0: 16 MiB */
    size_t memory;           /* bytes of address space; 0: 512 MiB */
    pb_duration time;        /* of the wall clock; 0: 30 s. CPU time is limited to the same */
    pb_duration reserved;
};

struct pb_process_result {
    uint32_t size;
    int32_t code;     /* its exit code, or -1 when a signal ended it */
    int32_t signal;   /* that signal, or 0 */
    uint32_t reserved;
    pb_str output;    /* in the running scope */
    pb_str complaint; /* the first 4 kB of standard error */
};

/* Runs it to its end. Parks. A cancelled task kills it. It begins in /, with PATH and LANG=C.UTF-8
 * as its whole environment; its input is a file that can be sought in and opened as /dev/stdin.
 * PB_OK whatever its exit code; PB_NOT_FOUND: there is no such program, or file of `readable`;
 * PB_TOO_LARGE: more than max_output; PB_TIMEOUT; PB_UNAVAILABLE: it cannot be started. */
static inline pb_status pb_process_run(const pb_process_spec *spec, pb_process_result *out)
{
    memset(out, 0, sizeof *out);
    out->size = (uint32_t)sizeof *out;
    return PB_CALL(process_run)(spec, out);
}

#endif
