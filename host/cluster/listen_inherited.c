/* listen_inherited.c - sockets that systemd opened: descriptors from 3 on, told by the environment.
 *
 * They stay open under their numbers for as long as the process lives, whoever listens on a copy: a
 * reload may ask for one that nobody wanted before, and a program that takes this one's place finds
 * them as this one did.
 */
#include "cluster/listen_socket.h"

#include <fcntl.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIRST = 3, MOST = 64 };

static struct {
    int count;
    char names[4096]; /* as they were told, a colon between two */
} inherited;

void listen_inherited_take(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");

    if (pid && count && atol(pid) == (long)getpid()) {
        int told = atoi(count);
        inherited.count = told < 0 ? 0 : told > MOST ? MOST : told;
        snprintf(inherited.names, sizeof inherited.names, "%s", names ? names : "");
    }
    listen_inherited_pass(false);
}

void listen_inherited_pass(bool keep)
{
    char number[16];

    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int i = 0; i < inherited.count; i++)
        fcntl(FIRST + i, F_SETFD, keep ? 0 : FD_CLOEXEC);
    if (!keep || !inherited.count)
        return;
    snprintf(number, sizeof number, "%ld", (long)getpid());
    setenv("LISTEN_PID", number, 1);
    snprintf(number, sizeof number, "%d", inherited.count);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", inherited.names, 1);
}

static pb_str next_name(pb_str *rest)
{
    pb_str name = pb_str_slice(*rest, 0, pb_str_find(*rest, ':'));

    *rest = pb_str_slice(*rest, name.size + 1, rest->size);
    return name;
}

/* By name, else by place; -1: there is none. */
static int place_of(pb_str wanted)
{
    pb_str rest = pb_str_of(inherited.names);
    int place = 0;

    for (int i = 0; i < inherited.count && rest.size; i++)
        if (pb_str_equal(next_name(&rest), wanted))
            return i;
    for (size_t i = 0; i < wanted.size; i++) {
        if (wanted.data[i] < '0' || wanted.data[i] > '9' || i > 2)
            return -1;
        place = place * 10 + (wanted.data[i] - '0');
    }
    return wanted.size && place < inherited.count ? place : -1;
}

static bool is_listening(int fd)
{
    int listens = 0, type = 0;
    socklen_t size = sizeof listens;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens &&
           getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

pb_status listen_inherited_open(pb_str name, int *out)
{
    int place = place_of(name);

    if (!inherited.count)
        return pb_fail(PB_NOT_FOUND, "systemd:%.*s: this process was not started with sockets; start "
                                     "it by its .socket unit", PB_ARG(name));
    if (place < 0)
        return pb_fail(PB_NOT_FOUND, "systemd handed over no socket '%.*s'; there are %d: %s",
                       PB_ARG(name), inherited.count, inherited.names);
    if (!is_listening(FIRST + place))
        return pb_fail(PB_INVALID, "systemd:%.*s is no stream socket that listens (Accept=no, "
                                   "ListenStream=)", PB_ARG(name));
    int fd = fcntl(FIRST + place, F_DUPFD_CLOEXEC, FIRST);
    if (fd < 0 || fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
        if (fd >= 0)
            close(fd);
        return pb_fail(PB_UNAVAILABLE, "too many files are open to listen on systemd:%.*s",
                       PB_ARG(name));
    }
    *out = fd;
    return PB_OK;
}
