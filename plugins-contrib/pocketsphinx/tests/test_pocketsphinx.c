/* A person who says "go forward ten meters" is understood: in pieces of any size, twice with a pause,
 * two at once, and not when the request is cancelled. */
#include "suite.h"
#include "testkit.h"

#include <patchbay/draft/speech.h>
#include <patchbay/draft/wav.h>

extern const pb_plugin patchbay_plugin_pocketsphinx;

#define SPOKEN  "/usr/share/pocketsphinx/test/data/goforward.raw"
#define GRAMMAR "(go | come) (forward | backward) (one | two | ten) (meter | meters)"

static pb_harness *harness;
static uint8_t audio[600000];
static size_t audio_size;
static char sentence[600];

/* One request, read in pieces. */
struct hearing {
    pb_reader base;
    size_t at, size, piece;
    const char *type, *language;
    uint32_t rate;
    pb_task *cancel; /* itself, in the middle */
    char text[200];
    size_t count;
    pb_duration begin, end, duration;
    pb_status status;
};

static pb_status give(pb_reader *base, pb_bytes *out)
{
    struct hearing *hearing = (struct hearing *)(void *)base;
    size_t left = hearing->size - hearing->at;

    *out = (pb_bytes){audio + hearing->at, left < hearing->piece ? left : hearing->piece};
    hearing->at += out->size;
    if (hearing->cancel && hearing->at > hearing->size / 2)
        pb_task_cancel(hearing->cancel);
    return pb_sleep(0);
}

static pb_status hear(void *arg)
{
    struct hearing *hearing = arg;
    pb_audio_format format = {.size = sizeof format, .rate = hearing->rate, .channels = 1,
                              .type = pb_str_of(hearing->type ? hearing->type : "audio/pcm")};
    pb_transcribe_request request = {.size = sizeof request, .format = &format, .audio = &hearing->base,
                                     .language = pb_str_of(hearing->language)};
    pb_transcript out;

    hearing->base = (pb_reader){.size = sizeof(pb_reader), .read = give};
    if (!hearing->size)
        hearing->size = audio_size;
    if (!hearing->piece)
        hearing->piece = 4096;
    hearing->status = pb_transcribe(pb_harness_instance(harness, "speech", "s"), &request, &out);
    (void)snprintf(hearing->text, sizeof hearing->text, "%.*s", PB_ARG(out.text));
    hearing->count = out.count;
    hearing->duration = out.duration;
    if (out.count) {
        hearing->begin = out.items[0]->begin;
        hearing->end = out.items[out.count - 1]->end;
    }
    return hearing->status;
}

static void heard(struct hearing *hearing)
{
    pb_str why;

    (void)pb_harness_run(harness, hear, hearing, &why);
    (void)snprintf(sentence, sizeof sentence, "%.*s", PB_ARG(why));
}

static void load(void)
{
    FILE *file = fopen(SPOKEN, "rb");

    ck_assert_ptr_nonnull(file);
    audio_size = fread(audio, 1, sizeof audio, file);
    (void)fclose(file);
}

static void begin(void)
{
    load();
    harness = pb_harness_new("speech: {s: {use: pocketsphinx, grammar: '" GRAMMAR "'}}\n",
                             &patchbay_plugin_pocketsphinx);
    pb_harness_virtual_time(harness, false);
}

static void end(void)
{
    pb_harness_free(harness);
}

START_TEST(it_is_understood)
{
    struct hearing whole = {.rate = 16000}, odd = {.piece = 1001};

    heard(&whole);
    ck_assert_str_eq(whole.text, "go forward ten meters");
    ck_assert_uint_eq(whole.count, 1);
    ck_assert(whole.begin >= 0 && whole.begin < whole.end && whole.end <= whole.duration);
    ck_assert_int_eq(whole.duration / PB_MILLISECOND, (int64_t)audio_size / 32);
    heard(&odd); /* and whoever spoke before changes nothing */
    ck_assert_str_eq(odd.text, "go forward ten meters");
    ck_assert_int_eq(odd.end, whole.end);
}
END_TEST

START_TEST(a_pause_ends_an_utterance)
{
    struct hearing twice = {0};
    size_t pause = 16000 * 2 * 2;

    memset(audio + audio_size, 0, pause);
    memcpy(audio + audio_size + pause, audio, audio_size);
    twice.size = 2 * audio_size + pause;
    heard(&twice);
    ck_assert_str_eq(twice.text, "go forward ten meters go forward ten meters");
    ck_assert_uint_eq(twice.count, 2);
    ck_assert_int_gt(twice.end, (int64_t)(audio_size + pause) / 32 * PB_MILLISECOND);
}
END_TEST

