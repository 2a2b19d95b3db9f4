/* anthropic - the llm for Anthropic's Messages API and the servers that speak it.
 *
 * Here: options, life and the course of one call. The API key is only ever in the prepared headers.
 */
#include "anthropic.h"

static const pb_field price_fields[] = {
    PB_FLOAT(struct price, input, .help = "USD per million input tokens."),
    PB_FLOAT(struct price, output, .help = "USD per million output tokens."),
    PB_FLOAT(struct price, cached,
             .help = "USD per million input tokens read from the cache; 0: as `input`."),
    PB_FLOAT(struct price, cache_write,
             .help = "USD per million input tokens written to the cache; 0: as `input`."),
    PB_END,
};

static const pb_field timeout_fields[] = {PB_UPSTREAM_TIMEOUTS, PB_END};

static const pb_field anthropic_options[] = {
    PB_UPSTREAM_OPTIONS(struct anthropic, upstream, "https://api.anthropic.com", "/v1/messages",
                        timeout_fields),
    PB_STR(struct anthropic, version, .def = "2023-06-01", .max_length = 32,
           .help = "The version of the API."),
    PB_LIST(struct anthropic, beta, PB_KIND_STR, .max_length = 16,
            .help = "Features under test to switch on: the header anthropic-beta."),
    PB_INT(struct anthropic, max_tokens, .def = "4096", .min = 1, .max = 1000000000,
           .help = "Longest answer where the turn does not say: the API must be told."),
    PB_ENUM(struct anthropic, thinking, .values = PB_VALUES("adaptive", "budget"),
            .def = "adaptive",
            .help = "How `reasoning_effort` is told: by effort (Claude 4.6 and later), or by a "
                    "budget of tokens."),
    PB_STRUCT(struct anthropic, price, struct price, price_fields,
              .help = "What tokens cost, for `cost` in usage."),
    PB_JSON(struct anthropic, params,
            .help = "Defaults of parameters: {temperature: 0.2}, or the API's own: {service_tier: "
                    "auto}; a turn's win."),
    PB_LIST(struct anthropic, ignore, PB_KIND_STR, .max_length = 16,
            .help = "Parameters that this model does not take: they are left out, and the client "
                    "is told."),
    PB_END,
};

static void anthropic_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct anthropic *anthropic = self;

    if (anthropic->params && anthropic->params->type != PB_JSON_OBJECT)
        pb_problem(diagnostics, "params", "must be a map of parameters, as {temperature: 0.2}");
    if (!pb_upstream_one_line(anthropic->version))
        pb_problem(diagnostics, "version", "holds a control character");
    for (size_t i = 0; i < anthropic->beta.count; i++)
        if (!pb_upstream_is_token(PB_ITEM(anthropic->beta, pb_str, i)))
            pb_problem(diagnostics, "beta", "must be names, as context-1m-2025-08-07");
    pb_upstream_check(&anthropic->upstream, diagnostics);
}

static pb_status anthropic_create(void *self)
{
    struct anthropic *anthropic = self;

    pb_upstream_prepare(&anthropic->upstream);
    anthropic->url = pb_printf("%.*s/v1/messages", PB_ARG(anthropic->upstream.base_url));
    anthropic->whole_headers = headers_make(anthropic, pb_lit("application/json"));
    anthropic->stream_headers = headers_make(anthropic, pb_lit("text/event-stream"));
    return anthropic->url.data && anthropic->whole_headers && anthropic->stream_headers
               ? PB_OK
               : (pb_status)PB_NO_MEMORY;
}

/* Sends the request. Its text is gone when this returns: a long conversation must not lie in memory
 * twice while the answer streams. */
static pb_status begin(const struct anthropic *anthropic, const pb_llm_request *request,
                       pb_http **http)
{
    pb_http_spec spec = pb_upstream_post(&anthropic->upstream, anthropic->url, request->stream);
    pb_scope *scope = pb_scope_begin();
    pb_status status = body_write(anthropic, request, &spec.body);

    if (status == PB_OK)
        status = headers_set(anthropic, request, &spec);
    if (status == PB_OK)
        status = pb_http_open(&spec, http);
    pb_scope_end(scope);
    return status;
}

/* Asks and reads the answer. `first`: NULL when nobody reads along. */
static pb_status ask(const struct anthropic *anthropic, const pb_llm_request *request,
                     struct answer *answer, pb_first_token *first)
{
    pb_http *http;
    pb_status status = begin(anthropic, request, &http);

    if (status != PB_OK)
        return status;
    pb_str type = pb_http_header(http, pb_lit("content-type"));
    if (pb_http_status(http) != 200)
        status = failure_of_status(anthropic, http);
    else if (pb_str_same(pb_str_slice(type, 0, 17), pb_lit("text/event-stream")))
        status = stream_read(anthropic, http, answer, first);
    else
        status = whole_read(anthropic, http, answer);
    pb_http_close(http);
    return status;
}

static pb_status anthropic_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct anthropic *anthropic = self;
    struct answer answer = {.sink = sink};
    pb_status status;

    if (request->stream) {
        pb_first_token first = pb_first_token_begin(&anthropic->upstream);
        status = ask(anthropic, request, &answer, &first);
        status = pb_first_token_end(&first, &anthropic->upstream, status);
    } else {
        status = ask(anthropic, request, &answer, NULL);
    }
    return status == PB_OK ? answer_end(anthropic, &answer) : status;
}

PB_PLUGIN("anthropic", "0.1.0", "Apache-2.0",
          "Models behind Anthropic's Messages API, at Anthropic or any server that speaks it.",
          PB_LLM("anthropic", struct anthropic, anthropic_options, .check = anthropic_check,
                 .create = anthropic_create, .generate = anthropic_generate,
                 .dialect = "anthropic"));
