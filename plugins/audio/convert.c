/* convert.c - see audio.h. libsamplerate works on floats; half a frame at the end of a piece waits for
 * the next one. */
#include "audio.h"

#include <samplerate.h>

enum { BLOCK = 1024 }; /* frames at a time: well below a millisecond */

struct convert {
    SRC_STATE *state; /* NULL: the rate stays */
    double ratio;
    uint32_t channels, have; /* bytes of `frame` */
    uint8_t frame[64 * 2];
    float in[BLOCK], made[BLOCK];
    size_t waiting;         /* of `in` */
    uint8_t out[BLOCK * 2]; /* not allocated as it goes: who writes may do so in a scope of its own */
};

pb_status convert_open(uint32_t from_rate, uint32_t channels, uint32_t to_rate, struct convert **out)
{
    struct convert *convert = *out = PB_NEW(struct convert);
    int error = 0;

    if (!convert)
        return PB_NO_MEMORY;
    convert->channels = channels;
    convert->ratio = (double)to_rate / from_rate;
    if (from_rate == to_rate)
        return PB_OK;
    if (!src_is_valid_ratio(convert->ratio))
        return pb_fail(PB_UNSUPPORTED, "audio of %u samples a second cannot be made into %u",
                       from_rate, to_rate);
    convert->state = src_new(SRC_SINC_FASTEST, 1, &error);
    return convert->state ? (pb_status)PB_OK
                          : pb_fail(PB_NO_MEMORY, "there is no memory for another rate");
}

void convert_close(struct convert *convert)
{
    if (convert && convert->state)
        src_delete(convert->state);
    if (convert)
        convert->state = NULL;
}

static size_t write(struct convert *convert, const float *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float value = samples[i] * 32768.0f;
        int16_t sample = value >= 32767.0f    ? 32767
                         : value <= -32768.0f ? -32768
                                              : (int16_t)(value + (value < 0 ? -0.5f : 0.5f));
        pb_wav_put(convert->out + 2 * i, (uint16_t)sample, 2);
    }
    return 2 * count;
}

/* What waits, into `out`; what of it was not used waits on. */
static pb_status run(struct convert *convert, bool last, size_t *size)
{
    SRC_DATA data = {.data_in = convert->in,
                     .input_frames = (long)convert->waiting,
                     .data_out = convert->made,
                     .output_frames = BLOCK,
                     .src_ratio = convert->ratio,
                     .end_of_input = last};

    if (!convert->state) {
        *size = write(convert, convert->in, convert->waiting);
        convert->waiting = 0;
        return pb_step();
    }
    int error = src_process(convert->state, &data);
    if (error)
        return pb_fail(PB_INTERNAL, "the rate cannot be changed: %s", src_strerror(error));
    convert->waiting -= (size_t)data.input_frames_used;
    memmove(convert->in, convert->in + data.input_frames_used, convert->waiting * sizeof *convert->in);
    *size = write(convert, convert->made, (size_t)data.output_frames_gen);
    return pb_step();
}

/* One frame: the mean of its channels. */
static float mix(const uint8_t *frame, uint32_t channels)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < channels; i++)
        sum += (int16_t)(uint16_t)pb_wav_get(frame + 2 * i, 2);
    return (float)sum / (float)channels / 32768.0f;
}

static void take(struct convert *convert, pb_bytes *bytes)
{
    while (bytes->size && convert->waiting < BLOCK) {
        convert->frame[convert->have++] = *bytes->data++;
        bytes->size--;
        if (convert->have < convert->channels * 2)
            continue;
        convert->have = 0;
        convert->in[convert->waiting++] = mix(convert->frame, convert->channels);
    }
}

pb_status convert_next(struct convert *convert, pb_bytes *bytes, bool last, pb_bytes *out)
{
    size_t size = 0;
    pb_status status = PB_OK;

    do {
        take(convert, bytes);
        size_t before = convert->waiting;
        if (before == BLOCK || (last && !bytes->size))
            status = run(convert, last && !bytes->size, &size);
        if (!size && convert->waiting == before)
            break; /* nothing moves: it wants more, or was the end */
    } while (status == PB_OK && !size);
    *out = (pb_bytes){convert->out, size};
    return status;
}
