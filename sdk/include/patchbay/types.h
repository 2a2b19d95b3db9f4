/* types.h - strings, bytes, times and status codes: the values that cross between host and plugin.
 *
 * pb_str, pb_bytes and pb_time are frozen for ever. All are passed by value and borrowed: whoever
 * gives one away says how long it lives. Nothing in this file parks.
 */
#ifndef PATCHBAY_TYPES_H
#define PATCHBAY_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Text: UTF-8, `size` bytes, not necessarily NUL-terminated. {NULL, 0} is the absent string.
 * Strings that the host hands out (options, pb_copy, pb_printf) do have a NUL behind them. */
typedef struct pb_str {
    const char *data;
    size_t size;
} pb_str;

/* Bytes that are not text. */
typedef struct pb_bytes {
    const uint8_t *data;
    size_t size;
} pb_bytes;

/* A moment: milliseconds since 1970-01-01 UTC. */
typedef int64_t pb_time;

/* A length of time, or a moment of the monotonic clock: nanoseconds. */
typedef int64_t pb_duration;

#define PB_MICROSECOND ((pb_duration)1000)
#define PB_MILLISECOND ((pb_duration)1000000)
#define PB_SECOND ((pb_duration)1000000000)

/* Every status there is: X(NAME, number, HTTP status, retryable, exit code, slug, title).
 * `slug` names the problem page (/problems/<slug>) and is what pb_status_name() returns. */
#define PB_STATUS_MAP(X)                                                                           \
    X(OK, 0, 200, 0, 0, "ok", "OK")                                                                \
    X(DECLINED, 1, 404, 0, 1, "declined", "Not handled here")                                      \
    X(INVALID, 2, 400, 0, 2, "invalid", "Invalid request")                                         \
    X(UNAUTHENTICATED, 3, 401, 0, 3, "unauthenticated", "Credentials needed")                      \
    X(FORBIDDEN, 4, 403, 0, 4, "forbidden", "Not allowed")                                         \
    X(NOT_FOUND, 5, 404, 0, 5, "not_found", "Not found")                                           \
    X(CONFLICT, 6, 409, 0, 6, "conflict", "Conflict")                                              \
    X(TOO_LARGE, 7, 413, 0, 7, "too_large", "Too large")                                           \
    X(UNSUPPORTED, 8, 415, 0, 8, "unsupported", "Not supported")                                   \
    X(UNPROCESSABLE, 9, 422, 0, 9, "unprocessable", "Cannot be processed")                         \
    X(RATE_LIMITED, 10, 429, 1, 10, "rate_limited", "Too many requests")                           \
    X(CANCELLED, 11, 499, 0, 11, "cancelled", "Cancelled")                                         \
    X(INTERNAL, 12, 500, 0, 12, "internal", "Internal error")                                      \
    X(BAD_UPSTREAM, 13, 502, 1, 13, "bad_upstream", "Bad answer from upstream")                    \
    X(UNAVAILABLE, 14, 503, 1, 14, "unavailable", "Unavailable")                                   \
    X(TIMEOUT, 15, 504, 1, 15, "timeout", "Timed out")                                             \
    X(NO_MEMORY, 16, 503, 1, 16, "no_memory", "Out of memory")                                     \
    X(NO_SPACE, 17, 507, 0, 17, "no_space", "Out of space")                                        \
    X(CHANGED, 18, 412, 0, 18, "changed", "Changed meanwhile")                                     \
    X(METHOD, 19, 405, 0, 19, "method_not_allowed", "Method not allowed")                          \
    X(NOT_ACCEPTABLE, 20, 406, 0, 20, "not_acceptable", "Not acceptable")

typedef int32_t pb_status;

enum {
#define PB_STATUS_ENUM(name, number, http, retry, exit, slug, title) PB_##name = (number),
    PB_STATUS_MAP(PB_STATUS_ENUM)
#undef PB_STATUS_ENUM
};
#define PB_STATUS_LAST PB_NOT_ACCEPTABLE

/* "not_found" for PB_NOT_FOUND; "internal" for a number that is no status. Any thread. */
static inline const char *pb_status_name(pb_status status)
{
    switch (status) {
#define PB_STATUS_NAME(name, number, http, retry, exit, slug, title)                               \
    case (number):                                                                                 \
        return slug;
        PB_STATUS_MAP(PB_STATUS_NAME)
#undef PB_STATUS_NAME
    default:
        return "internal";
    }
}

/* "Not found" for PB_NOT_FOUND. Any thread. */
static inline const char *pb_status_title(pb_status status)
{
    switch (status) {
#define PB_STATUS_TITLE(name, number, http, retry, exit, slug, title)                              \
    case (number):                                                                                 \
        return title;
        PB_STATUS_MAP(PB_STATUS_TITLE)
#undef PB_STATUS_TITLE
    default:
        return "Internal error";
    }
}

/* The HTTP status of a status: 404 for PB_NOT_FOUND. Any thread. */
static inline int pb_status_http(pb_status status)
{
    switch (status) {
#define PB_STATUS_HTTP(name, number, http, retry, exit, slug, title)                               \
    case (number):                                                                                 \
        return (http);
        PB_STATUS_MAP(PB_STATUS_HTTP)
#undef PB_STATUS_HTTP
    default:
        return 500;
    }
}

/* The exit code a command ends with: 5 for PB_NOT_FOUND. Any thread. */
static inline int pb_status_exit(pb_status status)
{
    switch (status) {
#define PB_STATUS_EXIT(name, number, http, retry, exit, slug, title)                               \
    case (number):                                                                                 \
        return (exit);
        PB_STATUS_MAP(PB_STATUS_EXIT)
#undef PB_STATUS_EXIT
    default:
        return 12;
    }
}

