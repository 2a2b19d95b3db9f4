/* wire.h - what the mock model, the relay and the load have in common: sockets, TLS, arguments.
 *
 * These programs measure others, so they are small and plain: one thread, epoll, and they leave with
 * a sentence when anything is odd. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A connection, plain or TLS. */
struct wire {
    int fd;
    SSL *ssl;
};

/* Bytes that grow. */
struct bytes {
    char *data;
    size_t size, capacity;
};

_Noreturn void leave(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void);
void raise_limits(void); /* descriptors */

/* Listens on 127.0.0.1:port (0: any free one) and prints the port on a line of its own. */
int listen_local(uint16_t port);
int accept_local(int listener); /* -1 when none waits; non-blocking, TCP_NODELAY */
int connect_local(uint16_t port); /* waits; non-blocking afterwards */
void watch(int epoll, int fd, void *data, uint32_t events);
void rewatch(int epoll, int fd, void *data, uint32_t events);

/* TLS contexts; the client's trusts anyone. */
SSL_CTX *tls_server(const char *certificate, const char *key);
SSL_CTX *tls_client(void);
void wire_connect_tls(struct wire *wire, SSL_CTX *context);

/* As read and write: -1 with errno EAGAIN when it would wait, 0 at the end. */
ssize_t wire_read(struct wire *wire, void *data, size_t size);
ssize_t wire_write(struct wire *wire, const void *data, size_t size);
void wire_close(struct wire *wire);

void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_print(struct bytes *bytes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The value of a header line within head[0..size), as a number, or -1. `name` like
 * "\ncontent-length:", in lower case. */
int64_t header_number(const char *head, size_t size, const char *name);
/* The value behind `--name` in argv, or the default. A flag has the value "". */
const char *argument(char **argv, const char *name, const char *otherwise);
bool argument_flag(char **argv, const char *name);

#endif
