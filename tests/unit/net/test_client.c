/* The HTTP client against scripted upstreams: what is sent, every kind of body, kept connections. */
#include "upstream.h"

static struct upstream upstream;

/* --- what is sent ----------------------------------------------------------------------------- */

static char seen[4][64 << 10];

static void keep_what_came(struct upstream_peer *peer)
{
    for (int i = 0; i < 4 && peer_request(peer); i++) {
        memcpy(seen[i], peer->bytes, peer->size + 1);
        peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
    peer_wait_end(peer);
}

CLIENT_TEST(a_request_is_written_as_it_should_be)
{
    pb_header headers[] = {{pb_lit("Authorization"), pb_lit("Bearer x")},
                           {pb_lit("Content-Type"), pb_lit("application/json")}};
    char expected[512];

    upstream_open(&upstream, keep_what_came, NULL);
    pb_http_spec spec = pb_http_spec_make("POST", upstream_url(&upstream, "/a?b#c"));
    spec.headers = headers;
    spec.header_count = 2;
    spec.body = pb_lit("{\"a\":1}");
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.opened, PB_OK);
    ck_assert_int_eq(got.status, 200);
    ck_text(got.body, "ok");
    snprintf(expected, sizeof expected,
             "POST /a?b HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer x\r\nContent-Type: "
             "application/json\r\nUser-Agent: patchbay/" PATCHBAY_VERSION
             "\r\nAccept: */*\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
             upstream.port);
    ck_assert_str_eq(seen[0], expected);
    got = get(upstream_url(&upstream, ""));
    ck_assert_int_eq(got.opened, PB_OK);
    ck_assert_ptr_nonnull(strstr(seen[1], "GET / HTTP/1.1\r\n"));
    ck_assert_ptr_null(strstr(seen[1], "Content-Length"));
    ck_assert_int_eq(upstream.accepted, 1);
    client_fini();
    upstream_close(&upstream);
}

CLIENT_TEST(what_would_change_the_message_is_refused)
{
    static const pb_header bad[] = {
        {PB_LIT("X-Y"), PB_LIT("a\r\nB: c")}, {PB_LIT("X-Y"), PB_LIT("a\nb")},
        {PB_LIT("X-Y"), PB_LIT("a\0b")},      {PB_LIT("X Y"), PB_LIT("a")},
        {PB_LIT("X:"), PB_LIT("a")},          {PB_LIT(""), PB_LIT("a")},
        {PB_LIT("X\r\n"), PB_LIT("a")},       {PB_LIT("Host"), PB_LIT("other")},
        {PB_LIT("content-length"), PB_LIT("1")}, {PB_LIT("Transfer-Encoding"), PB_LIT("chunked")},
        {PB_LIT("X-Y"), PB_LIT("\x7f")},
    };
    static const char *const methods[] = {"", "GET ", "GE T", "GET\r\n", "CONNECT"};
    pb_http_spec spec = pb_http_spec_make("GET", pb_lit("http://127.0.0.1:9/"));
    pb_http *http;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spec.headers = &bad[i];
        spec.header_count = 1;
        ck_assert_int_eq(pb_http_open(&spec, &http), PB_INVALID);
        ck_assert_ptr_null(http);
    }
    spec.header_count = 0;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        spec.method = pb_str_of(methods[i]);
        ck_assert_int_eq(pb_http_open(&spec, &http), PB_INVALID);
    }
    spec.method = pb_lit("GET");
    spec.url = pb_lit("nonsense");
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_INVALID);
}

static void count_body(struct upstream_peer *peer)
{
    char length[64];
    size_t total, got;

    if (!peer_request(peer)) /* reads at most its buffer */
        return;
    total = strtoul(strcasestr(peer->bytes, "content-length:") + 15, NULL, 10);
    got = peer->size - (size_t)(strstr(peer->bytes, "\r\n\r\n") + 4 - peer->bytes);
    while (got < total) {
        ssize_t more = recv(peer->fd, peer->bytes, sizeof peer->bytes, 0);
        if (more <= 0)
            return;
        for (ssize_t i = 0; i < more; i++)
            if (peer->bytes[i] != 'x')
                return;
        got += (size_t)more;
    }
    snprintf(length, sizeof length, "%zu", got);
    char answer[128];
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(length), length);
    peer_say(peer, answer);
    peer_wait_end(peer);
}

