/* clean.c - see clean.h. Characters first, tags from what is left of them: an invisible character
 * must not hide a tag. */
#include "clean.h"

enum { NOT_UTF8 = 0xFFFD };

/* The code point at `at` and its length in bytes; a byte that begins none counts as U+FFFD. */
static uint32_t code_point(pb_str text, size_t at, size_t *size)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = (const unsigned char *)text.data + at;
    size_t length = byte[0] < 0x80             ? 1
                    : (byte[0] & 0xE0) == 0xC0 ? 2
                    : (byte[0] & 0xF0) == 0xE0 ? 3
                    : (byte[0] & 0xF8) == 0xF0 ? 4
                                               : 0;
    uint32_t point = length < 2 ? byte[0] : byte[0] & (0x7Fu >> length);

    *size = 1;
    if (!length || length > text.size - at)
        return NOT_UTF8;
    for (size_t i = 1; i < length; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return NOT_UTF8;
        point = point << 6 | (byte[i] & 0x3F);
    }
    if (point < least[length])
        return NOT_UTF8;
    *size = length;
    return point;
}

static bool is_control(uint32_t point)
{
    return (point < 0x20 && point != '\n' && point != '\t') || (point >= 0x7F && point < 0xA0) ||
           point == 0x2028 || point == 0x2029;
}

/* Characters that hide text or turn its direction. U+200C and U+200D stay: they are part of some
 * scripts and of emoji; so do variation selectors. Sources: Unicode TR36, TR39, UAX9. */
static bool is_invisible(uint32_t point)
{
    static const uint32_t ranges[][2] = {
        {0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160}, {0x17B4, 0x17B5},
        {0x180E, 0x180E}, {0x200B, 0x200B}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F},
        {0x3164, 0x3164}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F},
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && point >= ranges[i][0]; i++)
        if (point <= ranges[i][1])
            return true;
    return false;
}

/* What stands for the character at `at`, and how many bytes of the text it takes the place of. */
static pb_str replacement(const struct clean *clean, pb_str text, size_t at, size_t *size)
{
    uint32_t point = code_point(text, at, size);

    if (clean->control && point == '\r')
        return at + 1 < text.size && text.data[at + 1] == '\n' ? pb_lit("") : pb_lit("\n");
    if ((clean->control && is_control(point)) || (clean->invisible && is_invisible(point)))
        return pb_lit("");
    if (clean->html == HTML_ESCAPE && point == '<')
        return pb_lit("&lt;");
    if (clean->html == HTML_ESCAPE && point == '>')
        return pb_lit("&gt;");
    if (clean->html == HTML_ESCAPE && point == '&')
        return pb_lit("&amp;");
    return pb_str_slice(text, at, *size);
}

static pb_str replace_characters(const struct clean *clean, pb_str text)
{
    pb_buf out;
    size_t size, same = 0; /* bytes before `at` that need no change and are not copied yet */

    memset(&out, 0, sizeof out);
    for (size_t at = 0; at < text.size; at += size) {
        pb_str with = replacement(clean, text, at, &size);
        if (with.data == text.data + at) {
            same += size;
            continue;
        }
        pb_buf_add(&out, pb_str_slice(text, at - same, same));
        pb_buf_add(&out, with);
        same = 0;
        if (!out.data) /* so that a change is told from none */
            (void)pb_buf_room(&out, 1);
    }
    if (!out.data)
        return out.failed ? pb_buf_str(&out) : text;
    pb_buf_add(&out, pb_str_slice(text, text.size - same, same));
    return out.failed ? pb_str_make(NULL, 0) : pb_buf_str(&out);
}

pb_str clean_text(const struct clean *clean, pb_str text)
{
    if (text.size)
        text = replace_characters(clean, text);
    return text.size && clean->html == HTML_STRIP ? strip_html(text) : text;
}
