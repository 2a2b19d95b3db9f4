/* job.h - one file on its way through a helper thread: its limits, its memory, and why it failed.
 *
 * No host calls here: memory is malloc'd, counted against limits.memory, and freed at once by
 * job_fini. The first failure stays; everything that follows does nothing and returns it.
 */
#ifndef OFFICE_JOB_H
#define OFFICE_JOB_H

#include <patchbay/plugin.h>

struct limits {
    size_t text;     /* of the result, its structure included */
    size_t unfolded; /* bytes that come out of the archive, all parts together */
    size_t memory;   /* that it may hold at a time */
    size_t entries;  /* of the archive */
    size_t ratio;    /* unfolded to packed, of one part beyond its first megabyte */
};

/* A block of the result: text[offset .. offset + size]. */
struct leaf {
    int32_t type, level;
    int32_t page, breaks; /* where it begins, by each of the draft's two counts */
    size_t offset, size;
};

/* The result as it grows; see draft.h. */
struct draft {
    char *text;
    size_t size, capacity;
    struct leaf *leaves;
    size_t count, room;
    size_t start;         /* of the running paragraph or cell */
    size_t tabs;          /* cells that ended and are not written yet */
    int32_t page, breaks; /* as noted by the program that wrote it; as wished by its author */
    int tables;           /* how deep inside tables */
    char pending;         /* white space before the next character */
    bool open, row;
    bool numbered; /* page is a number already: slides, sheets */
};

enum {
    META_TITLE,
    META_AUTHOR,
    META_LANGUAGE,
    META_SUBJECT,
    META_KEYWORDS,
    META_DESCRIPTION,
    META_CREATED,
    META_MODIFIED,
    META_PUBLISHER,
    META_COUNT
};

struct job {
    pb_bytes file;
    struct limits limits;
    struct draft draft;
    pb_str meta[META_COUNT];
    struct keep *kept; /* pieces of job_keep */
    size_t held;
    pb_status status;
    char sentence[256];
};

/* Sets the failure unless there is one already; returns the one that stays. */
PB_PRINTF(3, 4) pb_status job_fail(struct job *job, pb_status status, const char *format, ...);

/* Zeroed memory that lives as long as the job; NULL when it holds too much (it failed then). */
void *job_keep(struct job *job, size_t size);
/* A copy with a NUL behind it; absent when memory is short. */
pb_str job_copy(struct job *job, pb_str text);
/* `memory` of `old` bytes made `size` bytes long; NULL as above, and `memory` stays. */
void *job_grow(struct job *job, void *memory, size_t old, size_t size);
/* For memory that others manage: may it hold so much more? */
bool job_charge(struct job *job, size_t size);
void job_release(struct job *job, size_t size);

/* Remembers a property of the document; the first one that is not empty stays. */
void job_note(struct job *job, int meta, pb_str text);

void job_fini(struct job *job);

#endif
