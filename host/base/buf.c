/* buf.c - see buf.h. */
#include "base/buf.h"

#include <stdlib.h>

enum { FIRST = 256 };

char *buf_room(struct buf *buf, size_t more)
{
    if (more > SIZE_MAX / 4 - buf->size)
        return NULL;
    if (buf->size + more > buf->capacity) {
        size_t want = buf->capacity ? buf->capacity * 2 : FIRST;
        while (want < buf->size + more)
            want *= 2;
        char *data = realloc(buf->data, want);
        if (!data)
            return NULL;
        buf->data = data;
        buf->capacity = want;
    }
    return buf->data + buf->size;
}

bool buf_add(struct buf *buf, pb_str text)
{
    char *room = buf_room(buf, text.size);

    if (!room)
        return false;
    if (text.size)
        memcpy(room, text.data, text.size);
    buf->size += text.size;
    return true;
}

void buf_drop(struct buf *buf, size_t size)
{
    if (size >= buf->size) {
        buf->size = 0;
        return;
    }
    memmove(buf->data, buf->data + size, buf->size - size);
    buf->size -= size;
}

void buf_clear(struct buf *buf, size_t keep)
{
    if (buf->capacity > keep)
        buf_fini(buf);
    buf->size = 0;
}

void buf_fini(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}
