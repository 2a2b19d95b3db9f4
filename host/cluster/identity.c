/* identity.c - see identity.h; and the host functions node_id and node_alive of cluster.h. */
#include "cluster/identity.h"

#include <fcntl.h>
#include <patchbay/cluster.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BOOT = 8 };

/* Fills in a NUL-terminated text; what fits. */
static bool read_file(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    ssize_t got = read(fd, out, size - 1);
    close(fd);
    out[got > 0 ? got : 0] = 0;
    return got > 0;
}

static const char *boot_id(void)
{
    static char boot[BOOT + 1];

    if (!boot[0] && !read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        memset(boot, '0', BOOT);
    return boot;
}

/* The state's letter and the start time of a process: fields 3 and 22 of its stat, behind the name
 * in brackets, which may hold anything. */
static bool read_stat(int32_t pid, char *state, unsigned long long *start)
{
    char path[32], text[1024];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (pid <= 0 || !read_file(path, text, sizeof text))
        return false;
    char *at = strrchr(text, ')');
    if (!at || at[1] != ' ' || !at[2])
        return false;
    *state = at[2];
    at += 2;
    for (int field = 3; field < 22; field++)
        if (!(at = strchr(at + 1, ' ')))
            return false;
    *start = strtoull(at, NULL, 10);
    return true;
}

bool identity_of(int32_t pid, char out[IDENTITY_SIZE])
{
    unsigned long long start;
    char state;

    if (!read_stat(pid, &state, &start))
        return false;
    snprintf(out, IDENTITY_SIZE, "%d-%llu-%s", (int)pid, start, boot_id());
    return true;
}

int32_t identity_pid(pb_str id)
{
    int64_t pid = 0;

    for (size_t i = 0; i < id.size && id.data[i] != '-'; i++) {
        if (id.data[i] < '0' || id.data[i] > '9' || pid > INT32_MAX / 10)
            return 0;
        pid = pid * 10 + (id.data[i] - '0');
    }
    return pid <= INT32_MAX ? (int32_t)pid : 0;
}

bool identity_alive(pb_str id)
{
    unsigned long long start;
    char state, now[IDENTITY_SIZE];
    int32_t pid = identity_pid(id);

    if (!read_stat(pid, &state, &start) || state == 'Z' || state == 'X')
        return false;
    snprintf(now, sizeof now, "%d-%llu-%s", (int)pid, start, boot_id());
    return pb_str_is(id, now);
}

static char own[IDENTITY_SIZE]; /* empty: not looked up yet in this process */

static void forget_own(void)
{
    own[0] = 0;
}

/* Every turn asks several times: what a fork makes wrong is forgotten there, not compared here. */
pb_str host_node_id(void)
{
    static bool watched;

    if (!own[0]) {
        if (!identity_of((int32_t)getpid(), own))
            snprintf(own, sizeof own, "%d-0-%s", (int)getpid(), boot_id());
        if (!watched)
            watched = pthread_atfork(NULL, NULL, forget_own) == 0;
    }
    return pb_str_of(own);
}

bool host_node_alive(pb_str id)
{
    return pb_str_equal(id, host_node_id()) || identity_alive(id);
}
