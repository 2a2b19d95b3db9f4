/* reply.h - for transports: gathers what a turn says and writes it as the native API's JSON.
 *
 *     pb_reply reply = pb_reply_make(limit);
 *     … in the sink:      status = pb_reply_note(&reply, event);
 *     … at the done:      pb_reply_write(&writer, &reply, info, event->result);
 *     pb_reply_end(&reply);
 *
 * What it keeps is malloc'd, because a sink runs in whatever scope the emitter has open, and that
 * may end before the reply does. Nothing here parks.
 */
#ifndef PATCHBAY_REPLY_H
#define PATCHBAY_REPLY_H

#include <patchbay/problem.h>
#include <patchbay/turn.h>
#include <stdlib.h>

/* Text that grows outside of scopes. */
typedef struct pb_reply_text {
    char *data;
    size_t size;
    size_t capacity;
} pb_reply_text;

typedef struct pb_reply_call {
    uint32_t index;
    int32_t branch;
    pb_reply_text id;
    pb_reply_text name;
    pb_reply_text arguments;
    pb_reply_text signature; /* what the model's service wants back with it */
} pb_reply_call;

typedef struct pb_reply {
    size_t limit; /* bytes of all that is kept */
    size_t kept;
    pb_reply_text text;
    pb_reply_text thinking;
    pb_reply_text sources; /* JSON values with commas between them */
    pb_reply_call *calls;
    size_t call_count;
    pb_reply_text logprobs; /* of the text's tokens: JSON values with commas between them */
    pb_reply_text blocks;   /* of thinking that is signed or redacted, as Anthropic's API writes them: JSON
                               values with commas between them */
    size_t block_begin;     /* where in `thinking` the block that has no signature yet begins */
} pb_reply;

/* `limit`: the longest reply in bytes, 0: 64 MiB. */
static inline pb_reply pb_reply_make(size_t limit)
{
    pb_reply reply;
    memset(&reply, 0, sizeof reply);
    reply.limit = limit ? limit : (size_t)64 << 20;
    return reply;
}

static inline pb_str pb_reply_str(const pb_reply_text *text)
{
    return pb_str_make(text->data, text->size);
}

static inline pb_status pb_reply_add(pb_reply *reply, pb_reply_text *text, pb_str more)
{
    if (more.size > reply->limit - reply->kept)
        return pb_fail(PB_BAD_UPSTREAM, "the reply is longer than %zu bytes", reply->limit);
    if (more.size > text->capacity - text->size) {
        size_t want = text->capacity ? text->capacity * 2 : 256;
        while (want < text->size + more.size)
            want *= 2;
        char *data = (char *)realloc(text->data, want);
        if (!data)
            return pb_fail(PB_NO_MEMORY, "out of memory");
        text->data = data;
        text->capacity = want;
    }
    if (more.size)
        memcpy(text->data + text->size, more.data, more.size);
    text->size += more.size;
    reply->kept += more.size;
    return PB_OK;
}

/* The call that a piece belongs to; NULL: there are too many, or memory is short. */
static inline pb_reply_call *pb_reply_call_of(pb_reply *reply, const pb_event *event)
{
    enum { MOST = 256 };
    for (size_t i = 0; i < reply->call_count; i++)
        if (reply->calls[i].index == event->index && reply->calls[i].branch == event->branch)
            return &reply->calls[i];
    if (reply->call_count == MOST)
        return NULL;
    pb_reply_call *calls =
        (pb_reply_call *)realloc(reply->calls, (reply->call_count + 1) * sizeof *calls);
    if (!calls)
        return NULL;
    reply->calls = calls;
    pb_reply_call *call = &calls[reply->call_count++];
    memset(call, 0, sizeof *call);
    call->index = event->index;
    call->branch = event->branch;
    return call;
}

