/* Real speech: of plausible length, in pieces, stopped in the middle, two at once, and voices. */
#include "suite.h"
#include "testkit.h"

#include "../pieces.c" /* its symbols are the plugin's own */

#include <patchbay/draft/speech.h>
#include <patchbay/draft/wav.h>

extern const pb_plugin patchbay_plugin_espeak;

static pb_harness *harness;
static char sentence[600];

/* One request and what came of it; the writer fails or cancels where a test wants it. */
struct saying {
    pb_writer base;
    const char *text, *voice, *type;
    double speed;
    uint32_t rate;
    size_t fail_at; /* bytes; 0: never */
    pb_task *cancel;
    size_t size, writes;
    uint8_t head[PB_WAV_HEADER];
    int loudest;
    pb_status status;
};

static pb_status take(pb_writer *base, pb_bytes bytes)
{
    struct saying *saying = (struct saying *)(void *)base;

    for (size_t i = 0; i < bytes.size; i++, saying->size++) {
        if (saying->size < PB_WAV_HEADER)
            saying->head[saying->size] = bytes.data[i];
        else if (saying->size % 2 && (bytes.data[i] & 0x7f) > saying->loudest && bytes.data[i] < 128)
            saying->loudest = bytes.data[i];
    }
    saying->writes++;
    if (saying->fail_at && saying->size >= saying->fail_at)
        return pb_fail(PB_UNAVAILABLE, "the client is gone");
    if (saying->cancel && saying->size > 10000)
        pb_task_cancel(saying->cancel);
    return pb_sleep(0);
}

static pb_status say(void *arg)
{
    struct saying *saying = arg;
    pb_audio_format format = {.size = sizeof format, .rate = saying->rate,
                              .type = pb_str_of(saying->type ? saying->type : "audio/wav")};
    pb_synthesize_request request = {.size = sizeof request, .text = pb_str_of(saying->text),
                                     .voice = pb_str_of(saying->voice), .speed = saying->speed,
                                     .format = &format};

    saying->base = (pb_writer){.size = sizeof(pb_writer), .write = take};
    return saying->status =
               pb_synthesize(pb_harness_instance(harness, "speech", "s"), &request, &saying->base);
}

static double said(struct saying *saying)
{
    pb_str why;

    saying->status = pb_harness_run(harness, say, saying, &why);
    (void)snprintf(sentence, sizeof sentence, "%.*s", PB_ARG(why));
    return saying->size > PB_WAV_HEADER ? (double)(saying->size - PB_WAV_HEADER) / 2 / 22050 : 0;
}

static void begin(void)
{
    harness = pb_harness_new("speech: {s: {use: espeak, aliases: {alloy: en-us+f3}}}\n",
                             &patchbay_plugin_espeak);
    pb_harness_virtual_time(harness, false);
}

static void end(void)
{
    pb_harness_free(harness);
}

START_TEST(speech_is_made)
{
    struct saying saying = {.text = "Go forward ten meters."};
    double seconds = said(&saying);

    ck_assert_int_eq(saying.status, PB_OK);
    ck_assert_msg(seconds > 0.7 && seconds < 3, "%g", seconds);
    ck_assert(memcmp(saying.head, "RIFF", 4) == 0 && memcmp(saying.head + 36, "data", 4) == 0);
    ck_assert_uint_eq(pb_wav_get(saying.head + 24, 4), 22050);
    ck_assert_int_gt(saying.loudest, 8); /* it is no silence */
}
END_TEST

START_TEST(voices_and_speed_are_heard)
{
    struct saying usual = {.text = "Go forward ten meters."}, fast = usual, high = usual;
    struct saying german = usual, slow = usual;

    fast.speed = 2;
    slow.speed = 0.5;
    high.voice = "alloy";
    german.voice = "DE";
    double seconds = said(&usual);
    ck_assert(said(&fast) < 0.8 * seconds);
    ck_assert(said(&slow) > 1.3 * seconds);
    (void)said(&high);
    (void)said(&german);
    ck_assert_uint_ne(high.size, usual.size);
    ck_assert_uint_ne(german.size, usual.size);
    ck_assert_int_eq(german.status, PB_OK);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
    struct saying voice = {.text = "x", .voice = "en-uss"}, variant = {.text = "x", .voice = "en-us+nobody"};
    struct saying type = {.text = "x", .type = "audio/mpeg"}, rate = {.text = "x", .rate = 8000};

    (void)said(&voice);
    ck_assert_int_eq(voice.status, PB_INVALID);
    ck_assert_str_eq(sentence, "there is no voice 'en-uss'; did you mean 'en-us'?");
    (void)said(&variant);
    ck_assert_ptr_nonnull(strstr(sentence, "'en-us' has no variant 'nobody'"));
    (void)said(&type);
    ck_assert_int_eq(type.status, PB_UNSUPPORTED);
    (void)said(&rate);
    ck_assert_int_eq(rate.status, PB_UNSUPPORTED);
    ck_assert_uint_eq(voice.size + variant.size + type.size + rate.size, 0);
}
END_TEST

