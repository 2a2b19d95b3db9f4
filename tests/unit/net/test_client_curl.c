/* The curl engine: proxies, plain and by CONNECT, and hosts that speak only HTTP/2. The same ends,
 * limits and time-outs as the native client. */
#include "tls_upstream.h"

#include <openssl/ssl.h>

static struct upstream upstream, proxy;
static struct tls_upstream tls;
static struct certificate certificate;

/* --- a proxy ---------------------------------------------------------------------------------- */

/* Carries bytes both ways until both have ended. */
static void relay(int a, int b)
{
    struct pollfd fds[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};
    char bytes[16 << 10];

    for (int open = 2; open && poll(fds, 2, -1) > 0;)
        for (int i = 0; i < 2; i++) {
            if (!fds[i].revents)
                continue;
            ssize_t got = recv(fds[i].fd, bytes, sizeof bytes, 0);
            if (got <= 0) {
                shutdown(fds[!i].fd < 0 ? -fds[!i].fd - 1 : fds[!i].fd, SHUT_WR);
                fds[i].fd = -fds[i].fd - 1;
                open--;
                continue;
            }
            int to = fds[!i].fd < 0 ? -fds[!i].fd - 1 : fds[!i].fd;
            for (ssize_t sent = 0, more; sent < got; sent += more)
                if ((more = send(to, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL)) <= 0)
                    return;
        }
}

/* CONNECT is carried to the upstream; anything else is answered by the proxy itself. */
static void proxy_script(struct upstream_peer *peer)
{
    const char *answer = peer->upstream->arg;

    while (peer_request(peer)) {
        if (strncmp(peer->bytes, "CONNECT ", 8) != 0 || answer) {
            peer_say(peer, answer ? answer : "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
            continue;
        }
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                 .sin_port = htons((uint16_t)upstream.port)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
            peer_say(peer, "HTTP/1.1 200 Connected\r\n\r\n");
            relay(peer->fd, fd);
        }
        close(fd);
        return;
    }
}

static pb_http_spec through_proxy(const char *method, const char *url)
{
    pb_http_spec spec = pb_http_spec_make(method, pb_str_of(url));
    spec.proxy = pb_printf("http://127.0.0.1:%d", proxy.port);
    return spec;
}

static void end(void)
{
    client_fini();
    ck_assert_int_eq(pb_sleep(PB_MILLISECOND), PB_OK); /* watched descriptors are closed */
    upstream_close(&proxy);
}

/* --- plain ------------------------------------------------------------------------------------ */

static char seen[64 << 10];

static void keep_and_answer(struct upstream_peer *peer)
{
    while (peer_request(peer)) {
        memcpy(seen, peer->bytes, peer->size + 1);
        peer_say(peer, "HTTP/1.1 201 Created\r\nX-Answer: yes\r\nContent-Length: 7\r\n\r\nproxied");
    }
}

CLIENT_TEST(a_request_goes_through_the_proxy)
{
    pb_header header = {pb_lit("X-Key"), pb_lit("value")};
    pb_http *http;
    pb_str body;

    upstream_open(&proxy, keep_and_answer, NULL);
    pb_http_spec spec = through_proxy("POST", "http://model.example:8080/v1/chat?a=b");
    spec.headers = &header;
    spec.header_count = 1;
    spec.body = pb_lit("{\"a\":1}");
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    ck_assert_int_eq(pb_http_status(http), 201);
    ck_text(pb_http_header(http, pb_lit("x-answer")), "yes");
    ck_assert_int_eq(pb_http_read_all(http, &body), PB_OK);
    ck_text(body, "proxied");
    pb_http_close(http);
    ck_assert_ptr_nonnull(strstr(seen, "POST http://model.example:8080/v1/chat?a=b HTTP/1.1\r\n"));
    ck_assert_ptr_nonnull(strstr(seen, "\r\nHost: model.example:8080\r\n"));
    ck_assert_ptr_nonnull(strstr(seen, "\r\nX-Key: value\r\n"));
    ck_assert_ptr_nonnull(strstr(seen, "\r\nContent-Length: 7\r\n"));
    ck_assert_ptr_nonnull(strstr(seen, "\r\n\r\n{\"a\":1}"));
    ck_assert_ptr_null(strcasestr(seen, "accept-encoding"));
    ck_assert_ptr_null(strcasestr(seen, "application/x-www-form-urlencoded"));
    for (int i = 0; i < 5; i++) {
        spec.method = pb_str_of(i % 2 ? "HEAD" : "GET");
        spec.body = pb_str_make(NULL, 0);
        struct got got = get_spec(&spec);
        ck_assert_int_eq(got.opened, PB_OK);
        ck_text(got.body, i % 2 ? "" : "proxied");
    }
    ck_assert_int_eq(proxy.accepted, 1); /* kept */
    end();
}

