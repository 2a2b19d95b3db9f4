/* listen_socket.c - see listen_socket.h. */
#include "cluster/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <patchbay/memory.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

/* --- addresses -------------------------------------------------------------------------------- */

static pb_status no_address(pb_str text)
{
    return pb_fail(PB_INVALID, "'%.*s' is no address; write it as 127.0.0.1:8080, [::1]:8080, "
                               "unix:/path/to.sock or systemd:NAME", PB_ARG(text));
}

/* 0 to 65535, else -1. */
static long parse_port(pb_str digits)
{
    long number = digits.size ? 0 : -1;

    for (size_t i = 0; i < digits.size && number >= 0; i++) {
        char digit = digits.data[i];
        number = digit < '0' || digit > '9' ? -1 : number * 10 + (digit - '0');
        if (number > 65535)
            number = -1;
    }
    return number;
}

pb_str listen_address_host(pb_str address)
{
    size_t colon = address.size;

    while (colon && address.data[colon - 1] != ':')
        colon--;
    return pb_str_slice(address, 0, colon ? colon - 1 : 0);
}

static pb_status parse_tcp(pb_str address, struct listen_address *out)
{
    struct sockaddr_in *four = (struct sockaddr_in *)&out->at;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&out->at;
    pb_str name = listen_address_host(address);
    char host[64];

    long number = parse_port(pb_str_slice(address, name.size + 1, address.size));
    if (name.size == address.size || number < 0 || name.size >= sizeof host)
        return no_address(address);
    bool bracketed = name.size > 2 && name.data[0] == '[' && name.data[name.size - 1] == ']';
    if (bracketed)
        name = pb_str_slice(name, 1, name.size - 2);
    if (pb_str_is(name, "localhost"))
        name = pb_lit("127.0.0.1");
    if (name.size)
        memcpy(host, name.data, name.size);
    host[name.size] = 0;
    out->port = (int)number;
    out->size = bracketed ? sizeof *six : sizeof *four;
    if (bracketed) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)number);
        return inet_pton(AF_INET6, host, &six->sin6_addr) == 1 ? PB_OK : no_address(address);
    }
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)number);
    return inet_pton(AF_INET, host, &four->sin_addr) == 1 ? PB_OK : no_address(address);
}

static pb_status parse_unix(pb_str address, struct listen_address *out)
{
    struct sockaddr_un *local = (struct sockaddr_un *)&out->at;
    pb_str path = pb_str_slice(address, 5, address.size);
    bool abstract = path.size > 1 && path.data[0] == '@';

    if (!abstract && (path.size < 2 || path.data[0] != '/'))
        return pb_fail(PB_INVALID, "'%.*s' is no Unix socket; write it as unix:/path/to.sock or "
                                   "unix:@name", PB_ARG(address));
    if (path.size >= sizeof local->sun_path || memchr(path.data, 0, path.size))
        return pb_fail(PB_INVALID, "the path of '%.*s' is longer than %zu bytes", PB_ARG(address),
                       sizeof local->sun_path - 1);
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, path.data, path.size);
    if (abstract)
        local->sun_path[0] = 0;
    out->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.size + !abstract);
    return PB_OK;
}

pb_status listen_address_parse(pb_str address, struct listen_address *out)
{
    memset(out, 0, sizeof *out);
    out->port = -1;
    if (pb_str_starts(address, pb_lit("unix:"))) {
        out->kind = LISTEN_UNIX;
        return parse_unix(address, out);
    }
    if (pb_str_starts(address, pb_lit("systemd:")) && address.size > 8) {
        out->kind = LISTEN_SYSTEMD;
        return PB_OK;
    }
    return parse_tcp(address, out);
}

/* --- what a socket says of itself ------------------------------------------------------------- */

int listen_socket_port(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof at;

    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        return 0;
    if (at.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&at)->sin6_port);
    return at.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&at)->sin_port) : 0;
}

static void unix_text(const struct sockaddr_un *local, socklen_t size, char *out)
{
    size_t begin = offsetof(struct sockaddr_un, sun_path);
    int length = size > begin ? (int)(size - begin) : 0;

    if (length && local->sun_path[0] == 0)
        snprintf(out, LISTEN_TEXT, "unix:@%.*s", length - 1, local->sun_path + 1);
    else
        snprintf(out, LISTEN_TEXT, "unix:%.*s", length, local->sun_path);
}

void listen_socket_text(int fd, char *out)
{
    struct sockaddr_storage at = {0};
    socklen_t size = sizeof at;
    char host[INET6_ADDRSTRLEN] = "?";

    if (getsockname(fd, (struct sockaddr *)&at, &size) != 0)
        size = 0;
    if (at.ss_family == AF_UNIX) {
        unix_text((struct sockaddr_un *)&at, size, out);
    } else if (at.ss_family == AF_INET6) {
        inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&at)->sin6_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT, "[%s]:%d", host, listen_socket_port(fd));
    } else {
        inet_ntop(AF_INET, &((struct sockaddr_in *)&at)->sin_addr, host, sizeof host);
        snprintf(out, LISTEN_TEXT, "%s:%d", host, listen_socket_port(fd));
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static pb_status fail_to_listen(pb_str address)
{
    switch (errno) {
    case EADDRINUSE:
        return pb_fail(PB_CONFLICT, "%.*s is in use already", PB_ARG(address));
    case EACCES:
    case EPERM:
        return pb_fail(PB_FORBIDDEN, "%.*s may not be listened on by this user", PB_ARG(address));
    case EADDRNOTAVAIL:
        return pb_fail(PB_INVALID, "%.*s is not an address of this machine", PB_ARG(address));
    default:
        return pb_fail(PB_UNAVAILABLE, "%.*s cannot be listened on: %s", PB_ARG(address),
                       strerror(errno));
    }
}

static pb_status open_tcp(pb_str address, const struct listen_address *parsed, int *out)
{
    int one = 1, zero = 0;
    int fd = socket(parsed->at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return fail_to_listen(address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (parsed->at.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, (const struct sockaddr *)&parsed->at, parsed->size) != 0 ||
        listen(fd, SOMAXCONN) != 0) {
        pb_status status = fail_to_listen(address);
        close(fd);
        return status;
    }
    *out = fd;
    return PB_OK;
}

pb_status listen_socket_open(const struct listen_wish *wish, int *out)
{
    struct listen_address parsed;
    pb_status status = listen_address_parse(wish->address, &parsed);

    if (status != PB_OK)
        return status;
    if (parsed.kind == LISTEN_SYSTEMD)
        return listen_inherited_open(pb_str_slice(wish->address, 8, wish->address.size), out);
    return parsed.kind == LISTEN_UNIX ? listen_unix_open(wish, &parsed, out)
                                      : open_tcp(wish->address, &parsed, out);
}
