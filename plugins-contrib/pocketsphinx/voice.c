/* voice.c - the front end alone: it tells voice from noise, a frame of a hundredth of a second at a time. */
#include "decoder.h"

#include <pocketsphinx.h>
#include <stdlib.h>

enum { FRAME = DECODER_RATE / 100, CEPSTRA = 64 };

struct voice {
    fe_t *front;
};

struct voice *voice_new(double threshold)
{
    struct voice *voice = calloc(1, sizeof *voice);
    char text[32];

    (void)snprintf(text, sizeof text, "%g", threshold);
    cmd_ln_t *config = cmd_ln_init(NULL, ps_args(), TRUE, "-vad_threshold", text, NULL);
    if (voice && config)
        voice->front = fe_init_auto_r(config);
    if (config)
        cmd_ln_free_r(config);
    if (voice && voice->front)
        return voice;
    voice_free(voice);
    return NULL;
}

void voice_free(struct voice *voice)
{
    if (voice && voice->front)
        fe_free(voice->front);
    free(voice);
}

pb_status voice_step(void *arg)
{
    struct voice_job *job = arg;
    mfcc_t cepstra[CEPSTRA], *rows[1] = {cepstra};
    size_t spoken = 0, frames = 0;

    if (fe_get_output_size(job->voice->front) > CEPSTRA)
        return PB_INTERNAL;
    fe_start_stream(job->voice->front);
    if (fe_start_utt(job->voice->front) < 0)
        return PB_INTERNAL;
    for (size_t at = 0; at + FRAME <= job->count; at += FRAME) {
        const int16 *samples = job->samples + at;
        size_t left = FRAME;
        int32 made = 1;
        while (left && fe_process_frames(job->voice->front, &samples, &left, rows, &made, NULL) >= 0 &&
               made)
            made = 1;
        frames++;
        spoken += fe_get_vad_state(job->voice->front) != 0;
    }
    int32 rest = 0;
    (void)fe_end_utt(job->voice->front, cepstra, &rest);
    job->share = frames ? (double)spoken / (double)frames : 0;
    return PB_OK;
}