CLIENT_TEST(a_large_body_arrives_whole)
{
    size_t size = (size_t)9 << 20;
    char *body = malloc(size);

    memset(body, 'x', size);
    upstream_open(&upstream, count_body, NULL);
    pb_http_spec spec = pb_http_spec_make("PUT", upstream_url(&upstream, "/"));
    spec.body = pb_str_make(body, size);
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.opened, PB_OK);
    ck_text(got.body, "9437184");
    free(body);
    client_fini();
    upstream_close(&upstream);
}

/* --- bodies ----------------------------------------------------------------------------------- */

struct shape {
    const char *method, *answer, *body;
    int status;
    bool kept; /* may the connection be used again? */
};

static const struct shape shapes[] = {
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, true},
    {"GET", "HTTP/1.1 200 OK\r\nX-Pad:  spaces \t\r\nContent-Length: 0\r\n\r\n", "", 200, true},
    {"GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;ext=\"a\"\r\n!\r\n0\r\n\r\n",
     "hello!", 200, true},
    {"GET",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nTrailer: x\r\n\r\n", "ab",
     200, true},
    {"GET", "HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end", 200, false},
    {"GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", "ab", 200, false},
    {"GET", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab", "ab", 200, false},
    {"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, true},
    {"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n", "", 304, true},
    {"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "", 200, true},
    {"HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "", 200, true},
    {"GET",
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab",
     "ab", 200, true},
    {"GET", "HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nwait", "wait", 429,
     true},
    {"GET", "HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Encoding: identity\r\n\r\nab", "ab", 200,
     true},
    {"GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=0\r\n\r\nab", "ab", 200,
     false},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* The path says which shape, and whether byte by byte. */
static void answer_shape(struct upstream_peer *peer)
{
    unsigned index, single;

    while (peer_request(peer)) {
        if (sscanf(strchr(peer->bytes, '/'), "/%u/%u", &index, &single) != 2)
            return;
        const char *answer = shapes[index].answer;
        for (size_t i = 0; single && answer[i]; i++)
            peer_send(peer, answer + i, 1);
        if (!single)
            peer_say(peer, answer);
        if (!shapes[index].kept) {
            shutdown(peer->fd, SHUT_WR);
            peer_wait_end(peer);
            return;
        }
    }
}

static void try_shape(size_t index, unsigned single)
{
    const struct shape *shape = &shapes[index];
    pb_str path = pb_printf("/%zu/%u", index, single);
    pb_http_spec spec = pb_http_spec_make(shape->method, upstream_url(&upstream, path.data));
    size_t idle = client_figures().idle;
    struct got got = get_spec(&spec);

    ck_assert_msg(got.opened == PB_OK, "shape %zu: %.*s", index, PB_ARG(pb_error_last()->sentence));
    ck_assert_int_eq(got.read, PB_OK);
    ck_assert_int_eq(got.status, shape->status);
    ck_text(got.body, shape->body);
    ck_assert_msg(client_figures().idle == (shape->kept ? 1u : 0u), "shape %zu: %zu idle, %zu before",
                  index, client_figures().idle, idle);
}

CLIENT_TEST(every_shape_of_answer_whole_and_byte_by_byte)
{
    upstream_open(&upstream, answer_shape, NULL);
    for (size_t i = 0; i < SHAPES; i++)
        for (unsigned single = 0; single < 2; single++)
            try_shape(i, single);
    client_fini();
    upstream_close(&upstream);
}

/* Splits at every place: two pieces, the second after the first was surely read. */
static void answer_in_two(struct upstream_peer *peer)
{
    const char *answer = peer->upstream->arg;
    size_t cut;

    while (peer_request(peer)) {
        cut = strtoul(strchr(peer->bytes, '/') + 1, NULL, 10);
        peer_send(peer, answer, cut);
        peer_say(peer, answer + cut);
    }
}

CLIENT_TEST(an_answer_split_anywhere_reads_the_same)
{
    static const char answer[] =
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
        "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n1\r\n!\r\n0\r\nT: v\r\n\r\n";
    pb_http *http;
    pb_str body;

    upstream_open(&upstream, answer_in_two, answer);
    for (size_t cut = 1; cut < sizeof answer - 1; cut++) {
        pb_scope *scope = pb_scope_begin();
        pb_str path = pb_printf("/%zu", cut);
        pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, path.data));
        ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
        ck_text(pb_http_header(http, pb_lit("content-TYPE")), "text/plain");
        ck_assert_ptr_null(pb_http_header(http, pb_lit("T")).data);
        ck_assert_ptr_null(pb_http_header(http, pb_lit("text/plain")).data);
        ck_assert_int_eq(pb_http_read_all(http, &body), PB_OK);
        ck_text(body, "hello world!");
        pb_http_close(http);
        pb_scope_end(scope);
    }
    ck_assert_int_eq(upstream.accepted, 1);
    client_fini();
    upstream_close(&upstream);
}

/* --- kept connections ------------------------------------------------------------------------- */

CLIENT_TEST(a_connection_is_kept_and_used_again)
{
    struct client_figures before = client_figures();

    upstream_open(&upstream, answer_shape, NULL);
    for (int i = 0; i < 50; i++) {
        struct got got = get(upstream_url(&upstream, "/0/0"));
        ck_assert_int_eq(got.opened, PB_OK);
        ck_text(got.body, "hello");
    }
    ck_assert_int_eq(upstream.accepted, 1);
    ck_assert_int_eq(upstream.requests, 50);
    ck_assert_uint_eq(client_figures().made - before.made, 1);
    ck_assert_uint_eq(client_figures().reused - before.reused, 49);
    ck_assert_uint_eq(client_figures().open, 1);
    client_fini();
    ck_assert_uint_eq(client_figures().open, 0);
    upstream_close(&upstream);
}

/* Answers once, then closes when the next request comes: on the first connections only. */
static void close_when_asked_again(struct upstream_peer *peer)
{
    int stale = peer->upstream->arg ? 1 : 1000000;

    for (int i = 0; peer_request(peer); i++) {
        if (i > 0 && peer->index < stale) {
            peer_reset(peer);
            return;
        }
        peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    }
}

CLIENT_TEST(a_kept_connection_that_died_is_replaced_once)
{
    size_t before = client_figures().retried;

    upstream_open(&upstream, close_when_asked_again, "first");
    for (int i = 0; i < 3; i++) {
        pb_http_spec spec = pb_http_spec_make("POST", upstream_url(&upstream, "/"));
        spec.body = pb_lit("once more");
        struct got got = get_spec(&spec);
        ck_assert_int_eq(got.opened, PB_OK);
        ck_text(got.body, "1");
    }
    ck_assert_uint_eq(client_figures().retried - before, 1);
    ck_assert_int_eq(upstream.accepted, 2);
    client_fini();
    upstream_close(&upstream);
}

/* The first request on a new connection is not repeated. */
static void close_at_once(struct upstream_peer *peer)
{
    peer_request(peer);
}

CLIENT_TEST(a_new_connection_is_not_tried_twice)
{
    upstream_open(&upstream, close_at_once, NULL);
    struct got got = get(upstream_url(&upstream, "/secret?token=1"));
    ck_assert_int_eq(got.opened, PB_UNAVAILABLE);
    ck_sentence("did not answer");
    ck_assert_ptr_null(strstr(pb_error_last()->sentence.data, "token"));
    ck_assert_int_eq(upstream.accepted, 1);
    client_fini();
    upstream_close(&upstream);
}

/* Half an answer on a kept connection: the request may have had its effect. */
static void half_the_second_time(struct upstream_peer *peer)
{
    peer_request(peer);
    peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    peer_request(peer);
    peer_say(peer, "HTTP/1.1 2");
}

CLIENT_TEST(an_answer_that_began_is_not_asked_for_again)
{
    upstream_open(&upstream, half_the_second_time, NULL);
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_OK);
    ck_assert_int_eq(get(upstream_url(&upstream, "/")).opened, PB_BAD_UPSTREAM);
    ck_sentence("broke off");
    ck_assert_int_eq(upstream.accepted, 1);
    ck_assert_int_eq(upstream.requests, 2);
    client_fini();
    upstream_close(&upstream);
}

static void two_answers(struct upstream_peer *peer)
{
    while (peer_request(peer))
        peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\n");
}

CLIENT_TEST(bytes_behind_an_answer_end_the_connection)
{
    upstream_open(&upstream, two_answers, NULL);
    for (int i = 0; i < 3; i++) {
        struct got got = get(upstream_url(&upstream, "/"));
        ck_assert_int_eq(got.opened, PB_OK);
        ck_text(got.body, "1");
    }
    ck_assert_int_eq(upstream.accepted, 3);
    client_fini();
    upstream_close(&upstream);
}

CLIENT_TEST(an_answer_that_was_not_read_ends_the_connection)
{
    pb_http *http;

    upstream_open(&upstream, answer_shape, NULL);
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/4/0"));
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    pb_http_close(http);
    ck_assert_uint_eq(client_figures().idle, 0);
    ck_assert_uint_eq(client_figures().open, 0);
    client_fini();
    upstream_close(&upstream);
}

/* --- redirects -------------------------------------------------------------------------------- */

static void redirect(struct upstream_peer *peer)
{
    char answer[512];

    while (peer_request(peer)) {
        bool secret = strcasestr(peer->bytes, "authorization:") != NULL;
        const char *other = peer->upstream->arg;
        if (strstr(peer->bytes, " /start "))
            peer_say(peer, "HTTP/1.1 302 Found\r\nLocation: ../a/./end?x#y\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(peer->bytes, " /loop "))
            peer_say(peer, "HTTP/1.1 301 Moved\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(peer->bytes, " /file "))
            peer_say(peer, "HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
        else if (strstr(peer->bytes, " /socket "))
            peer_say(peer, "HTTP/1.1 301 Moved\r\nLocation: http+unix://%2Frun%2Fx.sock/\r\n"
                           "Content-Length: 0\r\n\r\n");
        else if (strstr(peer->bytes, " /away ")) {
            snprintf(answer, sizeof answer,
                     "HTTP/1.1 307 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", other);
            peer_say(peer, answer);
        } else if (strstr(peer->bytes, " /a/end?x ") || strstr(peer->bytes, " /end "))
            peer_say(peer, secret ? "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret"
                                  : "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nopenly");
    }
}

CLIENT_TEST(redirects_are_followed_when_wanted)
{
    static struct upstream other;
    pb_header key = {pb_lit("Authorization"), pb_lit("Bearer x")};

    upstream_open(&other, redirect, NULL);
    pb_str away = pb_printf("http://localhost:%d/end", other.port);
    upstream_open(&upstream, redirect, away.data);
    pb_http_spec spec = pb_http_spec_make("GET", upstream_url(&upstream, "/start"));
    spec.headers = &key;
    spec.header_count = 1;
    ck_assert_int_eq(get_spec(&spec).status, 302);
    spec.follow = 3;
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.status, 200);
    ck_text(got.body, "secret");
    spec.url = upstream_url(&upstream, "/away"); /* to a stranger: without the key */
    got = get_spec(&spec);
    ck_assert_int_eq(got.status, 200);
    ck_text(got.body, "openly");
    spec.url = upstream_url(&upstream, "/loop");
    ck_assert_int_eq(get_spec(&spec).opened, PB_BAD_UPSTREAM);
    ck_sentence("more than 3 times");
    spec.url = upstream_url(&upstream, "/file");
    ck_assert_int_eq(get_spec(&spec).opened, PB_BAD_UPSTREAM);
    ck_sentence("no http or https URL");
    spec.url = upstream_url(&upstream, "/socket");
    ck_assert_int_eq(get_spec(&spec).opened, PB_BAD_UPSTREAM);
    ck_sentence("redirects to a Unix socket");
    spec.method = pb_lit("POST");
    ck_assert_int_eq(get_spec(&spec).status, 301);
    client_fini();
    upstream_close(&upstream);
    upstream_close(&other);
}

int main(void)
{
    return suite_run(
        "client",
        (const TTest *[]){a_request_is_written_as_it_should_be,
                          what_would_change_the_message_is_refused, a_large_body_arrives_whole,
                          every_shape_of_answer_whole_and_byte_by_byte,
                          an_answer_split_anywhere_reads_the_same,
                          a_connection_is_kept_and_used_again,
                          a_kept_connection_that_died_is_replaced_once,
                          a_new_connection_is_not_tried_twice,
                          an_answer_that_began_is_not_asked_for_again,
                          bytes_behind_an_answer_end_the_connection,
                          an_answer_that_was_not_read_ends_the_connection,
                          redirects_are_followed_when_wanted, NULL});
}
