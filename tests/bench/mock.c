/* mock.c - a model that answers at once, in a burst, or slowly: mock [--port N] [--gap MS]
 * [--tokens N] [--certificate FILE --key FILE]
 *
 * A request without "stream": true gets a completion of 579 bytes. A stream is `tokens` events; without
 * a gap all of them leave in one write, with one the first leaves at once and another every gap.
 * Prints its port. One thread. */
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SLOTS = 20, COMPLETION = 579 };

struct client {
    struct wire wire;
    struct bytes in, out;
    size_t sent;           /* of out */
    int64_t tokens;        /* still to come of a slow stream */
    struct client *next, **link; /* in the slot that ticks it, while streaming slowly; then dead */
};

static int epoll;
static struct client *slots[SLOTS];
static struct client *dead; /* freed after the batch: events of it may still be in the batch */
static unsigned next_slot;
static struct bytes completion, burst, first, token, last;
static int64_t gap_ms, token_count;

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

static void add_event(struct bytes *bytes, const char *delta, const char *finish)
{
    char event[512];
    int size = snprintf(event, sizeof event,
                        "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\","
                        "\"created\":1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,"
                        "\"delta\":%s,\"finish_reason\":%s}]}\n\n",
                        delta, finish);
    bytes_print(bytes, "%x\r\n%s\r\n", (unsigned)size, event);
}