START_TEST(silence_is_nothing)
{
    struct hearing silence = {.size = 64000};

    memset(audio, 0, 64000);
    heard(&silence);
    ck_assert_int_eq(silence.status, PB_OK);
    ck_assert_str_eq(silence.text, "");
    ck_assert_uint_eq(silence.count, 0);
}
END_TEST

START_TEST(what_it_cannot_hear_is_refused)
{
    struct hearing rate = {.rate = 8000}, type = {.type = "audio/mpeg"}, language = {.language = "de"};
    struct hearing wav = {.type = "audio/wav", .language = "en-US"};

    heard(&rate);
    ck_assert_int_eq(rate.status, PB_UNSUPPORTED);
    heard(&type);
    ck_assert_int_eq(type.status, PB_UNSUPPORTED);
    heard(&language);
    ck_assert_int_eq(language.status, PB_INVALID);
    ck_assert_ptr_nonnull(strstr(sentence, "must be 'en'"));
    memmove(audio + PB_WAV_HEADER, audio, audio_size);
    pb_wav_header(audio, 16000, 1, (uint32_t)audio_size);
    audio_size += PB_WAV_HEADER;
    heard(&wav);
    ck_assert_str_eq(wav.text, "go forward ten meters");
}
END_TEST

static pb_status cancel_one(void *arg)
{
    struct hearing *hearing = arg;

    ck_assert_int_eq(pb_spawn(hear, hearing, &hearing->cancel), PB_OK);
    return pb_join(hearing->cancel);
}

static pb_status two(void *arg)
{
    struct hearing *hearings = arg;
    pb_task *tasks[2];

    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pb_spawn(hear, &hearings[i], &tasks[i]), PB_OK);
    ck_assert_int_eq(pb_join(tasks[0]), PB_OK);
    return pb_join(tasks[1]);
}

START_TEST(cancelled_and_two_at_once)
{
    struct hearing cancelled = {0}, both[2] = {{.piece = 500}, {.piece = 9000}};

    ck_assert_int_eq(pb_harness_run(harness, cancel_one, &cancelled, NULL), PB_CANCELLED);
    ck_assert_uint_lt(cancelled.at, audio_size);
    ck_assert_int_eq(pb_harness_run(harness, two, both, NULL), PB_OK);
    ck_assert_str_eq(both[0].text, "go forward ten meters");
    ck_assert_str_eq(both[1].text, "go forward ten meters");
}
END_TEST

static pb_status detect(void *arg)
{
    static int16_t samples[32000];
    pb_instance *speech = pb_harness_instance(harness, "speech", "s");
    double *out = arg;

    for (size_t i = 0; i < 16000; i++)
        samples[i] = (int16_t)pb_wav_get(audio + 2 * (i + 6000), 2);
    pb_status status = pb_speech_detect(speech, samples, 16000, &out[0]);
    memset(samples, 0, sizeof samples);
    return status == PB_OK ? pb_speech_detect(speech, samples, 32000, &out[1]) : status;
}

START_TEST(a_voice_is_told_from_silence)
{
    double sure[2];

    ck_assert_int_eq(pb_harness_run(harness, detect, sure, NULL), PB_OK);
    ck_assert_msg(sure[0] > 0.5 && sure[0] <= 1, "%g", sure[0]);
    ck_assert_double_eq(sure[1], 0);
}
END_TEST

static void refuses(const char *options, const char *part)
{
    char yaml[400];
    const pb_plugin *const plugins[] = {&patchbay_plugin_pocketsphinx, NULL};

    (void)snprintf(yaml, sizeof yaml, "speech: {s: {use: pocketsphinx, %s}}\n", options);
    pb_harness_refuse(yaml, plugins, (const char *const[]){part, NULL});
}

START_TEST(options_that_are_wrong)
{
    end();
    refuses("grammar: go, model: /nowhere", "speech.s.model: cannot be read");
    refuses("grammar: go, dictionary: /nowhere", "speech.s.dictionary: cannot be read");
    refuses("language_model: /nowhere", "speech.s.language_model: cannot be read");
    refuses("grammar: go, vad_threshold: 99", "vad_threshold");
    refuses("grammar: go, language: English", "language");
    begin();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {it_is_understood, a_pause_ends_an_utterance, silence_is_nothing,
                                  what_it_cannot_hear_is_refused, cancelled_and_two_at_once,
                                  a_voice_is_told_from_silence, options_that_are_wrong, NULL};

    if (access(SPOKEN, R_OK) != 0) {
        (void)printf("skipped: the package pocketsphinx-testdata is not installed\n");
        return 77;
    }
    return suite_run_cases("pocketsphinx",
                           (TCase *const[]){suite_case("pocketsphinx", begin, end, tests), NULL});
}
