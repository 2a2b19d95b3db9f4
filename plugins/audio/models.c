/* models.c - which instances there are, and what each can do. */
#include "audio.h"

static pb_instance *model_at(const struct audio *audio, size_t index)
{
    return PB_ITEM(audio->models, pb_instance *, index);
}

pb_status model_find(const struct audio *audio, pb_str name, int what, pb_instance **out,
                     pb_speech_about *about)
{
    pb_str *able = PB_NEW_ARRAY(pb_str, audio->models.count);
    pb_instance *found = NULL;
    size_t count = 0;

    if (!able)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < audio->models.count; i++) {
        pb_instance *at = model_at(audio, i);
        about->size = (uint32_t)sizeof *about;
        pb_speech_about_of(at, about);
        if (what == MODEL_SPEAKS ? about->speaks : about->listens)
            able[count++] = pb_instance_name(at);
        if (pb_str_equal(pb_instance_name(at), name))
            found = at;
    }
    if (!name.size)
        return pb_fail_at(PB_INVALID, "/model", "is missing%.*s", PB_ARG(pb_hint(name, able, count)));
    if (!found)
        return pb_fail_at(PB_NOT_FOUND, "/model", "there is no model '%.*s'%.*s", PB_ARG(name),
                          PB_ARG(pb_hint(name, able, count)));
    pb_speech_about_of(found, about);
    if (!(what == MODEL_SPEAKS ? about->speaks : about->listens))
        return pb_fail_at(PB_INVALID, "/model", "'%.*s' cannot %s%.*s", PB_ARG(name),
                          what == MODEL_SPEAKS ? "speak" : "transcribe",
                          PB_ARG(pb_hint(pb_str_slice(name, 0, 0), able, count)));
    *out = found;
    return PB_OK;
}

static void write_model(pb_json_writer *writer, pb_instance *model)
{
    pb_speech_about about = {.size = (uint32_t)sizeof about};

    pb_speech_about_of(model, &about);
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "id");
    pb_jw_str(writer, pb_instance_name(model));
    pb_jw_key(writer, "speaks");
    pb_jw_bool(writer, about.speaks);
    pb_jw_key(writer, "transcribes");
    pb_jw_bool(writer, about.listens);
    pb_jw_key(writer, "voices");
    pb_jw_open(writer, '[');
    for (size_t i = 0; i < about.voice_count; i++)
        pb_jw_str(writer, about.voices[i]);
    pb_jw_close(writer, ']');
    pb_jw_close(writer, '}');
}

RAW(audio_models)
{
    const struct audio *audio = self;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    (void)call;
    (void)in;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "models");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < audio->models.count; i++)
        write_model(&writer, model_at(audio, i));
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}
