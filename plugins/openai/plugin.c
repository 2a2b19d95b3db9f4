/* openai - llm and embedder for OpenAI's API and the many servers that speak it.
 *
 * Here: options, life and the course of one call of the llm. The API key is only ever in the prepared header.
 */
#include "openai.h"

static const pb_field price_fields[] = {
    PB_FLOAT(struct price, input, .help = "USD per million input tokens."),
    PB_FLOAT(struct price, output, .help = "USD per million output tokens."),
    PB_FLOAT(struct price, cached,
             .help = "USD per million input tokens read from the cache; 0: as `input`."),
    PB_END,
};

static const pb_field timeout_fields[] = {
    PB_DURATION(struct timeouts, connect, .def = "5s", .min = 0.001, .max = 600,
                .help = "To connect, and again for TLS."),
    PB_DURATION(struct timeouts, first_token, .def = "60s", .min = 0.001, .max = 3600,
                .help = "From the request to the first token of a stream."),
    PB_DURATION(struct timeouts, between_tokens, .def = "60s", .min = 0.001, .max = 3600,
                .help = "Silence in the middle of an answer."),
    PB_DURATION(struct timeouts, answer, .def = "600s", .min = 0.001, .max = 86400,
                .help = "From the request to a whole answer, when nobody reads along."),
    PB_END,
};

static const pb_field openai_options[] = {
    SERVICE_OPTIONS(struct openai, "/chat/completions"),
    PB_STRUCT(struct openai, price, struct price, price_fields,
              .help = "What tokens cost, for `cost` in usage."),
    PB_STRUCT(struct openai, timeouts, struct timeouts, timeout_fields,
              .help = "How long to wait for the service."),
    PB_JSON(struct openai, params,
            .help = "Defaults of generation parameters: {temperature: 0.2}; a turn's own win."),
    PB_SIZE(struct openai, max_event, .def = "1MiB", .min = 1024,
            .help = "Longest event of a stream."),
    PB_END,
};

static void openai_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct openai *openai = self;

    if (openai->params && openai->params->type != PB_JSON_OBJECT)
        pb_problem(diagnostics, "params", "must be a map of parameters, as {temperature: 0.2}");
    service_check(&openai->service, diagnostics);
}

static pb_status openai_create(void *self)
{
    struct openai *openai = self;

    openai->url = service_prepare(&openai->service, "/chat/completions");
    openai->whole_headers = service_headers(&openai->service, pb_lit("application/json"));
    openai->stream_headers = service_headers(&openai->service, pb_lit("text/event-stream"));
    return openai->url.data && openai->whole_headers && openai->stream_headers
               ? PB_OK
               : (pb_status)PB_NO_MEMORY;
}

/* Sends the request. Its text is gone when this returns: a long conversation must not lie in memory
 * twice while the answer streams. */
static pb_status begin(const struct openai *openai, const pb_llm_request *request, pb_http **http)
{
    pb_http_spec spec =
        service_post(&openai->service, openai->url,
                     request->stream ? openai->stream_headers : openai->whole_headers);
    pb_scope *scope = pb_scope_begin();
    pb_status status = body_write(openai, request, &spec.body);

    spec.connect = openai->timeouts.connect;
    spec.first_byte = request->stream ? openai->timeouts.first_token : openai->timeouts.answer;
    spec.between_bytes = openai->timeouts.between_tokens;
    if (status == PB_OK)
        status = pb_http_open(&spec, http);
    pb_scope_end(scope);
    return status;
}

/* Asks and reads the answer. `deadline`: what pb_deadline_begin gave; -1: none, or ended. */
static pb_status ask(const struct openai *openai, const pb_llm_request *request,
                     struct answer *answer, pb_duration *deadline)
{
    pb_http *http;
    pb_status status = begin(openai, request, &http);

    if (status != PB_OK)
        return status;
    pb_str type = pb_http_header(http, pb_lit("content-type"));
    if (pb_http_status(http) != 200)
        status = failure_of_status(&openai->service, http);
    else if (pb_str_same(pb_str_slice(type, 0, 17), pb_lit("text/event-stream")))
        status = stream_read(openai, http, answer, deadline);
    else
        status = whole_read(openai, http, answer);
    pb_http_close(http);
    return status;
}

/* A stream has to begin within first_token; that deadline ends with its first token. */
static pb_status ask_stream(const struct openai *openai, const pb_llm_request *request,
                            struct answer *answer)
{
    pb_duration limit = openai->timeouts.first_token, begun = pb_monotonic();
    pb_duration before = pb_deadline_begin(limit), deadline = before;
    pb_status status = ask(openai, request, answer, &deadline);

    if (deadline == -1)
        return status;
    pb_deadline_end(before);
    if (status == PB_TIMEOUT && pb_monotonic() - begun >= limit)
        return pb_fail(PB_TIMEOUT, "the model '%.*s' said nothing for %.3g s",
                       PB_ARG(openai->service.model), (double)limit / (double)PB_SECOND);
    return status;
}

static pb_status openai_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct openai *openai = self;
    struct answer answer = {.sink = sink};
    pb_duration none = -1;
    pb_status status = request->stream ? ask_stream(openai, request, &answer)
                                       : ask(openai, request, &answer, &none);

    return status == PB_OK ? answer_end(&answer) : status;
}

PB_PLUGIN("openai", "0.1.0", "Apache-2.0",
          "Models and embeddings behind OpenAI's API, at OpenAI or any server that speaks it.",
          PB_LLM("openai", struct openai, openai_options, .check = openai_check,
                 .create = openai_create, .generate = openai_generate, .dialect = "openai"),
          PB_EMBEDDER("openai", struct embedder, embedder_options, .check = embedder_check,
                      .create = embedder_create, .embed = embedder_embed,
                      .dimensions = embedder_dimensions, .model = embedder_model));
