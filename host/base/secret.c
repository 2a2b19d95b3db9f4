/* secret.c - host_sha256() and host_hmac_sha256() of <patchbay/secret.h>.
 *
 * SHA-256 is written out here (FIPS 180-4): opening libcrypto for an API key's digest costs 4 MB of
 * resident memory, which a host without TLS otherwise does not pay. Nothing allocates. Any thread.
 */
#include <patchbay/secret.h>

struct sha256 {
    uint32_t state[8];
    uint64_t size;
    uint8_t block[64];
};

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

static void compress(struct sha256 *sha, const uint8_t *block)
{
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 64; i++) {
        uint32_t low = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t high = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + low + w[i - 7] + high;
    }
    memcpy(s, sha->state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + choice +
                       round_constants[i] + w[i];
        uint32_t two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + majority;
        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        sha->state[i] += s[i];
    explicit_bzero(w, sizeof w);
}

static void begin(struct sha256 *sha)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(sha->state, first, sizeof first);
    sha->size = 0;
}

static void add(struct sha256 *sha, pb_bytes data)
{
    size_t used = sha->size % 64;

    sha->size += data.size;
    while (data.size) {
        if (!used && data.size >= 64) {
            compress(sha, data.data);
            data.data += 64;
            data.size -= 64;
            continue;
        }
        size_t part = 64 - used < data.size ? 64 - used : data.size;
        memcpy(sha->block + used, data.data, part);
        data.data += part;
        data.size -= part;
        used += part;
        if (used == 64) {
            compress(sha, sha->block);
            used = 0;
        }
    }
}

static void end(struct sha256 *sha, uint8_t out[32])
{
    size_t used = sha->size % 64;

    sha->block[used++] = 0x80;
    if (used > 56) {
        memset(sha->block + used, 0, 64 - used);
        compress(sha, sha->block);
        used = 0;
    }
    memset(sha->block + used, 0, 56 - used);
    for (int i = 0; i < 8; i++)
        sha->block[56 + i] = (uint8_t)(sha->size * 8 >> (56 - 8 * i));
    compress(sha, sha->block);
    for (int i = 0; i < 32; i++)
        out[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
    explicit_bzero(sha, sizeof *sha);
}

void host_sha256(pb_bytes data, uint8_t out[32])
{
    struct sha256 sha;

    begin(&sha);
    add(&sha, data);
    end(&sha, out);
}

void host_sha256_part(void *state, pb_bytes data, uint8_t out[32])
{
    struct sha256 *sha = state;

    _Static_assert(sizeof(struct sha256) <= sizeof(pb_digest), "pb_digest has room for it");
    if (!sha->state[0] && !sha->size)
        begin(sha);
    add(sha, data);
    if (out)
        end(sha, out);
}

void host_hmac_sha256(pb_bytes key, pb_bytes data, uint8_t out[32])
{
    struct sha256 sha;
    uint8_t pad[64] = {0};

    if (key.size > 64)
        host_sha256(key, pad);
    else if (key.size)
        memcpy(pad, key.data, key.size);
    for (int i = 0; i < 64; i++)
        pad[i] ^= 0x36;
    begin(&sha);
    add(&sha, (pb_bytes){pad, 64});
    add(&sha, data);
    end(&sha, out);
    for (int i = 0; i < 64; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    begin(&sha);
    add(&sha, (pb_bytes){pad, 64});
    add(&sha, (pb_bytes){out, 32});
    end(&sha, out);
    explicit_bzero(pad, sizeof pad);
}
