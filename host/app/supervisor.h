/* supervisor.h - `patchbay serve` as a tree: a supervisor that spawns, watches and replaces
 * workers.
 *
 * A generation is the workers of one configuration. One serves; another may be starting; older ones
 * let their turns end. What connects the processes is the hub (cluster/hub.h); this is about
 * processes. Everything runs on the supervisor's loop and nothing blocks but exec's children at
 * the very start. No plugin is ever loaded here.
 */
#ifndef HOST_APP_SUPERVISOR_H
#define HOST_APP_SUPERVISOR_H

#include "app/settings.h"
#include "cluster/hub.h"
#include "runtime/loop.h"
#include <sys/types.h>

enum { GENERATIONS_MOST = 3, SENTENCE_SIZE = 512 };

enum process_state {
    PROCESS_STARTING,
    PROCESS_SERVING,
    PROCESS_RETIRING, /* lets its turns end, without limit */
    PROCESS_DRAINING, /* must end within the drain time */
};

/* One worker process. */
struct process {
    struct list_link link;
    struct generation *generation;
    uint32_t slot; /* from 1 */
    int32_t pid;
    struct hub_node *node;
    enum process_state state;
    bool adopted; /* not our child: its pidfd says when it ends, and not how */
    bool spare;   /* it is being replaced; its slot belongs to another */
    bool served;  /* it was ready */
    uv_poll_t *pidfd;
    pb_duration began;          /* monotonic; 0: before this supervisor */
    struct timer limit;         /* to start, or to end */
    char killed[160];           /* why we killed it; "": we did not */
    char failed[SENTENCE_SIZE]; /* why it says that it could not start */
    int32_t exit_code;          /* of a failure to start */
    uint64_t switches;          /* for the watchdog: the last count, and since when it stands */
    pb_duration still_since;
    pb_duration heavy_since; /* above the memory limit; 0: it is not */
    bool asked;              /* where it holds its loop */
    bool hung;               /* it was killed for holding its loop */
};

/* One place in a generation, which a worker fills. */
struct slot {
    struct generation *generation;
    uint32_t number; /* from 1 */
    struct process *process;
    bool served;     /* a worker was ready in it */
    bool gave_up;    /* none could be started, before any was ready */
    unsigned deaths; /* in a row */
    pb_duration last_death;
    pb_duration pause;
    struct timer respawn;
};

enum generation_state { GENERATION_STARTING, GENERATION_SERVING, GENERATION_RETIRING };

struct generation {
    struct list_link link;
    uint32_t number;
    enum generation_state state;
    int snapshot; /* of its configuration */
    int greeting; /* a memfd that its workers fill: where they listen and what to try */
    struct settings settings;
    size_t processes; /* that live */
    char failure[SENTENCE_SIZE];
    int32_t failure_code;
    struct slot *slots; /* settings.workers of them */
};

struct supervisor {
    const struct invocation *invocation;
    char program[PATH_MAX]; /* this binary, as it was found */
    dev_t device;           /* and what lay there then */
    ino_t inode;
    struct list_link generations, processes;
    struct generation *current; /* serves; NULL until the first one does */
    struct generation *coming;  /* starts */
    uint32_t last_number;
    int exit_code;
    unsigned stops; /* how often it was asked to */
    bool greeted;
    bool adopting; /* waits for a dead supervisor's workers */
};
extern struct supervisor supervisor;

/* --- supervisor.c */
void supervisor_log(const struct settings *settings);
int supervisor_run(const struct invocation *invocation);
int supervisor_resume(const struct invocation *invocation,
                      const char *state); /* after an upgrade */
void supervisor_stop(const char *why);    /* the second time: now; the third: at once */
void supervisor_check_end(void);          /* ends the loop when it stops and no worker is left */
const struct hub_hooks *supervisor_hooks(void);

