/* node.c - see node.h: joining, the link to the supervisor, and finding the next one when it is
 * gone. */
#include "cluster/node_internal.h"

#include "cluster/run_dir.h"
#include "cluster/scoreboard.h"
#include <errno.h>
#include <fcntl.h>
#include <patchbay/log.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WELCOME_MS = 1000, QUICK_TRIES = 20 };
static const pb_duration retry_soon = 100 * PB_MILLISECOND, retry_later = PB_SECOND;

struct node node = {
    .board = -1, .channel = {.fd = -1}, .requests = {&node.requests, &node.requests}};

enum node_kind node_kind(void)
{
    return node.kind;
}

uint32_t node_slot(void)
{
    return node.slot;
}

uint32_t node_generation(void)
{
    return node.generation;
}

bool node_connected(void)
{
    return node.welcome;
}

void node_send(const struct message *message)
{
    channel_send(&node.channel, message); /* one that is not open sends nothing */
}

static void send_kind(enum message_kind kind)
{
    node_send(&(struct message){.kind = (uint16_t)kind, .fd = -1});
}

/* --- what the supervisor says ----------------------------------------------------------------- */

/* Takes the scoreboard that came, when we can read it. */
static void take_board(struct message *message)
{
    struct scoreboard *board;

    if (message->fd < 0 || scoreboard_map(message->fd, &board) != PB_OK)
        return;
    if (node.kind == NODE_WORKER && message->a >= 0 && message->a < SCOREBOARD_CELLS) {
        node.cell = (uint32_t)message->a;
        scoreboard_join(board, node.cell);
    } else {
        scoreboard_all = board;
    }
    if (node.board >= 0)
        close(node.board);
    node.board = message->fd;
    message->fd = -1;
}

static void welcome(struct message *message)
{
    bool again = node.was_welcome;

    take_board(message);
    node.welcome = node.was_welcome = true;
    node.tries = 0;
    if (node.lost_bus)
        send_kind(MESSAGE_GAP);
    node.lost_bus = false;
    node_requests_resend();
    if (!again)
        return;
    node_bus_gap();
    pb_log(PB_INFO, "the supervisor is back");
    if (node.hooks.reconnected)
        node.hooks.reconnected();
}

static void obey(const struct message *message)
{
    void (*const hooks[])(void) = {node.hooks.drain, node.hooks.retire, node.hooks.reopen_logs};

    if (message->a >= 0 && message->a < 3 && hooks[message->a])
        hooks[message->a]();
}

static void on_message(struct channel *channel, struct message *message)
{
    (void)channel;
    switch (message->kind) {
    case MESSAGE_WELCOME:
        welcome(message);
        break;
    case MESSAGE_BUS:
    case MESSAGE_GAP:
        node_bus_message(message);
        break;
    case MESSAGE_ANSWER:
    case MESSAGE_ASK_END:
        node_requests_answer(message);
        break;
    case MESSAGE_LEASE_STATE:
        node_lease_message(message);
        break;
    case MESSAGE_ASK:
        node_question_message(message);
        break;
    case MESSAGE_ORDER:
        obey(message);
        break;
    default: /* of a newer supervisor: not for us */
        break;
    }
}

/* --- the link --------------------------------------------------------------------------------- */

static void try_again(struct timer *timer);

static void arm_retry(void)
{
    timer_arm(&node.retry, node.tries++ < QUICK_TRIES ? retry_soon : retry_later, try_again);
}

static void on_closed(struct channel *channel)
{
    bool was = node.welcome;

    channel_close(channel);
    node.welcome = false;
    node_requests_fail();
    arm_retry();
    if (!was)
        return;
    pb_log(PB_WARN, "the supervisor is gone; going on without it");
    if (node.hooks.disconnected)
        node.hooks.disconnected();
}

static bool open_link(int fd)
{
    node.channel.message = on_message;
    node.channel.closed = on_closed;
    return channel_open(&node.channel, fd) == PB_OK;
}

/* Says who we are and all that we hold. */
static void say_hello(bool orphan)
{
    struct message_hello body = {
        .slot = node.slot, .generation = node.generation, .cell = node.cell, .ready = node.ready};
    struct message hello = {.kind = MESSAGE_HELLO,
                            .a = node.kind == NODE_GUEST, /* hub_kind: HUB_WORKER, HUB_GUEST */
                            .name = host_node_id(),
                            .body = pb_str_make((const char *)&body, sizeof body),
                            .fd = orphan && node.kind == NODE_WORKER ? node.board : -1};

    node_send(&hello);
    if (node.names.body.size)
        node_send(&node.names);
    node_bus_announce();
    if (orphan) {
        node_listen_announce();
        node_shared_announce();
        node_lease_announce();
    }
    send_kind(MESSAGE_ANNOUNCED);
}

