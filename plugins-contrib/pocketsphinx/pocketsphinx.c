/* pocketsphinx - speech to text by PocketSphinx, without network and on any processor. With a grammar of
 * what can be said it is fast and right; free speech by the language model is no more than a guess. */
#include "decoder.h"

#include <patchbay/draft/speech.h>
#include <patchbay/draft/wav.h>
#include <patchbay/lock.h>
#include <unistd.h>

#define MODELS "/usr/share/pocketsphinx/model/en-us/"

struct pocketsphinx {
    pb_str model, dictionary, language_model, grammar, language;
    double threshold;
    /* Made by start. */
    struct decoder *decoder;
    struct voice *voice;
    pb_lock decoding, looking;
    double requests, seconds;
};

static const pb_field sphinx_options[] = {
    PB_PATH(struct pocketsphinx, model, .def = MODELS "en-us", .help = "The folder of the acoustic model, for 16 kHz."),
    PB_PATH(struct pocketsphinx, dictionary, .def = MODELS "cmudict-en-us.dict",
            .help = "The words that it knows, and how they sound."),
    PB_PATH(struct pocketsphinx, language_model, .def = MODELS "en-us.lm.bin",
            .help = "Which words follow which; not used with a `grammar`."),
    PB_STR(struct pocketsphinx, grammar, .max_length = 65536,
           .help = "All that can be said, in JSGF: `go (forward | backward) [ten] meters`, or a whole "
                   "grammar that begins with `#JSGF`."),
    PB_STR(struct pocketsphinx, language, .def = "en", .pattern = "[a-z]{2,3}", .help = "The language of the model."),
    PB_FLOAT(struct pocketsphinx, threshold, .name = "vad_threshold", .def = "2", .min = 0.1, .max = 10,
             .help = "How much louder than the noise a voice must be; it ends an utterance."),
    PB_END};

static void check_file(pb_diagnostics *diagnostics, const char *option, pb_str path)
{
    if (access(path.data, R_OK) != 0)
        pb_problem(diagnostics, option, "cannot be read; the English one is in the package pocketsphinx-en-us");
}

static void sphinx_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct pocketsphinx *sphinx = self;

    check_file(diagnostics, "model", sphinx->model);
    check_file(diagnostics, "dictionary", sphinx->dictionary);
    if (!sphinx->grammar.size)
        check_file(diagnostics, "language_model", sphinx->language_model);
}

/* --- start and end ----------------------------------------------------------------------------- */

struct loading {
    struct pocketsphinx *sphinx;
    struct decoder_files files;
    const char *why;
};

static pb_status load(void *arg)
{
    struct loading *loading = arg;

    loading->sphinx->decoder = decoder_new(&loading->files, &loading->why);
    if (loading->sphinx->decoder)
        loading->sphinx->voice = voice_new(loading->files.threshold);
    return PB_OK;
}

static void release(struct pocketsphinx *sphinx)
{
    decoder_free(sphinx->decoder);
    voice_free(sphinx->voice);
    sphinx->decoder = NULL;
    sphinx->voice = NULL;
}

static void sphinx_destroy(void *self)
{
    release(self);
}

static pb_status sphinx_start(void *self)
{
    struct pocketsphinx *sphinx = self;
    pb_str grammar = sphinx->grammar;
    struct loading loading = {.sphinx = sphinx, .why = "its front end cannot be made"};

    if (grammar.size && !pb_str_starts(grammar, pb_lit("#JSGF")))
        grammar = pb_printf("#JSGF V1.0; grammar said; public <said> = %.*s;", PB_ARG(grammar));
    if (sphinx->grammar.size && !grammar.data)
        return PB_NO_MEMORY;
    loading.files = (struct decoder_files){.model = sphinx->model.data,
                                           .dictionary = sphinx->dictionary.data,
                                           .language_model = sphinx->language_model.data,
                                           .grammar = grammar.size ? grammar.data : NULL,
                                           .threshold = sphinx->threshold};
    pb_status status = pb_offload(load, &loading);
    if (status == PB_OK && !sphinx->voice)
        status = pb_fail(PB_UNAVAILABLE, "PocketSphinx does not start: %s", loading.why);
    if (status != PB_OK)
        release(sphinx);
    return status;
}