/* --- supervisor_spawn.c */
struct spawn {
    const char *program;        /* NULL: this one */
    char *const *arguments;     /* NULL: as this process was started */
    const char *environment[4]; /* "NAME=" pieces to set, NULL at the end */
    int kept[4], kept_count;    /* descriptors that stay open */
    int output;                 /* standard output and error; -1: ours */
    bool worker;                /* gets a session of its own */
};
int32_t spawn(const struct spawn *spec);   /* the pid, or -1 with errno */
pb_status spawn_worker(struct slot *slot); /* fills slot->process */
int spawn_memfd(const char *name);         /* -1 with errno; close-on-exec */
void spawn_end_session(int32_t pid);       /* kills what a dead worker left behind */

/* --- supervisor_check.c: a child that loads a configuration */
struct check {
    int32_t pid;
    int snapshot; /* what it read; -1 when there is none to be had */
    int output;   /* the pipe of its standard output and error; -1: they are ours */
    uv_poll_t *poll;
    struct buf *text; /* what it said, NULL: it says it itself */
    struct timer limit;
    void (*done)(struct check *check, int exit_code);
};
/* Blocking, with our own standard error: the exit code; 0: *snapshot is the caller's. */
int check_now(int *snapshot);
/* On the loop: `arguments` and `program` as in struct spawn; `snapshot` false: it only has to end.
 */
pb_status check_start(struct check *check, const struct spawn *spec, bool snapshot);
bool check_ended(int32_t pid, int status); /* true: it was one of them */
void check_free(struct check *check);      /* what it said, and the snapshot if it is still there */

/* --- supervisor_watch.c: ends */
void watch_children(void); /* after SIGCHLD */
void watch_adopted(struct process *process);
void watch_gone(struct process *process); /* the hub says so, and forgets its node */
void process_kill(struct process *process, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void process_order(struct process *process, enum hub_order order, pb_duration limit);
void process_limit(struct process *process, pb_duration limit); /* to end; then some patience */

/* --- supervisor_cause.c: what to say about an end */
struct cause {
    char text[640]; /* "was killed by SIGSEGV in stage 'x' of pipeline 'y', turn …" */
    char instance[96], pipeline[96]; /* who ran; "" */
    bool blamed;                     /* it is the fault of who ran */
};
void cause_find(const struct process *process, int status, bool known, struct cause *out);
const struct scoreboard_cell *process_cell(const struct process *process);

/* --- quarantine.c */
void quarantine_note(const struct process *process, const struct cause *cause);
void quarantine_clear(uint32_t generation);

/* --- supervisor_watchdog.c: hangs and memory */
void watchdog_start(void); /* again after each change of generation */

/* --- generation.c */
struct generation *generation_new(uint32_t number, int snapshot, const struct settings *settings);
void generation_start(struct generation *generation); /* its first workers */
void generation_look(struct generation *generation);  /* does it serve now, or never? */
void generation_process_ready(struct process *process);
void generation_process_gone(struct process *process, bool blamed);
void generation_retire_others(void);
void generation_drain_all(void);
struct generation *generation_find(uint32_t number);

/* --- reload.c */
void reload_request(struct hub_node *command); /* NULL: by a signal */
void reload_started(void);                     /* the coming generation serves */
void reload_failed(const char *sentence, int exit_code);
void reload_command_gone(const struct hub_node *command);
bool reload_running(void);
void reload_wait(struct hub_node *command); /* it is told how the next one ends */
void reload_with(int snapshot,
                 pb_str said); /* begins one with a checked configuration, taken over */

/* --- takeover.c */
void takeover_begin(int snapshot); /* workers of a dead supervisor live: waits for them */
void takeover_adopted(struct hub_node *worker);
void takeover_settled(void);

/* --- upgrade.c */
void upgrade_request(struct hub_node *command);
void upgrade_command_gone(const struct hub_node *command);
pb_status upgrade_resume(const char *state); /* in the new program */

/* --- status.c */
void status_answer(struct hub_node *command);

#endif
