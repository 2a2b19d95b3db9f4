/* json_write.c - pb_json and text to JSON text.
 *
 * Quoting copies 16 bytes at once and looks in them for what needs an escape.
 */
#include "base/json.h"
#include "base/str.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { WRITE_DEPTH = 96 };

/* Room that one step needs: a block, or one escape. */
enum { STEP = 16 };

/* Copies a block to `out` and returns how many bytes at its beginning are plain: printable ASCII
 * but for the quote and the backslash. STEP bytes are readable and writable. */
static inline size_t copy_block(char *out, const char *at)
{
#if defined(__SSE2__)
    __m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
    /* signed: what is below a space is a control character or not ASCII */
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
                               _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                                            _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
    unsigned mask = (unsigned)_mm_movemask_epi8(odd);

    _mm_storeu_si128((__m128i *)(void *)out, block);
    return mask ? (size_t)__builtin_ctz(mask) : STEP;
#else
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;

    memcpy(out, at, STEP);
    for (size_t i = 0; i < STEP; i += 8) {
        uint64_t block;
        memcpy(&block, at + i, 8);
        uint64_t quote = block ^ ones * '"', slash = block ^ ones * '\\';
        uint64_t odd = block | (block - ones * 0x20) | (quote - ones) | (slash - ones);
        if (!(odd & tops))
            continue;
        while (i < STEP && (unsigned char)at[i] >= 0x20 && (unsigned char)at[i] < 0x80 &&
               at[i] != '"' && at[i] != '\\')
            i++;
        return i;
    }
    return STEP;
#endif
}

static inline size_t copy_plain(char *out, const char *at, size_t left)
{
    size_t i = 0;

    if (left >= STEP)
        return copy_block(out, at);
    for (; i < left; i++) {
        unsigned char c = (unsigned char)at[i];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
        out[i] = (char)c;
    }
    return i;
}

/* One character that is not plain, at `*at`: moves it on, returns the bytes written to `out`. */
static size_t put_character(char *out, const char **at, size_t left)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
    unsigned char c = (unsigned char)**at;

    if (c >= 0x80) {
        size_t size = utf8_sequence(*at, left);
        memcpy(out, size ? *at : "\xEF\xBF\xBD", size ? size : 3);
        *at += size ? size : utf8_skip(*at, left);
        return size ? size : 3;
    }
    ++*at;
    out[0] = '\\';
    out[1] = c < 0x20 ? letters[c] : (char)c;
    if (out[1] != 'u')
        return 2;
    out[2] = out[3] = '0';
    out[4] = hex[c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/* `out` has room for what is left and SPARE more before each step: a step that writes more than it
 * reads writes one escape. */
enum { SPARE = 8 };

void host_json_quote(pb_buf *buf, pb_str text)
{
    const char *at = text.data;
    size_t left = text.size;
    char *out = pb_buf_room(buf, left + 2 * SPARE);

    if (!out)
        return;
    *out++ = '"';
    while (left) {
        size_t plain = copy_plain(out, at, left);
        out += plain;
        at += plain;
        left -= plain;
        if (plain == STEP || !left)
            continue;
        const char *before = at;
        out += put_character(out, &at, left);
        left -= (size_t)(at - before);
        if ((size_t)(buf->data + buf->capacity - out) >= left + SPARE)
            continue;
        buf->size = (size_t)(out - buf->data);
        out = pb_buf_room(buf, left + left / 8 + 8 * SPARE);
        if (!out)
            return;
    }
    *out++ = '"';
    buf->size = (size_t)(out - buf->data);
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
