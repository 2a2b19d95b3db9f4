/* openai - the llm for OpenAI's chat completions and the many servers that speak them.
 *
 * Here: options, life and the course of one call. The API key is only ever in the prepared header.
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
    PB_STR(struct openai, base_url, .def = "https://api.openai.com/v1", .pattern = "https?://.+",
           .max_length = 2048, .help = "Where the API is; /chat/completions is added."),
    PB_SECRET(struct openai, api_key, .help = "Sent as bearer token; local servers need none."),
    PB_STR(struct openai, model, .required = 1, .max_length = 256,
           .help = "The model's name at that service."),
    PB_STR(struct openai, organization, .max_length = 256, .help = "OpenAI-Organization."),
    PB_STR(struct openai, project, .max_length = 256, .help = "OpenAI-Project."),
    PB_MAP(struct openai, headers, PB_KIND_SECRET, .max_length = 32,
           .help = "More headers; shown masked, because they often carry keys."),
    PB_STRUCT(struct openai, price, struct price, price_fields,
              .help = "What tokens cost, for `cost` in usage."),
    PB_STRUCT(struct openai, timeouts, struct timeouts, timeout_fields,
              .help = "How long to wait for the service."),
    PB_PATH(struct openai, ca_file, .help = "PEM of authorities to trust instead of the system's."),
    PB_SECRET(struct openai, proxy, .pattern = "https?://.+",
              .help = "http://host:port; shown masked, because it may hold a password."),
    PB_JSON(struct openai, params,
            .help = "Defaults of generation parameters: {temperature: 0.2}; a turn's own win."),
    PB_SIZE(struct openai, max_body, .def = "64MiB", .min = 1024, .help = "Longest answer."),
    PB_SIZE(struct openai, max_event, .def = "1MiB", .min = 1024,
            .help = "Longest event of a stream."),
    PB_END,
};

static bool one_line(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static bool is_token(pb_str name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '-' && c != '_' && c != '.')
            return false;
    }
    return name.size > 0;
}

/* A password in the URL would be shown, and is refused when the first turn asks. */
static bool has_user(pb_str url)
{
    size_t scheme = pb_str_starts(url, pb_lit("https://")) ? 8 : 7;
    pb_str rest = pb_str_slice(url, scheme, url.size);

    return pb_str_find(pb_str_slice(rest, 0, pb_str_find(rest, '/')), '@') <
           pb_str_find(rest, '/');
}

static void openai_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct openai *openai = self;

    if (openai->params && openai->params->type != PB_JSON_OBJECT)
        pb_problem(diagnostics, "params", "must be a map of parameters, as {temperature: 0.2}");
    if (has_user(openai->base_url))
        pb_problem(diagnostics, "base_url",
                   "must not have a user name or password; use `api_key` or `headers`");
    if (!one_line(pb_str_trim(openai->api_key.value)))
        pb_problem(diagnostics, "api_key", "holds a line break or a control character");
    if (!one_line(openai->organization))
        pb_problem(diagnostics, "organization", "holds a control character");
    if (!one_line(openai->project))
        pb_problem(diagnostics, "project", "holds a control character");
    for (size_t i = 0; i < openai->headers.count; i++) {
        char field[128];
        pb_str name = openai->headers.keys[i];
        (void)snprintf(field, sizeof field, "headers.%.*s", PB_ARG(name));
        if (!is_token(name))
            pb_problem(diagnostics, field, "is not the name of a header");
        if (!one_line(((pb_secret *)openai->headers.items)[i].value))
            pb_problem(diagnostics, field, "holds a control character");
    }
}

static void add_header(struct openai *openai, pb_str name, pb_str value)
{
    pb_header header = {name, value};

    if (!value.size)
        return;
    openai->whole_headers[openai->header_count] = header;
    openai->stream_headers[openai->header_count++] = header;
}

static pb_status openai_create(void *self)
{
    struct openai *openai = self;
    pb_str base = openai->base_url;

    while (base.size && base.data[base.size - 1] == '/')
        base.size--;
    openai->url = pb_printf("%.*s/chat/completions", PB_ARG(base));
    openai->key = pb_str_trim(openai->api_key.value);
    openai->whole_headers = PB_NEW_ARRAY(pb_header, 6 + openai->headers.count);
    openai->stream_headers = PB_NEW_ARRAY(pb_header, 6 + openai->headers.count);
    if (!openai->url.data || !openai->whole_headers || !openai->stream_headers)
        return PB_NO_MEMORY;
    add_header(openai, pb_lit("Accept"), pb_lit("application/json"));
    openai->stream_headers[0].value = pb_lit("text/event-stream");
    add_header(openai, pb_lit("Content-Type"), pb_lit("application/json"));
    add_header(openai, pb_lit("User-Agent"), pb_lit("patchbay"));
    if (openai->key.size) {
        pb_str bearer = pb_printf("Bearer %.*s", PB_ARG(openai->key));
        if (!bearer.data)
            return PB_NO_MEMORY;
        add_header(openai, pb_lit("Authorization"), bearer);
    }
    add_header(openai, pb_lit("OpenAI-Organization"), openai->organization);
    add_header(openai, pb_lit("OpenAI-Project"), openai->project);
    for (size_t i = 0; i < openai->headers.count; i++)
        add_header(openai, openai->headers.keys[i], ((pb_secret *)openai->headers.items)[i].value);
    return PB_OK;
}

/* Sends the request. Its text is gone when this returns: a long conversation must not lie in memory
 * twice while the answer streams. */
static pb_status begin(const struct openai *openai, const pb_llm_request *request, pb_http **http)
{
    pb_http_spec spec = pb_http_spec_make("POST", openai->url);
    pb_scope *scope = pb_scope_begin();
    pb_status status = body_write(openai, request, &spec.body);

    spec.headers = request->stream ? openai->stream_headers : openai->whole_headers;
    spec.header_count = openai->header_count;
    spec.connect = openai->timeouts.connect;
    spec.first_byte = request->stream ? openai->timeouts.first_token : openai->timeouts.answer;
    spec.between_bytes = openai->timeouts.between_tokens;
    spec.max_body = openai->max_body;
    spec.proxy = openai->proxy.value;
    spec.ca_file = openai->ca_file;
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
        status = failure_of_status(openai, http);
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
                       PB_ARG(openai->model), (double)limit / (double)PB_SECOND);
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
          "Models behind OpenAI's chat completions API, at OpenAI or any server that speaks it.",
          PB_LLM("openai", struct openai, openai_options, .check = openai_check,
                 .create = openai_create, .generate = openai_generate));