static void prepare_answers(void)
{
    struct bytes body = {0};
    bytes_print(&body, "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":"
                       "1700000000,\"model\":\"mock\",\"choices\":[{\"index\":0,\"message\":"
                       "{\"role\":\"assistant\",\"content\":\"");
    static const char tail[] = "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":24,"
                               "\"completion_tokens\":64,\"total_tokens\":88}}";
    while (body.size + sizeof tail - 1 < COMPLETION)
        bytes_add(&body, &"all work and no play "[body.size % 21], 1);
    bytes_add(&body, tail, sizeof tail - 1);
    bytes_print(&completion, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             "Content-Length: %zu\r\n\r\n", body.size);
    bytes_add(&completion, body.data, body.size);

    add_event(&first, "{\"role\":\"assistant\",\"content\":\"\"}", "null");
    add_event(&token, "{\"content\":\" token\"}", "null");
    add_event(&last, "{}", "\"stop\"");
    bytes_print(&last, "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
    bytes_print(&burst, "%s", stream_head);
    bytes_add(&burst, first.data, first.size);
    for (int64_t i = 0; i < token_count - 3; i++) /* first, finish and [DONE] count too */
        bytes_add(&burst, token.data, token.size);
    bytes_add(&burst, last.data, last.size);
}

static void leave_slot(struct client *client)
{
    if (!client->link)
        return;
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    client->link = NULL;
}

static void enter_slot(struct client *client)
{
    struct client **slot = &slots[next_slot++ % SLOTS];
    client->next = *slot;
    client->link = slot;
    if (*slot)
        (*slot)->link = &client->next;
    *slot = client;
}

static void drop(struct client *client)
{
    leave_slot(client);
    wire_close(&client->wire);
    client->next = dead;
    dead = client;
}

static void bury(void)
{
    while (dead) {
        struct client *next = dead->next;
        free(dead->in.data);
        free(dead->out.data);
        free(dead);
        dead = next;
    }
}

/* Writes data, or keeps what does not fit. False: the client is gone. */
static bool say(struct client *client, const struct bytes *bytes)
{
    size_t done = 0;
    if (client->out.size == client->sent) {
        ssize_t size = wire_write(&client->wire, bytes->data, bytes->size);
        if (size < 0 && errno != EAGAIN) {
            drop(client);
            return false;
        }
        done = size > 0 ? (size_t)size : 0;
    }
    if (done == bytes->size)
        return true;
    bytes_add(&client->out, bytes->data + done, bytes->size - done);
    rewatch(epoll, client->wire.fd, client, EPOLLIN | EPOLLOUT);
    return true;
}

static void flush(struct client *client)
{
    while (client->sent < client->out.size) {
        ssize_t size = wire_write(&client->wire, client->out.data + client->sent,
                                  client->out.size - client->sent);
        if (size < 0)
            return;
        client->sent += (size_t)size;
    }
    client->out.size = client->sent = 0;
    rewatch(epoll, client->wire.fd, client, EPOLLIN);
}

static bool answer(struct client *client, const char *body, size_t size)
{
    if (!memmem(body, size, "\"stream\":true", 13) && !memmem(body, size, "\"stream\": true", 14))
        return say(client, &completion);
    if (gap_ms == 0)
        return say(client, &burst);
    struct bytes begin = {0};
    bytes_print(&begin, "%s", stream_head);
    bytes_add(&begin, first.data, first.size);
    bytes_add(&begin, token.data, token.size);
    bool there = say(client, &begin);
    free(begin.data);
    if (there) {
        client->tokens = token_count - 4;
        enter_slot(client);
    }
    return there;
}

/* Answers every whole request that is in client->in. False: the client is gone. */
static bool take_requests(struct client *client)
{
    for (;;) {
        char *end = memmem(client->in.data, client->in.size, "\r\n\r\n", 4);
        if (!end)
            return true;
        size_t head = (size_t)(end - client->in.data) + 4;
        int64_t length = header_number(client->in.data, head, "\ncontent-length:");
        size_t whole = head + (length > 0 ? (size_t)length : 0);
        if (client->in.size < whole)
            return true;
        if (!answer(client, client->in.data + head, whole - head))
            return false;
        client->in.size -= whole;
        memmove(client->in.data, client->in.data + whole, client->in.size);
    }
}

static void readable(struct client *client)
{
    static char data[65536];
    ssize_t size;
    while ((size = wire_read(&client->wire, data, sizeof data)) > 0) {
        bytes_add(&client->in, data, (size_t)size);
        if (!take_requests(client))
            return;
        if ((size_t)size < sizeof data && !client->wire.ssl)
            return;
    }
    if (size == 0 || errno != EAGAIN)
        drop(client);
}

static void accept_all(int listener, SSL_CTX *context)
{
    for (int fd; (fd = accept_local(listener)) >= 0;) {
        struct client *client = calloc(1, sizeof *client);
        if (!client)
            leave("out of memory");
        client->wire.fd = fd;
        if (context) {
            client->wire.ssl = SSL_new(context);
            SSL_set_fd(client->wire.ssl, fd);
            SSL_set_accept_state(client->wire.ssl);
        }
        watch(epoll, fd, client, EPOLLIN);
    }
}

static void tick(int timer)
{
    static unsigned slot;
    uint64_t count;
    if (read(timer, &count, sizeof count) != sizeof count)
        return;
    while (count--) {
        struct client *next;
        for (struct client *client = slots[slot % SLOTS]; client; client = next) {
            next = client->next;
            bool over = client->tokens-- <= 0;
            if (over)
                leave_slot(client);
            say(client, over ? &last : &token);
        }
        slot++;
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    struct epoll_event events[256];
    const char *certificate = argument(argv, "certificate", NULL);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    SSL_CTX *context = certificate ? tls_server(certificate, argument(argv, "key", "")) : NULL;

    signal(SIGPIPE, SIG_IGN);
    gap_ms = atoll(argument(argv, "gap", "0"));
    token_count = atoll(argument(argv, "tokens", "66"));
    raise_limits();
    prepare_answers();
    epoll = epoll_create1(0);
    int listener = listen_local((uint16_t)atoi(argument(argv, "port", "0")));
    watch(epoll, listener, &listener, EPOLLIN);
    if (gap_ms) {
        long step = (long)(gap_ms * 1000000 / SLOTS);
        struct itimerspec every = {{0, step}, {0, step}};
        timerfd_settime(timer, 0, &every, NULL);
        watch(epoll, timer, &timer, EPOLLIN);
    }
    for (;;) {
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            void *data = events[i].data.ptr;
            if (data == &listener)
                accept_all(listener, context);
            else if (data == &timer)
                tick(timer);
            else if (((struct client *)data)->wire.fd < 0)
                continue;
            else if (events[i].events & EPOLLOUT)
                flush(data);
            else
                readable(data);
        }
        bury();
    }
}
