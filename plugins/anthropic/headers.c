/* headers.c - the headers of a request: prepared once, but for features under test that the client asks for
 * (`anthropic_beta`, its own header anthropic-beta). */
#include "anthropic.h"

static const pb_str beta_name = PB_LIT("anthropic-beta");

static void add_name(pb_buf *list, pb_str name)
{
    pb_buf_add(list, list->size ? pb_lit(",") : pb_lit(""));
    pb_buf_add(list, name);
}

pb_header *headers_make(struct anthropic *anthropic, pb_str accept)
{
    pb_buf beta = {0};
    for (size_t i = 0; i < anthropic->beta.count; i++)
        add_name(&beta, PB_ITEM(anthropic->beta, pb_str, i));
    const pb_header own[] = {
        {beta_name, pb_buf_str(&beta)}, /* in front: headers_set knows its place */
        {pb_lit("Accept"), accept},
        {pb_lit("Content-Type"), pb_lit("application/json")},
        {pb_lit("User-Agent"), pb_lit("patchbay")},
        {pb_lit("anthropic-version"), anthropic->version},
        {pb_lit("x-api-key"), anthropic->upstream.key},
    };

    if (beta.failed)
        return NULL;
    return pb_upstream_headers(&anthropic->upstream, own, sizeof own / sizeof *own,
                               &anthropic->header_count);
}

/* The client's, as names that can stand in a header. */
static void add_beta(pb_buf *list, const pb_json *names)
{
    for (const pb_json *at = names->child; at; at = at->next)
        if (pb_upstream_is_token(pb_json_text(at)) && at->text.size <= 128)
            add_name(list, at->text);
}

pb_status headers_set(const struct anthropic *anthropic, const pb_llm_request *request,
                      pb_http_spec *spec)
{
    const pb_json *names = pb_json_get(request->params, "anthropic_beta");
    bool has_beta = anthropic->beta.count > 0;
    pb_buf list = {0};

    spec->headers = request->stream ? anthropic->stream_headers : anthropic->whole_headers;
    spec->header_count = anthropic->header_count;
    if (!pb_str_is(request->dialect, "anthropic") || !pb_json_is(names, PB_JSON_ARRAY))
        return PB_OK;
    if (has_beta)
        pb_buf_add(&list, spec->headers[0].value);
    add_beta(&list, names);
    pb_header *headers = PB_NEW_ARRAY(pb_header, spec->header_count + 1);
    if (list.failed || !headers)
        return PB_NO_MEMORY;
    headers[0] = (pb_header){beta_name, pb_buf_str(&list)};
    memcpy(headers + 1, spec->headers + has_beta,
           (spec->header_count - has_beta) * sizeof *headers);
    if (!list.size)
        return PB_OK;
    spec->header_count += !has_beta;
    spec->headers = headers;
    return PB_OK;
}
