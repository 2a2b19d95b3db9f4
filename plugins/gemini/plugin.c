/* gemini - the llm for Google's Gemini API.
 *
 * Here: options, life and the course of one call. The API key is only ever in the prepared headers.
 */
#include "gemini.h"

static const pb_field price_fields[] = {
    PB_FLOAT(struct price, input, .help = "USD per million input tokens."),
    PB_FLOAT(struct price, output, .help = "USD per million output tokens, those of thinking too."),
    PB_FLOAT(struct price, cached,
             .help = "USD per million input tokens read from the cache; 0: as `input`."),
    PB_END,
};

static const pb_field timeout_fields[] = {PB_UPSTREAM_TIMEOUTS, PB_END};

static const pb_field gemini_options[] = {
    PB_UPSTREAM_OPTIONS(struct gemini, upstream, "https://generativelanguage.googleapis.com/v1beta",
                        "/models/MODEL:generateContent", timeout_fields),
    PB_ENUM(struct gemini, thinking, .values = PB_VALUES("level", "budget"), .def = "level",
            .help = "How `reasoning_effort` is told: by level (Gemini 3 and later), or by a budget "
                    "of tokens (2.5)."),
    PB_BOOL(struct gemini, thoughts, .help = "Asks for summaries of the model's thinking."),
    PB_STRUCT(struct gemini, price, struct price, price_fields,
              .help = "What tokens cost, for `cost` in usage."),
    PB_JSON(struct gemini, params,
            .help =
                "Defaults of parameters: {temperature: 0.2}, or the API's own: {safetySettings: "
                "[…]}; a turn's win."),
    PB_LIST(struct gemini, ignore, PB_KIND_STR, .max_length = 16,
            .help = "Parameters that this model does not take: they are left out, and the client "
                    "is told."),
    PB_END,
};

static void gemini_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct gemini *gemini = self;

    if (gemini->params && gemini->params->type != PB_JSON_OBJECT)
        pb_problem(diagnostics, "params", "must be a map of parameters, as {temperature: 0.2}");
    pb_upstream_check(&gemini->upstream, diagnostics);
}

static pb_status gemini_create(void *self)
{
    struct gemini *gemini = self;

    pb_upstream_prepare(&gemini->upstream);
    const pb_header own[] = {
        {pb_lit("Content-Type"), pb_lit("application/json")},
        {pb_lit("User-Agent"), pb_lit("patchbay")},
        {pb_lit("x-goog-api-key"), gemini->upstream.key},
    };
    gemini->whole_url = model_url(gemini, gemini->upstream.model, false);
    gemini->stream_url = model_url(gemini, gemini->upstream.model, true);
    gemini->headers = pb_upstream_headers(&gemini->upstream, own, sizeof own / sizeof *own,
                                          &gemini->header_count);
    return gemini->whole_url.data && gemini->stream_url.data && gemini->headers
               ? PB_OK
               : (pb_status)PB_NO_MEMORY;
}

/* Sends the request. Its text is gone when this returns: a long conversation must not lie in memory
 * twice while the answer streams. */
static pb_status begin(const struct gemini *gemini, const pb_llm_request *request, pb_http **http)
{
    pb_http_spec spec =
        pb_upstream_post(&gemini->upstream,
                         request->stream ? gemini->stream_url : gemini->whole_url, request->stream);
    pb_scope *scope = pb_scope_begin();
    pb_str model = pb_json_text(pb_json_get(request->params, "model"));
    pb_status status = body_write(gemini, request, &spec.body);

    spec.headers = gemini->headers;
    spec.header_count = gemini->header_count;
    if (model.size && !(spec.url = model_url(gemini, model, request->stream)).data)
        status = PB_NO_MEMORY;
    if (status == PB_OK)
        status = pb_http_open(&spec, http);
    pb_scope_end(scope);
    return status;
}

/* Asks and reads the answer. `first`: NULL when nobody reads along. */
static pb_status ask(const struct gemini *gemini, const pb_llm_request *request,
                     struct answer *answer, pb_first_token *first)
{
    pb_http *http;
    pb_status status = begin(gemini, request, &http);

    if (status != PB_OK)
        return status;
    pb_str type = pb_http_header(http, pb_lit("content-type"));
    if (pb_http_status(http) != 200)
        status = failure_of_status(gemini, http);
    else if (pb_str_same(pb_str_slice(type, 0, 17), pb_lit("text/event-stream")))
        status = stream_read(gemini, http, answer, first);
    else
        status = whole_read(gemini, http, answer);
    pb_http_close(http);
    return status;
}

static pb_status gemini_generate(void *self, const pb_llm_request *request, pb_sink *sink)
{
    const struct gemini *gemini = self;
    struct answer answer = {.sink = sink};
    pb_status status;

    if (request->stream) {
        pb_first_token first = pb_first_token_begin(&gemini->upstream);
        status = ask(gemini, request, &answer, &first);
        status = pb_first_token_end(&first, &gemini->upstream, status);
    } else {
        status = ask(gemini, request, &answer, NULL);
    }
    return status == PB_OK ? answer_end(gemini, &answer) : status;
}

PB_PLUGIN("gemini", "0.1.0", "Apache-2.0", "Models behind Google's Gemini API.",
          PB_LLM("gemini", struct gemini, gemini_options, .check = gemini_check,
                 .create = gemini_create, .generate = gemini_generate, .dialect = "gemini"));
