/* watch.c - the task that tells the changes which a thread of its own has seen. The thread raises
 * the signal only while the task waits, so that each wait ends once. */
#include "folder.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

void watcher_tell(struct watcher *watcher, const struct file *file, bool removed)
{
    struct change *change = calloc(1, sizeof *change);
    char *path = strdup(file->path);

    if (!change || !path) { /* it is found again when all is looked at again */
        free(change);
        free(path);
        return;
    }
    change->file = *file;
    change->file.path = path;
    change->removed = removed;
    pthread_mutex_lock(&watcher->lock);
    *watcher->last = change;
    watcher->last = &change->next;
    bool raise = watcher->waits;
    watcher->waits = false;
    pthread_mutex_unlock(&watcher->lock);
    if (raise)
        pb_signal_raise(&watcher->signal, 1);
}

static struct change *take_all(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    struct change *all = watcher->first;
    watcher->first = NULL;
    watcher->last = &watcher->first;
    watcher->waits = !all;
    pthread_mutex_unlock(&watcher->lock);
    return all;
}

/* The wait failed: if the thread has not taken notice of it, it never raises the signal any more.
 */
static void end_wait(struct watcher *watcher)
{
    pthread_mutex_lock(&watcher->lock);
    bool raised = !watcher->waits;
    watcher->waits = false;
    pthread_mutex_unlock(&watcher->lock);
    if (raised)
        pb_signal_wait_always(watcher->signal);
}

static void forget(struct change *change)
{
    while (change) {
        struct change *next = change->next;
        free(change->file.path);
        free(change);
        change = next;
    }
}

static pb_status tell(struct change *change,
                      pb_status (*changed)(void *arg, const pb_source_entry *entry), void *arg)
{
    pb_status status = PB_OK;

    for (; change && status == PB_OK; change = change->next) {
        pb_scope *scope = pb_scope_begin();
        pb_source_entry *entry = entry_of(&change->file);
        status = entry ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
        if (entry) {
            entry->removed = change->removed;
            status = changed(arg, entry);
        }
        pb_scope_end(scope);
    }
    return status;
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static pb_status begin(struct watcher *watcher, struct folder *folder)
{
    sigset_t all, before;
    int failed;

    watcher->folder = folder;
    watcher->last = &watcher->first;
    watcher->known = folder->listed;
    watcher->known_whole = folder->listed_whole;
    memset(&folder->listed, 0, sizeof folder->listed);
    folder->listed_whole = false;
    watcher->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    watcher->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (watcher->wake < 0)
        return pb_fail(PB_UNAVAILABLE, "the folder cannot be watched: %s", strerror(errno));
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&watcher->thread, NULL, watcher_run, watcher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? pb_fail(PB_UNAVAILABLE, "the folder cannot be watched: %s", strerror(failed))
                  : (pb_status)PB_OK;
}

static pb_status join_away(void *arg)
{
    struct watcher *watcher = arg;

    pthread_join(watcher->thread, NULL);
    return PB_OK;
}

static pb_status join(void *arg)
{
    return pb_offload(join_away, arg);
}

static void end(struct watcher *watcher, bool running)
{
    uint64_t one = 1;

    if (running) {
        atomic_store(&watcher->stop, true);
        if (write(watcher->wake, &one, sizeof one) < 0 && errno != EAGAIN)
            pb_log(PB_ERROR, "a watcher cannot be woken: %s", strerror(errno));
        if (pb_shield(join, watcher) != PB_OK)
            pthread_join(watcher->thread, NULL);
    }
    if (watcher->inotify >= 0)
        close(watcher->inotify);
    if (watcher->wake >= 0)
        close(watcher->wake);
    forget(watcher->first);
    files_clear(&watcher->known);
    for (size_t i = 0; i < watcher->folder_count; i++)
        free(watcher->folders[i].path);
    free(watcher->folders);
    for (size_t i = 0; i < watcher->pending_count; i++)
        free(watcher->pending[i].path);
    free(watcher->pending);
    pthread_mutex_destroy(&watcher->lock);
}

pb_status folder_watch(void *self, pb_status (*changed)(void *arg, const pb_source_entry *entry),
                       void *arg)
{
    struct folder *folder = self;
    struct watcher *watcher = PB_NEW(struct watcher);

    if (!folder->watch)
        return pb_fail(PB_UNSUPPORTED, "this folder is not watched; set 'watch: true'");
    if (!watcher || !(watcher->signal = pb_signal_new()))
        return PB_NO_MEMORY;
    pthread_mutex_init(&watcher->lock, NULL);
    pb_status status = begin(watcher, folder);
    bool running = status == PB_OK;
    while (status == PB_OK) {
        struct change *changes = take_all(watcher);
        if (changes)
            status = tell(changes, changed, arg);
        else if ((status = pb_signal_wait(watcher->signal)) != PB_OK)
            end_wait(watcher);
        forget(changes);
    }
    end(watcher, running);
    return status;
}