/* --- a stream ---------------------------------------------------------------------------------- */

/* What one request needs; in its scope. */
struct hearing {
    struct pocketsphinx *sphinx;
    pb_reader *audio;
    struct decoder_job job;
    int16_t samples[DECODER_BLOCK];
    size_t filled;
    uint8_t half; /* of a sample whose other byte is in the next piece */
    bool has_half, ended;
    uint64_t heard; /* samples */
    pb_bytes rest;
    const pb_utterance **items;
    size_t count, room;
    pb_buf text;
};

static void take_bytes(struct hearing *hearing)
{
    while (hearing->rest.size && hearing->filled < DECODER_BLOCK) {
        uint8_t byte = *hearing->rest.data++;
        hearing->rest.size--;
        if (hearing->has_half)
            hearing->samples[hearing->filled++] = (int16_t)(uint16_t)(hearing->half | byte << 8);
        hearing->half = byte;
        hearing->has_half = !hearing->has_half;
    }
}

/* Fills the block, but at the end. Parks. */
static pb_status fill(struct hearing *hearing)
{
    while (hearing->filled < DECODER_BLOCK && !hearing->ended) {
        if (!hearing->rest.size) {
            pb_status status = hearing->audio->read(hearing->audio, &hearing->rest);
            if (status != PB_OK)
                return status;
            hearing->ended = !hearing->rest.size;
        }
        take_bytes(hearing);
    }
    return PB_OK;
}

static pb_status add_utterance(struct hearing *hearing)
{
    const struct decoder_job *job = &hearing->job;
    pb_utterance *one = PB_NEW(pb_utterance);

    if (hearing->count == hearing->room) {
        size_t room = hearing->room ? hearing->room * 2 : 16, width = sizeof *hearing->items;
        const pb_utterance **grown = pb_grow(hearing->items, hearing->room * width, room * width);
        if (!grown)
            return PB_NO_MEMORY;
        hearing->items = grown;
        hearing->room = room;
    }
    if (!one)
        return PB_NO_MEMORY;
    *one = (pb_utterance){.size = (uint32_t)sizeof *one,
                          .begin = job->begin * 10 * PB_MILLISECOND,
                          .end = job->end * 10 * PB_MILLISECOND,
                          .text = pb_copy(pb_str_of(job->text))};
    hearing->items[hearing->count++] = one;
    if (hearing->text.size)
        pb_buf_byte(&hearing->text, ' ');
    pb_buf_add(&hearing->text, one->text);
    return pb_buf_status(&hearing->text);
}

/* One step of the decoder over what is in the block. Parks. */
static pb_status step(struct hearing *hearing)
{
    struct decoder_job *job = &hearing->job;

    job->samples = hearing->samples;
    job->count = hearing->filled;
    job->last = hearing->ended;
    pb_status status = pb_offload(decoder_step, job);
    if (status == PB_INTERNAL)
        return pb_fail(PB_INTERNAL, "PocketSphinx failed on this audio");
    if (status != PB_OK)
        return status;
    job->first = false;
    hearing->heard += job->used;
    hearing->filled -= job->used;
    memmove(hearing->samples, hearing->samples + job->used, hearing->filled * sizeof *hearing->samples);
    return job->text ? add_utterance(hearing) : (pb_status)PB_OK;
}

static pb_status hear(struct hearing *hearing)
{
    pb_status status;

    do {
        status = fill(hearing);
        if (status == PB_OK)
            status = step(hearing);
    } while (status == PB_OK && (!hearing->ended || hearing->filled));
    return status == PB_OK ? pb_step() : status; /* cancelled meanwhile: it stopped in the middle */
}

/* --- a request --------------------------------------------------------------------------------- */

