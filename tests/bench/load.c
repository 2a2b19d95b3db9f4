/* load.c - asks a server over and over and tells how it went, as one line of JSON:
 *
 *     load --to PORT --path PATH [--header "Name: value"] [--stream] [--body-size BYTES]
 *          [--connections N] [--requests N] [--tls] [--abort]        until so many are answered
 *     load … --conversations FILE      each connection goes on with one of the file's ids, a line each
 *     load … --hold            starts one stream on each connection, prints "held", and then prints
 *                              the events received so far for every line that it reads
 *
 * --abort closes each connection at the first bytes of the answer's body. One thread. */
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum part { HEAD, BY_LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

struct caller {
    struct wire wire;
    const struct bytes *request;
    enum part part;
    char head[4096];
    size_t head_size;
    uint64_t left;      /* of the body or of a chunk */
    uint64_t begun;     /* when the request was sent */
    bool newline;       /* the body's last byte was one */
    bool begun_body;
    size_t request_left; /* of the request, still to be written */
};

static int epoll;
static uint16_t port;
static SSL_CTX *context;
static bool abort_early, hold;
static int64_t wanted, started, answered, wrong, events_seen, streaming;
static uint64_t *first_times, *whole_times;
static size_t first_count, whole_count;
static char complaint[256];

/* `conversation` may be NULL. */
static struct bytes *prepare_request(char **argv, const char *conversation)
{
    struct bytes *request = calloc(1, sizeof *request);
    size_t padding = (size_t)atoll(argument(argv, "body-size", "0"));
    struct bytes body = {0};
    bytes_print(&body, "{\"model\":\"%s\",%s\"messages\":[", argument(argv, "model", "bench"),
                argument_flag(argv, "stream") ? "\"stream\":true," : "");
    while (body.size + 1200 < padding) { /* a long conversation, a kilobyte a message */
        bytes_print(&body, "{\"role\":\"%s\",\"content\":\"%01000d\"},",
                    body.size % 2 ? "user" : "assistant", 0);
    }
    bytes_print(&body, "{\"role\":\"user\",\"content\":\"How do I write a plugin?\"}]}");
    if (!request)
        leave("out of memory");
    bytes_print(request,
                "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
                "%s%s%s%s%sContent-Length: %zu\r\n\r\n",
                argument(argv, "path", "/"), port, argument(argv, "header", ""),
                argument(argv, "header", NULL) ? "\r\n" : "",
                conversation ? "Patchbay-Conversation: " : "", conversation ? conversation : "",
                conversation ? "\r\n" : "", body.size);
    bytes_add(request, body.data, body.size);
    free(body.data);
    return request;
}

/* Every connection's request: the same one, or one for each conversation in turn. */
static void prepare_requests(char **argv, struct caller *callers, int64_t count)
{
    const char *path = argument(argv, "conversations", NULL);
    FILE *file = path ? fopen(path, "r") : NULL;
    struct bytes *one = path ? NULL : prepare_request(argv, NULL);
    char line[64];

    if (path && !file)
        leave("%s cannot be read", path);
    for (int64_t i = 0; i < count; i++) {
        if (file && !fgets(line, sizeof line, file))
            leave("%s has fewer than %lld lines", path, (long long)count);
        line[file ? strcspn(line, "\n") : 0] = 0;
        callers[i].request = file ? prepare_request(argv, line) : one;
    }
    if (file)
        fclose(file);
}

static void send_rest(struct caller *caller)
{
    while (caller->request_left) {
        const struct bytes *request = caller->request;
        ssize_t size =
            wire_write(&caller->wire, request->data + request->size - caller->request_left,
                       caller->request_left);
        if (size < 0) {
            if (errno == EAGAIN)
                rewatch(epoll, caller->wire.fd, caller, EPOLLIN | EPOLLOUT);
            return;
        }
        caller->request_left -= (size_t)size;
        if (caller->request_left == 0 && (size_t)size < request->size)
            rewatch(epoll, caller->wire.fd, caller, EPOLLIN);
    }
}

static void ask(struct caller *caller)
{
    if (started >= wanted)
        return;
    started++;
    caller->part = HEAD;
    caller->head_size = 0;
    caller->begun_body = false;
    caller->begun = now_ns();
    caller->request_left = caller->request->size;
    send_rest(caller);
}

static void connect_caller(struct caller *caller)
{
    caller->wire.fd = connect_local(port);
    if (context)
        wire_connect_tls(&caller->wire, context);
    watch(epoll, caller->wire.fd, caller, EPOLLIN);
}

static void finish(struct caller *caller, bool good)
{
    answered++;
    wrong += !good;
    if (good)
        whole_times[whole_count++] = now_ns() - caller->begun;
    caller->part = HEAD;
    caller->head_size = 0;
    if (!good || abort_early) {
        wire_close(&caller->wire);
        if (started < wanted)
            connect_caller(caller);
    }
    ask(caller);
}

/* The header is whole: what follows it? False: the answer is not 200. */
static bool judge_head(struct caller *caller)
{
    const char *head = caller->head;
    if (caller->head_size < 12 || memcmp(head + 9, "200", 3) != 0) {
        if (!complaint[0])
            snprintf(complaint, sizeof complaint, "%.40s", head);
        return false;
    }
    int64_t length = header_number(head, caller->head_size, "\ncontent-length:");
    caller->part = length >= 0 ? BY_LENGTH : CHUNK_SIZE;
    caller->left = length >= 0 ? (uint64_t)length : 0;
    return true;
}

static void count_events(struct caller *caller, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        events_seen += data[i] == '\n' && caller->newline;
        caller->newline = data[i] == '\n';
    }
    if (!caller->begun_body && size) {
        caller->begun_body = true;
        streaming++;
        if (!hold)
            first_times[first_count++] = now_ns() - caller->begun;
    }
}

