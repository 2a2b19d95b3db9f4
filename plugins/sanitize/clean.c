/* clean.c - see clean.h. One pass over valid UTF-8 (JSON input is). */
#include "clean.h"

/* The code point at `at` and its length in bytes; a broken byte counts as itself. */
static uint32_t code_point(pb_str text, size_t at, size_t *size)
{
    const unsigned char *byte = (const unsigned char *)text.data + at;
    size_t left = text.size - at;

    *size = 1;
    if (byte[0] < 0x80)
        return byte[0];
    if ((byte[0] & 0xE0) == 0xC0 && left >= 2) {
        *size = 2;
        return (uint32_t)(byte[0] & 0x1F) << 6 | (byte[1] & 0x3F);
    }
    if ((byte[0] & 0xF0) == 0xE0 && left >= 3) {
        *size = 3;
        return (uint32_t)(byte[0] & 0x0F) << 12 | (uint32_t)(byte[1] & 0x3F) << 6 |
               (byte[2] & 0x3F);
    }
    if ((byte[0] & 0xF8) == 0xF0 && left >= 4) {
        *size = 4;
        return (uint32_t)(byte[0] & 0x07) << 18 | (uint32_t)(byte[1] & 0x3F) << 12 |
               (uint32_t)(byte[2] & 0x3F) << 6 | (byte[3] & 0x3F);
    }
    return byte[0];
}

static bool is_control(uint32_t point)
{
    return (point < 0x20 && point != '\n' && point != '\t') || point == 0x7F ||
           (point >= 0x80 && point < 0xA0);
}

/* Characters that hide text or turn its direction. U+200D joins emoji and U+200C is part of some
 * scripts: they stay. Source: Unicode TR36, TR39. */
static bool is_invisible(uint32_t point)
{
    return point == 0x200B || point == 0x200E || point == 0x200F || point == 0x2060 ||
           point == 0xFEFF || point == 0x00AD || (point >= 0x202A && point <= 0x202E) ||
           (point >= 0x2066 && point <= 0x2069) || (point >= 0xE0000 && point <= 0xE007F);
}

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* Bytes of a tag or comment that begins at `at`, with the content of script and style; 0: none. */
static size_t tag_size(pb_str text, size_t at)
{
    static const char *const whole[2] = {"script", "style"};
    pb_str rest = pb_str_slice(text, at, text.size);

    if (pb_str_starts(rest, pb_lit("<!--"))) {
        for (size_t i = 4; i + 2 < rest.size; i++)
            if (memcmp(rest.data + i, "-->", 3) == 0)
                return i + 3;
        return rest.size;
    }
    size_t name = rest.size > 1 && (rest.data[1] == '/' || rest.data[1] == '!') ? 2 : 1;
    if (name >= rest.size || !is_letter(rest.data[name]))
        return 0;
    size_t end = pb_str_find(rest, '>');
    if (end == rest.size)
        return 0; /* "a <b" is no tag */
    for (int i = 0; i < 2 && name == 1; i++) {
        size_t size = strlen(whole[i]);
        if (!pb_str_same(pb_str_slice(rest, 1, size), pb_str_of(whole[i])))
            continue;
        for (size_t j = end; j + size + 2 < rest.size; j++)
            if (rest.data[j] == '<' && rest.data[j + 1] == '/' &&
                pb_str_same(pb_str_slice(rest, j + 2, size), pb_str_of(whole[i])))
                return j + pb_str_find(pb_str_slice(rest, j, rest.size), '>') + 1 > rest.size
                           ? rest.size
                           : j + pb_str_find(pb_str_slice(rest, j, rest.size), '>') + 1;
    }
    return end + 1;
}

/* What stands for the character at `at`, and how many bytes of the text it takes the place of. */
static pb_str replacement(const struct clean *clean, pb_str text, size_t at, size_t *size)
{
    uint32_t point = code_point(text, at, size);
    pb_str none = pb_lit("");

    if (clean->control && point == '\r')
        return at + 1 < text.size && text.data[at + 1] == '\n' ? none : pb_lit("\n");
    if ((clean->control && is_control(point)) || (clean->invisible && is_invisible(point)))
        return none;
    if (clean->html == HTML_STRIP && point == '<') {
        size_t tag = tag_size(text, at);
        if (tag) {
            *size = tag;
            return none;
        }
    }
    if (clean->html == HTML_ESCAPE && point == '<')
        return pb_lit("&lt;");
    if (clean->html == HTML_ESCAPE && point == '>')
        return pb_lit("&gt;");
    if (clean->html == HTML_ESCAPE && point == '&')
        return pb_lit("&amp;");
    return pb_str_slice(text, at, *size);
}

pb_str clean_text(const struct clean *clean, pb_str text)
{
    pb_buf out;
    size_t size, same = 0; /* bytes at the end of what was copied that need no change */

    memset(&out, 0, sizeof out);
    for (size_t at = 0; at < text.size; at += size) {
        pb_str with = replacement(clean, text, at, &size);
        if (with.size == size && with.data == text.data + at) {
            same += size;
            continue;
        }
        pb_buf_add(&out, pb_str_slice(text, at - same, same));
        pb_buf_add(&out, with);
        same = 0;
        if (!out.data && !pb_buf_room(&out, 1))
            break;
    }
    if (same == text.size)
        return text;
    pb_buf_add(&out, pb_str_slice(text, text.size - same, same));
    return out.failed ? pb_str_make(NULL, 0) : pb_str_make(out.data ? out.data : "", out.size);
}
