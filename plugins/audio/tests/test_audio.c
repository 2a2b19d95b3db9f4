/* The service, with a model of the test's own: every format in and out, and whatever is refused. */
#define pb_host_table    pb_host_table_tone
#define PB_PLUGIN_SYMBOL patchbay_plugin_tone

#include "suite.h"
#include "testkit.h"

#include "tone.h"

extern const pb_plugin patchbay_plugin_audio;

static pb_harness *harness;
static char body[200000];
static size_t body_size;

static void begin(void)
{
    harness = pb_harness_new("speech:\n"
                             "  tone: {}\n"
                             "  any: {use: tone, rate: 0, foreign: true}\n"
                             "  mute: {}\n"
                             "services:\n"
                             "  audio: {models: [tone, any, mute], max_input: 100B, max_file: 64KiB,\n"
                             "          max_duration: 2s}\n",
                             &patchbay_plugin_audio, &patchbay_plugin_tone);
}

static void end(void)
{
    pb_harness_free(harness);
}

static pb_content say(const char *request)
{
    return pb_harness_call(harness, "POST", "/v1/audio/speech", request, NULL);
}

#define told(content, code, part)                                                                  \
    do {                                                                                           \
        pb_content told_ = (content);                                                              \
        ck_assert_msg(told_.status == (code) && pb_str_contains(told_.body, pb_str_of(part)),      \
                      "%d: '%.*s', not %d with '%s'", told_.status, PB_ARG(told_.body), code,      \
                      part);                                                                       \
    } while (0)

/* --- speaking ----------------------------------------------------------------------------------- */

START_TEST(wav_is_made)
{
    pb_content answer = say("{\"model\":\"tone\",\"input\":\"hello\",\"voice\":\"low\"}");

    ck_assert_int_eq(answer.status, 200);
    ck_text(answer.type, "audio/wav");
    ck_assert_uint_eq(answer.body.size, PB_WAV_HEADER + 1000);
    ck_assert(memcmp(answer.body.data, "RIFF\xff\xff\xff\xffWAVEfmt ", 16) == 0);
    ck_assert_uint_eq(pb_wav_get((const uint8_t *)answer.body.data + 24, 4), 8000);
    ck_assert_uint_eq(pb_wav_get((const uint8_t *)answer.body.data + PB_WAV_HEADER + 998, 2), 4096);
}
END_TEST

START_TEST(pcm_is_at_24_kHz)
{
    pb_content answer = say("{\"model\":\"tone\",\"input\":\"hello\",\"response_format\":\"pcm\"}");

    ck_text(answer.type, "audio/pcm");
    ck_assert_uint_ge(answer.body.size, 2 * 1490);
    ck_assert_uint_le(answer.body.size, 2 * 1510);
    int16_t middle = (int16_t)pb_wav_get((const uint8_t *)answer.body.data + 1500, 2);
    ck_assert_int_ge(middle, 4000);
    ck_assert_int_le(middle, 4200);
    answer = say("{\"model\":\"any\",\"input\":\"hello\",\"response_format\":\"pcm\",\"speed\":2}");
    ck_assert_uint_eq(answer.body.size, 500);
}
END_TEST

START_TEST(other_formats_are_the_models)
{
    pb_content answer = say("{\"model\":\"any\",\"input\":\"x\",\"response_format\":\"mp3\"}");

    ck_text(answer.type, "audio/mpeg");
    ck_text(answer.body, "ID3");
    ck_assert_int_eq((int)say("{\"model\":\"tone\",\"input\":\"x\",\"voice\":{\"id\":\"low\"}}").body.size,
                     PB_WAV_HEADER + 200);
}
END_TEST

START_TEST(what_cannot_be_spoken_is_refused)
{
    told(say("{\"model\":\"nobody\",\"input\":\"x\"}"), 404, "there is no model 'nobody'; known are 'tone' and 'any'");
    told(say("{\"model\":\"mute\",\"input\":\"x\"}"), 400, "'mute' cannot speak");
    told(say("{\"model\":\"tone\",\"input\":\"  \"}"), 400, "nothing that could be spoken");
    told(say("{\"model\":\"tone\",\"input\":\"x\",\"voice\":7}"), 400, "must be the name of a voice");
    told(say("{\"model\":\"tone\",\"input\":\"x\",\"stream_format\":\"sse\"}"), 400, "as they are made");
    told(say("{\"model\":\"tone\",\"input\":\"x\",\"speed\":5}"), 400, "0.25 to 4");
    (void)snprintf(body, sizeof body, "{\"model\":\"tone\",\"input\":\"%0120d\"}", 1);
    told(say(body), 413, "has 120 bytes; 100 can be spoken at once");
    pb_content ignored = say("{\"model\":\"tone\",\"input\":\"x\",\"instructions\":\"softly\"}");
    ck_assert_uint_eq(ignored.header_count, 1);
}
END_TEST