/* Joins a piece of a tool call to what came of it before. */
static inline pb_status pb_reply_note_call(pb_reply *reply, const pb_event *event)
{
    pb_reply_call *call = pb_reply_call_of(reply, event);
    pb_status status = PB_OK;

    if (!call)
        return pb_fail(PB_BAD_UPSTREAM, "the reply holds too many tool calls");
    if (!call->id.size)
        status = pb_reply_add(reply, &call->id, event->id);
    if (status == PB_OK && !call->name.size)
        status = pb_reply_add(reply, &call->name, event->name);
    if (status == PB_OK)
        status = pb_reply_add(reply, &call->arguments, event->text);
    if (status == PB_OK && event->data && !call->signature.size)
        status = pb_reply_add(reply, &call->signature,
                              pb_json_text(pb_json_get(event->data, "signature")));
    return status;
}

/* Adds a JSON value to a list of such. */
static inline pb_status pb_reply_add_json(pb_reply *reply, pb_reply_text *list, const pb_json *value)
{
    pb_buf buf;
    pb_scope *scope = pb_scope_begin();

    memset(&buf, 0, sizeof buf);
    if (list->size)
        pb_buf_byte(&buf, ',');
    pb_json_write(&buf, value);
    pb_status status = pb_buf_status(&buf);
    if (status == PB_OK)
        status = pb_reply_add(reply, list, pb_buf_str(&buf));
    pb_scope_end(scope);
    return status;
}

static inline pb_status pb_reply_note_source(pb_reply *reply, const pb_json *source)
{
    return pb_reply_add_json(reply, &reply->sources, source);
}

static inline pb_status pb_reply_note_logprobs(pb_reply *reply, const pb_json *data)
{
    const pb_json *list = pb_json_get(data, "logprobs");
    pb_status status = PB_OK;

    for (const pb_json *at = pb_json_is(list, PB_JSON_ARRAY) ? list->child : NULL;
         at && status == PB_OK; at = at->next)
        status = pb_reply_add_json(reply, &reply->logprobs, at);
    return status;
}

/* {"type": "thinking", "thinking": …, "signature": …} or {"type": "redacted_thinking", "data": …} */
static inline void pb_reply_write_block(pb_buf *buf, pb_str thinking, const pb_json *data)
{
    pb_str redacted = pb_json_text(pb_json_get(data, "redacted"));

    pb_buf_add(buf, redacted.size ? pb_lit("{\"type\":\"redacted_thinking\",\"data\":")
                                  : pb_lit("{\"type\":\"thinking\",\"thinking\":"));
    pb_json_quote(buf, redacted.size ? redacted : thinking);
    if (!redacted.size) {
        pb_buf_add(buf, pb_lit(",\"signature\":"));
        pb_json_quote(buf, pb_json_text(pb_json_get(data, "signature")));
    }
    pb_buf_byte(buf, '}');
}

/* Notes a piece of thinking, and its block when it ends here. */
static inline pb_status pb_reply_note_thinking(pb_reply *reply, const pb_event *event)
{
    pb_status status = pb_reply_add(reply, &reply->thinking, event->text);
    pb_buf buf;

    if (status != PB_OK || !event->data)
        return status;
    memset(&buf, 0, sizeof buf);
    pb_scope *scope = pb_scope_begin();
    if (reply->blocks.size)
        pb_buf_byte(&buf, ',');
    pb_reply_write_block(
        &buf, pb_str_slice(pb_reply_str(&reply->thinking), reply->block_begin, reply->thinking.size),
        event->data);
    status = pb_buf_status(&buf);
    if (status == PB_OK)
        status = pb_reply_add(reply, &reply->blocks, pb_buf_str(&buf));
    reply->block_begin = reply->thinking.size;
    pb_scope_end(scope);
    return status;
}

/* Keeps what belongs to the reply; other events are no failure. PB_BAD_UPSTREAM beyond the limit,
 * PB_NO_MEMORY. */
