/* upstream_kit.c - a service on a thread, one connection after another. See upstream_kit.h. */
#include "upstream_kit.h"

#include "expect.h"
#include "upstream_answers.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_MOST = 1 << 20, PATIENCE = 20000, ROUNDS = 2 };

static struct {
    pthread_mutex_t lock; /* of script, size and rounds */
    pthread_cond_t went_round;
    pb_upstream_script script;
    size_t size, rounds;
    atomic_size_t asked;
    int listener;
    char url[40];
} upstream = {
    .lock = PTHREAD_MUTEX_INITIALIZER, .went_round = PTHREAD_COND_INITIALIZER, .listener = -1};

/* --- the answer ------------------------------------------------------------------------------- */

static bool has(const char *request, const char *part)
{
    return strstr(request, part) != NULL;
}

static const char *body_for(const char *request, const pb_upstream_script *script, bool *streams)
{
    const char *line_end = strstr(request, "\r\n");
    char path[1000];

    (void)snprintf(path, sizeof path, "%.*s", (int)(line_end - request), request);
    bool anthropic = has(path, "/messages"), gemini = has(path, "enerateContent");
    *streams = gemini ? has(path, ":stream")
                      : has(request, "\"stream\":true") || has(request, "\"stream\": true");
    if (script->body)
        return script->body;
    if (script->status)
        return "{\"error\":{\"type\":\"scripted\",\"message\":\"The script says so.\"}}";
    if (!*streams)
        return anthropic ? anthropic_whole : gemini ? gemini_whole : openai_whole;
    if (script->tool)
        return anthropic ? anthropic_tool : gemini ? gemini_tool : openai_tool;
    return anthropic ? anthropic_stream : gemini ? gemini_stream : openai_stream;
}

/* The head, and as many bytes of the body as it announces. False: there is none. */
static bool read_request(int fd, char *into)
{
    size_t size = 0, want = SIZE_MAX;

    while (size < want && size + 1 < REQUEST_MOST) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        ssize_t got = poll(&waiting, 1, PATIENCE) == 1
                          ? recv(fd, into + size, REQUEST_MOST - 1 - size, 0)
                          : 0;
        if (got <= 0)
            return false;
        size += (size_t)got;
        into[size] = 0;
        const char *end = strstr(into, "\r\n\r\n"), *length = strcasestr(into, "content-length:");
        if (end)
            want = (size_t)(end + 4 - into) + (length ? strtoul(length + 15, NULL, 10) : 0);
    }
    return true;
}

static bool send_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* What was sent lies in the other socket already: the second round of the loop from now has read
 * it. */
static void wait_until_read(void)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE / 1000;
    pthread_mutex_lock(&upstream.lock);
    size_t from = upstream.rounds;
    while (upstream.rounds < from + ROUNDS &&
           pthread_cond_timedwait(&upstream.went_round, &upstream.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&upstream.lock);
}

static void answer(int fd, const char *request)
{
    char head[600];
    bool streams;

    pthread_mutex_lock(&upstream.lock);
    pb_upstream_script script = upstream.script;
    const char *body = body_for(request, &script, &streams);
    size_t size = upstream.size = strlen(body);
    pthread_mutex_unlock(&upstream.lock);
    if (script.cut && script.cut < size)
        size = script.cut;
    int used = snprintf(head, sizeof head,
                        "HTTP/1.1 %d Scripted\r\nContent-Type: %s\r\n%sConnection: close\r\n\r\n",
                        script.status ? script.status : 200,
                        streams && !script.status ? "text/event-stream" : "application/json",
                        script.head ? script.head : "");
    if (!send_all(fd, head, (size_t)used))
        return;
    if (script.split && script.split < size) {
        if (!send_all(fd, body, script.split))
            return;
        wait_until_read();
        body += script.split;
        size -= script.split;
    }
    (void)send_all(fd, body, size);
}

static void *serve(void *unused)
{
    char *request = malloc(REQUEST_MOST);

    while (request) {
        int fd = accept4(upstream.listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            break;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        if (read_request(fd, request)) {
            atomic_fetch_add(&upstream.asked, 1);
            answer(fd, request);
        }
        close(fd);
    }
    free(request);
    return unused;
}

/* --- for the test ----------------------------------------------------------------------------- */

const char *pb_upstream_url(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    pthread_t thread;

    if (upstream.listener >= 0)
        return upstream.url;
    upstream.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT(upstream.listener >= 0 &&
               bind(upstream.listener, (struct sockaddr *)&address, size) == 0 &&
               listen(upstream.listener, 128) == 0 &&
               getsockname(upstream.listener, (struct sockaddr *)&address, &size) == 0 &&
               pthread_create(&thread, NULL, serve, NULL) == 0,
           "there is no place on 127.0.0.1 to listen at");
    (void)pthread_detach(thread);
    (void)snprintf(upstream.url, sizeof upstream.url, "http://127.0.0.1:%d",
                   ntohs(address.sin_port));
    return upstream.url;
}

bool pb_upstream_started(void)
{
    return upstream.listener >= 0;
}

void pb_upstream_set(const pb_upstream_script *script)
{
    pthread_mutex_lock(&upstream.lock);
    upstream.script = *script;
    pthread_mutex_unlock(&upstream.lock);
}

size_t pb_upstream_asked(void)
{
    return atomic_load(&upstream.asked);
}

size_t pb_upstream_size(void)
{
    pthread_mutex_lock(&upstream.lock);
    size_t size = upstream.size;
    pthread_mutex_unlock(&upstream.lock);
    return size;
}

void pb_upstream_round(void)
{
    pthread_mutex_lock(&upstream.lock);
    upstream.rounds++;
    pthread_cond_signal(&upstream.went_round);
    pthread_mutex_unlock(&upstream.lock);
}