START_TEST(models_are_listed)
{
    told(pb_harness_call(harness, "GET", "/v1/audio/models", NULL, NULL), 200,
         "{\"id\":\"tone\",\"speaks\":true,\"transcribes\":true,\"voices\":[\"low\"]}");
}
END_TEST

/* --- hearing ------------------------------------------------------------------------------------ */

static void add(const void *bytes, size_t size)
{
    ck_assert_uint_le(body_size + size, sizeof body);
    memcpy(body + body_size, bytes, size);
    body_size += size;
}

static void add_text(const char *text)
{
    add(text, strlen(text));
}

static void add_field(const char *name, const char *value)
{
    char part[400];

    (void)snprintf(part, sizeof part, "--x\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", name, value);
    add_text(part);
}

/* A WAV file of `count` frames, each sample `value` (of 16 bits) in the file's own kind. */
static void add_wav(uint32_t rate, uint32_t channels, uint32_t bits, bool floats, size_t count)
{
    uint8_t header[PB_WAV_HEADER], sample[4] = {0};
    float level = 0.25f;
    uint32_t word = bits == 8 ? 128 + 32 : (uint32_t)8192 << (bits > 16 ? bits - 16 : 0);

    pb_wav_header(header, rate, channels, (uint32_t)(count * channels * bits / 8));
    pb_wav_put(header + 20, floats ? 3 : 1, 2);
    pb_wav_put(header + 34, bits, 2);
    if (floats)
        memcpy(&word, &level, 4);
    pb_wav_put(sample, word, bits / 8);
    add(header, sizeof header);
    for (size_t i = 0; i < count * channels; i++)
        add(sample, bits / 8);
}

static void add_file(const char *name, const char *type)
{
    char part[400];

    (void)snprintf(part, sizeof part,
                   "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
                   "Content-Type: %s\r\n\r\n", name, type);
    add_text(part);
}

static pb_content send_form(void)
{
    add_text("\r\n--x--\r\n");
    pb_content answer = pb_harness_upload(harness, "/v1/audio/transcriptions", "multipart/form-data; boundary=x",
                                          (pb_str){body, body_size}, NULL);
    body_size = 0;
    return answer;
}

/* The file comes before the model, as some clients send it. */
static pb_content form(const char *field, const char *value)
{
    add_file("a.wav", "audio/wav");
    add_wav(8000, 1, 16, false, 4000);
    add_text("\r\n");
    add_field("model", "tone");
    if (field)
        add_field(field, value);
    add_text("--x\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nme");
    return send_form();
}

