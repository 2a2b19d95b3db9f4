/* loader.c - see loader.h. Opens a checked file and compares its descriptor with its manifest. */
#include "plugin/loader.h"

#include "config/schema.h"
#include "plugin/contract_internal.h"
#include "plugin/kinds.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MOST_FIELDS = 512,
    DEEPEST_TABLE = 8,
    /* of an entry as API level 1 had it; later ones are longer */
    FIELD_SIZE = offsetof(pb_field, fields) + sizeof(const pb_field *),
};

const char *const *loader_default_folders(void)
{
    static char beside[PATH_MAX], installed[PATH_MAX];
    static const char *folders[] = {beside, installed, NULL};
    char program[PATH_MAX / 2];

    if (beside[0])
        return folders;
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    program[size < 0 ? 0 : size] = 0;
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    (void)snprintf(beside, sizeof beside, "%s/plugins", program);
    /* …/bin/patchbay: plugins are in …/lib/patchbay/plugins */
    slash = strrchr(program, '/');
    if (slash)
        *slash = 0;
    (void)snprintf(installed, sizeof installed, "%s/lib/patchbay/plugins", program);
    return folders;
}

/* --- option tables ---------------------------------------------------------------------------- */

/* A table that is being looked at, with those that it stands in: a table may contain itself. */
struct table {
    const pb_field *fields;
    size_t size; /* of its struct */
    const struct table *outer;
};

static const char *table_problem(const struct table *table, const char **at);

/* What is wrong with one field, or NULL. */
static const char *field_problem(const pb_field *field, const struct table *owner, const char **at)
{
    bool many = field->kind == PB_KIND_LIST || field->kind == PB_KIND_MAP;
    uint32_t kind = many ? field->item : field->kind;
    size_t size = schema_size(field->kind, field);

    if (!field->member || !*pb_field_name(field))
        return "has no name";
    *at = pb_field_name(field);
    if (size == 0 || schema_size(kind, field) == 0)
        return "is of a kind that this host does not know";
    if (many && (kind == PB_KIND_LIST || kind == PB_KIND_MAP))
        return "is a list of lists";
    if (field->offset > owner->size || size > owner->size - field->offset)
        return "lies outside the instance's struct";
    if (kind == PB_KIND_ENUM && (!field->values || !field->values[0]))
        return "is an enum without values";
    if (kind == PB_KIND_REF && (!field->ref || !kind_find(pb_str_of(field->ref))))
        return "refers to a kind that this host does not know";
    if (kind != PB_KIND_STRUCT)
        return NULL;
    if (!field->fields || field->item_size == 0)
        return "is a struct without a table";
    struct table inner = {field->fields, field->item_size, owner};
    return table_problem(&inner, at);
}

static const char *table_problem(const struct table *table, const char **at)
{
    size_t count = 0, depth = 0;

    for (const struct table *outer = table->outer; outer; outer = outer->outer) {
        if (outer->fields == table->fields)
            return NULL;
        if (++depth > DEEPEST_TABLE)
            return "is nested too deeply";
    }
    for (const pb_field *field = table->fields; field && field->kind != PB_KIND_END;
         field = pb_field_next(field)) {
        if (field->size < FIELD_SIZE || field->size % _Alignof(pb_field) != 0)
            return "has a wrong size: the table must end with PB_END";
        if (++count > MOST_FIELDS)
            return "is one of too many: the table must end with PB_END";
        const char *problem = field_problem(field, table, at);
        if (problem)
            return problem;
        for (const pb_field *other = table->fields; other != field; other = pb_field_next(other))
            if (strcmp(pb_field_name(other), pb_field_name(field)) == 0)
                return "is declared twice";
    }
    return NULL;
}

/* --- the descriptor ----------------------------------------------------------------------------- */

static bool fits(const struct kind *kind, const pb_interface *interface)
{
    return kind && interface->revision == kind->revision &&
           (kind->draft ? interface->size == kind->size : interface->size >= kind->size);
}

/* The functions that make it one of its kind: all of them, or any. */
static pb_status check_functions(const pb_component *component, const struct kind *kind)
{
    const char *missing = NULL;
    size_t count = 0, there = 0;

    for (; count < KIND_FUNCTIONS && kind->required[count].name; count++) {
        void (*function)(void);
        memcpy(&function, (const char *)component->interface + kind->required[count].offset,
               sizeof function);
        there += function != NULL;
        if (!function && !missing)
            missing = kind->required[count].name;
    }
    if (there == count || (kind->any && there))
        return PB_OK;
    return pb_fail(PB_INVALID, "component '%s': its %s interface has no function '%s'%s",
                   component->name, component->kind, missing, kind->any ? ", and no other" : "");
}

static pb_status check_component(const pb_component *component)
{
    if (component->size < sizeof(pb_component) || !component->kind || !component->name ||
        !component->interface)
        return pb_fail(PB_INVALID, "its descriptor is broken: a component is not whole");
    const struct kind *kind = kind_find(pb_str_of(component->kind));
    const pb_interface *interface = component->interface;
    if (!fits(kind, interface))
        return pb_fail(PB_UNSUPPORTED,
                       "component '%s': its interface %s/%u of %u bytes does not fit this host's "
                       "%s/%u of %u: rebuild the plugin with the SDK of Patchbay " PATCHBAY_VERSION,
                       component->name, component->kind, interface->revision, interface->size,
                       component->kind, kind ? kind->revision : 0, kind ? kind->size : 0);
    pb_status status = check_functions(component, kind);
    if (status != PB_OK)
        return status;
    const char *at = "";
    struct table table = {component->options, component->instance_size, NULL};
    const char *problem = table_problem(&table, &at);
    if (problem)
        return pb_fail(PB_INVALID, "component '%s': its option '%s' %s", component->name, at,
                       problem);
    return PB_OK;
}

