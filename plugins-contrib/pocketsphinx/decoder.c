/* decoder.c - see decoder.h. */
#include "decoder.h"

#include <patchbay/task.h>
#include <pocketsphinx.h>
#include <sphinxbase/err.h>
#include <sphinxbase/jsgf.h>
#include <stdlib.h>

enum { BIT = 800, CEPSTRA = 64 }; /* samples between two looks at the voice */

struct decoder {
    ps_decoder_t *sphinx;
    bool open;  /* an utterance is */
    bool heard; /* somebody spoke in it */
    mfcc_t mean[CEPSTRA]; /* of the model: what a stream begins with, whoever spoke before */
};

/* As ps_set_jsgf_string, which forgets to free the grammar. */
static int set_grammar(ps_decoder_t *sphinx, const char *text)
{
    jsgf_t *grammar = jsgf_parse_string(text, NULL);
    jsgf_rule_t *rule = grammar ? jsgf_get_public_rule(grammar) : NULL;
    fsg_model_t *model = NULL;
    int result = -1;

    if (rule)
        model = jsgf_build_fsg(grammar, rule, ps_get_logmath(sphinx),
                               cmd_ln_float32_r(ps_get_config(sphinx), "-lw"));
    if (model)
        result = ps_set_fsg(sphinx, "said", model);
    if (model)
        fsg_model_free(model);
    if (grammar)
        jsgf_grammar_free(grammar);
    return result;
}

static bool set_search(ps_decoder_t *sphinx, const struct decoder_files *files)
{
    int result = files->grammar ? set_grammar(sphinx, files->grammar)
                                : ps_set_lm_file(sphinx, "said", files->language_model);

    return result == 0 && ps_set_search(sphinx, "said") == 0;
}

struct decoder *decoder_new(const struct decoder_files *files, const char **why)
{
    struct decoder *decoder = calloc(1, sizeof *decoder);
    char threshold[32];
    cmd_ln_t *config;

    *why = "there is no memory for it";
    if (!decoder)
        return NULL;
    err_set_logfp(NULL); /* it would write to standard error what nobody asked */
    (void)snprintf(threshold, sizeof threshold, "%g", files->threshold);
    config = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", files->model, "-dict", files->dictionary,
                         "-vad_threshold", threshold, NULL);
    if (config)
        decoder->sphinx = ps_init(config);
    *why = "the acoustic model or the dictionary cannot be read";
    if (decoder->sphinx && set_search(decoder->sphinx, files)) {
        cmn_live_get(ps_get_feat(decoder->sphinx)->cmn_struct, decoder->mean);
        cmd_ln_free_r(config);
        return decoder;
    }
    if (decoder->sphinx)
        *why = files->grammar ? "the grammar is not JSGF, or has words that are not in the dictionary"
                              : "the language model cannot be read";
    if (config)
        cmd_ln_free_r(config);
    decoder_free(decoder);
    return NULL;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder && decoder->sphinx)
        ps_free(decoder->sphinx);
    free(decoder);
}

static bool begin(struct decoder *decoder)
{
    decoder->heard = false;
    decoder->open = ps_start_utt(decoder->sphinx) == 0;
    return decoder->open;
}

/* Its text and where it stands in the stream. */
static void end(struct decoder *decoder, struct decoder_job *job)
{
    bool heard = decoder->heard;
    int from, to;

    decoder->open = decoder->heard = false;
    (void)ps_end_utt(decoder->sphinx);
    job->text = heard ? ps_get_hyp(decoder->sphinx, NULL) : NULL;
    if (!job->text || !*job->text) {
        job->text = NULL;
        return;
    }
    job->begin = -1;
    for (ps_seg_t *at = ps_seg_iter(decoder->sphinx); at; at = ps_seg_next(at)) {
        ps_seg_frames(at, &from, &to);
        if (ps_seg_word(at)[0] == '<' || ps_seg_word(at)[0] == '(') /* silence, an end */
            continue;
        if (job->begin < 0)
            job->begin = from;
        job->end = to + 1;
    }
    if (job->begin < 0)
        job->begin = job->end = 0;
}

pb_status decoder_step(void *arg)
{
    struct decoder_job *job = arg;
    struct decoder *decoder = job->decoder;

    job->used = 0;
    job->text = NULL;
    if (job->first) {
        if (decoder->open) /* of a stream that was broken off */
            (void)ps_end_utt(decoder->sphinx);
        decoder->open = false;
        cmn_live_set(ps_get_feat(decoder->sphinx)->cmn_struct, decoder->mean);
        ps_start_stream(decoder->sphinx);
    }
    while (job->used < job->count && !pb_cancelled()) {
        size_t left = job->count - job->used, part = left < BIT ? left : BIT;
        if (!decoder->open && !begin(decoder))
            return PB_INTERNAL;
        if (ps_process_raw(decoder->sphinx, job->samples + job->used, part, FALSE, FALSE) < 0)
            return PB_INTERNAL;
        job->used += part;
        if (ps_get_in_speech(decoder->sphinx)) {
            decoder->heard = true;
        } else if (decoder->heard) {
            end(decoder, job);
            return PB_OK;
        }
    }
    if (job->last && decoder->open && !pb_cancelled())
        end(decoder, job);
    return PB_OK;
}
