/* The HTTP client against upstreams that fail: what the caller sees, and that nothing stays behind. */
#include "upstream.h"

#include <semaphore.h>
#include <sys/resource.h>
#include <valgrind/valgrind.h>

/* The address sanitizer would keep what is freed, and memory is measured here. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void)
{
    return "quarantine_size_mb=1";
}

static struct upstream upstream;

/* Afterwards no connection is left, and the next request is fine. */
static void done(void)
{
    ck_assert_uint_eq(client_figures().open, 0);
    upstream_close(&upstream);
}

/* --- not there -------------------------------------------------------------------------------- */

CLIENT_TEST(refused)
{
    int port, fd = upstream_listen(&port);

    close(fd);
    struct got got = get(pb_printf("http://127.0.0.1:%d/path?key=secret", port));
    ck_assert_int_eq(got.opened, PB_UNAVAILABLE);
    ck_sentence("cannot connect to '127.0.0.1:");
    ck_sentence("connection refused");
    ck_assert_ptr_null(strstr(pb_error_last()->sentence.data, "secret"));
    ck_assert_uint_eq(client_figures().open, 0);
}

/* The queue of a listener that nobody serves is filled, so that connecting hangs. */
CLIENT_TEST(connecting_hangs)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int port, fd = upstream_listen(&port), fill[8];

    listen(fd, 0);
    address.sin_port = htons((uint16_t)port);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(fill[i], (struct sockaddr *)&address, sizeof address);
    }
    pb_http_spec spec = pb_http_spec_make("GET", pb_printf("http://127.0.0.1:%d/", port));
    spec.connect = 20 * PB_MILLISECOND;
    ck_assert_int_eq(get_spec(&spec).opened, PB_TIMEOUT);
    ck_sentence("did not accept a connection in time");
    ck_assert_uint_eq(client_figures().open, 0);
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    close(fd);
}

/* --- answers that are none -------------------------------------------------------------------- */

static void say_arg(struct upstream_peer *peer)
{
    if (peer_request(peer))
        peer_say(peer, peer->upstream->arg);
    shutdown(peer->fd, SHUT_WR);
    peer_wait_end(peer);
}

struct bad {
    const char *answer;
    pb_status opened, read;
    const char *sentence;
};

CLIENT_TEST(garbage_in_many_forms)
{
    static const struct bad bad[] = {
        {"\x16\x03\x01 what is this", PB_BAD_UPSTREAM, 0, "did not answer in HTTP"},
        {"SSH-2.0-OpenSSH_9\r\n", PB_BAD_UPSTREAM, 0, "did not answer in HTTP"},
        {"HTTP/2.0 200 OK\r\n\r\n", PB_BAD_UPSTREAM, 0, "HTTP"},
        {"HTTP/1.1 999999 Hm\r\n\r\n", PB_BAD_UPSTREAM, 0, "did not answer in HTTP"},
        {"HTTP/1.1 200 OK\r\nB\x01" "ad: x\r\n\r\n", PB_BAD_UPSTREAM, 0, "did not answer in HTTP"},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", PB_BAD_UPSTREAM, 0, "did not answer in HTTP"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", PB_BAD_UPSTREAM, 0,
         "did not answer in HTTP"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", PB_BAD_UPSTREAM, 0,
         "did not answer in HTTP"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
         PB_BAD_UPSTREAM, 0, "another protocol"},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", PB_BAD_UPSTREAM,
         0, "the encoding 'gzip'"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", PB_BAD_UPSTREAM, 0,
         "transfer encoding other than chunked"},
        {"HTTP/1.1 20", PB_BAD_UPSTREAM, 0, "broke off"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", PB_OK, PB_BAD_UPSTREAM, "broke off"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc", PB_OK, PB_BAD_UPSTREAM,
         "broke off"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", PB_OK, PB_BAD_UPSTREAM,
         "broke off"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n", PB_OK, PB_BAD_UPSTREAM,
         "did not answer in HTTP"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef", PB_OK, PB_BAD_UPSTREAM,
         "did not answer in HTTP"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", PB_OK,
         PB_BAD_UPSTREAM, "did not answer in HTTP"},
        {"", PB_UNAVAILABLE, 0, "did not answer: closed the connection"},
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        upstream_open(&upstream, say_arg, bad[i].answer);
        struct got got = get(upstream_url(&upstream, "/"));
        ck_assert_msg(got.opened == bad[i].opened && got.read == bad[i].read,
                      "answer %zu: %d, %d: %.*s", i, got.opened, got.read,
                      PB_ARG(pb_error_last()->sentence));
        ck_assert_msg(strstr(pb_copy(pb_error_last()->sentence).data, bad[i].sentence),
                      "answer %zu: %.*s", i, PB_ARG(pb_error_last()->sentence));
        done();
    }
}