static void redirect_once(struct upstream_peer *peer)
{
    while (peer_request(peer))
        peer_say(peer, strstr(peer->bytes, "/old ")
                           ? "HTTP/1.1 301 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
                           : "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
}

CLIENT_TEST(redirects_through_the_proxy)
{
    upstream_open(&proxy, redirect_once, NULL);
    pb_http_spec spec = through_proxy("GET", "http://model.example/old");
    ck_assert_int_eq(get_spec(&spec).status, 301);
    spec.follow = 1;
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.status, 200);
    ck_text(got.body, "new");
    end();
}

CLIENT_TEST(a_proxy_that_refuses)
{
    int port, fd = upstream_listen(&port);

    close(fd);
    pb_http_spec spec = pb_http_spec_make("GET", pb_lit("http://model.example/?secret"));
    spec.proxy = pb_printf("http://127.0.0.1:%d", port);
    ck_assert_int_eq(get_spec(&spec).opened, PB_UNAVAILABLE);
    ck_sentence("'model.example' did not answer");
    ck_assert_ptr_null(strstr(pb_copy(pb_error_last()->sentence).data, "secret"));
    upstream_open(&proxy, proxy_script, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
    spec = through_proxy("GET", "https://model.example/");
    ck_assert_int_ne(get_spec(&spec).opened, PB_OK);
    ck_sentence("403");
    end();
}

/* --- ends ------------------------------------------------------------------------------------- */

static void without_end(struct upstream_peer *peer)
{
    static const char zeros[16 << 10];

    peer_request(peer);
    peer_say(peer, peer->upstream->arg);
    while (strstr(peer->upstream->arg, "X-Flood"))
        if (send(peer->fd, zeros, sizeof zeros, MSG_NOSIGNAL) <= 0)
            break;
    peer_wait_end(peer);
}

CLIENT_TEST(time_outs_and_limits)
{
    pb_http *http;
    pb_str chunk;

    upstream_open(&proxy, without_end, "");
    pb_http_spec spec = through_proxy("GET", "http://model.example/");
    spec.first_byte = 20 * PB_MILLISECOND;
    ck_assert_int_eq(get_spec(&spec).opened, PB_TIMEOUT);
    ck_sentence("did not begin to answer within 20 ms");
    end();
    upstream_open(&proxy, without_end, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    spec = through_proxy("GET", "http://model.example/");
    spec.between_bytes = 20 * PB_MILLISECOND;
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    ck_assert_int_eq(pb_http_read(http, &chunk), PB_OK);
    ck_text(chunk, "abc");
    ck_assert_int_eq(pb_http_read(http, &chunk), PB_TIMEOUT);
    pb_http_close(http);
    end();
    upstream_open(&proxy, without_end, "HTTP/1.1 200 OK\r\nX-Flood: 1\r\n\r\n");
    spec = through_proxy("GET", "http://model.example/");
    spec.max_body = 5 << 20;
    ck_assert_int_eq(get_spec(&spec).read, PB_TOO_LARGE);
    end();
    upstream_open(&proxy, without_end,
                  "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx");
    spec = through_proxy("GET", "http://model.example/");
    ck_assert_int_eq(get_spec(&spec).opened, PB_BAD_UPSTREAM);
    ck_sentence("the encoding 'br'");
    end();
}

CLIENT_TEST(a_body_that_nobody_reads_waits)
{
    pb_http *http;
    pb_str chunk;

    upstream_open(&proxy, without_end, "HTTP/1.1 200 OK\r\nX-Flood: 1\r\n\r\n");
    pb_http_spec spec = through_proxy("GET", "http://model.example/");
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(pb_sleep(0), PB_OK);
    ck_assert_int_eq(pb_http_read(http, &chunk), PB_OK);
    ck_assert_uint_le(chunk.size, 300 << 10);
    for (size_t total = 0; total < 20 << 20; total += chunk.size)
        ck_assert_int_eq(pb_http_read(http, &chunk), PB_OK);
    pb_http_close(http);
    end();
}

static pb_status get_task(void *arg)
{
    struct got got = get_spec(arg);
    return got.opened ? got.opened : got.read;
}

CLIENT_TEST(cancelling_closes_the_proxy_connection)
{
    pb_task *task;
    static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\n\r\nabc"};

    for (int i = 0; i < 2; i++) {
        upstream_open(&proxy, without_end, answers[i]);
        pb_http_spec spec = through_proxy("GET", "http://model.example/");
        ck_assert_int_eq(pb_spawn(get_task, &spec, &task), PB_OK);
        while (proxy.requests == 0)
            ck_assert_int_eq(pb_sleep(0), PB_OK);
        pb_task_cancel(task);
        ck_assert_int_eq(pb_join(task), PB_CANCELLED);
        while (proxy.saw_end == 0)
            ck_assert_int_eq(pb_sleep(0), PB_OK);
        end();
    }
}

static void half(struct upstream_peer *peer)
{
    peer_request(peer);
    peer_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
}

CLIENT_TEST(a_body_that_breaks_off)
{
    upstream_open(&proxy, half, NULL);
    pb_http_spec spec = through_proxy("GET", "http://model.example/");
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.opened, PB_OK);
    ck_assert_int_eq(got.read, PB_BAD_UPSTREAM);
    end();
}

CLIENT_TEST(what_is_not_public_is_refused)
{
    upstream_open(&proxy, proxy_script, NULL);
    pb_http_spec spec = through_proxy("GET", "http://127.0.0.1:1/");
    spec.public_only = 1;
    ck_assert_int_eq(get_spec(&spec).opened, PB_FORBIDDEN);
    spec.url = pb_lit("http://localhost/");
    ck_assert_int_eq(get_spec(&spec).opened, PB_FORBIDDEN);
    ck_assert_int_eq(proxy.accepted, 0);
    end();
}

/* --- TLS and HTTP/2 --------------------------------------------------------------------------- */

static void answer(struct upstream_peer *peer, SSL *ssl)
{
    while (tls_request(peer, ssl))
        tls_say(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
}

CLIENT_TEST(https_through_a_tunnel)
{
    certificate_make(&certificate, "DNS:localhost", 86400);
    tls_upstream_open(&upstream, &tls, &certificate, answer);
    upstream_open(&proxy, proxy_script, NULL);
    pb_http_spec spec = through_proxy("GET", pb_printf("https://localhost:%d/", upstream.port).data);
    ck_assert_int_eq(get_spec(&spec).opened, PB_BAD_UPSTREAM); /* nobody we trust */
    ck_sentence("certificate");
    spec.ca_file = pb_str_of(certificate.pem);
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.opened, PB_OK);
    ck_text(got.body, "secret");
    end();
    tls_upstream_close(&upstream, &tls);
    certificate_remove(&certificate);
}

static int only_h2(SSL *ssl, const unsigned char **out, unsigned char *size,
                   const unsigned char *in, unsigned in_size, void *arg)
{
    (void)ssl;
    (void)arg;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, size,
                                 (const unsigned char *)"\x02h2", 3, in, in_size) ==
                   OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Frames: settings and their acknowledgement; then header ":status: 200" and data on each stream. */
static void answer_h2(struct upstream_peer *peer, SSL *ssl)
{
    static const unsigned char settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0};
    unsigned char in[64 << 10], out[64] = {0, 0, 1, 1, 4, 0, 0, 0, 0, 0x88,
                                           0, 0, 3, 0, 1, 0, 0, 0, 0, 'h', '2', '!'};
    size_t have = 0, at = 24; /* behind the preface */
    int got;

    SSL_write(ssl, settings, sizeof settings);
    while ((got = SSL_read(ssl, in + have, (int)(sizeof in - have))) > 0) {
        have += (size_t)got;
        while (have >= at + 9) {
            size_t size = (size_t)in[at] << 16 | (size_t)in[at + 1] << 8 | in[at + 2];
            if (have < at + 9 + size)
                break;
            if (in[at + 3] == 1) { /* the header of a request: its stream is answered */
                memcpy(out + 5, in + at + 5, 4);
                memcpy(out + 15, in + at + 5, 4);
                SSL_write(ssl, out, 22);
                peer->upstream->requests++;
            }
            at += 9 + size;
        }
    }
}

