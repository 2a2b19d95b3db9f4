/* memory.h - allocation in the running scope, strings and buffers built there, and failing.
 *
 * Memory belongs to the innermost open scope of the running task and dies with it: a turn's stage
 * runs in the turn's scope, an operation in its call's, create() and start() in the instance's
 * (for ever). Nothing is freed by hand. Nothing here parks. On a helper thread (pb_offload) only
 * what says "any thread" may be called.
 */
#ifndef PATCHBAY_MEMORY_H
#define PATCHBAY_MEMORY_H

#include <patchbay/host_api.h>
#include <stdarg.h>
#include <stdio.h>

/* `size` zeroed bytes, aligned for any type. NULL when the scope's limit (host.limits.turn_memory)
 * or the machine's memory is reached: the task's error is then PB_NO_MEMORY already, return it. */
static inline void *pb_alloc(size_t size)
{
    return PB_CALL(alloc)(size);
}

#define PB_NEW(type) ((type *)pb_alloc(sizeof(type)))
#define PB_NEW_ARRAY(type, count)                                                                  \
    ((size_t)(count) > SIZE_MAX / sizeof(type) ? NULL                                              \
                                               : (type *)pb_alloc((size_t)(count) * sizeof(type)))

/* Makes `memory` (from pb_alloc, `old_size` bytes; NULL is allowed) `new_size` bytes long, in place
 * where it was the last allocation. The bytes added are zero. NULL as for pb_alloc. */
static inline void *pb_grow(void *memory, size_t old_size, size_t new_size)
{
    return PB_CALL(grow)(memory, old_size, new_size);
}

/* A scope bounds what a loop or a sink allocates: everything allocated since pb_scope_begin() is
 * gone after pb_scope_end(). Scopes nest and end in reverse order, in the task that began them. */
static inline pb_scope *pb_scope_begin(void)
{
    return PB_CALL(scope_begin)();
}

static inline void pb_scope_end(pb_scope *scope)
{
    PB_CALL(scope_end)(scope);
}

/* A NUL-terminated copy; the absent string stays absent, also when memory is short. */
static inline pb_str pb_copy(pb_str text)
{
    char *copy = text.data ? (char *)pb_alloc(text.size + 1) : NULL;

    if (copy && text.size)
        memcpy(copy, text.data, text.size);
    return pb_str_make(copy, copy ? text.size : 0);
}

#if defined(__GNUC__)
#define PB_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PB_PRINTF(text, first)
#endif

static inline pb_str pb_vprintf(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *text = size < 0 ? NULL : (char *)pb_alloc((size_t)size + 1);

    if (text)
        (void)vsnprintf(text, (size_t)size + 1, format, again);
    va_end(again);
    return pb_str_make(text, text ? (size_t)size : 0);
}

/* A formatted string in the running scope; absent when memory is short. */
PB_PRINTF(1, 2) static inline pb_str pb_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pb_str text = pb_vprintf(format, args);
    va_end(args);
    return text;
}

/* --- failing --------------------------------------------------------------------------------- */

/* Longest sentence that pb_fail() keeps, in bytes. */
#define PB_SENTENCE_SIZE 1024

static inline pb_status pb_vfail(pb_status status, pb_str pointer, pb_duration retry_after,
                                 const char *format, va_list args)
{
    char sentence[PB_SENTENCE_SIZE];
    int size = vsnprintf(sentence, sizeof sentence, format, args);

    if (size < 0)
        size = 0;
    if ((size_t)size >= sizeof sentence)
        size = (int)sizeof sentence - 1;
    return PB_CALL(fail)(status, pb_str_make(sentence, (size_t)size), pointer, retry_after);
}

/* Sets the running task's error and returns `status`:
 *     return pb_fail(PB_NOT_FOUND, "no collection named '%.*s'", PB_ARG(name));
 * A sentence for the person who made the request: what is wrong and what would be right; no content
 * and no secret, it may reach the client. Details go to pb_detail(). */
PB_PRINTF(2, 3) static inline pb_status pb_fail(pb_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status = pb_vfail(status, pb_str_make(NULL, 0), 0, format, args);
    va_end(args);
    return status;
}

/* The same with the JSON pointer of the field at fault: "/messages/2/role". */
PB_PRINTF(3, 4)
static inline pb_status pb_fail_at(pb_status status, const char *pointer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status = pb_vfail(status, pb_str_of(pointer), 0, format, args);
    va_end(args);
    return status;
}

/* The same with the time after which trying again makes sense (the reply's Retry-After). */
PB_PRINTF(3, 4)
static inline pb_status pb_fail_retry(pb_status status, pb_duration after, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    status = pb_vfail(status, pb_str_make(NULL, 0), after, format, args);
    va_end(args);
    return status;
}

/* The running task's error; never NULL, its status is PB_OK when nothing failed. */
static inline const pb_error *pb_error_last(void)
{
    return PB_CALL(error)();
}

/* Forgets the error: for who handles a failure and goes on. */
static inline void pb_error_clear(void)
{
    (void)PB_CALL(fail)(PB_OK, pb_str_make(NULL, 0), pb_str_make(NULL, 0), 0);
}

/* --- a growing buffer ------------------------------------------------------------------------ */

/* Text or bytes built piece by piece in the running scope. Start with all zero. After a failed
 * append `failed` is set and further appends do nothing, so that one check at the end is enough. */
typedef struct pb_buf {
    char *data;
    size_t size;
    size_t capacity;
    bool failed;
} pb_buf;

/* Room for `more` bytes behind the end; NULL when memory is short. Add what was written to size. */
static inline char *pb_buf_room(pb_buf *buf, size_t more)
{
    if (more > buf->capacity - buf->size) {
        size_t want = buf->capacity ? buf->capacity * 2 : 256;
        char *data;

        if (buf->failed || more > SIZE_MAX / 4 - buf->size)
            return NULL;
        while (want < buf->size + more)
            want *= 2;
        data = (char *)pb_grow(buf->data, buf->capacity, want);
        if (!data) {
            buf->failed = true;
            return NULL;
        }
        buf->data = data;
        buf->capacity = want;
    }
    return buf->data + buf->size;
}

static inline void pb_buf_add(pb_buf *buf, pb_str text)
{
    char *room = text.size ? pb_buf_room(buf, text.size) : NULL;

    if (room) {
        memcpy(room, text.data, text.size);
        buf->size += text.size;
    }
}

static inline void pb_buf_byte(pb_buf *buf, char byte)
{
    pb_buf_add(buf, pb_str_make(&byte, 1));
}

PB_PRINTF(2, 3) static inline void pb_buf_printf(pb_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    char *room = size < 0 ? NULL : pb_buf_room(buf, (size_t)size + 1);

    if (room) {
        (void)vsnprintf(room, (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
    va_end(args);
}

/* What was built so far. Borrowed from the buffer: valid until the next append. */
static inline pb_str pb_buf_str(const pb_buf *buf)
{
    return pb_str_make(buf->data, buf->size);
}

/* PB_OK, or PB_NO_MEMORY when an append failed. */
static inline pb_status pb_buf_status(const pb_buf *buf)
{
    return buf->failed ? (pb_status)PB_NO_MEMORY : (pb_status)PB_OK;
}

#endif
