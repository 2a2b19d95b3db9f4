/* speech.h - audio to text, text to audio, is anyone speaking. Draft: may change until two
 * implementations exist. */
#ifndef PATCHBAY_DRAFT_SPEECH_H
#define PATCHBAY_DRAFT_SPEECH_H

#include <patchbay/stream.h>
#include <patchbay/plugin.h>

/* How audio is written. */
typedef struct pb_audio_format {
    uint32_t size;
    uint32_t rate;     /* samples a second; 0: the container says it */
    uint32_t channels; /* 0: the container says it */
    uint32_t reserved;
    pb_str type;       /* "audio/wav", "audio/mpeg"; "audio/L16": bare samples, low byte first */
} pb_audio_format;

typedef struct pb_transcribe_request {
    uint32_t size;
    uint32_t reserved;
    const pb_audio_format *format;
    pb_reader *audio;
    pb_str language; /* "de", or absent: find out */
    pb_str prompt;   /* words that are likely, or absent */
} pb_transcribe_request;

/* A piece of speech. */
typedef struct pb_utterance {
    uint32_t size;
    uint32_t reserved;
    pb_duration begin, end; /* within the audio */
    pb_str text;
} pb_utterance;

typedef struct pb_transcript {
    uint32_t size;
    uint32_t reserved;
    pb_str text; /* the whole */
    pb_str language;
    const pb_utterance *const *items; /* or NULL */
    size_t count;
} pb_transcript;

typedef struct pb_synthesize_request {
    uint32_t size;
    uint32_t reserved;
    pb_str text;
    pb_str voice; /* or absent */
    double speed; /* 1: as usual; 0 means 1 */
    const pb_audio_format *format; /* wanted */
} pb_synthesize_request;

/* The interface; each is optional (NULL: cannot), at least one is there. All may park but detect.
 * transcribe  fills `out` (size is set, the rest zero) in the running scope.
 * synthesize  writes audio as it comes. PB_UNSUPPORTED: not this format, no such voice.
 * detect      how sure it is (0 to 1) that somebody speaks in these 16-bit samples at 16 kHz. */
typedef struct pb_speech {
    PB_LIFECYCLE
    pb_status (*transcribe)(void *self, const pb_transcribe_request *request, pb_transcript *out);
    pb_status (*synthesize)(void *self, const pb_synthesize_request *request, pb_writer *writer);
    double (*detect)(void *self, const int16_t *samples, size_t count);
} pb_speech;

/* PB_SPEECH("espeak", struct espeak, espeak_options, .synthesize = espeak_synthesize) */
#define PB_SPEECH(name, owner, options, ...)                                                       \
    PB_COMPONENT(pb_speech, "speech", 0, name, owner, options, __VA_ARGS__)

#endif
