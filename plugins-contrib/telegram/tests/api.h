/* api.h - a Bot API of the test's own: hands out updates, keeps what was sent, fails when told to.
 *
 * A thread for each connection, so that a long poll holds nobody up. One bot: "77:token".
 */
#ifndef CONTRIB_TELEGRAM_API_H
#define CONTRIB_TELEGRAM_API_H

#include <suite.h>
#include <testkit.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>

enum { API_CALLS = 400, API_BODY = 24000 };

struct api_call {
    char method[32];
    char body[API_BODY];
};

static struct {
    int listener, port;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t accepting;
    struct api_call *calls;
    int count, connections;
    char updates[8][2000]; /* JSON of updates, ids from 1 */
    int update_count;
    const char *fail_method; /* the next `fails` calls of it get this answer */
    int fails;
    const char *answer; /* "429 Too Many Requests\0{…}" in two strings: status line, body */
    const char *answer_body;
    const char *hold;      /* messages with this part are not answered before it is NULL */
    bool closing;
} api;

static void api_write(int fd, const char *status, const char *body)
{
    char head[200];
    int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                                           "Content-Length: %zu\r\n\r\n",
                        status, strlen(body));

    if (send(fd, head, (size_t)size, MSG_NOSIGNAL) == size)
        (void)!send(fd, body, strlen(body), MSG_NOSIGNAL);
}

/* Waits for an update with at least this id. */
static void api_updates(const char *body, char *out, size_t room)
{
    const char *at = strstr(body, "\"offset\":");
    long long offset = at ? atoll(at + 9) : 0;
    size_t size = 0;

    while (!api.closing && api.update_count < (offset > 1 ? offset : 1))
        pthread_cond_wait(&api.changed, &api.lock);
    size += (size_t)snprintf(out, room, "{\"ok\":true,\"result\":[");
    for (int i = offset > 1 ? (int)offset - 1 : 0; i < api.update_count; i++)
        size += (size_t)snprintf(out + size, room - size, "%s%s", out[size - 1] == '[' ? "" : ",",
                                 api.updates[i]);
    (void)snprintf(out + size, room - size, "]}");
}

static void api_answer(int fd, const char *method, const char *body)
{
    static char text[20000];
    char *out = text;

    pthread_mutex_lock(&api.lock);
    if (api.count < API_CALLS) {
        (void)snprintf(api.calls[api.count].method, sizeof api.calls->method, "%s", method);
        (void)snprintf(api.calls[api.count++].body, API_BODY, "%s", body);
    }
    pthread_cond_broadcast(&api.changed);
    while (api.hold && strcmp(method, "sendMessage") == 0 && strstr(body, api.hold))
        pthread_cond_wait(&api.changed, &api.lock);
    if (api.fails && strcmp(method, api.fail_method) == 0) {
        api.fails--;
        api_write(fd, api.answer, api.answer_body);
    } else if (strcmp(method, "getUpdates") == 0) {
        api_updates(body, out, sizeof text);
        api_write(fd, "200 OK", out);
    } else if (strcmp(method, "getMe") == 0) {
        api_write(fd, "200 OK", "{\"ok\":true,\"result\":{\"id\":77,\"username\":\"our_bot\"}}");
    } else {
        (void)snprintf(out, sizeof text, "{\"ok\":true,\"result\":{\"message_id\":%d}}", 1000 + api.count);
        api_write(fd, "200 OK", out);
    }
    pthread_mutex_unlock(&api.lock);
}

/* Reads one request into `room`; its body, or NULL. */
static char *api_read(int fd, char *room, size_t size)
{
    size_t got = 0;

    for (;;) {
        ssize_t more = recv(fd, room + got, size - 1 - got, 0);
        if (more <= 0)
            return NULL;
        got += (size_t)more;
        room[got] = 0;
        char *end = strstr(room, "\r\n\r\n"), *length = strcasestr(room, "content-length:");
        if (end && got >= (size_t)(end + 4 - room) + (length ? strtoul(length + 15, NULL, 10) : 0))
            return end + 4;
    }
}

static void *api_serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char *room = malloc(API_BODY + 2000), method[32], *body;

    while (room && (body = api_read(fd, room, API_BODY + 2000))) {
        if (sscanf(room, "POST /bot77:token/%31[A-Za-z] HTTP/1.1", method) == 1)
            api_answer(fd, method, body);
        else
            api_write(fd, "404 Not Found", "{\"ok\":false,\"description\":\"Not Found\"}");
    }
    free(room);
    close(fd);
    pthread_mutex_lock(&api.lock);
    api.connections--;
    pthread_cond_broadcast(&api.changed);
    pthread_mutex_unlock(&api.lock);
    return NULL;
}

