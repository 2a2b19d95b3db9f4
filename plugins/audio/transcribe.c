/* transcribe.c - audio.transcribe: a form as OpenAI's clients send it, or the audio by itself with the
 * rest in the URL, which is heard as it comes in. */
#include "audio.h"

static pb_status read_asked(const struct audio *audio, const pb_call *call,
                            const struct transcribe_in *in, struct asked *asked)
{
    asked->model = in->model;
    asked->language = in->language;
    asked->prompt = in->prompt;
    asked->format = in->format;
    if (pb_multipart_is(call->type))
        return form_read(audio, call, asked);
    asked->type = call->type;
    asked->audio = form_bounded(call->reader, audio->max_file);
    return asked->audio ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status hear(pb_instance *model, const struct asked *asked, struct opened *opened,
                      pb_transcript *out)
{
    pb_transcribe_request request = {.size = (uint32_t)sizeof request,
                                     .format = &opened->format,
                                     .audio = opened->audio,
                                     .language = asked->language,
                                     .prompt = asked->prompt};
    pb_status status = pb_transcribe(model, &request, out);

    if (opened->counts)
        out->duration =
            (pb_duration)((double)opened->samples / opened->format.rate * (double)PB_SECOND);
    if (!out->language.size)
        out->language = asked->language;
    return status;
}

RAW(audio_transcribe)
{
    const struct audio *audio = self;
    struct asked asked = {0};
    struct opened opened = {0};
    enum transcript_format format;
    pb_instance *model;
    pb_speech_about about;
    pb_transcript transcript = {.size = (uint32_t)sizeof transcript};
    pb_status status = read_asked(audio, call, in, &asked);

    if (status == PB_OK)
        status = transcript_format_of(asked.format, &format);
    if (status == PB_OK)
        status = model_find(audio, asked.model, MODEL_LISTENS, &model, &about);
    if (status == PB_OK)
        status = opened_begin(audio, &asked, &about, &opened);
    if (status == PB_OK)
        status = hear(model, &asked, &opened, &transcript);
    opened_close(&opened);
    if (status == PB_OK)
        status = transcript_write(format, &transcript, out);
    if (status == PB_OK && asked.ignored.size) {
        pb_header *header = PB_NEW(pb_header);
        if (!header)
            return PB_NO_MEMORY;
        *header = (pb_header){pb_lit("Patchbay-Ignored"), asked.ignored};
        out->headers = header;
        out->header_count = 1;
    }
    return status;
}
