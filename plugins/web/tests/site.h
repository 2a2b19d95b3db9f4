/* site.h - for the tests: a web server on a thread of its own, with the pages that the test wrote.
 */
#ifndef WEB_TEST_SITE_H
#define WEB_TEST_SITE_H

#include "suite.h"
#include "testkit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_web;

struct answer {
    const char *path;
    const char *head; /* "200 OK\r\nContent-Type: text/html\r\n"; NULL: that */
    const char *body;
    int64_t endless; /* so many bytes of nothing behind it */
};

enum { ANSWERS_MOST = 64, ASKED_MOST = 512 };

static struct {
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct answer answers[ANSWERS_MOST];
    size_t count;
    char asked[ASKED_MOST][160]; /* paths */
    char request[4096];          /* the last one, whole */
    size_t asked_count;
    int64_t sent; /* of an endless body */
} site;

/* A page; another one in its place when the path is there already. */
static void page(const char *path, const char *head, const char *body)
{
    size_t i = 0;

    pthread_mutex_lock(&site.lock);
    while (i < site.count && strcmp(site.answers[i].path, path) != 0)
        i++;
    ck_assert_uint_lt(i, ANSWERS_MOST);
    site.answers[i] = (struct answer){.path = path, .head = head, .body = body};
    site.count += i == site.count;
    pthread_mutex_unlock(&site.lock);
}

static inline void endless_page(const char *path, int64_t bytes)
{
    page(path, NULL, "<p>begin");
    pthread_mutex_lock(&site.lock);
    for (size_t i = 0; i < site.count; i++)
        if (strcmp(site.answers[i].path, path) == 0)
            site.answers[i].endless = bytes;
    pthread_mutex_unlock(&site.lock);
}

static size_t times_asked(const char *path)
{
    size_t count = 0;

    pthread_mutex_lock(&site.lock);
    for (size_t i = 0; i < site.asked_count; i++)
        count += strcmp(site.asked[i], path) == 0;
    pthread_mutex_unlock(&site.lock);
    return count;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* With the header "If-None-Match: "v1"" a page of ETag "v1" has not changed. */
static bool unchanged(const struct answer *answer, const char *request)
{
    const char *tag = answer->head ? strstr(answer->head, "ETag: ") : NULL;
    const char *asked = strcasestr(request, "if-none-match: ");

    return tag && asked && strncmp(tag + 6, asked + 15, strcspn(tag + 6, "\r")) == 0;
}

static void answer_one(int fd)
{
    static char request[4096], nothing[65536];
    struct answer answer = {.head = "404 Not Found\r\n", .body = "no"};
    size_t size = 0;
    char path[160] = "", head[1024];

    while (size + 1 < sizeof request && !strstr(request, "\r\n\r\n")) {
        ssize_t got = recv(fd, request + size, sizeof request - 1 - size, 0);
        if (got <= 0)
            return;
        size += (size_t)got;
        request[size] = 0;
    }
    (void)sscanf(request, "GET %159s", path);
    pthread_mutex_lock(&site.lock);
    memcpy(site.request, request, sizeof request);
    memset(request, 0, sizeof request);
    if (site.asked_count < ASKED_MOST)
        strcpy(site.asked[site.asked_count++], path);
    for (size_t i = 0; i < site.count; i++)
        if (strcmp(site.answers[i].path, path) == 0)
            answer = site.answers[i];
    bool same = unchanged(&answer, site.request);
    pthread_mutex_unlock(&site.lock);
    if (same)
        answer = (struct answer){.head = "304 Not Modified\r\n", .body = ""};
    (void)snprintf(head, sizeof head, "HTTP/1.1 %sConnection: close\r\n\r\n",
                   answer.head ? answer.head : "200 OK\r\nContent-Type: text/html\r\n");
    bool fine = send_all(fd, head, strlen(head)) && send_all(fd, answer.body, strlen(answer.body));
    int64_t sent = 0;
    for (; fine && sent < answer.endless; sent += (int64_t)sizeof nothing)
        fine = send_all(fd, nothing, sizeof nothing);
    pthread_mutex_lock(&site.lock);
    site.sent = sent;
    pthread_mutex_unlock(&site.lock);
}

static void *site_run(void *unused)
{
    for (;;) {
        int fd = accept(site.listener, NULL, NULL);
        if (fd < 0)
            return unused;
        answer_one(fd);
        close(fd);
    }
}

static void site_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    memset(&site, 0, sizeof site);
    pthread_mutex_init(&site.lock, NULL);
    site.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(site.listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(site.listener, 16), 0);
    ck_assert_int_eq(getsockname(site.listener, (struct sockaddr *)&address, &size), 0);
    site.port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&site.thread, NULL, site_run, NULL), 0);
}

static void site_stop(void)
{
    shutdown(site.listener, SHUT_RDWR);
    pthread_join(site.thread, NULL);
    close(site.listener);
    pthread_mutex_destroy(&site.lock);
}

#endif
