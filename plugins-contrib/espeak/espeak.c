/* espeak - speech in some 130 languages by eSpeak NG, without network and model. The library can do
 * one thing at a time in a process, so requests take turns, a piece of text each. */
#include "library.h"
#include "pieces.h"

#include <patchbay/draft/speech.h>
#include <patchbay/draft/wav.h>
#include <stdlib.h>

struct espeak {
    pb_str voice;
    pb_map aliases; /* of pb_str */
    int64_t rate, pitch, range, volume, gap;
    /* Made by create, and counted. */
    struct library *library;
    struct voices voices;
    double requests, samples;
};

static const pb_field espeak_options[] = {
    PB_STR(struct espeak, voice, .def = "en-us", .pattern = ".+",
           .help = "The voice where a request names none: a language (`de`, `en-gb`), with a variant `de+f3`."),
    PB_MAP(struct espeak, aliases, PB_KIND_STR,
           .help = "More names for voices, as clients use them: {alloy: en-us+f3}."),
    PB_INT(struct espeak, rate, .def = "175", .min = RATE_LEAST, .max = RATE_MOST,
           .help = "Words a minute at speed 1."),
    PB_INT(struct espeak, pitch, .def = "50", .max = 100, .help = "How high the voice is."),
    PB_INT(struct espeak, range, .def = "50", .max = 100, .help = "How lively it is; 0: monotonous."),
    PB_INT(struct espeak, volume, .def = "100", .max = 200, .help = "How loud it is."),
    PB_INT(struct espeak, gap, .name = "word_gap", .max = 100,
           .help = "Pause between two words, in hundredths of a second."),
    PB_END};

/* The library's name of a voice as a request or the configuration has it. */
static pb_str voice_of(const struct espeak *espeak, const struct voices *voices, pb_str name, pb_str *hint)
{
    for (size_t i = 0; i < espeak->aliases.count; i++)
        if (pb_str_same(name, espeak->aliases.keys[i]))
            return library_voice(voices, ((pb_str *)espeak->aliases.items)[i], hint);
    return library_voice(voices, name, hint);
}

static void espeak_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct espeak *espeak = self;
    struct library *library = library_open();
    struct voices voices;
    pb_str hint;

    if (!library || !library->rate) {
        pb_problem(diagnostics, "", "eSpeak NG finds no data; install the package espeak-ng-data");
        return;
    }
    if (library_voices(&voices) != PB_OK)
        return; /* create will tell */
    if (!voice_of(espeak, &voices, espeak->voice, &hint).data)
        pb_problem(diagnostics, "voice", "there is no voice '%.*s'%.*s", PB_ARG(espeak->voice), PB_ARG(hint));
    for (size_t i = 0; i < espeak->aliases.count; i++) {
        pb_str voice = ((pb_str *)espeak->aliases.items)[i];
        pb_str field = pb_printf("aliases.%.*s", PB_ARG(espeak->aliases.keys[i]));
        if (field.data && !library_voice(&voices, voice, &hint).data)
            pb_problem(diagnostics, field.data, "there is no voice '%.*s'%.*s", PB_ARG(voice), PB_ARG(hint));
    }
}

static pb_status espeak_create(void *self)
{
    struct espeak *espeak = self;

    espeak->library = library_open();
    if (!espeak->library)
        return pb_error_last()->status;
    if (!espeak->library->rate)
        return pb_fail(PB_UNAVAILABLE, "eSpeak NG finds no data; install the package espeak-ng-data");
    return library_voices(&espeak->voices);
}

/* --- a request --------------------------------------------------------------------------------- */

static pb_status check_format(const struct espeak *espeak, const pb_audio_format *format, bool *wav)
{
    *wav = pb_str_same(format->type, pb_lit("audio/wav"));
    if (!*wav && !pb_str_same(format->type, pb_lit("audio/pcm")))
        return pb_fail(PB_UNSUPPORTED, "eSpeak writes audio/wav and audio/pcm, not '%.*s'",
                       PB_ARG(format->type));
    if ((format->rate && format->rate != espeak->library->rate) || format->channels > 1)
        return pb_fail(PB_UNSUPPORTED, "eSpeak writes %u samples a second on one channel",
                       espeak->library->rate);
    return PB_OK;
}

