/* test_server_limits.c - connections, time-outs, back-pressure, draining. Limits are tiny; nothing
 * depends on how fast the machine is. */
#include "net/server_bench.h"
#include "suite.h"

#include <sys/resource.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1 /* freed memory stays resident */
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define SANITIZED 0
#endif

static _Atomic int go;

static pb_status flood(pb_request *request)
{
    static char megabyte[1 << 20];
    pb_status status;

    memset(megabyte, 'x', sizeof megabyte);
    if (pb_str_is(request->query, "whole"))
        return pb_respond(request, 200, NULL, 0, pb_str_make(megabyte, sizeof megabyte));
    status = pb_respond_begin(request, 200, NULL, 0);
    for (int i = 0; status == PB_OK && i < 64 * 1024; i++)
        if ((status = pb_respond_write(request, pb_str_make(megabyte, 1024))) == PB_OK)
            seen.written += 1024;
    seen.last_status = status;
    return status == PB_OK ? pb_respond_end(request) : status;
}

/* A piece that the client does not read in time, and then another one. */
static pb_status tear(pb_request *request)
{
    static char piece[16 << 20];

    memset(piece, 'x', sizeof piece);
    pb_status status = pb_respond_begin(request, 200, NULL, 0);
    int64_t deadline = pb_deadline_begin(20 * PB_MILLISECOND);
    if (status == PB_OK)
        status = pb_respond_write(request, pb_str_make(piece, sizeof piece));
    pb_deadline_end(deadline);
    ck_assert_int_eq(status, PB_TIMEOUT);
    ck_assert_int_eq(pb_respond_write(request, pb_lit("behind it")), PB_CANCELLED);
    seen.last_status = pb_respond_end(request);
    return status;
}

static pb_status handle(void *self, pb_request *request)
{
    pb_status status = PB_OK;
    pb_str body;

    (void)self;
    seen.handled++;
    if (pb_str_is(request->path, "/echo")) {
        status = pb_request_body(request, &body);
        seen.last_status = status;
        if (status == PB_OK)
            status = pb_respond(request, 200, NULL, 0, body);
    } else if (pb_str_is(request->path, "/flood")) {
        status = flood(request);
    } else if (pb_str_is(request->path, "/tear")) {
        status = tear(request);
    } else if (pb_str_is(request->path, "/beat")) {
        status = pb_respond_begin(request, 200, NULL, 0);
        pb_respond_heartbeat(request, PB_MILLISECOND, pb_lit(": beat\n\n"));
        while (status == PB_OK && !go)
            status = pb_sleep(PB_MILLISECOND);
        status = pb_respond_end(request);
    } else if (pb_str_is(request->path, "/hold")) {
        while (status == PB_OK && !go)
            status = pb_sleep(PB_MILLISECOND);
        if (status == PB_OK)
            status = pb_respond(request, 200, NULL, 0, pb_lit("held"));
        seen.last_status = status;
    } else {
        status = pb_respond(request, 200, NULL, 0, pb_lit("hello"));
    }
    seen.ended++;
    return status;
}

/* --- connections ------------------------------------------------------------------------------ */

static void connections_client(void)
{
    int first = dial(), second = dial(), third;

    say(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(first);
    say(second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(second);
    third = dial();
    char *answer = hear_all(third, NULL);
    expect_starts(answer, "HTTP/1.1 503 ");
    expect_has(answer, "Retry-After");
    free(answer);
    close(third);
    close(first);
    for (int ok = 0; !ok;) { /* as soon as the first is seen to be gone */
        int fd = dial();
        say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        answer = hear_all(fd, NULL);
        ok = strstr(answer, "200 OK") != NULL;
        free(answer);
        close(fd);
    }
    close(second);
}

START_TEST(limits_connections_in_all)
{
    bench.spec.max_connections = 2;
    with_server(handle, connections_client);
}
END_TEST

START_TEST(limits_connections_of_an_address)
{
    bench.spec.max_connections_per_address = 2;
    with_server(handle, connections_client);
}
END_TEST

enum { THOUSAND = 1000 };

static void thousand_client(void)
{
    int *fd = malloc(THOUSAND * sizeof *fd);

    for (int i = 0; i < THOUSAND; i++)
        fd[i] = dial();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < THOUSAND; i++)
            say(fd[i], round ? "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
                             : "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
        if (round) {
            until(seen.handled == 2 * THOUSAND);
            ck_assert_uint_eq(figure_of(server_requests), THOUSAND);
            go = 1;
        }
        for (int i = 0; i < THOUSAND; i++)
            expect_ends(hear(fd[i]), round ? "held" : "hi");
    }
    ck_assert_uint_eq(figure_of(server_connections), THOUSAND);
    for (int i = 0; i < THOUSAND; i++)
        close(fd[i]);
    until(figure_of(server_connections) == 0);
    free(fd);
}

START_TEST(serves_a_thousand_connections)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    with_server(handle, thousand_client);
}
END_TEST

