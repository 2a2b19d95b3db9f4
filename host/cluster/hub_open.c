/* hub_open.c - see hub.h: opening and closing the hub, and what the supervisor does with its
 * workers. */
#include "cluster/hub_internal.h"

#include "cluster/run_dir.h"
#include <errno.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_all(void)
{
    timer_cancel(&hub.tick);
    hub_accept_stop();
    while (!list_empty(&hub.nodes))
        hub_peer_free(peer_at(hub.nodes.next));
    hub_keep_close();
    hub_orphans_forget();
    if (hub.board)
        munmap(hub.board, sizeof *hub.board);
    hub.board = NULL;
    close_fd(&hub.board_fd);
    close_fd(&hub.socket);
    close_fd(&hub.lock);
    hub.waits = false;
    hub.run_dir = NULL;
}

pb_status hub_open(const char *run_dir, const struct hub_hooks *hooks)
{
    pb_status status = run_dir_lock(run_dir, &hub.lock);

    hub.run_dir = run_dir;
    hub.hooks = *hooks;
    hub.counter = 0;
    if (status == PB_OK)
        status = run_dir_epoch(run_dir, &hub.epoch);
    if (status == PB_OK)
        status = scoreboard_create(&hub.board_fd, &hub.board);
    if (status == PB_OK) {
        hub_orphans_expect();
        status = run_dir_listen(run_dir, &hub.socket);
    }
    if (status == PB_OK)
        status = hub_accept_start();
    if (status != PB_OK)
        close_all();
    return status;
}

void hub_close(void)
{
    if (!hub.run_dir)
        return;
    run_dir_unlisten(hub.run_dir);
    hub_workers_write(); /* nothing when no worker lives */
    close_all();
}

/* --- workers ---------------------------------------------------------------------------------- */

pb_status hub_worker_new(uint32_t slot, uint32_t generation, int *child, struct hub_node **out)
{
    struct hub_peer *peer = hub_peer_new(HUB_WORKER);
    int ends[2];

    if (!peer)
        return PB_NO_MEMORY;
    peer->known = true;
    peer->node.slot = slot;
    peer->node.generation = generation;
    peer->node.cell = hub_cell_take(slot, generation);
    if (peer->node.cell == HUB_NO_CELL) {
        hub_peer_free(peer);
        return pb_fail(PB_UNAVAILABLE, "there are %d workers already", SCOREBOARD_CELLS);
    }
    if (!message_pair(ends)) {
        hub_peer_free(peer);
        return pb_fail(PB_UNAVAILABLE, "a worker's socket cannot be made: %s", strerror(errno));
    }
    pb_status status = hub_peer_open(peer, ends[0]);
    if (status != PB_OK) {
        close(ends[1]);
        hub_peer_free(peer);
        return status;
    }
    list_append(&hub.nodes, &peer->node.link);
    hub_welcome(peer, true);
    *child = ends[1];
    *out = &peer->node;
    return PB_OK;
}

void hub_worker_pid(struct hub_node *worker, int32_t pid)
{
    struct hub_peer *peer = peer_of(worker);

    worker->pid = pid;
    if (worker->cell != HUB_NO_CELL)
        hub.board->cells[worker->cell].pid = pid;
    if (identity_of(pid, peer->id))
        hub_workers_write();
}

void hub_worker_ended(struct hub_node *worker)
{
    struct hub_peer *peer = peer_of(worker);

    peer->ending = true;
    channel_drain(&peer->channel); /* its last words */
    hub_peer_ended(peer);
}

void hub_order(struct hub_node *worker, enum hub_order order)
{
    channel_send(&peer_of(worker)->channel,
                 &(struct message){.kind = MESSAGE_ORDER, .a = order, .fd = -1});
}

/* --- names ------------------------------------------------------------------------------------ */

/* The string of this index from 0; absent when there are fewer. */
static pb_str nth(const struct buf *names, size_t index)
{
    pb_str rest = buf_str(names);

    while (rest.size) {
        pb_str name = pb_str_slice(rest, 0, pb_str_find(rest, 0));
        if (index-- == 0)
            return name;
        rest = pb_str_slice(rest, name.size + 1, rest.size);
    }
    return (pb_str){0};
}

pb_str hub_instance_name(const struct hub_node *worker, uint32_t number)
{
    const struct hub_peer *peer = peer_of(worker);
    return number && number <= peer->instance_count ? nth(&peer->names, number - 1) : (pb_str){0};
}

pb_str hub_pipeline_name(const struct hub_node *worker, uint32_t number)
{
    const struct hub_peer *peer = peer_of(worker);
    return number && number <= peer->pipeline_count
               ? nth(&peer->names, peer->instance_count + number - 1)
               : (pb_str){0};
}

/* --- commands --------------------------------------------------------------------------------- */

void hub_answer(struct hub_node *command, pb_str text, int fd)
{
    do {
        pb_str piece = pb_str_slice(text, 0, MESSAGE_TEXT);
        channel_send(&peer_of(command)->channel,
                     &(struct message){.kind = MESSAGE_REPLY, .body = piece, .fd = fd});
        text = pb_str_slice(text, piece.size, text.size);
        fd = -1;
    } while (text.size);
}

void hub_answer_end(struct hub_node *command, int exit_code)
{
    channel_send(&peer_of(command)->channel,
                 &(struct message){.kind = MESSAGE_REPLY_END, .a = exit_code, .fd = -1});
}
