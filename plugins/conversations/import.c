/* import.c - takes conversations in: our own export, or ChatGPT's. One that is not sound is
 * reported and the others are taken all the same. */
#include "conversations.h"

static int32_t index_of(const char *const *names, pb_str name, int32_t otherwise)
{
    for (int32_t i = 0; names[i]; i++)
        if (pb_str_is(name, names[i]))
            return i;
    return otherwise;
}

/* --- our own
 * -------------------------------------------------------------------------------------- */

/* The members that are kept beside the text, as they came. */
static pb_status read_extra(const pb_json *json, pb_str *out)
{
    static const char *const names[] = {"name",  "tool_call_id", "parts",   "tool_calls",
                                        "steps", "sources",      "thinking"};
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);
    bool any = false;

    memset(&buf, 0, sizeof buf);
    pb_jw_open(&writer, '{');
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const pb_json *member = pb_json_get(json, names[i]);
        if (!member || member->type == PB_JSON_NULL)
            continue;
        pb_jw_key(&writer, names[i]);
        pb_jw_json(&writer, member);
        any = true;
    }
    pb_jw_close(&writer, '}');
    *out = any ? pb_buf_str(&buf) : pb_str_make(NULL, 0);
    return pb_buf_status(&buf);
}

static pb_status read_message(const pb_json *json, struct message *out)
{
    const pb_json *usage = pb_json_get(json, "usage"), *text = pb_json_get(json, "text");

    out->role = index_of(role_names, pb_json_text(pb_json_get(json, "role")), -1);
    if (out->role < 0 || (text && !pb_json_is(text, PB_JSON_STRING)))
        return pb_fail(PB_INVALID, "a message needs a role, and text");
    out->text = pb_json_text(text);
    out->status = index_of(status_names, pb_json_text(pb_json_get(json, "status")), DONE);
    if (out->status == RUNNING)
        out->status = INTERRUPTED;
    out->reason = pb_json_text(pb_json_get(json, "reason"));
    out->llm = pb_json_text(pb_json_get(json, "llm"));
    out->model = pb_json_text(pb_json_get(json, "model"));
    out->finish = index_of(finish_names, pb_json_text(pb_json_get(json, "finish")), -1);
    out->latency_ms = pb_json_int(pb_json_get(json, "latency_ms"), 0);
    out->superseded = pb_json_bool(pb_json_get(json, "superseded"), false);
    if (pb_json_is(usage, PB_JSON_OBJECT)) {
        out->usage = usage;
        out->input_tokens = pb_json_int(pb_json_get(usage, "input_tokens"), 0);
        out->output_tokens = pb_json_int(pb_json_get(usage, "output_tokens"), 0);
        out->cached_tokens = pb_json_int(pb_json_get(usage, "cached_tokens"), 0);
        out->cost = pb_json_double(pb_json_get(usage, "cost"), 0);
    }
    if (!time_read(pb_json_text(pb_json_get(json, "created")), &out->created_at))
        out->created_at = pb_now();
    return read_extra(json, &out->extra);
}

static pb_status own_read(const pb_json *json, struct imported *out)
{
    struct conversation *conversation = &out->conversation;
    const pb_json *messages = pb_json_get(json, "messages"), *tags = pb_json_get(json, "tags");
    pb_status status = PB_OK;

    if (!pb_json_is(messages, PB_JSON_ARRAY))
        return pb_fail(PB_INVALID, "it has no messages");
    conversation->title = pb_json_text(pb_json_get(json, "title"));
    conversation->titled = pb_json_bool(pb_json_get(json, "titled"), false);
    conversation->pipeline = pb_json_text(pb_json_get(json, "pipeline"));
    conversation->created = pb_json_text(pb_json_get(json, "created"));
    conversation->updated = pb_json_text(pb_json_get(json, "updated"));
    conversation->pinned = pb_json_bool(pb_json_get(json, "pinned"), false);
    conversation->archived = pb_json_bool(pb_json_get(json, "archived"), false);
    if (tags)
        status = tags_read(tags, &conversation->tags, &conversation->tags_json);
    if (!(out->messages = PB_NEW_ARRAY(struct message, messages->count + 1)))
        return PB_NO_MEMORY;
    for (const pb_json *at = messages->child; at && status == PB_OK; at = at->next)
        status = read_message(at, &out->messages[out->count++]);
    return status;
}

