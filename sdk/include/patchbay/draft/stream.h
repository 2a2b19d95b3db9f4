/* stream.h - bytes that are too many to hold: a reader gives them piece by piece, a writer takes
 * them. Draft: may change until two components of a kind that uses it exist.
 *
 * Embed one as the first member of your own struct, as with pb_sink. Both may park.
 */
#ifndef PATCHBAY_DRAFT_STREAM_H
#define PATCHBAY_DRAFT_STREAM_H

#include <patchbay/types.h>

/* read: the next bytes, valid until the next call; an empty piece is the end. */
typedef struct pb_reader pb_reader;
struct pb_reader {
    uint32_t size;
    uint32_t reserved;
    pb_status (*read)(pb_reader *reader, pb_bytes *out);
};

/* write: takes all of `bytes`, or returns why not; they are borrowed until it returns. What it
 * returns other than PB_OK is returned unchanged by whoever writes. */
typedef struct pb_writer pb_writer;
struct pb_writer {
    uint32_t size;
    uint32_t reserved;
    pb_status (*write)(pb_writer *writer, pb_bytes bytes);
};

#endif
