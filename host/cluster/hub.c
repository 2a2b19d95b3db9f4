/* hub.c - the hub's peers: who comes in, what each message means, what time does. */
#include "cluster/hub_internal.h"

#include <errno.h>
#include <patchbay/log.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <unistd.h>

static const pb_duration tick = 250 * PB_MILLISECOND; /* how long a death without a word may last */

struct hub hub = {.lock = -1,
                  .socket = -1,
                  .board_fd = -1,
                  .nodes = {&hub.nodes, &hub.nodes},
                  .strangers = {&hub.strangers, &hub.strangers},
                  .expected = {&hub.expected, &hub.expected},
                  .held = {&hub.held, &hub.held}};

struct scoreboard *hub_scoreboard(void)
{
    return hub.board;
}

bool hub_waits_for_orphans(void)
{
    return hub.waits;
}

struct hub_node *hub_next(const struct hub_node *node)
{
    struct list_link *next = node->link.next;
    return next == &hub.nodes ? NULL : list_entry(next, struct hub_node, link);
}

struct hub_node *hub_first(void)
{
    return list_empty(&hub.nodes) ? NULL : list_entry(hub.nodes.next, struct hub_node, link);
}

/* --- what a peer says ------------------------------------------------------------------------- */

void hub_reply(struct hub_peer *peer, uint64_t number, pb_status status, const char *sentence)
{
    channel_send(&peer->channel, &(struct message){.kind = MESSAGE_ANSWER,
                                                   .number = number,
                                                   .a = status,
                                                   .body = pb_str_of(sentence),
                                                   .fd = -1});
}

void hub_welcome(struct hub_peer *peer, bool with_board)
{
    bool seated = peer->node.kind == HUB_WORKER && peer->node.cell != HUB_NO_CELL;

    channel_send(&peer->channel, &(struct message){.kind = MESSAGE_WELCOME,
                                                   .a = seated ? (int64_t)peer->node.cell : -1,
                                                   .fd = with_board ? hub.board_fd : -1});
}

static void keep_names(struct hub_peer *peer, const struct message *message)
{
    buf_clear(&peer->names, 0);
    buf_add(&peer->names, message->body);
    peer->instance_count = message->a > 0 ? (size_t)message->a : 0;
    peer->pipeline_count = message->b > 0 ? (size_t)message->b : 0;
}

static void tell_hooks(struct hub_peer *peer, const struct message *message)
{
    struct hub_node *node = &peer->node;

    if (node->kind != HUB_WORKER)
        return;
    if (message->kind == MESSAGE_READY && hub.hooks.ready)
        hub.hooks.ready(node);
    if (message->kind == MESSAGE_FAILED && hub.hooks.failed)
        hub.hooks.failed(node, message->body);
    if (message->kind == MESSAGE_DRAINED && hub.hooks.drained)
        hub.hooks.drained(node);
}

static void dispatch_request(struct hub_peer *peer, const struct message *message)
{
    if (hub_hold_back(peer, message))
        return;
    if (message->kind == MESSAGE_LEASE_TAKE)
        hub_lease_take(peer, message);
    else if (message->kind == MESSAGE_SHARED_OPEN)
        hub_shared_open(peer, message);
    else if (peer->node.kind == HUB_WORKER)
        hub_listen(peer, message);
    else
        hub_reply(peer, message->number, PB_FORBIDDEN, "only workers listen");
}

static void dispatch_announced(struct hub_peer *peer, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_LEASE_HELD:
        hub_lease_announced(peer, message);
        break;
    case MESSAGE_SHARED_HELD:
        hub_shared_announced(peer, message);
        break;
    case MESSAGE_LISTENER_HELD:
        if (peer->node.kind == HUB_WORKER)
            hub_listen_announced(peer, message);
        break;
    default:
        hub_worker_announced(peer);
        break;
    }
}

static void dispatch_bus(struct hub_peer *peer, const struct message *message)
{
    if (message->kind == MESSAGE_BUS)
        hub_bus_route(peer, message->name, message->body);
    else if (message->kind == MESSAGE_GAP)
        hub_bus_gap(peer);
    else if (message->kind == MESSAGE_UNSUBSCRIBE)
        hub_bus_unsubscribe(peer, message->name);
    else if (!hub_bus_subscribe(peer, message->name))
        pb_log(PB_WARN, "process %d cannot subscribe to '%.*s'", peer->node.pid,
               PB_ARG(pb_str_slice(message->name, 0, HUB_NAME)));
}

