/* engine_curl.c - patchbay-curl.so: transfers by libcurl's multi interface. See client_curl_engine.h.
 *
 * Environment variables for proxies are ignored, redirects are the host's, only http and https.
 */
#include "net/client_curl_engine.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { KEPT_CONNECTIONS = 64 };

struct curl_transfer {
    CURL *easy;
    struct curl_slist *headers;
    void *arg;
    bool public_only, refused, header_done, begun;
    char sentence[CURL_ERROR_SIZE];
};

static struct curl_host host;
static CURLM *multi;

/* --- libcurl's callbacks ---------------------------------------------------------------------- */


static size_t on_header(char *data, size_t one, size_t size, void *arg)
{
    struct curl_transfer *transfer = arg;
    pb_str line = pb_str_trim(pb_str_make(data, size * one));
    size_t colon = pb_str_find(line, ':');
    bool good = true;
    long status = 0;

    if (transfer->header_done) /* trailers */
        return size * one;
    if (line.size == 0) {
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status < 200)
            return size * one;
        transfer->header_done = true;
        good = host.events.header_done(transfer->arg, (int32_t)status);
    } else if (pb_str_starts(line, pb_lit("HTTP/"))) {
        transfer->begun = false; /* the first, or the one behind a 1xx */
    } else if (colon < line.size) {
        good = host.events.header(transfer->arg, pb_str_slice(line, 0, colon),
                                  pb_str_trim(pb_str_slice(line, colon + 1, line.size)), !transfer->begun);
        transfer->begun = true;
    }
    return good ? size * one : 0;
}

static size_t on_body(char *data, size_t one, size_t size, void *arg)
{
    struct curl_transfer *transfer = arg;

    switch (host.events.body(transfer->arg, pb_str_make(data, size * one))) {
    case CURL_TAKEN:
        return size * one;
    case CURL_LATER:
        return CURL_WRITEFUNC_PAUSE;
    default:
        return 0;
    }
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct curl_transfer *transfer = arg;

    (void)purpose;
    if (transfer->public_only && !host.is_public(&address->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    int events = 0;

    (void)easy;
    (void)arg;
    (void)socket_arg;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= 1;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= 2;
    host.watch(fd, events);
    return 0;
}

static int on_timer(CURLM *same, long ms, void *arg)
{
    (void)same;
    (void)arg;
    host.timer(ms);
    return 0;
}

/* --- ends ------------------------------------------------------------------------------------- */

static pb_status status_of(const struct curl_transfer *transfer, CURLcode code)
{
    if (transfer->refused)
        return PB_FORBIDDEN;
    switch (code) {
    case CURLE_OK:
        return PB_OK;
    case CURLE_OPERATION_TIMEDOUT:
        return PB_TIMEOUT;
    case CURLE_OUT_OF_MEMORY:
        return PB_NO_MEMORY;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return PB_UNAVAILABLE;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return transfer->header_done ? PB_BAD_UPSTREAM : PB_UNAVAILABLE;
    default:
        return PB_BAD_UPSTREAM;
    }
}

static void report_done(void)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(multi, &left))) {
        char *transfer_arg = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer_arg);
        struct curl_transfer *transfer = (struct curl_transfer *)(void *)transfer_arg;
        const char *sentence = transfer->sentence[0] ? transfer->sentence : curl_easy_strerror(code);
        host.events.done(transfer->arg, status_of(transfer, code), sentence);
    }
}

static void ready(int fd, int events)
{
    int running, mask = (events & 1 ? CURL_CSELECT_IN : 0) | (events & 2 ? CURL_CSELECT_OUT : 0);

    curl_multi_socket_action(multi, fd, events & 4 ? mask | CURL_CSELECT_ERR : mask, &running);
    report_done();
}

static void fired(void)
{
    int running;

    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    report_done();
}

/* --- transfers -------------------------------------------------------------------------------- */

static void end(struct curl_transfer *transfer)
{
    if (transfer->easy) {
        curl_multi_remove_handle(multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    free(transfer);
}

static bool add_header(struct curl_transfer *transfer, const char *line)
{
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);

    if (longer)
        transfer->headers = longer;
    return longer != NULL;
}

/* The caller's, without those that libcurl would add by itself. */
static bool set_headers(struct curl_transfer *transfer, const struct curl_request *request)
{
    bool typed = false;

    for (const char *const *line = request->headers; *line; line++) {
        typed = typed || pb_str_same(pb_str_slice(pb_str_of(*line), 0, 12), pb_lit("content-type"));
        if (!add_header(transfer, *line))
            return false;
    }
    if (!typed && !add_header(transfer, "Content-Type:"))
        return false;
    return add_header(transfer, "Expect:") &&
           curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static bool set_method(CURL *easy, const struct curl_request *request)
{
    if (pb_str_is(pb_str_of("HEAD"), request->method))
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L) == CURLE_OK;
    bool body = request->body.size || strcmp(request->method, "POST") == 0 ||
                strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
    if (body &&
        (curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size) ||
         curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body.size ? request->body.data : "")))
        return false;
    return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static bool set_up(struct curl_transfer *transfer, const struct curl_request *request)
{
    CURL *easy = transfer->easy;
    CURLcode bad = 0;

    bad |= curl_easy_setopt(easy, CURLOPT_URL, request->url);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->sentence);
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, request->proxy ? request->proxy : "");
    bad |= curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
    bad |= curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_ms);
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, request->agent);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    if (request->public_only) /* a kept connection may lead elsewhere */
        bad |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (request->ca_file) {
        bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
        bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    return !bad && set_method(easy, request) && set_headers(transfer, request);
}

static struct curl_transfer *begin(const struct curl_request *request)
{
    struct curl_transfer *transfer = calloc(1, sizeof *transfer);

    if (!transfer)
        return NULL;
    transfer->arg = request->arg;
    transfer->public_only = request->public_only;
    transfer->easy = curl_easy_init();
    if (!transfer->easy || !set_up(transfer, request) ||
        curl_multi_add_handle(multi, transfer->easy) != CURLM_OK) {
        end(transfer);
        return NULL;
    }
    return transfer;
}

static void resume(struct curl_transfer *transfer)
{
    curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

static uint64_t sent(struct curl_transfer *transfer)
{
    curl_off_t size = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &size);
    return (uint64_t)size;
}

static void stop(void)
{
    if (multi)
        curl_multi_cleanup(multi);
    multi = NULL;
    curl_global_cleanup();
}

static bool start(const struct curl_host *wanted)
{
    host = *wanted;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    multi = curl_multi_init();
    if (!multi)
        return false;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
    return true;
}

extern const struct curl_engine patchbay_curl_engine;
__attribute__((visibility("default"))) const struct curl_engine patchbay_curl_engine = {
    .version = CURL_ENGINE_VERSION,
    .size = sizeof(struct curl_engine),
    .start = start,
    .begin = begin,
    .resume = resume,
    .sent = sent,
    .end = end,
    .ready = ready,
    .fired = fired,
    .stop = stop,
};
