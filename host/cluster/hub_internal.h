/* hub_internal.h - what the files of the hub share: its state, its peers, and who does what when.
 */
#ifndef HOST_CLUSTER_HUB_INTERNAL_H
#define HOST_CLUSTER_HUB_INTERNAL_H

#include "base/buf.h"
#include "base/map.h"
#include "cluster/hub.h"
#include "cluster/identity.h"
#include "cluster/listen_socket.h"
#include "cluster/message.h"
#include "runtime/loop.h"

enum { HUB_NAME = 128, HUB_NO_CELL = UINT32_MAX, HUB_HELD = 65536 };

/* A node with its socket. One that has not said hello is a stranger, in a list of its own. */
struct hub_peer {
    struct hub_node node; /* first */
    struct channel channel;
    char id[IDENTITY_SIZE]; /* empty: not known */
    bool stranger;          /* it has not said hello */
    bool back;   /* an orphan, or one of ours that was cut, until it has announced what it holds */
    bool known;  /* the hooks have heard of it */
    bool moved;  /* has to be told its cell */
    bool ending; /* hub_worker_ended */
    pb_duration since; /* of a stranger: came; of a worker without a socket: lost it */
    size_t instance_count, pipeline_count;
    struct buf names;        /* each with a NUL */
    struct list_link topics; /* struct subscriber */
    struct list_link wants;  /* struct want: listeners */
    struct list_link holds;  /* struct hold: regions */
    struct list_link owes;   /* struct owed: answers */
    size_t things;           /* in these lists: bounded */
};

struct hub {
    const char *run_dir;
    struct hub_hooks hooks;
    int lock, socket;
    uv_poll_t *accepting;
    bool deaf; /* out of descriptors: not accepting for a moment */
    int board_fd;
    struct scoreboard *board;
    uint32_t epoch, counter; /* of fencing tokens */
    struct list_link nodes, strangers;
    struct timer tick;
    pb_duration tick_due; /* when it should fire: later means that we were held up */
    bool waits;           /* for orphans … */
    pb_duration waits_until;
    struct list_link expected; /* … these */
    struct list_link held;     /* requests that wait with us */
};
extern struct hub hub;

static inline struct hub_peer *peer_of(const struct hub_node *node)
{
    return (struct hub_peer *)(uintptr_t)node;
}

/* The peer of a link in hub.nodes. */
static inline struct hub_peer *peer_at(struct list_link *link)
{
    return peer_of(list_entry(link, struct hub_node, link));
}

struct hub_peer *hub_peer_new(enum hub_kind kind);      /* in no list; NULL with the error set */
pb_status hub_peer_open(struct hub_peer *peer, int fd); /* takes fd */

/* What a peer has by its socket goes (leases, subscriptions, questions); or all, with its memory.
 */
void hub_peer_silent(struct hub_peer *peer);
void hub_peer_free(struct hub_peer *peer);

/* One message of a peer that has said hello. */
void hub_dispatch(struct hub_peer *peer, struct message *message);
void hub_welcome(struct hub_peer *peer, bool with_board);
void hub_reply(struct hub_peer *peer, uint64_t number, pb_status status, const char *sentence);

/* Looks after what time does to leases, orphans, strangers; armed while there are any. */
void hub_tick_arm(void);
pb_status hub_accept_start(void);
void hub_accept_stop(void);
void hub_accept_again(void);
void hub_hello(struct hub_peer *stranger, struct message *hello);
void hub_strangers_look(pb_duration now);
void hub_peer_ended(struct hub_peer *peer); /* its process is gone */

/* --- hub_bus.c */
bool hub_bus_subscribe(struct hub_peer *peer, pb_str topic);
void hub_bus_unsubscribe(struct hub_peer *peer, pb_str topic);
void hub_bus_unsubscribe_all(struct hub_peer *peer);
void hub_bus_route(const struct hub_peer *from, pb_str topic, pb_str body);
void hub_bus_gap(const struct hub_peer *from);
void hub_bus_topics(struct hub_peer *peer, void (*each)(void *arg, pb_str topic), void *arg);

/* --- hub_lease.c */
void hub_lease_take(struct hub_peer *peer, const struct message *message);
void hub_lease_renew(struct hub_peer *peer, const struct message *message);
void hub_lease_release(struct hub_peer *peer, const struct message *message);
void hub_lease_announced(struct hub_peer *peer, const struct message *message);
void hub_lease_release_all(const struct hub_peer *peer);
void hub_lease_expire(pb_duration now, pb_duration late);
bool hub_lease_any(void);
struct hub_lease {
    struct list_link link;
    struct hub_peer *peer;
    int64_t token;
    pb_duration ttl, expires;
    pb_str name;
    char text[];
};
extern struct list_link hub_leases;
bool hub_lease_add(struct hub_peer *peer, pb_str name, int64_t token, pb_duration ttl);

/* --- hub_keep.c: listeners and regions */
struct hub_listener {
    struct list_link link;
    int fd, port; /* the port that was asked for: 0 is any, -1: there are none */
    struct listen_file file; /* of a Unix socket: removed with it */
    size_t wanted;
    pb_str key, address;
    char text[];
};
struct hub_region {
    struct list_link link;
    int fd;
    int64_t bytes;
    uint32_t version;
    size_t held;
    pb_str name;
    char text[];
};
extern struct list_link hub_listeners, hub_regions;
struct want {
    struct list_link link;
    struct hub_listener *listener;
    size_t key_size;
    char key[];
};
struct hold {
    struct list_link link;
    struct hub_region *region;
};
void hub_listen(struct hub_peer *peer, const struct message *message);
void hub_listen_announced(struct hub_peer *peer, struct message *message);
void hub_shared_open(struct hub_peer *peer, const struct message *message);
void hub_shared_close(struct hub_peer *peer, const struct message *message);
void hub_shared_announced(struct hub_peer *peer, struct message *message);
void hub_keep_release_all(struct hub_peer *peer);
void hub_keep_close(void);
struct hub_listener *hub_listener_add(pb_str key, pb_str address, int fd);
struct hub_region *hub_region_restore(pb_str name, int64_t bytes, uint32_t version, int fd);
bool hub_want(struct hub_peer *peer, struct hub_listener *listener, pb_str key);
bool hub_hold(struct hub_peer *peer, struct hub_region *region);

/* --- hub_save.c, hub_restore.c: how their memfd begins */
enum { HUB_SAVED_FORMAT = 1 };
static const int64_t HUB_SAVED_MAGIC = 0x6275686279616270;

/* --- hub_ask.c */
void hub_ask(struct hub_peer *peer, const struct message *message);
void hub_ask_answer(struct hub_peer *peer, const struct message *message);
void hub_ask_end(struct hub_peer *peer, uint64_t number);
void hub_ask_forget(struct hub_peer *peer); /* as asker and as one who owes */
void hub_ask_end_all(void);                 /* what came so far is all */

/* --- hub_adopt.c */
uint32_t hub_cell_take(uint32_t slot, uint32_t generation);
void hub_cell_free(uint32_t cell);
void hub_workers_write(void);
void hub_orphans_expect(void); /* reads run_dir/workers */
void hub_orphans_look(pb_duration now);
void hub_orphans_forget(void);
bool hub_hold_back(struct hub_peer *peer, const struct message *message);
void hub_hold_back_forget(const struct hub_peer *peer);
/* A worker said hello on control.sock: the peer that it is from now on, or NULL: refused. */
struct hub_peer *hub_worker_back(struct hub_peer *stranger, struct message *hello);
void hub_worker_announced(struct hub_peer *peer);

#endif
