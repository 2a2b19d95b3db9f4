/* question.c - what a question is known by: who asks, whom, with which words and parameters.
 *
 * Every piece stands with its length, so that no two questions make the same text. Long ones are
 * hashed on a helper thread.
 */
#include "cache.h"

enum { LONG = 256 << 10 };

static void add(pb_buf *buf, pb_str text)
{
    pb_buf_printf(buf, "%zu:", text.data ? text.size : 0);
    pb_buf_add(buf, text);
}

static void add_json(pb_buf *buf, const pb_json *json)
{
    pb_buf one = {0};

    if (json)
        pb_json_write(&one, json);
    if (one.failed)
        buf->failed = true;
    add(buf, pb_buf_str(&one));
}

static void add_part(pb_buf *buf, const pb_part *part)
{
    pb_buf_printf(buf, "part %d ", (int)part->type);
    add(buf, part->text);
    add(buf, part->mime);
    add(buf, part->name);
    add(buf, part->url);
    add(buf, part->content);
}

static void add_message(pb_buf *buf, const pb_message *message)
{
    pb_buf_printf(buf, "message %d ", (int)message->role);
    add(buf, message->text);
    add(buf, message->name);
    add(buf, message->tool_call_id);
    for (size_t i = 0; i < message->part_count; i++)
        add_part(buf, message->parts[i]);
    for (size_t i = 0; i < message->tool_call_count; i++) {
        const pb_tool_call *call = message->tool_calls[i];
        pb_buf_add(buf, pb_lit("call "));
        add(buf, call->id);
        add(buf, call->name);
        add(buf, call->arguments);
    }
    if (message->source) { /* an llm of this dialect may send more of it than we know */
        add(buf, message->dialect);
        add_json(buf, message->source);
    }
}

/* Members that say how the answer travels, not what it is. */
static bool is_about_transport(pb_str name)
{
    static const char *const names[] = {"stream", "stream_options", "user", "metadata", "store"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pb_str_is(name, names[i]))
            return true;
    return false;
}

static void add_params(pb_buf *buf, pb_turn *turn)
{
    for (const pb_json *at = pb_turn_params(turn)->child; at; at = at->next) {
        if (is_about_transport(at->key))
            continue;
        pb_buf_add(buf, pb_lit("param "));
        add(buf, at->key);
        add_json(buf, at);
    }
}

static pb_status write_question(const struct cache *cache, pb_turn *turn, pb_buf *buf)
{
    const pb_turn_info *info = pb_turn_info_of(turn);
    size_t count = 0;
    const pb_message *const *messages = pb_turn_messages(turn, &count);

    add(buf, cache->version);
    add(buf, info->pipeline);
    add(buf, info->dialect);
    pb_buf_printf(buf, "for %d ", (int)cache->scope); /* the host adds the tenant */
    add(buf, cache->scope == SCOPE_PRINCIPAL ? info->principal->id : (pb_str){0});
    for (size_t i = 0; i < count; i++)
        add_message(buf, messages[i]);
    add_params(buf, turn);
    for (size_t i = 0; i < cache->variables.count; i++) {
        pb_buf_add(buf, pb_lit("variable "));
        add_json(buf, pb_turn_variable(turn, PB_ITEM(cache->variables, pb_str, i)));
    }
    return pb_buf_status(buf) == PB_OK ? (pb_status)PB_OK
                                       : pb_fail(PB_NO_MEMORY, "no memory for a question's key");
}

struct work {
    pb_bytes text;
    uint8_t digest[32];
};

static pb_status digest(void *arg)
{
    struct work *work = arg;

    pb_sha256(work->text, work->digest);
    return PB_OK;
}

pb_status question_key(const struct cache *cache, pb_turn *turn, char out[QUESTION_KEY + 1])
{
    static const char digits[] = "0123456789abcdef";
    pb_buf buf = {0};
    struct work work;
    pb_status status = write_question(cache, turn, &buf);

    if (status != PB_OK)
        return status;
    work.text = (pb_bytes){(const uint8_t *)buf.data, buf.size};
    status = buf.size > LONG ? pb_offload(digest, &work) : digest(&work);
    memcpy(out, "reply:", 6);
    for (size_t i = 0; i < 32 && status == PB_OK; i++) {
        out[6 + 2 * i] = digits[work.digest[i] >> 4];
        out[7 + 2 * i] = digits[work.digest[i] & 15];
    }
    out[QUESTION_KEY] = 0;
    return status;
}

pb_str question_tag(pb_str pipeline)
{
    return pb_printf("replies of %.*s", PB_ARG(pb_str_slice(pipeline, 0, 256)));
}
