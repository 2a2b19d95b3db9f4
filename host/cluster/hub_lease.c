/* hub_lease.c - leases by name: who holds which, until when by our own clock. */
#include "cluster/hub_internal.h"

#include "cluster/run_dir.h"
#include <patchbay/log.h>
#include <stdlib.h>

struct list_link hub_leases = {&hub_leases, &hub_leases};

static struct hub_lease *find(pb_str name)
{
    for (struct list_link *at = hub_leases.next; at != &hub_leases; at = at->next) {
        struct hub_lease *lease = list_entry(at, struct hub_lease, link);
        if (pb_str_equal(lease->name, name))
            return lease;
    }
    return NULL;
}

/* The lease that this peer means, if it has it. */
static struct hub_lease *find_held(const struct hub_peer *peer, const struct message *message)
{
    struct hub_lease *lease = find(message->name);
    return lease && lease->peer == peer && lease->token == message->a ? lease : NULL;
}

static void drop(struct hub_lease *lease)
{
    list_remove(&lease->link);
    free(lease);
}

static void say(struct hub_peer *peer, const struct message *about, pb_status status)
{
    channel_send(&peer->channel, &(struct message){.kind = MESSAGE_LEASE_STATE,
                                                   .number = about->number,
                                                   .name = about->name,
                                                   .a = about->a,
                                                   .b = status,
                                                   .fd = -1});
}

static void say_lost(struct hub_lease *lease)
{
    say(lease->peer, &(struct message){.name = lease->name, .a = lease->token}, PB_CONFLICT);
}

bool hub_lease_add(struct hub_peer *peer, pb_str name, int64_t token, pb_duration ttl)
{
    struct hub_lease *lease = malloc(sizeof *lease + name.size);

    if (!lease)
        return false;
    *lease =
        (struct hub_lease){.peer = peer, .token = token, .ttl = ttl, .expires = loop_now() + ttl};
    lease->name = pb_str_make(memcpy(lease->text, name.data, name.size), name.size);
    list_append(&hub_leases, &lease->link);
    hub_tick_arm();
    return true;
}

/* 0: the epoch cannot be written. */
static int64_t next_token(void)
{
    if (hub.counter == UINT32_MAX) {
        if (run_dir_epoch(hub.run_dir, &hub.epoch) != PB_OK)
            return 0;
        hub.counter = 0;
    }
    return (int64_t)hub.epoch << 32 | ++hub.counter;
}

static bool sensible(const struct message *message, pb_duration ttl)
{
    return message->name.size && message->name.size <= HUB_NAME && ttl > 0 &&
           ttl <= 3600 * PB_SECOND;
}

void hub_lease_take(struct hub_peer *peer, const struct message *message)
{
    char sentence[256];
    struct hub_lease *lease = find(message->name);
    pb_str waited = pb_str_make((const char *)&message->b, sizeof message->b);
    int64_t token;

    if (!sensible(message, message->a)) {
        hub_reply(peer, message->number, PB_INVALID, "that is no lease");
    } else if (lease) {
        snprintf(sentence, sizeof sentence, "the lease '%.*s' is held by process %d",
                 PB_ARG(message->name), lease->peer->node.pid);
        hub_reply(peer, message->number, PB_CONFLICT, sentence);
    } else if (!(token = next_token()) || !hub_lease_add(peer, message->name, token, message->a)) {
        hub_reply(peer, message->number, PB_NO_MEMORY, "the lease cannot be kept");
    } else {
        channel_send(&peer->channel, &(struct message){.kind = MESSAGE_ANSWER,
                                                       .number = message->number,
                                                       .name = message->name,
                                                       .body = waited,
                                                       .a = PB_OK,
                                                       .b = token,
                                                       .fd = -1});
    }
}

void hub_lease_renew(struct hub_peer *peer, const struct message *message)
{
    struct hub_lease *lease = find_held(peer, message);

    if (lease)
        lease->expires = loop_now() + lease->ttl;
    say(peer, message, lease ? PB_OK : PB_CONFLICT);
}

void hub_lease_release(struct hub_peer *peer, const struct message *message)
{
    struct hub_lease *lease = find_held(peer, message);

    if (lease)
        drop(lease);
}

/* An orphan's, granted by an earlier supervisor. It stands as long as we have granted none
 * ourselves, which we do not while we wait for orphans; of two the newer one. */
void hub_lease_announced(struct hub_peer *peer, const struct message *message)
{
    struct hub_lease *other = find(message->name);
    bool stands = hub.waits && sensible(message, message->b) && message->a >> 32 < hub.epoch;

    if (stands && other && other->token >= message->a)
        stands = false;
    if (stands && other) {
        say_lost(other);
        drop(other);
    }
    stands = stands && hub_lease_add(peer, message->name, message->a, message->b);
    say(peer, message, stands ? PB_OK : PB_CONFLICT);
}

void hub_lease_release_all(const struct hub_peer *peer)
{
    for (struct list_link *at = hub_leases.next, *next; at != &hub_leases; at = next) {
        struct hub_lease *lease = list_entry(at, struct hub_lease, link);
        next = at->next;
        if (lease->peer == peer)
            drop(lease);
    }
}

bool hub_lease_any(void)
{
    return !list_empty(&hub_leases);
}

/* We were late by so much ourselves (stopped, suspended): their renewals wait in the sockets, so
 * the time is given back. */
void hub_lease_expire(pb_duration now, pb_duration late)
{
    for (struct list_link *at = hub_leases.next, *next; at != &hub_leases; at = next) {
        struct hub_lease *lease = list_entry(at, struct hub_lease, link);
        next = at->next;
        lease->expires += late;
        if (late || now < lease->expires)
            continue;
        pb_log(PB_WARN, "the lease '%.*s' of process %d ran out: it does not renew it",
               PB_ARG(lease->name), lease->peer->node.pid);
        say_lost(lease);
        drop(lease);
    }
}
