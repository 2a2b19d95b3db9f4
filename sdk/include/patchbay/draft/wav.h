/* wav.h - WAV files as streams: the header to write, and a reader that gives the samples of one as
 * "audio/pcm". Draft, as speech.h, which it belongs to.
 *
 *     pb_wav wav;
 *     status = pb_wav_begin(&wav, reader);         wav.rate, wav.channels are known now
 *     … pb_read(&wav.base, &bytes) …               16-bit samples, low byte first
 *
 * PCM of 8, 16, 24 and 32 bits and floats of 32 are read, also of files that say "extensible". The
 * length that a header tells is not trusted: what was streamed has none. */
#ifndef PATCHBAY_DRAFT_WAV_H
#define PATCHBAY_DRAFT_WAV_H

#include <patchbay/stream.h>

enum {
    PB_WAV_HEADER = 44,
    PB_WAV_PIECE = 16 << 10, /* bytes that are given at a time, at most */
};

/* `base` reads the samples; the rest is nobody else's but rate, channels and length. */
typedef struct pb_wav {
    pb_reader base;
    uint32_t rate;
    uint32_t channels;
    uint64_t length;  /* bytes of samples that the header tells, or UINT64_MAX: it does not */
    pb_reader *from;
    pb_bytes rest;    /* of the piece that `from` gave last */
    uint64_t left;    /* of `length` */
    uint8_t *piece;   /* PB_WAV_PIECE bytes */
    uint32_t bits;
    uint32_t floats;  /* 1: the samples are floats */
    uint32_t ended;
    uint32_t reserved;
} pb_wav;

