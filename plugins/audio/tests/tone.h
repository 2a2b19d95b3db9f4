/* tone.h - a model for the tests of `audio`: it speaks 100 samples a byte and tells what it was given to
 * hear. A component of the test program. */
#ifndef TONE_H
#define TONE_H

#include <patchbay/draft/speech.h>
#include <patchbay/draft/wav.h>
#include <stdlib.h>

struct tone {
    int64_t rate;
    bool foreign;
};

static const pb_field tone_options[] = {
    PB_INT(struct tone, rate, .def = "8000", .help = "Samples a second; 0: any."),
    PB_BOOL(struct tone, foreign, .help = "Speaks and hears audio/mpeg too."), PB_END};

static pb_status tone_synthesize(void *self, const pb_synthesize_request *request, pb_writer *writer)
{
    const struct tone *tone = self;
    size_t count = (size_t)(100 * (double)request->text.size / request->speed);
    pb_status status = PB_OK;

    if (pb_str_is(request->format->type, "audio/mpeg") && tone->foreign)
        return writer->write(writer, (pb_bytes){(const uint8_t *)"ID3", 3});
    if (!pb_str_is(request->format->type, "audio/pcm"))
        return pb_fail(PB_UNSUPPORTED, "no such type");
    if (request->voice.size && !pb_str_is(request->voice, "low"))
        return pb_fail_at(PB_INVALID, "/voice", "there is no such voice");
    /* In pieces that end within a sample, each in a scope of its own, as a real one may. */
    for (size_t i = 0; i < 2 * count && status == PB_OK; i += 7) {
        uint8_t bytes[7];
        pb_scope *scope = pb_scope_begin();
        for (size_t j = 0; j < sizeof bytes; j++)
            bytes[j] = (i + j) % 2 ? 0x10 : 0; /* 4096 */
        status = writer->write(writer, (pb_bytes){bytes, 2 * count - i < 7 ? 2 * count - i : 7});
        pb_scope_end(scope);
    }
    if (status == PB_OK && pb_str_is(request->text, "break off"))
        status = pb_fail(PB_UNAVAILABLE, "it broke off");
    return status;
}

static pb_status tone_transcribe(void *self, const pb_transcribe_request *request, pb_transcript *out)
{
    static const pb_utterance first = {.size = sizeof first, .end = 1500 * PB_MILLISECOND, .text = PB_LIT("one --> two")};
    static const pb_utterance second = {.size = sizeof second, .begin = 2 * PB_SECOND,
                                        .end = 3725 * PB_SECOND, .text = PB_LIT("three")};
    static const pb_utterance *const items[] = {&first, &second};
    const struct tone *tone = self;
    size_t size = 0;
    int64_t sum = 0;
    int32_t low = 0;
    pb_bytes bytes;
    pb_status status;

    if (!pb_str_is(request->format->type, "audio/pcm") && !tone->foreign)
        return pb_fail(PB_UNSUPPORTED, "'%.*s' is not heard here", PB_ARG(request->format->type));
    do {
        status = request->audio->read(request->audio, &bytes);
        for (size_t i = 0; status == PB_OK && i < bytes.size; i++) {
            if ((size + i) % 2)
                sum += (int16_t)(uint16_t)(low | bytes.data[i] << 8);
            low = bytes.data[i];
        }
        size += status == PB_OK ? bytes.size : 0;
    } while (status == PB_OK && bytes.size);
    out->text = pb_printf("%zu of %u, %lld, %.*s, %.*s", size / 2, request->format->rate,
                          (long long)(size > 1 ? sum / (int64_t)(size / 2) : 0),
                          PB_ARG(request->language), PB_ARG(request->prompt));
    out->items = items;
    out->count = 2;
    return status;
}

static void tone_about(void *self, pb_speech_about *out)
{
    static const pb_str voices[] = {PB_LIT("low")};

    out->hear_rate = out->say_rate = (uint32_t)((struct tone *)self)->rate;
    out->voices = voices;
    out->voice_count = 1;
}

PB_PLUGIN("tone", "0.1.0", "Apache-2.0", "Speaks and hears for tests.",
          PB_SPEECH("tone", struct tone, tone_options, .synthesize = tone_synthesize,
                    .transcribe = tone_transcribe, .about = tone_about),
          PB_SPEECH("mute", struct tone, tone_options, .transcribe = tone_transcribe,
                    .about = tone_about));

#endif
