/* hub_adopt.c - cells of the scoreboard, the list of live workers on disk, and workers that come by
 * control.sock: orphans of a dead supervisor, and our own after they were cut.
 *
 * Until every orphan came or died (5 s at most) nothing is granted that one of them may have:
 * requests for listeners, leases and shared memory wait.
 */
#include "cluster/hub_internal.h"

#include "cluster/run_dir.h"
#include <fcntl.h>
#include <patchbay/log.h>
#include <patchbay/memory.h>
#include <patchbay/task.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const pb_duration orphans_limit = 5 * PB_SECOND;

struct expected {
    struct list_link link;
    bool dead;
    char id[IDENTITY_SIZE];
};

struct held {
    struct list_link link;
    struct hub_peer *peer;
    pb_duration since;
    struct message message;
    char text[];
};

/* --- cells ------------------------------------------------------------------------------------ */

static bool cell_used(uint32_t cell)
{
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next)
        if (peer_at(at)->node.kind == HUB_WORKER && peer_at(at)->node.cell == cell)
            return true;
    return false;
}

/* Or does a process that we do not know write into it? An orphan that comes late. */
static bool cell_taken(uint32_t cell)
{
    int32_t pid = hub.board->cells[cell].pid;
    return cell_used(cell) || (pid > 0 && kill(pid, 0) == 0);
}

static void clear_cell(struct scoreboard_cell *cell)
{
    cell->pid = 0;
    cell->state = CELL_FREE;
    cell->connections = cell->turns = cell->running = cell->instance = cell->pipeline = 0;
    cell->cause = CAUSE_NONE;
    cell->switches = cell->turn[0] = cell->turn[1] = 0;
    memset(cell->text, 0, sizeof cell->text);
}

uint32_t hub_cell_take(uint32_t slot, uint32_t generation)
{
    uint32_t at = 0;

    while (at < SCOREBOARD_CELLS && cell_taken(at))
        at++;
    if (at == SCOREBOARD_CELLS)
        return HUB_NO_CELL;
    struct scoreboard_cell *cell = &hub.board->cells[at];
    clear_cell(cell);
    cell->slot = slot;
    cell->generation = generation;
    cell->state = CELL_STARTING;
    if (hub.board->cells_used <= at)
        hub.board->cells_used = at + 1;
    return at;
}

void hub_cell_free(uint32_t cell)
{
    if (cell < SCOREBOARD_CELLS)
        clear_cell(&hub.board->cells[cell]);
}

/* Cells of workers that died while nobody looked. */
static void clear_unowned(void)
{
    for (uint32_t i = 0; i < SCOREBOARD_CELLS; i++)
        if (hub.board->cells[i].state != CELL_FREE && !cell_taken(i))
            clear_cell(&hub.board->cells[i]);
}

/* --- the list on disk ------------------------------------------------------------------------- */

static void add_line(struct buf *text, const char *id)
{
    buf_add(text, pb_str_of(id));
    buf_add(text, pb_lit("\n"));
}

void hub_workers_write(void)
{
    struct buf text = {0};

    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next)
        if (peer_at(at)->node.kind == HUB_WORKER && peer_at(at)->id[0])
            add_line(&text, peer_at(at)->id);
    for (struct list_link *at = hub.expected.next; at != &hub.expected; at = at->next)
        if (!list_entry(at, struct expected, link)->dead)
            add_line(&text, list_entry(at, struct expected, link)->id);
    run_dir_workers_write(hub.run_dir, buf_str(&text));
    buf_fini(&text);
}

static void expect(pb_str id)
{
    struct expected *expected = calloc(1, sizeof *expected);

    if (!expected || !id.size || id.size >= sizeof expected->id) {
        free(expected);
        return;
    }
    memcpy(expected->id, id.data, id.size);
    expected->dead = !identity_alive(id);
    hub.waits = hub.waits || !expected->dead;
    list_append(&hub.expected, &expected->link);
}

