/* http - the transport that serves the native API and the dialects over HTTP.
 *
 * Here: options, the rule about open listeners, start and stop.
 */
#include "negotiate.h"

static const pb_field cors_fields[] = {
    PB_LIST(struct cors, origins, PB_KIND_STR, .max_length = 64,
            .help = "Origins of web pages that may call: https://app.example.com, or \"*\"."),
    PB_BOOL(struct cors, credentials,
            .help = "They may send cookies, and what browsers keep of passwords."),
    PB_DURATION(struct cors, max_age, .def = "10m", .max = 86400,
                .help = "How long a browser remembers what it may send."),
    PB_END,
};

static const pb_field tls_fields[] = {
    PB_PATH(struct tls, certificate, .required = 1, .help = "PEM file with the chain."),
    PB_PATH(struct tls, key, .required = 1, .help = "PEM file with the private key."),
    PB_DURATION(struct tls, hsts, .max = 63072000,
                .help = "Browsers use https alone for so long (Strict-Transport-Security); 0: not told."),
    PB_END,
};

static const pb_field socket_fields[] = {
    PB_STR(struct unix_socket, mode, .def = "0660", .pattern = "0?[0-7]{3}",
           .help = "Who may connect: the file's mode, octal."),
    PB_STR(struct unix_socket, group, .help = "The file's group; none: that of the process."),
    PB_END,
};

static const pb_field limits_fields[] = {
    PB_SIZE(struct limits, header, .def = "32KiB", .min = 1024, .max = 1048576,
            .help = "Request line and header."),
    PB_SIZE(struct limits, body, .def = "16MiB", .min = 1, .help = "Body of a request."),
    PB_SIZE(struct limits, upload, .name = "max_upload", .def = "100MiB", .min = 1,
            .help = "Body that is taken in piece by piece: files."),
    PB_SIZE(struct limits, reply, .def = "16MiB", .min = 1024,
            .help = "Reply that is gathered for an answer in one piece."),
    PB_INT(struct limits, connections, .def = "10000", .min = 1, .max = 1000000,
           .help = "Connections at once."),
    PB_INT(struct limits, connections_per_address, .min = 0, .max = 1000000,
           .help = "Connections at once from one address; 0: no limit of its own."),
    PB_DURATION(struct limits, header_timeout, .def = "10s", .min = 0.001, .max = 3600,
                .help = "From the first byte of a request to its header's end."),
    PB_DURATION(struct limits, body_timeout, .def = "30s", .min = 0.001, .max = 3600,
                .help = "From the header's end to the body's."),
    PB_DURATION(struct limits, write_timeout, .def = "60s", .min = 0.001, .max = 3600,
                .help = "A client that reads nothing."),
    PB_DURATION(struct limits, keepalive_timeout, .def = "75s", .min = 0.001, .max = 3600,
                .help = "An idle connection."),
    PB_DURATION(struct limits, heartbeat, .def = "15s", .min = 0.001, .max = 3600,
                .help = "A comment goes into a stream whenever it was silent for so long."),
    PB_END,
};

static const pb_field http_options[] = {
    PB_STR(struct http, listen, .def = "127.0.0.1:8080", .pattern = ".+:[0-9]{1,5}|unix:.+|systemd:.+",
           .help = "Address and port (0 takes a free one), unix:/path/to.sock, unix:@name, or "
                   "systemd:NAME for a socket of its .socket unit."),
    PB_STRUCT(struct http, socket, struct unix_socket, socket_fields,
              .help = "The file of a Unix socket."),
    PB_LIST(struct http, pipelines, PB_KIND_STR, .ref = "pipeline", .required = 1,
            .max_length = 1000,
            .help = "The pipelines that clients may ask; the first is the default."),
    PB_LIST(struct http, auth, PB_KIND_REF, .ref = "auth", .max_length = 16,
            .help = "Who is let in; asked in this order. None: everybody who can connect."),
    PB_LIST(struct http, embedders, PB_KIND_REF, .ref = "embedder", .max_length = 64,
            .help = "Embedders that clients may use, by their names, at POST /v1/embeddings."),
    PB_STRUCT(struct http, cors, struct cors, cors_fields, .help = "Calls from web pages."),
    PB_STRUCT(struct http, tls, struct tls, tls_fields, .help = "Serve https."),
    PB_BOOL(struct http, insecure,
            .help = "Open to other machines without `auth` or `tls`, and to any Host."),
    PB_LIST(struct http, trusted_proxies, PB_KIND_STR, .max_length = 64,
            .help = "Proxies that are believed whom they speak for: 10.0.0.0/8, 2001:db8::1, or unix."),
    PB_ENUM(struct http, proxy_header, .values = PB_VALUES("x-forwarded", "forwarded"),
            .def = "x-forwarded",
            .help = "The header that they write: X-Forwarded-For and -Proto, or Forwarded."),
    PB_STRUCT(struct http, limits, struct limits, limits_fields, .help = "Sizes and times."),
    PB_END,
};

/* Does an auth instance ask for anything? */
static bool has_auth(const struct http *http)
{
    for (size_t i = 0; i < http->auth.count; i++) {
        pb_instance *auth = PB_ITEM(http->auth, pb_instance *, i);
        if (auth && !pb_str_is(pb_instance_component(auth), "none"))
            return true;
    }
    return false;
}

