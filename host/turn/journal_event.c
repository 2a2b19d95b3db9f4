/* journal_event.c - an event of a launched turn as JSON, and back. What is absent is left out. An
 * event's data stands in it as text, so that it may be as deep as any JSON.
 */
#include "turn/journal.h"

/* --- writing ---------------------------------------------------------------------------------- */

static void write_text(pb_json_writer *writer, const char *name, pb_str text)
{
    if (text.data) {
        pb_jw_key(writer, name);
        pb_jw_str(writer, text);
    }
}

static void write_int(pb_json_writer *writer, const char *name, int64_t value)
{
    if (value) {
        pb_jw_key(writer, name);
        pb_jw_int(writer, value);
    }
}

static void write_usage(pb_json_writer *writer, const pb_usage *usage)
{
    pb_jw_key(writer, "usage");
    pb_jw_open(writer, '{');
    write_int(writer, "calls", usage->calls);
    write_int(writer, "input", usage->input_tokens);
    write_int(writer, "output", usage->output_tokens);
    write_int(writer, "cached", usage->cached_tokens);
    write_int(writer, "reasoning", usage->reasoning_tokens);
    if (usage->cost > 0) {
        pb_jw_key(writer, "cost");
        pb_jw_double(writer, usage->cost);
    }
    pb_jw_close(writer, '}');
}

static void write_error(pb_json_writer *writer, const pb_error *error)
{
    pb_jw_key(writer, "error");
    pb_jw_open(writer, '{');
    write_int(writer, "status", error->status);
    write_text(writer, "sentence", error->sentence);
    write_text(writer, "pointer", error->pointer);
    write_int(writer, "retry_after", error->retry_after);
    write_text(writer, "instance", error->instance);
    pb_jw_close(writer, '}');
}

static void write_result(pb_json_writer *writer, const pb_turn_result *result)
{
    pb_jw_key(writer, "result");
    pb_jw_open(writer, '{');
    write_int(writer, "status", result->status);
    write_int(writer, "finish", result->finish);
    write_int(writer, "fallback", result->fallback);
    write_int(writer, "interrupted", result->interrupted);
    if (result->error)
        write_error(writer, result->error);
    write_usage(writer, &result->usage);
    write_text(writer, "llm", result->llm);
    write_text(writer, "model", result->model);
    write_text(writer, "stop", result->stop);
    write_int(writer, "total", result->total);
    write_int(writer, "first_text", result->first_text);
    pb_jw_close(writer, '}');
}

static void write_data(pb_json_writer *writer, const pb_json *data)
{
    pb_buf text = {0};

    pb_json_write(&text, data);
    pb_jw_key(writer, "data");
    pb_jw_str(writer, pb_buf_str(&text));
    writer->buf->failed = writer->buf->failed || text.failed;
}

void journal_event_write(pb_buf *buf, const pb_event *event)
{
    pb_json_writer writer = pb_json_writer_make(buf);

    pb_jw_open(&writer, '{');
    write_int(&writer, "type", event->type);
    write_int(&writer, "branch", event->branch);
    write_int(&writer, "finish", event->finish);
    write_int(&writer, "index", event->index);
    write_int(&writer, "flags", event->flags);
    write_text(&writer, "text", event->text);
    write_text(&writer, "id", event->id);
    write_text(&writer, "name", event->name);
    if (event->data)
        write_data(&writer, event->data);
    if (event->usage)
        write_usage(&writer, event->usage);
    if (event->result)
        write_result(&writer, event->result);
    pb_jw_close(&writer, '}');
}

/* --- reading ---------------------------------------------------------------------------------- */

static int64_t number_of(const pb_json *json, const char *name)
{
    return pb_json_int(pb_json_get(json, name), 0);
}

static pb_str text_of(const pb_json *json, const char *name)
{
    return pb_json_text(pb_json_get(json, name));
}

static pb_usage read_usage(const pb_json *json)
{
    return (pb_usage){.size = sizeof(pb_usage),
                      .calls = (uint32_t)number_of(json, "calls"),
                      .input_tokens = number_of(json, "input"),
                      .output_tokens = number_of(json, "output"),
                      .cached_tokens = number_of(json, "cached"),
                      .reasoning_tokens = number_of(json, "reasoning"),
                      .cost = pb_json_double(pb_json_get(json, "cost"), 0)};
}

static const pb_error *read_error(const pb_json *json)
{
    pb_error *error = json ? PB_NEW(pb_error) : NULL;

    if (error)
        *error = (pb_error){.size = sizeof *error,
                            .status = (pb_status)number_of(json, "status"),
                            .sentence = text_of(json, "sentence"),
                            .pointer = text_of(json, "pointer"),
                            .retry_after = number_of(json, "retry_after"),
                            .instance = text_of(json, "instance")};
    return error;
}

static pb_status read_result(const pb_json *json, pb_event *out)
{
    pb_turn_result *result = PB_NEW(pb_turn_result);
    const pb_json *error = pb_json_get(json, "error");

    if (!result)
        return PB_NO_MEMORY;
    *result = (pb_turn_result){.size = sizeof *result,
                               .status = (pb_status)number_of(json, "status"),
                               .finish = (int32_t)number_of(json, "finish"),
                               .fallback = (uint32_t)number_of(json, "fallback"),
                               .error = read_error(error),
                               .usage = read_usage(pb_json_get(json, "usage")),
                               .llm = text_of(json, "llm"),
                               .model = text_of(json, "model"),
                               .stop = text_of(json, "stop"),
                               .total = number_of(json, "total"),
                               .first_text = number_of(json, "first_text"),
                               .interrupted = (uint32_t)number_of(json, "interrupted")};
    out->result = result;
    return error && !result->error ? PB_NO_MEMORY : PB_OK;
}

pb_status journal_event_read(pb_str text, uint64_t number, pb_event *out)
{
    const pb_json *json, *usage, *result;
    pb_str data;
    pb_status status = pb_json_parse(text, &json);

    if (status != PB_OK)
        return status;
    *out = pb_event_make((int32_t)number_of(json, "type"));
    out->number = number;
    out->branch = (int32_t)number_of(json, "branch");
    out->finish = (int32_t)number_of(json, "finish");
    out->index = (uint32_t)number_of(json, "index");
    out->flags = (uint32_t)number_of(json, "flags");
    out->text = text_of(json, "text");
    out->id = text_of(json, "id");
    out->name = text_of(json, "name");
    data = text_of(json, "data");
    if (data.data && (status = pb_json_parse(data, &out->data)) != PB_OK)
        return status;
    if ((usage = pb_json_get(json, "usage"))) {
        pb_usage *copy = PB_NEW(pb_usage);
        if (!copy)
            return PB_NO_MEMORY;
        *copy = read_usage(usage);
        out->usage = copy;
    }
    result = pb_json_get(json, "result");
    return result ? read_result(result, out) : PB_OK;
}
