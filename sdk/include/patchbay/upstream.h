/* upstream.h - for plugins that ask a model's service over HTTP: its options, its headers, and what its
 * failures mean.
 *
 *     struct main { pb_upstream upstream; … };
 *     PB_UPSTREAM_OPTIONS(struct main, upstream, "https://api.example.com/v1", "/ask"),
 *     status = pb_http_open(&spec, &http);
 *     if (pb_http_status(http) != 200)
 *         status = pb_upstream_fail(&main->upstream, code, wait, pb_upstream_sentence(…));
 *
 * Sentences may reach a client. The service's own words are quoted only where they concern the client's
 * request, and never when the key shows up in them.
 */
#ifndef PATCHBAY_UPSTREAM_H
#define PATCHBAY_UPSTREAM_H

#include <patchbay/http.h>
#include <patchbay/json.h>
#include <patchbay/log.h>
#include <patchbay/plugin.h>
#include <patchbay/task.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct pb_upstream_timeouts {
    pb_duration connect;
    pb_duration first_token;
    pb_duration between_tokens;
    pb_duration answer;
} pb_upstream_timeouts;

/* What the options fill, and the key without the white space around it (pb_upstream_prepare). */
typedef struct pb_upstream {
    pb_str base_url;
    pb_secret api_key;
    pb_str model;
    pb_map headers; /* of pb_secret: such headers carry keys more often than not */
    pb_str ca_file;
    pb_secret proxy;
    int64_t max_body;
    int64_t max_event;
    pb_upstream_timeouts timeouts;
    pb_str key;
} pb_upstream;

/* `table` of timeouts: static const pb_field timeouts[] = {PB_UPSTREAM_TIMEOUTS, PB_END}; */
#define PB_UPSTREAM_TIMEOUTS                                                                       \
    PB_DURATION(pb_upstream_timeouts, connect, .def = "5s", .min = 0.001, .max = 600,              \
                .help = "To connect, and again for TLS."),                                         \
        PB_DURATION(pb_upstream_timeouts, first_token, .def = "60s", .min = 0.001, .max = 3600,    \
                    .help = "From the request to the first token of a stream."),                   \
        PB_DURATION(pb_upstream_timeouts, between_tokens, .def = "60s", .min = 0.001, .max = 3600, \
                    .help = "Silence in the middle of an answer."),                                \
        PB_DURATION(pb_upstream_timeouts, answer, .def = "600s", .min = 0.001, .max = 86400,       \
                    .help = "From the request to a whole answer, when nobody reads along.")

/* Where and as whom to ask. */
#define PB_UPSTREAM_SERVICE(owner, member, address, added)                                         \
    PB_STR(owner, member.base_url, .name = "base_url", .def = address, .pattern = "https?://.+",   \
           .max_length = 2048, .help = "Where the API is; " added " is added."),                   \
        PB_SECRET(owner, member.api_key, .name = "api_key",                                        \
                  .help = "Sent in a header; never shown."),                                       \
        PB_STR(owner, member.model, .name = "model", .required = 1, .max_length = 256,             \
               .help = "The model's name at that service."),                                       \
        PB_MAP(owner, member.headers, PB_KIND_SECRET, .name = "headers", .max_length = 32,         \
               .help = "More headers; shown masked, because they often carry keys."),              \
        PB_PATH(owner, member.ca_file, .name = "ca_file",                                          \
                .help = "PEM of authorities to trust instead of the system's."),                   \
        PB_SECRET(owner, member.proxy, .name = "proxy", .pattern = "https?://.+",                  \
                  .help = "http://host:port; shown masked, because it may hold a password."),      \
        PB_SIZE(owner, member.max_body, .name = "max_body", .def = "64MiB", .min = 1024,           \
                .help = "Longest answer.")

/* Those and what an llm has besides. */
#define PB_UPSTREAM_OPTIONS(owner, member, address, added, table)                                  \
    PB_UPSTREAM_SERVICE(owner, member, address, added),                                            \
        PB_SIZE(owner, member.max_event, .name = "max_event", .def = "1MiB", .min = 1024,          \
                .help = "Longest event of a stream."),                                             \
        PB_STRUCT(owner, member.timeouts, pb_upstream_timeouts, table, .name = "timeouts",         \
                  .help = "How long to wait for the service.")

/* --- options ---------------------------------------------------------------------------------- */

