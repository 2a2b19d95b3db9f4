/* json_string.c - a string of JSON without its escapes. Half a surrogate pair becomes U+FFFD. */
#include "data.h"

/* Four hexadecimal digits; -1: they are none. */
static int32_t hex4(pb_str text)
{
    int32_t value = 0;

    if (text.size < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = text.data[i], low = (char)(c | 32);
        int32_t digit = c >= '0' && c <= '9'       ? c - '0'
                        : low >= 'a' && low <= 'f' ? low - 'a' + 10
                                                   : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Behind "\u"; writes the character and returns how many bytes it took, 0: broken. */
static size_t unicode(pb_str text, char *out, size_t *size)
{
    int32_t code = hex4(text), low;
    size_t taken = 4;

    if (code < 0)
        return 0;
    if (code >= 0xD800 && code < 0xDC00 && pb_str_starts(pb_str_slice(text, 4, 2), pb_lit("\\u"))) {
        low = hex4(pb_str_slice(text, 6, 4));
        if (low >= 0xDC00 && low < 0xE000) {
            code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            taken = 10;
        }
    }
    *size += pb_utf8_write((uint32_t)code, out + *size);
    return taken;
}

size_t json_string(pb_str text, char *out, size_t *size)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    *size = 0;
    for (size_t i = 1; i < text.size; i++) {
        if (text.data[i] == '"')
            return i + 1;
        if (text.data[i] != '\\') {
            out[(*size)++] = text.data[i];
            continue;
        }
        if (++i == text.size)
            return 0;
        const char *known = text.data[i] ? strchr(from, text.data[i]) : NULL;
        if (known) {
            out[(*size)++] = to[known - from];
            continue;
        }
        size_t taken =
            text.data[i] == 'u' ? unicode(pb_str_slice(text, i + 1, text.size), out, size) : 0;
        if (taken == 0)
            return 0;
        i += taken;
    }
    return 0;
}
