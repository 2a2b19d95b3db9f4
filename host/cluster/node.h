/* node.h - this process in the cluster: a worker under a supervisor, a guest beside one, or alone.
 *
 * The other side is hub.h. All that a node asks of the supervisor goes over one SEQPACKET socket
 * (message.h). When that closes, a worker keeps its listeners, serves on, and tries
 * run_dir/control.sock until a new supervisor takes it over; subscriptions then get PB_BUS_GAP,
 * held leases and shared memory are handed to the new one. <patchbay/cluster.h> is implemented
 * beside this.
 */
#ifndef HOST_CLUSTER_NODE_H
#define HOST_CLUSTER_NODE_H

#include <patchbay/cluster.h>

/* What the supervisor tells a worker; called on the loop, not on a task. All may be NULL. */
struct node_hooks {
    void (*drain)(void);  /* stop: end within the drain time-out */
    void (*retire)(void); /* a new generation serves: let turns end, then end yourself */
    void (*reopen_logs)(void);
    void (*disconnected)(void);
    void (*reconnected)(void);
};

enum node_kind { NODE_ALONE, NODE_GUEST, NODE_WORKER };

/* Joins. A worker finds its socket in the environment (PATCHBAY_WORKER=fd:slot:generation, removed
 * by this); any other process joins as a guest where run_dir/control.sock answers, else is alone.
 * run_dir NULL: alone. After loop_init. Does not park. Never fails for want of a server. */
pb_status node_join(const char *run_dir, const struct node_hooks *hooks);
void node_leave(void); /* before loop_fini */
enum node_kind node_kind(void);
uint32_t node_slot(void);       /* from 1; 0: no worker */
uint32_t node_generation(void); /* from 1; 0: no worker */
bool node_connected(void);      /* is there somebody to ask? */

/* For the scoreboard's numbers: the names of instances ("stage 'shout' (shout 1.0.0)") and
 * pipelines, once, before node_ready. Copied; sent again to a new supervisor. */
void node_names(const pb_str *instances, size_t instance_count, const pb_str *pipelines,
                size_t pipeline_count);
void node_ready(void);             /* serves now: cell SERVING, told to the supervisor */
void node_failed(pb_str sentence); /* could not start, and why; then exit */
void node_drained(void);           /* the last turn ended; exit follows */

/* The listening socket that `wish` describes, the same for all workers and generations; bound by the
 * supervisor, or here when alone. `key` tells listeners on port 0 apart ("transports.web"). The
 * descriptor is non-blocking, close-on-exec, ours to close. Parks. Failures are those of pb_listen.
 */
struct listen_wish;
pb_status node_listen(pb_str key, const struct listen_wish *wish, int *out);

/* --- asking the other workers ----------------------------------------------------------------- */

enum { NODE_QUESTION_SIZE = 4096, NODE_ANSWER_SIZE = 128 << 10 };

/* Answers questions named `topic` from other workers: fn runs on a task, leaves its answer in *out
 * (running scope) and returns PB_OK, or PB_DECLINED: nothing to say. One fn per topic. */
void node_answers(const char *topic, pb_status (*fn)(pb_str question, pb_str *out));

/* Asks all other live workers of all generations (none when alone). each(arg, answer) is called in
 * the asking task for every answer that came, borrowed during the call; returning true ends the
 * asking early. Parks until all answered, one died, or `limit` passed. Returns how many answers
 * came. */
size_t node_ask(const char *topic, pb_str question, pb_duration limit,
                bool (*each)(void *arg, pb_str answer), void *arg);

#endif
