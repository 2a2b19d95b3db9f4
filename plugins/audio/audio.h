/* audio.h - the service that brings speech to HTTP in the words of OpenAI's API, and what its files
 * share: plugin.c has options and operations, speech.c speaks; transcribe.c hears what form.c took
 * apart and opened.c understood, transcript.c writes what was heard; convert.c changes rates. */
#ifndef AUDIO_H
#define AUDIO_H

#include <patchbay/draft/speech.h>
#include <patchbay/draft/wav.h>
#include <patchbay/multipart.h>
#include <patchbay/service.h>

struct audio {
    pb_list models; /* of pb_instance * */
    int64_t max_input, max_file;
    pb_duration max_duration;
};

enum { PCM_RATE = 24000 }; /* of bare samples, as OpenAI's API has them */

#define RAW(name)                                                                                  \
    pb_status name(void *self, const pb_call *call, const void *in, pb_content *out)

struct speech_in {
    pb_str model, input, instructions;
    const pb_json *voice;
    int32_t format, stream;
    double speed;
};
enum { SPEECH_MP3, SPEECH_OPUS, SPEECH_AAC, SPEECH_FLAC, SPEECH_WAV, SPEECH_PCM };

struct transcribe_in {
    pb_str model, language, prompt, format;
};

/* The operations. */
RAW(audio_speech);
RAW(audio_transcribe);
RAW(audio_models);

/* models.c: the instance that a request names, with what it is like. PB_NOT_FOUND with the models
 * that there are; PB_INVALID: this one cannot. */
enum { MODEL_SPEAKS, MODEL_LISTENS };
pb_status model_find(const struct audio *audio, pb_str name, int what, pb_instance **out,
                     pb_speech_about *about);

/* --- convert.c: 16-bit samples to one channel and another rate, piece by piece ------------------ */

struct convert;

/* PB_NO_MEMORY. *out is closed with convert_close, also after a failure of the others. */
pb_status convert_open(uint32_t from_rate, uint32_t channels, uint32_t to_rate, struct convert **out);
/* Takes of `bytes`, which may end anywhere, as much as makes some samples, valid until the next call.
 * None: all of `bytes` was taken. `last`: nothing follows them. Parks. */
pb_status convert_next(struct convert *convert, pb_bytes *bytes, bool last, pb_bytes *out);
void convert_close(struct convert *convert);

/* --- transcription ------------------------------------------------------------------------------ */

enum transcript_format { FORMAT_JSON, FORMAT_TEXT, FORMAT_SRT, FORMAT_VERBOSE, FORMAT_VTT };

/* What a request for a transcription says; strings in the call's scope. */
struct asked {
    pb_str model, language, prompt, format;
    pb_str type, file_name; /* of the audio */
    pb_str ignored;         /* fields without effect, with commas between */
    pb_reader *audio;
};

/* form.c: fills `asked` from a form; its file waits in memory, as other fields may follow it. */
pb_status form_read(const struct audio *audio, const pb_call *call, struct asked *asked);
/* A reader of at most `most` bytes of `from`; then PB_TOO_LARGE. In the running scope, or NULL. */
pb_reader *form_bounded(pb_reader *from, int64_t most);

/* opened.c: audio as an instance takes it. */
struct opened {
    pb_audio_format format; /* of what `audio` gives */
    pb_reader *audio;
    struct convert *convert; /* or NULL */
    uint64_t samples;        /* that were given; counted where `counts` */
    bool counts;
};
/* PB_UNSUPPORTED: nobody knows what it is. Close it with opened_close, also after a failure. Parks. */
pb_status opened_begin(const struct audio *audio, const struct asked *asked,
                       const pb_speech_about *about, struct opened *out);
void opened_close(struct opened *opened);

/* transcript.c. PB_INVALID: there is no such format. */
pb_status transcript_format_of(pb_str name, enum transcript_format *out);
pb_status transcript_write(enum transcript_format format, const pb_transcript *transcript,
                           pb_content *out);

#endif
