/* whole.c - reads an answer that comes in one piece, which is cheaper when nobody reads along. */
#include "anthropic.h"

static pb_status emit_block(struct answer *answer, const pb_json *block)
{
    struct piece piece = {0};

    block_begin(answer, block, &piece);
    if (answer->block == BLOCK_TOOL && !piece.text.size)
        piece.text = pb_lit("{}");
    return piece.type ? answer_emit(answer, &piece) : (pb_status)PB_OK;
}

pb_status whole_read(const struct anthropic *anthropic, pb_http *http, struct answer *answer)
{
    const pb_json *json, *content;
    pb_str text;
    pb_status status = pb_http_read_all(http, &text);

    if (status != PB_OK)
        return pb_upstream_fail_read(&anthropic->upstream, status);
    if (pb_json_parse(text, &json) != PB_OK)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer that is not JSON");
    if (pb_str_is(pb_json_text(pb_json_get(json, "type")), "error"))
        return failure_of_error(anthropic, pb_json_get(json, "error"));
    content = pb_json_get(json, "content");
    answer_note_stop(answer, json);
    if (!pb_json_is(content, PB_JSON_ARRAY) || !answer->finish)
        return pb_fail(PB_BAD_UPSTREAM, "the model's service sent an answer without a message");
    answer->model = pb_json_text(pb_json_get(json, "model"));
    answer_note_usage(answer, pb_json_get(json, "usage"));
    for (const pb_json *at = content->child; status == PB_OK && at; at = at->next)
        status = emit_block(answer, at);
    return status;
}
