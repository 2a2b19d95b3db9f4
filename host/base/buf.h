/* buf.h - a growing buffer from malloc, for host structures whose life is not a scope.
 *
 * Start with all zero, end with buf_fini. Nothing parks; not thread-safe.
 */
#ifndef HOST_BASE_BUF_H
#define HOST_BASE_BUF_H

#include <patchbay/memory.h>

struct buf {
    char *data;
    size_t size;
    size_t capacity;
};

/* Room for `more` bytes behind the end, NULL when memory is short; add to size what was written. */
char *buf_room(struct buf *buf, size_t more);

/* Appends; false, and nothing is changed, when memory is short. */
bool buf_add(struct buf *buf, pb_str text);

/* Takes `size` bytes away from the front. */
void buf_drop(struct buf *buf, size_t size);

/* Empties it and keeps at most `keep` bytes of memory for reuse. */
void buf_clear(struct buf *buf, size_t keep);

/* Frees it; it may be used again. */
void buf_fini(struct buf *buf);

/* What it holds; valid until the next change. */
static inline pb_str buf_str(const struct buf *buf)
{
    return pb_str_make(buf->data, buf->size);
}

#endif
