/* job.c - memory and failure of one file's way; see job.h. */
#include "job.h"

#include <stdlib.h>

enum { PIECE = 65536, META_MOST = 1000 };

struct keep {
    struct keep *next;
    size_t size, used;
    max_align_t bytes[];
};

pb_status job_fail(struct job *job, pb_status status, const char *format, ...)
{
    va_list args;

    if (job->status != PB_OK)
        return job->status;
    va_start(args, format);
    (void)vsnprintf(job->sentence, sizeof job->sentence, format, args);
    va_end(args);
    return job->status = status;
}

bool job_charge(struct job *job, size_t size)
{
    if (size > job->limits.memory || job->held > job->limits.memory - size) {
        (void)job_fail(job, PB_TOO_LARGE,
                       "reading it needs more than the %zu MiB of memory of 'max_memory'",
                       job->limits.memory >> 20);
        return false;
    }
    job->held += size;
    return true;
}

void job_release(struct job *job, size_t size)
{
    job->held -= size;
}

static struct keep *new_piece(struct job *job, size_t size)
{
    size_t all = sizeof(struct keep) + size;

    if (!job_charge(job, all))
        return NULL;
    struct keep *piece = malloc(all);
    if (!piece) {
        job_release(job, all);
        (void)job_fail(job, PB_NO_MEMORY, "the memory for it is short");
        return NULL;
    }
    memset(piece, 0, all);
    piece->size = size;
    piece->next = job->kept;
    return job->kept = piece;
}

void *job_keep(struct job *job, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct keep *piece = job->kept;
    if (!piece || piece->size - piece->used < size)
        piece = new_piece(job, size > PIECE ? size : PIECE);
    if (!piece)
        return NULL;
    void *memory = (char *)piece->bytes + piece->used;
    piece->used += size;
    return memory;
}

pb_str job_copy(struct job *job, pb_str text)
{
    char *copy = job_keep(job, text.size + 1);

    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return pb_str_make(copy, copy ? text.size : 0);
}

void *job_grow(struct job *job, void *memory, size_t old, size_t size)
{
    if (!job_charge(job, size - old))
        return NULL;
    void *grown = realloc(memory, size);
    if (!grown) {
        job_release(job, size - old);
        (void)job_fail(job, PB_NO_MEMORY, "the memory for it is short");
    }
    return grown;
}

void job_note(struct job *job, int meta, pb_str text)
{
    text = pb_str_trim(text);
    if (!text.size || job->meta[meta].size)
        return;
    if (text.size > META_MOST) { /* not in the middle of a character */
        text.size = META_MOST;
        while (text.size && ((unsigned char)text.data[text.size] & 0xC0) == 0x80)
            text.size--;
    }
    job->meta[meta] = job_copy(job, text);
}

void job_fini(struct job *job)
{
    while (job->kept) {
        struct keep *next = job->kept->next;
        free(job->kept);
        job->kept = next;
    }
    free(job->draft.text);
    free(job->draft.leaves);
    memset(&job->draft, 0, sizeof job->draft);
}
