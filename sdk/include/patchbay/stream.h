/* stream.h - bytes that are too many to hold: a reader gives them piece by piece, a writer takes
 * them.
 *
 * Embed one as the first member of your own struct, as with pb_sink. Both may park.
 */
#ifndef PATCHBAY_STREAM_H
#define PATCHBAY_STREAM_H

#include <patchbay/memory.h>

/* read: the next bytes, valid until the next call; an empty piece is the end. */
struct pb_reader {
    uint32_t size;
    uint32_t reserved;
    pb_status (*read)(pb_reader *reader, pb_bytes *out);
};

/* write: takes all of `bytes`, or returns why not; they are borrowed until it returns. What it
 * returns other than PB_OK is returned unchanged by whoever writes. It may be called inside a scope of
 * the caller's (pb_scope_begin): what it keeps from call to call is allocated before. */
struct pb_writer {
    uint32_t size;
    uint32_t reserved;
    pb_status (*write)(pb_writer *writer, pb_bytes bytes);
};

#endif