static inline pb_status pb_reply_note(pb_reply *reply, const pb_event *event)
{
    pb_status status;

    switch (event->type) {
    case PB_EVENT_TEXT:
        status = pb_reply_add(reply, &reply->text, event->text);
        return status == PB_OK && event->data ? pb_reply_note_logprobs(reply, event->data) : status;
    case PB_EVENT_THINKING:
        return pb_reply_note_thinking(reply, event);
    case PB_EVENT_TOOL_CALL: /* what was run here the client need not do */
        return event->flags & PB_EVENT_LOCAL ? (pb_status)PB_OK : pb_reply_note_call(reply, event);
    case PB_EVENT_SOURCE:
        return event->data ? pb_reply_note_source(reply, event->data) : (pb_status)PB_OK;
    default:
        return PB_OK;
    }
}

/* A PB_EVENT_DONE may bring all sources of its turn with it, as {"sources": […]}: then they take the
 * place of what was noted, which is less where a stream was resumed. */
static inline void pb_reply_sources_of(pb_reply *reply, const pb_event *event)
{
    const pb_json *sources = pb_json_get(event->data, "sources");

    if (!pb_json_is(sources, PB_JSON_ARRAY))
        return;
    reply->sources.size = 0;
    for (const pb_json *at = sources->child; at; at = at->next)
        if (pb_reply_note_source(reply, at) != PB_OK)
            return;
}

/* Frees what was kept. */
static inline void pb_reply_end(pb_reply *reply)
{
    for (size_t i = 0; i < reply->call_count; i++) {
        free(reply->calls[i].id.data);
        free(reply->calls[i].name.data);
        free(reply->calls[i].arguments.data);
        free(reply->calls[i].signature.data);
    }
    free(reply->calls);
    free(reply->text.data);
    free(reply->thinking.data);
    free(reply->sources.data);
    free(reply->logprobs.data);
    free(reply->blocks.data);
    memset(reply, 0, sizeof *reply);
}

/* "stop", "length", "tool_calls", "filter"; NULL: not known. */
static inline const char *pb_finish_name(int32_t finish)
{
    static const char *const names[] = {NULL, "stop", "length", "tool_calls", "filter"};
    return finish >= 0 && finish <= PB_FINISH_FILTER ? names[finish] : "stop";
}

static inline void pb_jw_member(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    if (value.data)
        pb_jw_str(writer, value);
    else
        pb_jw_null(writer);
}

static inline void pb_jw_count(pb_json_writer *writer, const char *key, int64_t value)
{
    pb_jw_key(writer, key);
    pb_jw_int(writer, value);
}

/* {"input_tokens": …, "output_tokens": …, "cached_tokens": …, …, "cost": …, "currency": "USD"} */
static inline void pb_usage_write(pb_json_writer *writer, const pb_usage *usage)
{
    pb_jw_open(writer, '{');
    pb_jw_count(writer, "input_tokens", usage->input_tokens);
    pb_jw_count(writer, "output_tokens", usage->output_tokens);
    pb_jw_count(writer, "cached_tokens", usage->cached_tokens);
    pb_jw_count(writer, "reasoning_tokens", usage->reasoning_tokens);
    pb_jw_key(writer, "cost");
    pb_jw_double(writer, usage->cost);
    pb_jw_key(writer, "currency");
    pb_jw_str(writer, pb_lit("USD"));
    pb_jw_close(writer, '}');
}

static inline void pb_reply_write_calls(pb_json_writer *writer, const pb_reply *reply)
{
    pb_jw_key(writer, "tool_calls");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < reply->call_count; i++) {
        const pb_reply_call *call = &reply->calls[i];
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "id", pb_reply_str(&call->id));
        pb_jw_member(writer, "name", pb_reply_str(&call->name));
        pb_jw_member(writer, "arguments", pb_reply_str(&call->arguments));
        if (call->signature.size)
            pb_jw_member(writer, "signature", pb_reply_str(&call->signature));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

