/* explain.c - a trace as JSON: what GET /v1/turns/{id} and `patchbay explain` show. See trace.h. */
#include "turn/trace.h"

#include "base/time.h"
#include "base/trace_context.h"
#include <math.h>
#include <patchbay/problem.h>

static const char *const finish_names[] = {NULL, "stop", "length", "tool_calls", "filter"};

const char *trace_state(const struct trace *trace)
{
    if (trace->running)
        return "running";
    if (trace->status == PB_CANCELLED)
        return "cancelled";
    return trace->status == PB_OK ? "done" : "failed";
}

static void write_ms(pb_json_writer *out, const char *name, pb_duration time)
{
    pb_jw_key(out, name);
    pb_jw_double(out, round((double)time / 1e3) / 1e3);
}

static void write_text(pb_json_writer *out, const char *name, pb_str text)
{
    if (text.data) {
        pb_jw_key(out, name);
        pb_jw_str(out, text);
    }
}

static void write_count(pb_json_writer *out, const char *name, int64_t count)
{
    pb_jw_key(out, name);
    pb_jw_int(out, count);
}

bool trace_is_number(pb_str text)
{
    size_t at = text.size && text.data[0] == '-', digits = 0;
    size_t first = at;

    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        digits++;
    if (!digits || digits > 15 || (digits > 1 && text.data[first] == '0'))
        return false;
    if (at == text.size)
        return true;
    if (text.data[at++] != '.' || at == text.size)
        return false;
    while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at == text.size;
}

static bool is_stage(const struct pb_span *span)
{
    return pb_str_equal(span->kind, pb_lit("stage"));
}

static void write_details(const struct pb_span *span, pb_json_writer *out)
{
    write_text(out, "model", span->model);
    if (span->input_tokens || span->output_tokens) {
        write_count(out, "input_tokens", span->input_tokens);
        write_count(out, "output_tokens", span->output_tokens);
        write_count(out, "cached_tokens", span->cached_tokens);
    }
    if (span->cost > 0) {
        pb_jw_key(out, "cost");
        pb_jw_double(out, span->cost);
    }
    if (span->status != PB_OK)
        write_text(out, "status", pb_str_of(pb_status_name(span->status)));
    for (const struct trace_note *note = span->notes; note; note = note->next) {
        if (!note->name.data)
            continue;
        pb_jw_key_str(out, note->name);
        if (trace_is_number(note->value))
            pb_jw_raw(out, note->value);
        else
            pb_jw_str(out, note->value);
    }
}

static void write_span(const struct pb_span *span, pb_json_writer *out);

/* The spans inside: stages as "children", the rest as "calls". */
static void write_inside(const struct pb_span *span, bool stages, const char *name,
                         pb_json_writer *out)
{
    bool any = false;

    for (const struct pb_span *at = span->child; at; at = at->sibling) {
        if (is_stage(at) != stages)
            continue;
        if (!any) {
            pb_jw_key(out, name);
            pb_jw_open(out, '[');
        }
        any = true;
        write_span(at, out);
    }
    if (any)
        pb_jw_close(out, ']');
}

static void write_span(const struct pb_span *span, pb_json_writer *out)
{
    pb_jw_open(out, '{');
    if (!is_stage(span))
        write_text(out, "kind", span->kind);
    write_text(out, "name", span->name);
    if (span->branch && span->branch != span->parent->branch)
        write_count(out, "branch", span->branch);
    write_ms(out, "ms", span->total < 0 ? trace_now() - span->begin : span->total);
    write_ms(out, "self_ms", trace_self(span));
    if (span->total < 0) {
        pb_jw_key(out, "open");
        pb_jw_bool(out, true);
    }
    write_details(span, out);
    write_inside(span, false, "calls", out);
    write_inside(span, true, "children", out);
    pb_jw_close(out, '}');
}

static void write_created(pb_json_writer *out, pb_time created)
{
    char text[TIME_TEXT_SIZE];

    time_text(created, text);
    pb_jw_key(out, "created");
    pb_jw_str(out, pb_str_of(text));
}

static void write_answered(const struct trace *trace, pb_json_writer *out)
{
    pb_jw_key(out, "answered_by");
    if (!trace->llm.data) {
        pb_jw_null(out);
        return;
    }
    pb_jw_open(out, '{');
    write_text(out, "llm", trace->llm);
    write_text(out, "model", trace->model);
    pb_jw_key(out, "fallback");
    pb_jw_bool(out, trace->fallback);
    pb_jw_close(out, '}');
}

static void write_usage(const pb_usage *usage, pb_json_writer *out)
{
    pb_jw_key(out, "usage");
    pb_jw_open(out, '{');
    write_count(out, "calls", usage->calls);
    write_count(out, "input_tokens", usage->input_tokens);
    write_count(out, "output_tokens", usage->output_tokens);
    write_count(out, "cached_tokens", usage->cached_tokens);
    write_count(out, "reasoning_tokens", usage->reasoning_tokens);
    pb_jw_key(out, "cost");
    pb_jw_double(out, usage->cost);
    write_text(out, "currency", pb_lit("USD"));
    pb_jw_close(out, '}');
}

static void write_timing(const struct trace *trace, pb_json_writer *out)
{
    const struct pb_span *root = &trace->root;

    pb_jw_key(out, "timing");
    pb_jw_open(out, '{');
    write_ms(out, "total_ms", root->total < 0 ? trace_now() - root->begin : root->total);
    if (trace->first_text)
        write_ms(out, "first_token_ms", trace->first_text);
    write_ms(out, "host_ms", trace_self(root));
    pb_jw_close(out, '}');
}

static void write_error(const struct trace *trace, pb_json_writer *out)
{
    pb_error error = {.size = sizeof error, .status = trace->status, .sentence = trace->sentence};

    pb_jw_key(out, "error");
    pb_jw_open(out, '{');
    pb_problem_members(out, &error, trace->request_id);
    write_text(out, "from", trace->error_instance);
    pb_jw_close(out, '}');
}

void trace_write(const struct trace *trace, bool tree, pb_json_writer *out)
{
    pb_jw_open(out, '{');
    write_text(out, "id", pb_str_of(trace->id));
    write_text(out, "status", pb_str_of(trace_state(trace)));
    write_text(out, "pipeline", trace->pipeline);
    write_text(out, "conversation", trace->conversation);
    write_text(out, "request_id", trace->request_id);
    write_text(out, "trace_id", trace_context_id(pb_str_of(trace->context)));
    write_created(out, trace->created);
    if (trace->finish > 0 && trace->finish < (int32_t)(sizeof finish_names / sizeof *finish_names))
        write_text(out, "finish", pb_str_of(finish_names[trace->finish]));
    write_answered(trace, out);
    write_usage(&trace->usage, out);
    write_timing(trace, out);
    if (!trace->running && trace->status != PB_OK)
        write_error(trace, out);
    if (tree) {
        write_inside(&trace->root, false, "calls", out);
        pb_jw_key(out, "stages");
        pb_jw_open(out, '[');
        for (const struct pb_span *at = trace->root.child; at; at = at->sibling)
            if (is_stage(at))
                write_span(at, out);
        pb_jw_close(out, ']');
        if (trace->dropped)
            write_count(out, "dropped_spans", (int64_t)trace->dropped);
    }
    pb_jw_close(out, '}');
}
