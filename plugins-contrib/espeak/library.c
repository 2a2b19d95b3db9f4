/* library.c - see library.h. The library is global, so this is the one place with globals; they are
 * written when the first instance is checked or created, and by whoever holds the lock. */
#include "library.h"

#include <patchbay/plugin.h>
#include <espeak-ng/speak_lib.h>
#include <pthread.h>
#include <stdlib.h>

pb_lock library_lock;

struct voice {
    pb_str name;       /* "en-us" */
    pb_str identifier; /* "gmw/en-US" */
    pb_str title;      /* "English (America)" */
};

static struct {
    uint32_t rate;
    bool tried;
    struct voice *voices;
    pb_str *names; /* of the voices, for hints and lists */
    size_t voice_count;
    pb_str *variants; /* "f3": behind a '+' */
    size_t variant_count;
    struct piece *speaking;
} library;

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

static void read_voices(void)
{
    const espeak_VOICE **list = espeak_ListVoices(NULL); /* theirs, until it is asked again */
    size_t count = count_of(list);

    library.voices = calloc(count + 1, sizeof *library.voices);
    library.names = calloc(count + 1, sizeof *library.names);
    if (!library.voices || !library.names)
        return;
    for (size_t i = 0; i < count; i++) {
        struct voice *voice = &library.voices[library.voice_count];
        voice->name = pb_str_of(strdup(list[i]->languages + 1)); /* behind its priority */
        voice->identifier = pb_str_of(strdup(list[i]->identifier));
        voice->title = pb_str_of(strdup(list[i]->name));
        if (!voice->name.size || !voice->identifier.size)
            continue;
        library.names[library.voice_count++] = voice->name;
    }
}

static void read_variants(void)
{
    espeak_VOICE wanted = {.languages = "variant"};
    const espeak_VOICE **list = espeak_ListVoices(&wanted);
    size_t count = count_of(list);

    if (!(library.variants = calloc(count + 1, sizeof *library.variants)))
        return;
    for (size_t i = 0; i < count; i++)
        library.variants[library.variant_count++] =
            last_part(pb_str_of(strdup(list[i]->identifier)));
}

static void *open_here(void *unused)
{
    int rate = espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, NULL, espeakINITIALIZE_DONT_EXIT);

    (void)unused;
    if (rate <= 0)
        return NULL;
    library.rate = (uint32_t)rate;
    read_voices();
    read_variants();
    return NULL;
}

/* On a thread for its stack: the library takes more of it than a task has, and check() and create()
 * may not park. Nothing is served yet when they are called. */
uint32_t library_open(void)
{
    pthread_t thread;

    if (library.tried)
        return library.rate;
    library.tried = true;
    if (pthread_create(&thread, NULL, open_here, NULL) == 0)
        (void)pthread_join(thread, NULL);
    return library.rate;
}

static const struct voice *find(pb_str name)
{
    for (size_t i = 0; i < library.voice_count; i++) {
        const struct voice *voice = &library.voices[i];
        if (pb_str_same(name, voice->name) || pb_str_same(name, voice->identifier) ||
            pb_str_same(name, last_part(voice->identifier)) || pb_str_same(name, voice->title))
            return voice;
    }
    return NULL;
}

pb_str library_voice(pb_str name, pb_str *hint)
{
    pb_str base = pb_str_slice(name, 0, pb_str_find(name, '+'));
    pb_str variant = pb_str_slice(name, base.size + 1, name.size);
    const struct voice *voice = find(base);

    if (!voice) {
        *hint = pb_hint(base, library.names, library.voice_count);
        return (pb_str){0};
    }
    if (base.size == name.size)
        return voice->identifier;
    for (size_t i = 0; i < library.variant_count; i++)
        if (pb_str_same(variant, library.variants[i]))
            return pb_printf("%.*s+%.*s", PB_ARG(voice->identifier), PB_ARG(library.variants[i]));
    *hint = pb_printf(": '%.*s' has no variant '%.*s'%s", PB_ARG(base), PB_ARG(variant),
                      pb_hint(variant, library.variants, library.variant_count).data);
    return (pb_str){0};
}

const pb_str *library_voices(size_t *count)
{
    *count = library.voice_count;
    return library.names;
}

/* --- speaking ---------------------------------------------------------------------------------- */

/* Called by the library as it goes; 1 ends it. */
static int take(short *samples, int count, espeak_EVENT *events)
{
    struct piece *piece = library.speaking;

    (void)events;
    if (!samples || count <= 0)
        return 0;
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

    library.speaking = piece;
    espeak_SetSynthCallback(take);
    if (espeak_SetVoiceByName(manner->voice) != EE_OK)
        return PB_INTERNAL;
    espeak_SetParameter(espeakRATE, manner->rate, 0);
    espeak_SetParameter(espeakPITCH, manner->pitch, 0);
    espeak_SetParameter(espeakRANGE, manner->range, 0);
    espeak_SetParameter(espeakVOLUME, manner->volume, 0);
    espeak_SetParameter(espeakWORDGAP, manner->gap, 0);
    espeak_ERROR error = espeak_Synth(piece->text, strlen(piece->text) + 1, 0, POS_CHARACTER, 0,
                                      espeakCHARS_UTF8, NULL, NULL);
    library.speaking = NULL;
    return piece->short_of_memory ? PB_NO_MEMORY : error == EE_OK ? PB_OK : PB_INTERNAL;
}
