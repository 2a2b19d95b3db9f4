/* children.h - the test's side: starts this program again as hub, worker or guest (roles.h), and
 * talks to each over a socket pair. The test itself has no loop: it says, and hears, and blocks.
 */
#ifndef TESTS_CLUSTER_CHILDREN_H
#define TESTS_CLUSTER_CHILDREN_H

#include "cluster/message.h"
#include "suite.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000 };

struct child {
    pid_t pid;
    int fd;
    bool ours; /* to be waited for */
};

static char run_dir[256];

/* A fresh folder, at every test's beginning. */
static inline void fresh_run_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(run_dir, sizeof run_dir, "%s/cluster-XXXXXX", tmp && strlen(tmp) < 64 ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(run_dir));
}

static inline void remove_run_dir(void)
{
    struct dirent *entry;
    DIR *folder = opendir(run_dir);

    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(run_dir);
}

/* This program; a link in /proc would be Valgrind's when that runs us. */
static inline const char *own_path(void)
{
    static char path[512];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);

    path[size > 0 ? size : 0] = 0;
    return path;
}

/* Runs this program as `role`; its end of the pair is descriptor 3. */
static inline struct child start(const char *role)
{
    int ends[2];
    struct child child = {.ours = true};

    ck_assert(message_pair(ends));
    child.fd = ends[0];
    child.pid = fork();
    ck_assert_int_ge(child.pid, 0);
    if (child.pid == 0) {
        if (ends[1] == 3)
            fcntl(3, F_SETFD, 0);
        else
            dup2(ends[1], 3);
        execl(own_path(), "role", role, run_dir, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    return child;
}

/* "" at the end of the child. */
static inline const char *hear(struct child *child)
{
    static char text[2048];
    struct message message;
    struct pollfd wait = {.fd = child->fd, .events = POLLIN};

    while (poll(&wait, 1, PATIENCE_MS) < 0 && errno == EINTR)
        ;
    ck_assert_msg(wait.revents, "process %d says nothing", (int)child->pid);
    if (message_receive(child->fd, &message) != MESSAGE_GOT)
        return "";
    snprintf(text, sizeof text, "%.*s", PB_ARG(message.body));
    if (message.fd >= 0)
        close(message.fd);
    return text;
}

static inline void hear_exactly(struct child *child, const char *expected)
{
    const char *heard = hear(child);
    ck_assert_msg(strcmp(heard, expected) == 0, "process %d said '%s', not '%s'", (int)child->pid,
                  heard, expected);
}

/* What stands behind the expected beginning. */
static inline const char *hear_word(struct child *child, const char *beginning)
{
    const char *heard = hear(child);
    size_t size = strlen(beginning);

    ck_assert_msg(strncmp(heard, beginning, size) == 0, "process %d said '%s', not '%s…'",
                  (int)child->pid, heard, beginning);
    return heard + size;
}

static inline void say_with(struct child *child, int fd, const char *text)
{
    ck_assert(message_send(
        child->fd, &(struct message){.kind = MESSAGE_BUS, .body = pb_str_of(text), .fd = fd}));
}

static inline void say(struct child *child, const char *text)
{
    say_with(child, -1, text);
}

/* Says, and hears exactly this in answer. */
static inline void ask(struct child *child, const char *text, const char *expected)
{
    say(child, text);
    hear_exactly(child, expected);
}

static inline struct child start_hub(void)
{
    struct child hub = start("hub");
    hear_exactly(&hub, "open");
    return hub;
}

/* The hub spawns it: "spawn SLOT GENERATION". */
static inline struct child start_worker(struct child *hub, int slot)
{
    int ends[2];
    char text[64];
    struct child worker = {0};

    ck_assert(message_pair(ends));
    snprintf(text, sizeof text, "spawn %d 1", slot);
    say_with(hub, ends[1], text);
    close(ends[1]);
    worker.fd = ends[0];
    worker.pid = atoi(hear_word(hub, "spawned "));
    hear_exactly(&worker, "joined worker");
    return worker;
}

/* Kills without a word and waits until the kernel has closed its end. */
static inline void kill_child(struct child *child)
{
    ck_assert_int_eq(kill(child->pid, SIGKILL), 0);
    while (*hear(child))
        ;
    if (child->ours)
        waitpid(child->pid, NULL, 0);
    close(child->fd);
    child->fd = -1;
}

/* It ends by itself, without leaks. */
static inline void end(struct child *child)
{
    int status;

    say(child, "end");
    while (*hear(child))
        ;
    if (child->ours) {
        ck_assert_int_eq(waitpid(child->pid, &status, 0), child->pid);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "process %d ended with %d",
                      (int)child->pid, status);
    }
    close(child->fd);
    child->fd = -1;
}

#endif
