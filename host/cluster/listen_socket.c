/* listen_socket.c - see listen_socket.h. */
#include "cluster/listen_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <patchbay/memory.h>
#include <unistd.h>

static pb_status no_address(pb_str text)
{
    return pb_fail(PB_INVALID, "'%.*s' is no address; write it as 127.0.0.1:8080 or [::1]:8080",
                   PB_ARG(text));
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

pb_status listen_address_parse(pb_str address, struct sockaddr_storage *out, int *port)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
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
    memset(out, 0, sizeof *out);
    *port = (int)number;
    if (bracketed) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)number);
        return inet_pton(AF_INET6, host, &six->sin6_addr) == 1 ? PB_OK : no_address(address);
    }
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)number);
    return inet_pton(AF_INET, host, &four->sin_addr) == 1 ? PB_OK : no_address(address);
}

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

pb_status listen_socket_open(pb_str address, int *out, int *port)
{
    struct sockaddr_storage at;
    int one = 1, zero = 0;
    pb_status status = listen_address_parse(address, &at, port);

    if (status != PB_OK)
        return status;
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_to_listen(address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (at.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    socklen_t size =
        at.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (bind(fd, (struct sockaddr *)&at, size) != 0 || listen(fd, SOMAXCONN) != 0) {
        status = fail_to_listen(address);
        close(fd);
        return status;
    }
    *out = fd;
    *port = listen_socket_port(fd);
    return PB_OK;
}
