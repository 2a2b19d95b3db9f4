/* encode.c - spans as OTLP has them in JSON: names in camelCase, ids in hex, 64-bit numbers as text,
 * enums as numbers. Source: OTLP 1.x, "JSON Protobuf Encoding", opentelemetry/proto/trace/v1/trace.proto.
 * Attributes of models carry the names of the semantic conventions for generative AI. */
#include "otlp.h"

enum { KIND_INTERNAL = 1, KIND_SERVER = 2, KIND_CLIENT = 3 };
enum { STATUS_UNSET = 0, STATUS_ERROR = 2 };

static void text(pb_json_writer *out, const char *key, pb_str value)
{
    pb_jw_key(out, key);
    pb_jw_str(out, value);
}

static void number(pb_json_writer *out, const char *key, int64_t value)
{
    text(out, key, pb_printf("%lld", (long long)value));
}

/* {"key": …, "value": { … }} around a value. */
static void attribute(pb_json_writer *out, pb_str key)
{
    pb_jw_open(out, '{');
    text(out, "key", key);
    pb_jw_key(out, "value");
    pb_jw_open(out, '{');
}

static void attribute_end(pb_json_writer *out)
{
    pb_jw_close(out, '}');
    pb_jw_close(out, '}');
}

static void text_attribute(pb_json_writer *out, const char *key, pb_str value)
{
    if (!value.size)
        return;
    attribute(out, pb_str_of(key));
    text(out, "stringValue", value);
    attribute_end(out);
}

static pb_str name_of(pb_str note)
{
    static const char *const known[][2] = {
        {"model", "gen_ai.response.model"},
        {"input_tokens", "gen_ai.usage.input_tokens"},
        {"output_tokens", "gen_ai.usage.output_tokens"},
        {"conversation", "gen_ai.conversation.id"},
        {NULL, NULL}};

    for (size_t i = 0; known[i][0]; i++)
        if (pb_str_is(note, known[i][0]))
            return pb_str_of(known[i][1]);
    return pb_printf("patchbay.%.*s", PB_ARG(note));
}

static bool is_whole(pb_str digits)
{
    for (size_t i = digits.size > 1 && digits.data[0] == '-'; i < digits.size; i++)
        if (digits.data[i] < '0' || digits.data[i] > '9')
            return false;
    return digits.size < 18;
}

static void note_attribute(pb_json_writer *out, const pb_json *note)
{
    attribute(out, name_of(note->key));
    if (note->type == PB_JSON_NUMBER && is_whole(note->text)) {
        text(out, "intValue", note->text);
    } else if (note->type == PB_JSON_NUMBER) {
        pb_jw_key(out, "doubleValue");
        pb_jw_json(out, note);
    } else if (note->type == PB_JSON_TRUE || note->type == PB_JSON_FALSE) {
        pb_jw_key(out, "boolValue");
        pb_jw_json(out, note);
    } else {
        text(out, "stringValue", pb_json_text(note));
    }
    attribute_end(out);
}

static void attributes(pb_json_writer *out, const pb_span_record *span)
{
    pb_jw_key(out, "attributes");
    pb_jw_open(out, '[');
    text_attribute(out, "patchbay.kind", span->kind);
    text_attribute(out, "patchbay.turn", span->turn);
    text_attribute(out, "patchbay.tenant", span->tenant);
    for (const pb_json *at = span->notes ? span->notes->child : NULL; at; at = at->next)
        note_attribute(out, at);
    if (span->status != PB_OK)
        text_attribute(out, "error.type", pb_str_of(pb_status_name(span->status)));
    pb_jw_close(out, ']');
}

static void write_span(pb_json_writer *out, const pb_span_record *span)
{
    bool turn = pb_str_is(span->kind, "turn"), model = pb_str_is(span->kind, "llm");

    pb_jw_open(out, '{');
    text(out, "traceId", span->trace);
    text(out, "spanId", span->id);
    if (span->parent.size)
        text(out, "parentSpanId", span->parent);
    text(out, "name", pb_printf("%.*s %.*s", PB_ARG(span->kind), PB_ARG(span->name)));
    pb_jw_key(out, "kind");
    pb_jw_int(out, turn ? KIND_SERVER : model ? KIND_CLIENT : KIND_INTERNAL);
    number(out, "startTimeUnixNano", span->began);
    number(out, "endTimeUnixNano", span->began + span->total);
    attributes(out, span);
    pb_jw_key(out, "status");
    pb_jw_open(out, '{');
    pb_jw_key(out, "code");
    pb_jw_int(out, span->status == PB_OK ? STATUS_UNSET : STATUS_ERROR);
    pb_jw_close(out, '}');
    pb_jw_close(out, '}');
}

static void open_list(pb_json_writer *out, const char *key)
{
    pb_jw_key(out, key);
    pb_jw_open(out, '[');
}

pb_status otlp_encode(const struct otlp *own, const pb_span_record *const *batch, size_t count,
                      pb_buf *buf)
{
    pb_json_writer writer = pb_json_writer_make(buf), *out = &writer;

    pb_jw_open(out, '{');
    open_list(out, "resourceSpans");
    pb_jw_open(out, '{');
    pb_jw_key(out, "resource");
    pb_jw_open(out, '{');
    open_list(out, "attributes");
    text_attribute(out, "service.name", own->service);
    pb_jw_close(out, ']');
    pb_jw_close(out, '}');
    open_list(out, "scopeSpans");
    pb_jw_open(out, '{');
    pb_jw_key(out, "scope");
    pb_jw_open(out, '{');
    text(out, "name", pb_lit("patchbay"));
    pb_jw_close(out, '}');
    open_list(out, "spans");
    for (size_t i = 0; i < count; i++) {
        write_span(out, batch[i]);
        pb_status status = pb_step();
        if (status != PB_OK)
            return status;
    }
    for (const char *at = "]}]}]}"; *at; at++)
        pb_jw_close(out, *at);
    return pb_buf_status(buf);
}