CLIENT_TEST(a_host_that_speaks_only_http2)
{
    certificate_make(&certificate, "DNS:localhost", 86400);
    tls_upstream_open(&upstream, &tls, &certificate, answer_h2);
    SSL_CTX_set_alpn_select_cb(tls.context, only_h2, NULL);
    upstream_open(&proxy, proxy_script, NULL);
    pb_http_spec spec =
        pb_http_spec_make("GET", pb_printf("https://localhost:%d/", upstream.port));
    spec.ca_file = pb_str_of(certificate.pem);
    for (int i = 0; i < 3; i++) {
        struct got got = get_spec(&spec);
        ck_assert_msg(got.opened == PB_OK, "%.*s", PB_ARG(pb_error_last()->sentence));
        ck_assert_int_eq(got.status, 200);
        ck_text(got.body, "h2!");
    }
    ck_assert_int_eq(tls.failed, 1); /* the first try of ours only */
    ck_assert_int_eq(tls.shaken, 1);
    spec.public_only = 1; /* also not over the connection that is there */
    ck_assert_int_eq(get_spec(&spec).opened, PB_FORBIDDEN);
    ck_assert_int_eq(upstream.requests, 3);
    end();
    tls_upstream_close(&upstream, &tls);
    certificate_remove(&certificate);
}

int main(void)
{
    return suite_run("client_curl",
                     (const TTest *[]){a_request_goes_through_the_proxy, redirects_through_the_proxy,
                                       a_proxy_that_refuses, time_outs_and_limits,
                                       a_body_that_nobody_reads_waits,
                                       cancelling_closes_the_proxy_connection,
                                       a_body_that_breaks_off, what_is_not_public_is_refused,
                                       https_through_a_tunnel, a_host_that_speaks_only_http2, NULL});
}
