/* stream.h - what stream.c and calls.c share: the message that is being written, and its open block. */
#ifndef HTTP_ANTHROPIC_STREAM_H
#define HTTP_ANTHROPIC_STREAM_H

#include "anthropic/anthropic.h"

enum { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING, BLOCK_CALL };

struct stream {
    pb_sink base;
    struct exchange *exchange;
    const struct ask *ask;
    char *frame; /* the beginning of the open block's deltas, and room behind it */
    size_t begin;
    size_t capacity;
    int32_t open;           /* BLOCK_… */
    size_t index;           /* of the open block, or of the next */
    pb_reply reply;         /* sources, and all that was heard of the calls */
    struct progress *calls; /* of each of those, in the same order */
    size_t room;
    size_t begun; /* calls whose block has begun; the last may be open */
};

/* stream.c. `start`: the block as it begins, JSON. */
pb_status stream_begin_block(struct stream *stream, int32_t block, pb_str start);
pb_status stream_end_block(struct stream *stream);
pb_status stream_delta(struct stream *stream, pb_str text);

/* calls.c: takes a piece of a call and writes what can go out. */
pb_status calls_note(struct stream *stream, const pb_event *event);
/* Writes all that waits, and ends the open one. */
pb_status calls_finish(struct stream *stream);
void calls_forget(struct stream *stream);

#endif