static pb_status manner_of(const struct espeak *espeak, const pb_synthesize_request *request,
                           struct manner *out)
{
    pb_str name = request->voice.size ? request->voice : espeak->voice, hint;
    pb_str voice = voice_of(espeak, &espeak->voices, name, &hint);
    double rate = (double)espeak->rate * (request->speed > 0 ? request->speed : 1);

    if (!voice.data)
        return pb_fail_at(PB_INVALID, "/voice", "there is no voice '%.*s'%.*s", PB_ARG(name), PB_ARG(hint));
    *out = (struct manner){
        .voice = voice.data,
        .rate = rate < RATE_LEAST ? RATE_LEAST : rate > RATE_MOST ? RATE_MOST : (int)rate,
        .pitch = (int)espeak->pitch,
        .range = (int)espeak->range,
        .volume = (int)espeak->volume,
        .gap = (int)espeak->gap,
    };
    return PB_OK;
}

/* The piece as the library takes it; a NUL in it would be its end. */
static char *text_of(pb_str piece)
{
    char *text = pb_alloc(piece.size + 1);

    for (size_t i = 0; text && i < piece.size; i++)
        text[i] = piece.data[i] ? piece.data[i] : ' ';
    return text;
}

static pb_status write_samples(pb_writer *writer, const struct piece *piece)
{
    uint8_t bytes[4096];
    pb_status status = PB_OK;

    for (size_t at = 0; at < piece->count && status == PB_OK;) {
        size_t count = 0;
        for (; count < sizeof bytes / 2 && at < piece->count; count++)
            pb_wav_put(bytes + 2 * count, (uint16_t)piece->samples[at++], 2);
        status = writer->write(writer, (pb_bytes){bytes, 2 * count});
    }
    return status;
}

static pb_status speak(struct espeak *espeak, struct piece *piece, pb_writer *writer)
{
    pb_status status = pb_lock_take(&espeak->library->lock);

    if (status != PB_OK)
        return status;
    status = pb_offload(library_speak, piece);
    pb_lock_give(&espeak->library->lock);
    if (status == PB_INTERNAL)
        status = pb_fail(PB_INTERNAL, "eSpeak NG could not speak this text");
    if (status == PB_NO_MEMORY)
        status = pb_fail(PB_NO_MEMORY, "there is no memory for what eSpeak NG speaks");
    if (status == PB_OK)
        status = write_samples(writer, piece);
    espeak->samples += (double)piece->count;
    free(piece->samples);
    return status;
}

static pb_status espeak_synthesize(void *self, const pb_synthesize_request *request,
                                   pb_writer *writer)
{
    struct espeak *espeak = self;
    struct manner manner;
    pb_str text = request->text, next;
    uint8_t header[PB_WAV_HEADER];
    bool wav;
    pb_status status = check_format(espeak, request->format, &wav);

    if (status == PB_OK)
        status = manner_of(espeak, request, &manner);
    if (status == PB_OK && wav) {
        pb_wav_header(header, espeak->library->rate, 1, UINT32_MAX);
        status = writer->write(writer, (pb_bytes){header, sizeof header});
    }
    espeak->requests++;
    while (status == PB_OK && (next = pieces_next(&text)).size) {
        pb_scope *scope = pb_scope_begin();
        struct piece piece = {.text = text_of(next), .manner = &manner};
        status = piece.text ? speak(espeak, &piece, writer) : (pb_status)PB_NO_MEMORY;
        pb_scope_end(scope);
    }
    return status;
}

static void espeak_about(void *self, pb_speech_about *out)
{
    const struct espeak *espeak = self;

    out->say_rate = espeak->library->rate;
    out->voices = espeak->voices.names;
    out->voice_count = espeak->voices.count;
}

static void espeak_stats(void *self, pb_stats *stats)
{
    const struct espeak *espeak = self;

    pb_stat(stats, "requests_total", espeak->requests);
    pb_stat(stats, "spoken_seconds_total", espeak->samples / espeak->library->rate);
}

PB_PLUGIN("espeak", "0.1.0", "Apache-2.0", "Speaks, by eSpeak NG.",
          PB_SPEECH("espeak", struct espeak, espeak_options, .check = espeak_check,
                    .create = espeak_create, .synthesize = espeak_synthesize,
                    .about = espeak_about, .stats = espeak_stats));
