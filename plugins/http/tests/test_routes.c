/* Paths, methods, origins, hosts, and listeners that must not open. */
#include "client.h"
#include "suite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct raw {
    int port;
    char request[512];
    int32_t status;
};

static pb_status talk(void *arg) /* on a helper thread */
{
    struct raw *raw = arg;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)raw->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[4096] = "";
    size_t size = 0;
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
        send(fd, raw->request, strlen(raw->request), MSG_NOSIGNAL) > 0)
        while ((got = recv(fd, answer + size, sizeof answer - 1 - size, 0)) > 0)
            size += (size_t)got;
    close(fd);
    return sscanf(answer, "HTTP/1.1 %d", &raw->status) == 1 ? PB_OK : PB_INTERNAL;
}

static pb_status run_raw(void *arg)
{
    return pb_offload(talk, arg);
}

START_TEST(unknown_paths_and_methods)
{
    ask("GET", "/nowhere", NULL);
    ck_assert_int_eq(reply.status, 404);
    ck_assert_str_eq(header("content-type"), "application/problem+json");
    ck_at("type", "/problems/not_found");
    ask("PUT", "/v1/turns", "{}");
    ck_assert_int_eq(reply.status, 405);
    ck_assert_ptr_nonnull(strstr(header("allow"), "POST"));
    ck_assert_ptr_nonnull(strstr(header("allow"), "OPTIONS"));
    ck_at("status", "405");
    ask("GET", "/v1/chat/completions", NULL);
    ck_assert_int_eq(reply.status, 405);
    ck_assert_str_eq(header("allow"), "POST, OPTIONS");
    ck_assert_str_eq(header("content-type"), "application/json");
    ck_assert_str_ne(at("error/message"), "(none)");
    ask("OPTIONS", "/v1/models", NULL);
    ck_assert_int_eq(reply.status, 204);
    ck_assert_str_eq(header("allow"), "GET, HEAD, OPTIONS");
    ck_assert_str_eq(header("access-control-allow-origin"), "");
}
END_TEST

START_TEST(operations_are_served)
{
    ask("GET", "/healthz", NULL);
    ck_assert_int_eq(reply.status, 200);
    ask("GET", "/metrics", NULL);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_ptr_nonnull(strstr(reply.body, "patchbay_"));
    ask("GET", "/v1/turns/00000000-0000-7000-8000-000000000000", NULL);
    ck_assert_int_eq(reply.status, 404);
    ck_at("type", "/problems/not_found");
    ck_at("instance", header("x-request-id"));
}
END_TEST

START_TEST(responses_need_who_keeps_them)
{
    ask("GET", "/v1/responses/resp_0193f3c27a517d209c3e5b1f6f0e2a440193f3c27a517d209c3e5b1f6f0e2a45", NULL);
    ck_assert_int_eq(reply.status, 501);
    ck_assert_ptr_nonnull(strstr(reply.body, "'conversations'"));
    ask("GET", "/v1/responses/resp_1", NULL);
    ck_assert_int_eq(reply.status, 404);
    ck_at("error/type", "invalid_request_error");
}
END_TEST

START_TEST(request_ids_come_back)
{
    const pb_header headers[] = {{PB_LIT("X-Request-Id"), PB_LIT("mine.7")}};

    ask_with("GET", "/v1/models", NULL, headers, 1);
    ck_assert_str_eq(header("x-request-id"), "mine.7");
    ask_with("GET", "/nowhere", NULL, headers, 1);
    ck_at("instance", "mine.7");
}
END_TEST

static const char good[] = "{\"message\":\"hi\"}";

START_TEST(bodies_must_say_that_they_are_json)
{
    const pb_header text[] = {{PB_LIT("Content-Type"), PB_LIT("text/plain")}};
    const pb_header json[] = {{PB_LIT("Content-Type"), PB_LIT("application/json; charset=utf-8")}};
    const pb_header origin[] = {{PB_LIT("Origin"), PB_LIT("https://evil.example")}};

    ask_with("POST", "/v1/turns", good, text, 1);
    ck_assert_int_eq(reply.status, 415);
    ask_with("POST", "/v1/turns", good, json, 1);
    ck_assert_int_eq(reply.status, 200);
    ask_with("POST", "/v1/turns", good, NULL, 0);
    ck_assert_int_eq(reply.status, 200);
    ask_with("POST", "/v1/turns", good, origin, 1);
    ck_assert_int_eq(reply.status, 415);
}
END_TEST

/* The client above writes Host by itself: this one is a socket. */
static int32_t status_with_host(const char *host)
{
    struct raw raw = {.port = atoi(strrchr(pb_harness_url(harness), ':') + 1)};

    (void)snprintf(raw.request, sizeof raw.request,
                   "GET /v1/models HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", host);
    ck_assert_int_eq(pb_harness_run(harness, run_raw, &raw, NULL), PB_OK);
    return raw.status;
}

START_TEST(names_of_other_hosts_are_refused)
{
    ck_assert_int_eq(status_with_host("evil.example:80"), 403);
    ck_assert_int_eq(status_with_host("127.0.0.1.evil.example"), 403);
    ck_assert_int_eq(status_with_host("localhost:80"), 200);
    ck_assert_int_eq(status_with_host("127.0.0.1"), 200);
    ck_assert_int_eq(status_with_host("[::1]:80"), 200);
}
END_TEST

