/* export.c - a whole conversation as one document: JSON that can be imported again, or Markdown. */
#include "conversations.h"

enum { PAGE = 200, DOCUMENT_MOST = 64 << 20 };

/* --- JSON
 * ----------------------------------------------------------------------------------------- */

static void write_text(pb_json_writer *writer, const char *key, pb_str text)
{
    if (!text.data)
        return;
    pb_jw_key(writer, key);
    pb_jw_str(writer, text);
}

static void write_json(pb_json_writer *writer, const char *key, const pb_json *json)
{
    if (!json)
        return;
    pb_jw_key(writer, key);
    pb_jw_json(writer, json);
}

static void write_true(pb_json_writer *writer, const char *key, bool value)
{
    if (!value)
        return;
    pb_jw_key(writer, key);
    pb_jw_bool(writer, true);
}

static void write_conversation(pb_json_writer *writer, const struct conversation *from)
{
    write_text(writer, "id", from->id);
    write_text(writer, "title", from->title);
    write_true(writer, "titled", from->titled);
    write_text(writer, "pipeline", from->pipeline);
    write_text(writer, "created", from->created);
    write_text(writer, "updated", from->updated);
    write_true(writer, "pinned", from->pinned);
    write_true(writer, "archived", from->archived);
    if (from->tags_json.size) {
        pb_jw_key(writer, "tags");
        pb_jw_raw(writer, from->tags_json);
    }
}

static void write_message(pb_json_writer *writer, const struct message *from)
{
    pb_jw_open(writer, '{');
    write_text(writer, "id", from->id);
    write_text(writer, "role", pb_str_of(role_names[from->role & 3]));
    write_text(writer, "text", from->text);
    write_json(writer, "name", from->name);
    write_json(writer, "tool_call_id", from->tool_call_id);
    write_json(writer, "parts", from->parts);
    write_json(writer, "tool_calls", from->tool_calls);
    write_json(writer, "steps", from->steps);
    write_json(writer, "sources", from->sources);
    write_json(writer, "thinking", from->thinking);
    if (from->status != DONE)
        write_text(writer, "status", pb_str_of(status_names[from->status]));
    write_text(writer, "reason", from->reason);
    write_text(writer, "llm", from->llm);
    write_text(writer, "model", from->model);
    write_json(writer, "usage", from->usage);
    if (from->latency_ms)
        pb_jw_count(writer, "latency_ms", from->latency_ms);
    if (from->finish >= 0 && from->finish <= PB_FINISH_FILTER)
        write_text(writer, "finish", pb_str_of(finish_names[from->finish]));
    write_text(writer, "created", from->created);
    write_true(writer, "superseded", from->superseded);
    pb_jw_close(writer, '}');
}

/* --- Markdown
 * ------------------------------------------------------------------------------------- */

static void add_title(pb_buf *buf, const struct conversation *from)
{
    pb_buf_add(buf, pb_lit("# "));
    pb_buf_add(buf, from->title.size ? from->title : pb_lit("Untitled"));
    pb_buf_printf(buf, "\n\n_%.*s, %.*s_\n", PB_ARG(from->pipeline), PB_ARG(from->created));
}

static void add_message(pb_buf *buf, const struct message *from)
{
    static const char *const heads[] = {"System", "User", "Assistant", "Tool"};

    if (from->superseded)
        return;
    pb_buf_printf(buf, "\n## %s", heads[from->role & 3]);
    if (from->model.size)
        pb_buf_printf(buf, " (%.*s)", PB_ARG(from->model));
    pb_buf_add(buf, pb_lit("\n\n"));
    pb_buf_add(buf, from->text);
    pb_buf_byte(buf, '\n');
    if (from->status != DONE)
        pb_buf_printf(buf, "\n_%s_\n", status_names[from->status]);
}

/* --- the operation
 * -------------------------------------------------------------------------------- */

struct document {
    pb_buf buf;
    pb_json_writer writer;
    bool markdown;
};

/* The document grows by pages; what a page takes meanwhile is given back. */
static pb_status add_page(struct document *document, const pb_rows *rows, struct page *page)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < rows->count && status == PB_OK; i++) {
        struct message message;
        status = message_read(rows, i, &message);
        page->after = message.seq;
        if (status != PB_OK || message.status == RUNNING)
            continue;
        if (document->markdown)
            add_message(&document->buf, &message);
        else
            write_message(&document->writer, &message);
        if (document->buf.size > DOCUMENT_MOST)
            return pb_fail(PB_TOO_LARGE, "the conversation is larger than 64 MiB");
    }
    return status == PB_OK ? pb_buf_status(&document->buf) : status;
}

static pb_status add_messages(struct document *document, pb_instance *database, int64_t key)
{
    struct page page = {.key = key, .limit = PAGE, .superseded = true};
    pb_status status = PB_OK;
    bool more = true;

    while (more && status == PB_OK) {
        pb_rows rows = {.size = (uint32_t)sizeof rows};
        status = messages_page(database, &page, &rows);
        more = status == PB_OK && rows.count == PAGE;
        if (status == PB_OK)
            status = add_page(document, &rows, &page);
    }
    return status;
}

pb_status export_raw(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct export_in *input = in;
    struct conversation conversation;
    struct document document = {.markdown = input->format == 1};
    struct asked asked;
    pb_json_writer *writer = &document.writer;
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status == PB_OK)
        status = asked_read(&asked, false, &conversation);
    if (status != PB_OK)
        return status;
    *writer = pb_json_writer_make(&document.buf);
    if (document.markdown) {
        add_title(&document.buf, &conversation);
    } else {
        pb_jw_open(writer, '{');
        write_text(writer, "format", pb_lit("patchbay.conversations/1"));
        pb_jw_key(writer, "conversations");
        pb_jw_open(writer, '[');
        pb_jw_open(writer, '{');
        write_conversation(writer, &conversation);
        pb_jw_key(writer, "messages");
        pb_jw_open(writer, '[');
    }
    status = add_messages(&document, asked.database, conversation.key);
    if (!document.markdown)
        pb_buf_add(&document.buf, pb_lit("]}]}"));
    out->type =
        document.markdown ? pb_lit("text/markdown; charset=utf-8") : pb_lit("application/json");
    out->body = pb_buf_str(&document.buf);
    return status == PB_OK ? pb_buf_status(&document.buf) : status;
}
