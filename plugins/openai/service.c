/* service.c - the service that a model is behind: what OpenAI's has beside others. The API key is only ever in
 * the prepared header. */
#include "openai.h"

void service_check(const struct service *service, pb_diagnostics *diagnostics)
{
    pb_upstream_check(&service->upstream, diagnostics);
    if (!pb_upstream_one_line(service->organization))
        pb_problem(diagnostics, "organization", "holds a control character");
    if (!pb_upstream_one_line(service->project))
        pb_problem(diagnostics, "project", "holds a control character");
}

pb_str service_prepare(struct service *service, const char *path)
{
    pb_upstream_prepare(&service->upstream);
    return pb_printf("%.*s%s", PB_ARG(service->upstream.base_url), path);
}

pb_header *service_headers(struct service *service, pb_str accept)
{
    pb_str key = service->upstream.key, bearer = {0};

    if (key.size && !(bearer = pb_printf("Bearer %.*s", PB_ARG(key))).data)
        return NULL;
    const pb_header own[] = {
        {pb_lit("Accept"), accept},
        {pb_lit("Content-Type"), pb_lit("application/json")},
        {pb_lit("User-Agent"), pb_lit("patchbay")},
        {pb_lit("Authorization"), bearer},
        {pb_lit("OpenAI-Organization"), service->organization},
        {pb_lit("OpenAI-Project"), service->project},
    };
    return pb_upstream_headers(&service->upstream, own, sizeof own / sizeof *own,
                               &service->header_count);
}
