/* chain.c - segments as files: c<collection>.<from>-<to>.segment. Written whole under another name,
 * synced, then renamed, so that a crash leaves either nothing or all of it; what was begun is
 * thrown away by whoever makes the next. Only who has the lock makes files; reading needs none, and
 * who has a removed file mapped keeps it.
 */
#include "embedded.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum { PATH_ROOM = 1024, LOCK_WAIT = 60 };

struct name {
    int64_t collection, from, to;
};

static bool parse(const char *text, struct name *name)
{
    int end = 0;

    return sscanf(text, "c%" SCNd64 ".%" SCNd64 "-%" SCNd64 ".segment%n", &name->collection,
                  &name->from, &name->to, &end) == 3 &&
           end && !text[end];
}

uint32_t chain_variant(const struct store *self)
{
    return self->stem ? 1 : 0;
}

void chain_clear(struct chain *chain, size_t from)
{
    while (chain->count > from) {
        struct segment *last = chain->all[--chain->count];
        if (!--last->references)
            segment_free(last);
    }
}

/* --- loading
 * ----------------------------------------------------------------------------------------- */

struct loading {
    const char *folder;
    int64_t collection;
    uint32_t variant;
    struct chain *chain;
};

/* The name of the longest that begins where the chain ends; false: none is left. */
static bool find_next(const struct loading *loading, int64_t from, int64_t below,
                      struct name *found)
{
    DIR *folder = opendir(loading->folder);
    const struct dirent *entry;
    struct name name;

    found->to = -1;
    while (folder && (entry = readdir(folder)))
        if (parse(entry->d_name, &name) && name.collection == loading->collection &&
            name.from == from && name.to < below && name.to > found->to)
            *found = name;
    if (folder)
        closedir(folder);
    return found->to >= 0;
}

static bool fits(const struct loading *loading, const struct segment *segment,
                 const struct name *name)
{
    const struct segment_header *header = segment->header;
    const struct chain *chain = loading->chain;
    int64_t stamp = chain->count ? chain->all[chain->count - 1]->header->to_stamp : 0;

    return header->collection == name->collection && header->from == name->from &&
           header->to == name->to && header->variant == loading->variant &&
           header->from_stamp == stamp;
}

/* Adds the next one; a file that is not what its name says is passed over. */
static bool load_next(const struct loading *loading)
{
    struct chain *chain = loading->chain;
    int64_t from = chain->count ? chain->all[chain->count - 1]->header->to : 0;
    int64_t below = INT64_MAX;
    char path[PATH_ROOM];
    struct name name;

    while (chain->count <= FILES_MOST && find_next(loading, from, below, &name)) {
        below = name.to;
        (void)snprintf(path, sizeof path, "%s/c%" PRId64 ".%" PRId64 "-%" PRId64 ".segment",
                       loading->folder, name.collection, name.from, name.to);
        struct segment *segment = segment_open(path);
        if (segment && fits(loading, segment, &name)) {
            segment->references = 1;
            chain->all[chain->count++] = segment;
            return true;
        }
        segment_free(segment);
    }
    return false;
}

static pb_status load(void *arg)
{
    while (load_next(arg))
        ;
    return PB_OK;
}

pb_status chain_load(struct store *self, int64_t collection, struct chain *chain)
{
    struct loading loading = {self->folder.data, collection, chain_variant(self), chain};

    return pb_offload(load, &loading);
}

/* --- publishing
 * --------------------------------------------------------------------------------------- */

static bool write_all(int file, const uint8_t *data, size_t size)
{
    while (size) {
        ssize_t wrote = write(file, data, size < (1u << 30) ? size : 1u << 30);
        if (wrote < 0 && errno != EINTR)
            return false;
        if (wrote > 0) {
            data += wrote;
            size -= (size_t)wrote;
        }
    }
    return fsync(file) == 0;
}

static void sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return;
    (void)fsync(folder);
    close(folder);
}

/* Others of this collection that cover only what the new one covers. */
static void remove_replaced(const char *path, const struct segment_header *header)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    char old[PATH_ROOM];
    struct name name;

    while (folder && (entry = readdir(folder))) {
        if (!parse(entry->d_name, &name) || name.collection != header->collection ||
            (name.from == header->from && name.to == header->to) ||
            (name.to <= header->from && header->from))
            continue;
        (void)snprintf(old, sizeof old, "%s/%s", path, entry->d_name);
        (void)unlink(old);
    }
    if (folder)
        closedir(folder);
}

pb_status chain_publish(const char *folder, const void *block, size_t bytes)
{
    const struct segment_header *header = block;
    char begun[PATH_ROOM], path[PATH_ROOM];

    (void)snprintf(begun, sizeof begun, "%s/c%" PRId64 ".new", folder, header->collection);
    (void)snprintf(path, sizeof path, "%s/c%" PRId64 ".%" PRId64 "-%" PRId64 ".segment", folder,
                   header->collection, header->from, header->to);
    int file = open(begun, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return PB_UNAVAILABLE;
    bool wrote = write_all(file, block, bytes);
    int error = errno;
    close(file);
    if (!wrote || rename(begun, path) != 0) {
        (void)unlink(begun);
        return error == ENOSPC ? (pb_status)PB_NO_SPACE : (pb_status)PB_UNAVAILABLE;
    }
    sync_folder(folder);
    remove_replaced(folder, header);
    return PB_OK;
}

/* --- the lock
 * ------------------------------------------------------------------------------------------- */

pb_status chain_lock(struct store *self, int64_t collection, int *lock)
{
    pb_duration until = pb_monotonic() + LOCK_WAIT * PB_SECOND;
    pb_str path = pb_printf("%.*s/c%" PRId64 ".lock", PB_ARG(self->folder), collection);
    pb_status status = PB_OK;

    *lock = path.data ? open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (*lock < 0)
        return path.data ? pb_fail(PB_UNAVAILABLE, "%.*s cannot be opened: %s", PB_ARG(path),
                                   strerror(errno))
                         : (pb_status)PB_NO_MEMORY;
    while (flock(*lock, LOCK_EX | LOCK_NB) != 0 && status == PB_OK)
        status = pb_monotonic() < until
                     ? pb_sleep(2 * PB_MILLISECOND)
                     : pb_fail_retry(PB_UNAVAILABLE, PB_SECOND,
                                     "another worker is still indexing this collection");
    if (status != PB_OK)
        chain_unlock(*lock);
    return status;
}

void chain_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
