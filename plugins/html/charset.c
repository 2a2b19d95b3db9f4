/* charset.c - the bytes of a page to UTF-8.
 *
 * A byte order mark wins, then what the transport said, then what the page says, then what the
 * bytes look like. What is invalid becomes U+FFFD.
 */
#include "html.h"

#include <errno.h>
#include <iconv.h>

enum { LOOKED_AT = 4096, NAME_MOST = 40 };

static bool in_name(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c && strchr("0123456789-_.:", c));
}

/* The word behind "charset=" or "encoding=" in `text`; "" when there is none. */
static void find_name(pb_str text, const char *key, char name[NAME_MOST + 1])
{
    size_t length = strlen(key), size = 0;

    name[0] = 0;
    for (size_t i = 0; i + length < text.size; i++) {
        if (!pb_str_same(pb_str_slice(text, i, length), pb_str_of(key)))
            continue;
        i += length;
        while (i < text.size && strchr(" \"'", text.data[i]) && text.data[i])
            i++;
        while (i < text.size && size < NAME_MOST && in_name(text.data[i]))
            name[size++] = text.data[i++];
        name[size] = 0;
        return;
    }
}

/* Copies with U+FFFD for what is invalid; NUL is left out. `out` has 3 bytes for each. */
static size_t clean(pb_str text, char *out)
{
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.size;
    size_t size = 0;

    while (at < end) {
        size_t length = pb_utf8_length(at, end);
        if (length == 0) {
            size += pb_utf8_write(0xFFFD, out + size);
            at++;
            continue;
        }
        if (*at) {
            memcpy(out + size, at, length);
            size += length;
        }
        at += length;
    }
    return size;
}

/* By the system's tables; at most 4 bytes come of one. */
static size_t convert(iconv_t table, pb_str text, char *out)
{
    char *in = (char *)(uintptr_t)text.data, *at = out;
    size_t left = text.size, room = 4 * text.size;

    while (left && iconv(table, &in, &left, &at, &room) == (size_t)-1) {
        if (errno == E2BIG || room < 4)
            break;
        size_t written = pb_utf8_write(0xFFFD, at);
        at += written;
        room -= written;
        in++, left--;
    }
    return (size_t)(at - out);
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (pb_str_same(pb_str_of(name), pb_str_of(*names)))
            return true;
    return false;
}

static size_t by_name(const char *name, pb_bytes bytes, int32_t guess, char *out)
{
    static const char *const latin1[] = {"iso-8859-1",   "latin1", "us-ascii",  "ascii",
                                         "windows-1252", "cp1252", "iso8859-1", NULL};
    static const char *const unicode[] = {"utf-8",    "utf8",    "utf-16", "utf-16le",
                                          "utf-16be", "unicode", "",       NULL};
    pb_str text = pb_str_make((const char *)bytes.data, bytes.size);

    if (is_one_of(name, latin1))
        return pb_media_utf8(bytes, guess == PB_ENCODING_UTF8 ? guess : PB_ENCODING_LATIN1, 0, out);
    if (!is_one_of(name, unicode)) {
        iconv_t table = iconv_open("UTF-8", name);
        if (table != (iconv_t)-1) {
            size_t size = convert(table, text, out);
            iconv_close(table);
            return size;
        }
    }
    if (*name) /* it says UTF-8: what is not is an error of a few bytes */
        guess = PB_ENCODING_UTF8;
    return pb_media_utf8(bytes, guess, 0, out);
}

char *charset_convert(pb_bytes bytes, pb_str type, size_t *size)
{
    char name[NAME_MOST + 1];
    size_t mark;
    int32_t encoding = pb_media_encoding(bytes, &mark);
    pb_str head = pb_str_slice(pb_str_make((const char *)bytes.data, bytes.size), 0, LOOKED_AT);
    char *raw = malloc(4 * bytes.size + 4);

    if (!raw)
        return NULL;
    find_name(type, "charset=", name);
    if (!name[0])
        find_name(head, "charset=", name);
    if (!name[0] && pb_str_starts(pb_str_trim(head), pb_lit("<?xml")))
        find_name(head, "encoding=", name);
    size_t length =
        mark ? pb_media_utf8(bytes, encoding, mark, raw) : by_name(name, bytes, encoding, raw);
    char *text = malloc(3 * length + 1);
    if (text)
        *size = clean(pb_str_make(raw, length), text);
    free(raw);
    return text;
}