/* May the same call succeed a moment later? Any thread. */
static inline bool pb_status_retryable(pb_status status)
{
    switch (status) {
#define PB_STATUS_RETRY(name, number, http, retry, exit, slug, title)                              \
    case (number):                                                                                 \
        return (retry) != 0;
        PB_STATUS_MAP(PB_STATUS_RETRY)
#undef PB_STATUS_RETRY
    default:
        return false;
    }
}

/* A string literal as pb_str: pb_lit("text"). A constant expression in C. */
#ifdef __cplusplus
#define pb_lit(literal) (pb_str{"" literal, sizeof(literal) - 1})
#else
#define pb_lit(literal) ((pb_str){"" literal, sizeof(literal) - 1})
#endif
/* The same for a static initialiser: static const pb_str name = PB_LIT("text"); */
#define PB_LIT(literal) {"" literal, sizeof(literal) - 1}

/* A pb_str for printf: pb_log(PB_INFO, "hello %.*s", PB_ARG(name)). Evaluates it up to three times: no
 * call whose answer may change. */
#define PB_ARG(str) (int)(str).size, ((str).data ? (str).data : "")

static inline pb_str pb_str_make(const char *data, size_t size)
{
    pb_str str;
    str.data = data;
    str.size = size;
    return str;
}

/* A NUL-terminated string as pb_str; NULL gives the absent string. Borrows `text`. */
static inline pb_str pb_str_of(const char *text)
{
    return pb_str_make(text, text ? strlen(text) : 0);
}

static inline bool pb_str_equal(pb_str a, pb_str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* pb_str_is(name, "text"): equal to a NUL-terminated string? */
static inline bool pb_str_is(pb_str a, const char *text)
{
    return pb_str_equal(a, pb_str_of(text));
}

/* Equal but for the case of ASCII letters? */
static inline bool pb_str_same(pb_str a, pb_str b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++) {
        unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];
        if (x >= 'A' && x <= 'Z')
            x = (unsigned char)(x + 32);
        if (y >= 'A' && y <= 'Z')
            y = (unsigned char)(y + 32);
        if (x != y)
            return false;
    }
    return true;
}

static inline bool pb_str_starts(pb_str str, pb_str prefix)
{
    return str.size >= prefix.size &&
           (prefix.size == 0 || memcmp(str.data, prefix.data, prefix.size) == 0);
}

static inline bool pb_str_ends(pb_str str, pb_str suffix)
{
    return str.size >= suffix.size &&
           (suffix.size == 0 ||
            memcmp(str.data + str.size - suffix.size, suffix.data, suffix.size) == 0);
}

/* Does `part` stand somewhere in `str`, but for the case of ASCII letters? The empty part does. */
static inline bool pb_str_contains(pb_str str, pb_str part)
{
    for (size_t i = 0; part.size <= str.size && i <= str.size - part.size; i++)
        if (pb_str_same(pb_str_make(part.size ? str.data + i : NULL, part.size), part))
            return true;
    return false;
}

/* The part from `from`, at most `size` bytes; both are cut to what is there. */
static inline pb_str pb_str_slice(pb_str str, size_t from, size_t size)
{
    if (from > str.size)
        from = str.size;
    if (size > str.size - from)
        size = str.size - from;
    return pb_str_make(str.data ? str.data + from : NULL, size);
}

/* The place of the first `byte`, or str.size. */
static inline size_t pb_str_find(pb_str str, char byte)
{
    const char *at = str.size ? (const char *)memchr(str.data, byte, str.size) : NULL;
    return at ? (size_t)(at - str.data) : str.size;
}

/* Without white space at both ends. */
static inline pb_str pb_str_trim(pb_str str)
{
    while (str.size && strchr(" \t\r\n", str.data[0]) && str.data[0])
        str.data++, str.size--;
    while (str.size && strchr(" \t\r\n", str.data[str.size - 1]) && str.data[str.size - 1])
        str.size--;
    return str;
}

/* A list that an option table filled: `count` items of the option's C type, in the file's order.
 * PB_ITEM(list, type, i) is the i-th. Lives as long as the instance. */
typedef struct pb_list {
    void *items;
    size_t count;
} pb_list;
#define PB_ITEM(list, type, index) (((type *)(list).items)[index])

/* A map that an option table filled: keys[i] belongs to items[i]; in the file's order. */
typedef struct pb_map {
    pb_str *keys;
    void *items;
    size_t count;
} pb_map;

/* An option that must not be shown. A type of its own, so that nobody prints it by accident. */
typedef struct pb_secret {
    pb_str value;
} pb_secret;

/* What went wrong, as the running task remembers it (see pb_fail in memory.h). Borrowed: valid
 * until the task's next failure or the end of the scope. */
typedef struct pb_error {
    uint32_t size;
    pb_status status;
    pb_str sentence;         /* may reach a client: no content, no secret */
    pb_str pointer;          /* JSON pointer of the field at fault ("/message"), or absent */
    pb_duration retry_after; /* how long to wait before trying again, 0: not known */
    pb_str instance;         /* the plugin instance that failed, as in the config, or absent */
} pb_error;

/* A named, configured component ("llms.main"). What a reference option (PB_REF) holds; borrowed,
 * lives as long as the process. Called through the host: pb_llm_generate(instance, …). */
typedef struct pb_instance pb_instance;

/* Has a size-first struct, which may come from an older build, this member? */
#define PB_HAS(object, type, member)                                                               \
    ((object)->size >= offsetof(type, member) + sizeof(((type *)0)->member))

#endif