static void *api_accept(void *unused)
{
    int fd;

    while ((fd = accept(api.listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        pthread_mutex_lock(&api.lock);
        api.connections++;
        pthread_mutex_unlock(&api.lock);
        if (pthread_create(&thread, NULL, api_serve, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
    }
    return unused;
}

static void api_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    memset(&api, 0, sizeof api);
    api.calls = calloc(API_CALLS, sizeof *api.calls);
    ck_assert_ptr_nonnull(api.calls);
    pthread_mutex_init(&api.lock, NULL);
    pthread_cond_init(&api.changed, NULL);
    api.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(api.listener, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(listen(api.listener, 32), 0);
    ck_assert_int_eq(getsockname(api.listener, (struct sockaddr *)&address, &size), 0);
    api.port = ntohs(address.sin_port);
    ck_assert_int_eq(pthread_create(&api.accepting, NULL, api_accept, NULL), 0);
}

static void api_stop(void)
{
    pthread_mutex_lock(&api.lock);
    api.closing = true;
    pthread_cond_broadcast(&api.changed);
    while (api.connections > 0)
        pthread_cond_wait(&api.changed, &api.lock);
    pthread_mutex_unlock(&api.lock);
    shutdown(api.listener, SHUT_RDWR);
    pthread_join(api.accepting, NULL);
    close(api.listener);
    free(api.calls);
}

/* The next update: `message` is its JSON without the braces. */
static void api_push(const char *message)
{
    pthread_mutex_lock(&api.lock);
    (void)snprintf(api.updates[api.update_count], sizeof api.updates[0],
                   "{\"update_id\":%d,\"message\":{%s}}", api.update_count + 1, message);
    api.update_count++;
    pthread_cond_broadcast(&api.changed);
    pthread_mutex_unlock(&api.lock);
}

static void api_hold(const char *part)
{
    pthread_mutex_lock(&api.lock);
    api.hold = part;
    pthread_cond_broadcast(&api.changed);
    pthread_mutex_unlock(&api.lock);
}

static void api_fail(const char *method, int times, const char *status, const char *body)
{
    pthread_mutex_lock(&api.lock);
    api.fail_method = method;
    api.fails = times;
    api.answer = status;
    api.answer_body = body;
    pthread_mutex_unlock(&api.lock);
}

/* The n-th call (from 0) of the method whose body contains `part`, or NULL; nobody may call meanwhile. */
static const char *api_found(const char *method, const char *part, int n)
{
    for (int i = 0; i < api.count; i++)
        if (strcmp(api.calls[i].method, method) == 0 && strstr(api.calls[i].body, part) && n-- == 0)
            return api.calls[i].body;
    return NULL;
}

struct api_wait {
    const char *method, *part;
    int n;
    const char *found;
};

/* On a helper thread. */
static pb_status api_wait_blocking(void *arg)
{
    struct api_wait *wait = arg;
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    pthread_mutex_lock(&api.lock);
    while (!(wait->found = api_found(wait->method, wait->part, wait->n)) &&
           pthread_cond_timedwait(&api.changed, &api.lock, &until) == 0)
        ;
    pthread_mutex_unlock(&api.lock);
    return PB_OK;
}

static pb_status api_wait_task(void *arg)
{
    return pb_offload(api_wait_blocking, arg);
}

/* Runs the harness until that call came. */
static const char *api_await_nth(pb_harness *harness, const char *method, const char *part, int n)
{
    struct api_wait wait = {method, part, n, NULL};

    ck_assert_int_eq(pb_harness_run(harness, api_wait_task, &wait, NULL), PB_OK);
    if (!wait.found)
        for (int i = 0; i < api.count; i++)
            printf("%s %s\n", api.calls[i].method, api.calls[i].body);
    ck_assert_msg(wait.found != NULL, "no %s with '%s' came (%d)", method, part, n);
    return wait.found;
}

static const char *api_await(pb_harness *harness, const char *method, const char *part)
{
    return api_await_nth(harness, method, part, 0);
}

static int api_count(const char *method, const char *part)
{
    int count = 0;

    pthread_mutex_lock(&api.lock);
    while (api_found(method, part, count))
        count++;
    pthread_mutex_unlock(&api.lock);
    return count;
}

#endif
