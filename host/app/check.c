/* check.c - `patchbay check`: every problem of a configuration at once, or one line that all is well.
 */
#include "app/control.h"
#include "app/settings.h"

#include "config/snapshot.h"
#include "plugin/instances.h"
#include <patchbay/json.h>
#include <stdio.h>
#include <unistd.h>

static size_t count_instances(void)
{
    size_t count = 0;

    for (pb_instance *at = instances_all(); at; at = at->next)
        count++;
    return count;
}

static size_t count_pipelines(void)
{
    size_t count = 0;

    for (pb_pipeline *at = pipelines_all(); at; at = at->next)
        count++;
    return count;
}

static void warn_of_plugin(void *arg, const char *path, bool there, bool in_place)
{
    struct config_diagnostics *diagnostics = arg;

    (void)there;
    if (in_place)
        config_report(diagnostics, NULL, (pb_str){0}, true,
                      pb_printf("the plugin %s was changed in place while a server runs it; use "
                                "'patchbay plugin install', which renames",
                                path));
}

/* Writing over a plugin that workers have loaded changes code under their feet. */
static void check_running(struct config_diagnostics *diagnostics)
{
    const char *run_dir = instances_host_options()->run_dir.data;
    struct control_answer answer = {.fd = -1};

    if (run_dir)
        control_ask(run_dir, "config", &answer);
    if (answer.fd >= 0 && snapshot_replay(answer.fd) == PB_OK)
        settings_plugins_changed(warn_of_plugin, diagnostics);
    snapshot_end();
    if (answer.fd >= 0)
        close(answer.fd);
}

int command_check(const struct invocation *invocation)
{
    static struct loaded loaded;
    pb_buf text = {0};
    pb_status status = load_config(invocation, &loaded);

    if (status == PB_OK)
        check_running(&loaded.diagnostics);
    if (invocation->json) {
        pb_json_writer writer = pb_json_writer_make(&text);
        config_diagnostics_json(&loaded.diagnostics, &writer);
        printf("%.*s\n", PB_ARG(pb_buf_str(&text)));
        return pb_status_exit(status);
    }
    config_diagnostics_print(&loaded.diagnostics, &text);
    printf("%.*s", PB_ARG(pb_buf_str(&text)));
    if (status != PB_OK && !loaded.diagnostics.errors)
        printf("%.*s\n", PB_ARG(host_error()->sentence));
    if (status != PB_OK)
        fprintf(stderr, "%s: %zu %s\n", invocation->config, loaded.diagnostics.errors,
                loaded.diagnostics.errors == 1 ? "problem" : "problems");
    else
        printf("%s: good (%zu components, %zu pipelines)\n", invocation->config,
               count_instances(), count_pipelines());
    return pb_status_exit(status);
}
