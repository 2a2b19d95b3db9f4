/* events.c - what the kernel tells about the folders of the tree (inotify), and what is made of it:
 * a file to be looked at soon, or all of them. */
#include "folder.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

enum { PENDING_MOST = 4096 };

static const uint32_t MASK = IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR |
                             IN_EXCL_UNLINK;

/* Until a file that was closed, moved or removed is looked at: an editor does more in one go. */
static const pb_duration SOON = 50 * PB_MILLISECOND;

/* --- folders ------------------------------------------------------------------------------------
 */

/* Where `wd` stands, or would. */
static size_t find(const struct watcher *watcher, int wd)
{
    size_t low = 0, high = watcher->folder_count;

    while (low < high) {
        size_t half = low + (high - low) / 2;
        if (watcher->folders[half].wd < wd)
            low = half + 1;
        else
            high = half;
    }
    return low;
}

static bool insert(struct watcher *watcher, size_t at, int wd)
{
    if (watcher->folder_count == watcher->folder_room) {
        size_t room = watcher->folder_room ? watcher->folder_room * 2 : 64;
        struct watched *folders = realloc(watcher->folders, room * sizeof *folders);
        if (!folders)
            return false;
        watcher->folders = folders;
        watcher->folder_room = room;
    }
    memmove(watcher->folders + at + 1, watcher->folders + at,
            (watcher->folder_count - at) * sizeof *watcher->folders);
    watcher->folders[at] = (struct watched){.wd = wd};
    watcher->folder_count++;
    return true;
}

static void give_up(struct watcher *watcher, int why)
{
    if (!watcher->warned && why != ENOENT && why != ENOTDIR && why != EACCES)
        pb_log(PB_WARN,
               "not every folder of '%s' can be watched (%s); it is looked at again every %lld s. "
               "fs.inotify.max_user_watches may be raised",
               watcher->folder->path.data, strerror(why),
               (long long)(watcher->folder->interval / PB_SECOND));
    watcher->warned = watcher->warned || (why != ENOENT && why != ENOTDIR && why != EACCES);
}

void events_enter(void *arg, const char *path)
{
    struct watcher *watcher = arg;
    char *whole = NULL, *own = strdup(path);

    if (watcher->inotify < 0 || !own ||
        asprintf(&whole, "%s/%s", watcher->folder->path.data, path) < 0) {
        free(own);
        return;
    }
    int wd = inotify_add_watch(watcher->inotify, whole, MASK | (*path ? IN_DONT_FOLLOW : 0));
    int why = errno;
    free(whole);
    if (wd < 0) {
        give_up(watcher, why);
        free(own);
        return;
    }
    size_t at = find(watcher, wd);
    bool there = at < watcher->folder_count && watcher->folders[at].wd == wd;
    if (!there && !insert(watcher, at, wd)) {
        free(own);
        return;
    }
    free(watcher->folders[at].path); /* it may have been moved */
    watcher->folders[at].path = own;
    watcher->folders[at].seen = true;
}

void events_sweep(struct watcher *watcher)
{
    size_t kept = 0;

    for (size_t i = 0; i < watcher->folder_count; i++) {
        struct watched one = watcher->folders[i];
        if (one.seen) {
            one.seen = false;
            watcher->folders[kept++] = one;
            continue;
        }
        (void)inotify_rm_watch(watcher->inotify, one.wd);
        free(one.path);
    }
    watcher->folder_count = kept;
}

/* --- events -------------------------------------------------------------------------------------
 */

static void all_soon(struct watcher *watcher)
{
    pb_duration due = pb_monotonic() + SOON;

    if (due < watcher->full_at)
        watcher->full_at = due;
}

void events_soon(struct watcher *watcher, const char *path, pb_duration due)
{
    for (size_t i = 0; i < watcher->pending_count; i++)
        if (strcmp(watcher->pending[i].path, path) == 0) {
            watcher->pending[i].due = due;
            return;
        }
    if (watcher->pending_count == watcher->pending_room) {
        size_t room = watcher->pending_room ? watcher->pending_room * 2 : 32;
        struct pending *pending =
            room > PENDING_MOST ? NULL : realloc(watcher->pending, room * sizeof *pending);
        if (!pending) { /* so many: one look at all is less work */
            all_soon(watcher);
            return;
        }
        watcher->pending = pending;
        watcher->pending_room = room;
    }
    char *own = strdup(path);
    if (own)
        watcher->pending[watcher->pending_count++] = (struct pending){own, due};
    else
        all_soon(watcher);
}

static void one_event(struct watcher *watcher, const struct inotify_event *event)
{
    char path[PATH_MAX];
    size_t at = find(watcher, event->wd);
    bool known = at < watcher->folder_count && watcher->folders[at].wd == event->wd;

    if (event->mask & (IN_Q_OVERFLOW | IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) {
        all_soon(watcher);
        return;
    }
    if (!known || !event->len ||
        snprintf(path, sizeof path, "%s%s", watcher->folders[at].path, event->name) >= PATH_MAX)
        return;
    bool open = event->mask & (IN_CREATE | IN_MODIFY) &&
                !(event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM));
    events_soon(watcher, path, pb_monotonic() + (open ? watcher->folder->settle : SOON));
}

void events_read(struct watcher *watcher)
{
    _Alignas(struct inotify_event) char buffer[2048];
    ssize_t size;

    while ((size = read(watcher->inotify, buffer, sizeof buffer)) > 0)
        for (char *at = buffer; at < buffer + size;) {
            const struct inotify_event *event = (const struct inotify_event *)(void *)at;
            one_event(watcher, event);
            at += sizeof *event + event->len;
        }
}
