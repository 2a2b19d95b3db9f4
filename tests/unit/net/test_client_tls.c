/* The HTTP client over TLS, against OpenSSL's own server: trust, names, resumption, ends. */
#include "tls_upstream.h"

#include <openssl/ssl.h>

static struct upstream upstream;
static struct tls_upstream tls;
static struct certificate certificate;

static void answer(struct upstream_peer *peer, SSL *ssl)
{
    while (tls_request(peer, ssl))
        tls_say(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static void begin(const char *names, long seconds,
                  void (*script)(struct upstream_peer *peer, SSL *ssl))
{
    certificate_make(&certificate, names, seconds);
    tls_upstream_open(&upstream, &tls, &certificate, script);
}

static void end(void)
{
    client_fini();
    ck_assert_uint_eq(client_figures().open, 0);
    tls_upstream_close(&upstream, &tls);
    certificate_remove(&certificate);
}

/* With our authority trusted. */
static pb_http_spec secure_spec(const char *host, const char *path)
{
    pb_http_spec spec =
        pb_http_spec_make("GET", pb_printf("https://%s:%d%s", host, upstream.port, path));
    spec.ca_file = pb_str_of(certificate.pem);
    return spec;
}

CLIENT_TEST(a_trusted_server_answers)
{
    begin("DNS:localhost,IP:127.0.0.1", 86400, answer);
    pb_http_spec spec = secure_spec("127.0.0.1", "/");
    for (int i = 0; i < 10; i++) {
        struct got got = get_spec(&spec);
        ck_assert_msg(got.opened == PB_OK, "%.*s", PB_ARG(pb_error_last()->sentence));
        ck_text(got.body, "hello");
    }
    ck_assert_int_eq(upstream.accepted, 1);
    spec = secure_spec("localhost", "/"); /* by name, with SNI */
    ck_assert_int_eq(get_spec(&spec).opened, PB_OK);
    ck_assert_int_eq(tls.shaken, 2);
    end();
}

static void answer_once(struct upstream_peer *peer, SSL *ssl)
{
    tls_request(peer, ssl);
    tls_say(ssl, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello");
    SSL_shutdown(ssl);
}

CLIENT_TEST(sessions_are_resumed)
{
    begin("DNS:localhost", 86400, answer_once);
    pb_http_spec spec = secure_spec("localhost", "/");
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(get_spec(&spec).opened, PB_OK);
    end();
    ck_assert_int_eq(tls.shaken, 4);
    ck_assert_int_eq(tls.resumed, 3);
}

static void refused_with(const char *host, bool trusted, const char *sentence)
{
    pb_http_spec spec = secure_spec(host, "/?secret");

    if (!trusted)
        spec.ca_file = pb_str_make(NULL, 0);
    ck_assert_int_eq(get_spec(&spec).opened, PB_BAD_UPSTREAM);
    ck_sentence(sentence);
    ck_sentence(host);
    ck_assert_ptr_null(strstr(pb_copy(pb_error_last()->sentence).data, "secret"));
    end();
    ck_assert_int_eq(upstream.requests, 0);
}

CLIENT_TEST(another_name_is_refused)
{
    begin("DNS:somewhere.example", 86400, answer);
    refused_with("localhost", true, "ostname mismatch");
}

CLIENT_TEST(another_address_is_refused)
{
    begin("DNS:localhost,IP:127.0.0.2", 86400, answer);
    refused_with("127.0.0.1", true, "mismatch");
}

CLIENT_TEST(an_unknown_authority_is_refused)
{
    begin("DNS:localhost", 86400, answer);
    refused_with("localhost", false, "self-signed certificate");
}

CLIENT_TEST(an_expired_certificate_is_refused)
{
    begin("DNS:localhost", 1800, answer);
    refused_with("localhost", true, "expired");
}

CLIENT_TEST(a_ca_file_that_is_none)
{
    begin("DNS:localhost", 86400, answer);
    pb_http_spec spec = secure_spec("localhost", "/");
    spec.ca_file = pb_lit("/nonexistent/ca.pem");
    ck_assert_int_eq(get_spec(&spec).opened, PB_INVALID);
    ck_assert_uint_eq(client_figures().open, 0);
    end();
}

/* --- ends ------------------------------------------------------------------------------------- */

static void speak_plainly(struct upstream_peer *peer)
{
    char some[1024];

    (void)!recv(peer->fd, some, sizeof some, 0);
    peer_say(peer, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    peer_wait_end(peer);
}

CLIENT_TEST(a_server_without_tls)
{
    upstream_open(&upstream, speak_plainly, NULL);
    struct got got = get(pb_printf("https://127.0.0.1:%d/", upstream.port));
    ck_assert_int_eq(got.opened, PB_BAD_UPSTREAM);
    ck_sentence("TLS: ");
    ck_assert_uint_eq(client_figures().open, 0);
    upstream_close(&upstream);
}

static void never_shake(struct upstream_peer *peer)
{
    peer_wait_end(peer);
}

CLIENT_TEST(hands_that_are_not_shaken)
{
    upstream_open(&upstream, never_shake, NULL);
    pb_http_spec spec =
        pb_http_spec_make("GET", pb_printf("https://127.0.0.1:%d/", upstream.port));
    spec.connect = 30 * PB_MILLISECOND;
    ck_assert_int_eq(get_spec(&spec).opened, PB_TIMEOUT);
    ck_sentence("TLS handshake in time");
    ck_assert_uint_eq(client_figures().open, 0);
    upstream_close(&upstream);
}

/* Without a length, and without close_notify: somebody may have cut it. */
static void cut_off(struct upstream_peer *peer, SSL *ssl)
{
    tls_request(peer, ssl);
    tls_say(ssl, "HTTP/1.1 200 OK\r\n\r\nhalf");
    if (strstr(peer->bytes, " /whole "))
        SSL_shutdown(ssl);
}

CLIENT_TEST(a_body_that_ends_with_the_connection)
{
    begin("DNS:localhost", 86400, cut_off);
    pb_http_spec spec = secure_spec("localhost", "/whole");
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.read, PB_OK);
    ck_text(got.body, "half");
    spec = secure_spec("localhost", "/cut");
    ck_assert_int_eq(get_spec(&spec).read, PB_BAD_UPSTREAM);
    ck_sentence("without ending TLS");
    end();
}

/* --- size ------------------------------------------------------------------------------------- */

static void many_records(struct upstream_peer *peer, SSL *ssl)
{
    static char record[10007];

    tls_request(peer, ssl);
    tls_say(ssl, "HTTP/1.1 200 OK\r\nContent-Length: 10007000\r\n\r\n");
    memset(record, 'r', sizeof record);
    for (int i = 0; i < 1000; i++)
        SSL_write(ssl, record, sizeof record);
    tls_request(peer, ssl);
}

CLIENT_TEST(a_large_answer_with_back_pressure)
{
    pb_http *http;
    pb_str chunk;
    size_t total = 0;

    begin("DNS:localhost", 86400, many_records);
    pb_http_spec spec = secure_spec("localhost", "/");
    ck_assert_int_eq(pb_http_open(&spec, &http), PB_OK);
    do {
        ck_assert_int_eq(pb_sleep(0), PB_OK); /* read slower than it comes */
        ck_assert_int_eq(pb_http_read(http, &chunk), PB_OK);
        ck_assert_uint_le(chunk.size, 400 << 10);
        total += chunk.size;
    } while (chunk.size);
    ck_assert_uint_eq(total, 10007000);
    pb_http_close(http);
    end();
}

static void take_it_all(struct upstream_peer *peer, SSL *ssl)
{
    static char some[64 << 10];
    char text[128], length[24];
    long total = 0;
    int got;

    while (total < (6 << 20) && (got = SSL_read(ssl, some, sizeof some)) > 0)
        for (int i = 0; i < got; i++)
            total += some[i] == '\1';
    snprintf(length, sizeof length, "%ld", total);
    snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(length),
             length);
    tls_say(ssl, text);
    tls_request(peer, ssl);
}

CLIENT_TEST(a_large_request)
{
    char *body = malloc(6 << 20);

    memset(body, 1, 6 << 20);
    begin("DNS:localhost", 86400, take_it_all);
    pb_http_spec spec = secure_spec("localhost", "/");
    spec.method = pb_lit("POST");
    spec.body = pb_str_make(body, 6 << 20);
    struct got got = get_spec(&spec);
    ck_assert_int_eq(got.opened, PB_OK);
    ck_text(got.body, "6291456");
    free(body);
    end();
}

int main(void)
{
    return suite_run("client_tls",
                     (const TTest *[]){a_trusted_server_answers, sessions_are_resumed,
                                       another_name_is_refused, another_address_is_refused,
                                       an_unknown_authority_is_refused,
                                       an_expired_certificate_is_refused, a_ca_file_that_is_none,
                                       a_server_without_tls, hands_that_are_not_shaken,
                                       a_body_that_ends_with_the_connection,
                                       a_large_answer_with_back_pressure, a_large_request, NULL});
}