/* One byte of what frames a chunk. True: that was the end of the body. */
static bool frame_byte(struct caller *caller, char byte)
{
    switch (caller->part) {
    case CHUNK_SIZE:
        if (byte == '\n') {
            caller->part = caller->left ? CHUNK_DATA : TRAILER;
            caller->newline = caller->left ? caller->newline : true;
        } else if (byte != '\r') {
            int digit = byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10;
            caller->left = caller->left * 16 + (uint64_t)digit;
        }
        return false;
    case CHUNK_END:
        if (byte == '\n')
            caller->part = CHUNK_SIZE;
        return false;
    default: /* TRAILER: ends with an empty line */
        if (byte == '\r')
            return false;
        bool over = byte == '\n' && caller->newline;
        caller->newline = byte == '\n';
        return over;
    }
}

/* Takes what came; returns how much of it belonged to this answer, *over when it is whole. */
static size_t take(struct caller *caller, const char *data, size_t size, bool *over)
{
    size_t at = 0;
    while (at < size && !*over) {
        if (caller->part == HEAD) {
            if (caller->head_size == sizeof caller->head - 1)
                leave("the header is longer than %zu bytes", sizeof caller->head);
            caller->head[caller->head_size++] = data[at++];
            if (caller->head_size < 4 ||
                memcmp(caller->head + caller->head_size - 4, "\r\n\r\n", 4) != 0)
                continue;
            if (!judge_head(caller)) {
                finish(caller, false);
                return size;
            }
            *over = caller->part == BY_LENGTH && caller->left == 0;
        } else if (caller->part == BY_LENGTH || caller->part == CHUNK_DATA) {
            size_t part = size - at < caller->left ? size - at : (size_t)caller->left;
            count_events(caller, data + at, part);
            at += part;
            caller->left -= part;
            if (caller->left == 0 && caller->part == CHUNK_DATA)
                caller->part = CHUNK_END;
            else
                *over = caller->left == 0 && caller->part == BY_LENGTH;
        } else {
            *over = frame_byte(caller, data[at++]);
        }
    }
    return at;
}

static void readable(struct caller *caller)
{
    static char data[262144];
    ssize_t size = wire_read(&caller->wire, data, sizeof data);
    bool over = false;
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        if (!complaint[0])
            snprintf(complaint, sizeof complaint, "closed after %lld answers", (long long)answered);
        finish(caller, false);
        return;
    }
    take(caller, data, (size_t)size, &over);
    if (over || (abort_early && caller->begun_body))
        finish(caller, true);
    else if (caller->wire.ssl && SSL_pending(caller->wire.ssl))
        readable(caller);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double percentile(uint64_t *times, size_t count, double share)
{
    if (count == 0)
        return 0;
    qsort(times, count, sizeof *times, compare);
    return (double)times[(size_t)((double)(count - 1) * share)] / 1000;
}

static void tell(double seconds)
{
    printf("{\"answered\": %lld, \"wrong\": %lld, \"seconds\": %.6f, \"events\": %lld, "
           "\"p50_us\": %.2f, \"p99_us\": %.2f, \"first_p50_us\": %.2f, \"complaint\": \"%s\"}\n",
           (long long)answered, (long long)wrong, seconds, (long long)events_seen,
           percentile(whole_times, whole_count, 0.5), percentile(whole_times, whole_count, 0.99),
           percentile(first_times, first_count, 0.5), complaint);
    fflush(stdout);
}

static void run(int64_t connections)
{
    struct epoll_event events[256];
    bool held = false;

    while (hold || answered < wanted) {
        int count = epoll_wait(epoll, events, 256, -1);
        for (int i = 0; i < count; i++) {
            struct caller *caller = events[i].data.ptr;
            if (!caller) {
                char line[64];
                if (read(STDIN_FILENO, line, sizeof line) <= 0)
                    return;
                printf("%lld\n", (long long)events_seen);
                fflush(stdout);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                send_rest(caller);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                readable(caller);
        }
        if (hold && wrong)
            leave("a stream broke: %s", complaint);
        if (hold && !held && streaming == connections) {
            held = true;
            printf("held\n");
            fflush(stdout);
        }
    }
}

int main(int argc, char **argv)
{
    (void)argc;
    int64_t connections = atoll(argument(argv, "connections", "1"));
    struct caller *callers = calloc((size_t)connections, sizeof *callers);

    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    port = (uint16_t)atoi(argument(argv, "to", "0"));
    context = argument_flag(argv, "tls") ? tls_client() : NULL;
    abort_early = argument_flag(argv, "abort");
    hold = argument_flag(argv, "hold");
    wanted = hold ? connections : atoll(argument(argv, "requests", "1"));
    first_times = calloc((size_t)wanted, sizeof *first_times);
    whole_times = calloc((size_t)wanted, sizeof *whole_times);
    if (!callers || !first_times || !whole_times)
        leave("out of memory");
    prepare_requests(argv, callers, connections);
    epoll = epoll_create1(0);
    if (hold)
        watch(epoll, STDIN_FILENO, NULL, EPOLLIN);
    for (int64_t i = 0; i < connections; i++)
        connect_caller(&callers[i]);
    uint64_t begun = now_ns();
    for (int64_t i = 0; i < connections; i++)
        ask(&callers[i]);
    run(connections);
    tell((double)(now_ns() - begun) / 1e9);
    return wrong ? 1 : 0;
}
