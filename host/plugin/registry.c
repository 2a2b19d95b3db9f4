/* registry.c - see registry.h. A list in the order of the search; nothing is ever taken out. */
#include "plugin/registry.h"

#include "config/nearest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_FOLDERS = 32 };

struct pin {
    struct pin *next;
    char *name;
    char sha256[65];
};

static struct plugin *first, **last = &first;
static char *folders[MOST_FOLDERS];
static size_t folder_count;
static struct pin *pins;

static const char built_in[] = "(built in)";

pb_str plugin_name(const struct plugin *plugin)
{
    if (plugin->manifest.name.size)
        return plugin->manifest.name;
    if (plugin->descriptor)
        return pb_str_of(plugin->descriptor->name);
    const char *slash = strrchr(plugin->path, '/');
    pb_str name = pb_str_of(slash ? slash + 1 : plugin->path);
    return pb_str_ends(name, pb_lit(".so")) ? pb_str_slice(name, 0, name.size - 3) : name;
}

const struct plugin *registry_first(void)
{
    return first;
}

const struct plugin *registry_of(const pb_plugin *descriptor)
{
    for (const struct plugin *plugin = first; plugin; plugin = plugin->next)
        if (plugin->descriptor == descriptor)
            return plugin;
    return NULL;
}

/* Remembers the task's error as the reason. */
static void refuse(struct plugin *plugin, pb_status status)
{
    if (plugin->refused)
        return;
    plugin->refused = strdup(pb_error_last()->sentence.data ? pb_error_last()->sentence.data : "");
    plugin->status = status;
}

static struct plugin *add(const char *path)
{
    struct plugin *plugin = calloc(1, sizeof *plugin);

    if (plugin)
        plugin->path = strdup(path);
    if (!plugin || !plugin->path) {
        free(plugin);
        (void)pb_fail(PB_NO_MEMORY, "out of memory");
        return NULL;
    }
    *last = plugin;
    last = &plugin->next;
    return plugin;
}

/* --- scanning --------------------------------------------------------------------------------- */