void hub_orphans_expect(void)
{
    struct buf text = {0};

    run_dir_workers_read(hub.run_dir, &text);
    for (pb_str rest = buf_str(&text); rest.size;) {
        pb_str line = pb_str_slice(rest, 0, pb_str_find(rest, '\n'));
        expect(line);
        rest = pb_str_slice(rest, line.size + 1, rest.size);
    }
    buf_fini(&text);
    hub.waits_until = pb_monotonic() + orphans_limit;
    if (hub.waits)
        hub_tick_arm();
    else
        hub_orphans_forget();
}

void hub_orphans_forget(void)
{
    for (struct list_link *link; (link = list_pop(&hub.expected));)
        free(list_entry(link, struct expected, link));
    for (struct list_link *link; (link = list_pop(&hub.held));)
        free(list_entry(link, struct held, link));
}

/* --- requests that wait ----------------------------------------------------------------------- */

bool hub_hold_back(struct hub_peer *peer, const struct message *message)
{
    size_t name = message->name.size, body = message->body.size;

    if (!hub.waits)
        return false;
    struct held *held = malloc(sizeof *held + name + body);
    if (!held)
        return false;
    held->peer = peer;
    held->since = pb_monotonic();
    held->message = *message;
    held->message.fd = -1;
    held->message.name = pb_str_make(memcpy(held->text, message->name.data, name), name);
    held->message.body = pb_str_make(memcpy(held->text + name, message->body.data, body), body);
    list_append(&hub.held, &held->link);
    return true;
}

void hub_hold_back_forget(const struct hub_peer *peer)
{
    for (struct list_link *at = hub.held.next, *next; at != &hub.held; at = next) {
        struct held *held = list_entry(at, struct held, link);
        next = at->next;
        if (held->peer == peer) {
            list_remove(at);
            free(held);
        }
    }
}

/* Everybody came or died, or it took too long. */
static void settle(void)
{
    hub.waits = false;
    clear_unowned();
    for (struct list_link *link; (link = list_pop(&hub.expected));) {
        struct expected *expected = list_entry(link, struct expected, link);
        if (expected->dead)
            hub_publish(pb_lit("cluster.gone"), pb_str_of(expected->id));
        else
            pb_log(PB_WARN, "worker %s of the supervisor before does not come", expected->id);
        free(expected);
    }
    hub_workers_write();
    for (struct list_link *link; (link = list_pop(&hub.held));) {
        struct held *held = list_entry(link, struct held, link);
        if (held->message.kind == MESSAGE_LEASE_TAKE)
            held->message.b = pb_monotonic() - held->since;
        hub_dispatch(held->peer, &held->message);
        free(held);
    }
    if (hub.hooks.settled)
        hub.hooks.settled();
}

void hub_orphans_look(pb_duration now)
{
    bool alive = false;

    if (!hub.waits)
        return;
    for (struct list_link *at = hub.expected.next; at != &hub.expected; at = at->next) {
        struct expected *expected = list_entry(at, struct expected, link);
        if (!expected->dead && !identity_alive(pb_str_of(expected->id)))
            expected->dead = true;
        alive = alive || !expected->dead;
    }
    if (!alive || now >= hub.waits_until)
        settle();
}

static void came(const struct hub_peer *peer)
{
    for (struct list_link *at = hub.expected.next, *next; at != &hub.expected; at = next) {
        struct expected *expected = list_entry(at, struct expected, link);
        next = at->next;
        if (strcmp(expected->id, peer->id) != 0)
            continue;
        list_remove(at);
        free(expected);
    }
}

/* --- a worker comes back ---------------------------------------------------------------------- */

