/* openapi_failures.c - how calls fail: which answers each operation may give beside those of success. Most
 * are the same everywhere and stand among the document's components. */
#include "turn/openapi.h"

#include <patchbay/problem.h>

static const struct openapi_failure failures[] = {
    {400, "Invalid", "The request is not as it should be; `errors` names each field.", OPENAPI_ALWAYS},
    {401, "Unauthenticated", "Credentials are missing, or unknown.", OPENAPI_PRIVATE},
    {403, "Forbidden", "These credentials may not do this.", OPENAPI_ALWAYS},
    {404, "NotFound", "There is nothing of this name.", OPENAPI_PATH | OPENAPI_DECLARED},
    {406, "NotAcceptable", "The answer has no type that `Accept` allows.", OPENAPI_ALWAYS},
    {408, "RequestTimeout", "The body did not come in time.", OPENAPI_BODY},
    {409, "Conflict", "It does not fit what is there now.", OPENAPI_DECLARED},
    {411, "LengthRequired", "The body's length is not told.", OPENAPI_BODY},
    {412, "PreconditionFailed", "It was changed since `If-Match`.", 0},
    {413, "TooLarge", "The body is larger than this takes.", OPENAPI_BODY | OPENAPI_DECLARED},
    {414, "UriTooLong", "The address is too long.", OPENAPI_ALWAYS},
    {415, "Unsupported", "The body has a type that is not taken here.", OPENAPI_BODY | OPENAPI_DECLARED},
    {422, "Unprocessable", "It is well-formed, and cannot be done.", OPENAPI_DECLARED},
    {429, "RateLimited", "Too many requests; `Retry-After` says when to come again.", OPENAPI_DECLARED},
    {431, "HeaderTooLarge", "The request's header is too large.", OPENAPI_ALWAYS},
    {499, "Cancelled", "It was cancelled before it was done.", OPENAPI_DECLARED},
    {500, "Internal", "Something is wrong here.", OPENAPI_ALWAYS},
    {501, "NotConfigured", "Nothing is configured that could do this.", 0},
    {502, "BadUpstream", "A service behind this one failed.", OPENAPI_DECLARED},
    {503, "Unavailable", "Not now; `Retry-After` says when to come again.",
     OPENAPI_ALWAYS | OPENAPI_DECLARED},
    {504, "Timeout", "It took too long.", OPENAPI_DECLARED},
    {507, "NoSpace", "There is no room left to keep it.", OPENAPI_DECLARED},
};

enum { COUNT = sizeof failures / sizeof *failures };

static bool declares(const pb_operation *operation, int32_t http)
{
    for (const int32_t *at = operation->errors; at && *at; at++)
        if (*at == http || pb_status_http(*at) == http)
            return true;
    return false;
}

static bool may_have(const struct operation *operation, const struct openapi_failure *failure)
{
    const pb_operation *own = &operation->operation;
    bool body = strcmp(own->method, "GET") != 0 && strcmp(own->method, "DELETE") != 0;

    return (failure->when & OPENAPI_ALWAYS) ||
           ((failure->when & OPENAPI_PRIVATE) && !own->public_access) ||
           ((failure->when & OPENAPI_BODY) && body) ||
           ((failure->when & OPENAPI_PATH) && operation->variables) ||
           (failure->http == 412 && (own->flags & PB_OPERATION_REVISIONS)) || declares(own, failure->http);
}

size_t openapi_failures_of(const struct operation *operation,
                           const struct openapi_failure *out[OPENAPI_FAILURES])
{
    size_t count = 0;

    for (size_t i = 0; i < COUNT && count < OPENAPI_FAILURES; i++)
        if (may_have(operation, &failures[i]))
            out[count++] = &failures[i];
    return count;
}

/* --- components ------------------------------------------------------------------------------- */

static const pb_header_help headers[] = {
    {"X-Request-Id", "The request, for the log and for support; as it was sent, or a new one."},
    {"Retry-After", "Seconds after which trying again makes sense."},
    {"ETag", "The revision of what is answered, for `If-Match`."},
    {"Link", "The next page: `<…>; rel=\"next\"`."},
    {"WWW-Authenticate", "How to authenticate: `Bearer`."},
    {NULL, NULL},
};

void openapi_header_refer(pb_json_writer *writer, const char *name)
{
    pb_jw_key(writer, name);
    pb_jw_raw(writer, pb_printf("{\"$ref\":\"#/components/headers/%s\"}", name));
}

void openapi_headers_write(struct openapi *api)
{
    pb_jw_key(&api->writer, "headers");
    pb_jw_open(&api->writer, '{');
    for (const pb_header_help *at = headers; at->name; at++) {
        pb_jw_key(&api->writer, at->name);
        pb_jw_open(&api->writer, '{');
        pb_jw_key(&api->writer, "description");
        pb_jw_str(&api->writer, pb_str_of(at->help));
        pb_jw_key(&api->writer, "schema");
        pb_jw_raw(&api->writer, strcmp(at->name, "Retry-After") == 0
                                    ? pb_lit("{\"type\":\"integer\",\"minimum\":0}")
                                    : pb_lit("{\"type\":\"string\"}"));
        pb_jw_close(&api->writer, '}');
    }
    pb_jw_close(&api->writer, '}');
}

static void write_failure(pb_json_writer *writer, const struct openapi_failure *failure)
{
    pb_jw_key(writer, failure->name);
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "description");
    pb_jw_str(writer, pb_str_of(failure->title));
    pb_jw_key(writer, "headers");
    pb_jw_open(writer, '{');
    openapi_header_refer(writer, "X-Request-Id");
    if (failure->http == 429 || failure->http == 503)
        openapi_header_refer(writer, "Retry-After");
    if (failure->http == 401)
        openapi_header_refer(writer, "WWW-Authenticate");
    pb_jw_close(writer, '}');
    pb_jw_key(writer, "content");
    pb_jw_raw(writer, pb_lit("{\"" PB_PROBLEM_TYPE
                             "\":{\"schema\":{\"$ref\":\"#/components/schemas/Problem\"}}}"));
    pb_jw_close(writer, '}');
}

void openapi_failures_write(struct openapi *api)
{
    pb_jw_key(&api->writer, "responses");
    pb_jw_open(&api->writer, '{');
    for (size_t i = 0; i < COUNT; i++)
        write_failure(&api->writer, &failures[i]);
    pb_jw_close(&api->writer, '}');
}
