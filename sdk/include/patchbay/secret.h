/* secret.h - randomness, digests and comparing secrets. Nothing here parks. Any thread, but for
 * pb_uuid and pb_hex, which allocate in the running scope. */
#ifndef PATCHBAY_SECRET_H
#define PATCHBAY_SECRET_H

#include <patchbay/memory.h>

/* Fills `out` from the system's cryptographic generator. PB_OK or PB_INTERNAL. */
static inline pb_status pb_random(void *out, size_t size)
{
    return PB_CALL(random)(out, size);
}

/* SHA-256 (FIPS 180-4). */
static inline void pb_sha256(pb_bytes data, uint8_t out[32])
{
    PB_CALL(sha256)(data, out);
}

/* The same of bytes that come piece by piece. Start with all zero; add, then end once. */
typedef struct pb_digest {
    uint64_t state[16];
} pb_digest;

static inline void pb_digest_add(pb_digest *digest, pb_bytes data)
{
    PB_CALL(sha256_part)(digest->state, data, NULL);
}

static inline void pb_digest_end(pb_digest *digest, uint8_t out[32])
{
    pb_bytes none = {NULL, 0};
    PB_CALL(sha256_part)(digest->state, none, out);
}

/* HMAC-SHA-256 (RFC 2104). */
static inline void pb_hmac_sha256(pb_bytes key, pb_bytes data, uint8_t out[32])
{
    PB_CALL(hmac_sha256)(key, data, out);
}

/* Equal? Takes the same time wherever they differ; the sizes are not secret. */
static inline bool pb_secret_equal(pb_bytes a, pb_bytes b)
{
    volatile uint8_t difference = 0;

    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        difference = (uint8_t)(difference | (a.data[i] ^ b.data[i]));
    return difference == 0;
}

/* A new UUIDv7 as text (RFC 9562), in the running scope. */
static inline pb_str pb_uuid(void)
{
    return PB_CALL(uuid)();
}

/* The 16 bytes of a UUID's text ("018f4c3a-…"), as databases keep it. False: it is none. Any thread. */
static inline bool pb_uuid_bytes(pb_str text, uint8_t out[16])
{
    size_t count = 0;

    if (text.size != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (c != '-')
                return false;
            continue;
        }
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return false;
        if (count++ % 2 == 0)
            out[(count - 1) / 2] = (uint8_t)(digit << 4);
        else
            out[(count - 1) / 2] |= (uint8_t)digit;
    }
    return true;
}

/* The text of 16 bytes, in the running scope; absent when memory is short. */
static inline pb_str pb_uuid_text(const void *bytes)
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *from = (const uint8_t *)bytes;
    char *text = (char *)pb_alloc(37), *to = text;

    if (!text)
        return pb_str_make(NULL, 0);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *to++ = '-';
        *to++ = hex[from[i] >> 4];
        *to++ = hex[from[i] & 15];
    }
    *to = 0;
    return pb_str_make(text, 36);
}

/* Lower-case hexadecimal, in the running scope; absent when memory is short. */
static inline pb_str pb_hex(pb_bytes bytes)
{
    static const char digit[] = "0123456789abcdef";
    char *text = (char *)pb_alloc(bytes.size * 2 + 1);

    for (size_t i = 0; text && i < bytes.size; i++) {
        text[2 * i] = digit[bytes.data[i] >> 4];
        text[2 * i + 1] = digit[bytes.data[i] & 15];
    }
    return pb_str_make(text, text ? bytes.size * 2 : 0);
}

#endif
