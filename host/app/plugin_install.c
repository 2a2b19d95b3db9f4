/* plugin_install.c - `patchbay plugin install FILE`: puts a plugin in its folder by rename.
 *
 * Copying over a plugin that is loaded changes code that runs; a rename leaves the old file to
 * whoever has it open. Nothing of the plugin is run: its manifest tells what it is.
 */
#include "app/load.h"

#include "config/schema.h"
#include "plugin/host_options.h"
#include "plugin/loader.h"
#include "plugin/manifest.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct install {
    const char *from;
    const char *folder;
    char temporary[PATH_MAX], final[PATH_MAX];
    struct manifest manifest;
    char before[64]; /* the version that was there; "" */
};

/* --- where to --------------------------------------------------------------------------------- */

/* The first folder of plugins.path; absent where the configuration names none. */
static pb_str configured_folder(const struct invocation *invocation)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *root = NULL;
    static struct plugins_options options;
    const struct schema_context context = {.diagnostics = &diagnostics};

    (void)config_tree_load(invocation->config, &diagnostics, &root);
    for (size_t i = 0; root && i < invocation->set_count; i++)
        (void)config_tree_set(root, invocation->sets[i], (uint32_t)i + 1, &diagnostics);
    if (root)
        (void)schema_read(plugins_options_fields, &options, config_node_get(root, "plugins"),
                          &context);
    pb_error_clear();
    return options.path.count ? PB_ITEM(options.path, pb_str, 0) : (pb_str){0};
}

static const char *choose_folder(const struct invocation *invocation)
{
    pb_str configured = invocation->to ? (pb_str){0} : configured_folder(invocation);
    const char *const *folders = loader_default_folders();

    if (invocation->to)
        return invocation->to;
    if (configured.size)
        return configured.data;
    while (*folders && access(*folders, F_OK) != 0)
        folders++;
    return *folders ? *folders : loader_default_folders()[1];
}

/* A file there that is the same plugin is what is replaced, whatever its name. */
static void find_before(struct install *install)
{
    DIR *folder = opendir(install->folder);
    struct dirent *entry;

    snprintf(install->final, sizeof install->final, "%s/%s.so", install->folder,
             install->manifest.name.data);
    while (folder && (entry = readdir(folder))) {
        struct manifest manifest;
        if (entry->d_name[0] == '.' || !pb_str_ends(pb_str_of(entry->d_name), pb_lit(".so")))
            continue;
        int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (manifest_read(fd, &manifest) == PB_OK) {
            if (pb_str_equal(manifest.name, install->manifest.name)) {
                snprintf(install->before, sizeof install->before, "%.*s", PB_ARG(manifest.version));
                snprintf(install->final, sizeof install->final, "%s/%s", install->folder,
                         entry->d_name);
            }
            manifest_fini(&manifest);
        }
        close(fd);
    }
    if (folder)
        closedir(folder);
    pb_error_clear();
}

/* --- copying ---------------------------------------------------------------------------------- */

static bool copy(int from, int to)
{
    char piece[4096];
    ssize_t size;

    while ((size = read(from, piece, sizeof piece)) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return false;
        for (ssize_t done = 0, more; done < size; done += more)
            if ((more = write(to, piece + done, (size_t)(size - done))) < 0)
                return false;
    }
    return fchmod(to, 0644) == 0 && fsync(to) == 0;
}

static pb_status fail(const struct install *install, const char *what)
{
    return pb_fail(errno == ENOSPC ? PB_NO_SPACE : PB_FORBIDDEN, "%s %s: %s", what, install->folder,
                   strerror(errno));
}

static pb_status sync_folder(const struct install *install)
{
    int fd = open(install->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0)
        close(fd);
    return done ? (pb_status)PB_OK : fail(install, "cannot make sure that it stays in");
}

/* The copy must be one that a worker would open: owner and mode of it and of the folders above. */
static pb_status check_copy(const struct install *install)
{
    int fd;
    pb_status status = loader_file_open(install->temporary, &fd);

    if (status == PB_OK)
        close(fd);
    return status;
}

static pb_status put(struct install *install, int from)
{
    pb_status status = PB_OK;

    if (mkdir(install->folder, 0755) != 0 && errno != EEXIST)
        return fail(install, "cannot make the folder");
    find_before(install);
    snprintf(install->temporary, sizeof install->temporary, "%s/.install-XXXXXX", install->folder);
    int to = mkostemp(install->temporary, O_CLOEXEC);
    if (to < 0)
        return fail(install, "cannot write to");
    if (lseek(from, 0, SEEK_SET) != 0 || !copy(from, to))
        status = fail(install, "cannot write to");
    close(to);
    if (status == PB_OK)
        status = check_copy(install);
    if (status == PB_OK && rename(install->temporary, install->final) != 0)
        status = fail(install, "cannot rename in");
    if (status != PB_OK)
        unlink(install->temporary);
    return status == PB_OK ? sync_folder(install) : status;
}

static pb_status run(struct install *install)
{
    int from = open(install->from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    pb_status status;

    if (from < 0)
        return pb_fail(PB_NOT_FOUND, "cannot read '%s': %s", install->from, strerror(errno));
    status = manifest_read(from, &install->manifest);
    if (status == PB_OK)
        status = manifest_check(&install->manifest);
    if (status == PB_OK)
        status = put(install, from);
    close(from);
    return status;
}

int command_plugin(const struct invocation *invocation)
{
    static struct install install;

    if (strcmp(invocation->words[0], "install") != 0) {
        fprintf(stderr, "patchbay plugin: there is no '%s'; write: patchbay plugin install FILE\n",
                invocation->words[0]);
        return pb_status_exit(PB_INVALID);
    }
    install.from = invocation->words[1];
    install.folder = choose_folder(invocation);
    pb_status status = run(&install);
    if (status != PB_OK) {
        fprintf(stderr, "patchbay plugin install: %.*s\n", PB_ARG(pb_error_last()->sentence));
        return pb_status_exit(status);
    }
    printf("%.*s %.*s is installed as %s", PB_ARG(install.manifest.name),
           PB_ARG(install.manifest.version), install.final);
    if (install.before[0])
        printf(" (before: %s)", install.before);
    printf("\nA running server takes it after: patchbay reload\n");
    return 0;
}
