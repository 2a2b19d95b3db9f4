/* fuzz_messages.c - any bytes as the body of POST /v1/messages: it is refused with a place, or becomes messages
 * and parameters that a model could be asked with. */
#include "../../plugins/http/anthropic/anthropic.h"
#include "../../plugins/http/negotiate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody sends this body: fields.c does not read it. */
pb_status inside_body(const struct exchange *exchange, pb_str *out)
{
    (void)exchange;
    (void)out;
    abort();
}

pb_status unpack_body(struct exchange *exchange, pb_str *body)
{
    (void)exchange;
    (void)body;
    abort();
}

static void must_hold(bool what)
{
    if (!what)
        abort();
}

/* Every text is touched, so that one that is not there is seen. */
static size_t sum;

static void touch(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        sum += (unsigned char)text.data[i];
}

static void check_message(const pb_message *message)
{
    must_hold(message && message->role >= PB_ROLE_SYSTEM && message->role <= PB_ROLE_TOOL);
    must_hold(message->role == PB_ROLE_ASSISTANT || !message->tool_call_count);
    touch(message->text);
    touch(message->tool_call_id);
    for (size_t i = 0; i < message->part_count; i++) {
        const pb_part *part = message->parts[i];
        must_hold(part->type >= PB_PART_TEXT && part->type <= PB_PART_THINKING);
        touch(part->text);
        touch(part->mime);
        touch(part->name);
        touch(part->url);
        touch(part->content);
    }
    for (size_t i = 0; i < message->tool_call_count; i++) {
        const pb_json *arguments;
        must_hold(pb_json_parse(message->tool_calls[i]->arguments, &arguments) == PB_OK);
        must_hold(arguments->type == PB_JSON_OBJECT);
        touch(message->tool_calls[i]->name);
        touch(message->tool_calls[i]->id);
    }
}

static void check(const struct exchange *exchange, const pb_json *params,
                  const struct messages *messages)
{
    const pb_json *again;
    pb_buf buf = {0};

    must_hold(params != NULL);
    pb_json_write(&buf, params);
    must_hold(!buf.failed && pb_json_parse(pb_buf_str(&buf), &again) == PB_OK); /* no name twice */
    must_hold(exchange->fault_count || messages->count);
    for (size_t i = 0; i < messages->count; i++)
        check_message(messages->list[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_header header = {pb_lit("anthropic-beta"), pb_lit("a,,b ,")};
    pb_request request = {.size = sizeof request, .header_count = 1, .headers = &header};
    struct exchange exchange = {.request = &request, .dialect = &anthropic_dialect};
    struct messages messages = {0};
    pb_scope *scope = pb_scope_begin();
    const pb_json *json;

    if (pb_json_parse(pb_str_make((const char *)data, size), &json) == PB_OK &&
        json->type == PB_JSON_OBJECT) {
        const pb_json *params = anthropic_params_read(&exchange, json, size % 2);
        anthropic_messages_read(&exchange, json, &messages);
        if (faults_status(&exchange) == PB_OK)
            check(&exchange, params, &messages);
        else
            must_hold(pb_error_last()->status == PB_INVALID && pb_error_last()->pointer.size > 1);
    }
    pb_scope_end(scope);
    return 0;
}
