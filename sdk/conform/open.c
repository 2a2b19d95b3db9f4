/* open.c - the plugin's file in the process of a case, and harnesses around it.
 *
 * The file goes into the registry before the harness scans folders, so that it and no plugin of the
 * same name is found.
 */
#include "conform.h"

#include "base/scope.h"
#include "globals.h"
#include "parts.h"
#include "plugin/instances.h"
#include "thunks.h"
#include <stdlib.h>

static const pb_plugin *descriptor;

static const struct plugin *registered(struct subject *subject)
{
    for (const struct plugin *at = registry_first(); at; at = at->next)
        if (strcmp(at->path, subject->target->file) == 0)
            return at;
    if (registry_add_file(subject->target->file) != PB_OK)
        case_fail(0, "%.*s", PB_ARG(pb_error_last()->sentence));
    return registered(subject);
}

const pb_plugin *subject_load(struct subject *subject)
{
    const struct plugin *plugin = registered(subject);
    struct arena arena, *before;

    arena_init(&arena, 0);
    before = scope_arena_swap(&arena);
    if (registry_open(plugin) != PB_OK)
        case_fail(0, "%s", plugin->refused);
    scope_arena_swap(before);
    arena_fini(&arena);
    if (descriptor != plugin->descriptor) {
        descriptor = plugin->descriptor;
        globals_remember(subject);
    }
    thunks_put(descriptor); /* the loader has stored the host's */
    return descriptor;
}

const pb_component *subject_component(struct subject *subject)
{
    const pb_plugin *plugin = subject_load(subject);

    for (size_t i = 0; plugin->components[i]; i++)
        if (pb_str_is(subject->component->kind, plugin->components[i]->kind) &&
            pb_str_is(subject->component->name, plugin->components[i]->name))
            return plugin->components[i];
    case_fail(0, "its descriptor has no such component");
}

static pb_instance *first_instance(const pb_component *component)
{
    pb_instance *at = instances_all();

    while (at && at->component != component)
        at = at->next;
    return at;
}

pb_harness *subject_open(struct subject *subject, const char *yaml, char **problems)
{
    const pb_plugin *const plugins[] = {&pb_plugin_scripted, &conform_parts, NULL};

    if (!yaml)
        yaml = config_fitting(subject); /* opens harnesses, which end with an empty registry */
    const pb_component *component = subject_component(subject);
    subject->harness = pb_harness_open(yaml, plugins, problems);
    subject->instance = subject->harness ? first_instance(component) : NULL;
    return subject->harness;
}

void subject_close(struct subject *subject)
{
    pb_harness *harness = subject->harness;

    subject->harness = NULL;
    subject->instance = NULL;
    pb_harness_free(harness);
}
