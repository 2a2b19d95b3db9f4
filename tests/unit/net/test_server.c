/* test_server.c - the protocol: keep-alive, pipelining, bodies, chunks, ends, over real sockets. */
#include "net/server_bench.h"

#include "base/metrics.h"
#include "suite.h"

static pb_status hello(pb_request *request)
{
    pb_header headers[] = {{PB_LIT("Content-Type"), PB_LIT("text/plain")}};
    return pb_respond(request, 200, headers, 1, pb_lit("hello"));
}

static pb_status echo(pb_request *request)
{
    pb_str body;
    pb_status status = pb_request_body(request, &body);
    return status != PB_OK ? status : pb_respond(request, 200, NULL, 0, body);
}

static pb_status stream(pb_request *request)
{
    pb_status status = pb_respond_begin(request, 200, NULL, 0);

    for (int i = 0; status == PB_OK && i < 3; i++) {
        status = pb_respond_write(request, pb_lit("part"));
        if (status == PB_OK)
            status = pb_sleep(0);
    }
    return status != PB_OK ? status : pb_respond_end(request);
}

static pb_status describe(pb_request *request)
{
    return pb_respond(request, 200, NULL, 0,
                      pb_printf("%.*s|%.*s|%.*s|%.*s|%d|%d", PB_ARG(request->path),
                                PB_ARG(request->query), PB_ARG(request->id),
                                PB_ARG(request->remote), request->loopback, request->secure));
}

static pb_status wait_for_ever(pb_request *request)
{
    if (pb_str_is(request->path, "/wait/streaming")) {
        pb_respond_begin(request, 200, NULL, 0);
        pb_respond_write(request, pb_lit("x"));
    }
    pb_status status = pb_sleep(PB_SECOND * 3600);
    seen.last_status = status;
    return status;
}

static pb_status handle(void *self, pb_request *request)
{
    pb_status status = PB_OK;

    (void)self;
    seen.handled++;
    if (pb_str_is(request->path, "/echo"))
        status = echo(request);
    else if (pb_str_is(request->path, "/stream"))
        status = stream(request);
    else if (pb_str_is(request->path, "/describe"))
        status = describe(request);
    else if (pb_str_starts(request->path, pb_lit("/wait")))
        status = wait_for_ever(request);
    else if (pb_str_is(request->path, "/missing"))
        status = pb_fail_at(PB_NOT_FOUND, "/name", "no \"thing\" here");
    else if (pb_str_is(request->path, "/busy"))
        status = pb_fail_retry(PB_RATE_LIMITED, 1500 * PB_MILLISECOND, "slow down");
    else if (pb_str_is(request->path, "/empty"))
        status = pb_respond(request, 204, NULL, 0, pb_lit("not sent"));
    else if (pb_str_is(request->path, "/half")) {
        pb_respond_begin(request, 200, NULL, 0);
        pb_respond_write(request, pb_lit("half"));
    } else if (pb_str_is(request->path, "/split")) {
        pb_header bad = {PB_LIT("X-Bad"), PB_LIT("a\r\nSet-Cookie: b")};
        status = pb_respond(request, 200, &bad, 1, pb_lit(""));
    } else if (!pb_str_is(request->path, "/nothing"))
        status = hello(request);
    seen.ended++;
    return status;
}

static void keep_alive_client(void)
{
    int fd = dial();
    for (int i = 0; i < 3; i++) {
        say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        char *text = hear(fd);
        expect_starts(text, "HTTP/1.1 200 OK\r\nDate: ");
        expect_has(text, "Content-Type: text/plain\r\n");
        expect_not(text, "Connection:");
        expect_ends(text, "\r\n\r\nhello");
    }
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *rest = hear_all(fd, NULL);
    expect_has(rest, "Connection: close\r\n");
    expect_ends(rest, "hello");
    free(rest);
    close(fd);
}

START_TEST(keeps_connections_alive)
{
    with_server(handle, keep_alive_client);
    ck_assert_int_eq(seen.handled, 4);
}
END_TEST

