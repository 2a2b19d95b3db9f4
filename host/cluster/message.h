/* message.h - what workers and supervisor say to each other: messages over AF_UNIX SOCK_SEQPACKET.
 *
 * A message is a head of fixed size, a name and a body, and at most one descriptor. The head
 * carries the protocol's version; whoever speaks another one, or garbage, is cut.
 */
#ifndef HOST_CLUSTER_MESSAGE_H
#define HOST_CLUSTER_MESSAGE_H

#include "base/list.h"
#include <patchbay/types.h>
#include <uv.h>

enum {
    MESSAGE_VERSION = 1,
    MESSAGE_TEXT = (128 << 10) + 512, /* name and body at most */
};

enum message_kind {
    MESSAGE_NONE,
    /* From a node. HELLO: a = hub_kind, name = node id, body = struct message_hello, descriptor =
     * the scoreboard of an orphan; of a command the body is its words. */
    MESSAGE_HELLO,
    MESSAGE_ANNOUNCED, /* an orphan has said all that it holds */
    MESSAGE_NAMES,     /* a = instances, b = pipelines, body = names, each with a NUL */
    MESSAGE_READY,
    MESSAGE_FAILED, /* body = sentence */
    MESSAGE_DRAINED,
    MESSAGE_SUBSCRIBE, /* name = topic */
    MESSAGE_UNSUBSCRIBE,
    MESSAGE_LEASE_TAKE, /* number, name, a = ttl; its answer's body = ns that it was kept waiting */
    MESSAGE_LEASE_RENEW,   /* number comes back, name, a = token */
    MESSAGE_LEASE_RELEASE, /* name, a = token */
    MESSAGE_LEASE_HELD,    /* an orphan's: name, a = token, b = ttl */
    MESSAGE_SHARED_OPEN,   /* number, name, a = bytes, b = version */
    MESSAGE_SHARED_CLOSE,  /* name, a, b */
    MESSAGE_SHARED_HELD,   /* an orphan's: name, a, b, descriptor */
    MESSAGE_LISTEN,        /* number, name = key, body = address, a = mode, b = group or -1 */
    MESSAGE_LISTENER_HELD, /* an orphan's: name, body, descriptor */
    MESSAGE_ASK_END,       /* number: the asker waits no longer */
    /* Both ways. */
    MESSAGE_BUS,    /* name = topic, body */
    MESSAGE_GAP,    /* bus messages were lost */
    MESSAGE_ASK,    /* number, name = topic, body */
    MESSAGE_ANSWER, /* number, a = status, body, b = token, descriptor: of any request */
    /* From the supervisor. */
    MESSAGE_WELCOME,     /* a = cell or -1, descriptor = scoreboard, when it is another */
    MESSAGE_LEASE_STATE, /* number, name, a = token, b = status */
    MESSAGE_ORDER,       /* a = hub_order */
    MESSAGE_REPLY,       /* a piece of a command's answer: body, descriptor */
    MESSAGE_REPLY_END,   /* a = exit code */
    MESSAGE_KINDS
};

struct message {
    uint16_t kind;
    uint64_t number; /* which request it belongs to */
    int64_t a, b;
    pb_str name, body;
    int fd; /* -1: none */
};

/* Of a worker's or guest's HELLO. */
struct message_hello {
    uint32_t slot, generation;
    uint32_t cell;  /* of its scoreboard, when it sends one */
    uint32_t ready; /* it serves already */
};

/* One send; false with errno. Blocks if `fd` does. message->fd stays the caller's. */
bool message_send(int fd, const struct message *message);

enum message_result { MESSAGE_GOT, MESSAGE_AGAIN, MESSAGE_END, MESSAGE_BAD };

/* One receive. The text lies in a buffer of this process, until the next call; message->fd is the
 * caller's. MESSAGE_BAD: garbage or another version, or too many descriptors (they are closed). */
enum message_result message_receive(int fd, struct message *out);

/* --- a socket on the loop --------------------------------------------------------------------- */

struct channel {
    void (*message)(struct channel *channel, struct message *message); /* take fd by setting -1 */
    void (*closed)(struct channel *channel); /* by the other side or by channel_cut */
    int fd;                                  /* -1: not open */
    uv_poll_t *poll;
    struct list_link out; /* struct unsent */
    size_t queued;        /* bytes in it */
    bool lost_bus;        /* a GAP is due */
    bool cut;
};

/* Takes the descriptor and makes it non-blocking. The callbacks are set by the owner before.
 * PB_INTERNAL. */
pb_status channel_open(struct channel *channel, int fd);

/* Sends, or queues when the other side is slow. A bus message that finds no room is lost, and a GAP
 * follows; for want of room for any other the channel is cut. Not parking. */
void channel_send(struct channel *channel, const struct message *message);

/* `closed` will be called, soon; what still comes is dropped. */
void channel_cut(struct channel *channel, const char *why);

/* Hands out all that has come, now. */
void channel_drain(struct channel *channel);

/* Without a callback. May be called from the callbacks. Closing twice is fine. */
void channel_close(struct channel *channel);
static inline bool channel_is_open(const struct channel *channel)
{
    return channel->poll && !channel->cut;
}

/* What waits to be sent, oldest first, for hub_save: calls each(arg, message). */
void channel_unsent(struct channel *channel, void (*each)(void *arg, const struct message *message),
                    void *arg);

/* A pair of sockets for it, both close-on-exec, ends[0] non-blocking. false with errno. */
bool message_pair(int ends[2]);

#endif
