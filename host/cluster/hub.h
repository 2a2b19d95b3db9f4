/* hub.h - the supervisor's side of the cluster: sockets of workers, guests and commands; routes
 * messages and questions, grants leases, keeps shared memory and listeners.
 *
 * It knows no processes: who is spawned, replaced and drained is decided above (app/supervisor.c)
 * by the hooks. Everything it holds survives an exec (hub_save, hub_restore) and, told by the
 * workers themselves, the supervisor's death.
 */
#ifndef HOST_CLUSTER_HUB_H
#define HOST_CLUSTER_HUB_H

#include "base/list.h"
#include "cluster/scoreboard.h"
#include <patchbay/types.h>

enum hub_kind { HUB_WORKER, HUB_GUEST, HUB_COMMAND };

/* The other end of one socket. */
struct hub_node {
    struct list_link link;
    enum hub_kind kind;
    int32_t pid; /* as the kernel says (SO_PEERCRED), or as spawned */
    uint32_t slot, generation;
    uint32_t cell; /* of the scoreboard */
    bool adopted;  /* a worker of a supervisor that is gone */
    void *owner;   /* the supervisor's own record, or NULL */
};

/* Called on the loop. */
struct hub_hooks {
    void (*ready)(struct hub_node *worker);
    void (*failed)(struct hub_node *worker,
                   pb_str sentence); /* could not start; its exit follows */
    void (*drained)(struct hub_node *worker);
    void (*adopted)(
        struct hub_node *worker); /* an orphan came: it has slot, generation, pid, cell */
    /* A guest or command closed its socket, or an adopted worker's process ended: freed afterwards.
     * Of a worker of our own hub_worker_ended must tell: until then it stays, also with its socket
     * closed (one that was cut for a full queue comes back by itself, without any hook). */
    void (*gone)(struct hub_node *node);
    /* A command line came: words joined by NUL ("reload", "stop", "upgrade", "status", "config").
     * Answer by hub_answer, also later. */
    void (*command)(struct hub_node *node, pb_str words);
    /* Nobody is waited for any more: once, where hub_waits_for_orphans said so. May be NULL. */
    void (*settled)(void);
};

/* Locks run_dir (PB_CONFLICT: another supervisor runs, with its pid), makes it 0700, opens
 * control.sock (0600; peers must be our user or root), the scoreboard, and takes the next epoch
 * of fencing tokens from run_dir/epoch. run_dir is absolute and lives as long as the hub. */
pb_status hub_open(const char *run_dir, const struct hub_hooks *hooks);
void hub_close(void); /* removes control.sock */

/* Ask each time: it becomes that of the first adopted worker. */
struct scoreboard *hub_scoreboard(void);

/* After hub_open: workers of a dead supervisor live and have not come yet (5 s at most). New
 * workers may be spawned; their listeners, leases and shared memory wait for those. */
bool hub_waits_for_orphans(void);

/* For a new worker: a socket pair and a cell. *child is to be inherited (its number goes into
 * PATCHBAY_WORKER). */
pb_status hub_worker_new(uint32_t slot, uint32_t generation, int *child, struct hub_node **out);
void hub_worker_pid(struct hub_node *worker, int32_t pid);
/* Its process ended: leases, cell and socket go; guests and workers hear of it on topic
 * "cluster.gone" with its node id. `gone` is not called. */
void hub_worker_ended(struct hub_node *worker);

enum hub_order { HUB_DRAIN, HUB_RETIRE, HUB_REOPEN_LOGS };
void hub_order(struct hub_node *worker, enum hub_order order);

/* Names of the scoreboard's numbers, as that worker told them; absent: unknown. Borrowed. */
pb_str hub_instance_name(const struct hub_node *worker, uint32_t number);
pb_str hub_pipeline_name(const struct hub_node *worker, uint32_t number);

/* One piece of a command's answer, shown as it is; `fd` (or -1) goes along. The last one carries
 * the exit code. */
void hub_answer(struct hub_node *command, pb_str text, int fd);
void hub_answer_end(struct hub_node *command, int exit_code);

/* The bus, from the supervisor itself. */
void hub_publish(pb_str topic, pb_str body);

/* Listeners that no live worker asked for are closed; after a generation is gone. */
void hub_forget_listeners(void);

/* `patchbay upgrade`: everything into a memfd that stays open over exec (with the sockets'
 * descriptors made inheritable), and back, in the same order. PB_UNAVAILABLE while orphans are
 * waited for. `owner`s are the caller's to save beside it. */
pb_status hub_save(int *out);
pb_status hub_restore(int saved, const char *run_dir,
                      const struct hub_hooks *hooks); /* closes it */
void hub_save_undo(int saved);    /* the exec failed: descriptors are close-on-exec again */
struct hub_node *hub_first(void); /* all nodes */
struct hub_node *hub_next(const struct hub_node *node);

/* --- the client of a command (patchbay reload …): blocking, no loop --------------------------- */

/* Sends `words` to run_dir/control.sock and hands each answer to `each`; returns the exit code,
 * or -1 with pb_fail when no server answers there (PB_UNAVAILABLE). */
int hub_command(const char *run_dir, const char *const *words, size_t count,
                void (*each)(void *arg, pb_str text, int fd), void *arg);

#endif
