/* count.c - POST /v1/messages/count_tokens: how long a request is, by estimate.
 *
 * Which tokens a text has only its model knows, and a pipeline may ask several. So this is arithmetic: a token for
 * four bytes of text, as where passages of documents are measured, and round figures for the rest.
 */
#include "anthropic/anthropic.h"

enum {
    BYTES = 4,          /* of text in a token */
    MESSAGE = 4,        /* tokens around each message, and around each tool */
    IMAGE = 1600,       /* the most that an image of usual size takes; also a file at a URL */
    FILE_BYTES = 32,    /* of a PDF in a token: 60 kB and 1,900 tokens a page */
};

static int64_t of_text(pb_str text)
{
    return (int64_t)((text.size + BYTES - 1) / BYTES);
}

static int64_t of_json(const pb_json *json)
{
    pb_buf buf = {0};

    if (!json)
        return 0;
    pb_scope *scope = pb_scope_begin();
    pb_json_write(&buf, json);
    int64_t tokens = of_text(pb_buf_str(&buf));
    pb_scope_end(scope);
    return tokens;
}

static int64_t of_message(const pb_message *message)
{
    int64_t tokens = MESSAGE + of_text(message->text);

    for (size_t i = 0; i < message->part_count; i++) {
        const pb_part *part = message->parts[i];
        if (part->type == PB_PART_FILE && part->content.size)
            tokens += (int64_t)(part->content.size / 4 * 3 / FILE_BYTES) + 1;
        else if (part->type == PB_PART_THINKING)
            tokens += of_text(part->text);
        else if (part->type != PB_PART_TEXT)
            tokens += IMAGE;
    }
    for (size_t i = 0; i < message->tool_call_count; i++)
        tokens += MESSAGE + of_text(message->tool_calls[i]->name) +
                  of_text(message->tool_calls[i]->arguments);
    return tokens;
}

pb_status anthropic_count(struct exchange *exchange)
{
    struct ask ask = {.spec = pb_turn_spec_make()};
    pb_status status = anthropic_read(exchange, &ask, true);
    int64_t tokens = 0;

    for (size_t i = 0; status == PB_OK && i < ask.messages.count; i++) {
        tokens += of_message(ask.messages.list[i]);
        status = pb_step();
    }
    if (status != PB_OK)
        return status;
    const pb_json *tools = pb_json_get(ask.spec.params, "tools");
    for (const pb_json *at = tools ? tools->child : NULL; at; at = at->next)
        tokens += MESSAGE + of_json(pb_json_get(at, "function"));
    tokens += of_json(pb_json_get(ask.spec.params, "response_format"));
    pb_str body = pb_printf("{\"input_tokens\":%lld}", (long long)tokens);
    if (!body.data)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", body);
}
