/* instances_host.c - reads the sections `host` and `plugins`, and scans for plugins. */
#include "plugin/instances_internal.h"

#include "base/str.h"
#include "config/schema.h"

#include <unistd.h>

static void place(const char *data_dir, pb_str *path)
{
    if (!pb_str_starts(*path, pb_lit("/")))
        *path = pb_printf("%s/%.*s", data_dir ? data_dir : ".", PB_ARG(*path));
}

static void scan(struct config_node *node, struct config_diagnostics *diagnostics)
{
    const pb_list path = instances.plugins.path;
    const char **folders = PB_NEW_ARRAY(const char *, path.count + 1);

    for (size_t i = 0; folders && i < path.count; i++) {
        folders[i] = PB_ITEM(path, pb_str, i).data;
        struct config_node *item = config_node_at(config_node_get(node, "path"), i);
        if (access(folders[i], R_OK | X_OK) != 0)
            config_warning(diagnostics, item ? item : node,
                           "the folder %s cannot be read; plugins are not searched there",
                           folders[i]);
    }
    if (folders)
        (void)registry_scan(folders);
    (void)registry_scan(loader_default_folders());
}

static void read_plugins(const struct instances_source *source, const struct schema_context *context)
{
    struct config_node *node = config_node_get(source->root, "plugins");
    struct config_node *pins = config_node_get(node, "pin");
    pb_status status = schema_read(plugins_options_fields, &instances.plugins, node, context);

    for (size_t i = 0; status == PB_OK && i < instances.plugins.pin.count; i++) {
        pb_str name = instances.plugins.pin.keys[i];
        if (registry_pin(name, PB_ITEM(instances.plugins.pin, pb_str, i)) != PB_OK)
            config_problem(source->diagnostics, config_node_get(pins, name.data), "%.*s",
                           PB_ARG(pb_error_last()->sentence));
    }
    scan(node, source->diagnostics);
}

void instances_read_host(const struct instances_source *source)
{
    struct schema_context context = {.diagnostics = source->diagnostics,
                                     .data_dir = source->data_dir};
    struct arena *before = instances_arena_enter();
    struct config_node *node = config_node_get(source->root, "host");

    instances.data_dir = source->data_dir ? source->data_dir : ".";
    (void)schema_read(host_options_fields, &instances.host, node, &context);
    if (!pb_str_is(instances.host.log.file, "stderr"))
        place(source->data_dir, &instances.host.log.file);
    place(source->data_dir, &instances.host.run_dir);
    read_plugins(source, &context);
    instances_arena_leave(before);
}
