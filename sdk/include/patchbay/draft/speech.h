/* speech.h - audio to text, text to audio, is anyone speaking. Draft: may change in any release.
 *
 * Every speech component takes and writes "audio/pcm" with one channel at the rate that `about`
 * tells, so whoever converts (the service `audio` does) needs to know nothing else of it. Other
 * types are a matter between caller and component. wav.h takes WAV apart and writes it. */
#ifndef PATCHBAY_DRAFT_SPEECH_H
#define PATCHBAY_DRAFT_SPEECH_H

#include <patchbay/plugin.h>
#include <patchbay/stream.h>

/* Counts every change of this draft: a host loads exactly its own. */
#define PB_SPEECH_REVISION 1

/* How audio is written. */
struct pb_audio_format {
    uint32_t size;
    uint32_t rate;     /* samples a second; 0: the container says it */
    uint32_t channels; /* 0: the container says it */
    uint32_t reserved;
    pb_str type;       /* "audio/wav", "audio/mpeg"; "audio/pcm": bare samples of 16 bits, signed,
                          low byte first */
};

/* Borrowed until transcribe returns. */
struct pb_transcribe_request {
    uint32_t size;
    uint32_t reserved;
    const pb_audio_format *format;
    pb_reader *audio; /* pieces may end in the middle of a sample */
    pb_str language;  /* "de", or absent: find out, or the only one */
    pb_str prompt;    /* words that are likely, or absent */
};

/* A piece of speech. */
typedef struct pb_utterance {
    uint32_t size;
    uint32_t reserved;
    pb_duration begin, end; /* within the audio */
    pb_str text;
} pb_utterance;

struct pb_transcript {
    uint32_t size;
    uint32_t reserved;
    pb_str text;                      /* the whole; empty when nobody spoke */
    pb_str language;                  /* "en", or absent: not known */
    const pb_utterance *const *items; /* in order, or NULL */
    size_t count;
    pb_duration duration; /* of the audio that was heard; 0: not known */
};

/* Borrowed until synthesize returns. */
struct pb_synthesize_request {
    uint32_t size;
    uint32_t reserved;
    pb_str text;
    pb_str voice;                  /* or absent */
    double speed;                  /* 1: as usual; 0 means 1 */
    const pb_audio_format *format; /* wanted; a rate of 0: the component's own */
};

/* What an instance is like. Strings live as long as the instance. */
struct pb_speech_about {
    uint32_t size;
    uint32_t listens;   /* 1: it can transcribe */
    uint32_t speaks;    /* 1: it can synthesize */
    uint32_t detects;   /* 1: it can tell whether somebody speaks */
    uint32_t hear_rate; /* samples a second of the pcm that transcribe takes; 0: any */
    uint32_t say_rate;  /* of the pcm that synthesize writes; 0: any that is asked for */
    const pb_str *voices;
    size_t voice_count; /* 0: it does not list them */
};

/* The interface; each is optional (NULL: cannot), at least one of the first three is there.
 * transcribe  fills `out` (size is set, the rest zero) in the running scope. May park.
 *             PB_UNSUPPORTED: not this type or rate, not this language. PB_UNPROCESSABLE: damaged.
 * synthesize  writes audio as it comes; returns what `write` failed with unchanged. May park.
 *             PB_UNSUPPORTED: not this type or rate. PB_INVALID with the pointer "/voice": no such
 *             voice; all that can be wrong with a request is said before the first byte is written.
 * detect      *out is how sure it is (0 to 1) that somebody speaks in these 16-bit samples at
 *             hear_rate. May park.
 * about       fills rates and voices (size is set, the rest zero). Asked after start. Does not park. */
typedef struct pb_speech {
    PB_LIFECYCLE
    pb_status (*transcribe)(void *self, const pb_transcribe_request *request, pb_transcript *out);
    pb_status (*synthesize)(void *self, const pb_synthesize_request *request, pb_writer *writer);
    pb_status (*detect)(void *self, const int16_t *samples, size_t count, double *out);
    void (*about)(void *self, pb_speech_about *out);
} pb_speech;

/* PB_SPEECH("espeak", struct espeak, espeak_options, .synthesize = espeak_synthesize) */
#define PB_SPEECH(name, owner, options, ...)                                                       \
    PB_COMPONENT(pb_speech, "speech", PB_SPEECH_REVISION, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `speech` is an option of kind PB_KIND_REF -------------------------- */

/* PB_UNSUPPORTED also when the component cannot do it at all. Parks. */
static inline pb_status pb_transcribe(pb_instance *speech, const pb_transcribe_request *request,
                                      pb_transcript *out)
{
    return PB_CALL(transcribe)(speech, request, out);
}

/* The same. What `writer` fails with is returned, whatever the component makes of it. Parks. */
static inline pb_status pb_synthesize(pb_instance *speech, const pb_synthesize_request *request,
                                      pb_writer *writer)
{
    return PB_CALL(synthesize)(speech, request, writer);
}

/* The same. Parks. */
static inline pb_status pb_speech_detect(pb_instance *speech, const int16_t *samples, size_t count,
                                         double *out)
{
    return PB_CALL(speech_detect)(speech, samples, count, out);
}

/* What it can do, and how. Does not park. */
static inline void pb_speech_about_of(pb_instance *speech, pb_speech_about *out)
{
    PB_CALL(speech_about)(speech, out);
}

#endif
