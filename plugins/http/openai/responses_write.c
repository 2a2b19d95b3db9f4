/* responses_write.c - a response as a whole document: what was asked, as it was asked, and what came of it. */
#include "openai/responses.h"

const char *response_status(int32_t finish)
{
    return finish == PB_FINISH_LENGTH || finish == PB_FINISH_FILTER ? "incomplete" : "completed";
}

/* What of the request is repeated, and what stands for it where it was left out. */
static const struct echo {
    const char *name;
    const char *otherwise; /* JSON; NULL: the member is left out */
} echoes[] = {
    {"instructions", "null"},
    {"max_output_tokens", "null"},
    {"metadata", "{}"},
    {"parallel_tool_calls", "true"},
    {"reasoning", "{\"effort\":null,\"summary\":null}"},
    {"temperature", "null"},
    {"text", "{\"format\":{\"type\":\"text\"}}"},
    {"tool_choice", "\"auto\""},
    {"tools", "[]"},
    {"top_p", "null"},
    {"top_logprobs", NULL},
    {"user", NULL},
    {"safety_identifier", NULL},
    {"prompt_cache_key", NULL},
};

static void write_echoes(pb_json_writer *writer, const pb_json *request)
{
    for (size_t i = 0; i < sizeof echoes / sizeof *echoes; i++) {
        const pb_json *value = pb_json_get(request, echoes[i].name);
        if (!json_given(value) && !echoes[i].otherwise)
            continue;
        pb_jw_key(writer, echoes[i].name);
        if (json_given(value))
            pb_jw_json(writer, value);
        else
            pb_jw_raw(writer, pb_str_of(echoes[i].otherwise));
    }
}

void response_usage_write(pb_json_writer *writer, const pb_usage *usage)
{
    pb_jw_open(writer, '{');
    pb_jw_count(writer, "input_tokens", usage->input_tokens);
    pb_jw_key(writer, "input_tokens_details");
    pb_jw_open(writer, '{');
    pb_jw_count(writer, "cached_tokens", usage->cached_tokens);
    pb_jw_close(writer, '}');
    pb_jw_count(writer, "output_tokens", usage->output_tokens);
    pb_jw_key(writer, "output_tokens_details");
    pb_jw_open(writer, '{');
    pb_jw_count(writer, "reasoning_tokens", usage->reasoning_tokens);
    pb_jw_close(writer, '}');
    pb_jw_count(writer, "total_tokens", usage->input_tokens + usage->output_tokens);
    pb_jw_close(writer, '}');
}

static void write_outcome(pb_json_writer *writer, const struct standing *standing)
{
    bool limited = standing->error && standing->error->status == PB_RATE_LIMITED;
    const char *reason = NULL;

    if (standing->result && pb_str_is(pb_str_of(standing->status), "incomplete"))
        reason = standing->result->finish == PB_FINISH_FILTER ? "content_filter"
                                                              : "max_output_tokens";
    pb_jw_key(writer, "error");
    if (standing->error) {
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "code",
                     limited ? pb_lit("rate_limit_exceeded") : pb_lit("server_error"));
        pb_jw_member(writer, "message",
                     standing->error->sentence.size
                         ? standing->error->sentence
                         : pb_str_of(pb_status_title(standing->error->status)));
        pb_jw_close(writer, '}');
    } else {
        pb_jw_null(writer);
    }
    pb_jw_key(writer, "incomplete_details");
    if (reason) {
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "reason", pb_str_of(reason));
        pb_jw_close(writer, '}');
    } else {
        pb_jw_null(writer);
    }
}

static void write_output(pb_json_writer *writer, const struct response *response,
                         const struct standing *standing)
{
    const struct output *output = standing->output;
    bool cut = pb_str_is(pb_str_of(standing->status), "incomplete") ||
               pb_str_is(pb_str_of(standing->status), "failed");

    pb_jw_key(writer, "output");
    pb_jw_open(writer, '[');
    for (size_t i = 0; output && i < output->count; i++)
        item_write(writer, output, &output->items[i], response->base,
                   cut && i + 1 == output->count ? "incomplete" : "completed");
    pb_jw_close(writer, ']');
}

void response_write(pb_json_writer *writer, const struct response *response,
                    const struct standing *standing)
{
    bool done = standing->result != NULL;

    pb_jw_open(writer, '{');
    pb_jw_member(writer, "id", pb_printf("resp_%.*s", PB_ARG(response->base)));
    pb_jw_member(writer, "object", pb_lit("response"));
    pb_jw_count(writer, "created_at", response->created / 1000);
    pb_jw_member(writer, "status", pb_str_of(standing->status));
    pb_jw_key(writer, "background");
    pb_jw_bool(writer, false);
    write_outcome(writer, standing);
    pb_jw_member(writer, "model", response->model);
    write_output(writer, response, standing);
    pb_jw_member(writer, "previous_response_id", response->previous);
    if (response->conversation.size) {
        pb_jw_key(writer, "conversation");
        pb_jw_open(writer, '{');
        pb_jw_member(writer, "id", response->conversation);
        pb_jw_close(writer, '}');
    }
    write_echoes(writer, response->request);
    pb_jw_key(writer, "store");
    pb_jw_bool(writer, response->stored);
    pb_jw_member(writer, "truncation", pb_lit("disabled"));
    pb_jw_key(writer, "usage");
    if (done)
        response_usage_write(writer, &standing->result->usage);
    else
        pb_jw_null(writer);
    if (done && standing->output)
        openai_extras_write(writer, &standing->output->reply, standing->turn, standing->result);
    pb_jw_close(writer, '}');
}
