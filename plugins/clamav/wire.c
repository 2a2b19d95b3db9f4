/* wire.c - clamd's protocol: zINSTREAM, pieces with their length in front, an empty one, a reply.
 *
 * The socket does not block; each wait is a short poll, so that a scan that was cancelled ends
 * soon. Over its size limit clamd answers and closes while we still send: the reply is read all the
 * same. */
#include "wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 128 * 1024, TICK = 100 /* ms */ };

PB_PRINTF(3, 4)
static pb_status fail(struct scan *scan, pb_status status, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(scan->sentence, sizeof scan->sentence, format, args);
    va_end(args);
    return scan->status = status;
}

/* Until the socket can be written to or read from. */
static pb_status await(struct scan *scan, int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    for (;;) {
        if (pb_cancelled())
            return fail(scan, PB_CANCELLED, "it was cancelled");
        if (pb_monotonic() >= scan->due)
            return fail(scan, PB_TIMEOUT, "clamd did not answer within %lld ms",
                        (long long)(scan->timeout / PB_MILLISECOND));
        int ready = poll(&poll_fd, 1, TICK);
        if (ready > 0)
            return PB_OK;
        if (ready < 0 && errno != EINTR)
            return fail(scan, PB_INTERNAL, "cannot wait for clamd: error %d", errno);
    }
}

static pb_status connected(struct scan *scan, int fd, const struct sockaddr *to, socklen_t size)
{
    int error = 0;
    socklen_t length = sizeof error;

    if (connect(fd, to, size) == 0)
        return PB_OK;
    if (errno != EINPROGRESS)
        return fail(scan, PB_UNAVAILABLE, "clamd cannot be reached (error %d)", errno);
    if (await(scan, fd, POLLOUT) != PB_OK)
        return scan->status;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error)
        return fail(scan, PB_UNAVAILABLE, "clamd cannot be reached (error %d)", error);
    return PB_OK;
}

static int open_to(struct scan *scan, int family, const struct sockaddr *to, socklen_t size)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    scan->status = PB_OK;
    if (fd < 0) {
        (void)fail(scan, PB_UNAVAILABLE, "no descriptor is left to reach clamd");
        return -1;
    }
    if (connected(scan, fd, to, size) == PB_OK)
        return fd;
    (void)close(fd);
    return -1;
}

static int open_any(struct scan *scan)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int fd = -1;

    if (scan->path) {
        (void)snprintf(local.sun_path, sizeof local.sun_path, "%s", scan->path);
        return open_to(scan, AF_UNIX, (const struct sockaddr *)(const void *)&local, sizeof local);
    }
    (void)fail(scan, PB_UNAVAILABLE, "clamd has no address");
    for (const struct addrinfo *at = scan->addresses; at && fd < 0; at = at->ai_next)
        fd = open_to(scan, at->ai_family, at->ai_addr, at->ai_addrlen);
    return fd;
}

/* PB_DECLINED: clamd has closed, its reply may be there. */
static pb_status say(struct scan *scan, int fd, const void *data, size_t size)
{
    const char *at = data;

    while (size) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return PB_DECLINED;
        } else if (await(scan, fd, POLLOUT) != PB_OK) {
            return scan->status;
        }
    }
    return PB_OK;
}

static pb_status say_all(struct scan *scan, int fd)
{
    pb_status status;

    if (!scan->bytes.data)
        return say(scan, fd, "zPING", 6);
    status = say(scan, fd, "zINSTREAM", 10);
    for (size_t at = 0, size = 1; size && status == PB_OK; at += size) {
        size = scan->bytes.size - at < PIECE ? scan->bytes.size - at : PIECE;
        uint8_t length[4] = {(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8),
                             (uint8_t)size};
        status = say(scan, fd, length, sizeof length);
        if (status == PB_OK)
            status = say(scan, fd, scan->bytes.data + at, size);
    }
    return status;
}

/* Up to its NUL, or the end. */
static pb_status hear(struct scan *scan, int fd)
{
    size_t size = 0;

    for (;;) {
        ssize_t got = recv(fd, scan->reply + size, WIRE_REPLY - 1 - size, 0);
        if (got > 0)
            size += (size_t)got;
        if (size && memchr(scan->reply, '\0', size))
            return PB_OK;
        if (got == 0 || size == WIRE_REPLY - 1) {
            scan->reply[size] = '\0';
            return size ? (pb_status)PB_OK
                        : fail(scan, PB_UNAVAILABLE, "clamd closed without an answer");
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR)
            return fail(scan, PB_UNAVAILABLE, "clamd broke off without an answer");
        if (got < 0 && await(scan, fd, POLLIN) != PB_OK)
            return scan->status;
    }
}

pb_status wire_scan(void *arg)
{
    struct scan *scan = arg;

    scan->due = pb_monotonic() + scan->timeout;
    int fd = open_any(scan);
    if (fd < 0)
        return scan->status;
    pb_status status = say_all(scan, fd);
    if (status == PB_OK || status == PB_DECLINED)
        status = hear(scan, fd);
    (void)close(fd);
    return scan->status = status;
}

pb_status wire_resolve(void *arg)
{
    struct resolve *resolve = arg;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

    return getaddrinfo(resolve->host, resolve->port, &hints, &resolve->addresses) == 0
               ? (pb_status)PB_OK
               : (pb_status)PB_UNAVAILABLE;
}
