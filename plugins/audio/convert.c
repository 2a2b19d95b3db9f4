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
    size_t waiting; /* of `in` */
    pb_buf out;     /* kept from call to call */
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

static void add(struct convert *convert, const float *samples, size_t count)
{
    uint8_t *room = (uint8_t *)pb_buf_room(&convert->out, count * 2);

    for (size_t i = 0; room && i < count; i++) {
        float value = samples[i] * 32768.0f;
        int16_t sample = value >= 32767.0f    ? 32767
                         : value <= -32768.0f ? -32768
                                              : (int16_t)(value + (value < 0 ? -0.5f : 0.5f));
        pb_wav_put(room + 2 * i, (uint16_t)sample, 2);
    }
    if (room)
        convert->out.size += count * 2;
}

/* What waits, into `out`. */
static pb_status run(struct convert *convert, bool last)
{
    SRC_DATA data = {.data_in = convert->in,
                     .input_frames = (long)convert->waiting,
                     .data_out = convert->made,
                     .output_frames = BLOCK,
                     .src_ratio = convert->ratio,
                     .end_of_input = last};
    pb_status status = PB_OK;

    convert->waiting = 0;
    if (!convert->state) {
        add(convert, convert->in, (size_t)data.input_frames);
        return pb_step();
    }
    do {
        int error = src_process(convert->state, &data);
        if (error)
            return pb_fail(PB_INTERNAL, "the rate cannot be changed: %s", src_strerror(error));
        add(convert, convert->made, (size_t)data.output_frames_gen);
        data.data_in += data.input_frames_used;
        data.input_frames -= data.input_frames_used;
        status = pb_step();
    } while (status == PB_OK && (data.input_frames || data.output_frames_gen == BLOCK));
    return status;
}

/* One frame: the mean of its channels. */
static float mix(const uint8_t *frame, uint32_t channels)
{
    int32_t sum = 0;

    for (uint32_t i = 0; i < channels; i++)
        sum += (int16_t)(uint16_t)pb_wav_get(frame + 2 * i, 2);
    return (float)sum / (float)channels / 32768.0f;
}

pb_status convert_push(struct convert *convert, pb_bytes bytes, bool last, pb_bytes *out)
{
    uint32_t width = convert->channels * 2;
    pb_status status = PB_OK;

    convert->out.size = 0;
    for (size_t i = 0; i < bytes.size && status == PB_OK; i++) {
        convert->frame[convert->have++] = bytes.data[i];
        if (convert->have < width)
            continue;
        convert->have = 0;
        convert->in[convert->waiting++] = mix(convert->frame, convert->channels);
        if (convert->waiting == BLOCK)
            status = run(convert, false);
    }
    if (status == PB_OK && (last || convert->waiting))
        status = run(convert, last);
    out->data = (const uint8_t *)convert->out.data;
    out->size = convert->out.size;
    return status == PB_OK ? pb_buf_status(&convert->out) : status;
}
