/* service.c - the service that a model is behind: its address, key and headers. The API key is only
 * ever in the prepared header. */
#include "openai.h"

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

void service_check(const struct service *service, pb_diagnostics *diagnostics)
{
    if (has_user(service->base_url))
        pb_problem(diagnostics, "base_url",
                   "must not have a user name or password; use `api_key` or `headers`");
    if (!one_line(pb_str_trim(service->api_key.value)))
        pb_problem(diagnostics, "api_key", "holds a line break or a control character");
    if (!one_line(service->organization))
        pb_problem(diagnostics, "organization", "holds a control character");
    if (!one_line(service->project))
        pb_problem(diagnostics, "project", "holds a control character");
    for (size_t i = 0; i < service->headers.count; i++) {
        char field[128];
        pb_str name = service->headers.keys[i];
        (void)snprintf(field, sizeof field, "headers.%.*s", PB_ARG(name));
        if (!is_token(name))
            pb_problem(diagnostics, field, "is not the name of a header");
        if (!one_line(((pb_secret *)service->headers.items)[i].value))
            pb_problem(diagnostics, field, "holds a control character");
    }
}

pb_str service_prepare(struct service *service, const char *path)
{
    pb_str base = service->base_url;

    while (base.size && base.data[base.size - 1] == '/')
        base.size--;
    service->key = pb_str_trim(service->api_key.value);
    return pb_printf("%.*s%s", PB_ARG(base), path);
}

static void add_header(struct service *service, pb_header *headers, pb_str name, pb_str value)
{
    if (value.size)
        headers[service->header_count++] = (pb_header){name, value};
}

pb_header *service_headers(struct service *service, pb_str accept)
{
    pb_header *headers = PB_NEW_ARRAY(pb_header, 6 + service->headers.count);
    pb_str bearer = {0};

    if (!headers)
        return NULL;
    service->header_count = 0;
    add_header(service, headers, pb_lit("Accept"), accept);
    add_header(service, headers, pb_lit("Content-Type"), pb_lit("application/json"));
    add_header(service, headers, pb_lit("User-Agent"), pb_lit("patchbay"));
    if (service->key.size && !(bearer = pb_printf("Bearer %.*s", PB_ARG(service->key))).data)
        return NULL;
    add_header(service, headers, pb_lit("Authorization"), bearer);
    add_header(service, headers, pb_lit("OpenAI-Organization"), service->organization);
    add_header(service, headers, pb_lit("OpenAI-Project"), service->project);
    for (size_t i = 0; i < service->headers.count; i++)
        add_header(service, headers, service->headers.keys[i],
                   ((pb_secret *)service->headers.items)[i].value);
    return headers;
}

pb_http_spec service_post(const struct service *service, pb_str url, const pb_header *headers)
{
    pb_http_spec spec = pb_http_spec_make("POST", url);

    spec.headers = headers;
    spec.header_count = service->header_count;
    spec.max_body = service->max_body;
    spec.proxy = service->proxy.value;
    spec.ca_file = service->ca_file;
    return spec;
}