static void check_origins(const struct http *http, pb_diagnostics *diagnostics)
{
    for (size_t i = 0; i < http->cors.origins.count; i++) {
        pb_str origin = PB_ITEM(http->cors.origins, pb_str, i);
        size_t scheme = pb_str_starts(origin, pb_lit("https://"))  ? 8
                        : pb_str_starts(origin, pb_lit("http://")) ? 7
                                                                   : 0;
        bool path = memchr(origin.data + scheme, '/', origin.size - scheme) != NULL;
        char field[64];

        (void)snprintf(field, sizeof field, "cors.origins[%zu]", i);
        if (!pb_str_is(origin, "*") && (!scheme || origin.size == scheme || path))
            pb_problem(diagnostics, field,
                       "must be an origin, as https://app.example.com, or \"*\"");
        if (pb_str_is(origin, "*") && http->cors.credentials)
            pb_problem(diagnostics, field, "\"*\" and `credentials` exclude each other; name origins");
    }
}

static void check_proxies(const struct http *http, pb_diagnostics *diagnostics)
{
    for (size_t i = 0; i < http->trusted_proxies.count; i++) {
        struct range range;
        char field[64];

        (void)snprintf(field, sizeof field, "trusted_proxies[%zu]", i);
        if (!range_read(PB_ITEM(http->trusted_proxies, pb_str, i), &range))
            pb_problem(diagnostics, field,
                       "must be an address or a range, as 10.0.0.0/8, or \"unix\"");
    }
}

static void http_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct http *http = self;

    if (!address_is_loopback(http->listen) && !http->insecure && !has_auth(http) &&
        !http->tls.certificate.size)
        pb_problem(
            diagnostics, "listen",
            "'%.*s' is open to other machines, but there is neither `auth` (other than none) "
            "nor `tls`; add one, listen on 127.0.0.1, or say `insecure: true`",
            PB_ARG(http->listen));
    if (http->pipelines.count == 0)
        pb_problem(diagnostics, "pipelines", "must name at least one pipeline");
    check_origins(http, diagnostics);
    check_proxies(http, diagnostics);
}

/* "0660", checked by its pattern. */
static uint32_t octal(pb_str digits)
{
    uint32_t mode = 0;

    for (size_t i = 0; i < digits.size; i++)
        mode = mode * 8 + (uint32_t)(digits.data[i] - '0');
    return mode;
}

/* Here and not in start: the own operations can be called in a process that does not listen. */
static pb_status http_create(void *self)
{
    struct http *http = self;

    http->started = pb_now();
    http->found = PB_NEW_ARRAY(pb_pipeline *, http->pipelines.count);
    if (!http->found)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < http->pipelines.count; i++) {
        pb_str name = PB_ITEM(http->pipelines, pb_str, i);
        http->found[i] = pb_pipeline_find(name);
        if (!http->found[i])
            return pb_fail(PB_NOT_FOUND, "there is no pipeline '%.*s'", PB_ARG(name));
    }
    return PB_OK;
}

/* What is the same in every answer. */
static pb_status prepare(struct http *http)
{
    size_t count = http->trusted_proxies.count;

    http->max_age = pb_printf("%lld", (long long)(http->cors.max_age / PB_SECOND));
    if (http->tls.hsts)
        http->hsts = pb_printf("max-age=%lld", (long long)(http->tls.hsts / PB_SECOND));
    http->ranges = PB_NEW_ARRAY(struct range, count + 1);
    if (!http->ranges || !http->max_age.data || (http->tls.hsts && !http->hsts.data))
        return PB_NO_MEMORY;
    for (; http->range_count < count; http->range_count++)
        (void)range_read(PB_ITEM(http->trusted_proxies, pb_str, http->range_count),
                         &http->ranges[http->range_count]); /* checked */
    return PB_OK;
}

static pb_status http_start(void *self)
{
    struct http *http = self;
    pb_listen_spec spec;

    if (prepare(http) != PB_OK)
        return PB_NO_MEMORY;
    memset(&spec, 0, sizeof spec);
    spec.size = (uint32_t)sizeof spec;
    spec.address = http->listen;
    spec.mode = octal(http->socket.mode);
    spec.group = http->socket.group;
    spec.certificate = http->tls.certificate;
    spec.key = http->tls.key;
    spec.self = http;
    spec.handle = http_handle;
    spec.max_header = http->limits.header;
    spec.max_body = http->limits.body;
    spec.max_upload = http->limits.upload;
    spec.header_timeout = http->limits.header_timeout;
    spec.body_timeout = http->limits.body_timeout;
    spec.write_timeout = http->limits.write_timeout;
    spec.keepalive_timeout = http->limits.keepalive_timeout;
    spec.max_connections = http->limits.connections;
    spec.max_connections_per_address = http->limits.connections_per_address;
    return pb_listen(&spec, &http->listener);
}

static void http_stop(void *self)
{
    struct http *http = self;

    pb_listener_close(http->listener);
    http->listener = NULL;
}

PB_PLUGIN("http", "0.1.0", "Apache-2.0",
          "Serves turns over HTTP: the native API and OpenAI's dialect.",
          PB_TRANSPORT("http", struct http, http_options, .check = http_check, .create = http_create,
                       .start = http_start, .stop = http_stop, .operations = http_operations));
