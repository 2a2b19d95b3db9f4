/* node_shared.c - regions of shared memory that this process has open, and their locks. */
#include "cluster/node_internal.h"

#include "cluster/region.h"
#include <fcntl.h>
#include <patchbay/cluster.h>
#include <stdlib.h>
#include <unistd.h>

enum { NAME = 128 };

struct pb_shared {
    struct list_link link;
    struct region_head *head;
    int fd;
    int64_t bytes;
    uint32_t version;
    void (*repair)(void *memory, uint32_t index);
    pb_str name; /* points at text */
    char text[NAME + 1];
};

static struct list_link regions = {&regions, &regions};

/* Alone: the same region that this process has open already, or a new one. */
static pb_status find_or_create(const pb_shared_spec *spec, int *fd)
{
    for (struct list_link *at = regions.next; at != &regions; at = at->next) {
        struct pb_shared *shared = list_entry(at, struct pb_shared, link);
        if (shared->version != spec->version || shared->bytes != spec->bytes ||
            !pb_str_equal(shared->name, spec->name))
            continue;
        *fd = fcntl(shared->fd, F_DUPFD_CLOEXEC, 0);
        return *fd < 0 ? pb_fail(PB_UNAVAILABLE, "too many files are open") : PB_OK;
    }
    return region_create(spec->bytes, spec->version, fd);
}

static pb_status get(const pb_shared_spec *spec, int *fd)
{
    struct node_request request = {.ask = {.kind = MESSAGE_SHARED_OPEN,
                                           .name = spec->name,
                                           .a = spec->bytes,
                                           .b = spec->version,
                                           .fd = -1}};

    if (node.kind == NODE_ALONE)
        return find_or_create(spec, fd);
    pb_status status = node_request(&request);
    *fd = request.fd;
    if (status == PB_OK && *fd < 0)
        return pb_fail(PB_UNAVAILABLE, "too many files are open for shared memory");
    return status;
}

pb_status host_shared_open(const pb_shared_spec *spec, pb_shared **out)
{
    int fd = -1;

    *out = NULL;
    if (!spec->name.size || spec->name.size > NAME || !spec->repair)
        return pb_fail(PB_INVALID, "shared memory has a name of 1 to %d bytes and a repair", NAME);
    struct pb_shared *shared = calloc(1, sizeof *shared);
    if (!shared)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    shared->bytes = spec->bytes;
    shared->version = spec->version;
    shared->repair = spec->repair;
    shared->name =
        pb_str_make(memcpy(shared->text, spec->name.data, spec->name.size), spec->name.size);
    pb_status status = get(spec, &fd);
    if (status == PB_OK)
        status = region_map(fd, spec->bytes, spec->version, &shared->head);
    if (status != PB_OK) {
        if (fd >= 0)
            close(fd);
        free(shared);
        return status;
    }
    shared->fd = fd;
    list_append(&regions, &shared->link);
    *out = shared;
    return PB_OK;
}

void *host_shared_memory(pb_shared *shared)
{
    return region_memory(shared->head);
}

pb_status host_shared_lock(pb_shared *shared, uint32_t index)
{
    pb_status status = region_lock(shared->head, index);

    if (status != PB_DECLINED)
        return status;
    shared->repair(region_memory(shared->head), index);
    region_repaired(shared->head, index);
    return PB_OK;
}

void host_shared_unlock(pb_shared *shared, uint32_t index)
{
    region_unlock(shared->head, index);
}

static struct message about(const struct pb_shared *shared, enum message_kind kind)
{
    return (struct message){.kind = (uint16_t)kind,
                            .name = shared->name,
                            .a = shared->bytes,
                            .b = shared->version,
                            .fd = -1};
}

void host_shared_close(pb_shared *shared)
{
    if (!shared)
        return;
    struct message message = about(shared, MESSAGE_SHARED_CLOSE);
    node_send(&message);
    list_remove(&shared->link);
    region_unmap(shared->head);
    close(shared->fd);
    free(shared);
}

void node_shared_announce(void)
{
    for (struct list_link *at = regions.next; at != &regions; at = at->next) {
        struct pb_shared *shared = list_entry(at, struct pb_shared, link);
        struct message message = about(shared, MESSAGE_SHARED_HELD);
        message.fd = shared->fd;
        node_send(&message);
    }
}
