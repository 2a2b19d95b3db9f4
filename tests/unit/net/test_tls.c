/* test_tls.c - TLS: our server with OpenSSL's own client, our client with our server, trust, names,
 * resumption. The certificate is made here. */
#include "net/server_bench.h"

#include "net/conn.h"
#include "net/tls.h"
#include "suite.h"
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static char folder[32];
static char certificate[64], key[64], other[64];

/* --- a certificate ---------------------------------------------------------------------------- */

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, x509, x509, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ck_assert_ptr_nonnull(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

static void make_certificate(const char *certificate_path, const char *key_path, const char *names)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    FILE *file;

    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, pair);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                               (const unsigned char *)"patchbay test", -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    add_extension(x509, NID_subject_alt_name, names);
    add_extension(x509, NID_basic_constraints, "critical,CA:TRUE");
    ck_assert_int_gt(X509_sign(x509, pair, EVP_sha256()), 0);
    file = fopen(certificate_path, "w");
    PEM_write_X509(file, x509);
    fclose(file);
    if (key_path) {
        file = fopen(key_path, "w");
        PEM_write_PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL);
        fclose(file);
    }
    X509_free(x509);
    EVP_PKEY_free(pair);
}

static void set_up(void)
{
    strcpy(folder, "/tmp/patchbay-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(certificate, sizeof certificate, "%s/certificate.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(other, sizeof other, "%s/other.pem", folder);
    make_certificate(certificate, key, "DNS:localhost,IP:127.0.0.1");
    make_certificate(other, NULL, "DNS:localhost");
    bench.spec.certificate = pb_str_of(certificate);
    bench.spec.key = pb_str_of(key);
}

static void tear_down(void)
{
    unlink(certificate);
    unlink(key);
    unlink(other);
    rmdir(folder);
}

/* --- the server with OpenSSL's client --------------------------------------------------------- */

static pb_status handle(void *self, pb_request *request)
{
    static char large[1 << 20];
    pb_str body;

    (void)self;
    seen.handled++;
    if (pb_str_is(request->path, "/large"))
        return pb_respond(request, 200, NULL, 0, pb_str_make(large, sizeof large));
    pb_status status = pb_request_body(request, &body);
    if (status != PB_OK)
        return status;
    return pb_respond(request, 200, NULL, 0,
                      body.size         ? body
                      : request->secure ? pb_lit("secure")
                                        : pb_lit("plain"));
}

static SSL_CTX *client_context(int version)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_load_verify_locations(context, certificate, NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_security_level(context, version < TLS1_2_VERSION ? 0 : 1);
    SSL_CTX_set_min_proto_version(context, 0);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x02h2\x08http/1.1", 12);
    return context;
}

static SSL *dial_tls(SSL_CTX *context, SSL_SESSION *session)
{
    SSL *ssl = SSL_new(context);
    SSL_set_fd(ssl, dial());
    SSL_set1_host(ssl, "localhost");
    if (session)
        SSL_set_session(ssl, session);
    return ssl;
}

static void hang_up(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

static size_t ask(SSL *ssl, const char *text, char *answer, size_t room)
{
    size_t have = 0, got;

    ck_assert_int_eq(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
    while (have < room - 1 && SSL_read_ex(ssl, answer + have, room - 1 - have, &got) == 1)
        have += got;
    answer[have] = 0;
    return have;
}

static void openssl_client(void)
{
    static char answer[2 << 20];
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

    for (size_t i = 0; i < 2; i++) {
        SSL_CTX *context = client_context(versions[i]);
        SSL_SESSION *session = NULL;
        for (int round = 0; round < 2; round++) {
            SSL *ssl = dial_tls(context, session);
            const unsigned char *protocol;
            unsigned size;
            ck_assert_int_eq(SSL_connect(ssl), 1);
            ck_assert_int_eq(SSL_version(ssl), versions[i]);
            SSL_get0_alpn_selected(ssl, &protocol, &size);
            ck_assert_uint_eq(size, 8);
            ck_assert_int_eq(memcmp(protocol, "http/1.1", 8), 0);
            ck_assert_int_eq(SSL_session_reused(ssl), round); /* by its ticket */
            size_t got = ask(ssl, "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                             answer, sizeof answer);
            ck_assert_uint_gt(got, 1u << 20);
            ck_assert_int_eq(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
            SSL_SESSION_free(session);
            session = SSL_get1_session(ssl);
            SSL_shutdown(ssl);
            hang_up(ssl);
        }
        SSL_SESSION_free(session);
        SSL_CTX_free(context);
    }
    SSL_CTX *context = client_context(TLS1_1_VERSION);
    SSL *ssl = dial_tls(context, NULL);
    ck_assert_int_ne(SSL_connect(ssl), 1); /* too old */
    hang_up(ssl);
    SSL_CTX_free(context);
    int fd = dial(); /* plain text on the TLS port */
    say(fd, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    char *rest = hear_all(fd, NULL);
    expect_not(rest, "200");
    free(rest);
    close(fd);
    until(figure_of(server_connections) == 0);
}

START_TEST(serves_openssl)
{
    with_server(handle, openssl_client);
    ck_assert_int_eq(seen.handled, 4);
}
END_TEST

/* --- our client ------------------------------------------------------------------------------- */

static struct {
    struct conn conn;
    struct tls_context *context;
    const char *name;
    int stage; /* connected, shaken */
    char text[8192];
    size_t size;
    pb_status why;
    char sentence[256];
    bool resumed;
    bool closed;
    struct waiter waiter;
} peer;

static void peer_ready(struct conn *conn)
{
    if (peer.stage++ == 0) {
        ck_assert_int_eq(conn_start_tls(conn, peer.context, peer.name), PB_OK);
    } else {
        peer.resumed = tls_engine()->resumed(conn->tls);
        static const char text[] = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                   "Content-Length: 2\r\n\r\nhi";
        conn_write(conn, text, sizeof text - 1);
    }
}

static void peer_data(struct conn *conn, const char *data, size_t size)
{
    (void)conn;
    memcpy(peer.text + peer.size, data, size);
    peer.size += size;
}

static void peer_closed(struct conn *conn)
{
    (void)conn;
    waiter_wake(&peer.waiter);
}

static void peer_end(struct conn *conn, pb_status why, const char *sentence)
{
    peer.why = why;
    snprintf(peer.sentence, sizeof peer.sentence, "%s", sentence);
    conn_close(conn, peer_closed);
}

static void talk(const char *ca_file, const char *name)
{
    static const struct conn_ops ops = {
        .on_ready = peer_ready, .on_data = peer_data, .on_end = peer_end};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)bench.port)};

    memset(&peer, 0, sizeof peer);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer.name = name;
    ck_assert_int_eq(tls_client(pb_str_of(ca_file), &peer.context), PB_OK);
    conn_init(&peer.conn, &ops);
    ck_assert_int_eq(conn_connect(&peer.conn, (struct sockaddr *)&to), PB_OK);
    ck_assert_int_eq(task_wait(&peer.waiter), PB_OK);
}

static void our_client(void *arg)
{
    (void)arg;
    for (int i = 0; i < 4; i++) {
        talk(certificate, i < 2 ? "localhost" : "127.0.0.1");
        ck_assert_int_eq(peer.why, PB_OK);
        expect_starts(peer.text, "HTTP/1.1 200 OK");
        expect_ends(peer.text, "hi");
        ck_assert_int_eq(peer.resumed, i % 2);
    }
    talk(certificate, "example.com");
    ck_assert_int_eq(peer.why, PB_BAD_UPSTREAM);
    expect_has(peer.sentence, "hostname mismatch");
    talk(other, "localhost");
    ck_assert_int_eq(peer.why, PB_BAD_UPSTREAM);
    expect_has(peer.sentence, "the certificate is not accepted");
    talk("", "localhost"); /* the system does not know it either */
    ck_assert_int_eq(peer.why, PB_BAD_UPSTREAM);
    seen.ended = 1;
}

static void run_our_client(void *arg)
{
    (void)arg;
    ck_assert_int_eq(task_start(our_client, NULL, NULL), PB_OK);
}

static void our_client_thread(void)
{
    loop_post(run_our_client, NULL);
    until(seen.ended == 1);
}

START_TEST(our_client_trusts_checks_names_and_resumes)
{
    with_server(handle, our_client_thread);
    ck_assert_int_eq(seen.handled, 4);
}
END_TEST

/* --- files ------------------------------------------------------------------------------------ */

START_TEST(refuses_files_that_do_not_fit)
{
    struct tls_context *context = NULL;

    ck_assert_int_eq(tls_server(pb_lit("/nowhere.pem"), pb_str_of(key), &context), PB_INVALID);
    expect_has(pb_error_last()->sentence.data, "No such file");
    ck_assert_int_eq(tls_server(pb_str_of(other), pb_str_of(key), &context), PB_INVALID);
    ck_assert_int_eq(tls_server(pb_str_of(key), pb_str_of(key), &context), PB_INVALID);
    ck_assert_int_eq(tls_client(pb_str_of(key), &context), PB_INVALID);
    ck_assert_ptr_null(context);
    ck_assert_int_eq(tls_server(pb_str_of(certificate), pb_str_of(key), &context), PB_OK);
    tls_context_free(context);
}
END_TEST

int main(void)
{
    TCase *tests = suite_case("tls", set_up, tear_down,
                              (const TTest *const[]){serves_openssl,
                                                     our_client_trusts_checks_names_and_resumes,
                                                     refuses_files_that_do_not_fit, NULL});

    return suite_run_cases("tls", (TCase *const[]){tests, NULL});
}
