/* routes.c - from method and path to a handler: this plugin's own operations first, then those of the host
 * and of services.
 *
 * The own ones are compared here, because no turn should pay for the length of the whole table.
 */
#include "anthropic/anthropic.h"
#include "native/native.h"
#include "negotiate.h"
#include "openai/responses.h"

static const struct route routes[] = {
    {&http_operations[OPERATION_CHAT], chat_completions, &openai_dialect},
    {&http_operations[OPERATION_MODELS], models_list, &openai_dialect},
    {&http_operations[OPERATION_MODEL], models_get, &openai_dialect},
    {&http_operations[OPERATION_TURN], turns_create, &native_dialect},
    {&http_operations[OPERATION_EVENTS], turns_events, &native_dialect},
    {&http_operations[OPERATION_MESSAGES], anthropic_create, &anthropic_dialect},
    {&http_operations[OPERATION_COUNT], anthropic_count, &anthropic_dialect},
    {&http_operations[OPERATION_RESPONSE], responses_create, &openai_dialect},
    {&http_operations[OPERATION_RESPONSE_ITEMS], responses_input_items, &openai_dialect},
    {&http_operations[OPERATION_RESPONSE_GET], responses_get, &openai_dialect},
    {&http_operations[OPERATION_RESPONSE_DELETE], responses_delete, &openai_dialect},
    {&http_operations[OPERATION_EMBEDDINGS], embeddings_create, &openai_dialect},
};

pb_status http_call(void *self, const pb_call *call, pb_content *out, size_t which)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (routes[i].operation == &http_operations[which])
            return inside_run(self, call, out, &routes[i]);
    return pb_fail(PB_INTERNAL, "'%s' has no route", http_operations[which].id);
}

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

/* A path with one variable: *rest is its value, not decoded. */
static bool path_fits(const struct route *route, pb_str path, pb_str *rest)
{
    pb_str own = pb_str_of(route->operation->path);
    size_t open = pb_str_find(own, '{'), close = pb_str_find(own, '}');

    if (open == own.size)
        return pb_str_equal(path, own);
    pb_str end = pb_str_slice(own, close + 1, own.size);
    if (path.size <= open + end.size || !pb_str_starts(path, pb_str_slice(own, 0, open)) ||
        !pb_str_ends(path, end))
        return false;
    *rest = pb_str_slice(path, open, path.size - open - end.size);
    return !memchr(rest->data, '/', rest->size);
}

/* Models are listed at the same path for clients of two APIs; those of one say so. */
static const struct dialect *dialect_of(const struct exchange *exchange, const struct route *route)
{
    bool models = route->handle == models_list || route->handle == models_get;

    return models && pb_request_header(exchange->request, "anthropic-version").data
               ? &anthropic_dialect
               : route->dialect;
}

/* The route; *known tells that another method would have fitted. */
static const struct route *find_own(struct exchange *exchange, pb_str method, bool *known)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        pb_str rest;
        if (!path_fits(&routes[i], exchange->request->path, &rest))
            continue;
        *known = true;
        exchange->dialect = dialect_of(exchange, &routes[i]);
        if (pb_str_is(method, routes[i].operation->method)) {
            exchange->match.values[0] = rest;
            return &routes[i];
        }
    }
    return NULL;
}

/* What Allow says of a path: "GET, HEAD, OPTIONS"; absent where the path is unknown. */
static pb_str allowed(struct exchange *exchange)
{
    pb_buf buf = {0};

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const pb_operation *operation;
        pb_operation_match match = {.size = (uint32_t)sizeof match};
        pb_str method = pb_str_of(methods[i]);
        bool known;

        if (!find_own(exchange, method, &known) &&
            pb_operation_route(method, exchange->request->path, &operation, &match) != PB_OK)
            continue;
        pb_buf_printf(&buf, "%s, %s", methods[i], i == 0 ? "HEAD, " : "");
    }
    pb_error_clear();
    if (buf.size)
        pb_buf_add(&buf, pb_lit("OPTIONS"));
    return pb_buf_str(&buf);
}

static pb_status not_found(struct exchange *exchange)
{
    exchange->allow = allowed(exchange);
    if (exchange->allow.size) {
        pb_fail(PB_METHOD, "this path takes %.*s", PB_ARG(exchange->allow));
        return answer_error(exchange);
    }
    exchange->dialect = pb_str_starts(exchange->request->path, pb_lit("/v1/messages"))
                            ? &anthropic_dialect
                            : &native_dialect;
    pb_fail(PB_NOT_FOUND, "there is nothing at this path");
    return answer_error(exchange);
}

static pb_status run_own(struct exchange *exchange, const struct route *route)
{
    pb_status status = access_authenticate(exchange);

    if (status == PB_OK && !client_takes(exchange, pb_lit("application/json, text/event-stream")))
        status = not_acceptable(pb_lit("application/json or text/event-stream"));
    if (status == PB_OK && !pb_principal_may(&exchange->principal, pb_str_of(route->operation->scope)))
        status = pb_fail(PB_FORBIDDEN, "the scope '%s' is needed", route->operation->scope);
    if (status == PB_OK)
        status = route->handle(exchange);
    if (exchange->answered || exchange->begun || status == PB_OK)
        return status;
    return answer_error(exchange);
}

pb_status http_handle(void *self, pb_request *request)
{
    struct exchange exchange = {.http = self, .request = request, .dialect = &native_dialect};
    pb_str method = request->method;
    const pb_operation *operation;
    bool known = false;

    exchange.match.size = (uint32_t)sizeof exchange.match;
    forwarded_apply(exchange.http, request);
    access_origin(&exchange);
    if (pb_str_is(method, "HEAD"))
        method = pb_lit("GET");
    const struct route *route = find_own(&exchange, method, &known); /* and the dialect of errors */
    if (access_check_host(&exchange) != PB_OK || check_codings(&exchange) != PB_OK)
        return answer_error(&exchange);
    if (pb_str_is(method, "OPTIONS")) {
        exchange.allow = pb_str_is(request->path, "*") ? pb_lit("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
                                                       : allowed(&exchange);
        return exchange.allow.size ? access_preflight(&exchange) : not_found(&exchange);
    }
    if (route)
        return run_own(&exchange, route);
    if (pb_operation_route(method, request->path, &operation, &exchange.match) == PB_OK) {
        exchange.dialect = &native_dialect;
        return operation_run(&exchange, operation);
    }
    return not_found(&exchange);
}
