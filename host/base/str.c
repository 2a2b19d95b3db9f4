/* str.c - see str.h. */
#include "base/str.h"

#include <patchbay/host_api.h>
#include <pthread.h>

static bool follows(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* The range of the second byte is where overlong forms, surrogates and what is above U+10FFFF are
 * told from the rest (Unicode 15, table 3-7). */
static size_t sequence(const unsigned char *at, size_t left, size_t *valid_prefix)
{
    unsigned char c = at[0], low = 0x80, high = 0xBF;
    size_t size = c < 0x80 ? 1 : c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;

    *valid_prefix = 1;
    if (size < 2)
        return size;
    if (c == 0xE0)
        low = 0xA0;
    else if (c == 0xED)
        high = 0x9F;
    else if (c == 0xF0)
        low = 0x90;
    else if (c == 0xF4)
        high = 0x8F;
    if (left < 2 || at[1] < low || at[1] > high)
        return 0;
    while (*valid_prefix = *valid_prefix + 1, *valid_prefix < size)
        if (left <= *valid_prefix || !follows(at[*valid_prefix]))
            return 0;
    return size;
}

size_t utf8_sequence(const char *at, size_t left)
{
    size_t prefix;
    return left ? sequence((const unsigned char *)at, left, &prefix) : 0;
}

size_t utf8_skip(const char *at, size_t left)
{
    size_t prefix;
    size_t size = sequence((const unsigned char *)at, left, &prefix);
    return size ? size : prefix;
}

bool utf8_valid(pb_str text)
{
    for (size_t i = 0, size; i < text.size; i += size)
        if (!(size = utf8_sequence(text.data + i, text.size - i)))
            return false;
    return true;
}

pb_str utf8_cut(pb_str text, size_t size)
{
    if (text.size <= size)
        return text;
    while (size && follows((unsigned char)text.data[size]))
        size--;
    return pb_str_make(text.data, size);
}

int str_compare(pb_str a, pb_str b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

bool str_to_int(pb_str text, int64_t *out)
{
    bool minus = text.size && text.data[0] == '-';
    size_t i = minus || (text.size && text.data[0] == '+');
    int64_t value = 0;

    if (i == text.size)
        return false;
    for (; i < text.size; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, (int64_t)10, &value) ||
            __builtin_sub_overflow(value, (int64_t)digit, &value)) /* negative: one more fits */
            return false;
    }
    if (!minus && value == INT64_MIN)
        return false;
    *out = minus ? value : -value;
    return true;
}

/* --- SipHash-1-3 (Aumasson and Bernstein), 64 bits -------------------------------------------- */

static uint64_t key[2];

static void make_key(void)
{
    if (host_random(key, sizeof key) != PB_OK)
        key[0] = (uint64_t)(uintptr_t)&key; /* still differs by address space layout */
}

static uint64_t rotate(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

static void mix(uint64_t v[4])
{
    v[0] += v[1], v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

uint64_t str_hash(pb_str text)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_key);
    uint64_t v[4] = {key[0] ^ 0x736f6d6570736575u, key[1] ^ 0x646f72616e646f6du,
                     key[0] ^ 0x6c7967656e657261u, key[1] ^ 0x7465646279746573u};
    uint64_t word;
    size_t i = 0;

    for (; text.size - i >= 8; i += 8) {
        memcpy(&word, text.data + i, 8);
        v[3] ^= word;
        mix(v);
        v[0] ^= word;
    }
    word = 0;
    if (text.size > i)
        memcpy(&word, text.data + i, text.size - i);
    word |= (uint64_t)text.size << 56;
    v[3] ^= word;
    mix(v);
    v[0] ^= word;
    v[2] ^= 0xff;
    mix(v), mix(v), mix(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
