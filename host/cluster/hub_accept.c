/* hub_accept.c - who comes by control.sock: strangers until they say hello, and not many at a time.
 */
#include "cluster/hub_internal.h"

#include <errno.h>
#include <patchbay/log.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <unistd.h>

static const pb_duration hello_limit = 5 * PB_SECOND;
enum { STRANGERS = 64 };

static void accept_guest(struct hub_peer *peer, enum hub_kind kind)
{
    peer->node.kind = kind;
    peer->known = true;
    peer->stranger = false;
    list_remove(&peer->node.link);
    list_append(&hub.nodes, &peer->node.link);
}

void hub_hello(struct hub_peer *peer, struct message *hello)
{
    if (hello->kind != MESSAGE_HELLO) {
        channel_cut(&peer->channel, "it does not say hello");
    } else if (hello->a == HUB_WORKER) {
        (void)hub_worker_back(peer, hello);
    } else if (hello->a == HUB_GUEST) {
        accept_guest(peer, HUB_GUEST);
        hub_welcome(peer, true);
    } else if (hello->a == HUB_COMMAND && hub.hooks.command) {
        accept_guest(peer, HUB_COMMAND);
        hub.hooks.command(&peer->node, hello->body);
    } else {
        channel_cut(&peer->channel, "it is nothing that we know");
    }
}

static size_t count(const struct list_link *list)
{
    size_t count = 0;
    for (const struct list_link *at = list->next; at != list; at = at->next)
        count++;
    return count;
}

static void welcome_stranger(int fd)
{
    struct ucred who = {0};
    socklen_t size = sizeof who;
    struct hub_peer *peer;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 ||
        (who.uid != 0 && who.uid != geteuid()) || count(&hub.strangers) >= STRANGERS ||
        !(peer = hub_peer_new(HUB_COMMAND))) {
        pb_log(PB_WARN, "process %d of user %u is turned away from control.sock", (int)who.pid,
               (unsigned)who.uid);
        close(fd);
        return;
    }
    peer->stranger = true;
    peer->node.pid = (int32_t)who.pid;
    (void)identity_of(peer->node.pid, peer->id);
    list_append(&hub.strangers, &peer->node.link);
    if (hub_peer_open(peer, fd) != PB_OK)
        hub_peer_free(peer);
    hub_tick_arm();
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    int fd = accept4(hub.socket, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        welcome_stranger(fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        uv_poll_stop(poll); /* the next tick tries again */
        hub.deaf = true;
        hub_tick_arm();
    }
}

pb_status hub_accept_start(void)
{
    hub.accepting = calloc(1, sizeof *hub.accepting);
    if (!hub.accepting || uv_poll_init(loop_uv(), hub.accepting, hub.socket) != 0) {
        free(hub.accepting);
        hub.accepting = NULL;
        return pb_fail(PB_INTERNAL, "control.sock cannot be watched");
    }
    uv_poll_start(hub.accepting, UV_READABLE, on_accept);
    return PB_OK;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

void hub_accept_stop(void)
{
    if (hub.accepting)
        uv_close((uv_handle_t *)hub.accepting, on_poll_closed);
    hub.accepting = NULL;
    while (!list_empty(&hub.strangers))
        hub_peer_free(peer_at(hub.strangers.next));
}

/* After a pause for want of descriptors. */
void hub_accept_again(void)
{
    if (hub.deaf && hub.accepting)
        uv_poll_start(hub.accepting, UV_READABLE, on_accept);
    hub.deaf = false;
}

void hub_strangers_look(pb_duration now)
{
    for (struct list_link *at = hub.strangers.next, *next; at != &hub.strangers; at = next) {
        struct hub_peer *peer = peer_at(at);
        next = at->next;
        if (now - peer->since > hello_limit)
            hub_peer_free(peer);
    }
}
