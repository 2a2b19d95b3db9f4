/* node_lease.c - the leases that this process holds. The supervisor grants them and expires them by
 * its own clock; a process alone grants them to itself. */
#include "cluster/node_internal.h"

#include "cluster/run_dir.h"
#include <patchbay/cluster.h>
#include <stdlib.h>

enum { NAME = 128 };
static const pb_duration ttl_least = PB_SECOND, ttl_most = 3600 * PB_SECOND;

struct pb_lease {
    struct list_link link;
    struct timer renew;
    int64_t token;
    pb_duration ttl;
    pb_duration until; /* surely ours: counted from when the last confirmed renewal was sent */
    bool lost;
    pb_str name; /* points at text */
    char text[NAME + 1];
};

static struct list_link leases = {&leases, &leases};

static void arm(struct pb_lease *lease);

static void send_renewal(struct pb_lease *lease)
{
    node_send(&(struct message){.kind = MESSAGE_LEASE_RENEW,
                                .number = (uint64_t)pb_monotonic(),
                                .name = lease->name,
                                .a = lease->token,
                                .fd = -1});
}

/* While the supervisor is away nobody can grant it to another: it stays ours for as long as we
 * turn. */
static void renew(struct timer *timer)
{
    struct pb_lease *lease = list_entry(timer, struct pb_lease, renew);

    if (lease->lost)
        return;
    if (node.welcome)
        send_renewal(lease);
    else if (pb_monotonic() < lease->until)
        lease->until = pb_monotonic() + lease->ttl;
    arm(lease);
}

static void arm(struct pb_lease *lease)
{
    timer_arm(&lease->renew, lease->ttl / 3, renew);
}

static struct pb_lease *find(pb_str name)
{
    for (struct list_link *at = leases.next; at != &leases; at = at->next) {
        struct pb_lease *lease = list_entry(at, struct pb_lease, link);
        if (pb_str_equal(lease->name, name))
            return lease;
    }
    return NULL;
}

/* --- granting --------------------------------------------------------------------------------- */

static pb_status grant_alone(pb_str name, int64_t *token)
{
    static uint32_t epoch, counter;

    if (find(name))
        return pb_fail(PB_CONFLICT, "the lease '%.*s' is held already", PB_ARG(name));
    if (!epoch && (!node.run_dir || run_dir_epoch(node.run_dir, &epoch) != PB_OK))
        epoch = run_dir_epoch_of_clock();
    *token = (int64_t)epoch << 32 | ++counter;
    return PB_OK;
}

/* *waited: how long the supervisor kept the request before it granted; the lease counts from then.
 */
static pb_status grant(pb_str name, pb_duration ttl, int64_t *token, pb_duration *waited)
{
    struct node_request request = {
        .ask = {.kind = MESSAGE_LEASE_TAKE, .name = name, .a = ttl, .fd = -1}};

    if (node.kind == NODE_ALONE)
        return grant_alone(name, token);
    pb_status status = node_request(&request);
    *token = request.b;
    memcpy(waited, request.sentence, sizeof *waited);
    return status;
}

pb_status host_lease_take(pb_str name, pb_duration ttl, pb_lease **out)
{
    *out = NULL;
    if (!name.size || name.size > NAME || ttl < ttl_least || ttl > ttl_most)
        return pb_fail(PB_INVALID, "a lease has a name of 1 to %d bytes and lasts 1 s to 1 h",
                       NAME);
    struct pb_lease *lease = calloc(1, sizeof *lease);
    if (!lease)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    lease->ttl = ttl;
    lease->name = pb_str_make(memcpy(lease->text, name.data, name.size), name.size);
    list_init(&lease->link);
    pb_duration asked = pb_monotonic(), waited = 0;
    pb_status status = grant(lease->name, ttl, &lease->token, &waited);
    if (status != PB_OK) {
        free(lease);
        return status;
    }
    lease->until = asked + waited + ttl;
    list_append(&leases, &lease->link);
    if (node.kind != NODE_ALONE)
        arm(lease);
    *out = lease;
    return PB_OK;
}

int64_t host_lease_token(const pb_lease *lease)
{
    return lease->token;
}

bool host_lease_held(const pb_lease *lease)
{
    return !lease->lost && (node.kind == NODE_ALONE || pb_monotonic() < lease->until);
}

void host_lease_release(pb_lease *lease)
{
    if (!lease)
        return;
    timer_cancel(&lease->renew);
    list_remove(&lease->link);
    if (!lease->lost)
        node_send(&(struct message){
            .kind = MESSAGE_LEASE_RELEASE, .name = lease->name, .a = lease->token, .fd = -1});
    free(lease);
}

/* --- what the supervisor says ----------------------------------------------------------------- */

void node_lease_message(const struct message *message)
{
    struct pb_lease *lease = find(message->name);

    if (!lease || lease->token != message->a || lease->lost)
        return;
    if (message->b != PB_OK) {
        lease->lost = true;
        timer_cancel(&lease->renew);
        return;
    }
    pb_duration until = (pb_duration)message->number + lease->ttl;
    if (until > lease->until)
        lease->until = until;
}

void node_lease_announce(void)
{
    for (struct list_link *at = leases.next; at != &leases; at = at->next) {
        struct pb_lease *lease = list_entry(at, struct pb_lease, link);
        if (!lease->lost)
            node_send(&(struct message){.kind = MESSAGE_LEASE_HELD,
                                        .number = (uint64_t)pb_monotonic(),
                                        .name = lease->name,
                                        .a = lease->token,
                                        .b = lease->ttl,
                                        .fd = -1});
    }
}
