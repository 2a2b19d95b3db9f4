/* control.c - `patchbay reload`, `stop` and `upgrade`; see control.h. */
#include "app/control.h"

#include "app/load.h"
#include "cluster/hub.h"
#include "config/schema.h"
#include "plugin/host_options.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pb_str host_run_dir(const struct invocation *invocation)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *root = NULL;
    static struct host_options options;
    const struct schema_context context = {.diagnostics = &diagnostics};

    (void)config_tree_load(invocation->config, &diagnostics, &root);
    for (size_t i = 0; root && i < invocation->set_count; i++)
        (void)config_tree_set(root, invocation->sets[i], (uint32_t)i + 1, &diagnostics);
    if (root)
        (void)schema_read(host_options_fields, &options, config_node_get(root, "host"), &context);
    pb_error_clear();
    return options.run_dir.size ? options.run_dir : pb_lit("run");
}

const char *control_run_dir(const struct invocation *invocation)
{
    pb_str run_dir = host_run_dir(invocation);
    char folder[PATH_MAX];

    if (pb_str_starts(run_dir, pb_lit("/")))
        return run_dir.data;
    if (invocation->data_dir[0] == '/' || !getcwd(folder, sizeof folder))
        return pb_printf("%s/%.*s", invocation->data_dir, PB_ARG(run_dir)).data;
    return pb_printf("%s/%s/%.*s", folder, invocation->data_dir, PB_ARG(run_dir)).data;
}

static void take(void *arg, pb_str text, int fd)
{
    struct control_answer *answer = arg;

    pb_buf_add(&answer->text, text);
    if (fd >= 0 && answer->fd < 0)
        answer->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

void control_ask(const char *run_dir, const char *word, struct control_answer *out)
{
    *out = (struct control_answer){.fd = -1};
    out->code = hub_command(run_dir, &word, 1, take, out);
}

/* The answer on standard output, or on standard error when it is a failure. */
static int say(const struct control_answer *answer)
{
    FILE *to = answer->code == 0 ? stdout : stderr;

    if (answer->text.size)
        fwrite(answer->text.data, 1, answer->text.size, to);
    if (answer->code >= 0)
        return answer->code;
    fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
    return pb_status_exit(PB_UNAVAILABLE);
}

static int tell(const struct invocation *invocation, const char *word)
{
    struct control_answer answer;

    control_ask(control_run_dir(invocation), word, &answer);
    return say(&answer);
}

int command_reload(const struct invocation *invocation)
{
    return tell(invocation, "reload");
}

int command_upgrade(const struct invocation *invocation)
{
    return tell(invocation, "upgrade");
}

/* The server's pidfd came along: its end is the end of this. */
int command_stop(const struct invocation *invocation)
{
    struct control_answer answer;

    control_ask(control_run_dir(invocation), "stop", &answer);
    int code = say(&answer);
    fflush(stdout);
    struct pollfd end = {.fd = answer.fd, .events = POLLIN};
    while (code == 0 && answer.fd >= 0 && poll(&end, 1, -1) < 0 && errno == EINTR)
        continue;
    if (answer.fd >= 0)
        close(answer.fd);
    return code;
}
