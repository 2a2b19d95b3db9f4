/* judge.h - what the readers of fuzz_office and fuzz_rtf must hold, whatever they are given. */
#ifndef OFFICE_TESTS_JUDGE_H
#define OFFICE_TESTS_JUDGE_H

#include "../job.h"

#include <patchbay/extractor.h>
#include <patchbay/media.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must_hold(bool what, const char *sentence)
{
    if (what)
        return;
    fprintf(stderr, "%s\n", sentence);
    abort();
}

static inline void judge_leaf(const struct draft *draft, const struct leaf *leaf)
{
    const uint8_t *at = (const uint8_t *)draft->text + leaf->offset, *end = at + leaf->size;

    must_hold(leaf->offset + leaf->size <= draft->size, "a block beyond the text");
    must_hold(leaf->size > 0, "an empty block");
    must_hold(leaf->level >= 0 && leaf->page >= 0 && leaf->breaks >= 0, "a level below zero");
    while (at < end) {
        size_t size = pb_utf8_length(at, end);
        must_hold(size > 0, "text that is not UTF-8");
        must_hold(*at >= 32 || *at == '\n' || *at == '\t', "a control character");
        at += size;
    }
}

static inline void judge_job(struct job *job)
{
    pb_status status = job->status;

    must_hold(status == PB_OK || status == PB_UNPROCESSABLE || status == PB_TOO_LARGE,
              "another status");
    must_hold(status == PB_OK || job->sentence[0], "no sentence");
    must_hold(job->held <= job->limits.memory, "more memory than it may hold");
    for (size_t i = 0; status == PB_OK && i < job->draft.count; i++)
        judge_leaf(&job->draft, &job->draft.leaves[i]);
    job_fini(job);
}

#endif
