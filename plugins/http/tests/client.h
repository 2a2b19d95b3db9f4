/* client.h - for the tests: a host that serves the scripted model over HTTP, and a client in the
 * same process. What a reply holds stays until the next ask().
 */
#ifndef HTTP_TEST_CLIENT_H
#define HTTP_TEST_CLIENT_H

#include "../http.h"
#include "testkit.h"

#include <check.h>
#include <stdio.h>

extern const pb_plugin patchbay_plugin_http;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_api_key;

#define CONFIG(options)                                                                            \
    "llms: {main: {use: scripted}}\n"                                                              \
    "pipelines:\n"                                                                                 \
    "  support: {description: Answers., stages: [generate: {llm: main}]}\n"                        \
    "  a/b: {stages: [generate: {llm: main}]}\n"                                                   \
    "  hidden: {stages: [generate: {llm: main}]}\n"                                                \
    "transports:\n"                                                                                \
    "  web: {use: http, listen: '127.0.0.1:0', pipelines: [support, a/b]" options "}\n"

static pb_harness *harness;

static void serve_with(const char *yaml)
{
    harness = pb_harness_new(yaml, &patchbay_plugin_http, &patchbay_plugin_generate,
                             &patchbay_plugin_api_key);
    pb_harness_virtual_time(harness, false);
}

static inline void serve(void)
{
    serve_with(CONFIG(""));
}

static inline void unserve(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

enum { HEADER_NAMES = 15 };

static struct reply {
    int32_t status;
    char body[1 << 18];
    size_t size;
    char headers[HEADER_NAMES][256]; /* as in header_names */
} reply;

static const char *const header_names[] = {
    "content-type",
    "x-request-id",
    "x-patchbay-turn",
    "retry-after",
    "allow",
    "access-control-allow-origin",
    "cache-control",
    "vary",
    "access-control-allow-headers",
    "www-authenticate",
    "x-content-type-options",
    "access-control-allow-methods",
    "patchbay-conversation",
    "location",
    "ratelimit",
};

static inline const char *header(const char *name)
{
    for (size_t i = 0; i < HEADER_NAMES; i++)
        if (strcmp(header_names[i], name) == 0)
            return reply.headers[i];
    ck_abort_msg("the tests do not keep the header %s", name);
}

struct asking {
    const char *method, *path, *body;
    const pb_header *headers;
    uint32_t header_count;
};

static pb_status run_asking(void *arg)
{
    const struct asking *asking = arg;
    pb_http_spec spec =
        pb_http_spec_make(asking->method, pb_printf("%s%s", pb_harness_url(harness), asking->path));
    pb_http *answer;
    pb_str body;

    spec.headers = asking->headers;
    spec.header_count = asking->header_count;
    spec.body = pb_str_of(asking->body);
    pb_status status = pb_http_open(&spec, &answer);
    if (status != PB_OK)
        return status;
    reply.status = pb_http_status(answer);
    for (size_t i = 0; i < HEADER_NAMES; i++) {
        pb_str value = pb_http_header(answer, pb_str_of(header_names[i]));
        (void)snprintf(reply.headers[i], sizeof reply.headers[i], "%.*s", PB_ARG(value));
    }
    status = pb_http_read_all(answer, &body);
    ck_assert_uint_lt(body.size, sizeof reply.body);
    memcpy(reply.body, body.data, body.size);
    reply.body[body.size] = 0;
    reply.size = body.size;
    pb_http_close(answer);
    return status;
}

static inline void ask_with(const char *method, const char *path, const char *body,
                            const pb_header *headers, uint32_t count)
{
    struct asking asking = {method, path, body, headers, count};
    pb_str sentence;

    memset(&reply, 0, offsetof(struct reply, headers));
    pb_status status = pb_harness_run(harness, run_asking, &asking, &sentence);
    ck_assert_msg(status == PB_OK, "%s %s: %.*s", method, path, PB_ARG(sentence));
}

static inline void ask(const char *method, const char *path, const char *body)
{
    static const pb_header json[] = {{PB_LIT("Content-Type"), PB_LIT("application/json")}};
    ask_with(method, path, body, json, body ? 1 : 0);
}

struct parsing {
    pb_str text;
    char *path, *out;
    size_t size;
};

static pb_status run_parsing(void *arg)
{
    struct parsing *parsing = arg;
    const pb_json *json;
    pb_buf buf = {0};
    pb_status status = pb_json_parse(parsing->text, &json);

    if (status != PB_OK)
        return status;
    json = pb_json_path(json, parsing->path);
    if (!json)
        pb_buf_add(&buf, pb_lit("(none)"));
    else if (json->type == PB_JSON_STRING)
        pb_buf_add(&buf, json->text);
    else
        pb_json_write(&buf, json);
    (void)snprintf(parsing->out, parsing->size, "%.*s", PB_ARG(pb_buf_str(&buf)));
    return PB_OK;
}

/* The value at a path of a JSON text: a text's words, else JSON; "(none)" when there is none. */
static inline const char *at_of(pb_str text, const char *path)
{
    static char out[8][4096];
    static size_t next;
    char copy[256];
    struct parsing parsing = {text, copy, out[next++ % 8], sizeof out[0]};
    pb_str sentence;

    (void)snprintf(copy, sizeof copy, "%s", path);
    pb_status status = pb_harness_run(harness, run_parsing, &parsing, &sentence);
    ck_assert_msg(status == PB_OK, "%.*s: %.*s", PB_ARG(sentence), PB_ARG(text));
    return parsing.out;
}

static inline const char *at(const char *path)
{
    return at_of(pb_str_make(reply.body, reply.size), path);
}

#define ck_at(path, value) ck_assert_str_eq(at(path), value)

/* The data of the index-th event of a stream; absent behind the last. */
static inline pb_str event_data(size_t index)
{
    const char *from = reply.body;

    for (size_t i = 0;; i++) {
        const char *data = strstr(from, "data: ");
        const char *end = data ? strstr(data, "\n\n") : NULL;
        if (!end)
            return (pb_str){0};
        if (i == index)
            return pb_str_make(data + 6, (size_t)(end - data - 6));
        from = end;
    }
}

static inline size_t event_count(void)
{
    size_t count = 0;
    while (event_data(count).data)
        count++;
    return count;
}

#define ck_event(index, path, value) ck_assert_str_eq(at_of(event_data(index), path), value)

/* What the model was asked last. */
static inline const char *asked(const char *path)
{
    size_t count = pb_scripted_count(harness, "main");
    ck_assert_uint_gt(count, 0);
    const pb_json *json = pb_json_path(pb_scripted_request(harness, "main", count - 1), path);
    static char text[512];
    (void)snprintf(text, sizeof text, "%s", "(none)");
    if (json && json->text.data)
        (void)snprintf(text, sizeof text, "%.*s", PB_ARG(json->text));
    return text;
}

#endif