static pb_status check_language(const struct pocketsphinx *sphinx, pb_str language)
{
    pb_str base = pb_str_slice(language, 0, pb_str_find(language, '-'));

    if (!language.size || pb_str_same(base, sphinx->language))
        return PB_OK;
    return pb_fail_at(PB_INVALID, "/language", "must be '%.*s': this model knows no other",
                      PB_ARG(sphinx->language));
}

static pb_status open_audio(const pb_transcribe_request *request, pb_reader **out)
{
    const pb_audio_format *format = request->format;
    uint32_t rate = format->rate, channels = format->channels;
    pb_status status = PB_OK;

    *out = request->audio;
    if (pb_str_same(format->type, pb_lit("audio/wav"))) {
        pb_wav *wav = PB_NEW(pb_wav);
        status = wav ? pb_wav_begin(wav, request->audio) : (pb_status)PB_NO_MEMORY;
        if (status != PB_OK)
            return status;
        *out = &wav->base;
        rate = wav->rate;
        channels = wav->channels;
    } else if (!pb_str_same(format->type, pb_lit("audio/pcm"))) {
        return pb_fail(PB_UNSUPPORTED, "PocketSphinx hears audio/wav and audio/pcm, not '%.*s'",
                       PB_ARG(format->type));
    }
    if ((rate && rate != DECODER_RATE) || channels > 1)
        return pb_fail(PB_UNSUPPORTED, "PocketSphinx hears %d samples a second on one channel", DECODER_RATE);
    return PB_OK;
}

static pb_status sphinx_transcribe(void *self, const pb_transcribe_request *request,
                                   pb_transcript *out)
{
    struct pocketsphinx *sphinx = self;
    struct hearing *hearing = PB_NEW(struct hearing);
    pb_status status = hearing ? check_language(sphinx, request->language) : (pb_status)PB_NO_MEMORY;

    if (status == PB_OK)
        status = open_audio(request, &hearing->audio);
    if (status == PB_OK)
        status = pb_lock_take(&sphinx->decoding);
    if (status != PB_OK)
        return status;
    hearing->job.decoder = sphinx->decoder;
    hearing->job.first = true;
    status = hear(hearing);
    pb_lock_give(&sphinx->decoding);
    sphinx->requests++;
    sphinx->seconds += (double)hearing->heard / DECODER_RATE;
    out->text = hearing->text.data ? pb_buf_str(&hearing->text) : pb_lit("");
    out->language = sphinx->language;
    out->items = hearing->items;
    out->count = hearing->count;
    out->duration = (pb_duration)(hearing->heard * (uint64_t)PB_SECOND / DECODER_RATE);
    return status;
}

static pb_status sphinx_detect(void *self, const int16_t *samples, size_t count, double *out)
{
    struct pocketsphinx *sphinx = self;
    struct voice_job job = {.voice = sphinx->voice, .samples = samples, .count = count};
    pb_status status = pb_lock_take(&sphinx->looking);

    if (status != PB_OK)
        return status;
    status = pb_offload(voice_step, &job);
    pb_lock_give(&sphinx->looking);
    *out = job.share;
    if (status == PB_INTERNAL)
        return pb_fail(PB_INTERNAL, "PocketSphinx failed on this audio");
    return status == PB_OK ? pb_step() : status;
}

static void sphinx_about(void *self, pb_speech_about *out)
{
    (void)self;
    out->hear_rate = DECODER_RATE;
}

static void sphinx_stats(void *self, pb_stats *stats)
{
    const struct pocketsphinx *sphinx = self;

    pb_stat(stats, "requests_total", sphinx->requests);
    pb_stat(stats, "heard_seconds_total", sphinx->seconds);
}

PB_PLUGIN("pocketsphinx", "0.1.0", "Apache-2.0", "Writes down what is spoken, by PocketSphinx.",
          PB_SPEECH("pocketsphinx", struct pocketsphinx, sphinx_options, .check = sphinx_check,
                    .start = sphinx_start, .destroy = sphinx_destroy, .transcribe = sphinx_transcribe,
                    .detect = sphinx_detect, .about = sphinx_about, .stats = sphinx_stats));
