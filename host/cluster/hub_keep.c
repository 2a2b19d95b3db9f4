/* hub_keep.c - what is kept for all workers and generations: listening sockets and shared memory.
 */
#include "cluster/hub_internal.h"

#include "cluster/listen_socket.h"
#include "cluster/region.h"
#include <patchbay/log.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <unistd.h>

struct list_link hub_listeners = {&hub_listeners, &hub_listeners};
struct list_link hub_regions = {&hub_regions, &hub_regions};

static void send_descriptor(struct hub_peer *peer, uint64_t number, int fd)
{
    channel_send(&peer->channel,
                 &(struct message){.kind = MESSAGE_ANSWER, .number = number, .a = PB_OK, .fd = fd});
}

static void reply_error(struct hub_peer *peer, uint64_t number)
{
    char sentence[PB_SENTENCE_SIZE];
    const pb_error *error = host_error();

    snprintf(sentence, sizeof sentence, "%.*s", PB_ARG(error->sentence));
    hub_reply(peer, number, error->status, sentence);
}

/* --- listeners -------------------------------------------------------------------------------- */

static void listener_drop(struct hub_listener *listener)
{
    list_remove(&listener->link);
    close(listener->fd);
    listen_unix_remove(listener->address, listener->file);
    free(listener);
}

/* On a fixed port the address alone tells it; listeners on port 0 are told apart by their key. */
static struct hub_listener *listener_find(pb_str key, pb_str address)
{
    for (struct list_link *at = hub_listeners.next; at != &hub_listeners; at = at->next) {
        struct hub_listener *listener = list_entry(at, struct hub_listener, link);
        if (pb_str_equal(listener->address, address) &&
            (listener->port || pb_str_equal(listener->key, key)))
            return listener;
    }
    return NULL;
}

/* Takes fd; NULL: no memory, or no address. */
struct hub_listener *hub_listener_add(pb_str key, pb_str address, int fd)
{
    struct hub_listener *listener = malloc(sizeof *listener + key.size + address.size);
    struct listen_address parsed;

    if (!listener || listen_address_parse(address, &parsed) != PB_OK) {
        free(listener);
        close(fd);
        return NULL;
    }
    listener->fd = fd;
    listener->port = parsed.port;
    listener->file = listen_unix_file(address);
    listener->wanted = 0;
    listener->key = pb_str_make(memcpy(listener->text, key.data, key.size), key.size);
    listener->address =
        pb_str_make(memcpy(listener->text + key.size, address.data, address.size), address.size);
    list_append(&hub_listeners, &listener->link);
    return listener;
}

static struct want *want_find(struct hub_peer *peer, const struct hub_listener *listener)
{
    for (struct list_link *at = peer->wants.next; at != &peer->wants; at = at->next) {
        struct want *want = list_entry(at, struct want, link);
        if (want->listener == listener)
            return want;
    }
    return NULL;
}

/* false: this worker has it under another key, or there is no memory. */
bool hub_want(struct hub_peer *peer, struct hub_listener *listener, pb_str key)
{
    struct want *want = want_find(peer, listener);

    if (want)
        return pb_str_equal(pb_str_make(want->key, want->key_size), key);
    if (peer->things >= HUB_HELD || !(want = malloc(sizeof *want + key.size)))
        return false;
    want->listener = listener;
    want->key_size = key.size;
    memcpy(want->key, key.data, key.size);
    list_append(&peer->wants, &want->link);
    listener->wanted++;
    peer->things++;
    return true;
}

/* A Unix socket that is there already gets the mode and the group of the newest configuration; one
 * whose file was taken away is made again, and whoever asks from now on gets the new one. */
static pb_status renew(struct hub_listener *listener, const struct listen_wish *wish)
{
    struct listen_address parsed;
    struct listen_file now = listen_unix_file(wish->address);
    int fd;

    if (!listener->file.inode)
        return PB_OK;
    if (now.inode == listener->file.inode && now.device == listener->file.device) {
        pb_status status = listen_address_parse(wish->address, &parsed);
        return status == PB_OK ? listen_unix_permit(wish, &parsed) : status;
    }
    pb_status status = listen_socket_open(wish, &fd);
    if (status != PB_OK)
        return status;
    close(listener->fd);
    listener->fd = fd;
    listener->file = listen_unix_file(wish->address);
    return PB_OK;
}

void hub_listen(struct hub_peer *peer, const struct message *message)
{
    struct hub_listener *listener = listener_find(message->name, message->body);
    const struct listen_wish wish = {
        .address = message->body, .mode = (uint32_t)message->a, .group = message->b};
    int fd;

    if (!message->name.size || !message->body.size) {
        hub_reply(peer, message->number, PB_INVALID, "that is no listener");
        return;
    }
    if ((listener ? renew(listener, &wish) : listen_socket_open(&wish, &fd)) != PB_OK) {
        reply_error(peer, message->number);
        return;
    }
    if (!listener && !(listener = hub_listener_add(message->name, message->body, fd))) {
        hub_reply(peer, message->number, PB_NO_MEMORY, "out of memory");
        return;
    }
    if (!hub_want(peer, listener, message->name)) {
        char sentence[PB_SENTENCE_SIZE];
        snprintf(sentence, sizeof sentence, "%.*s is in use already", PB_ARG(listener->address));
        hub_reply(peer, message->number, PB_CONFLICT, sentence);
        return;
    }
    send_descriptor(peer, message->number, listener->fd);
}

