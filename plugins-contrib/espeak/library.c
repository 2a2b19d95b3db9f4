/* library.c - see library.h. */
#include "library.h"

#include <patchbay/plugin.h>
#include <espeak-ng/speak_lib.h>
#include <stdlib.h>

struct library *library_open(void)
{
    struct library *library = pb_common(sizeof *library);

    if (!library || library->opened)
        return library;
    int rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT);
    library->opened = true;
    library->rate = rate > 0 ? (uint32_t)rate : 0;
    return library;
}

/* --- voices ------------------------------------------------------------------------------------ */

/* The part behind the last slash: "en-US" of "gmw/en-US". */
static pb_str last_part(pb_str identifier)
{
    for (size_t at = identifier.size; at > 0; at--)
        if (identifier.data[at - 1] == '/')
            return pb_str_slice(identifier, at, identifier.size);
    return identifier;
}

static size_t count_of(const espeak_VOICE **list)
{
    size_t count = 0;

    while (list && list[count])
        count++;
    return count;
}

static bool read_variants(struct voices *out)
{
    espeak_VOICE wanted = {.languages = "variant"};
    const espeak_VOICE **list = espeak_ListVoices(&wanted);
    size_t count = count_of(list);

    if (!(out->variants = PB_NEW_ARRAY(pb_str, count + 1)))
        return false;
    for (size_t i = 0; i < count; i++)
        out->variants[out->variant_count++] = pb_copy(last_part(pb_str_of(list[i]->identifier)));
    return true;
}

pb_status library_voices(struct voices *out)
{
    const espeak_VOICE **list = espeak_ListVoices(NULL); /* theirs, until it is asked again */
    size_t count = count_of(list);

    memset(out, 0, sizeof *out);
    out->items = PB_NEW_ARRAY(struct voice, count + 1);
    out->names = PB_NEW_ARRAY(pb_str, count + 1);
    if (!out->items || !out->names)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct voice *voice = &out->items[out->count];
        out->names[out->count] = pb_copy(pb_str_of(list[i]->languages + 1)); /* behind its priority */
        voice->identifier = pb_copy(pb_str_of(list[i]->identifier));
        voice->title = pb_copy(pb_str_of(list[i]->name));
        out->count += out->names[out->count].size && voice->identifier.size;
    }
    return read_variants(out) ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static const struct voice *find(const struct voices *voices, pb_str name)
{
    for (size_t i = 0; i < voices->count; i++) {
        const struct voice *voice = &voices->items[i];
        if (pb_str_same(name, voices->names[i]) || pb_str_same(name, voice->identifier) ||
            pb_str_same(name, last_part(voice->identifier)) || pb_str_same(name, voice->title))
            return voice;
    }
    return NULL;
}

pb_str library_voice(const struct voices *voices, pb_str name, pb_str *hint)
{
    pb_str base = pb_str_slice(name, 0, pb_str_find(name, '+'));
    pb_str variant = pb_str_slice(name, base.size + 1, name.size);
    const struct voice *voice = find(voices, base);

    if (!voice) {
        *hint = pb_hint(base, voices->names, voices->count);
        return (pb_str){0};
    }
    if (base.size == name.size)
        return voice->identifier;
    for (size_t i = 0; i < voices->variant_count; i++)
        if (pb_str_same(variant, voices->variants[i]))
            return pb_printf("%.*s+%.*s", PB_ARG(voice->identifier), PB_ARG(voices->variants[i]));
    pb_str near = pb_hint(variant, voices->variants, voices->variant_count);
    *hint = pb_printf(": '%.*s' has no variant '%.*s'%.*s", PB_ARG(base), PB_ARG(variant), PB_ARG(near));
    return (pb_str){0};
}

/* --- speaking ---------------------------------------------------------------------------------- */

/* Called by the library as it goes; 1 ends it. */
static int take(short *samples, int count, espeak_EVENT *events)
{
    struct piece *piece = events->user_data;

    if (!samples || count <= 0)
        return 0;
    if (!piece)
        return 1;
    if ((size_t)count > piece->capacity - piece->count) {
        size_t capacity = (piece->capacity + (size_t)count) * 2;
        int16_t *grown = realloc(piece->samples, capacity * sizeof *grown);
        if (!grown) {
            piece->short_of_memory = true;
            return 1;
        }
        piece->samples = grown;
        piece->capacity = capacity;
    }
    memcpy(piece->samples + piece->count, samples, (size_t)count * sizeof *samples);
    piece->count += (size_t)count;
    return pb_cancelled();
}

pb_status library_speak(void *arg)
{
    struct piece *piece = arg;
    const struct manner *manner = piece->manner;

    espeak_SetSynthCallback(take);
    if (espeak_SetVoiceByName(manner->voice) != EE_OK)
        return PB_INTERNAL;
    espeak_SetParameter(espeakRATE, manner->rate, 0);
    espeak_SetParameter(espeakPITCH, manner->pitch, 0);
    espeak_SetParameter(espeakRANGE, manner->range, 0);
    espeak_SetParameter(espeakVOLUME, manner->volume, 0);
    espeak_SetParameter(espeakWORDGAP, manner->gap, 0);
    espeak_ERROR error = espeak_Synth(piece->text, strlen(piece->text) + 1, 0, POS_CHARACTER, 0,
                                      espeakCHARS_UTF8, NULL, piece);
    return piece->short_of_memory ? PB_NO_MEMORY : error == EE_OK ? PB_OK : PB_INTERNAL;
}