static inline void pb_wav_put(uint8_t *at, uint32_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static inline uint32_t pb_wav_get(const uint8_t *at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value |= (uint32_t)at[i] << 8 * i;
    return value;
}

/* The header of 16-bit samples. `size` of all samples in bytes; UINT32_MAX: not known yet, as
 * whoever streams writes. Does not park. */
static inline void pb_wav_header(uint8_t out[PB_WAV_HEADER], uint32_t rate, uint32_t channels,
                                 uint32_t size)
{
    memcpy(out, "RIFF", 4);
    pb_wav_put(out + 4, size > UINT32_MAX - 36 ? UINT32_MAX : size + 36, 4);
    memcpy(out + 8, "WAVEfmt ", 8);
    pb_wav_put(out + 16, 16, 4);
    pb_wav_put(out + 20, 1, 2);
    pb_wav_put(out + 22, channels, 2);
    pb_wav_put(out + 24, rate, 4);
    pb_wav_put(out + 28, rate * channels * 2, 4);
    pb_wav_put(out + 32, channels * 2, 2);
    pb_wav_put(out + 34, 16, 2);
    memcpy(out + 36, "data", 4);
    pb_wav_put(out + 40, size, 4);
}

static inline pb_status pb_wav_damaged(const char *what)
{
    return pb_fail(PB_UNPROCESSABLE, "the audio is no WAV file that can be read: %s", what);
}

/* Exactly `size` bytes of the file; `out` NULL: they are skipped. *got is less only at its end.
 * Parks. */
static inline pb_status pb_wav_take(pb_wav *wav, uint8_t *out, uint64_t size, uint64_t *got)
{
    *got = 0;
    while (*got < size) {
        if (!wav->rest.size && !wav->ended) {
            pb_status status = wav->from->read(wav->from, &wav->rest);
            if (status != PB_OK)
                return status;
            wav->ended = !wav->rest.size;
        }
        if (!wav->rest.size)
            break;
        size_t part = wav->rest.size < size - *got ? wav->rest.size : (size_t)(size - *got);
        if (out)
            memcpy(out + *got, wav->rest.data, part);
        *got += part;
        wav->rest.data += part;
        wav->rest.size -= part;
    }
    return PB_OK;
}

/* One sample of the file as 16 bits. */
static inline int16_t pb_wav_sample(const pb_wav *wav, const uint8_t *at)
{
    uint32_t word = pb_wav_get(at, wav->bits / 8);
    float value;

    if (wav->bits == 8)
        return (int16_t)(((int32_t)word - 128) * 256);
    if (!wav->floats)
        return (int16_t)(uint16_t)(word >> (wav->bits - 16));
    memcpy(&value, &word, sizeof value);
    value *= 32768.0f;
    return (int16_t)(value >= 32767.0f ? 32767 : value <= -32768.0f ? -32768 : value == value ? value : 0);
}

static inline pb_status pb_wav_read(pb_reader *base, pb_bytes *out)
{
    pb_wav *wav = (pb_wav *)(void *)base;
    uint32_t width = wav->bits / 8;
    uint64_t want = PB_WAV_PIECE / 12 * 12, got; /* whole samples of any width */
    pb_status status;

    if (want > wav->left)
        want = wav->left;
    status = pb_wav_take(wav, wav->piece, want, &got);
    wav->left -= got;
    got -= got % width; /* half a sample at the end is none */
    out->data = wav->piece;
    out->size = (size_t)(got / width * 2);
    if (width == 2 || status != PB_OK)
        return status;
    if (width > 2) {
        for (uint64_t i = 0; i < got / width; i++)
            pb_wav_put(wav->piece + 2 * i, (uint16_t)pb_wav_sample(wav, wav->piece + width * i), 2);
    } else {
        for (uint64_t i = got; i-- > 0;)
            pb_wav_put(wav->piece + 2 * i, (uint16_t)pb_wav_sample(wav, wav->piece + i), 2);
    }
    return PB_OK;
}

static inline pb_status pb_wav_format(pb_wav *wav, const uint8_t *at, uint64_t size)
{
    uint32_t code = pb_wav_get(at, 2);

    if (code == 0xfffe && size >= 26) /* extensible: the code stands further behind */
        code = pb_wav_get(at + 24, 2);
    wav->channels = pb_wav_get(at + 2, 2);
    wav->rate = pb_wav_get(at + 4, 4);
    wav->bits = pb_wav_get(at + 14, 2);
    wav->floats = code == 3;
    if ((code != 1 && code != 3) || (code == 3 && wav->bits != 32) || wav->bits < 8 ||
        wav->bits > 32 || wav->bits % 8)
        return pb_fail(PB_UNSUPPORTED, "the WAV file has samples of another kind than PCM of 8 to 32 "
                                       "bits or floats of 32");
    if (!wav->channels || wav->channels > 64 || wav->rate < 1000 || wav->rate > 384000)
        return pb_wav_damaged("channels or rate are impossible");
    return PB_OK;
}

/* Reads as far as the samples. What it needs is allocated in the running scope, which must stay.
 * PB_UNPROCESSABLE: no WAV file, or damaged; PB_UNSUPPORTED: samples of another kind. Parks. */
static inline pb_status pb_wav_begin(pb_wav *wav, pb_reader *from)
{
    uint8_t head[40];
    uint64_t got, size;
    pb_status status;

    memset(wav, 0, sizeof *wav);
    wav->base.size = (uint32_t)sizeof wav->base;
    wav->base.read = pb_wav_read;
    wav->from = from;
    wav->piece = (uint8_t *)pb_alloc(2 * PB_WAV_PIECE); /* samples of 8 bits grow */
    if (!wav->piece)
        return PB_NO_MEMORY;
    if ((status = pb_wav_take(wav, head, 12, &got)) != PB_OK)
        return status;
    if (got < 12 || memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVE", 4) != 0)
        return pb_wav_damaged("it does not begin as one");
    for (;;) {
        if ((status = pb_wav_take(wav, head, 8, &got)) != PB_OK)
            return status;
        if (got < 8)
            return pb_wav_damaged("it ends before its samples");
        size = pb_wav_get(head + 4, 4);
        if (memcmp(head, "data", 4) == 0)
            break;
        bool format = memcmp(head, "fmt ", 4) == 0;
        uint64_t part = format ? (size < sizeof head ? size : sizeof head) : 0, skipped;
        if (format && size < 16)
            return pb_wav_damaged("its format is cut off");
        if ((status = pb_wav_take(wav, head, part, &got)) != PB_OK)
            return status;
        if (format && got == part && (status = pb_wav_format(wav, head, part)) != PB_OK)
            return status;
        if ((status = pb_wav_take(wav, NULL, size + (size & 1) - part, &skipped)) != PB_OK)
            return status;
    }
    if (!wav->rate)
        return pb_wav_damaged("its samples stand before their format");
    wav->length = size == 0 || size >= UINT32_MAX - 36 ? UINT64_MAX : size;
    wav->left = wav->length;
    return PB_OK;
}

#endif
