/* clamav.c - the classifier that asks clamd for viruses.
 *
 * A finding is a label with the signature's name, of the whole. A scan takes a helper thread while
 * clamd looks; the bytes are borrowed, not copied. */
#include "wire.h"

#include <patchbay/classifier.h>

struct clamav {
    pb_str socket, host;
    int64_t port, max_size;
    pb_duration timeout;
    int32_t oversize;
};

enum { OVERSIZE_REFUSE, OVERSIZE_PASS };

static const pb_field clamav_options[] = {
    PB_STR(struct clamav, socket, .def = "/run/clamav/clamd.ctl", .max_length = 107,
           .help = "The path of clamd's socket; \"\" when `host` is given."),
    PB_STR(struct clamav, host, .help = "Its host, where it listens on TCP; goes before `socket`."),
    PB_INT(struct clamav, port, .def = "3310", .min = 1, .max = 65535, .help = "Its TCP port."),
    PB_DURATION(struct clamav, timeout, .def = "60s", .min = 0.05, .max = 3600,
                .help = "The longest that a scan may take."),
    PB_SIZE(struct clamav, max_size, .def = "100MiB", .min = 1, .max = 4e9,
            .help = "What is larger is not sent; keep it at or below StreamMaxLength of clamd."),
    PB_ENUM(struct clamav, oversize, .def = "refuse", .values = PB_VALUES("refuse", "pass"),
            .help = "What becomes of what is too large to be scanned."),
    PB_END,
};

static void check(const void *self, pb_diagnostics *diagnostics)
{
    const struct clamav *clamav = self;

    if (!clamav->socket.size && !clamav->host.size)
        pb_problem(diagnostics, "", "give the path of clamd's 'socket', or its 'host'");
    if (clamav->socket.size && clamav->socket.data[0] != '/' && !clamav->host.size)
        pb_problem(diagnostics, "socket", "a path that begins with '/' is needed");
}

/* One conversation. The sentence of a failure names the place. */
static pb_status converse(const struct clamav *clamav, struct scan *scan)
{
    char port[8];
    struct resolve resolve = {.host = clamav->host.data, .port = port};
    pb_status status = PB_OK;

    scan->timeout = clamav->timeout;
    (void)snprintf(port, sizeof port, "%d", (int)clamav->port);
    if (!clamav->host.size) {
        scan->path = clamav->socket.data;
    } else if ((status = pb_offload(wire_resolve, &resolve)) != PB_OK) {
        return status == PB_UNAVAILABLE
                   ? pb_fail(status, "clamd's host '%.*s' is not known", PB_ARG(clamav->host))
                   : status;
    }
    scan->addresses = resolve.addresses;
    status = pb_offload(wire_scan, scan);
    if (resolve.addresses)
        freeaddrinfo(resolve.addresses);
    if (status == PB_OK || status == PB_CANCELLED || !scan->sentence[0])
        return status;
    return clamav->host.size
               ? pb_fail(status, "%s ('%.*s', port %s)", scan->sentence, PB_ARG(clamav->host), port)
               : pb_fail(status, "%s ('%.*s')", scan->sentence, PB_ARG(clamav->socket));
}

static pb_status label(pb_str name, pb_labels *out)
{
    pb_label *found = PB_NEW(pb_label);
    const pb_label **items = PB_NEW_ARRAY(const pb_label *, 1);

    if (!found || !items)
        return PB_NO_MEMORY;
    *found = (pb_label){
        .size = (uint32_t)sizeof *found, .name = pb_copy(name), .score = 1, .offset = -1};
    items[0] = found;
    out->items = items;
    out->count = 1;
    return found->name.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status too_large(const struct clamav *clamav)
{
    return clamav->oversize == OVERSIZE_PASS
               ? (pb_status)PB_OK
               : pb_fail(PB_TOO_LARGE, "it is too large to be scanned for viruses");
}

/* "stream: OK", "stream: NAME FOUND", "INSTREAM size limit exceeded. ERROR" */
static pb_status judge(const struct clamav *clamav, pb_str reply, pb_labels *out)
{
    pb_str words = pb_str_trim(reply);

    if (pb_str_starts(words, pb_lit("stream: ")))
        words = pb_str_slice(words, 8, words.size);
    if (pb_str_is(words, "OK"))
        return PB_OK;
    if (pb_str_ends(words, pb_lit(" FOUND")))
        return label(pb_str_slice(words, 0, words.size - 6), out);
    if (pb_str_contains(words, pb_lit("size limit exceeded")))
        return too_large(clamav);
    pb_detail("clamd said: %.*s", PB_ARG(words));
    return pb_fail(PB_BAD_UPSTREAM, "clamd could not scan it; its log says why");
}

static pb_status classify(void *self, const pb_classify_request *request, pb_labels *out)
{
    const struct clamav *clamav = self;
    struct scan scan = {.bytes = request->bytes};

    if (!request->bytes.size && request->text.size)
        scan.bytes = (pb_bytes){(const uint8_t *)request->text.data, request->text.size};
    if (!scan.bytes.size)
        return PB_OK;
    if (scan.bytes.size > (size_t)clamav->max_size)
        return too_large(clamav);
    pb_status status = converse(clamav, &scan);
    return status == PB_OK ? judge(clamav, pb_str_of(scan.reply), out) : status;
}

static pb_status health(void *self)
{
    struct scan scan = {.timeout = 0};
    pb_status status = converse(self, &scan);

    if (status == PB_OK && !pb_str_is(pb_str_trim(pb_str_of(scan.reply)), "PONG"))
        return pb_fail(PB_BAD_UPSTREAM, "what answers in clamd's place is not clamd");
    return status;
}

PB_PLUGIN("clamav", "0.1.0", "Apache-2.0", "Asks clamd whether something is a virus.",
          PB_CLASSIFIER("clamav", struct clamav, clamav_options, .check = check, .health = health,
                        .classify = classify));