static const char long_text[] =
    "This is the first of many sentences, and it is long enough to be a piece of its own. "
    "The second one comes right behind it; it has something more to say about the same things. "
    "And the third is the last of them, as every text must come to its end at some time.";

START_TEST(it_comes_in_pieces_and_stops)
{
    struct saying whole = {.text = long_text}, gone = {.text = long_text, .fail_at = 20000};
    double seconds = said(&whole);

    ck_assert(seconds > 8 && seconds < 30);
    (void)said(&gone);
    ck_assert_int_eq(gone.status, PB_UNAVAILABLE);
    ck_assert_str_eq(sentence, "the client is gone");
    ck_assert_uint_lt(gone.size, 30000);
}
END_TEST

static pb_status cancel_one(void *arg)
{
    struct saying *saying = arg;
    pb_task *task;

    ck_assert_int_eq(pb_spawn(say, saying, &task), PB_OK);
    saying->cancel = task;
    return pb_join(task);
}

START_TEST(it_can_be_cancelled)
{
    struct saying saying = {.text = long_text}, after = {.text = "Go on."};

    ck_assert_int_eq(pb_harness_run(harness, cancel_one, &saying, NULL), PB_CANCELLED);
    ck_assert_uint_lt(saying.size, 100000);
    ck_assert_double_gt(said(&after), 0.2); /* the library is free again */
}
END_TEST

static pb_status two(void *arg)
{
    struct saying *sayings = arg;
    pb_task *tasks[2];

    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pb_spawn(say, &sayings[i], &tasks[i]), PB_OK);
    ck_assert_int_eq(pb_join(tasks[0]), PB_OK);
    return pb_join(tasks[1]);
}

START_TEST(two_at_once)
{
    struct saying alone[] = {{.text = long_text}, {.text = long_text, .voice = "de"}};
    struct saying together[] = {{.text = long_text}, {.text = long_text, .voice = "de"}};

    (void)said(&alone[0]);
    (void)said(&alone[1]);
    ck_assert_int_eq(pb_harness_run(harness, two, together, NULL), PB_OK);
    for (size_t i = 0; i < 2; i++) { /* each has its own voice; the library keeps some of its state */
        double share = (double)together[i].size / (double)alone[i].size;
        ck_assert_msg(share > 0.98 && share < 1.02, "%g", share);
    }
}
END_TEST

START_TEST(options_that_are_wrong)
{
    static const pb_plugin *const plugins[] = {&patchbay_plugin_espeak, NULL};

    end();
    pb_harness_refuse("speech: {s: {use: espeak, voice: germn, aliases: {alloy: de+f33}}}\n", plugins,
                      (const char *const[]){"there is no voice 'germn'", "no variant 'f33'; did you mean 'f3'", NULL});
    begin();
}
END_TEST

START_TEST(options_are_heard)
{
    struct saying usual = {.text = "Go forward ten meters."}, other = usual;
    double seconds = said(&usual);

    end();
    harness = pb_harness_new("speech: {s: {use: espeak, voice: en-gb, rate: 90, volume: 20, word_gap: 20, "
                             "pitch: 90, range: 10}}\n", &patchbay_plugin_espeak);
    pb_harness_virtual_time(harness, false);
    ck_assert(said(&other) > 1.4 * seconds);
    ck_assert_int_lt(other.loudest, usual.loudest);
}
END_TEST

START_TEST(texts_are_cut_where_sentences_end)
{
    static char word[1001];
    pb_str text = pb_lit("  A short one. And more of it, so that it is long enough to be cut! Now the rest  ");

    ck_text(pieces_next(&text), "A short one. And more of it, so that it is long enough to be cut!");
    ck_text(pieces_next(&text), "Now the rest");
    ck_assert_uint_eq(pieces_next(&text).size, 0);
    memset(word, 'a', 1000);
    for (size_t i = 0; i < 1000; i += 2) /* two bytes each: none is cut in half */
        memcpy(word + i, "\xc3\xa4", 2);
    text = (pb_str){word + 1, 999};
    for (pb_str piece = pieces_next(&text); piece.size; piece = pieces_next(&text))
        ck_assert(text.size == 0 || ((unsigned char)text.data[0] & 0xc0) != 0x80);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {speech_is_made, voices_and_speed_are_heard, what_cannot_be_is_refused,
                                  it_comes_in_pieces_and_stops, it_can_be_cancelled, two_at_once,
                                  options_that_are_wrong, options_are_heard,
                                  texts_are_cut_where_sentences_end, NULL};

    return suite_run_cases("espeak", (TCase *const[]){suite_case("espeak", begin, end, tests), NULL});
}
