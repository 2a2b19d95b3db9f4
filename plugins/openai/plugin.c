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

static const pb_field timeout_fields[] = {PB_UPSTREAM_TIMEOUTS, PB_END};

static const pb_field openai_options[] = {
    PB_UPSTREAM_OPTIONS(struct openai, service.upstream, "https://api.openai.com/v1",
                        "/chat/completions", timeout_fields),
    SERVICE_OPTIONS(struct openai),
    PB_STRUCT(struct openai, price, struct price, price_fields,
              .help = "What tokens cost, for `cost` in usage."),
    PB_JSON(struct openai, params,
            .help = "Defaults of generation parameters: {temperature: 0.2}; a turn's own win."),
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
    pb_http_spec spec = pb_upstream_post(&openai->service.upstream, openai->url, request->stream);
    pb_scope *scope = pb_scope_begin();
    pb_status status = body_write(openai, request, &spec.body);

    spec.headers = request->stream ? openai->stream_headers : openai->whole_headers;
    spec.header_count = openai->service.header_count;
    if (status == PB_OK)
        status = pb_http_open(&spec, http);
    pb_scope_end(scope);
    return status;
}

/* Asks and reads the answer. `first`: NULL when nobody reads along. */
static pb_status ask(const struct openai *openai, const pb_llm_request *request,
                     struct answer *answer, pb_first_token *first)
{
    pb_http *http;
    pb_status status = begin(openai, request, &http);

    if (status != PB_OK)
        return status;
    pb_str type = pb_http_header(http, pb_lit("content-type"));
    if (pb_http_status(http) != 200)
        status = failure_of_status(&openai->service, http);
    else if (pb_str_same(pb_str_slice(type, 0, 17), pb_lit("text/event-stream")))
        status = stream_read(openai, http, answer, first);
    else
        status = whole_read(openai, http, answer);
    pb_http_close(http);
    return status;
}

static pb_status openai_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct openai *openai = self;
    struct answer answer = {.sink = sink};
    pb_status status;

    if (request->stream) {
        pb_first_token first = pb_first_token_begin(&openai->service.upstream);
        status = ask(openai, request, &answer, &first);
        status = pb_first_token_end(&first, &openai->service.upstream, status);
    } else {
        status = ask(openai, request, &answer, NULL);
    }
    return status == PB_OK ? answer_end(&answer) : status;
}

PB_PLUGIN("openai", "0.1.0", "Apache-2.0",
          "Models and embeddings behind OpenAI's API, at OpenAI or any server that speaks it.",
          PB_LLM("openai", struct openai, openai_options, .check = openai_check,
                 .create = openai_create, .generate = openai_generate, .dialect = "openai"),
          PB_EMBEDDER("openai", struct embedder, embedder_options, .check = embedder_check,
                      .create = embedder_create, .embed = embedder_embed,
                      .dimensions = embedder_dimensions, .model = embedder_model));
