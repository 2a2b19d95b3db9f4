/* wire.c - sockets, TLS and arguments of the bench programs. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

void leave(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

uint64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void raise_limits(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void prepare(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int listen_local(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    socklen_t size = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 8192) != 0)
        leave("cannot listen on 127.0.0.1:%u: %s", port, strerror(errno));
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%u\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int accept_local(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        prepare(fd);
    return fd;
}

int connect_local(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        leave("cannot connect to 127.0.0.1:%u: %s", port, strerror(errno));
    prepare(fd);
    return fd;
}

void watch(int epoll, int fd, void *data, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        leave("epoll_ctl: %s", strerror(errno));
}

void rewatch(int epoll, int fd, void *data, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = data};
    epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
}

SSL_CTX *tls_server(const char *certificate, const char *key)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        leave("cannot use %s with %s", certificate, key);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

SSL_CTX *tls_client(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

void wire_connect_tls(struct wire *wire, SSL_CTX *context)
{
    int flags = fcntl(wire->fd, F_GETFL);
    fcntl(wire->fd, F_SETFL, flags & ~O_NONBLOCK);
    wire->ssl = SSL_new(context);
    SSL_set_fd(wire->ssl, wire->fd);
    if (SSL_connect(wire->ssl) != 1)
        leave("TLS: %s", ERR_reason_error_string(ERR_get_error()));
    fcntl(wire->fd, F_SETFL, flags);
}

static ssize_t tls_result(SSL *ssl, int result)
{
    if (result > 0)
        return result;
    int error = SSL_get_error(ssl, result);
    ERR_clear_error();
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t wire_read(struct wire *wire, void *data, size_t size)
{
    if (!wire->ssl)
        return read(wire->fd, data, size);
    return tls_result(wire->ssl, SSL_read(wire->ssl, data, (int)size));
}

ssize_t wire_write(struct wire *wire, const void *data, size_t size)
{
    if (!wire->ssl)
        return send(wire->fd, data, size, MSG_NOSIGNAL);
    return tls_result(wire->ssl, SSL_write(wire->ssl, data, (int)size));
}

void wire_close(struct wire *wire)
{
    SSL_free(wire->ssl);
    close(wire->fd);
    wire->ssl = NULL;
    wire->fd = -1;
}

static void reserve(struct bytes *bytes, size_t size)
{
    if (bytes->size + size <= bytes->capacity)
        return;
    bytes->capacity = (bytes->size + size) * 2;
    bytes->data = realloc(bytes->data, bytes->capacity);
    if (!bytes->data)
        leave("out of memory");
}

void bytes_add(struct bytes *bytes, const void *data, size_t size)
{
    reserve(bytes, size);
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

void bytes_print(struct bytes *bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    reserve(bytes, 4096);
    int size = vsnprintf(bytes->data + bytes->size, 4096, format, arguments);
    va_end(arguments);
    if (size < 0 || size >= 4096)
        leave("a line is longer than 4096 bytes");
    bytes->size += (size_t)size;
}

int64_t header_number(const char *head, size_t size, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i + length < size; i++)
        if (head[i] == '\n' && strncasecmp(head + i, name, length) == 0)
            return strtoll(head + i + length, NULL, 10);
    return -1;
}

const char *argument(char **argv, const char *name, const char *otherwise)
{
    for (char **at = argv + 1; *at; at++)
        if (strncmp(*at, "--", 2) == 0 && strcmp(*at + 2, name) == 0)
            return at[1] ? at[1] : "";
    return otherwise;
}

bool argument_flag(char **argv, const char *name)
{
    return argument(argv, name, NULL) != NULL;
}