/* The manifest of a file that may not be loaded still tells whose it is. */
static void read_for_its_name(struct plugin *plugin)
{
    int fd = open(plugin->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return;
    (void)manifest_read(fd, &plugin->manifest);
    close(fd);
}

static void look(struct plugin *plugin)
{
    int fd = -1;
    pb_status status = loader_file_open(plugin->path, &fd);

    if (status != PB_OK) {
        refuse(plugin, status);
        read_for_its_name(plugin);
        return;
    }
    status = manifest_read(fd, &plugin->manifest);
    if (status == PB_OK)
        status = manifest_check(&plugin->manifest);
    if (status == PB_OK)
        status = loader_search_check(fd);
    close(fd);
    if (status != PB_OK)
        refuse(plugin, status);
}

static void find_namesake(struct plugin *plugin)
{
    for (struct plugin *other = first; other != plugin; other = other->next)
        if (plugin->manifest.name.size && pb_str_equal(plugin_name(other), plugin_name(plugin))) {
            plugin->hidden = true;
            refuse(plugin, pb_fail(PB_CONFLICT,
                                   "has the same plugin name '%.*s' as %s, which was found first",
                                   PB_ARG(plugin_name(plugin)), other->path));
            return;
        }
}

pb_status registry_add_file(const char *path)
{
    struct plugin *plugin = add(path);

    if (!plugin)
        return PB_NO_MEMORY;
    look(plugin);
    find_namesake(plugin);
    pb_error_clear();
    return PB_OK;
}

static int is_library(const struct dirent *entry)
{
    return pb_str_ends(pb_str_of(entry->d_name), pb_lit(".so")) && entry->d_name[0] != '.';
}

static pb_status scan_folder(const char *folder)
{
    struct dirent **entries = NULL;
    pb_status status = PB_OK;
    int count = scandir(folder, &entries, is_library, alphasort);

    for (int i = 0; i < count; i++) {
        char *path = NULL;
        if (status == PB_OK && asprintf(&path, "%s/%s", folder, entries[i]->d_name) < 0)
            status = pb_fail(PB_NO_MEMORY, "out of memory");
        if (status == PB_OK)
            status = registry_add_file(path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    return status;
}

static bool was_scanned(const char *folder)
{
    for (size_t i = 0; i < folder_count; i++)
        if (strcmp(folders[i], folder) == 0)
            return true;
    return false;
}

pb_status registry_scan(const char *const *wanted)
{
    pb_status status = PB_OK;

    for (; *wanted && status == PB_OK; wanted++) {
        char *resolved = realpath(*wanted, NULL);
        if (!resolved && errno == ENOENT)
            resolved = strdup(*wanted); /* named in messages all the same */
        if (!resolved || was_scanned(resolved) || folder_count == MOST_FOLDERS) {
            free(resolved);
            continue;
        }
        folders[folder_count++] = resolved;
        status = scan_folder(**wanted == '/' ? *wanted : resolved); /* links on the way are checked */
    }
    return status;
}

pb_str registry_folders(void)
{
    pb_buf text = {0};

    for (size_t i = 0; i < folder_count; i++)
        pb_buf_printf(&text, "%s%s", i ? ", " : "", folders[i]);
    return folder_count ? pb_buf_str(&text) : pb_lit("no folder");
}

pb_status registry_add_static(const pb_plugin *descriptor)
{
    pb_status status = loader_descriptor_check(descriptor, NULL);

    if (status != PB_OK || registry_of(descriptor))
        return status;
    struct plugin *plugin = add(built_in);
    if (!plugin)
        return PB_NO_MEMORY;
    plugin->descriptor = descriptor;
    *descriptor->host = &host_table;
    return PB_OK;
}

pb_status registry_pin(pb_str name, pb_str sha256)
{
    struct pin *pin = NULL;

    if (sha256.size != 64 || strspn(sha256.data, "0123456789abcdefABCDEF") < 64)
        return pb_fail(PB_INVALID, "a pin is the SHA-256 of the file: 64 hexadecimal digits");
    pin = calloc(1, sizeof *pin);
    if (pin)
        pin->name = strndup(name.data, name.size);
    if (!pin || !pin->name) {
        free(pin);
        return pb_fail(PB_NO_MEMORY, "out of memory");
    }
    memcpy(pin->sha256, sha256.data, 64);
    pin->next = pins;
    pins = pin;
    return PB_OK;
}

/* --- opening ---------------------------------------------------------------------------------- */

static pb_status check_pin(int fd, pb_str name)
{
    for (const struct pin *pin = pins; pin; pin = pin->next)
        if (pb_str_is(name, pin->name))
            return loader_pin_check(fd, pb_str_of(pin->sha256));
    return PB_OK;
}

/* Reads the manifest again: it is the file that is opened now that counts. */
static pb_status open_checked(struct plugin *plugin)
{
    struct manifest manifest;
    int fd = -1;
    pb_status status = loader_file_open(plugin->path, &fd);

    if (status != PB_OK)
        return status;
    status = manifest_read(fd, &manifest);
    if (status == PB_OK) {
        manifest_fini(&plugin->manifest);
        plugin->manifest = manifest;
        status = manifest_check(&manifest);
    }
    if (status == PB_OK)
        status = check_pin(fd, manifest.name);
    if (status != PB_OK)
        close(fd);
    else
        status = loader_open(fd, &manifest, &plugin->descriptor);
    return status;
}

pb_status registry_open(const struct plugin *asked)
{
    struct plugin *plugin = first;

    while (plugin && plugin != asked)
        plugin = plugin->next;
    if (!plugin)
        return pb_fail(PB_NOT_FOUND, "no such plugin");
    if (plugin->descriptor)
        return PB_OK;
    if (!plugin->refused) {
        pb_status status = open_checked(plugin);
        if (status != PB_OK)
            refuse(plugin, status);
    }
    if (!plugin->refused)
        return PB_OK;
    return pb_fail(plugin->status, "plugin '%.*s' (%s): %s", PB_ARG(plugin_name(plugin)),
                   plugin->path, plugin->refused);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* One component that a plugin says it has. */
struct offer {
    pb_str kind, name;
};

static bool offer_at(const struct plugin *plugin, size_t index, struct offer *out)
{
    if (plugin->manifest.count) {
        if (index >= plugin->manifest.count)
            return false;
        *out = (struct offer){plugin->manifest.components[index].kind,
                              plugin->manifest.components[index].name};
        return true;
    }
    const pb_component *component =
        plugin->descriptor ? plugin->descriptor->components[index] : NULL;
    if (component)
        *out = (struct offer){pb_str_of(component->kind), pb_str_of(component->name)};
    return component != NULL;
}

static bool offers(const struct plugin *plugin, pb_str kind, pb_str name)
{
    struct offer offer;

    for (size_t i = 0; offer_at(plugin, i, &offer); i++)
        if (pb_str_equal(offer.kind, kind) && pb_str_equal(offer.name, name))
            return true;
    return false;
}

/* The names that plugins which may be loaded offer for `kind`. */
static size_t names_of(pb_str kind, pb_str **out)
{
    struct offer offer;
    size_t count = 0;
    pb_str *names = NULL;

    for (const struct plugin *plugin = first; plugin; plugin = plugin->next)
        for (size_t i = 0; !plugin->refused && offer_at(plugin, i, &offer); i++) {
            if (!pb_str_equal(offer.kind, kind))
                continue;
            pb_str *more = pb_grow(names, count * sizeof *names, (count + 1) * sizeof *names);
            if (!more)
                return 0;
            names = more;
            names[count++] = offer.name;
        }
    *out = names;
    return count;
}

/* What stands behind "no plugin offers …": a wrong kind, a file that looks right, a likely spelling. */
static pb_str hint(pb_str kind, pb_str name)
{
    struct offer offer;
    pb_str *names = NULL;

    for (const struct plugin *plugin = first; plugin; plugin = plugin->next) {
        if (plugin->refused && !plugin->manifest.count && pb_str_equal(plugin_name(plugin), name))
            return pb_printf("; the file %s is refused: %s", plugin->path, plugin->refused);
        for (size_t i = 0; offer_at(plugin, i, &offer); i++)
            if (pb_str_equal(offer.name, name))
                return pb_printf("; '%.*s' is a %.*s", PB_ARG(name), PB_ARG(offer.kind));
    }
    size_t count = names_of(kind, &names);
    return nearest_hint(name, names, count);
}

static pb_status not_found(pb_str kind, pb_str name)
{
    pb_str more = hint(kind, name), where = registry_folders();

    return pb_fail(PB_NOT_FOUND, "no plugin offers the %.*s '%.*s' (searched %.*s)%.*s",
                   PB_ARG(kind), PB_ARG(name), PB_ARG(where), PB_ARG(more));
}

pb_status registry_find(pb_str kind, pb_str name, const struct plugin **out,
                        const pb_component **component)
{
    const struct plugin *found = NULL, *refused = NULL;

    for (const struct plugin *plugin = first; plugin; plugin = plugin->next) {
        if (!offers(plugin, kind, name) || plugin->hidden)
            continue;
        if (plugin->refused) {
            refused = refused ? refused : plugin;
            continue;
        }
        if (found)
            return pb_fail(PB_CONFLICT,
                           "two plugins offer the %.*s '%.*s': %.*s (%s) and %.*s (%s); take one "
                           "out of the search path",
                           PB_ARG(kind), PB_ARG(name), PB_ARG(plugin_name(found)), found->path,
                           PB_ARG(plugin_name(plugin)), plugin->path);
        found = plugin;
    }
    found = found ? found : refused;
    if (!found)
        return not_found(kind, name);
    pb_status status = registry_open(found);
    if (status != PB_OK)
        return status;
    for (size_t i = 0; found->descriptor->components[i]; i++) {
        const pb_component *candidate = found->descriptor->components[i];
        if (pb_str_is(kind, candidate->kind) && pb_str_is(name, candidate->name)) {
            *out = found;
            *component = candidate;
            return PB_OK;
        }
    }
    return not_found(kind, name); /* the file was replaced since the scan */
}

void registry_reset(void)
{
    while (first) {
        struct plugin *plugin = first;
        first = plugin->next;
        manifest_fini(&plugin->manifest);
        free(plugin->path);
        free(plugin->refused);
        free(plugin);
    }
    last = &first;
    while (pins) {
        struct pin *pin = pins;
        pins = pin->next;
        free(pin->name);
        free(pin);
    }
    while (folder_count)
        free(folders[--folder_count]);
}
