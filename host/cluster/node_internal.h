/* node_internal.h - what the files of a node share: its link to the supervisor and requests over
 * it. */
#ifndef HOST_CLUSTER_NODE_INTERNAL_H
#define HOST_CLUSTER_NODE_INTERNAL_H

#include "base/buf.h"
#include "cluster/message.h"
#include "cluster/node.h"
#include "runtime/task.h"

struct node {
    enum node_kind kind;
    struct node_hooks hooks;
    char *run_dir; /* NULL: alone */
    uint32_t slot, generation, cell;
    int board; /* the scoreboard's descriptor, for a new supervisor; -1: none */
    bool ready;
    bool welcome;     /* the supervisor has answered our HELLO: there is somebody to ask */
    bool was_welcome; /* ever */
    bool lost_bus;    /* something was published while nobody was there */
    struct channel channel;
    struct timer retry;
    unsigned tries;
    struct list_link requests; /* struct node_request, in the order of asking */
    uint64_t last_number;
    struct message names; /* as node_names told; body in names_text */
    struct buf names_text;
};
extern struct node node;

/* Sends when there is somebody; else it is lost. Does not park. */
void node_send(const struct message *message);

/* --- requests --------------------------------------------------------------------------------- */

struct node_answer {
    struct list_link link;
    size_t size;
    char text[];
};

/* Lies on the stack of the task that asks. */
struct node_request {
    struct list_link link;
    struct message ask; /* number is filled in */
    bool again;         /* asked once more of the next supervisor, instead of failing */
    bool many;          /* a question: each answer is kept until MESSAGE_ASK_END */
    struct waiter *waiter;
    struct list_link answers; /* of `many` */
    bool ended;
    pb_status status; /* of the answer; PB_UNAVAILABLE when the supervisor went away */
    int64_t a, b;
    int fd; /* the caller's; -1 */
    char sentence[PB_SENTENCE_SIZE];
};

/* Asks and waits for the one answer. Parks. Its status, with its sentence as the error. */
pb_status node_request(struct node_request *request);

void node_request_begin(struct node_request *request); /* for `many`: sends only */
void node_request_end(struct node_request *request);   /* not waiting any more */

void node_requests_answer(struct message *message);
void node_requests_resend(void); /* to a new supervisor */
void node_requests_fail(void);   /* the supervisor is away */

/* --- what each file does when … --------------------------------------------------------------- */

/* … a message comes. */
void node_bus_message(const struct message *message);
void node_lease_message(const struct message *message);
void node_question_message(const struct message *message);

/* … a new supervisor wants to know what we hold. */
void node_bus_announce(void);
void node_lease_announce(void);
void node_shared_announce(void);
void node_listen_announce(void);
void node_listen_forget(void);

/* All own subscriptions: something may have been lost. */
void node_bus_gap(void);

#endif
