/* server_internal.h - the server's structs: a listener has connections, a connection reads at most
 * one request at a time, a request has a task.
 *
 * A request and its connection know each other until the answer has ended or the client is gone;
 * after that the handler may still run, on its own.
 */
#ifndef HOST_NET_SERVER_INTERNAL_H
#define HOST_NET_SERVER_INTERNAL_H

#include "base/buf.h"
#include "base/list.h"
#include "net/conn.h"
#include "net/server.h"
#include "net/server_head.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include <netinet/in.h>

struct server_request;

struct pb_listener {
    struct list_link link; /* in all listeners */
    struct list_link connections;
    size_t connection_count; /* until each is closed */
    size_t request_count;    /* until each handler returned */
    pb_listen_spec spec;     /* with the defaults filled in; its strings are gone */
    struct tls_pair *tls; /* NULL: plain */
    uv_poll_t poll;
    int fd; /* -1: no longer accepting */
    int port;
    void *owner;        /* the instance that listens, or NULL */
    uint32_t number;    /* its number, for the scoreboard */
    unsigned late;      /* how many to accept after the next look away */
    struct timer again; /* accepting after that, or after descriptors ran out */
    bool draining; /* accepts no more; answers say "Connection: close" */
    bool ending;   /* idle connections are closed too */
    struct waiter *closer; /* who waits in listener_close */
    bool local; /* a Unix socket: its peers have no address */
    char url[192];
};

enum connection_phase {
    PHASE_TLS,     /* shaking hands */
    PHASE_IDLE,    /* nothing of the next request has come */
    PHASE_HEAD,    /* a part of its head has */
    PHASE_REQUEST, /* `request` is being read, handled or answered */
    PHASE_FINISH,  /* the last answer is on its way; closed when it is out */
    PHASE_LINGER,  /* the same, but more of the request may come: it is read and dropped for a while
                    */
};

struct server_connection {
    struct conn conn;
    struct list_link link;
    pb_listener *listener;
    struct server_request *request;
    struct timer timer; /* for the phase: TLS, head, body, keep-alive, linger */
    struct timer stall; /* while the kernel takes no more */
    struct timer watch; /* while reading is paused */
    uint64_t stalled_at;
    struct loop_work next; /* goes on with what is kept, or closes */
    struct buf kept;       /* a part of a head, or requests behind the running one */
    size_t kept_from, scanned;
    struct in6_addr address; /* IPv4 as ::ffff:… */
    uint8_t phase;
    bool closed;
    char remote[INET6_ADDRSTRLEN];
};

enum answer { ANSWER_NONE, ANSWER_BEGUN, ANSWER_ENDED };

/* How a request's body is wanted. Until the handler says so, one longer than max_body waits. */
enum upload { UPLOAD_OPEN, UPLOAD_WHOLE, UPLOAD_PIECES };

/* Somebody who waits for a request's body or for room to write; on the waiting task's stack. */
struct request_waiter {
    struct list_link link;
    struct waiter waiter;
};

struct server_request {
    pb_request pub;
    pb_str caller; /* the span of the client's traceparent, or absent */
    struct server_connection *connection; /* NULL: answered, or the client is gone */
    pb_listener *listener;
    pb_task *task;
    struct body_reader body;
    struct list_link body_waiters, write_waiters;
    enum upload upload;
    bool held;               /* reading is paused until more of the body is asked for */
    char *piece;             /* that pb_request_read gave last */
    pb_duration body_waited; /* for pieces, in all */
    struct timer heartbeat; /* and overdue, before the answer is begun */
    pb_duration beat_every, last_write;
    pb_str beat;
    void (*overdue)(void *arg);    /* pb_respond_overdue, or NULL */
    void *overdue_arg;
    struct waiter *overdue_waiter; /* who waits until it has returned */
    bool overdue_runs;
    const char *gone; /* why there is no connection any more */
    int status;       /* of the answer */
    uint8_t answer;
    bool keep_alive, old, head, expects_continue, chunked, timed_out;
    bool torn; /* a piece of the answer is out by half: nothing may follow */
    int64_t owed; /* of an answer whose length was told: bytes to come; else -1 */
    pb_header headers[];
};

/* What becomes of a connection when an answer has ended. */
enum connection_then {
    THEN_NEXT,   /* the next request */
    THEN_CLOSE,  /* closed when everything is out */
    THEN_LINGER, /* the same, but the request has not all come */
};

/* server.c */
void connection_accept(pb_listener *listener, int fd, const struct in6_addr *address);
void connection_refuse(struct server_connection *connection, int status, const char *sentence);
void connection_answered(struct server_connection *connection, enum connection_then then);
void connection_reset(struct server_connection *connection);
void connection_close(struct server_connection *connection, const char *sentence);
void connection_drain(struct server_connection *connection);
/* Stops reading, and looks now and then whether the client is still there; and goes on. */
void connection_hold(struct server_connection *connection);
void connection_release(struct server_connection *connection);
/* A body's time-out, from now. */
void connection_await_body(struct server_connection *connection, pb_duration limit);

/* server_request.c. A new id of a request: hex digits, no NUL behind them. */
enum { REQUEST_ID_SIZE = 16 };
void request_id_new(char out[REQUEST_ID_SIZE]);
/* request_begin returns how much of `rest` was its body. */
size_t request_begin(struct server_connection *connection, const struct request_head *head,
                     pb_str raw, pb_str rest);
size_t request_feed(struct server_request *request, const char *data, size_t size);
void request_body_late(struct server_request *request);
bool request_waits_for_body(const struct server_request *request);
/* Sends "100 Continue" where the client waits for it. */
void request_continue(struct server_request *request);
pb_status request_wait_body(struct server_request *request);
/* What failed in reading its body; `status` is that of waiting. */
pb_status request_body_failure(struct server_request *request, pb_status status);
void request_detach(struct server_request *request, const char *sentence);

/* server_upload.c */
void upload_fed(struct server_request *request); /* after more of the body has come */

/* server_respond.c */
void respond_drained(struct server_request *request);
void respond_break_off(struct server_request *request);
void respond_overdue_end(struct server_request *request); /* takes it back; parks while it runs */

/* server_problem.c. A refusal is a whole answer with "Connection: close", at most PROBLEM_SIZE. */
enum { PROBLEM_SIZE = 1024 };
size_t problem_refusal(int status, const char *sentence, char id[REQUEST_ID_SIZE],
                       char out[PROBLEM_SIZE]);
pb_status problem_respond(pb_request *request, int status, const pb_error *error);
const char *problem_phrase(int status);
pb_str problem_date(void); /* "Date: …\r\n" */

/* listener.c; host_listen is in listener_open.c */
extern struct list_link listeners;
void listener_metrics(void);
void listener_begin(pb_listener *listener); /* accepts from now on */
bool listener_full(pb_listener *listener, const struct in6_addr *address);
void listener_count(pb_listener *listener, const struct in6_addr *address, int by);
void listener_check_empty(pb_listener *listener);
void listener_note_answer(int status);

#endif