static void try_again(struct timer *timer)
{
    (void)timer;
    int fd = run_dir_connect(node.run_dir, false);

    if (fd >= 0 && open_link(fd))
        say_hello(true);
    else
        arm_retry();
}

/* Waits on the spot for the first message, which is on its way or there. */
static bool receive_welcome(int fd, struct message *out)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    while (poll(&wait, 1, WELCOME_MS) < 0 && errno == EINTR)
        ;
    return wait.revents && message_receive(fd, out) == MESSAGE_GOT;
}

/* --- joining ---------------------------------------------------------------------------------- */

/* PATCHBAY_WORKER=fd:slot:generation; the welcome lies in the socket before we began. */
static bool join_as_worker(void)
{
    const char *text = getenv("PATCHBAY_WORKER");
    struct message message;
    int fd;

    if (!text || sscanf(text, "%d:%u:%u", &fd, &node.slot, &node.generation) != 3 || fd < 3)
        return false;
    unsetenv("PATCHBAY_WORKER");
    node.kind = NODE_WORKER;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (receive_welcome(fd, &message) && message.kind == MESSAGE_WELCOME) {
        take_board(&message);
        if (message.fd >= 0)
            close(message.fd);
        node.welcome = node.was_welcome = true;
    }
    if (!open_link(fd)) {
        arm_retry();
        return true;
    }
    say_hello(false);
    return true;
}

static void join_as_guest(void)
{
    int fd = run_dir_connect(node.run_dir, false);
    bool nobody = fd < 0 && (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR);

    if (nobody && !run_dir_workers_alive(node.run_dir))
        return; /* alone */
    node.kind = NODE_GUEST;
    if (fd < 0 || !open_link(fd)) {
        arm_retry();
        return;
    }
    say_hello(false);
    struct message message;
    if (receive_welcome(node.channel.fd, &message))
        on_message(&node.channel, &message);
    if (message.fd >= 0)
        close(message.fd);
}

pb_status node_join(const char *run_dir, const struct node_hooks *hooks)
{
    node.kind = NODE_ALONE;
    node.hooks = hooks ? *hooks : (struct node_hooks){0};
    node.run_dir = run_dir ? strdup(run_dir) : NULL;
    node.ready = node.welcome = node.was_welcome = node.lost_bus = false;
    node.slot = node.generation = node.cell = 0;
    node.tries = 0;
    if (run_dir && !node.run_dir)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    if (run_dir && !join_as_worker())
        join_as_guest();
    return PB_OK;
}

void node_leave(void)
{
    timer_cancel(&node.retry);
    channel_close(&node.channel);
    node.welcome = false;
    node_requests_fail();
    node_listen_forget();
    scoreboard_leave();
    if (node.board >= 0)
        close(node.board);
    node.board = -1;
    buf_fini(&node.names_text);
    node.names = (struct message){.fd = -1};
    free(node.run_dir);
    node.run_dir = NULL;
    node.kind = NODE_ALONE;
}

/* --- what a worker tells ---------------------------------------------------------------------- */

void node_names(const pb_str *instances, size_t instance_count, const pb_str *pipelines,
                size_t pipeline_count)
{
    buf_clear(&node.names_text, 0);
    for (size_t i = 0; i < instance_count + pipeline_count; i++) {
        pb_str name = i < instance_count ? instances[i] : pipelines[i - instance_count];
        if (node.names_text.size + name.size + 1 > MESSAGE_TEXT)
            break;
        buf_add(&node.names_text, name);
        buf_add(&node.names_text, pb_str_make("", 1));
    }
    node.names = (struct message){.kind = MESSAGE_NAMES,
                                  .a = (int64_t)instance_count,
                                  .b = (int64_t)pipeline_count,
                                  .body = buf_str(&node.names_text),
                                  .fd = -1};
    if (node.names.body.size)
        node_send(&node.names);
}

void node_ready(void)
{
    node.ready = true;
    scoreboard_own->state = CELL_SERVING;
    send_kind(MESSAGE_READY);
}

void node_failed(pb_str sentence)
{
    node_send(&(struct message){
        .kind = MESSAGE_FAILED, .body = pb_str_slice(sentence, 0, PB_SENTENCE_SIZE), .fd = -1});
}

void node_drained(void)
{
    send_kind(MESSAGE_DRAINED);
}
