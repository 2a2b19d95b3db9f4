/* hub_role.h - the hub's role: a supervisor that spawns this program as workers. */
#ifndef TESTS_CLUSTER_HUB_ROLE_H
#define TESTS_CLUSTER_HUB_ROLE_H

#include "roles.h"

static struct hub_node *waiting_command;

/* A worker that we spawned: its end by a pidfd. */
struct spawned {
    uv_poll_t poll;
    pid_t pid;
};

static struct hub_node *node_of_slot(uint32_t slot)
{
    struct hub_node *node = hub_first();

    while (node && (node->kind != HUB_WORKER || node->slot != slot))
        node = hub_next(node);
    return node;
}

static void on_pidfd_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_worker_end(uv_poll_t *poll, int status, int events)
{
    struct spawned *spawned = (struct spawned *)poll;
    uv_os_fd_t fd;
    (void)status;
    (void)events;
    if (waitpid(spawned->pid, NULL, WNOHANG) != spawned->pid)
        return;
    for (struct hub_node *node = hub_first(); node; node = hub_next(node))
        if (node->pid == spawned->pid) {
            uint32_t slot = node->slot;
            hub_worker_ended(node);
            tell("ended %u", slot);
            break;
        }
    uv_fileno((uv_handle_t *)poll, &fd);
    uv_close((uv_handle_t *)poll, on_pidfd_closed);
    close(fd);
}

static void watch(pid_t pid)
{
    struct spawned *spawned = calloc(1, sizeof *spawned);

    spawned->pid = pid;
    uv_poll_init(loop_uv(), &spawned->poll, (int)syscall(SYS_pidfd_open, pid, 0));
    uv_poll_start(&spawned->poll, UV_READABLE, on_worker_end);
    uv_unref((uv_handle_t *)&spawned->poll);
}

static void spawn(unsigned slot, unsigned generation, int control)
{
    struct hub_node *node;
    char text[64];
    int child;

    if (hub_worker_new(slot, generation, &child, &node) != PB_OK) {
        tell("no worker");
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        child = fcntl(child, F_DUPFD, 10); /* without close-on-exec */
        dup2(control, 3);
        snprintf(text, sizeof text, "%d:%u:%u", child, slot, generation);
        setenv("PATCHBAY_WORKER", text, 1);
        execl(own_path(), "role", "node", role_run_dir, (char *)NULL);
        _exit(127);
    }
    close(child);
    hub_worker_pid(node, pid);
    watch(pid);
    tell("spawned %d", (int)pid);
}

/* --- what the hub tells ----------------------------------------------------------------------- */

static void on_ready(struct hub_node *worker)
{
    tell("ready %u as %.*s in %.*s", worker->slot, PB_ARG(hub_instance_name(worker, 2)),
         PB_ARG(hub_pipeline_name(worker, 1)));
}

static void on_failed(struct hub_node *worker, pb_str sentence)
{
    tell("failed %u: %.*s", worker->slot, PB_ARG(sentence));
}

static void on_drained(struct hub_node *worker)
{
    tell("drained %u", worker->slot);
}

static void on_adopted(struct hub_node *worker)
{
    const struct scoreboard_cell *cell = &hub_scoreboard()->cells[worker->cell];
    tell("adopted %u of %u, pid %d, %u connections", worker->slot, worker->generation,
         (int)worker->pid, cell->connections);
}

static void on_gone(struct hub_node *node)
{
    tell("gone %s %u", node->kind == HUB_WORKER ? "worker" : "peer", node->slot);
}

static void on_settled(void)
{
    tell("settled");
}

static void on_command(struct hub_node *node, pb_str words)
{
    if (pb_str_is(words, "later")) {
        waiting_command = node;
        tell("a command waits");
        return;
    }
    char *text = calloc(1, 300000);
    memset(text, 'y', 299999);
    hub_answer(node, pb_lit("hello "), 2);
    hub_answer(node, words, -1);
    hub_answer(node, pb_str_of(text), -1);
    hub_answer_end(node, 7);
    free(text);
}

static const struct hub_hooks hub_hooks_of_role = {.ready = on_ready,
                                                   .failed = on_failed,
                                                   .drained = on_drained,
                                                   .adopted = on_adopted,
                                                   .gone = on_gone,
                                                   .command = on_command,
                                                   .settled = on_settled};