static inline void pb_reply_write_message(pb_json_writer *writer, const pb_reply *reply,
                                          const pb_turn_info *info, const pb_turn_result *result)
{
    pb_jw_key(writer, "message");
    pb_jw_open(writer, '{');
    if (info->conversation.size)
        pb_jw_member(writer, "id", info->reply);
    pb_jw_member(writer, "role", pb_lit("assistant"));
    if (reply->text.data)
        pb_jw_member(writer, "text", pb_reply_str(&reply->text));
    if (reply->thinking.size)
        pb_jw_member(writer, "thinking", pb_reply_str(&reply->thinking));
    if (reply->call_count)
        pb_reply_write_calls(writer, reply);
    pb_jw_member(writer, "finish", pb_str_of(pb_finish_name(result->finish)));
    pb_jw_close(writer, '}');
}

static inline void pb_reply_write_ms(pb_json_writer *writer, const char *key, pb_duration time)
{
    pb_jw_key(writer, key);
    if (time > 0)
        pb_buf_printf(writer->buf, "%.3f", (double)time / 1e6), writer->comma = true;
    else
        pb_jw_null(writer);
}

/* "done", "cancelled", "interrupted" or "failed". */
static inline const char *pb_result_state(const pb_turn_result *result)
{
    if (result->interrupted)
        return "interrupted";
    if (result->status == PB_OK)
        return "done";
    return result->status == PB_CANCELLED ? "cancelled" : "failed";
}

static inline void pb_reply_write_answered(pb_json_writer *writer, const pb_turn_result *result)
{
    pb_jw_key(writer, "answered_by");
    if (!result->llm.size) {
        pb_jw_null(writer);
        return;
    }
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "llm", result->llm);
    pb_jw_member(writer, "model", result->model);
    pb_jw_key(writer, "fallback");
    pb_jw_bool(writer, result->fallback != 0);
    pb_jw_close(writer, '}');
}

/* What was said: the members "message" and "sources". */
static inline void pb_reply_write_content(pb_json_writer *writer, const pb_reply *reply,
                                          const pb_turn_info *info, const pb_turn_result *result)
{
    pb_reply_write_message(writer, reply, info, result);
    pb_jw_key(writer, "sources");
    pb_jw_open(writer, '[');
    if (reply->sources.size)
        pb_jw_raw(writer, pb_reply_str(&reply->sources));
    pb_jw_close(writer, ']');
}

/* All members of a turn, without the brackets: for who adds members of their own. */
static inline void pb_reply_write_members(pb_json_writer *writer, const pb_reply *reply,
                                          const pb_turn_info *info, const pb_turn_result *result)
{
    pb_jw_member(writer, "id", info->id);
    pb_jw_member(writer, "status", pb_str_of(pb_result_state(result)));
    pb_jw_member(writer, "conversation", info->conversation);
    pb_jw_member(writer, "pipeline", info->pipeline);
    if (info->request_id.size)
        pb_jw_member(writer, "request_id", info->request_id);
    pb_reply_write_content(writer, reply, info, result);
    pb_reply_write_answered(writer, result);
    pb_jw_key(writer, "usage");
    pb_usage_write(writer, &result->usage);
    pb_jw_key(writer, "timing");
    pb_jw_open(writer, '{');
    pb_reply_write_ms(writer, "total_ms", result->total);
    pb_reply_write_ms(writer, "first_token_ms", result->first_text);
    pb_jw_close(writer, '}');
    if (result->status != PB_OK && result->status != PB_CANCELLED && result->error) {
        pb_jw_key(writer, "error");
        pb_problem_write(writer->buf, result->error, info->request_id, NULL, 0);
        writer->comma = true;
    }
}

/* The whole turn as POST /v1/turns answers it: one object. What was not noted is left out: a
 * transport that streamed the text notes only the sources. `result` as in PB_EVENT_DONE. */
static inline void pb_reply_write(pb_json_writer *writer, const pb_reply *reply,
                                  const pb_turn_info *info, const pb_turn_result *result)
{
    pb_jw_open(writer, '{');
    pb_reply_write_members(writer, reply, info, result);
    pb_jw_close(writer, '}');
}

#endif