void hub_dispatch(struct hub_peer *peer, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_SUBSCRIBE:
    case MESSAGE_UNSUBSCRIBE:
    case MESSAGE_BUS:
    case MESSAGE_GAP:
        dispatch_bus(peer, message);
        break;
    case MESSAGE_LEASE_TAKE:
    case MESSAGE_SHARED_OPEN:
    case MESSAGE_LISTEN:
        dispatch_request(peer, message);
        break;
    case MESSAGE_LEASE_RENEW:
        hub_lease_renew(peer, message);
        break;
    case MESSAGE_LEASE_RELEASE:
        hub_lease_release(peer, message);
        break;
    case MESSAGE_SHARED_CLOSE:
        hub_shared_close(peer, message);
        break;
    case MESSAGE_LEASE_HELD:
    case MESSAGE_SHARED_HELD:
    case MESSAGE_LISTENER_HELD:
    case MESSAGE_ANNOUNCED:
        dispatch_announced(peer, message);
        break;
    case MESSAGE_ASK:
        hub_ask(peer, message);
        break;
    case MESSAGE_ASK_END:
        hub_ask_end(peer, message->number);
        break;
    case MESSAGE_ANSWER:
        hub_ask_answer(peer, message);
        break;
    case MESSAGE_NAMES:
        keep_names(peer, message);
        break;
    case MESSAGE_READY:
    case MESSAGE_FAILED:
    case MESSAGE_DRAINED:
        tell_hooks(peer, message);
        break;
    default: /* HELLO of a worker of ours: we know it */
        break;
    }
}

/* --- peers ------------------------------------------------------------------------------------ */

static void on_message(struct channel *channel, struct message *message);
static void on_closed(struct channel *channel);

struct hub_peer *hub_peer_new(enum hub_kind kind)
{
    struct hub_peer *peer = calloc(1, sizeof *peer);

    if (!peer) {
        (void)pb_fail(PB_NO_MEMORY, "out of memory");
        return NULL;
    }
    peer->node.kind = kind;
    peer->node.cell = HUB_NO_CELL;
    peer->channel.fd = -1;
    peer->since = loop_now();
    list_init(&peer->node.link);
    list_init(&peer->topics);
    list_init(&peer->wants);
    list_init(&peer->holds);
    list_init(&peer->owes);
    return peer;
}

pb_status hub_peer_open(struct hub_peer *peer, int fd)
{
    peer->channel.message = on_message;
    peer->channel.closed = on_closed;
    return channel_open(&peer->channel, fd);
}

void hub_peer_silent(struct hub_peer *peer)
{
    channel_close(&peer->channel);
    peer->since = loop_now();
    hub_hold_back_forget(peer);
    hub_lease_release_all(peer);
    hub_bus_unsubscribe_all(peer);
    hub_ask_forget(peer);
}

void hub_peer_free(struct hub_peer *peer)
{
    hub_peer_silent(peer);
    hub_keep_release_all(peer);
    list_remove(&peer->node.link);
    buf_fini(&peer->names);
    free(peer);
}

/* Its process is gone: all that knew its name hear of it. */
void hub_peer_ended(struct hub_peer *peer)
{
    char id[IDENTITY_SIZE];
    bool worker = peer->node.kind == HUB_WORKER;

    memcpy(id, peer->id, sizeof id);
    if (worker)
        hub_cell_free(peer->node.cell);
    hub_peer_free(peer);
    if (worker)
        hub_workers_write();
    if (id[0])
        hub_publish(pb_lit("cluster.gone"), pb_str_of(id));
}

static void on_closed(struct channel *channel)
{
    struct hub_peer *peer = list_entry(channel, struct hub_peer, channel);

    if (peer->ending) {
        channel_close(channel);
    } else if (peer->node.kind == HUB_WORKER) {
        hub_peer_silent(peer);
        hub_tick_arm();
    } else {
        if (peer->known && hub.hooks.gone)
            hub.hooks.gone(&peer->node);
        if (peer->known && peer->node.kind == HUB_GUEST)
            hub_peer_ended(peer);
        else
            hub_peer_free(peer);
    }
}

static void on_message(struct channel *channel, struct message *message)
{
    struct hub_peer *peer = list_entry(channel, struct hub_peer, channel);

    if (peer->stranger)
        hub_hello(peer, message);
    else if (peer->node.kind != HUB_COMMAND)
        hub_dispatch(peer, message);
}

/* --- time ------------------------------------------------------------------------------------- */

static void look_at_workers(void)
{
    for (struct list_link *at = hub.nodes.next, *next; at != &hub.nodes; at = next) {
        struct hub_peer *peer = peer_at(at);
        next = at->next;
        if (peer->node.kind != HUB_WORKER || !peer->node.adopted ||
            channel_is_open(&peer->channel) || identity_alive(pb_str_of(peer->id)))
            continue;
        if (hub.hooks.gone)
            hub.hooks.gone(&peer->node);
        hub_peer_ended(peer);
        return; /* the hook may have changed the list; there is a next time */
    }
}

static bool any_silent(void)
{
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next)
        if (peer_at(at)->node.kind == HUB_WORKER && !channel_is_open(&peer_at(at)->channel))
            return true;
    return false;
}

static void on_tick(struct timer *timer);

void hub_tick_arm(void)
{
    if (timer_armed(&hub.tick))
        return;
    hub.tick_due = loop_now() + tick;
    timer_arm(&hub.tick, tick, on_tick);
}

static void on_tick(struct timer *timer)
{
    pb_duration now = loop_now(), late = now - hub.tick_due;
    (void)timer;
    hub_lease_expire(now, late > tick ? late : 0);
    hub_orphans_look(now);
    look_at_workers();
    hub_strangers_look(now);
    hub_accept_again();
    if (hub.waits || hub_lease_any() || !list_empty(&hub.strangers) || any_silent())
        hub_tick_arm();
}
