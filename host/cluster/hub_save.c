/* hub_save.c - the whole hub in a memfd, for an exec of the supervisor, and back.
 *
 * Numbers and texts in one order, descriptors as the numbers that they keep. HUB_SAVED_FORMAT
 * changes only together with a way to read the format before: the reader is a newer program.
 */
#include "cluster/hub_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct buf descriptors; /* ints: what hub_save made inheritable */

static void put(struct buf *out, int64_t number)
{
    buf_add(out, pb_str_make((const char *)&number, sizeof number));
}

static void put_text(struct buf *out, pb_str text)
{
    put(out, (int64_t)text.size);
    buf_add(out, text);
}

static void put_fd(struct buf *out, int fd)
{
    put(out, fd);
    if (fd < 0)
        return;
    fcntl(fd, F_SETFD, 0);
    buf_add(&descriptors, pb_str_make((const char *)&fd, sizeof fd));
}

static size_t length(const struct list_link *list)
{
    size_t count = 0;
    for (const struct list_link *at = list->next; at != list; at = at->next)
        count++;
    return count;
}

/* The place of a link in its list, from 0. */
static int64_t place(const struct list_link *list, const struct list_link *link)
{
    int64_t at = 0;
    for (const struct list_link *other = list->next; other != link; other = other->next)
        at++;
    return at;
}

static void put_topic(void *out, pb_str topic)
{
    put_text(out, topic);
}

static void count_unsent(void *count, const struct message *message)
{
    (void)message;
    ++*(int64_t *)count;
}

static void put_unsent(void *out, const struct message *message)
{
    put(out, message->kind);
    put(out, (int64_t)message->number);
    put(out, message->a);
    put(out, message->b);
    put_text(out, message->name);
    put_text(out, message->body);
    put_fd(out, message->fd);
}

static void put_peer(struct buf *out, struct hub_peer *peer)
{
    int64_t unsent = 0;

    put(out, peer->node.kind);
    put(out, peer->node.pid);
    put(out, peer->node.slot);
    put(out, peer->node.generation);
    put(out, peer->node.cell);
    put(out, peer->node.adopted);
    put(out, peer->known);
    put_text(out, pb_str_of(peer->id));
    put_fd(out, channel_is_open(&peer->channel) ? peer->channel.fd : -1);
    put(out, (int64_t)peer->instance_count);
    put(out, (int64_t)peer->pipeline_count);
    put_text(out, buf_str(&peer->names));
    put(out, (int64_t)length(&peer->topics));
    hub_bus_topics(peer, put_topic, out);
    put(out, (int64_t)length(&peer->wants));
    for (struct list_link *at = peer->wants.next; at != &peer->wants; at = at->next) {
        struct want *want = list_entry(at, struct want, link);
        put(out, place(&hub_listeners, &want->listener->link));
        put_text(out, pb_str_make(want->key, want->key_size));
    }
    put(out, (int64_t)length(&peer->holds));
    for (struct list_link *at = peer->holds.next; at != &peer->holds; at = at->next)
        put(out, place(&hub_regions, &list_entry(at, struct hold, link)->region->link));
    channel_unsent(&peer->channel, count_unsent, &unsent);
    put(out, unsent);
    channel_unsent(&peer->channel, put_unsent, out);
}

static void put_kept(struct buf *out)
{
    put(out, (int64_t)length(&hub_listeners));
    for (struct list_link *at = hub_listeners.next; at != &hub_listeners; at = at->next) {
        struct hub_listener *listener = list_entry(at, struct hub_listener, link);
        put_text(out, listener->key);
        put_text(out, listener->address);
        put_fd(out, listener->fd);
    }
    put(out, (int64_t)length(&hub_regions));
    for (struct list_link *at = hub_regions.next; at != &hub_regions; at = at->next) {
        struct hub_region *region = list_entry(at, struct hub_region, link);
        put_text(out, region->name);
        put(out, region->bytes);
        put(out, region->version);
        put_fd(out, region->fd);
    }
}

static void put_leases(struct buf *out)
{
    put(out, (int64_t)length(&hub_leases));
    for (struct list_link *at = hub_leases.next; at != &hub_leases; at = at->next) {
        struct hub_lease *lease = list_entry(at, struct hub_lease, link);
        put(out, place(&hub.nodes, &lease->peer->node.link));
        put_text(out, lease->name);
        put(out, lease->token);
        put(out, lease->ttl);
    }
}

static void put_all(struct buf *out)
{
    put(out, HUB_SAVED_MAGIC);
    put(out, HUB_SAVED_FORMAT);
    put_fd(out, hub.lock);
    put_fd(out, hub.socket);
    put_fd(out, hub.board_fd);
    put(out, hub.epoch);
    put(out, hub.counter);
    put_kept(out);
    put(out, (int64_t)length(&hub.nodes));
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next)
        put_peer(out, peer_at(at));
    put_leases(out);
}

pb_status hub_save(int *out)
{
    struct buf text = {0};

    if (hub.waits)
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND,
                             "workers of the supervisor before are still waited for");
    int fd = memfd_create("patchbay-hub", 0);
    if (fd < 0)
        return pb_fail(PB_UNAVAILABLE, "the hub cannot be saved: %s", strerror(errno));
    hub_ask_end_all();
    put_all(&text);
    if (write(fd, text.data, text.size) != (ssize_t)text.size || lseek(fd, 0, SEEK_SET) != 0) {
        buf_fini(&text);
        hub_save_undo(fd);
        return pb_fail(PB_NO_MEMORY, "the hub cannot be saved");
    }
    buf_fini(&text);
    *out = fd;
    return PB_OK;
}

void hub_save_undo(int saved)
{
    for (size_t at = 0; at + sizeof(int) <= descriptors.size; at += sizeof(int)) {
        int fd;
        memcpy(&fd, descriptors.data + at, sizeof fd);
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    }
    buf_fini(&descriptors);
    close(saved);
}
