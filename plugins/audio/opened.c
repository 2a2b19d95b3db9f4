/* opened.c - audio as it came to audio as a model takes it. WAV and bare samples are made into one
 * channel at the model's rate; any other format goes to the model as it is, which may refuse it. */
#include "audio.h"

/* Gives `first` back before the rest. */
struct peeked {
    pb_reader base;
    pb_reader *from;
    pb_bytes first;
};

static pb_status read_peeked(pb_reader *base, pb_bytes *out)
{
    struct peeked *peeked = (struct peeked *)(void *)base;

    if (!peeked->first.size)
        return peeked->from->read(peeked->from, out);
    *out = peeked->first;
    peeked->first.size = 0;
    return PB_OK;
}

static pb_status peek(pb_reader *from, struct peeked **out)
{
    struct peeked *peeked = *out = PB_NEW(struct peeked);

    if (!peeked)
        return PB_NO_MEMORY;
    peeked->base = (pb_reader){.size = (uint32_t)sizeof(pb_reader), .read = read_peeked};
    peeked->from = from;
    return from->read(from, &peeked->first);
}

/* --- what it is --------------------------------------------------------------------------------- */

static bool is_type(pb_str type, const char *name)
{
    return pb_str_same(pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';'))), pb_str_of(name));
}

static bool is_wav(const struct asked *asked, pb_bytes first)
{
    return (first.size >= 4 && memcmp(first.data, "RIFF", 4) == 0) || is_type(asked->type, "audio/wav") ||
           is_type(asked->type, "audio/x-wav") || is_type(asked->type, "audio/wave");
}

/* The type to hand on: what the sender says, or what the name means. */
static pb_str foreign_type(const struct asked *asked)
{
    static const struct {
        const char *end, *type;
    } names[] = {{".mp3", "audio/mpeg"}, {".mpga", "audio/mpeg"}, {".m4a", "audio/mp4"},
                 {".mp4", "audio/mp4"},  {".ogg", "audio/ogg"},   {".opus", "audio/ogg"},
                 {".webm", "audio/webm"}, {".flac", "audio/flac"}};

    if (pb_str_starts(asked->type, pb_lit("audio/")) || pb_str_starts(asked->type, pb_lit("video/")))
        return asked->type;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pb_str_ends(asked->file_name, pb_str_of(names[i].end)))
            return pb_str_of(names[i].type);
    return (pb_str){0};
}

/* A number among the parameters of a type: audio/pcm;rate=16000. */
static uint32_t number_of(pb_str type, const char *name)
{
    pb_str text = pb_multipart_parameter(type, name);

    return text.data ? (uint32_t)strtoul(pb_copy(text).data, NULL, 10) : 0;
}

/* --- samples ------------------------------------------------------------------------------------ */

struct samples {
    pb_reader base;
    pb_reader *from;
    struct opened *opened;
    pb_bytes piece; /* that `from` gave last, as far as it is not converted */
    uint64_t most;
    bool ended;
};

static pb_status read_samples(pb_reader *base, pb_bytes *out)
{
    struct samples *samples = (struct samples *)(void *)base;
    struct opened *opened = samples->opened;
    pb_status status = PB_OK;

    *out = (pb_bytes){(const uint8_t *)"", 0};
    for (;;) {
        status = convert_next(opened->convert, &samples->piece, samples->ended, out);
        if (status != PB_OK || out->size || samples->ended)
            break;
        status = samples->from->read(samples->from, &samples->piece);
        samples->ended = status == PB_OK && !samples->piece.size;
        if (status != PB_OK)
            return status;
    }
    opened->samples += out->size / 2;
    if (status == PB_OK && opened->samples > samples->most)
        return pb_fail_at(PB_TOO_LARGE, "/file", "is longer than what is transcribed at once");
    return status;
}

static pb_status open_samples(const struct audio *audio, pb_reader *from, uint32_t rate,
                              uint32_t channels, struct opened *opened)
{
    struct samples *samples = PB_NEW(struct samples);

    if (!samples)
        return PB_NO_MEMORY;
    if (!opened->format.rate)
        opened->format.rate = rate;
    opened->format.channels = 1;
    opened->format.type = pb_lit("audio/pcm");
    opened->counts = true;
    *samples = (struct samples){.base = {.size = (uint32_t)sizeof(pb_reader), .read = read_samples},
                                .from = from,
                                .opened = opened,
                                .most = (uint64_t)(audio->max_duration / PB_SECOND) * opened->format.rate};
    opened->audio = &samples->base;
    return convert_open(rate, channels, opened->format.rate, &opened->convert);
}

static pb_status open_wav(const struct audio *audio, pb_reader *from, struct opened *opened)
{
    pb_wav *wav = PB_NEW(pb_wav);
    pb_status status = wav ? pb_wav_begin(wav, from) : (pb_status)PB_NO_MEMORY;

    return status == PB_OK ? open_samples(audio, &wav->base, wav->rate, wav->channels, opened)
                           : status;
}

static pb_status open_pcm(const struct audio *audio, pb_reader *from, pb_str type,
                          struct opened *opened)
{
    uint32_t rate = number_of(type, "rate"), channels = number_of(type, "channels");

    if (!channels)
        channels = 1;
    if (rate < 1000 || rate > 384000 || channels > 64)
        return pb_fail_at(PB_INVALID, "/file",
                          "is bare samples; say of which rate: audio/pcm;rate=16000;channels=1");
    return open_samples(audio, from, rate, channels, opened);
}

pb_status opened_begin(const struct audio *audio, const struct asked *asked,
                       const pb_speech_about *about, struct opened *out)
{
    struct peeked *peeked;
    pb_status status;

    memset(out, 0, sizeof *out);
    out->format.size = (uint32_t)sizeof out->format;
    out->format.rate = about->hear_rate;
    status = peek(asked->audio, &peeked);
    if (status != PB_OK)
        return status;
    if (is_wav(asked, peeked->first))
        return open_wav(audio, &peeked->base, out);
    if (is_type(asked->type, "audio/pcm"))
        return open_pcm(audio, &peeked->base, asked->type, out);
    out->format.rate = 0;
    out->format.type = foreign_type(asked);
    out->audio = &peeked->base;
    return out->format.type.data ? (pb_status)PB_OK
                                 : pb_fail_at(PB_UNSUPPORTED, "/file",
                                              "is no audio that is known by its type, its name or its "
                                              "beginning; WAV is taken by every model");
}

void opened_close(struct opened *opened)
{
    convert_close(opened->convert);
}
