/* watcher.c - the thread: it knows every file as it was told last, looks again at those that
 * something happened to, and at all of them after changes to folders, after an overflow, and at
 * intervals. So what it tells always adds up to what is there. */
#include "folder.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

/* --- one file -----------------------------------------------------------------------------------
 */

/* Where a path stands among those that are known, or would. */
static size_t find(const struct files *files, const char *path)
{
    size_t low = 0, high = files->count;

    while (low < high) {
        size_t half = low + (high - low) / 2;
        if (paths_compare(files->items[half].path, path) < 0)
            low = half + 1;
        else
            high = half;
    }
    return low;
}

/* A new file at its place; the array is sorted again. */
static void learn(struct files *files, size_t at, const struct file *file, const char *path)
{
    if (!files_add(files, file, path))
        return;
    struct file last = files->items[files->count - 1];
    memmove(files->items + at + 1, files->items + at,
            (files->count - 1 - at) * sizeof *files->items);
    files->items[at] = last;
}

static void look(struct watcher *watcher, const char *path)
{
    struct files *known = &watcher->known;
    struct file file = {0};
    size_t at = find(known, path);
    bool was = at < known->count && strcmp(known->items[at].path, path) == 0;
    bool is = walk_look(watcher->folder, path, &file) == PB_OK;

    if (is && was && file_same(&known->items[at], &file))
        return;
    if (is) {
        file.path = (char *)(uintptr_t)path;
        watcher_tell(watcher, &file, false);
    }
    if (is && was) {
        file.path = known->items[at].path;
        known->items[at] = file;
    } else if (is) {
        learn(known, at, &file, path);
    } else if (was) {
        watcher_tell(watcher, &known->items[at], true);
        free(known->items[at].path);
        memmove(known->items + at, known->items + at + 1,
                (known->count - at - 1) * sizeof *known->items);
        known->count--;
    }
}

/* Those whose time has come; when the next one's comes. */
static pb_duration look_at_pending(struct watcher *watcher)
{
    pb_duration now = pb_monotonic(), next = INT64_MAX;
    size_t kept = 0, count = watcher->pending_count;

    for (size_t i = 0; i < count; i++) {
        struct pending one = watcher->pending[i];
        if (one.due <= now) {
            look(watcher, one.path);
            free(one.path);
            continue;
        }
        if (one.due < next)
            next = one.due;
        watcher->pending[kept++] = one;
    }
    watcher->pending_count = kept;
    return next;
}

/* --- all of them ---------------------------------------------------------------------------------
 */

/* A file that is new or another: told now, or looked at later when it may still be written to.
 * False: not told. */
static bool tell_or_wait(struct watcher *watcher, const struct file *file)
{
    pb_duration age = pb_now() * PB_MILLISECOND - file->modified;

    if (age >= 0 && age < watcher->folder->settle) {
        events_soon(watcher, file->path, pb_monotonic() + watcher->folder->settle);
        return false;
    }
    watcher_tell(watcher, file, false);
    return true;
}

/* Tells how what is there differs from what was known, and knows it from then on. */
static void compare(struct watcher *watcher, struct files *found)
{
    struct files *known = &watcher->known, now = {0};
    size_t k = 0;

    for (size_t i = 0; i < found->count || k < known->count;) {
        int order = i == found->count   ? 1
                    : k == known->count ? -1
                                        : paths_compare(found->items[i].path, known->items[k].path);
        if (order > 0) {
            watcher_tell(watcher, &known->items[k++], true);
            continue;
        }
        const struct file *is = &found->items[i++];
        const struct file *was = order == 0 ? &known->items[k++] : NULL;
        if ((was && file_same(is, was)) || tell_or_wait(watcher, is))
            (void)files_add(&now, is, is->path);
        else if (was)
            (void)files_add(&now, was, was->path);
    }
    files_clear(known);
    *known = now;
}

static void look_at_all(struct watcher *watcher)
{
    struct files found = {0};
    struct walk walk = {.folder = watcher->folder,
                        .most = SIZE_MAX,
                        .out = &found,
                        .enter = events_enter,
                        .arg = watcher,
                        .stop = &watcher->stop};

    watcher->full_at = pb_monotonic() + watcher->folder->interval;
    pb_status status = walk_run(&walk);
    if (status == PB_OK) {
        events_sweep(watcher);
        if (watcher->known_whole) {
            compare(watcher, &found);
        } else { /* nobody knows what was there before: this is where it begins */
            files_clear(&watcher->known);
            watcher->known = found;
            found = (struct files){0};
        }
        watcher->known_whole = true;
    } else if (status != PB_CANCELLED) {
        pb_log(PB_WARN, "%s", walk.wrong[0] ? walk.wrong : "memory is short");
    }
    files_clear(&found);
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static int until(pb_duration when)
{
    pb_duration left = when - pb_monotonic();

    if (left <= 0)
        return 0;
    return left / PB_MILLISECOND >= INT_MAX ? INT_MAX : (int)(left / PB_MILLISECOND) + 1;
}

void *watcher_run(void *arg)
{
    struct watcher *watcher = arg;
    struct pollfd fds[2] = {{.fd = watcher->wake, .events = POLLIN},
                            {.fd = watcher->inotify, .events = POLLIN}};

    if (watcher->inotify < 0)
        pb_log(PB_WARN, "'%s' cannot be watched (inotify); it is looked at every %lld s",
               watcher->folder->path.data, (long long)(watcher->folder->interval / PB_SECOND));
    while (!atomic_load(&watcher->stop)) {
        if (watcher->full_at <= pb_monotonic())
            look_at_all(watcher);
        pb_duration next = look_at_pending(watcher);
        if (watcher->full_at < next)
            next = watcher->full_at;
        (void)poll(fds, 2, until(next));
        if (fds[1].revents & POLLIN)
            events_read(watcher);
    }
    return NULL;
}