/* --- one
 * ------------------------------------------------------------------------------------------ */

struct importing {
    struct copying *copying;
    pb_str pipeline;
    int64_t done;
};

/* The pipeline that goes on with it: its own where that is configured, else what was asked for. */
static pb_str pipeline_of(const struct importing *importing, pb_str own)
{
    pb_pipeline *pipeline = own.size ? pb_pipeline_find(own) : NULL;

    if (importing->pipeline.size && !pipeline)
        return importing->pipeline;
    return own.size ? own : pb_lit("imported");
}

static pb_status take(struct importing *importing, const pb_json *json, struct imported *from)
{
    pb_status status =
        pb_json_get(json, "mapping") ? chatgpt_read(json, from) : own_read(json, from);

    if (status != PB_OK)
        return status;
    from->conversation.pipeline = pipeline_of(importing, from->conversation.pipeline);
    status = copy_begin(importing->copying, &from->conversation);
    for (size_t i = 0; i < from->count && status == PB_OK; i++)
        status = copy_message(importing->copying, &from->messages[i]);
    return status == PB_OK ? copy_end(importing->copying, &from->conversation) : status;
}

static bool is_ours(pb_status status)
{
    return status == PB_INVALID || status == PB_TOO_LARGE || status == PB_CONFLICT;
}

/* Takes one and reports it; fails only where the others would too. */
static pb_status take_item(struct importing *importing, const pb_json *json, pb_json_writer *writer)
{
    struct imported from;

    memset(&from, 0, sizeof from);
    pb_status status = take(importing, json, &from);
    if (status != PB_OK && !is_ours(status))
        return status;
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "title", from.conversation.title);
    if (status == PB_OK) {
        pb_jw_member(writer, "id", pb_uuid_text(importing->copying->uuid));
        pb_jw_count(writer, "messages", (int64_t)from.count);
        pb_jw_count(writer, "skipped", (int64_t)from.skipped);
        importing->done++;
    } else {
        pb_jw_member(writer, "error", pb_error_last()->sentence);
        pb_error_clear();
    }
    pb_jw_close(writer, '}');
    return PB_OK;
}

/* --- the operation
 * -------------------------------------------------------------------------------- */

/* The list of conversations in whatever came: a list, one of them, or our document. */
static const pb_json *conversations_in(const pb_json *json)
{
    const pb_json *list = pb_json_get(json, "conversations");

    if (pb_json_is(json, PB_JSON_ARRAY))
        return json->child;
    if (pb_json_is(list, PB_JSON_ARRAY))
        return list->child;
    return pb_json_get(json, "messages") || pb_json_get(json, "mapping") ? json : NULL;
}

static pb_status take_all(struct importing *importing, const pb_json *json, pb_content *out)
{
    const pb_json *at = conversations_in(json);
    pb_buf buf;
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_status status = PB_OK;

    if (!at)
        return pb_fail(PB_INVALID, "there is no conversation in it; wanted is what was exported "
                                   "here, or ChatGPT's conversations.json");
    memset(&buf, 0, sizeof buf);
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "items");
    pb_jw_open(&writer, '[');
    for (; at && status == PB_OK; at = at == json ? NULL : at->next)
        status = take_item(importing, at, &writer);
    pb_jw_close(&writer, ']');
    pb_jw_count(&writer, "imported", importing->done);
    pb_jw_close(&writer, '}');
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(&buf);
    return status == PB_OK ? pb_buf_status(&buf) : status;
}

pb_status import_raw(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct conversations *service = self;
    struct importing importing;
    const pb_json *json;
    pb_status status = pb_json_parse(call->body, &json);

    (void)in;
    if (status != PB_OK)
        return status;
    memset(&importing, 0, sizeof importing);
    if (!(importing.copying = PB_NEW(struct copying)))
        return PB_NO_MEMORY;
    importing.copying->database = service->database;
    importing.copying->owner = call->principal->id;
    importing.pipeline = pb_json_text(pb_json_get(json, "pipeline"));
    return take_all(&importing, json, out);
}
