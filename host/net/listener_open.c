/* listener_open.c - pb_listen: what a spec that says 0 gets, which socket, which certificate. */
#include "cluster/listen_socket.h"
#include "cluster/node.h"
#include "net/server_internal.h"
#include "net/tls_pair.h"

#include <grp.h>
#include <patchbay/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct server_defaults server_defaults = {
    .max_header = 32 << 10,
    .max_body = 16 << 20,
    .max_upload = 100 << 20,
    .max_connections = 10000,
    .max_connections_per_address = 10000,
    .header_timeout = 10 * PB_SECOND,
    .body_timeout = 30 * PB_SECOND,
    .write_timeout = 60 * PB_SECOND,
    .keepalive_timeout = 75 * PB_SECOND,
    .drain_timeout = 25 * PB_SECOND,
};

pb_str (*server_owner)(void);

/* Which listener of its owner this is, the same in all workers: "transports.web", "transports.web
 * 2". */
static pb_str key_for(pb_str address)
{
    pb_str owner = server_owner ? server_owner() : pb_str_make(NULL, 0);
    void *instance = task_local()->instance;
    int number = 1;

    if (!owner.size)
        return address;
    for (struct list_link *at = listeners.next; at != &listeners; at = at->next)
        number += list_entry(at, pb_listener, link)->owner == instance;
    return number == 1 ? owner : pb_printf("%.*s %d", PB_ARG(owner), number);
}

/* --- the socket ------------------------------------------------------------------------------- */

/* The group's number. */
struct wanted_group {
    const char *name;
    int64_t id;
    int error;
};

/* Asks the system's directory, which may be a server elsewhere: on a helper thread. */
static pb_status find_group(void *arg)
{
    struct wanted_group *group = arg;
    char text[4096];
    struct group entry, *found = NULL;

    group->error = getgrnam_r(group->name, &entry, text, sizeof text, &found);
    group->id = found ? (int64_t)found->gr_gid : -1;
    return PB_OK;
}

static pb_status group_id(pb_str name, int64_t *out)
{
    struct wanted_group group = {.name = pb_copy(name).data, .id = -1};

    *out = -1;
    if (!name.size)
        return PB_OK;
    pb_status status = group.name ? pb_offload(find_group, &group) : (pb_status)PB_NO_MEMORY;
    if (status == PB_OK && group.id < 0)
        return pb_fail(PB_INVALID, "there is no group '%.*s'", PB_ARG(name));
    *out = group.id;
    return status;
}

/* How clients call it: "http://127.0.0.1:8080", "unix:/run/web.sock". */
static void name_it(pb_listener *listener, pb_str address, const struct listen_address *parsed)
{
    const char *scheme = listener->tls ? "https" : "http";
    char text[LISTEN_TEXT];

    listen_socket_text(listener->fd, text);
    listener->local = strncmp(text, "unix:", 5) == 0;
    if (listener->local)
        snprintf(listener->url, sizeof listener->url, "%s", text);
    else if (parsed->kind == LISTEN_TCP)
        snprintf(listener->url, sizeof listener->url, "%s://%.*s:%d", scheme,
                 PB_ARG(listen_address_host(address)), listener->port);
    else
        snprintf(listener->url, sizeof listener->url, "%s://%s", scheme, text);
}

/* A relative path is one in the data folder. */
static pb_str placed(pb_str address)
{
    pb_str path = pb_str_slice(address, 5, address.size);

    if (!pb_str_starts(address, pb_lit("unix:")) || !path.size || path.data[0] == '/' ||
        path.data[0] == '@' || !server_defaults.data_dir)
        return address;
    return pb_printf("unix:%s/%.*s", server_defaults.data_dir, PB_ARG(path));
}

static pb_status open_socket(pb_listener *listener, const pb_listen_spec *spec)
{
    struct listen_wish wish = {.address = placed(spec->address), .mode = listener->spec.mode};
    struct listen_address parsed;
    pb_status status = group_id(listener->spec.group, &wish.group);

    if (status == PB_OK)
        status = listen_address_parse(wish.address, &parsed);
    if (status == PB_OK)
        status = node_listen(key_for(wish.address), &wish, &listener->fd);
    if (status != PB_OK)
        return status;
    listener->port = listen_socket_port(listener->fd);
    name_it(listener, wish.address, &parsed);
    return PB_OK;
}

/* --- pb_listen -------------------------------------------------------------------------------- */

#define FILL(field)                                                                                \
    if (spec->field <= 0)                                                                          \
    spec->field = server_defaults.field

static void fill(pb_listen_spec *spec)
{
    FILL(max_header);
    FILL(max_body);
    FILL(max_upload);
    FILL(header_timeout);
    FILL(body_timeout);
    FILL(write_timeout);
    FILL(keepalive_timeout);
    FILL(max_connections);
    FILL(max_connections_per_address);
}

pb_status host_listen(const pb_listen_spec *spec, pb_listener **out)
{
    pb_listener *listener = calloc(1, sizeof *listener);
    pb_status status = PB_OK;

    if (!listener)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    memcpy(&listener->spec, spec, spec->size < sizeof *spec ? spec->size : sizeof *spec);
    fill(&listener->spec);
    listener_metrics();
    list_init(&listener->connections);
    listener->fd = -1;
    if (spec->certificate.size)
        status = tls_pair_open(spec->certificate, spec->key, &listener->tls);
    if (status == PB_OK)
        status = open_socket(listener, spec);
    if (status != PB_OK) {
        tls_pair_close(listener->tls);
        free(listener);
        return status;
    }
    listener->spec.address = listener->spec.certificate = listener->spec.key =
        listener->spec.group = (pb_str){0};
    listener->owner = task_local()->instance;
    listener->number = task_local()->work.instance;
    listener_begin(listener);
    pb_log(PB_INFO, "listening on %s", listener->url);
    *out = listener;
    return PB_OK;
}
