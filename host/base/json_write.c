/* json_write.c - pb_json and text to JSON text.
 *
 * Quoting looks at 16 bytes (8 without SSE2) at once for what needs an escape, and copies runs.
 */
#include "base/json.h"
#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { WRITE_DEPTH = 256 };

/* How many bytes from `at` are plain: printable ASCII but for the quote and the backslash. May stop
 * early by less than one block at the end. */
static size_t plain(const char *at, size_t size)
{
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);

    for (; size - i >= 16; i += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
        /* signed: what is below a space is a control character or not ASCII */
        __m128i odd = _mm_or_si128(_mm_cmplt_epi8(block, space),
                                   _mm_or_si128(_mm_cmpeq_epi8(block, quote),
                                                _mm_cmpeq_epi8(block, slash)));
        int mask = _mm_movemask_epi8(odd);
        if (mask)
            return i + (size_t)__builtin_ctz((unsigned)mask);
    }
#else
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

    for (; size - i >= 8; i += 8) {
        uint64_t block;
        memcpy(&block, at + i, 8);
        uint64_t quote = block ^ ones * '"', slash = block ^ ones * '\\';
        uint64_t odd = block | (block - ones * 0x20) | ((quote - ones) & ~quote) |
                       ((slash - ones) & ~slash);
        if (odd & tops)
            break;
    }
#endif
    while (i < size && (unsigned char)at[i] >= 0x20 && (unsigned char)at[i] < 0x80 &&
           at[i] != '"' && at[i] != '\\')
        i++;
    return i;
}

static void add_escape(pb_buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *place = memchr("\"\\\b\f\n\r\t", c, 7);

    if (place) {
        text[1] = "\"\\bfnrt"[place - (const char *)memchr("\"\\\b\f\n\r\t", '"', 7)];
        pb_buf_add(buf, pb_str_make(text, 2));
    } else {
        pb_buf_add(buf, pb_str_make(text, 6));
    }
}

/* Everything up to the next byte that cannot stand as it is: plain ASCII and valid sequences. */
static size_t run_of(pb_str text, size_t from)
{
    size_t at = from;

    for (;;) {
        at += plain(text.data + at, text.size - at);
        size_t size = at < text.size && (text.data[at] & 0x80)
                          ? utf8_sequence(text.data + at, text.size - at)
                          : 0;
        if (!size)
            return at;
        at += size;
    }
}

void host_json_quote(pb_buf *buf, pb_str text)
{
    (void)pb_buf_room(buf, text.size + 2); /* enough for most */
    pb_buf_byte(buf, '"');
    for (size_t at = 0; at < text.size;) {
        size_t end = run_of(text, at);
        pb_buf_add(buf, pb_str_make(text.data + at, end - at));
        at = end;
        if (at == text.size)
            break;
        if (text.data[at] & 0x80) {
            pb_buf_add(buf, pb_lit("\xEF\xBF\xBD"));
            at += utf8_skip(text.data + at, text.size - at);
        } else {
            add_escape(buf, (unsigned char)text.data[at++]);
        }
    }
    pb_buf_byte(buf, '"');
}

static void add_scalar(pb_buf *buf, const pb_json *json)
{
    switch (json->type) {
    case PB_JSON_FALSE:
        pb_buf_add(buf, pb_lit("false"));
        break;
    case PB_JSON_TRUE:
        pb_buf_add(buf, pb_lit("true"));
        break;
    case PB_JSON_NUMBER:
        pb_buf_add(buf, json->text.size ? json->text : pb_lit("null"));
        break;
    case PB_JSON_STRING:
        host_json_quote(buf, json->text);
        break;
    default:
        pb_buf_add(buf, pb_lit("null"));
    }
}

/* Without recursion: `open` holds the containers around `at`. */
void host_json_write(pb_buf *buf, const pb_json *json)
{
    const pb_json *open[WRITE_DEPTH];
    unsigned depth = 0;

    for (const pb_json *at = json; at;) {
        if (depth && at->key.data) {
            host_json_quote(buf, at->key);
            pb_buf_byte(buf, ':');
        }
        if (at->type == PB_JSON_ARRAY || at->type == PB_JSON_OBJECT) {
            if (depth == WRITE_DEPTH) { /* built by hand; no reader would take it */
                buf->failed = true;
                return;
            }
            pb_buf_byte(buf, at->type == PB_JSON_OBJECT ? '{' : '[');
            if (at->child) {
                open[depth++] = at;
                at = at->child;
                continue;
            }
            pb_buf_byte(buf, at->type == PB_JSON_OBJECT ? '}' : ']');
        } else {
            add_scalar(buf, at);
        }
        while (depth && !at->next) {
            at = open[--depth];
            pb_buf_byte(buf, at->type == PB_JSON_OBJECT ? '}' : ']');
        }
        if (!depth)
            return;
        pb_buf_byte(buf, ',');
        at = at->next;
    }
    pb_buf_add(buf, pb_lit("null")); /* not there */
}
