/* hub_save.c - the whole hub in a memfd, for an exec of the supervisor, and back.
 *
 * Numbers and texts in one order, descriptors as the numbers that they keep. FORMAT changes only
 * together with a way to read the format before: the reader is a newer program.
 */
#include "cluster/hub_internal.h"

#include "cluster/run_dir.h"
#include <errno.h>
#include <fcntl.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FORMAT = 1 };
static const uint64_t MAGIC = 0x6275686279616270;

/* --- writing ---------------------------------------------------------------------------------- */

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
    put(out, (int64_t)MAGIC);
    put(out, FORMAT);
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

/* --- reading ---------------------------------------------------------------------------------- */

struct reader {
    pb_str rest;
    bool bad;
};

static int64_t get(struct reader *in)
{
    int64_t number = 0;

    if (in->rest.size < sizeof number)
        in->bad = true;
    else
        memcpy(&number, in->rest.data, sizeof number);
    in->rest = pb_str_slice(in->rest, sizeof number, in->rest.size);
    return in->bad ? 0 : number;
}

static pb_str get_text(struct reader *in)
{
    int64_t size = get(in);

    if (size < 0 || (size_t)size > in->rest.size) {
        in->bad = true;
        size = 0;
    }
    pb_str text = pb_str_slice(in->rest, 0, (size_t)size);
    in->rest = pb_str_slice(in->rest, (size_t)size, in->rest.size);
    return text;
}

static int get_fd(struct reader *in)
{
    int fd = in->bad ? -1 : (int)get(in);

    if (fd >= 0)
        fcntl(fd, F_SETFD, FD_CLOEXEC);
    return in->bad ? -1 : fd;
}

/* The link at this place of a list, or NULL. */
static struct list_link *nth(struct list_link *list, int64_t at)
{
    struct list_link *link = list->next;

    while (link != list && at-- > 0)
        link = link->next;
    return link == list ? NULL : link;
}

static void get_kept(struct reader *in)
{
    for (int64_t count = get(in); count-- > 0 && !in->bad;) {
        pb_str key = get_text(in), address = get_text(in);
        int fd = get_fd(in);
        if (!hub_listener_add(key, address, fd))
            in->bad = true;
    }
    for (int64_t count = get(in); count-- > 0 && !in->bad;) {
        pb_str name = get_text(in);
        int64_t bytes = get(in), version = get(in);
        int fd = get_fd(in);
        if (!hub_region_restore(name, bytes, (uint32_t)version, fd))
            in->bad = true;
    }
}

static void get_things(struct reader *in, struct hub_peer *peer)
{
    for (int64_t count = get(in); count-- > 0 && !in->bad;)
        if (!hub_bus_subscribe(peer, get_text(in)))
            in->bad = true;
    for (int64_t count = get(in); count-- > 0 && !in->bad;) {
        struct list_link *link = nth(&hub_listeners, get(in));
        pb_str key = get_text(in);
        if (!link || !hub_want(peer, list_entry(link, struct hub_listener, link), key))
            in->bad = true;
    }
    for (int64_t count = get(in); count-- > 0 && !in->bad;) {
        struct list_link *link = nth(&hub_regions, get(in));
        if (!link || !hub_hold(peer, list_entry(link, struct hub_region, link)))
            in->bad = true;
    }
}

static void get_unsent(struct reader *in, struct hub_peer *peer)
{
    for (int64_t count = get(in); count-- > 0 && !in->bad;) {
        struct message message = {.kind = (uint16_t)get(in)};
        message.number = (uint64_t)get(in);
        message.a = get(in);
        message.b = get(in);
        message.name = get_text(in);
        message.body = get_text(in);
        message.fd = get_fd(in);
        if (!in->bad)
            channel_send(&peer->channel, &message);
        if (message.fd >= 0)
            close(message.fd);
    }
}

/* On a scoreboard that was made anew the worker itself will not write: its layout is an older one.
 */
static void seat(const struct hub_peer *peer)
{
    uint32_t at = peer->node.cell;

    if (peer->node.kind != HUB_WORKER || at >= SCOREBOARD_CELLS || hub.board->cells[at].pid)
        return;
    hub.board->cells[at].pid = peer->node.pid;
    hub.board->cells[at].slot = peer->node.slot;
    hub.board->cells[at].generation = peer->node.generation;
    if (hub.board->cells_used <= at)
        hub.board->cells_used = at + 1;
}

static void get_peer(struct reader *in)
{
    struct hub_peer *peer = hub_peer_new((enum hub_kind)get(in));

    if (!peer) {
        in->bad = true;
        return;
    }
    list_append(&hub.nodes, &peer->node.link);
    peer->node.pid = (int32_t)get(in);
    peer->node.slot = (uint32_t)get(in);
    peer->node.generation = (uint32_t)get(in);
    peer->node.cell = (uint32_t)get(in);
    peer->node.adopted = get(in) != 0;
    peer->known = get(in) != 0;
    seat(peer);
    pb_str id = get_text(in);
    memcpy(peer->id, id.data, id.size < sizeof peer->id ? id.size : 0);
    int fd = get_fd(in);
    if (fd >= 0 && hub_peer_open(peer, fd) != PB_OK)
        in->bad = true;
    peer->instance_count = (size_t)get(in);
    peer->pipeline_count = (size_t)get(in);
    buf_add(&peer->names, get_text(in));
    get_things(in, peer);
    get_unsent(in, peer);
}

static void get_leases(struct reader *in)
{
    for (int64_t count = get(in); count-- > 0 && !in->bad;) {
        struct list_link *link = nth(&hub.nodes, get(in));
        pb_str name = get_text(in);
        int64_t token = get(in), ttl = get(in);
        if (!link || !hub_lease_add(peer_at(link), name, token, ttl))
            in->bad = true;
    }
}

static pb_status get_board(int fd)
{
    pb_status status = scoreboard_map(fd, &hub.board);

    if (status == PB_OK) {
        hub.board_fd = fd;
        return PB_OK;
    }
    close(fd); /* of another version: workers stay on theirs, their cells here stay still */
    return scoreboard_create(&hub.board_fd, &hub.board);
}

static pb_status get_all(struct reader *in)
{
    if (get(in) != (int64_t)MAGIC || get(in) != FORMAT)
        return pb_fail(PB_UNSUPPORTED,
                       "the hub was saved in a format that this version cannot read");
    hub.lock = get_fd(in);
    hub.socket = get_fd(in);
    if (!run_dir_lock_again(hub.lock))
        return pb_fail(PB_CONFLICT, "another server runs on %s", hub.run_dir);
    pb_status status = get_board(get_fd(in));
    hub.epoch = (uint32_t)get(in);
    hub.counter = (uint32_t)get(in);
    if (status != PB_OK)
        return status;
    get_kept(in);
    for (int64_t count = get(in); count-- > 0 && !in->bad;)
        get_peer(in);
    get_leases(in);
    if (in->bad)
        return pb_fail(PB_INTERNAL, "the saved hub is damaged");
    return hub_accept_start();
}

pb_status hub_restore(int saved, const char *run_dir, const struct hub_hooks *hooks)
{
    struct buf text = {0};
    ssize_t got = 1;

    hub.run_dir = run_dir;
    hub.hooks = *hooks;
    while (got > 0) {
        char *at = buf_room(&text, 65536);
        got = at ? read(saved, at, 65536) : -1;
        text.size += got > 0 ? (size_t)got : 0;
    }
    close(saved);
    struct reader in = {.rest = buf_str(&text), .bad = got < 0};
    pb_status status = get_all(&in);
    buf_fini(&text);
    hub_tick_arm();
    return status;
}
