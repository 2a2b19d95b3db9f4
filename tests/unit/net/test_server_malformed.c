/* test_server_malformed.c - what is refused and how: requests that are malformed, ambiguous or too
 * large. After each the next connection is fine. */
#include "net/server_bench.h"
#include "suite.h"

static _Atomic int go;

static pb_status handle(void *self, pb_request *request)
{
    pb_status status = PB_OK;
    pb_str body = PB_LIT("hello");

    (void)self;
    seen.handled++;
    if (pb_str_is(request->path, "/echo"))
        status = pb_request_body(request, &body);
    if (pb_str_is(request->path, "/hold"))
        while (status == PB_OK && !go)
            status = pb_sleep(PB_MILLISECOND);
    seen.last_status = status;
    return status == PB_OK ? pb_respond(request, 200, NULL, 0, body) : status;
}

/* --- malformed -------------------------------------------------------------------------------- */

#define BYTES(literal) literal, sizeof(literal) - 1
static const struct {
    const char *text;
    size_t size;
    const char *status;
} malformed[] = {
    {BYTES("GET / HTTP/1.1\r\n\r\n"), "400"}, /* no Host */
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\nHost: a\n\n"), "400"}, /* bare LF */
    {BYTES("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"), "400"}, /* bare CR */
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n"), "400"},
    {BYTES("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET /\r\n\r\n"), "400"},
    {BYTES("GET\r\n\r\n"), "400"},
    {BYTES("G\x01T / HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("GET / HTTPS/1.1\r\nHost: a\r\n\r\n"), "400"},
    {BYTES("\x16\x03\x01\x02"), "400"}, /* TLS */
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
     "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
     "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nx"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"), "400"},
    {BYTES("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
     "400"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"), "501"},
    {BYTES("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"), "501"},
    {BYTES("POST / HTTP/1.0\r\n\r\n"), "411"},
    {BYTES("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), "501"},
    {BYTES("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"), "501"},
    {BYTES("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), "505"},
    {BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "505"},
    {BYTES("GET / HTTP/1.1\r\nHost: a\r\nExpect: more\r\n\r\n"), "417"},
};

static const char *const bad_chunks[] = {
    "x\r\n",           "1\nx\r\n", "1\r\nxy\r\n", "-1\r\n", "ffffffffffffffffff\r\n",
    "1\r\nx0\r\n\r\n", " 1\r\n",
};

static void malformed_client(void)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        refused(malformed[i].text, malformed[i].size, malformed[i].status);
    ck_assert_int_eq(seen.handled, 0);
    for (size_t i = 0; i < sizeof bad_chunks / sizeof *bad_chunks; i++) {
        char text[200];
        int size =
            snprintf(text, sizeof text,
                     "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%s",
                     bad_chunks[i]);
        refused(text, (size_t)size, "400");
        ck_assert_int_eq(seen.last_status, PB_INVALID);
    }
    int fd = dial();
    say(fd, "GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_ends(hear(fd), "hello");
    expect_ends(hear(fd), "hello");
    close(fd);
}

START_TEST(refuses_what_is_malformed)
{
    with_server(handle, malformed_client);
}
END_TEST

/* --- sizes ------------------------------------------------------------------------------------ */

static void size_client(void)
{
    char text[1200], fill[600];

    memset(fill, 'a', sizeof fill);
    fill[sizeof fill - 1] = 0;
    int size = sprintf(text, "GET /%s HTTP/1.1\r\nHost: a\r\n\r\n", fill);
    refused(text, (size_t)size, "414");
    size = sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", fill);
    refused(text, (size_t)size, "431");
    size = sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nX: %s", fill); /* and it does not end */
    refused(text, (size_t)size, "431");
    refused(text, (size_t)sprintf(text, "%s", fill), "414");
    ck_assert_int_eq(seen.handled, 0);
    size = sprintf(text, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\n\r\n");
    refused(text, (size_t)size, "413");
    size = sprintf(text,
                   "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n64\r\n%.100s\r\n1\r\nx\r\n",
                   fill);
    refused(text, (size_t)size, "413");
    ck_assert_int_eq(seen.last_status, PB_TOO_LARGE);
    int fd = dial();
    size =
        sprintf(text, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n%.100s", fill);
    say_bytes(fd, text, (size_t)size);
    expect_starts(hear(fd), "HTTP/1.1 200");
    close(fd);
}

START_TEST(limits_header_and_body)
{
    bench.spec.max_header = 400;
    bench.spec.max_body = 100;
    with_server(handle, size_client);
}
END_TEST

static void many_headers_client(void)
{
    char text[8192], *at = text + sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < 200; i++)
        at += sprintf(at, "X-%d: y\r\n", i);
    at += sprintf(at, "\r\n");
    refused(text, (size_t)(at - text), "431");
}

START_TEST(limits_the_number_of_headers)
{
    with_server(handle, many_headers_client);
}
END_TEST

/* More of the next header comes while a request runs than is kept: reading stops, and goes on. */
static void long_behind_client(void)
{
    static char head[160 << 10];
    size_t size = (size_t)snprintf(head, 64, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    int fd = dial();

    memset(head + size, 'x', sizeof head - size);
    say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    until(seen.handled == 1);
    say_bytes(fd, head, 100 << 10);
    int other = dial(); /* its answer shows that the loop has seen the long header's beginning */
    say(other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(other);
    close(other);
    go = 1;
    expect_ends(hear(fd), "hello");
    say_bytes(fd, head + (100 << 10), sizeof head - (100 << 10));
    say(fd, "\r\n\r\n");
    expect_starts(hear(fd), "HTTP/1.1 200");
    close(fd);
}

START_TEST(reads_a_long_header_behind_a_request)
{
    bench.spec.max_header = 256 << 10;
    with_server(handle, long_behind_client);
}
END_TEST

int main(void)
{
    return suite_run("server malformed",
                     (const TTest *const[]){refuses_what_is_malformed, limits_header_and_body,
                                            limits_the_number_of_headers,
                                            reads_a_long_header_behind_a_request, NULL});
}
