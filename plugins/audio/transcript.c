/* transcript.c - what was heard, in the formats of OpenAI's API: JSON, text, subtitles. */
#include "audio.h"

static const char *const names[] = {
    [FORMAT_JSON] = "json", [FORMAT_TEXT] = "text", [FORMAT_SRT] = "srt",
    [FORMAT_VERBOSE] = "verbose_json", [FORMAT_VTT] = "vtt"};

pb_status transcript_format_of(pb_str name, enum transcript_format *out)
{
    *out = FORMAT_JSON;
    if (!name.size)
        return PB_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!pb_str_is(name, names[i]))
            continue;
        *out = (enum transcript_format)i;
        return PB_OK;
    }
    return pb_fail_at(PB_INVALID, "/response_format",
                      "must be \"json\", \"text\", \"srt\", \"verbose_json\" or \"vtt\"");
}

/* --- subtitles ---------------------------------------------------------------------------------- */

/* 00:01:02,345; WebVTT has a point where SubRip has a comma. */
static void add_time(pb_buf *buf, pb_duration at, char mark)
{
    int64_t ms = at / PB_MILLISECOND;

    pb_buf_printf(buf, "%02d:%02d:%02d%c%03d", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                  (int)(ms / 1000 % 60), mark, (int)(ms % 1000));
}

/* A line break or an arrow in a text would end it. */
static void add_line(pb_buf *buf, pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        bool arrow = text.data[i] == '>' && i && text.data[i - 1] == '-';
        pb_buf_byte(buf, text.data[i] == '\n' || text.data[i] == '\r' || arrow ? ' ' : text.data[i]);
    }
}

static void add_subtitles(pb_buf *buf, const pb_transcript *transcript, bool vtt)
{
    if (vtt)
        pb_buf_add(buf, pb_lit("WEBVTT\n\n"));
    for (size_t i = 0; i < transcript->count; i++) {
        const pb_utterance *at = transcript->items[i];
        if (!vtt)
            pb_buf_printf(buf, "%zu\n", i + 1);
        add_time(buf, at->begin, vtt ? '.' : ',');
        pb_buf_add(buf, pb_lit(" --> "));
        add_time(buf, at->end, vtt ? '.' : ',');
        pb_buf_byte(buf, '\n');
        add_line(buf, at->text);
        pb_buf_add(buf, pb_lit("\n\n"));
    }
}

/* --- JSON --------------------------------------------------------------------------------------- */

static void number(pb_json_writer *writer, const char *key, double value)
{
    pb_jw_key(writer, key);
    pb_jw_double(writer, value);
}

static void text(pb_json_writer *writer, const char *key, pb_str value)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, value);
}

static double seconds(pb_duration duration)
{
    return (double)(duration / PB_MILLISECOND) / 1000;
}

/* Strict clients want every member; what is not known is 0. */
static void write_segment(pb_json_writer *writer, const pb_utterance *at, size_t index)
{
    static const char *const unknown[] = {"seek", "temperature", "avg_logprob", "compression_ratio",
                                          "no_speech_prob"};

    pb_jw_open(writer, '{');
    pb_jw_key(writer, "id");
    pb_jw_int(writer, (int64_t)index);
    number(writer, "start", seconds(at->begin));
    number(writer, "end", seconds(at->end));
    text(writer, "text", at->text);
    pb_jw_key(writer, "tokens");
    pb_jw_raw(writer, pb_lit("[]"));
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        pb_jw_key(writer, unknown[i]);
        pb_jw_int(writer, 0);
    }
    pb_jw_close(writer, '}');
}

static void write_verbose(pb_json_writer *writer, const pb_transcript *transcript)
{
    text(writer, "task", pb_lit("transcribe"));
    text(writer, "language", transcript->language.size ? transcript->language : pb_lit("und"));
    number(writer, "duration", seconds(transcript->duration));
    pb_jw_key(writer, "segments");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < transcript->count; i++)
        write_segment(writer, transcript->items[i], i);
    pb_jw_close(writer, ']');
}

static void write_json(pb_buf *buf, const pb_transcript *transcript, bool verbose)
{
    pb_json_writer writer = pb_json_writer_make(buf);

    pb_jw_open(&writer, '{');
    text(&writer, "text", transcript->text.data ? transcript->text : pb_lit(""));
    if (verbose)
        write_verbose(&writer, transcript);
    if (transcript->duration) {
        pb_jw_key(&writer, "usage");
        pb_jw_open(&writer, '{');
        text(&writer, "type", pb_lit("duration"));
        number(&writer, "seconds", seconds(transcript->duration));
        pb_jw_close(&writer, '}');
    }
    pb_jw_close(&writer, '}');
}

pb_status transcript_write(enum transcript_format format, const pb_transcript *transcript,
                           pb_content *out)
{
    pb_buf buf = {0};

    out->type = pb_lit("text/plain; charset=utf-8");
    if (format == FORMAT_TEXT) {
        pb_buf_add(&buf, transcript->text);
        pb_buf_byte(&buf, '\n');
    } else if (format == FORMAT_SRT || format == FORMAT_VTT) {
        add_subtitles(&buf, transcript, format == FORMAT_VTT);
        if (format == FORMAT_VTT)
            out->type = pb_lit("text/vtt; charset=utf-8");
    } else {
        write_json(&buf, transcript, format == FORMAT_VERBOSE);
        out->type = pb_lit("application/json");
    }
    out->body = buf.data ? pb_buf_str(&buf) : pb_lit("");
    return pb_buf_status(&buf);
}
