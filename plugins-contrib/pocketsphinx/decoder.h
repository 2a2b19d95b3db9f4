/* decoder.h - PocketSphinx behind functions for helper threads. A decoder hears one stream at a time;
 * whoever uses it holds the lock that goes with it. Nothing here calls the host but pb_cancelled. */
#ifndef DECODER_H
#define DECODER_H

#include <patchbay/types.h>

enum { DECODER_RATE = 16000, DECODER_BLOCK = 4000 }; /* samples: a quarter of a second at a time */

struct decoder;

/* What it is made from; NUL-terminated. `language_model` or `grammar` is NULL. */
struct decoder_files {
    const char *model, *dictionary, *language_model, *grammar;
    double threshold; /* of voice activity */
};

/* Loads it: a second and a hundred megabytes with a language model. NULL: it cannot, and *why is a part of
 * a sentence. */
struct decoder *decoder_new(const struct decoder_files *files, const char **why);
void decoder_free(struct decoder *decoder);

/* One step through a stream: *job is filled by the caller, the rest by the step. */
struct decoder_job {
    struct decoder *decoder;
    bool first, last;      /* of the stream */
    const int16_t *samples;
    size_t count, used;    /* less than count: an utterance ended */
    const char *text;      /* what was said, valid until the next step; NULL: nothing ended */
    int64_t begin, end;    /* hundredths of a second within the stream */
};
/* For pb_offload. PB_OK; PB_INTERNAL: the decoder failed. */
pb_status decoder_step(void *job);

/* voice.c: is anyone speaking? */
struct voice;
struct voice *voice_new(double threshold);
void voice_free(struct voice *voice);
struct voice_job {
    struct voice *voice;
    const int16_t *samples;
    size_t count;
    double share; /* of the time in which somebody spoke */
};
/* For pb_offload. */
pb_status voice_step(void *job);

#endif
