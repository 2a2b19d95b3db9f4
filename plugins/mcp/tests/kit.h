/* kit.h - what these tests share: a client that says what it likes in headers and body. Include it
 * once. */
#ifndef TEST_MCP_KIT_H
#define TEST_MCP_KIT_H

#define pb_host_table    pb_host_table_desk
#define PB_PLUGIN_SYMBOL patchbay_plugin_desk

#include "desk.h"
#include "suite.h"
#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_mcp;
extern const pb_plugin patchbay_plugin_memory;

/* --- a client ------------------------------------------------------------------------------ */

static pb_harness *harness;

static const pb_str all_scopes[] = {PB_LIT("notes"), PB_LIT("documents"), PB_LIT("turns.create")};
static const pb_principal anna = {.size = sizeof(pb_principal),
                                  .id = PB_LIT("anna"),
                                  .tenant = PB_LIT("default"),
                                  .name = PB_LIT("Anna"),
                                  .scopes = all_scopes,
                                  .scope_count = 3};
static const pb_principal bert = {.size = sizeof(pb_principal),
                                  .id = PB_LIT("bert"),
                                  .tenant = PB_LIT("default"),
                                  .name = PB_LIT("Bert"),
                                  .scopes = all_scopes + 1,
                                  .scope_count = 1};

enum { HEARD = 1 << 20, HEADERS_MOST = 8 };

/* What is said and what came back. All zero but `body`: a POST by anna in the session `session`. */
struct say {
    const char *body, *method;
    const char *accept, *origin, *version, *id, *type; /* NULL: as a good client; "": not sent */
    const pb_principal *principal;
    int leave_at; /* the client is gone at this write */
    /* what came back: */
    int32_t status;
    pb_status end;
    int writes;
    size_t size;
    char heard[HEARD], kind[64], begun[64], allow[64];
};

static char session[64];

static void add_header(pb_header *headers, size_t *count, const char *name, const char *given,
                       const char *otherwise)
{
    const char *value = given ? given : otherwise;

    if (value && *value)
        headers[(*count)++] = (pb_header){pb_str_of(name), pb_str_of(value)};
}

struct ear {
    pb_writer base;
    struct say *say;
};

static pb_status listen_on(pb_writer *writer, pb_bytes bytes)
{
    struct say *say = ((struct ear *)(void *)writer)->say;

    if (++say->writes == say->leave_at)
        return pb_fail(PB_CANCELLED, "the client is gone");
    ck_assert_uint_lt(say->size + bytes.size, HEARD);
    memcpy(say->heard + say->size, bytes.data, bytes.size);
    say->size += bytes.size;
    say->heard[say->size] = 0;
    return PB_OK;
}

static void take(struct say *say, const pb_content *content)
{
    struct ear ear = {{.size = sizeof(pb_writer), .write = listen_on}, say};

    say->status = content->status;
    (void)snprintf(say->kind, sizeof say->kind, "%.*s", PB_ARG(content->type));
    for (size_t i = 0; i < content->header_count; i++) {
        const pb_header *header = &content->headers[i];
        char *to = pb_str_is(header->name, "Mcp-Session-Id") ? say->begun : say->allow;
        (void)snprintf(to, sizeof say->begun, "%.*s", PB_ARG(header->value));
    }
    if (content->send)
        say->end = content->send(content->arg, &ear.base);
    else if (content->body.size)
        (void)listen_on(&ear.base,
                        (pb_bytes){(const uint8_t *)content->body.data, content->body.size});
}

static pb_status say_it(void *arg)
{
    struct say *say = arg;
    const char *method = say->method ? say->method : "POST";
    pb_header headers[HEADERS_MOST];
    pb_operation_match match = {.size = sizeof match};
    pb_content content = {.size = sizeof content};
    const pb_operation *operation;
    size_t count = 0;

    say->heard[0] = say->begun[0] = say->allow[0] = 0;
    say->size = 0;
    say->writes = 0;
    add_header(headers, &count, "Accept", say->accept, "application/json, text/event-stream");
    add_header(headers, &count, "Host", NULL, "127.0.0.1:8080");
    add_header(headers, &count, "Origin", say->origin, NULL);
    add_header(headers, &count, "MCP-Protocol-Version", say->version, NULL);
    add_header(headers, &count, "Mcp-Session-Id", say->id, session);
    pb_call call = {.size = sizeof call,
                    .principal = say->principal ? say->principal : &anna,
                    .match = &match,
                    .body = pb_str_of(say->body),
                    .type = pb_str_of(say->type ? say->type : "application/json"),
                    .headers = headers,
                    .header_count = count,
                    .request_id = pb_lit("request-1")};
    ck_assert_int_eq(pb_operation_route(pb_str_of(method), pb_lit("/mcp"), &operation, &match),
                     PB_OK);
    (void)pb_operation_call(operation, &call, &content);
    take(say, &content);
    return PB_OK;
}

/* The answer's text; its status is looked at. */
static const char *say(struct say *what, int32_t status)
{
    ck_assert_int_eq(pb_harness_run(harness, say_it, what, NULL), PB_OK);
    ck_assert_msg(what->status == status, "%d, not %d: %s", what->status, status, what->heard);
    return what->heard;
}

static struct say said; /* too large for a stack */

static const char *post(const char *body)
{
    memset(&said, 0, offsetof(struct say, heard));
    said.body = body;
    return say(&said, 200);
}

/* A request of that method with these params (JSON, or NULL), as anna. */
static const char *call(const char *method, const char *params)
{
    static char body[1 << 16];

    (void)snprintf(body, sizeof body, "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"%s\"%s%s}",
                   method, params ? ",\"params\":" : "", params ? params : "");
    return post(body);
}

static void has(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

static void has_not(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) == NULL, "'%s' is in: %s", part, text);
}

static size_t times(const char *text, const char *part)
{
    size_t count = 0;

    while ((text = strstr(text, part)))
        count++, text += strlen(part);
    return count;
}

static void begin_as(const char *version, const pb_principal *principal)
{
    char body[512];

    (void)snprintf(body, sizeof body,
                   "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                   "\"protocolVersion\":\"%s\",\"capabilities\":{},\"clientInfo\":{\"name\":\"t\","
                   "\"version\":\"1\"}}}",
                   version);
    memset(&said, 0, offsetof(struct say, heard));
    said.body = body;
    said.id = "";
    said.principal = principal;
    (void)say(&said, 200);
    (void)snprintf(session, sizeof session, "%s", said.begun);
}

static void begin(const char *version)
{
    begin_as(version, &anna);
}

#define CONFIG(options)                                                                            \
    "llms: {main: {use: scripted}}\ncaches: {shared: {use: memory, size: 8MiB}}\n"                 \
    "services: {desk: {}, mcp: {" options "}}\n"                                                   \
    "pipelines: {support: {description: Answers about the product., stages: [generate: {llm: "     \
    "main}]}, cited: {stages: [cite: {}, generate: {llm: main}]}}\n"

static const pb_plugin *const plugins[] = {&patchbay_plugin_generate, &patchbay_plugin_mcp,
                                           &patchbay_plugin_memory, &patchbay_plugin_desk, NULL};

static void open_with(const char *yaml)
{
    harness = pb_harness_open(yaml, plugins, NULL);
    begin("2025-11-25");
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

#endif
