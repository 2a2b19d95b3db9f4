/* canned.h - for tests of plugins that ask a service: one on a thread of its own that answers each
 * connection with bytes that the test wrote, and keeps the request. With real time only.
 */
#ifndef PATCHBAY_TESTKIT_CANNED_H
#define PATCHBAY_TESTKIT_CANNED_H

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { AT_END_CLOSE, AT_END_RESET, AT_END_WAIT };

static struct canned {
    int listener, port;
    pthread_t thread;
    const char *answer; /* all bytes of it */
    int at_end;         /* AT_END_WAIT: until the other side closes */
    char request[1 << 16];
    int count;
    sem_t gone; /* posted when an AT_END_WAIT saw the other side close */
    pthread_mutex_t lock; /* of answer, at_end, request and count */
} canned;

/* What the next connections get. */
static void canned_set(const char *answer, int at_end)
{
    pthread_mutex_lock(&canned.lock);
    canned.answer = answer;
    canned.at_end = at_end;
    pthread_mutex_unlock(&canned.lock);
}

/* The last request; nobody asks meanwhile. */
static const char *canned_request(void)
{
    pthread_mutex_lock(&canned.lock);
    pthread_mutex_unlock(&canned.lock);
    return canned.request;
}

/* Reads the header and as many bytes as it announces. */
static bool read_request(int fd)
{
    size_t size = 0, want = SIZE_MAX;

    while (size < want && size + 1 < sizeof canned.request) {
        ssize_t got = recv(fd, canned.request + size, sizeof canned.request - 1 - size, 0);
        if (got <= 0)
            return false;
        size += (size_t)got;
        canned.request[size] = 0;
        const char *end = strstr(canned.request, "\r\n\r\n");
        const char *length = strcasestr(canned.request, "content-length:");
        if (end)
            want =
                (size_t)(end + 4 - canned.request) + (length ? strtoul(length + 15, NULL, 10) : 0);
    }
    return true;
}

static void write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left) {
        ssize_t sent = send(fd, text, left, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        text += sent;
        left -= (size_t)sent;
    }
}

static void *canned_run(void *unused)
{
    for (;;) {
        int fd = accept(canned.listener, NULL, NULL);
        char byte;
        if (fd < 0)
            return unused;
        recv(fd, &byte, 1, MSG_PEEK);
        pthread_mutex_lock(&canned.lock);
        bool asked = read_request(fd);
        int at_end = canned.at_end;
        if (asked) {
            canned.count++;
            write_all(fd, canned.answer);
        }
        pthread_mutex_unlock(&canned.lock);
        if (at_end == AT_END_WAIT) {
            while (recv(fd, &byte, 1, 0) > 0)
                ;
            sem_post(&canned.gone);
        }
        if (asked && at_end == AT_END_RESET)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
        close(fd);
    }
}

static void canned_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    memset(&canned, 0, sizeof canned);
    canned.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(canned.listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(canned.listener, 8), 0);
    ck_assert_int_eq(getsockname(canned.listener, (struct sockaddr *)&address, &size), 0);
    canned.port = ntohs(address.sin_port);
    sem_init(&canned.gone, 0, 0);
    pthread_mutex_init(&canned.lock, NULL);
    ck_assert_int_eq(pthread_create(&canned.thread, NULL, canned_run, NULL), 0);
}

static void canned_stop(void)
{
    shutdown(canned.listener, SHUT_RDWR);
    pthread_join(canned.thread, NULL);
    close(canned.listener);
    sem_destroy(&canned.gone);
}

#endif
