/* routes.c - from method and path to a handler: this plugin's own routes first, then operations. */
#include "http.h"

struct route {
    pb_str method;
    pb_str path; /* with a slash at its end: what follows, up to `end`, as match.values[0] */
    pb_str end;  /* how such a path ends, or absent */
    pb_str scope;
    handler *handle;
    bool openai;
};

static const struct route routes[] = {
    {PB_LIT("POST"),
     PB_LIT("/v1/chat/completions"),
     {NULL, 0},
     PB_LIT("turns.create"),
     chat_completions,
     true},
    {PB_LIT("GET"), PB_LIT("/v1/models"), {NULL, 0}, PB_LIT("pipelines.read"), models_list, true},
    {PB_LIT("GET"), PB_LIT("/v1/models/"), {NULL, 0}, PB_LIT("pipelines.read"), models_get, true},
    {PB_LIT("POST"), PB_LIT("/v1/turns"), {NULL, 0}, PB_LIT("turns.create"), turns_create, false},
    {PB_LIT("GET"), PB_LIT("/v1/turns/"), PB_LIT("/events"), PB_LIT("turns.read"), turns_events,
     false},
};

static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

static bool path_fits(const struct route *route, pb_str path, pb_str *rest)
{
    pb_str own = route->path;

    *rest = pb_str_slice(path, own.size, path.size);
    if (own.data[own.size - 1] == '/') {
        if (!pb_str_starts(path, own) || !pb_str_ends(*rest, route->end))
            return false;
        rest->size -= route->end.size;
        return rest->size > 0;
    }
    return pb_str_equal(path, own);
}

/* The route; *known tells that another method would have fitted. */
static const struct route *find_own(struct exchange *exchange, pb_str method, bool *known)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        pb_str rest;
        if (!path_fits(&routes[i], exchange->request->path, &rest))
            continue;
        *known = true;
        exchange->openai = routes[i].openai;
        if (pb_str_equal(method, routes[i].method)) {
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
        pb_fail(PB_UNSUPPORTED, "this path takes %.*s", PB_ARG(exchange->allow));
        return answer_error(exchange);
    }
    exchange->openai = false;
    pb_fail(PB_NOT_FOUND, "there is nothing at this path");
    return answer_error(exchange);
}

static pb_status run_own(struct exchange *exchange, const struct route *route)
{
    pb_status status = access_authenticate(exchange);

    if (status == PB_OK && !pb_principal_may(&exchange->principal, route->scope))
        status = pb_fail(PB_FORBIDDEN, "the scope '%.*s' is needed", PB_ARG(route->scope));
    if (status == PB_OK)
        status = route->handle(exchange);
    if (exchange->answered || exchange->begun || status == PB_OK)
        return status;
    return answer_error(exchange);
}

pb_status http_handle(void *self, pb_request *request)
{
    struct exchange exchange = {.http = self, .request = request};
    pb_str method = request->method;
    const pb_operation *operation;
    bool known = false;

    exchange.match.size = (uint32_t)sizeof exchange.match;
    access_origin(&exchange);
    if (pb_str_is(method, "HEAD"))
        method = pb_lit("GET");
    const struct route *route = find_own(&exchange, method, &known); /* and the dialect of errors */
    if (access_check_host(&exchange) != PB_OK)
        return answer_error(&exchange);
    if (pb_str_is(method, "OPTIONS")) {
        exchange.allow = allowed(&exchange);
        return exchange.allow.size ? access_preflight(&exchange) : not_found(&exchange);
    }
    if (route)
        return run_own(&exchange, route);
    if (pb_operation_route(method, request->path, &operation, &exchange.match) == PB_OK) {
        exchange.openai = false;
        return operation_run(&exchange, operation);
    }
    return not_found(&exchange);
}