static inline bool pb_upstream_one_line(pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static inline bool pb_upstream_is_token(pb_str name)
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
static inline bool pb_upstream_has_user(pb_str url)
{
    pb_str rest = pb_str_slice(url, pb_str_starts(url, pb_lit("https://")) ? 8 : 7, url.size);
    pb_str host = pb_str_slice(rest, 0, pb_str_find(rest, '/'));

    return pb_str_find(host, '@') < host.size;
}

/* What the table cannot say. */
static inline void pb_upstream_check(const pb_upstream *upstream, pb_diagnostics *diagnostics)
{
    if (pb_upstream_has_user(upstream->base_url))
        pb_problem(diagnostics, "base_url",
                   "must not have a user name or password; use `api_key` or `headers`");
    if (!pb_upstream_one_line(pb_str_trim(upstream->api_key.value)))
        pb_problem(diagnostics, "api_key", "holds a line break or a control character");
    for (size_t i = 0; i < upstream->headers.count; i++) {
        char field[128];
        pb_str name = upstream->headers.keys[i];
        (void)snprintf(field, sizeof field, "headers.%.*s", PB_ARG(name));
        if (!pb_upstream_is_token(name))
            pb_problem(diagnostics, field, "is not the name of a header");
        if (!pb_upstream_one_line(((const pb_secret *)upstream->headers.items)[i].value))
            pb_problem(diagnostics, field, "holds a control character");
    }
}

/* Once, in create. */
static inline void pb_upstream_prepare(pb_upstream *upstream)
{
    while (upstream->base_url.size && upstream->base_url.data[upstream->base_url.size - 1] == '/')
        upstream->base_url.size--;
    upstream->key = pb_str_trim(upstream->api_key.value);
}

/* The headers of each request: `own` without those that have no value, then the configured ones. *count
 * of them in the running scope; NULL when memory is short. */
static inline pb_header *pb_upstream_headers(const pb_upstream *upstream, const pb_header *own,
                                             size_t own_count, uint32_t *count)
{
    pb_header *headers = PB_NEW_ARRAY(pb_header, own_count + upstream->headers.count + 1);
    uint32_t at = 0;

    for (size_t i = 0; headers && i < own_count; i++)
        if (own[i].value.size)
            headers[at++] = own[i];
    for (size_t i = 0; headers && i < upstream->headers.count; i++) {
        headers[at].name = upstream->headers.keys[i];
        headers[at++].value = ((const pb_secret *)upstream->headers.items)[i].value;
    }
    *count = at;
    return headers;
}

/* A POST; the caller adds body and headers. `stream`: the answer is read as it comes. */
static inline pb_http_spec pb_upstream_post(const pb_upstream *upstream, pb_str url, bool stream)
{
    pb_http_spec spec = pb_http_spec_make("POST", url);

    spec.max_body = upstream->max_body;
    spec.proxy = upstream->proxy.value;
    spec.ca_file = upstream->ca_file;
    spec.connect = upstream->timeouts.connect;
    spec.first_byte = stream ? upstream->timeouts.first_token : upstream->timeouts.answer;
    spec.between_bytes = upstream->timeouts.between_tokens;
    return spec;
}

/* --- failures --------------------------------------------------------------------------------- */

/* "Fri, 31 Dec 2100 23:59:59 GMT" as seconds since 1970, or 0. */
static inline int64_t pb_upstream_date(const char *text)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int day, year, hour, minute, second, length = 0;
    char name[4] = {0};
    const char *month;

    if (sscanf(text, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &day, name, &year, &hour, &minute,
               &second, &length) != 6 ||
        !length || text[length] || !(month = strstr(months, name)) || (month - months) % 3)
        return 0;
    /* Days of the proleptic Gregorian calendar, with years that begin in March. */
    int64_t number = (month - months) / 3 + 1, y = year - (number <= 2);
    int64_t of_year = (153 * (number + (number > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/* Seconds as a duration of at most a day; 0 for what is none. */
static inline pb_duration pb_upstream_wait(double seconds)
{
    if (!(seconds > 0))
        return 0;
    return (pb_duration)((seconds > 86400 ? 86400 : seconds) * 1e9);
}

/* The number that `text` is, or 0. */
static inline double pb_upstream_number(pb_str text)
{
    char copy[64], *end;

    if (!text.size || text.size >= sizeof copy)
        return 0;
    memcpy(copy, text.data, text.size);
    copy[text.size] = 0;
    double number = strtod(copy, &end);
    return *end ? 0 : number;
}

/* How long the service wants us to wait (Retry-After, retry-after-ms); 0: it does not say. */
static inline pb_duration pb_upstream_retry_after(pb_http *http)
{
    pb_str after = pb_http_header(http, pb_lit("retry-after"));
    double wait = pb_upstream_number(pb_http_header(http, pb_lit("retry-after-ms"))) / 1e3;
    char text[64];

    if (wait == 0)
        wait = pb_upstream_number(after);
    if (wait == 0 && after.size && after.size < sizeof text) {
        memcpy(text, after.data, after.size);
        text[after.size] = 0;
        int64_t date = pb_upstream_date(text);
        wait = date ? (double)date - (double)pb_now() / 1e3 : 0;
    }
    return pb_upstream_wait(wait);
}

/* What of the service's own words may be quoted. */
static inline pb_str pb_upstream_sentence(const pb_upstream *upstream, pb_str words)
{
    enum { QUOTED = 300 };
    pb_str key = upstream->key;

    for (size_t i = 0; key.size && i + key.size <= words.size; i++)
        if (memcmp(words.data + i, key.data, key.size) == 0)
            return pb_lit("(hidden: it holds the key)");
    if (words.size <= QUOTED)
        return words;
    words.size = QUOTED;
    while (words.size && ((unsigned char)words.data[words.size] & 0xC0) == 0x80)
        words.size--; /* not in the middle of a character */
    return words;
}

/* At most 64 KiB of an error's body as JSON, or NULL: it is best effort. Parks. */
static inline const pb_json *pb_upstream_error_body(pb_http *http)
{
    const size_t most = 64 * 1024;
    const pb_json *json = NULL;
    pb_buf buf;
    pb_str piece;

    memset(&buf, 0, sizeof buf);
    while (buf.size < most && pb_http_read(http, &piece) == PB_OK && piece.size)
        pb_buf_add(&buf, pb_str_slice(piece, 0, most - buf.size));
    if (buf.size == 0 || pb_json_parse(pb_buf_str(&buf), &json) != PB_OK)
        return NULL;
    return json;
}

/* Fails as the HTTP status `code` of a service means it for a turn; `wait` where it makes sense. */
static inline pb_status pb_upstream_fail(const pb_upstream *upstream, int64_t code,
                                         pb_duration wait, pb_str sentence)
{
    const char *rejects = "the model's service rejects the request";

    switch (code) {
    case 400:
    case 413:
    case 415:
    case 422:
        return pb_fail(code == 413 ? PB_TOO_LARGE : PB_INVALID, "%s%s%.*s", rejects,
                       sentence.size ? ": " : "", PB_ARG(sentence));
    case 401:
    case 403:
        return pb_fail(PB_UNAVAILABLE,
                       "the model's service does not accept the key that is configured");
    case 402:
        return pb_fail(PB_UNAVAILABLE, "the account at the model's service is exhausted");
    case 404:
        return pb_fail(PB_BAD_UPSTREAM, "the model's service does not know the model '%.*s'",
                       PB_ARG(pb_str_slice(upstream->model, 0, 128)));
    case 408:
    case 504:
        return pb_fail_retry(PB_TIMEOUT, wait, "the model's service took too long");
    case 429:
        return pb_fail_retry(PB_RATE_LIMITED, wait,
                             "the model's service takes no more requests now");
    case 409:
    case 503:
    case 529:
        return pb_fail_retry(PB_UNAVAILABLE, wait, "the model's service is not available now");
    default:
        return pb_fail_retry(PB_BAD_UPSTREAM, wait, "the model's service failed with status %lld",
                             (long long)code);
    }
}

/* A status of reading the body, with the sentence that fits a model. */
static inline pb_status pb_upstream_fail_read(const pb_upstream *upstream, pb_status status)
{
    if (status == PB_TOO_LARGE)
        return pb_fail(PB_BAD_UPSTREAM, "the model's answer is longer than %lld bytes",
                       (long long)upstream->max_body);
    return status;
}

/* --- the first token -------------------------------------------------------------------------- */

/* A stream has to begin within timeouts.first_token; that deadline ends with its first token:
 *     pb_first_token first = pb_first_token_begin(upstream);
 *     … at the first token:   pb_first_token_came(&first);
 *     status = pb_first_token_end(&first, upstream, status); */
typedef struct pb_first_token {
    int64_t deadline;
    pb_duration begun;
    bool came;
} pb_first_token;

static inline pb_first_token pb_first_token_begin(const pb_upstream *upstream)
{
    pb_first_token first;

    first.begun = pb_monotonic();
    first.deadline = pb_deadline_begin(upstream->timeouts.first_token);
    first.came = false;
    return first;
}

static inline void pb_first_token_came(pb_first_token *first)
{
    if (!first->came)
        pb_deadline_end(first->deadline);
    first->came = true;
}

static inline pb_status pb_first_token_end(pb_first_token *first, const pb_upstream *upstream,
                                           pb_status status)
{
    pb_duration limit = upstream->timeouts.first_token;
    bool late = status == PB_TIMEOUT && !first->came && pb_monotonic() - first->begun >= limit;

    pb_first_token_came(first);
    if (late)
        return pb_fail(PB_TIMEOUT, "the model '%.*s' said nothing for %.3g s",
                       PB_ARG(upstream->model), (double)limit / (double)PB_SECOND);
    return status;
}

#endif