void hub_listen_announced(struct hub_peer *peer, struct message *message)
{
    struct hub_listener *listener = listener_find(message->name, message->body);
    int listens = 0;
    socklen_t size = sizeof listens;

    if (!message->name.size || !message->body.size || message->fd < 0 ||
        getsockopt(message->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || !listens)
        return;
    if (!listener) {
        listener = hub_listener_add(message->name, message->body, message->fd);
        message->fd = -1;
    }
    if (listener)
        hub_want(peer, listener, message->name);
}

void hub_forget_listeners(void)
{
    for (struct list_link *at = hub_listeners.next, *next; at != &hub_listeners; at = next) {
        struct hub_listener *listener = list_entry(at, struct hub_listener, link);
        next = at->next;
        if (!listener->wanted)
            listener_drop(listener);
    }
}

/* --- shared memory ---------------------------------------------------------------------------- */

static void region_drop(struct hub_region *region)
{
    list_remove(&region->link);
    close(region->fd);
    free(region);
}

/* Regions that nobody has and a newer one of the same name has replaced. */
static void regions_forget(pb_str name)
{
    bool newer = false;

    for (struct list_link *at = hub_regions.prev, *prev; at != &hub_regions; at = prev) {
        struct hub_region *region = list_entry(at, struct hub_region, link);
        prev = at->prev;
        if (!pb_str_equal(region->name, name))
            continue;
        if (newer && !region->held)
            region_drop(region);
        newer = true;
    }
}

static struct hub_region *region_find(const struct message *message)
{
    for (struct list_link *at = hub_regions.next; at != &hub_regions; at = at->next) {
        struct hub_region *region = list_entry(at, struct hub_region, link);
        if (region->bytes == message->a && region->version == (uint32_t)message->b &&
            pb_str_equal(region->name, message->name))
            return region;
    }
    return NULL;
}

/* Takes fd. NULL: no memory. */
struct hub_region *hub_region_restore(pb_str name, int64_t bytes, uint32_t version, int fd)
{
    struct hub_region *region = malloc(sizeof *region + name.size);

    if (!region) {
        close(fd);
        return NULL;
    }
    *region = (struct hub_region){.fd = fd, .bytes = bytes, .version = version};
    region->name = pb_str_make(memcpy(region->text, name.data, name.size), name.size);
    list_append(&hub_regions, &region->link);
    return region;
}

static struct hub_region *region_add(const struct message *message, int fd)
{
    struct hub_region *region =
        hub_region_restore(message->name, message->a, (uint32_t)message->b, fd);

    if (region)
        regions_forget(region->name);
    return region;
}

bool hub_hold(struct hub_peer *peer, struct hub_region *region)
{
    struct hold *hold = peer->things < HUB_HELD ? malloc(sizeof *hold) : NULL;

    if (!hold)
        return false;
    hold->region = region;
    list_append(&peer->holds, &hold->link);
    region->held++;
    peer->things++;
    return true;
}

static void hold_drop(struct hub_peer *peer, struct hold *hold)
{
    char name[HUB_NAME];
    size_t size = hold->region->name.size;

    memcpy(name, hold->region->name.data, size);
    hold->region->held--;
    peer->things--;
    list_remove(&hold->link);
    free(hold);
    regions_forget(pb_str_make(name, size));
}

void hub_shared_open(struct hub_peer *peer, const struct message *message)
{
    struct hub_region *region = region_find(message);
    int fd;

    if (!message->name.size || message->name.size > HUB_NAME) {
        hub_reply(peer, message->number, PB_INVALID, "that is no shared memory");
        return;
    }
    if (!region && region_create(message->a, (uint32_t)message->b, &fd) != PB_OK) {
        reply_error(peer, message->number);
        return;
    }
    if (!region)
        region = region_add(message, fd);
    if (region) { /* the last in the list is the one that is current */
        list_remove(&region->link);
        list_append(&hub_regions, &region->link);
    }
    if (!region || !hub_hold(peer, region))
        hub_reply(peer, message->number, PB_NO_MEMORY, "out of memory");
    else
        send_descriptor(peer, message->number, region->fd);
}

void hub_shared_close(struct hub_peer *peer, const struct message *message)
{
    struct hub_region *region = region_find(message);

    for (struct list_link *at = peer->holds.next; region && at != &peer->holds; at = at->next) {
        struct hold *hold = list_entry(at, struct hold, link);
        if (hold->region == region) {
            hold_drop(peer, hold);
            return;
        }
    }
}

/* An orphan's. All orphans have the same one; should a late one have another, it keeps that. */
void hub_shared_announced(struct hub_peer *peer, struct message *message)
{
    struct hub_region *region = region_find(message);
    struct region_head *head;

    if (!message->name.size || message->name.size > HUB_NAME || message->fd < 0 ||
        region_map(message->fd, message->a, (uint32_t)message->b, &head) != PB_OK)
        return;
    region_unmap(head);
    if (!region) {
        region = region_add(message, message->fd);
        message->fd = -1;
    }
    if (region)
        hub_hold(peer, region);
}

void hub_keep_release_all(struct hub_peer *peer)
{
    while (!list_empty(&peer->wants)) {
        struct want *want = list_entry(list_pop(&peer->wants), struct want, link);
        want->listener->wanted--;
        peer->things--;
        free(want);
    }
    while (!list_empty(&peer->holds))
        hold_drop(peer, list_entry(peer->holds.next, struct hold, link));
}

void hub_keep_close(void)
{
    while (!list_empty(&hub_listeners))
        listener_drop(list_entry(hub_listeners.next, struct hub_listener, link));
    while (!list_empty(&hub_regions))
        region_drop(list_entry(hub_regions.next, struct hub_region, link));
}
