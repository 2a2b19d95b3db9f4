/* inspect.c - `patchbay inspect`: every plugin that was found, what it offers, and why not.
 *
 * Each plugin is first opened in a child process, so that one that crashes is a row of the table.
 */
#include "app/load.h"

#include "config/nearest.h"
#include "config/schema.h"
#include "plugin/instances.h"
#include <patchbay/json.h>
#include <stdio.h>

/* Why a plugin cannot be used, or the absent string. */
static pb_str why_not(const struct plugin *plugin)
{
    pb_str json;

    if (plugin->refused)
        return pb_str_of(plugin->refused);
    if (plugin->hidden)
        return pb_lit("hidden by a plugin of the same name that was found first");
    if (registry_describe(plugin, &json) != PB_OK)
        return pb_copy(host_error()->sentence);
    return (pb_str){0};
}

static void print_row(const struct plugin *plugin)
{
    pb_str why = why_not(plugin);

    printf("%-14.*s %-8.*s ", PB_ARG(plugin_name(plugin)), PB_ARG(plugin->manifest.version));
    for (size_t i = 0; i < plugin->manifest.count; i++)
        printf("%s%.*s %.*s", i ? ", " : "", PB_ARG(plugin->manifest.components[i].kind),
               PB_ARG(plugin->manifest.components[i].name));
    printf("\n");
    if (why.size)
        printf("  not loaded: %.*s\n  file: %s\n", PB_ARG(why), plugin->path);
}

static void write_row(const struct plugin *plugin, pb_json_writer *writer)
{
    pb_str json = {0};
    pb_status status = PB_DECLINED;

    if (!plugin->refused && !plugin->hidden)
        status = registry_describe(plugin, &json);
    if (status == PB_OK) {
        pb_jw_raw(writer, json);
        return;
    }
    pb_str why = status == PB_DECLINED ? why_not(plugin) : pb_copy(host_error()->sentence);
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "name");
    pb_jw_str(writer, plugin_name(plugin));
    pb_jw_key(writer, "path");
    pb_jw_str(writer, pb_str_of(plugin->path));
    pb_jw_key(writer, "not_loaded");
    pb_jw_str(writer, why);
    pb_jw_close(writer, '}');
}

static const struct plugin *find(const char *name)
{
    pb_str names[128];
    size_t count = 0;

    for (const struct plugin *at = registry_first(); at; at = at->next) {
        if (pb_str_is(plugin_name(at), name))
            return at;
        if (count < 128)
            names[count++] = plugin_name(at);
    }
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    fprintf(stderr, "patchbay inspect: there is no plugin '%s' in %.*s%.*s\n", name,
            PB_ARG(registry_folders()), PB_ARG(hint));
    return NULL;
}

static void print_used(const pb_component *component)
{
    for (pb_instance *at = instances_all(); at; at = at->next)
        if (at->component == component && at->node)
            printf("  used by  %.*s (%s:%u)\n", PB_ARG(at->path), at->node->mark.file,
                   at->node->mark.line);
}

/* The names of sections are the plurals of kinds, but for those that are written as they are. */
static void print_yaml(const pb_component *component, pb_buf *out)
{
    bool stage = strcmp(component->kind, "stage") == 0;

    if (stage)
        pb_buf_printf(out, "- %s:\n", component->name);
    else
        pb_buf_printf(out, "my-%s:\n  use: %s\n", component->kind, component->name);
    schema_yaml(component->options, stage ? 4 : 2, out);
}

static int print_whole(const struct invocation *invocation, const struct plugin *plugin)
{
    pb_buf text = {0};
    pb_str why = why_not(plugin);

    if (why.size) {
        fprintf(stderr, "patchbay inspect: %.*s is not loaded: %.*s\n",
                PB_ARG(plugin_name(plugin)), PB_ARG(why));
        return pb_status_exit(PB_UNAVAILABLE);
    }
    if (registry_open(plugin) != PB_OK) {
        fprintf(stderr, "patchbay inspect: %.*s\n", PB_ARG(host_error()->sentence));
        return pb_status_exit(host_error()->status);
    }
    const pb_plugin *descriptor = plugin->descriptor;
    if (!invocation->yaml)
        printf("%s %s (%s) - %s\n  file     %s\n  api      level %u, abi %u\n", descriptor->name,
               descriptor->version, descriptor->license, descriptor->help, plugin->path,
               descriptor->api_level, descriptor->abi_major);
    for (size_t i = 0; descriptor->components[i]; i++) {
        const pb_component *component = descriptor->components[i];
        text.size = 0;
        if (invocation->yaml) {
            print_yaml(component, &text);
        } else {
            printf("\n%s %s\n", component->kind, component->name);
            print_used(component);
            schema_help(component->options, 2, &text);
        }
        fwrite(text.data, 1, text.size, stdout);
    }
    return 0;
}

static int print_schema(const struct plugin *plugin)
{
    pb_buf text = {0};
    pb_json_writer writer = pb_json_writer_make(&text);

    if (registry_open(plugin) != PB_OK) {
        fprintf(stderr, "patchbay inspect: %.*s\n", PB_ARG(host_error()->sentence));
        return pb_status_exit(host_error()->status);
    }
    pb_jw_open(&writer, '{');
    for (size_t i = 0; plugin->descriptor->components[i]; i++) {
        const pb_component *component = plugin->descriptor->components[i];
        pb_jw_key_str(&writer, pb_printf("%s %s", component->kind, component->name));
        schema_json_schema(component->options, NULL, &writer);
    }
    pb_jw_close(&writer, '}');
    printf("%.*s\n", PB_ARG(pb_buf_str(&text)));
    return 0;
}

int command_inspect(const struct invocation *invocation)
{
    static struct loaded loaded;
    const struct plugin *plugin = NULL;

    if (invocation->live)
        return command_inspect_live(invocation);
    (void)load_config(invocation, &loaded); /* for its plugin folders; it need not be right */
    pb_error_clear();
    registry_scan(loader_default_folders());
    if (invocation->word_count && !(plugin = find(invocation->words[0])))
        return pb_status_exit(PB_NOT_FOUND);
    if (plugin && invocation->schema)
        return print_schema(plugin);
    if (plugin && !invocation->json)
        return print_whole(invocation, plugin);
    if (invocation->json) {
        pb_buf text = {0};
        pb_json_writer writer = pb_json_writer_make(&text);
        if (!plugin)
            pb_jw_open(&writer, '[');
        for (const struct plugin *at = registry_first(); at; at = at->next)
            if (!plugin || at == plugin)
                write_row(at, &writer);
        if (!plugin)
            pb_jw_close(&writer, ']');
        printf("%.*s\n", PB_ARG(pb_buf_str(&text)));
        return 0;
    }
    for (const struct plugin *at = registry_first(); at; at = at->next)
        print_row(at);
    return 0;
}
