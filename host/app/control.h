/* control.h - commands to the running server, over run_dir/control.sock. They block and need no
 * loop. */
#ifndef HOST_APP_CONTROL_H
#define HOST_APP_CONTROL_H

#include "app/command.h"
#include <patchbay/memory.h>

/* The server's folder as -c, --data-dir and --set say; a configuration with problems will do.
 * Absolute. */
const char *control_run_dir(const struct invocation *invocation);

struct control_answer {
    pb_buf text;
    int fd;   /* that came along, or -1; the caller's */
    int code; /* -1: no server, see pb_error_last() */
};
void control_ask(const char *run_dir, const char *word, struct control_answer *out);

/* What each worker of the server tells of its instances: a JSON array of {"worker", "generation",
 * "instances": as instances_report_write writes them}. Those that do not answer are left out. */
pb_str live_instances(const char *run_dir);

#endif
