/* hub_restore.c - reads what hub_save.c wrote; it was an older program. What is damaged is refused.
 */
#include "cluster/hub_internal.h"

#include "cluster/run_dir.h"
#include <fcntl.h>
#include <patchbay/memory.h>
#include <unistd.h>

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
    if (get(in) != HUB_SAVED_MAGIC || get(in) != HUB_SAVED_FORMAT)
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