START_TEST(origins)
{
    const pb_header app[] = {
        {PB_LIT("Origin"), PB_LIT("https://app.example.com")},
        {PB_LIT("Access-Control-Request-Method"), PB_LIT("POST")},
        {PB_LIT("Access-Control-Request-Headers"), PB_LIT("authorization,x-stainless-os")}};
    const pb_header other[] = {{PB_LIT("Origin"), PB_LIT("https://other.example.com")}};

    unserve();
    serve_with(CONFIG(", cors: {origins: ['https://app.example.com']}"));
    ask_with("OPTIONS", "/v1/chat/completions", NULL, app, 3);
    ck_assert_int_eq(reply.status, 204);
    ck_assert_str_eq(header("access-control-allow-origin"), "https://app.example.com");
    ck_assert_str_eq(header("access-control-allow-headers"), "authorization,x-stainless-os");
    ck_assert_str_eq(header("access-control-allow-methods"), "POST, OPTIONS");
    ask_with("GET", "/v1/models", NULL, app, 1);
    ck_assert_str_eq(header("access-control-allow-origin"), "https://app.example.com");
    ck_assert_str_eq(header("vary"), "Origin");
    ask_with("GET", "/v1/models", NULL, other, 1);
    ck_assert_int_eq(reply.status, 200);
    ck_assert_str_eq(header("access-control-allow-origin"), "");
}
END_TEST

START_TEST(credentials_and_scopes)
{
    const pb_header none[] = {{PB_LIT("Content-Type"), PB_LIT("application/json")}};
    const pb_header reader[] = {
        none[0], {PB_LIT("Authorization"), PB_LIT("Bearer reader-0123456789abcdef")}};
    const pb_header writer[] = {none[0], {PB_LIT("X-Api-Key"), PB_LIT("writer-0123456789abcdef")}};

    unserve();
    serve_with("auth:\n  keys:\n    use: api-key\n    keys:\n"
               "      - {name: reader, key: reader-0123456789abcdef, scopes: [pipelines.read]}\n"
               "      - {name: writer, key: writer-0123456789abcdef}\n" CONFIG(", auth: [keys]"));
    ask_with("POST", "/v1/turns", good, none, 1);
    ck_assert_int_eq(reply.status, 401);
    ck_assert_str_eq(header("www-authenticate"), "Bearer");
    ck_at("type", "/problems/unauthenticated");
    ask("GET", "/v1/models", NULL);
    ck_assert_int_eq(reply.status, 401);
    ck_at("error/code", "invalid_api_key");
    ck_at("error/message", "Incorrect API key provided, or none: credentials are needed, and none "
                           "that came are known here");
    ask_with("GET", "/v1/models", NULL, reader, 2);
    ck_assert_int_eq(reply.status, 200);
    ask_with("POST", "/v1/turns", good, reader, 2);
    ck_assert_int_eq(reply.status, 403);
    ck_at("detail", "the scope 'turns.create' is needed");
    ask_with("POST", "/v1/turns", good, writer, 2);
    ck_assert_int_eq(reply.status, 200);
    ask("GET", "/healthz", NULL); /* needs none */
    ck_assert_int_eq(reply.status, 200);
}
END_TEST

/* Configurations that must not load, and a part of what is said. */
static const struct {
    const char *yaml, *says;
} refused[] = {
    {"llms: {main: {use: scripted}}\npipelines: {p: {stages: [generate: {llm: main}]}}\n"
     "transports: {web: {use: http, listen: '0.0.0.0:0', pipelines: [p]}}\n",
     "insecure"},
    {"llms: {main: {use: scripted}}\npipelines: {p: {stages: [generate: {llm: main}]}}\n"
     "transports: {web: {use: http, listen: '127.0.0.1:0', pipelines: [q]}}\n",
     "there is no pipeline 'q'"},
    {"llms: {main: {use: scripted}}\npipelines: {p: {stages: [generate: {llm: main}]}}\n"
     "transports: {web: {use: http, listen: '127.0.0.1:0', pipelines: []}}\n",
     "at least one pipeline"},
    {"llms: {main: {use: scripted}}\npipelines: {p: {stages: [generate: {llm: main}]}}\n"
     "transports: {web: {use: http, listen: '127.0.0.1:0', pipelines: [p], "
     "cors: {origins: [app.example.com]}}}\n",
     "must be an origin"},
};

START_TEST(what_must_not_load)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_http, &patchbay_plugin_generate, NULL};
    char *problems = NULL;

    ck_assert_ptr_null(pb_harness_open(refused[_i].yaml, plugins, &problems));
    ck_assert_msg(strstr(problems, refused[_i].says), "%s", problems);
    free(problems);
}
END_TEST

/* Nothing opens here, because something else is wrong. */
START_TEST(insecure_is_believed)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_http, &patchbay_plugin_generate, NULL};
    char *problems = NULL;

    ck_assert_ptr_null(pb_harness_open(
        "llms: {main: {use: scripted}}\npipelines: {p: {stages: [generate: {llm: main}]}}\n"
        "transports: {web: {use: http, listen: '0.0.0.0:0', pipelines: [q], insecure: true}}\n",
        plugins, &problems));
    ck_assert_ptr_nonnull(strstr(problems, "there is no pipeline 'q'"));
    ck_assert_ptr_null(strstr(problems, "open to other machines"));
    free(problems);
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("routes", serve, unserve,
                   (const TTest *const[]){unknown_paths_and_methods, operations_are_served,
                                          responses_need_who_keeps_them,
                                          request_ids_come_back, bodies_must_say_that_they_are_json,
                                          names_of_other_hosts_are_refused, origins,
                                          credentials_and_scopes, NULL});
    TCase *loading =
        suite_case("loading", NULL, NULL, (const TTest *const[]){insecure_is_believed, NULL});

    tcase_add_loop_test(loading, what_must_not_load, 0, sizeof refused / sizeof *refused);
    return suite_run_cases("routes", (TCase *const[]){cases, loading, NULL});
}