static bool same_file(int a, int b)
{
    struct stat one, two;

    return fstat(a, &one) == 0 && fstat(b, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static bool any_worker(const struct hub_peer *but)
{
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next)
        if (peer_at(at) != but && peer_at(at)->node.kind == HUB_WORKER)
            return true;
    return false;
}

/* The orphan's scoreboard becomes ours, as long as none of our workers is on the one that we made.
 */
static void take_board(const struct hub_peer *peer, struct message *hello)
{
    struct scoreboard *board;

    if (hello->fd < 0 || same_file(hello->fd, hub.board_fd) || any_worker(peer) ||
        scoreboard_map(hello->fd, &board) != PB_OK)
        return;
    munmap(hub.board, sizeof *hub.board);
    close(hub.board_fd);
    hub.board = board;
    hub.board_fd = hello->fd;
    hello->fd = fcntl(hub.board_fd, F_DUPFD_CLOEXEC, 0);
}

static void seat(struct hub_peer *peer, const struct message *hello, uint32_t cell)
{
    bool ours = hello->fd >= 0 && same_file(hello->fd, hub.board_fd) && cell < SCOREBOARD_CELLS;

    if (ours && (peer->node.cell == cell || !cell_used(cell))) {
        peer->node.cell = cell;
        hub.board->cells[cell].pid = peer->node.pid;
        return;
    }
    if (peer->node.cell == HUB_NO_CELL)
        peer->node.cell = hub_cell_take(peer->node.slot, peer->node.generation);
    peer->moved = true;
    if (peer->node.cell != HUB_NO_CELL)
        hub.board->cells[peer->node.cell].pid = peer->node.pid;
}

/* One of ours that was cut: its record goes on with the new socket. */
static struct hub_peer *find_cut(const struct hub_peer *stranger)
{
    for (struct list_link *at = hub.nodes.next; at != &hub.nodes; at = at->next) {
        struct hub_peer *peer = peer_at(at);
        if (peer->node.kind == HUB_WORKER && peer->node.pid == stranger->node.pid)
            return peer;
    }
    return NULL;
}

static struct hub_peer *go_on(struct hub_peer *peer, struct hub_peer *stranger)
{
    int fd = fcntl(stranger->channel.fd, F_DUPFD_CLOEXEC, 0);

    if (channel_is_open(&peer->channel)) /* it is quicker than the news of its end */
        hub_peer_silent(peer);
    hub_keep_release_all(peer); /* it announces what it still has */
    hub_peer_free(stranger);
    return fd >= 0 && hub_peer_open(peer, fd) == PB_OK ? peer : NULL;
}

struct hub_peer *hub_worker_back(struct hub_peer *stranger, struct message *hello)
{
    struct message_hello body;
    struct hub_peer *peer = find_cut(stranger);

    if (hello->body.size != sizeof body || stranger->node.pid <= 0) {
        channel_cut(&stranger->channel, "it does not say which worker it is");
        return NULL;
    }
    memcpy(&body, hello->body.data, sizeof body);
    if (peer) {
        peer = go_on(peer, stranger);
    } else {
        peer = stranger;
        peer->stranger = false;
        peer->node.kind = HUB_WORKER;
        peer->node.adopted = true;
        peer->node.slot = body.slot;
        peer->node.generation = body.generation;
        peer->node.cell = HUB_NO_CELL;
        list_remove(&peer->node.link);
        list_append(&hub.nodes, &peer->node.link);
    }
    if (!peer)
        return NULL;
    peer->back = true;
    take_board(peer, hello);
    seat(peer, hello, body.cell);
    return peer;
}

void hub_worker_announced(struct hub_peer *peer)
{
    if (!peer->back)
        return;
    peer->back = false;
    hub_welcome(peer, peer->moved);
    peer->moved = false;
    if (peer->known)
        return;
    peer->known = true;
    came(peer);
    hub_workers_write();
    pb_log(PB_INFO, "worker %s goes on with us", peer->id);
    if (hub.hooks.adopted)
        hub.hooks.adopted(&peer->node);
    hub_orphans_look(loop_now());
}
