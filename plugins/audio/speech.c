/* speech.c - audio.speech: a text becomes audio, which goes out as it is made. WAV and bare samples are
 * made here of what the model gives; any other format is a matter of the model. */
#include "audio.h"

static const char *const types[] = {
    [SPEECH_MP3] = "audio/mpeg", [SPEECH_OPUS] = "audio/ogg", [SPEECH_AAC] = "audio/aac",
    [SPEECH_FLAC] = "audio/flac", [SPEECH_WAV] = "audio/wav", [SPEECH_PCM] = "audio/pcm"};

/* One answer; in the call's scope. */
struct speaking {
    pb_writer base; /* what the model writes to */
    pb_writer *to;
    pb_instance *model;
    pb_synthesize_request request;
    pb_audio_format format;
    uint32_t out_rate;
    bool wav, begun;
    struct convert *convert;
};

/* The header waits for the first samples: until then a failure can be told. */
static pb_status write_header(struct speaking *speaking)
{
    uint8_t header[PB_WAV_HEADER];

    if (!speaking->wav || speaking->begun)
        return PB_OK;
    speaking->begun = true;
    pb_wav_header(header, speaking->out_rate, 1, UINT32_MAX);
    return speaking->to->write(speaking->to, (pb_bytes){header, sizeof header});
}

static pb_status pass_on(struct speaking *speaking, pb_bytes bytes, bool last)
{
    pb_status status = PB_OK;
    pb_bytes made;

    if (!speaking->convert)
        return bytes.size ? speaking->to->write(speaking->to, bytes) : (pb_status)PB_OK;
    while ((status = convert_next(speaking->convert, &bytes, last, &made)) == PB_OK && made.size)
        if ((status = speaking->to->write(speaking->to, made)) != PB_OK)
            break;
    return status;
}

static pb_status take(pb_writer *base, pb_bytes bytes)
{
    struct speaking *speaking = (struct speaking *)(void *)base;
    pb_status status = bytes.size ? write_header(speaking) : (pb_status)PB_OK;

    return status == PB_OK ? pass_on(speaking, bytes, false) : status;
}

static pb_status finish(struct speaking *speaking)
{
    pb_status status = write_header(speaking);

    return status == PB_OK ? pass_on(speaking, (pb_bytes){0}, true) : status;
}

static pb_status send(void *arg, pb_writer *writer)
{
    struct speaking *speaking = arg;
    pb_status status = PB_OK;

    speaking->to = writer;
    if (speaking->out_rate && speaking->format.rate != speaking->out_rate)
        status = convert_open(speaking->format.rate, 1, speaking->out_rate, &speaking->convert);
    if (status == PB_OK)
        status = pb_synthesize(speaking->model, &speaking->request, &speaking->base);
    if (status == PB_OK)
        status = finish(speaking);
    convert_close(speaking->convert);
    return status;
}

/* A name, or {"id": name}. */
static pb_status voice_of(const pb_json *json, pb_str *out)
{
    const pb_json *name = pb_json_is(json, PB_JSON_OBJECT) ? pb_json_get(json, "id") : json;

    *out = (pb_str){0};
    if (!name || name->type == PB_JSON_NULL)
        return PB_OK;
    if (name->type != PB_JSON_STRING)
        return pb_fail_at(PB_INVALID, "/voice", "must be the name of a voice");
    *out = name->text;
    return PB_OK;
}

static pb_status check(const struct audio *audio, const struct speech_in *in)
{
    if (!pb_str_trim(in->input).size)
        return pb_fail_at(PB_INVALID, "/input", "has nothing that could be spoken");
    if (in->input.size > (uint64_t)audio->max_input)
        return pb_fail_at(PB_TOO_LARGE, "/input", "has %zu bytes; %lld can be spoken at once",
                          in->input.size, (long long)audio->max_input);
    if (in->stream)
        return pb_fail_at(PB_INVALID, "/stream_format",
                          "is \"audio\" here: the bytes come as they are made");
    return PB_OK;
}

/* The model makes bare samples of WAV and pcm, at its own rate where it has one. */
static void choose_format(struct speaking *speaking, int32_t format, const pb_speech_about *about)
{
    bool here = format == SPEECH_WAV || format == SPEECH_PCM;

    speaking->wav = format == SPEECH_WAV;
    speaking->format = (pb_audio_format){.size = (uint32_t)sizeof(pb_audio_format),
                                         .type = pb_str_of(types[here ? SPEECH_PCM : format])};
    if (!here)
        return;
    speaking->format.channels = 1;
    speaking->format.rate = about->say_rate ? about->say_rate : PCM_RATE;
    speaking->out_rate = format == SPEECH_PCM ? PCM_RATE : speaking->format.rate;
}

RAW(audio_speech)
{
    const struct audio *audio = self;
    const struct speech_in *input = in;
    struct speaking *speaking = PB_NEW(struct speaking);
    pb_speech_about about;
    pb_status status;

    (void)call;
    if (!speaking)
        return PB_NO_MEMORY;
    status = check(audio, input);
    if (status == PB_OK)
        status = model_find(audio, input->model, MODEL_SPEAKS, &speaking->model, &about);
    if (status == PB_OK)
        status = voice_of(input->voice, &speaking->request.voice);
    if (status != PB_OK)
        return status;
    choose_format(speaking, input->format, &about);
    speaking->base = (pb_writer){.size = (uint32_t)sizeof(pb_writer), .write = take};
    speaking->request.size = (uint32_t)sizeof speaking->request;
    speaking->request.text = input->input;
    speaking->request.speed = input->speed;
    speaking->request.format = &speaking->format;
    out->type = pb_str_of(types[input->format]);
    out->send = send;
    out->arg = speaking;
    if (input->instructions.size) {
        static const pb_header ignored[] = {{PB_LIT("Patchbay-Ignored"), PB_LIT("instructions")}};
        out->headers = ignored;
        out->header_count = 1;
    }
    return PB_OK;
}
