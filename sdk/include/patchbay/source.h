/* source.h - where documents come from. */
#ifndef PATCHBAY_SOURCE_H
#define PATCHBAY_SOURCE_H

#include <patchbay/stream.h>
#include <patchbay/plugin.h>

#define PB_SOURCE_REVISION 1

/* One document, as a listing shows it. */
struct pb_source_entry {
    uint32_t size;
    uint32_t removed;  /* 1: it was there before and is gone (watch) */
    int64_t bytes;     /* -1: not known */
    pb_time modified;  /* 0: not known */
    pb_str id;         /* unique in the source, stable */
    pb_str name;       /* for people: a path, a title */
    pb_str type;       /* "text/html", or absent */
    pb_str digest;     /* changes when the content does, or absent */
    pb_str url;        /* or absent */
};

/* One page of a listing, in the running scope. */
struct pb_source_page {
    uint32_t size;
    uint32_t reserved;
    const pb_source_entry *const *entries;
    size_t count;
    pb_str cursor; /* for the next page; absent: this was the last */
};

/* The interface. list and fetch are required, watch is optional; all may park.
 * list   the page at `cursor` (absent: the first); fills `out` (size is set, the rest zero).
 * fetch  writes a document's bytes. PB_NOT_FOUND when it is gone.
 * watch  calls changed(arg, entry) for every change until it is cancelled, and returns
 *        PB_CANCELLED then; runs in a task of its own. NULL: it is listed again at intervals. */
typedef struct pb_source {
    PB_LIFECYCLE
    pb_status (*list)(void *self, pb_str cursor, pb_source_page *out);
    pb_status (*fetch)(void *self, pb_str id, pb_writer *writer);
    pb_status (*watch)(void *self, pb_status (*changed)(void *arg, const pb_source_entry *entry),
                       void *arg);
} pb_source;

/* PB_SOURCE("folder", struct folder, folder_options, .list = …, .fetch = …) */
#define PB_SOURCE(name, owner, options, ...)                                                       \
    PB_COMPONENT(pb_source, "source", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `source` is an option of kind PB_KIND_REF. All park. -------------- */

static inline pb_status pb_source_list(pb_instance *source, pb_str cursor, pb_source_page *out)
{
    return PB_CALL(source_list)(source, cursor, out);
}

static inline pb_status pb_source_fetch(pb_instance *source, pb_str id, pb_writer *writer)
{
    return PB_CALL(source_fetch)(source, id, writer);
}

/* PB_UNSUPPORTED: it cannot watch. */
static inline pb_status pb_source_watch(pb_instance *source,
                                        pb_status (*changed)(void *arg, const pb_source_entry *entry),
                                        void *arg)
{
    return PB_CALL(source_watch)(source, changed, arg);
}

#endif