/* --- time-outs -------------------------------------------------------------------------------- */

static void header_timeout_client(void)
{
    refused("GET / HTTP/1.1\r\nHos", 19, "408");
}

START_TEST(gives_up_on_a_slow_header)
{
    bench.spec.header_timeout = 20 * PB_MILLISECOND;
    with_server(handle, header_timeout_client);
}
END_TEST

static void body_timeout_client(void)
{
    refused("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhal", 54, "408");
    until(seen.ended == 1);
    ck_assert_int_eq(seen.last_status, PB_TIMEOUT);
}

START_TEST(gives_up_on_a_slow_body)
{
    bench.spec.body_timeout = 20 * PB_MILLISECOND;
    with_server(handle, body_timeout_client);
}
END_TEST

static void idle_client(void)
{
    int fd = dial(), silent = dial();
    size_t size;

    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_ends(hear(fd), "hello");
    free(hear_all(fd, &size)); /* ended by the server */
    ck_assert_uint_eq(size, 0);
    free(hear_all(silent, &size));
    ck_assert_uint_eq(size, 0);
    close(fd);
    close(silent);
}

START_TEST(closes_idle_connections)
{
    bench.spec.keepalive_timeout = 20 * PB_MILLISECOND;
    with_server(handle, idle_client);
}
END_TEST

static int dial_small(void)
{
    int small = 4096, fd = dial();
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    return fd;
}

