/* client_exchange.h - one request as the task sees it: struct pb_http, whatever engine carries it.
 *
 * The engine's side (on the loop) fills in header, body, end or failure; the task's side waits for
 * them. Body bytes are copied once, into a buffer that the task then borrows; an exchange that waits
 * holds no body buffer.
 */
#ifndef HOST_NET_CLIENT_EXCHANGE_H
#define HOST_NET_CLIENT_EXCHANGE_H

#include "base/buf.h"
#include "runtime/task.h"
#include <patchbay/http.h>

enum {
    EXCHANGE_UNREAD = 64 << 10,       /* unread body above which the connection is paused */
    EXCHANGE_HEADER_BYTES = 64 << 10, /* of an answer, with its 1xx answers and trailers */
    EXCHANGE_HEADERS = 256
};

/* What the engine does for an exchange; called from the task's side. */
struct exchange_ops {
    void (*resume)(struct pb_http *http); /* there is room again after exchange_body said pause */
    bool (*sending)(struct pb_http *http); /* did the request move since it was asked last? */
    void (*abort)(struct pb_http *http);   /* give up: close the connection at once */
    void (*close)(struct pb_http *http);   /* pb_http_close: keep the connection or close it */
};

struct pb_http {
    const struct exchange_ops *ops;
    const char *host;       /* "host:port" for sentences; lives as long as this */
    struct waiter *waiter;  /* the task, while it waits */
    pb_duration first_byte, between_bytes;
    int64_t max_body, received;
    struct buf headers;     /* name NUL value NUL … */
    char *body;             /* came, not yet read */
    size_t body_size, body_capacity;
    char *lent;             /* what the last read handed out */
    char *sentence;         /* of the failure, from malloc */
    pb_status failed;
    int32_t status;
    uint32_t header_count;
    bool header_done, complete, paused;
};

/* The limits of a spec, with the host's where it says 0. */
void exchange_init(struct pb_http *http, const struct exchange_ops *ops, const char *host);
void exchange_limits(struct pb_http *http, const pb_http_spec *spec);
void exchange_clear(struct pb_http *http); /* ready for the next answer on the same connection */
void exchange_fini(struct pb_http *http);

/* --- the engine's side: on the loop, none parks ------------------------------------------------ */

/* Pieces of a header as they come: name…, then '\0', value…, then '\0'. */
bool exchange_header_piece(struct pb_http *http, pb_str piece);

/* The header is complete: checks what cannot be handed on. False: failed. */
bool exchange_header_done(struct pb_http *http);

/* Bytes of the body; `more`: how many at most are still to come from the same read. False: failed.
 * Afterwards http->paused tells the engine to stop reading. */
bool exchange_body(struct pb_http *http, pb_str bytes, size_t more);

void exchange_complete(struct pb_http *http);

/* Remembers the first failure; it comes after what is unread. Sentences begin with the host. */
PB_PRINTF(3, 4)
void exchange_fail(struct pb_http *http, pb_status status, const char *format, ...);

/* Wakes the task that waits, if any. */
void exchange_wake(struct pb_http *http);

/* --- the task's side --------------------------------------------------------------------------- */

/* Parks until woken. PB_TIMEOUT when `limit` passed (error not set), or as task_wait; *passed tells
 * which of the two. */
pb_status exchange_wait(struct pb_http *http, pb_duration limit, bool *passed);

/* Parks until the header or a failure is there. */
pb_status exchange_wait_header(struct pb_http *http);

pb_str exchange_header(const struct pb_http *http, pb_str name);
pb_status exchange_read(struct pb_http *http, pb_str *out);

#endif