static void speak_first(struct upstream_peer *peer)
{
    peer_say(peer, "220 mail.example ESMTP\r\n");
    peer_wait_end(peer);
}

CLIENT_TEST(a_server_that_speaks_first)
{
    upstream_open(&upstream, speak_first, NULL);
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_BAD_UPSTREAM);
    done();
}

/* --- limits ----------------------------------------------------------------------------------- */

enum endless { ENDLESS_HEADERS, ENDLESS_VALUE, ENDLESS_REASON, ENDLESS_1XX, MANY_HEADERS, ENDLESS_EXTENSION };

static void without_end(struct upstream_peer *peer)
{
    static const char *const first[] = {
        "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 ", "", "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;"};
    static const char *const again[] = {"X-Header: some value that takes room\r\n", "xxxxxxxxxxxxxxxx",
                                        "yyyyyyyyyyyyyyyyy", "HTTP/1.1 100 Continue\r\nX: y\r\n\r\n",
                                        "A: b\r\n", "zzzzzzzzzzzzzzz"};
    int kind = *(const int *)peer->upstream->arg;

    if (!peer_request(peer))
        return;
    peer_say(peer, first[kind]);
    for (;;) { /* until the client hangs up */
        size_t size = strlen(again[kind]);
        if (send(peer->fd, again[kind], size, MSG_NOSIGNAL) <= 0)
            return;
    }
}

CLIENT_TEST(a_header_without_end)
{
    for (int kind = ENDLESS_HEADERS; kind <= ENDLESS_EXTENSION; kind++) {
        upstream_open(&upstream, without_end, &kind);
        struct got got = get(upstream_url(&upstream, "/"));
        ck_assert_int_eq(kind == ENDLESS_EXTENSION ? got.read : got.opened, PB_BAD_UPSTREAM);
        ck_sentence(kind == MANY_HEADERS || kind == ENDLESS_HEADERS ? "more than" : "64 kB");
        done();
    }
}

static void a_gigabyte(struct upstream_peer *peer)
{
    static const char zeros[64 << 10];
    bool chunked = peer->upstream->arg != NULL;

    if (!peer_request(peer))
        return;
    peer_say(peer, chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40000000\r\n"
                           : "HTTP/1.1 200 OK\r\n\r\n");
    for (int i = 0; i < 16384; i++)
        if (send(peer->fd, zeros, sizeof zeros, MSG_NOSIGNAL) <= 0)
            return;
}