START_TEST(every_format_of_transcripts)
{
    told(form(NULL, NULL), 200, "{\"text\":\"4000 of 8000, 8192, , \",\"usage\":{\"type\":\"duration\",\"seconds\":0.5}}");
    told(form("language", "de"), 200, "8192, de, ");
    told(form("prompt", "Bern"), 200, ", Bern\"");
    ck_text(form("response_format", "text").body, "4000 of 8000, 8192, , \n");
    ck_text(form("response_format", "srt").body,
            "1\n00:00:00,000 --> 00:00:01,500\none --  two\n\n2\n00:00:02,000 --> 01:02:05,000\nthree\n\n");
    ck_text(form("response_format", "vtt").body,
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\none --  two\n\n00:00:02.000 --> 01:02:05.000\nthree\n\n");
    told(form("response_format", "verbose_json"), 200,
         "\"task\":\"transcribe\",\"language\":\"und\",\"duration\":0.5,\"segments\":[{\"id\":0,\"start\":0,\"end\":1.5,");
    pb_content answer = form("temperature", "0");
    ck_assert_int_eq(answer.status, 200);
    ck_assert_uint_eq(answer.header_count, 1);
}
END_TEST

static const char *heard(uint32_t rate, uint32_t channels, uint32_t bits, bool floats, size_t count)
{
    static char text[200];

    add_wav(rate, channels, bits, floats, count);
    pb_content answer = pb_harness_upload(harness, "/v1/audio/transcriptions?model=tone&response_format=text",
                                          "application/octet-stream", (pb_str){body, body_size}, NULL);
    body_size = 0;
    (void)snprintf(text, sizeof text, "%.*s", PB_ARG(answer.body));
    return text;
}

START_TEST(every_kind_of_wav)
{
    int count = 0, level = 0;

    ck_assert_str_eq(heard(8000, 1, 8, false, 800), "800 of 8000, 8192, , \n");
    ck_assert_str_eq(heard(8000, 2, 24, false, 800), "800 of 8000, 8192, , \n");
    ck_assert_str_eq(heard(8000, 1, 32, false, 800), "800 of 8000, 8192, , \n");
    ck_assert_str_eq(heard(8000, 1, 32, true, 800), "800 of 8000, 8192, , \n");
    ck_assert_int_eq(sscanf(heard(44100, 2, 16, false, 13000), "%d of 8000, %d", &count, &level), 2);
    ck_assert_int_ge(count, 2350);
    ck_assert_int_le(count, 2365);
    ck_assert_int_ge(level, 8000);
    ck_assert_int_le(level, 8200);
}
END_TEST

static pb_content raw(const char *query, const char *type, const void *bytes, size_t size)
{
    char path[200];

    (void)snprintf(path, sizeof path, "/v1/audio/transcriptions?%s", query);
    return pb_harness_upload(harness, path, type, (pb_str){bytes, size}, NULL);
}

START_TEST(audio_by_itself)
{
    static const char zeros[60000], wide[70000];

    told(raw("model=any", "audio/pcm;rate=16000;channels=2", zeros, 8000), 200, "2000 of 16000, 0");
    told(raw("model=tone", "audio/pcm; rate=8000", zeros, 1001), 200, "500 of 8000");
    told(raw("model=any", "audio/mpeg", "ID3", 3), 200, "\"1 of 0");
    told(raw("model=tone", "audio/mpeg", "ID3", 3), 415, "'audio/mpeg' is not heard here");
    told(raw("model=tone", "audio/pcm", zeros, 100), 400, "say of which rate");
    told(raw("model=tone", "text/plain", "hello", 5), 415, "is no audio that is known");
    told(raw("model=tone", "audio/wav", "RIFFxxxxWAVE", 12), 422, "ends before its samples");
    told(raw("model=tone", "audio/wav", "hello", 5), 422, "does not begin as one");
    told(raw("model=tone", "audio/pcm;rate=8000", zeros, 40000), 413, "longer than what is transcribed");
    told(raw("model=tone", "audio/pcm;rate=8000", wide, sizeof wide), 413, "larger than 65536 bytes");
    told(raw("", "audio/pcm;rate=8000", zeros, 100), 400, "/model");
    told(raw("model=tone&response_format=html", "audio/pcm;rate=8000", zeros, 100), 400, "must be");
}
END_TEST

START_TEST(forms_that_are_refused)
{
    add_field("model", "tone");
    told(send_form(), 400, "/file");
    told(form("timestamp_granularities[]", "word"), 400, "single words have no times");
    told(form("stream", "true"), 400, "comes in one piece");
    told(form("colour", "red"), 400, "'colour', which is not known");
    told(form("model", "nobody"), 404, "there is no model 'nobody'; known are 'tone', 'any' and 'mute'");
}
END_TEST

START_TEST(models_must_be_there)
{
    static const pb_plugin *const plugins[] = {&patchbay_plugin_audio, &patchbay_plugin_tone, NULL};

    end();
    pb_harness_refuse("speech: {tone: {}}\nservices: {audio: {models: [tune]}}\n", plugins,
                      (const char *const[]){"there is no speech 'tune'; did you mean 'tone'?", NULL});
    begin();
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        wav_is_made, pcm_is_at_24_kHz, other_formats_are_the_models, what_cannot_be_spoken_is_refused,
        models_are_listed, every_format_of_transcripts, every_kind_of_wav, audio_by_itself,
        forms_that_are_refused, models_must_be_there, NULL};

    return suite_run_cases("audio", (TCase *const[]){suite_case("audio", begin, end, tests), NULL});
}