static void old_client(void)
{
    int fd = dial();
    say(fd, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    expect_has(hear(fd), "Connection: keep-alive\r\n");
    say(fd, "GET /stream HTTP/1.0\r\n\r\n");
    char *rest = hear_all(fd, NULL);
    expect_not(rest, "chunked");
    expect_ends(rest, "\r\n\r\npartpartpart");
    free(rest);
    close(fd);
}

START_TEST(speaks_http_1_0)
{
    with_server(handle, old_client);
}
END_TEST

static void pipeline_client(void)
{
    int fd = dial();
    enum { MANY = 500 };
    static const char one[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n%04d";
    char *all = malloc(MANY * 80), *at = all;

    for (int i = 0; i < MANY; i++)
        at += sprintf(at, one, i);
    at += sprintf(at, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    say_bytes(fd, all, (size_t)(at - all));
    char *rest = hear_all(fd, NULL), *found = rest;
    for (int i = 0; i < MANY; i++) { /* in order */
        char want[16];
        sprintf(want, "\r\n\r\n%04d", i);
        found = strstr(found, want);
        ck_assert_msg(found != NULL, "answer %d is not in its place", i);
    }
    expect_ends(rest, "hello");
    free(rest);
    free(all);
    close(fd);
}

START_TEST(answers_pipelined_requests_in_order)
{
    with_server(handle, pipeline_client);
    ck_assert_int_eq(seen.handled, 501);
}
END_TEST

static const char *const whole_requests[] = {
    "GET /describe?x=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: id-7\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello there",
    ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "5;x=\"y\"\r\nhello\r\n6\r\n there\r\n0\r\nTrailer: t\r\n\r\n"),
    "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello there",
};

static void split_client(void)
{
    int fd = dial();
    for (size_t r = 0; r < sizeof whole_requests / sizeof *whole_requests; r++) {
        const char *text = whole_requests[r];
        for (size_t at = 1; at < strlen(text); at++) {
            int before = seen.handled;
            say_bytes(fd, text, at);
            /* A second connection's answer shows that the loop has seen the first part. */
            int other = dial();
            say(other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            expect_starts(hear(other), "HTTP/1.1 200");
            close(other);
            say(fd, text + at);
            char *answer = hear(fd);
            expect_ends(answer, r ? "\r\n\r\nhello there" : "/describe|x=1|id-7|127.0.0.1|1|0");
            ck_assert_int_eq(seen.handled, before + 2);
        }
    }
    close(fd);
}

START_TEST(reads_requests_split_at_every_byte)
{
    with_server(handle, split_client);
}
END_TEST

static void byte_client(void)
{
    int fd = dial();
    for (size_t r = 0; r < sizeof whole_requests / sizeof *whole_requests; r++)
        for (const char *at = whole_requests[r]; *at; at++)
            say_bytes(fd, at, 1);
    for (size_t r = 0; r < sizeof whole_requests / sizeof *whole_requests; r++)
        expect_ends(hear(fd), r ? "\r\n\r\nhello there" : "/describe|x=1|id-7|127.0.0.1|1|0");
    close(fd);
}

START_TEST(reads_requests_byte_by_byte)
{
    with_server(handle, byte_client);
}
END_TEST

static void stream_client(void)
{
    int fd = dial();
    say(fd, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    char *text = hear(fd);
    expect_has(text, "Transfer-Encoding: chunked\r\n");
    expect_not(text, "Content-Length");
    expect_ends(text, "\r\n\r\n4\r\npart\r\n4\r\npart\r\n4\r\npart\r\n0\r\n\r\n");
    say(fd, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
            "GET /empty HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *rest = hear_all(fd, NULL);
    expect_has(rest, "Content-Length: 5\r\n");
    expect_has(rest, "HTTP/1.1 204 No Content");
    expect_not(rest, "part");
    expect_not(rest, "hello");
    expect_not(rest, "not sent");
    free(rest);
    close(fd);
}

START_TEST(streams_in_chunks_and_leaves_bodies_out_where_none_belongs)
{
    with_server(handle, stream_client);
}
END_TEST

static void problem_client(void)
{
    int fd = dial();
    say(fd, "GET /missing HTTP/1.1\r\nHost: a\r\nX-Request-Id: me\r\n\r\n");
    char *text = hear(fd);
    expect_starts(text, "HTTP/1.1 404 Not Found\r\n");
    expect_has(text, "Content-Type: application/problem+json\r\n");
    expect_ends(text, "{\"type\":\"/problems/not_found\",\"title\":\"Not found\",\"status\":404,"
                      "\"detail\":\"no \\\"thing\\\" here\",\"instance\":\"me\",\"errors\":[{"
                      "\"pointer\":\"/name\",\"detail\":\"no \\\"thing\\\" here\"}]}");
    say(fd, "GET /busy HTTP/1.1\r\nHost: a\r\n\r\n");
    text = hear(fd);
    expect_starts(text, "HTTP/1.1 429 ");
    expect_has(text, "Retry-After: 2\r\n");
    say(fd, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_starts(hear(fd), "HTTP/1.1 500 ");
    say(fd, "GET /split HTTP/1.1\r\nHost: a\r\n\r\n");
    text = hear(fd);
    expect_starts(text, "HTTP/1.1 500 ");
    expect_not(text, "Set-Cookie");
    close(fd);
}

START_TEST(turns_failures_into_problem_documents)
{
    with_server(handle, problem_client);
}
END_TEST

static void half_client(void)
{
    int fd = dial();
    say(fd, "GET /half HTTP/1.1\r\nHost: a\r\n\r\n");
    char *rest = hear_all(fd, NULL);
    expect_ends(rest, "4\r\nhalf\r\n"); /* and no last chunk */
    free(rest);
    close(fd);
    fd = dial();
    say(fd, "GET /half HTTP/1.0\r\n\r\n");
    char byte;
    ssize_t got;
    while ((got = recv(fd, &byte, 1, 0)) > 0)
        ;
    ck_assert_int_eq(got, -1); /* a reset, not an end */
    close(fd);
}

START_TEST(breaks_off_what_was_not_ended)
{
    with_server(handle, half_client);
}
END_TEST

static void continue_client(void)
{
    int fd = dial();
    say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    expect_starts(hear(fd), "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "ok");
    expect_ends(hear(fd), "\r\n\r\nok");
    /* Answered without asking for the body: no 100, and the connection ends. */
    say(fd, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    char *text = hear(fd);
    expect_starts(text, "HTTP/1.1 200 OK");
    expect_has(text, "Connection: close");
    close(fd);
}

START_TEST(continues_only_when_the_body_is_wanted)
{
    with_server(handle, continue_client);
}
END_TEST

static void vanish_client(void)
{
    int fd = dial();
    say(fd, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.handled == 1);
    close(fd);
    until(seen.ended == 1);
    ck_assert_int_eq(seen.last_status, PB_CANCELLED);
    seen.last_status = PB_OK;
    fd = dial();
    say(fd, "GET /wait/streaming HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.handled == 2);
    shutdown(fd, SHUT_WR); /* half closed is gone */
    until(seen.ended == 2);
    ck_assert_int_eq(seen.last_status, PB_CANCELLED);
    close(fd);
    fd = dial(); /* in the middle of a body that the handler waits for */
    say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
    until(seen.handled == 3);
    close(fd);
    until(seen.ended == 3);
    fd = dial();
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_ends(hear(fd), "hello");
    close(fd);
}

START_TEST(cancels_the_handler_when_the_client_is_gone)
{
    with_server(handle, vanish_client);
}
END_TEST

static void id_client(void)
{
    static const char *const none[] = {
        "", "a b", "a/b", "\xc3\xa9",
        "01234567890123456789012345678901234567890123456789012345678901234"};
    char text[256], first[64] = "";
    int fd = dial();

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        snprintf(text, sizeof text, "GET /describe HTTP/1.1\r\nHost: a\r\nX-Request-Id: %s\r\n\r\n",
                 none[i]);
        say(fd, text);
        char *id = strstr(hear(fd), "/describe||");
        ck_assert_ptr_nonnull(id);
        id += 11;
        ck_assert_uint_eq(strspn(id, "0123456789abcdef"), 16);
        ck_assert_int_ne(strncmp(id, first, 16), 0);
        snprintf(first, 17, "%s", id);
    }
    close(fd);
}

START_TEST(gives_requests_ids_and_counts_them)
{
    pb_buf buf = {0};

    with_server(handle, id_client);
    metrics_write(&buf);
    pb_buf_byte(&buf, 0);
    expect_has(buf.data, "patchbay_http_requests_total{class=\"2xx\"} 5\n");
    expect_has(buf.data, "patchbay_http_connections 0\n");
}
END_TEST

int main(void)
{
    return suite_run(
        "server", (const TTest *const[]){
                      keeps_connections_alive, speaks_http_1_0, answers_pipelined_requests_in_order,
                      reads_requests_split_at_every_byte, reads_requests_byte_by_byte,
                      streams_in_chunks_and_leaves_bodies_out_where_none_belongs,
                      turns_failures_into_problem_documents, breaks_off_what_was_not_ended,
                      continues_only_when_the_body_is_wanted, gives_requests_ids_and_counts_them,
                      cancels_the_handler_when_the_client_is_gone, NULL});
}