static pb_status differs(const char *what, const char *descriptor, pb_str manifest)
{
    return pb_fail(PB_INVALID,
                   "its descriptor and its manifest differ: %s is '%s' and '%.*s': build it again",
                   what, descriptor, PB_ARG(manifest));
}

static pb_status compare(const pb_plugin *plugin, const struct manifest *manifest)
{
    if (!pb_str_is(manifest->name, plugin->name))
        return differs("name", plugin->name, manifest->name);
    if (!pb_str_is(manifest->version, plugin->version))
        return differs("version", plugin->version, manifest->version);
    if (!pb_str_is(manifest->license, plugin->license))
        return differs("licence", plugin->license, manifest->license);
    if (plugin->api_level != manifest->level)
        return pb_fail(PB_INVALID, "its descriptor and its manifest differ: API level is %u and %u",
                       plugin->api_level, manifest->level);
    size_t count = 0;
    while (plugin->components[count])
        count++;
    if (count != manifest->count)
        return pb_fail(PB_INVALID,
                       "its descriptor and its manifest differ: %zu and %zu components", count,
                       manifest->count);
    for (size_t i = 0; i < count; i++) {
        const pb_component *component = plugin->components[i];
        const struct manifest_component *said = &manifest->components[i];
        if (!component->kind || !pb_str_is(said->kind, component->kind))
            return differs("a component's kind", component->kind ? component->kind : "",
                           said->kind);
        if (!component->name || !pb_str_is(said->name, component->name))
            return differs("a component's name", component->name ? component->name : "",
                           said->name);
        if (component->interface && component->interface->revision != said->revision)
            return pb_fail(PB_INVALID,
                           "its descriptor and its manifest differ: %s '%s' has revision %u and %u",
                           component->kind, component->name, component->interface->revision,
                           said->revision);
    }
    return PB_OK;
}

pb_status loader_descriptor_check(const pb_plugin *plugin, const struct manifest *manifest)
{
    if (plugin->magic != PB_MAGIC)
        return pb_fail(PB_INVALID, "its descriptor begins with %08x instead of %08x: the symbol "
                                   "patchbay_plugin is not a Patchbay plugin",
                       plugin->magic, PB_MAGIC);
    if (plugin->abi_major != PB_ABI_MAJOR)
        return pb_fail(PB_UNSUPPORTED,
                       "built for plugin ABI %u, this host has ABI %u: rebuild the plugin with the "
                       "SDK of Patchbay " PATCHBAY_VERSION,
                       plugin->abi_major, PB_ABI_MAJOR);
    if (plugin->size < sizeof(pb_plugin) || !plugin->name || !plugin->version ||
        !plugin->license || !plugin->components || !plugin->host)
        return pb_fail(PB_INVALID, "its descriptor is broken: declare it with PB_PLUGIN");
    if (plugin->api_level > PB_API_LEVEL || plugin->api_level == 0)
        return pb_fail(PB_UNSUPPORTED,
                       "needs API level %u, this host has level %u: update Patchbay, or build the "
                       "plugin with -DPB_API=%u",
                       plugin->api_level, PB_API_LEVEL, PB_API_LEVEL);
    pb_status status = manifest ? compare(plugin, manifest) : PB_OK;
    for (size_t i = 0; status == PB_OK && plugin->components[i]; i++)
        status = check_component(plugin->components[i]);
    return status;
}

/* What the dynamic linker says, without the name that only this process knows. */
static pb_status fail_to_open(const char *name, const char *why)
{
    const char *colon = why ? strchr(why, ':') : NULL;

    if (!colon)
        return pb_fail(PB_UNSUPPORTED, "cannot be opened: %s", why ? why : "unknown reason");
    if (strncmp(why, name, strlen(name)) == 0)
        return pb_fail(PB_UNSUPPORTED, "cannot be opened: %s", colon + 2);
    if (strstr(colon, "cannot open shared object file"))
        return pb_fail(PB_UNSUPPORTED,
                       "needs the library %.*s, which this system does not have: install the "
                       "package that it is in",
                       (int)(colon - why), why);
    return pb_fail(PB_UNSUPPORTED, "cannot be opened: %s", why);
}

pb_status loader_open(int fd, const struct manifest *manifest, const pb_plugin **out)
{
    char name[64];

    if (loader_search_check(fd) != PB_OK) {
        close(fd);
        return pb_error_last()->status;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    (void)dlerror();
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        pb_status status = fail_to_open(name, dlerror());
        close(fd);
        return status;
    }
    /* mapped: from here on the descriptor stays open, see loader.h */
    const pb_plugin *plugin = dlsym(library, "patchbay_plugin");
    if (!plugin)
        return pb_fail(PB_INVALID, "does not export the symbol 'patchbay_plugin': declare it with "
                                   "PB_PLUGIN and do not hide that symbol");
    pb_status status = loader_descriptor_check(plugin, manifest);
    if (status != PB_OK)
        return status;
    contract_bind(library);
    *plugin->host = &host_table;
    *out = plugin;
    return PB_OK;
}
