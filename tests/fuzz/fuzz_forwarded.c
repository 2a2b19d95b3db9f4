/* fuzz_forwarded.c - any bytes as what a stranger sends through a proxy that we trust: whatever it is, the
 * client is the address that the proxy put behind it, or the proxy itself. And the same bytes as Accept,
 * Accept-Encoding, If-None-Match and traceparent. */
#include "../../plugins/http/forwarded.c"
#include "../../plugins/http/negotiate.c"

#include "base/trace_context.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_hold(bool what)
{
    if (!what)
        abort();
}

/* As the server would: no byte that ends a header. */
static pb_str as_value(const uint8_t *data, size_t size)
{
    char *text = pb_alloc(size + 1);

    for (size_t i = 0; i < size; i++)
        text[i] = data[i] < ' ' || data[i] == 127 ? ' ' : (char)data[i];
    return pb_str_trim(pb_str_make(text, size));
}

/* The proxy writes behind what came, or a line of its own. */
static void ask(int32_t which, const pb_header *headers, uint32_t count)
{
    struct range trusted = {0};
    pb_request request = {.size = sizeof request,
                          .header_count = count,
                          .headers = headers,
                          .remote = pb_lit("10.0.0.1"),
                          .loopback = 0};
    struct http http = {.ranges = &trusted, .range_count = 1, .proxy_header = which};

    must_hold(range_read(pb_lit("10.0.0.1/32"), &trusted));
    forwarded_apply(&http, &request);
    must_hold(pb_str_is(request.remote, "192.0.2.7") || pb_str_is(request.remote, "10.0.0.1"));
    must_hold(!request.loopback);
}

static void spoof(int32_t which, pb_str value)
{
    bool standard = which == PROXY_FORWARDED;
    pb_str name = standard ? pb_lit("Forwarded") : pb_lit("X-Forwarded-For");
    pb_str own = standard ? pb_lit("for=192.0.2.7") : pb_lit("192.0.2.7");
    pb_header joined = {name, pb_printf("%.*s, %.*s", PB_ARG(value), PB_ARG(own))};
    pb_header apart[] = {{name, value}, {name, own}};

    ask(which, &joined, 1);
    ask(which, apart, 2);
}

static void negotiate(pb_str value)
{
    pb_header headers[] = {{pb_lit("Accept"), value},
                           {pb_lit("Accept-Encoding"), value},
                           {pb_lit("If-None-Match"), value}};
    pb_request request = {.size = sizeof request, .header_count = 3, .headers = headers};
    struct exchange exchange = {.request = &request};
    bool plain;

    (void)client_takes(&exchange, pb_lit("application/json, text/event-stream"));
    must_hold(client_coding(&exchange, &plain) < CODING_COUNT);
    must_hold(check_codings(&exchange) == PB_OK || !plain);
    (void)client_has(&exchange, pb_lit("\"1-0123456789abcdef\""));
}

static void trace(pb_str value)
{
    char text[TRACE_CONTEXT_SIZE];

    if (!trace_context_valid(value))
        return;
    trace_context_write(value, NULL, "0123456789abcdef", text);
    must_hold(trace_context_valid(pb_str_make(text, sizeof text)));
    must_hold(memcmp(text + 3, value.data + 3, TRACE_ID_SIZE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_scope *scope = pb_scope_begin();
    pb_str value = as_value(data, size);

    spoof(PROXY_FORWARDED, value);
    spoof(PROXY_X_FORWARDED, value);
    negotiate(value);
    trace(value);
    pb_error_clear();
    pb_scope_end(scope);
    return 0;
}