/* In kB; always 0 inside Valgrind, whose own memory this would count. */
static long resident(void)
{
    struct rusage usage;

    if (RUNNING_ON_VALGRIND)
        return 0;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

CLIENT_TEST(a_gigabyte_stops_at_max_body)
{
    pb_http *http;
    pb_str chunk;
    pb_status status;
    int64_t total = 0;

    upstream_open(&upstream, a_gigabyte, "chunked");
    long before = resident();
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    spec.max_body = 100 << 20;
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    while ((status = pb_http_read(http, &chunk)) == PB_OK && chunk.size) {
        total += (int64_t)chunk.size;
        ck_assert_uint_le(chunk.size, 400 << 10);
    }
    ck_assert_int_eq(status, PB_TOO_LARGE);
    ck_sentence("larger than 104857600 bytes");
    ck_assert_int_le(total, 100 << 20);
    ck_assert_int_gt(total, 99 << 20);
    ck_assert_int_lt(resident() - before, 16 << 10); /* kB */
    pb_http_close(http);
    done();
}

/* Nobody reads: the sender is held up, memory stays small. */
CLIENT_TEST(a_body_that_nobody_reads_waits)
{
    pb_http *http;
    pb_str chunk;

    upstream_open(&upstream, a_gigabyte, NULL);
    long before = resident();
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    spec.max_body = (int64_t)2 << 30;
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    ck_assert_int_lt(resident() - before, 8 << 10);
    for (int64_t total = 0; total < 50 << 20; total += (int64_t)chunk.size) /* and goes on */
        ck_assert_int_eq(pb_http_read(http, &chunk), PB_OK);
    pb_http_close(http);
    done();
}

CLIENT_TEST(a_length_beyond_max_body_is_not_even_begun)
{
    upstream_open(&upstream, say_arg, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    spec.max_body = 999;
    ck_assert_int_eq(get_spec(&spec).read, PB_TOO_LARGE);
    done();
}

/* --- time ------------------------------------------------------------------------------------- */

static void listen_only(struct upstream_peer *peer)
{
    peer_request(peer);
    if (peer->upstream->arg)
        peer_say(peer, peer->upstream->arg);
    peer_wait_end(peer);
}

CLIENT_TEST(no_answer_in_time)
{
    upstream_open(&upstream, listen_only, NULL);
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    spec.first_byte = 20 * PB_MILLISECOND;
    ck_assert_int_eq(get_spec(&spec).opened, PB_TIMEOUT);
    ck_sentence("did not begin to answer within 20 ms");
    done();
    ck_assert_int_eq(upstream.saw_end, 1);
}

CLIENT_TEST(silence_in_the_middle)
{
    pb_http *http;
    pb_str chunk;

    upstream_open(&upstream, listen_only, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    spec.between_bytes = 20 * PB_MILLISECOND;
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    ck_assert_int_eq(pb_http_read(http, &chunk), PB_OK);
    ck_text(chunk, "abc");
    ck_assert_int_eq(pb_http_read(http, &chunk), PB_TIMEOUT);
    ck_sentence("fell silent for 20 ms");
    ck_assert_int_eq(pb_http_read(http, &chunk), PB_TIMEOUT); /* and stays so */
    ck_assert_uint_eq(client_figures().open, 0);              /* closed already */
    pb_http_close(http);
    done();
}

CLIENT_TEST(a_deadline_of_the_caller)
{
    upstream_open(&upstream, listen_only, NULL);
    pb_duration before = pb_deadline_begin(20 * PB_MILLISECOND);
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_TIMEOUT);
    ck_sentence("within the time allowed");
    pb_deadline_end(before);
    done();
}

/* --- cancelling ------------------------------------------------------------------------------- */

static pb_status open_and_wait(void *arg)
{
    pb_http *http;
    pb_str chunk;
    pb_http_spec spec = pb_http_spec_make("GET", *(pb_str *)arg);
    pb_status status = pb_http_open(&spec, &http);

    while (status == PB_OK && (status = pb_http_read(http, &chunk)) == PB_OK && chunk.size)
        ;
    if (status == PB_CANCELLED && upstream.arg)
        ck_assert_uint_eq(client_figures().open, 0); /* at once, before pb_http_close */
    if (upstream.arg)
        pb_http_close(http);
    return status;
}

static void cancel_with(const char *answer)
{
    pb_task *task;

    upstream_open(&upstream, listen_only, answer);
    pb_str url = upstream_url(&upstream, "/");
    ck_assert_int_eq(pb_spawn(open_and_wait, &url, &task), PB_OK);
    while (upstream.requests == 0)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    pb_task_cancel(task);
    ck_assert_int_eq(pb_join(task), PB_CANCELLED);
    done(); /* which joins the script: it saw the end of the connection */
    ck_assert_int_eq(upstream.saw_end, 1);
}

CLIENT_TEST(cancelling_closes_the_upstream)
{
    cancel_with(NULL);
    cancel_with("HTTP/1.1 200 OK\r\n\r\nabc");
}

CLIENT_TEST(cancelling_while_connecting)
{
    pb_task *task;
    pb_str url = pb_lit("http://127.0.0.1:9/");

    upstream.arg = NULL;
    ck_assert_int_eq(pb_spawn(open_and_wait, &url, &task), PB_OK);
    pb_task_cancel(task);
    ck_assert_int_eq(pb_join(task), PB_CANCELLED);
    ck_assert_uint_eq(client_figures().open, 0);
}

/* --- resets and early answers ----------------------------------------------------------------- */

static void reset_in_the_middle(struct upstream_peer *peer)
{
    peer_request(peer);
    peer_reset(peer);
    if (peer->upstream->arg) {
        peer_say(peer, peer->upstream->arg);
        peer_request(peer); /* until the client has it and says so */
        peer_reset(peer);
    }
}

CLIENT_TEST(a_reset)
{
    pb_http *http;
    pb_str chunk;
    pb_status status;

    upstream_open(&upstream, reset_in_the_middle, NULL);
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_UNAVAILABLE);
    ck_sentence("did not answer: connection reset");
    done();
    upstream_open(&upstream, say_arg, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    while ((status = pb_http_read(http, &chunk)) == PB_OK)
        ck_text(chunk, "abc"); /* what came before is handed out first */
    ck_assert_int_eq(status, PB_BAD_UPSTREAM);
    pb_http_close(http);
    done();
}

static sem_t refused_read;

/* Reads no more until the client has its answer. */
static void refuse_early(struct upstream_peer *peer)
{
    char some[1024];

    (void)!recv(peer->fd, some, sizeof some, 0);
    peer_say(peer, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!");
    sem_wait(&refused_read);
}

CLIENT_TEST(an_early_refusal_of_a_large_body)
{
    size_t size = (size_t)32 << 20;
    char *body = calloc(1, size);

    sem_init(&refused_read, 0, 0);
    upstream_open(&upstream, refuse_early, NULL);
    pb_http_spec spec = pb_http_spec_make("POST", upstream_url(&upstream, "/"));
    spec.body = pb_str_make(body, size);
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.opened, PB_OK);
    ck_assert_int_eq(got.status, 413);
    ck_text(got.body, "no!");
    free(body);
    sem_post(&refused_read);
    done();
}

/* --- addresses -------------------------------------------------------------------------------- */

CLIENT_TEST(what_is_not_public_is_refused)
{
    static const char *const inside[] = {"http://127.0.0.1:1/", "http://[::1]:1/", "http://10.0.0.1/",
                                         "http://169.254.169.254/latest", "http://localhost:1/",
                                         "http://[::ffff:127.0.0.1]:1/", "http://0.0.0.0:1/"};
    upstream_open(&upstream, listen_only, NULL);
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
        pb_http_spec spec = pb_http_spec_make("GET", pb_str_of(inside[i]));
        spec.public_only = 1;
        ck_assert_int_eq(get_spec(&spec).opened, PB_FORBIDDEN);
        ck_sentence("is not on the public internet");
    }
    ck_assert_int_eq(upstream.accepted, 0);
    done();
}

static void answer_always(struct upstream_peer *peer)
{
    while (peer_request(peer))
        peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

/* A connection that was made without the guard is not lent to a request with it. */
CLIENT_TEST(a_kept_connection_does_not_lead_inside)
{
    upstream_open(&upstream, answer_always, NULL);
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/"));
    ck_assert_int_eq(get_spec(&spec).opened, PB_OK);
    ck_assert_uint_eq(client_figures().idle, 1);
    spec.public_only = 1;
    ck_assert_int_eq(get_spec(&spec).opened, PB_FORBIDDEN);
    ck_assert_int_eq(upstream.requests, 1);
    client_fini();
    done();
}

int main(void)
{
    return suite_run("client_faults",
                     (const TTest *[]){refused, connecting_hangs, garbage_in_many_forms,
                                       a_server_that_speaks_first, a_header_without_end,
                                       a_gigabyte_stops_at_max_body, a_body_that_nobody_reads_waits,
                                       a_length_beyond_max_body_is_not_even_begun,
                                       no_answer_in_time, silence_in_the_middle,
                                       a_deadline_of_the_caller, cancelling_closes_the_upstream,
                                       cancelling_while_connecting, a_reset,
                                       an_early_refusal_of_a_large_body,
                                       what_is_not_public_is_refused,
                                       a_kept_connection_does_not_lead_inside, NULL});
}
