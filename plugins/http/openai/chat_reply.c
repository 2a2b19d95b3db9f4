/* chat_reply.c - a chat completion in one piece. The answer goes out when the turn is done. */
#include "openai/openai.h"

struct whole {
    pb_sink base;
    struct exchange *exchange;
    const struct chat *chat;
    pb_reply reply;
};

static void add_count(pb_json_writer *writer, pb_str before, int64_t count)
{
    pb_buf_add(writer->buf, before);
    writer->comma = false;
    pb_jw_int(writer, count);
}

void openai_usage_write(pb_json_writer *writer, const pb_usage *usage)
{
    add_count(writer, pb_lit("{\"prompt_tokens\":"), usage->input_tokens);
    add_count(writer, pb_lit(",\"completion_tokens\":"), usage->output_tokens);
    add_count(writer, pb_lit(",\"total_tokens\":"), usage->input_tokens + usage->output_tokens);
    add_count(writer, pb_lit(",\"prompt_tokens_details\":{\"cached_tokens\":"),
              usage->cached_tokens);
    add_count(writer, pb_lit("},\"completion_tokens_details\":{\"reasoning_tokens\":"),
              usage->reasoning_tokens);
    pb_buf_add(writer->buf, pb_lit("}}"));
}

void openai_extras_write(pb_json_writer *writer, const pb_reply *reply, pb_str turn,
                         const pb_turn_result *result)
{
    if (reply->sources.size) {
        pb_jw_key(writer, "sources");
        pb_jw_open(writer, '[');
        pb_jw_raw(writer, pb_reply_str(&reply->sources));
        pb_jw_close(writer, ']');
    }
    pb_jw_key(writer, "patchbay");
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "turn", turn);
    pb_jw_member(writer, "llm", result->llm);
    pb_jw_member(writer, "model", result->model);
    pb_jw_key(writer, "fallback");
    pb_jw_bool(writer, result->fallback != 0);
    pb_jw_close(writer, '}');
}

void openai_signature_write(pb_json_writer *writer, pb_str signature)
{
    if (!signature.size)
        return;
    pb_jw_key(writer, "extra_content");
    pb_jw_raw(writer, pb_lit("{\"google\":{\"thought_signature\":"));
    pb_json_quote(writer->buf, signature);
    pb_buf_add(writer->buf, pb_lit("}}"));
}

static void write_tool_calls(pb_json_writer *writer, const pb_reply *reply)
{
    pb_jw_key(writer, "tool_calls");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < reply->call_count; i++) {
        const pb_reply_call *call = &reply->calls[i];
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "id", pb_reply_str(&call->id));
        pb_jw_member(writer, "type", pb_lit("function"));
        pb_jw_key(writer, "function");
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "name", pb_reply_str(&call->name));
        pb_jw_key(writer, "arguments"); /* a text, also when it is empty */
        pb_jw_str(writer, pb_reply_str(&call->arguments));
        pb_jw_close(writer, '}');
        openai_signature_write(writer, pb_reply_str(&call->signature));
        pb_jw_close(writer, '}');
    }
    pb_jw_close(writer, ']');
}

/* Everything that is always there is one literal with the next. */
static void write_message(pb_json_writer *writer, const pb_reply *reply)
{
    pb_buf *buf = writer->buf;

    pb_buf_add(buf, pb_lit(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                           "\"content\":"));
    if (!reply->text.size && reply->call_count)
        pb_buf_add(buf, pb_lit("null"));
    else
        pb_json_quote(buf, pb_reply_str(&reply->text));
    if (reply->thinking.size) {
        pb_buf_add(buf, pb_lit(",\"reasoning_content\":"));
        pb_json_quote(buf, pb_reply_str(&reply->thinking));
    }
    if (reply->blocks.size) {
        pb_buf_add(buf, pb_lit(",\"thinking_blocks\":["));
        pb_buf_add(buf, pb_reply_str(&reply->blocks));
        pb_buf_byte(buf, ']');
    }
    pb_buf_add(buf, pb_lit(",\"refusal\":null"));
    writer->comma = true;
    if (reply->call_count)
        write_tool_calls(writer, reply);
}

static void write_logprobs(pb_buf *buf, const pb_reply_text *logprobs)
{
    if (!logprobs->size) {
        pb_buf_add(buf, pb_lit("},\"logprobs\":null"));
        return;
    }
    pb_buf_add(buf, pb_lit("},\"logprobs\":{\"content\":["));
    pb_buf_add(buf, pb_reply_str(logprobs));
    pb_buf_add(buf, pb_lit("],\"refusal\":null}"));
}

static pb_status answer_done(struct whole *whole, const pb_turn_result *result)
{
    struct exchange *exchange = whole->exchange;
    const char *finish = openai_finish(result->finish);
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)pb_buf_room(&buf, whole->reply.kept + whole->reply.kept / 8 + 1024);
    pb_buf_add(&buf, pb_lit("{\"id\":\"chatcmpl-"));
    pb_buf_add(&buf, exchange->source->info.id);
    add_count(&writer, pb_lit("\",\"object\":\"chat.completion\",\"created\":"),
              whole->chat->created / 1000);
    pb_buf_add(&buf, pb_lit(",\"model\":"));
    pb_json_quote(&buf, whole->chat->model);
    write_message(&writer, &whole->reply);
    write_logprobs(&buf, &whole->reply.logprobs);
    pb_buf_add(&buf, pb_lit(",\"finish_reason\":\""));
    pb_buf_add(&buf, pb_str_of(finish ? finish : "stop"));
    pb_buf_add(&buf, pb_lit("\"}],\"usage\":"));
    openai_usage_write(&writer, &result->usage);
    openai_extras_write(&writer, &whole->reply, exchange->source->info.id, result);
    pb_jw_close(&writer, '}');
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", pb_buf_str(&buf));
}

static pb_status whole_emit(pb_sink *sink, const pb_event *event)
{
    struct whole *whole = (struct whole *)sink;

    if (event->type != PB_EVENT_DONE)
        return pb_reply_note(&whole->reply, event);
    if (event->result->status == PB_OK)
        return answer_done(whole, event->result);
    if (event->result->error)
        return answer_failure(whole->exchange, event->result->error);
    return answer_error(whole->exchange);
}

pb_status chat_answer_whole(struct exchange *exchange, const struct chat *chat)
{
    struct whole whole = {
        .base = {.size = (uint32_t)sizeof(pb_sink), .emit = whole_emit},
        .exchange = exchange,
        .chat = chat,
        .reply = pb_reply_make((size_t)exchange->http->limits.reply),
    };
    pb_status status = source_run(exchange, &whole.base);

    pb_reply_end(&whole.reply);
    return status;
}