/* --- what the hub obeys ----------------------------------------------------------------------- */

static void quarantine(const char *pipeline)
{
    struct scoreboard *board = hub_scoreboard();
    struct scoreboard_quarantine *row = &board->quarantine[0];

    snprintf(row->pipeline, sizeof row->pipeline, "%.60s", pipeline);
    snprintf(row->sentence, sizeof row->sentence, "%.60s does not serve", pipeline);
    row->generation = 1;
    board->quarantine_version++;
    tell("quarantined");
}

/* Into a new program, with all descriptors but those kept closed. */
static void save_and_exec(void)
{
    char saved[16];
    int fd, command = -1, at = 0;

    if (hub_save(&fd) != PB_OK) {
        tell("not saved");
        return;
    }
    for (struct hub_node *node = hub_first(); node; node = hub_next(node), at++)
        if (node == waiting_command)
            command = at;
    fcntl(3, F_SETFD, 0);
    snprintf(saved, sizeof saved, "%d", fd);
    setenv("COMMAND", command >= 0 ? (char[]){(char)('0' + command), 0} : "", 1);
    execl(own_path(), "role", "hub", role_run_dir, saved, (char *)NULL);
    tell("not executed");
}

static void on_hub_order(struct channel *channel, struct message *message)
{
    char text[256], what[128] = "", more[128] = "";
    unsigned slot = 0, number = 0;

    (void)channel;
    snprintf(text, sizeof text, "%.*s", PB_ARG(message->body));
    sscanf(text, "%*s %127s %127s", what, more);
    slot = (unsigned)atoi(what);
    number = (unsigned)atoi(more);
    if (strncmp(text, "spawn", 5) == 0)
        spawn(slot, number, message->fd);
    else if (strncmp(text, "order", 5) == 0)
        hub_order(node_of_slot(slot), (enum hub_order)number);
    else if (strncmp(text, "publish", 7) == 0)
        hub_publish(pb_str_of(what), pb_str_of(more));
    else if (strncmp(text, "advance", 7) == 0)
        loop_clock_advance(slot * PB_MILLISECOND), tell("advanced");
    else if (strncmp(text, "descriptors", 11) == 0)
        tell("%d descriptors", count_descriptors());
    else if (strncmp(text, "forget", 6) == 0)
        hub_forget_listeners(), tell("forgotten");
    else if (strncmp(text, "quarantine", 10) == 0)
        quarantine(what);
    else if (strncmp(text, "waits", 5) == 0)
        tell(hub_waits_for_orphans() ? "waits" : "does not wait");
    else if (strncmp(text, "answer", 6) == 0)
        hub_answer_end(waiting_command, 9);
    else if (strncmp(text, "save", 4) == 0)
        save_and_exec();
    else
        loop_stop();
}

static struct hub_node *nth_node(const char *text)
{
    struct hub_node *node = hub_first();

    for (int at = text && *text ? *text - '0' : -1; node && at > 0; at--)
        node = hub_next(node);
    return text && *text ? node : NULL;
}

int be_hub(const char *folder, int saved)
{
    test_link.message = on_hub_order;
    test_link.closed = on_test_gone;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    if (loop_init() != PB_OK || channel_open(&test_link, 3) != PB_OK)
        return 1;
    pb_status status = saved >= 0 ? hub_restore(saved, folder, &hub_hooks_of_role)
                                  : hub_open(folder, &hub_hooks_of_role);
    tell_status(status, saved >= 0 ? "restored" : "open");
    if (status == PB_OK && saved >= 0) {
        waiting_command = nth_node(getenv("COMMAND"));
        for (struct hub_node *node = hub_first(); node; node = hub_next(node))
            if (node->kind == HUB_WORKER)
                watch(node->pid);
    }
    if (status == PB_OK)
        loop_run();
    hub_close();
    channel_close(&test_link);
    loop_fini();
    return 0;
}

int role_main(int argc, char **argv, int (*tests)(void))
{
    if (argc < 3 || strcmp(argv[0], "role") != 0)
        return tests();
    role_run_dir = argv[2];
    if (strcmp(argv[1], "hub") == 0)
        return be_hub(argv[2], argc > 3 ? atoi(argv[3]) : -1);
    return be_node();
}

#endif
