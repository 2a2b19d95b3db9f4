/* diff.c - `patchbay diff`: what a reload would change, or two files compared when no server runs.
 *
 * The running configuration comes from the server as it was read (its snapshot), with the --set of
 * its command line; the other side is loaded as a reload would. Secrets are compared and never
 * shown.
 */
#include "app/diff.h"
#include "app/control.h"
#include "app/settings.h"

#include "config/snapshot.h"
#include "plugin/instances.h"
#include <errno.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <unistd.h>

static void tell_plugin(void *diff, const char *path, bool there, bool in_place)
{
    diff_plugin(diff, path,
                !there     ? "is gone"
                : in_place ? "was changed in place under running workers"
                           : "was replaced; a reload takes the new one");
}

/* --- loading both ----------------------------------------------------------------------------- */

static const char *absolute(const char *path)
{
    char folder[PATH_MAX];

    if (path[0] == '/' || !getcwd(folder, sizeof folder))
        return path;
    return pb_printf("%s/%s", folder, path).data;
}

/* Loads, so that secrets are marked; problems are printed where `aloud`. */
static pb_status load(const struct invocation *invocation, struct loaded *out, bool aloud)
{
    pb_status status = aloud ? load_config_aloud(invocation, out) : load_config(invocation, out);

    if (!out->root)
        return status == PB_OK ? (pb_status)PB_INVALID : status;
    pb_error_clear();
    return aloud ? status : (pb_status)PB_OK;
}

static int compare(const struct loaded *before, const struct loaded *after, struct diff *diff)
{
    diff_trees(diff, before->root, after->root);
    diff_end(diff);
    return diff->count ? 1 : 0;
}

/* The server's own command line with another file; where it was started. */
static int against_server(const struct invocation *invocation, int snapshot)
{
    static struct invocation running, next;
    static struct loaded before, after;
    static struct diff diff;
    const char *file = invocation->word_count ? absolute(invocation->words[0]) : NULL;

    if (snapshot_replay(snapshot) != PB_OK) {
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
        return pb_status_exit(PB_UNSUPPORTED);
    }
    settings_invocation(&running);
    next = running;
    if (file)
        next.config = file;
    const char *folder = pb_copy(snapshot_noted("folder", 0)).data;
    if (folder && chdir(folder) != 0)
        fprintf(stderr, "patchbay: cannot go to %s, where the server was started: %s\n", folder,
                strerror(errno));
    diff.json = invocation->json;
    pb_status status = load(&running, &before, false);
    if (status == PB_OK)
        settings_plugins_changed(tell_plugin, &diff);
    snapshot_end();
    instances_reset();
    if (status != PB_OK) {
        fprintf(stderr, "patchbay: the running configuration cannot be read here: %.*s\n",
                PB_ARG(pb_error_last()->sentence));
        return pb_status_exit(status);
    }
    status = load(&next, &after, true);
    if (!after.root)
        return pb_status_exit(status);
    int code = compare(&before, &after, &diff);
    return status == PB_OK ? code : pb_status_exit(status);
}

static int two_files(const struct invocation *invocation)
{
    static struct loaded before, after;
    static struct diff diff;
    static struct invocation next;

    next = *invocation;
    diff.json = invocation->json;
    pb_status status = load(invocation, &before, true);
    if (!before.root)
        return pb_status_exit(status);
    instances_reset();
    next.config = invocation->words[0];
    status = load(&next, &after, true);
    if (!after.root)
        return pb_status_exit(status);
    int code = compare(&before, &after, &diff);
    return status == PB_OK ? code : pb_status_exit(status);
}

int command_diff(const struct invocation *invocation)
{
    struct control_answer answer;
    int code;

    control_ask(control_run_dir(invocation), "config", &answer);
    if (answer.code == 0 && answer.fd >= 0) {
        code = against_server(invocation, answer.fd);
    } else if (answer.code > 0) {
        fprintf(stderr, "%.*s", PB_ARG(pb_buf_str(&answer.text)));
        code = answer.code;
    } else if (invocation->word_count) {
        code = two_files(invocation);
    } else {
        fprintf(stderr, "patchbay: %.*s; to compare two files: patchbay diff -c OLD NEW\n",
                PB_ARG(pb_error_last()->sentence));
        code = pb_status_exit(PB_UNAVAILABLE);
    }
    if (answer.fd >= 0)
        close(answer.fd);
    return code;
}
