/* fuzz_mcp.c - any bytes as the body of POST /mcp, in a session of the version that the first byte
 * names: whatever it is, the answer has a status of the protocol and is JSON, or events of JSON.
 */
#include "testkit.h"

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_mcp;
extern const pb_plugin patchbay_plugin_memory;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config[] = "llms: {main: {use: scripted}}\ncaches: {shared: {use: memory}}\n"
                             "services: {mcp: {pipelines: [p], prompts: {hi: {arguments: [{name: "
                             "a}], template: 'x {{a}}'}}}}\n"
                             "pipelines: {p: {stages: [generate: {llm: main}]}}\n";

static const char *const versions[] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};
static pb_harness *harness;
static char sessions[4][64];

static void must_hold(bool what)
{
    if (!what)
        abort();
}

struct message {
    pb_str body;
    const char *session;
    char *begun; /* takes the id of a new one, or NULL */
};

static pb_status take_event(pb_writer *writer, pb_bytes bytes)
{
    pb_str text = {(const char *)bytes.data, bytes.size}, head = pb_lit("event: message\ndata: ");
    const pb_json *json;

    (void)writer;
    must_hold(pb_str_starts(text, head) && pb_str_ends(text, pb_lit("\n\n")));
    must_hold(pb_json_parse(pb_str_slice(text, head.size, text.size - head.size - 2), &json) ==
              PB_OK);
    return PB_OK;
}

static void look(const pb_content *content)
{
    pb_writer writer = {.size = sizeof writer, .write = take_event};
    const pb_json *json;

    must_hold(content->status == 200 || content->status == 202 || content->status == 400);
    if (content->send)
        must_hold(content->send(content->arg, &writer) == PB_OK);
    else if (content->status != 202)
        must_hold(pb_json_parse(content->body, &json) == PB_OK);
}

static pb_status post(void *arg)
{
    static const pb_str scopes[] = {PB_LIT("turns.create")};
    static const pb_principal anna = {.size = sizeof(pb_principal),
                                      .id = PB_LIT("anna"),
                                      .tenant = PB_LIT("default"),
                                      .scopes = scopes,
                                      .scope_count = 1};
    const struct message *message = arg;
    pb_operation_match match = {.size = sizeof match};
    pb_content content = {.size = sizeof content};
    const pb_operation *operation;
    pb_header header = {pb_lit("Mcp-Session-Id"), pb_str_of(message->session)};
    pb_call call = {.size = sizeof call,
                    .principal = &anna,
                    .match = &match,
                    .body = message->body,
                    .headers = &header,
                    .header_count = 1};

    must_hold(pb_operation_route(pb_lit("POST"), pb_lit("/mcp"), &operation, &match) == PB_OK);
    must_hold(pb_operation_call(operation, &call, &content) == PB_OK);
    look(&content);
    if (message->begun)
        (void)snprintf(message->begun, 64, "%.*s", PB_ARG(content.headers[0].value));
    return PB_OK;
}

static void begin(void)
{
    harness = pb_harness_new(config, &patchbay_plugin_generate, &patchbay_plugin_mcp,
                             &patchbay_plugin_memory);
    for (int i = 0; i < 4; i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{"
                       "\"protocolVersion\":\"%s\"}}",
                       versions[i]);
        struct message first = {pb_str_of(body), "", sessions[i]};
        must_hold(pb_harness_run(harness, post, &first, NULL) == PB_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!harness)
        begin();
    if (size == 0)
        return 0;
    struct message message = {{(const char *)data + 1, size - 1}, sessions[data[0] % 4], NULL};
    must_hold(pb_harness_run(harness, post, &message, NULL) == PB_OK);
    pb_script_reset(harness, "main"); /* what was asked is not kept */
    return 0;
}
