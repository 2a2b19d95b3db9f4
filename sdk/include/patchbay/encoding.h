/* encoding.h - characters as UTF-8, the encoding of a text and its way to UTF-8.
 *
 * Pure functions of memory, any thread. Nothing here parks.
 */
#ifndef PATCHBAY_ENCODING_H
#define PATCHBAY_ENCODING_H

#include <patchbay/types.h>

enum {
    PB_ENCODING_UTF8 = 0,
    PB_ENCODING_UTF16LE = 1,
    PB_ENCODING_UTF16BE = 2,
    PB_ENCODING_LATIN1 = 3, /* as the web means it: windows-1252 */
};

/* The length of the valid UTF-8 sequence at `at`, or 0. */
static inline size_t pb_utf8_length(const uint8_t *at, const uint8_t *end)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;

    if (at[0] > 0xF4 || size > (size_t)(end - at))
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
        (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
        return 0;
    return size;
}

/* Writes `code` as UTF-8 and returns how many bytes; U+FFFD for what is no character. */
static inline size_t pb_utf8_write(uint32_t code, char out[4])
{
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        code = 0xFFFD;
    if (code < 0x80)
        return out[0] = (char)code, 1;
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* The encoding of a text and, in *mark, the size of its byte order mark. What is not UTF-8 is taken
 * for Latin-1. */
static inline int32_t pb_media_encoding(pb_bytes bytes, size_t *mark)
{
    const uint8_t *at = bytes.data, *end = at + bytes.size;

    *mark = 0;
    if (bytes.size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
        return *mark = 3, PB_ENCODING_UTF8;
    if (bytes.size >= 2 && at[0] == 0xFF && at[1] == 0xFE)
        return *mark = 2, PB_ENCODING_UTF16LE;
    if (bytes.size >= 2 && at[0] == 0xFE && at[1] == 0xFF)
        return *mark = 2, PB_ENCODING_UTF16BE;
    while (at < end) {
        size_t size = pb_utf8_length(at, end);
        if (size == 0)
            return PB_ENCODING_LATIN1;
        at += size;
    }
    return PB_ENCODING_UTF8;
}

/* The character of a byte in windows-1252. */
static inline uint32_t pb_latin1_code(uint8_t byte)
{
    static const uint16_t codes[32] = {
        0x20AC, 0x81,   0x201A, 0x192,  0x201E, 0x2026, 0x2020, 0x2021, 0x2C6,  0x2030, 0x160,
        0x2039, 0x152,  0x8D,   0x17D,  0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x2DC,  0x2122, 0x161,  0x203A, 0x153,  0x9D,   0x17E,  0x178};

    return byte >= 0x80 && byte < 0xA0 ? codes[byte - 0x80] : byte;
}

/* One UTF-16 character; *at moves on. */
static inline uint32_t pb_utf16_code(const uint8_t **at, const uint8_t *end, bool big)
{
    uint32_t code =
        big ? (uint32_t)((*at)[0] << 8 | (*at)[1]) : (uint32_t)((*at)[1] << 8 | (*at)[0]);

    *at += 2;
    if (code >= 0xD800 && code < 0xDC00 && end - *at >= 2) {
        uint32_t low =
            big ? (uint32_t)((*at)[0] << 8 | (*at)[1]) : (uint32_t)((*at)[1] << 8 | (*at)[0]);
        if (low >= 0xDC00 && low < 0xE000) {
            *at += 2;
            return 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    return code;
}

/* Writes `bytes`, without its mark, as UTF-8 to `out`, which has 3 * bytes.size bytes; returns how
 * many it wrote. Invalid UTF-8 stays as it is. */
static inline size_t pb_media_utf8(pb_bytes bytes, int32_t encoding, size_t mark, char *out)
{
    const uint8_t *at = bytes.data + mark, *end = bytes.data + bytes.size;
    size_t size = 0;

    if (encoding == PB_ENCODING_UTF8) {
        if (at < end)
            memcpy(out, at, (size_t)(end - at));
        return (size_t)(end - at);
    }
    if (encoding == PB_ENCODING_LATIN1) {
        while (at < end)
            size += pb_utf8_write(pb_latin1_code(*at++), out + size);
        return size;
    }
    while (end - at >= 2)
        size += pb_utf8_write(pb_utf16_code(&at, end, encoding == PB_ENCODING_UTF16BE), out + size);
    return size;
}

#endif
