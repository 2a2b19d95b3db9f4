/* folder - documents from a folder of files: listed page by page, fetched piece by piece, watched.
 */
#include "folder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PAGE = 500 };

static const pb_field folder_options[] = {
    PB_PATH(struct folder, path, .required = 1, .ref = "base", .help = "The folder."),
    PB_ENUM(struct folder, base, .values = PB_VALUES("config", "data"), .def = "config",
            .help = "What `path` is relative to: the folder of the configuration, where it must be "
                    "there, or the data folder, where it is made."),
    PB_LIST(struct folder, include, PB_KIND_STR, .max_length = 64,
            .help = "Patterns of paths: `**/*.md`; without any, all files."),
    PB_LIST(struct folder, exclude, PB_KIND_STR, .max_length = 64,
            .help = "Patterns of paths that are left out; a folder with all that is in it."),
    PB_SIZE(struct folder, max_size, .def = "64MiB", .min = 1,
            .help = "Larger files are left out."),
    PB_BOOL(struct folder, hidden, .help = "Files and folders whose name begins with a point too."),
    PB_BOOL(struct folder, follow, .help = "Links to files within the folder too."),
    PB_BOOL(struct folder, watch, .help = "Changes are seen as they happen."),
    PB_DURATION(struct folder, interval, .def = "5m", .min = 1, .max = 86400,
                .help =
                    "How often all is looked at again while it is watched, for changes that the "
                    "kernel does not tell (network file systems)."),
    PB_DURATION(struct folder, settle, .def = "2s", .max = 3600,
                .help = "A file that is still open counts when it has not changed for so long."),
    PB_END,
};

/* --- life --------------------------------------------------------------------------------------
 */

static void folder_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct folder *folder = self;
    struct stat about;

    if (!folder->path.data || folder->base == BASE_DATA)
        return;
    if (stat(folder->path.data, &about) != 0)
        pb_problem(diagnostics, "path", "there is no folder '%s': %s", folder->path.data,
                   strerror(errno));
    else if (!S_ISDIR(about.st_mode))
        pb_problem(diagnostics, "path", "'%s' is no folder", folder->path.data);
}

static pb_status folder_create(void *self)
{
    struct folder *folder = self;
    pb_status status = glob_expand(&folder->include, &folder->includes, &folder->include_count);

    if (status == PB_OK)
        status = glob_expand(&folder->exclude, &folder->excludes, &folder->exclude_count);
    if (status == PB_OK && !folder->include_count)
        folder->includes[folder->include_count++] = pb_lit("**");
    return status;
}

/* Makes the folder and those above it. On a helper thread. */
static pb_status make(void *arg)
{
    char *path = arg;

    for (char *slash = path + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = 0;
        (void)mkdir(path, 0750);
        *slash = '/';
    }
    return mkdir(path, 0750) == 0 || errno == EEXIST ? PB_OK : PB_UNAVAILABLE;
}

static pb_status folder_start(void *self)
{
    const struct folder *folder = self;

    if (folder->base != BASE_DATA)
        return PB_OK;
    pb_str path = pb_copy(folder->path);
    if (!path.data)
        return PB_NO_MEMORY;
    pb_status status = pb_offload(make, (void *)(uintptr_t)path.data);
    return status == PB_UNAVAILABLE
               ? pb_fail(PB_UNAVAILABLE, "the folder '%s' cannot be made", folder->path.data)
               : status;
}

static void folder_destroy(void *self)
{
    files_clear(&((struct folder *)self)->listed);
}

/* --- listing -----------------------------------------------------------------------------------
 */

pb_source_entry *entry_of(const struct file *file)
{
    pb_source_entry *entry = PB_NEW(pb_source_entry);

    if (!entry)
        return NULL;
    entry->size = (uint32_t)sizeof *entry;
    entry->bytes = file->bytes;
    entry->modified = file->modified / 1000000;
    entry->id = entry->name = pb_copy(pb_str_of(file->path));
    entry->digest = pb_printf("%llx-%llx-%llx", (unsigned long long)file->modified,
                              (unsigned long long)file->bytes, (unsigned long long)file->inode);
    return entry->id.data && entry->digest.data ? entry : NULL;
}

struct listing {
    struct walk walk;
    struct files files;
};

static pb_status list_away(void *arg)
{
    struct listing *listing = arg;

    return walk_run(&listing->walk);
}

/* What was listed last is where a watch begins. Pages that do not follow one another are nothing.
 */
static void remember(struct folder *folder, pb_str cursor, const struct listing *listing)
{
    struct files *listed = &folder->listed;
    bool follows = cursor.size
                       ? listed->count && pb_str_is(cursor, listed->items[listed->count - 1].path)
                       : true;

    if (!folder->watch)
        return;
    folder->listed_whole = false;
    if (!cursor.size || !follows)
        files_clear(listed);
    for (size_t i = 0; follows && i < listing->files.count; i++)
        follows = files_add(listed, &listing->files.items[i], listing->files.items[i].path);
    folder->listed_whole = follows && listing->walk.ended;
}

static pb_status fill_page(const struct listing *listing, pb_source_page *out)
{
    const struct files *files = &listing->files;
    const pb_source_entry **entries = PB_NEW_ARRAY(const pb_source_entry *, files->count + 1);

    for (size_t i = 0; entries && i < files->count; i++) {
        entries[i] = entry_of(&files->items[i]);
        if (!entries[i])
            return PB_NO_MEMORY;
    }
    if (!entries)
        return PB_NO_MEMORY;
    out->entries = entries;
    out->count = files->count;
    if (!listing->walk.ended)
        out->cursor = entries[files->count - 1]->id;
    return PB_OK;
}

static pb_status folder_list(void *self, pb_str cursor, pb_source_page *out)
{
    struct folder *folder = self;
    struct listing *listing = PB_NEW(struct listing);
    pb_str after = cursor.size ? pb_copy(cursor) : cursor;

    if (!listing || (cursor.size && !after.data))
        return PB_NO_MEMORY;
    listing->walk =
        (struct walk){.folder = folder, .after = after.data, .most = PAGE, .out = &listing->files};
    pb_status status = pb_offload(list_away, listing);
    if (status == PB_OK) {
        remember(folder, cursor, listing);
        status = fill_page(listing, out);
    } else if (listing->walk.wrong[0]) {
        status = pb_fail(status, "%s", listing->walk.wrong);
    } else if (status == PB_NO_MEMORY) {
        status = pb_fail(status, "there is no memory to list the folder");
    }
    files_clear(&listing->files);
    return status;
}

PB_PLUGIN("folder", "0.1.0", "Apache-2.0", "Documents from a folder of files.",
          PB_SOURCE("folder", struct folder, folder_options, .check = folder_check,
                    .create = folder_create, .start = folder_start, .destroy = folder_destroy,
                    .list = folder_list, .fetch = folder_fetch, .watch = folder_watch));