static void stall_client(void)
{
    int fd = dial_small();
    say(fd, "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.ended == 1); /* we never read */
    ck_assert_int_eq(seen.last_status, PB_CANCELLED);
    until(figure_of(server_connections) == 0);
    close(fd);
}

START_TEST(drops_a_client_that_does_not_read)
{
    bench.spec.write_timeout = 30 * PB_MILLISECOND;
    with_server(handle, stall_client);
}
END_TEST

/* --- back-pressure ---------------------------------------------------------------------------- */

static long resident_kb(void)
{
    long pages = 0, total;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(file, "%ld %ld", &total, &pages), 2);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void slow_reader_client(void)
{
    int fd = dial();
    static char buffer[64 << 10];
    long before = resident_kb(), most = 0;
    size_t total = 0;
    ssize_t got;

    say(fd, "GET /flood HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    until(seen.handled == 1);
    while ((got = recv(fd, buffer, sizeof buffer, 0)) > 0) {
        total += (size_t)got;
        ck_assert_int_lt(seen.written - (long)total, 24 << 20); /* what the kernel may hold */
        long now = resident_kb() - before;
        most = now > most ? now : most;
    }
    ck_assert_uint_gt(total, 64u << 20);
    if (!SANITIZED)
        ck_assert_int_lt(most,
                         8 << 10); /* of 64 MB: the megabyte of the handler, buffers, little else */
    close(fd);
    fd = dial();
    say(fd, "GET /flood?whole HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *text = hear_all(fd, &total);
    ck_assert_uint_gt(total, 1u << 20);
    expect_has(text, "Content-Length: 1048576\r\n");
    free(text);
    close(fd);
}

START_TEST(waits_for_a_slow_reader_in_bounded_memory)
{
    with_server(handle, slow_reader_client);
    ck_assert_int_eq(seen.last_status, PB_OK);
}
END_TEST

static void tear_client(void)
{
    int fd = dial();
    size_t size;

    say(fd, "GET /tear HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.ended == 1);
    char *text = hear_all(fd, &size); /* it ends: the connection is not kept */
    ck_assert_ptr_null(memmem(text, size, "behind it", 9));
    ck_assert_ptr_null(memmem(text, size, "\r\n0\r\n\r\n", 7));
    free(text);
    close(fd);
}

START_TEST(lets_nothing_follow_half_a_piece)
{
    with_server(handle, tear_client);
    ck_assert_int_eq(seen.last_status, PB_CANCELLED);
}
END_TEST

static void beat_client(void)
{
    int fd = dial();
    char text[4096], *beats = text;
    size_t have = 0;
    ssize_t got;

    say(fd, "GET /beat HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (int count = 0; count < 3 && (got = recv(fd, text + have, 1, 0)) == 1;) {
        have++;
        text[have] = 0;
        if (strstr(beats, "8\r\n: beat\n\n\r\n")) {
            beats = text + have;
            count++;
        }
    }
    ck_assert(beats != text);
    go = 1;
    char *rest = hear_all(fd, NULL);
    expect_ends(rest, "0\r\n\r\n");
    free(rest);
    close(fd);
}

START_TEST(beats_while_nothing_is_said)
{
    with_server(handle, beat_client);
}
END_TEST

/* --- draining --------------------------------------------------------------------------------- */

static void drain_now(void *arg)
{
    (void)arg;
    server_drain();
    server_drain(); /* twice is once */
}

static void drain_client(void)
{
    int idle = dial(), busy = dial();

    say(idle, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(idle);
    say(busy, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.handled == 2);
    loop_post(drain_now, NULL);
    char *rest = hear_all(idle, NULL); /* closed at once */
    ck_assert_str_eq(rest, "");
    free(rest);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)bench.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(late, (struct sockaddr *)&to, sizeof to), -1);
    go = 1;
    rest = hear_all(busy, NULL);
    expect_has(rest, "Connection: close\r\n");
    expect_ends(rest, "held");
    free(rest);
    until(figure_of(server_connections) == 0);
    close(late);
    close(idle);
    close(busy);
}

START_TEST(drains_answering_what_runs)
{
    with_server(handle, drain_client);
}
END_TEST

static void cancelled_client(void)
{
    int fd = dial();
    say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.handled == 1);
    /* ends: the listener is closed while the handler runs, and the drain time is short */
}

START_TEST(cancels_what_outlives_the_drain_time)
{
    server_defaults.drain_timeout = 10 * PB_MILLISECOND;
    with_server(handle, cancelled_client);
    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.last_status, PB_CANCELLED);
}
END_TEST

/* --- addresses -------------------------------------------------------------------------------- */

static pb_status try_listen(const char *address, pb_listener **out)
{
    pb_listen_spec spec = {.size = sizeof spec, .address = pb_str_of(address), .handle = handle};
    return pb_listen(&spec, out);
}

START_TEST(says_why_it_cannot_listen)
{
    static const char *const none[] = {"",
                                       "8080",
                                       "a:b",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "1.2.3:80",
                                       "127.0.0.1:65536",
                                       "[::1:80",
                                       "::1:80",
                                       "127.0.0.1:8x",
                                       "unix:",
                                       "unix:relative",
                                       "unix:/",
                                       "unix:@",
                                       "unix:/nowhere/web.sock",
                                       "systemd:"};
    pb_listener *listener, *second;
    char taken[64];

    ck_assert_int_eq(loop_init(), PB_OK);
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        ck_assert_msg(try_listen(none[i], &listener) == PB_INVALID, "%s", none[i]);
    ck_assert_int_eq(try_listen("203.0.113.1:0", &listener), PB_INVALID);
    ck_assert_int_eq(try_listen("systemd:web", &listener), PB_NOT_FOUND);
    ck_assert_int_eq(try_listen("localhost:0", &listener), PB_OK);
    snprintf(taken, sizeof taken, "127.0.0.1:%d", listener_port(listener));
    ck_assert_int_eq(try_listen(taken, &second), PB_CONFLICT);
    bench.listener = listener;
    client_done(NULL);
    loop_run();
    loop_fini();
}
END_TEST

static void six_client(void)
{
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)bench.port)};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);

    to.sin6_addr = in6addr_loopback;
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_ends(hear(fd), "hello");
    expect_starts(listener_url(bench.listener).data, "http://[::1]:");
    close(fd);
}

START_TEST(listens_on_ipv6)
{
    bench.spec.address = pb_lit("[::1]:0");
    with_server(handle, six_client);
}
END_TEST

static void forget(void)
{
    go = 0;
}

int main(void)
{
    TCase *tests = suite_case(
        "server limits", forget, NULL,
        (const TTest *const[]){
            limits_connections_in_all, limits_connections_of_an_address,
            serves_a_thousand_connections, gives_up_on_a_slow_header, gives_up_on_a_slow_body,
            lets_nothing_follow_half_a_piece, closes_idle_connections,
            drops_a_client_that_does_not_read, waits_for_a_slow_reader_in_bounded_memory,
            beats_while_nothing_is_said, drains_answering_what_runs,
            cancels_what_outlives_the_drain_time, says_why_it_cannot_listen, NULL});
    int six = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    bool have_six = six >= 0 && bind(six, (struct sockaddr *)&at, sizeof at) == 0;

    if (six >= 0)
        close(six);
    if (have_six)
        tcase_add_test(tests, listens_on_ipv6);
    else
        fprintf(stderr, "skipped: listens_on_ipv6, this machine has no IPv6 loopback\n");
    return suite_run_cases("server limits", (TCase *const[]){tests, NULL});
}
