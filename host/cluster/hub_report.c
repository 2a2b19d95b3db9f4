/* hub_report.c - see hub_report.h. */
#include "cluster/hub_report.h"

#include "cluster/hub_internal.h"
#include "cluster/listen_socket.h"

void hub_listeners_each(void (*each)(void *arg, pb_str key, pb_str address, int port), void *arg)
{
    for (struct list_link *at = hub_listeners.next; at != &hub_listeners; at = at->next) {
        const struct hub_listener *listener = list_entry(at, struct hub_listener, link);
        each(arg, listener->key, listener->address, listen_socket_port(listener->fd));
    }
}

void hub_leases_each(void (*each)(void *arg, pb_str name, int64_t token,
                                  const struct hub_node *holder),
                     void *arg)
{
    for (struct list_link *at = hub_leases.next; at != &hub_leases; at = at->next) {
        const struct hub_lease *lease = list_entry(at, struct hub_lease, link);
        if (lease->peer)
            each(arg, lease->name, lease->token, &lease->peer->node);
    }
}

void hub_worker_hear(struct hub_node *worker)
{
    channel_drain(&peer_of(worker)->channel);
}
