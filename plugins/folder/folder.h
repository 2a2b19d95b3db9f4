/* folder.h - a folder of files as a source. All that touches the file system runs on other threads:
 * on the helper threads, or on that of a watcher. Memory there is malloc's. */
#ifndef FOLDER_H
#define FOLDER_H

#include <patchbay/log.h>
#include <patchbay/source.h>
#include <patchbay/task.h>

#include <pthread.h>
#include <stdatomic.h>

enum { BASE_CONFIG = 0, BASE_DATA = 1 };

/* One file, by its path relative to the folder. */
struct file {
    char *path;
    int64_t bytes;
    int64_t modified; /* nanoseconds */
    uint64_t inode;
};

struct files {
    struct file *items; /* in the order of paths_compare */
    size_t count, room;
};

struct folder {
    pb_str path;
    int32_t base;
    pb_list include, exclude;
    int64_t max_size;
    bool hidden, follow, watch;
    pb_duration interval, settle;
    /* made in create */
    pb_str *includes, *excludes; /* without braces */
    size_t include_count, exclude_count;
    struct files listed; /* by the last listing, page by page; the loop's thread only */
    bool listed_whole;
};

/* --- glob.c ------------------------------------------------------------------------------------
 */

/* Does the whole path match? `*` and `?` within a name, [a-z], `**` for any number of names. Any
 * thread. */
bool glob_match(pb_str pattern, pb_str path);
/* The patterns with each {a,b} written out, in the running scope. PB_INVALID, PB_NO_MEMORY. */
pb_status glob_expand(const pb_list *patterns, pb_str **out, size_t *count);

/* --- walk.c: any thread -------------------------------------------------------------------------
 */

/* A way through all files of the folder, in order. */
struct walk {
    const struct folder *folder;
    const char *after; /* only what comes behind this path; NULL: all */
    size_t most;       /* so many files at most */
    struct files *out;
    bool ended; /* there is no more */
    /* NULL, or called before a folder is read; `path` ends with '/' or is empty */
    void (*enter)(void *arg, const char *path);
    void *arg;
    const atomic_bool *stop; /* or NULL */
    char wrong[512];         /* a sentence, where it failed */
};

/* PB_OK, PB_UNAVAILABLE with `wrong`, PB_CANCELLED or PB_NO_MEMORY. */
pb_status walk_run(struct walk *walk);
/* The file at `path`: PB_OK, or PB_NOT_FOUND when there is none that belongs to the source. */
pb_status walk_look(const struct folder *folder, const char *path, struct file *out);
/* A descriptor of it, or -1. Never leads out of the folder. */
int walk_open(const struct folder *folder, const char *path);

bool files_add(struct files *files, const struct file *file, const char *path);
void files_clear(struct files *files);
/* As a walk comes by: '/' before any other byte. */
int paths_compare(const char *a, const char *b);
bool file_same(const struct file *a, const struct file *b);

/* --- folder.c -----------------------------------------------------------------------------------
 */

/* In the running scope; NULL when memory is short. */
pb_source_entry *entry_of(const struct file *file);

pb_status folder_fetch(void *self, pb_str id, pb_writer *writer);
pb_status folder_watch(void *self, pb_status (*changed)(void *arg, const pb_source_entry *entry),
                       void *arg);

/* --- watcher.c, events.c: a thread that watches --------------------------------------------------
 */

/* A change that the task has not told yet. */
struct change {
    struct change *next;
    struct file file;
    bool removed;
};

/* A file that something happened to, to be looked at when it has settled. */
struct pending {
    char *path;
    pb_duration due;
};

struct watched {
    int wd;
    bool seen;  /* by the walk that runs */
    char *path; /* of the folder: "" or "a/b/" */
};

struct watcher {
    const struct folder *folder;
    pthread_t thread;
    int inotify, wake; /* descriptors; inotify is -1 where there is none */
    atomic_bool stop;
    struct files known;
    bool known_whole;        /* what was listed before; else nothing is known yet */
    struct watched *folders; /* by wd */
    size_t folder_count, folder_room;
    struct pending *pending;
    size_t pending_count, pending_room;
    pb_duration full_at; /* when all is looked at again */
    bool warned;
    /* shared with the task */
    pthread_mutex_t lock;
    struct change *first, **last;
    pb_signal *signal;
    bool waits; /* the task waits for the signal */
};

void *watcher_run(void *arg);
/* Hands a change over to the task; takes nothing from `file`. */
void watcher_tell(struct watcher *watcher, const struct file *file, bool removed);

/* Adds a watch on a folder of a walk. */
void events_enter(void *arg, const char *path);
/* Reads what the kernel told. */
void events_read(struct watcher *watcher);
/* Drops the watches on folders that the last walk did not see. */
void events_sweep(struct watcher *watcher);
void events_soon(struct watcher *watcher, const char *path, pb_duration due);

#endif
