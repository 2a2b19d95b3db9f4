/* hub_report.h - what the hub keeps, for people to look at: `patchbay inspect --live`; last words.
 */
#ifndef HOST_CLUSTER_HUB_REPORT_H
#define HOST_CLUSTER_HUB_REPORT_H

#include "cluster/hub.h"

/* Every listening socket; `port` is the one that it got. */
void hub_listeners_each(void (*each)(void *arg, pb_str key, pb_str address, int port), void *arg);

/* Every lease with who holds it. */
void hub_leases_each(void (*each)(void *arg, pb_str name, int64_t token,
                                  const struct hub_node *holder),
                     void *arg);

/* Takes what a worker said before it died; before hub_worker_ended, where its names matter. */
void hub_worker_hear(struct hub_node *worker);

#endif
