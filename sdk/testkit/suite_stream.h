/* suite_stream.h - readers and writers for suites: pieces of any size, failures where wanted. Not
 * installed. Include it once.
 */
#ifndef PATCHBAY_SUITE_STREAM_H
#define PATCHBAY_SUITE_STREAM_H

#include "suite_kit.h"

#include <patchbay/blob_store.h>

struct suite_reader {
    pb_reader base;
    pb_str bytes;
    size_t at, piece;
    pb_duration pause;   /* before each piece */
    size_t fail_at;      /* after so many bytes it fails */
    pb_status fail_with; /* with this, or PB_OK: not at all */
    bool ended;          /* it gave the empty piece, or failed */
    int reads_after_end;
    bool reuses; /* each piece in the same memory */
    char memory[1024];
};

static inline pb_status suite_read(pb_reader *base, pb_bytes *out)
{
    struct suite_reader *reader = (struct suite_reader *)(void *)base;
    pb_status status = reader->pause ? pb_sleep(reader->pause) : (pb_status)PB_OK;
    pb_str piece = pb_str_slice(reader->bytes, reader->at, reader->piece);

    if (status != PB_OK)
        return status;
    reader->reads_after_end += reader->ended;
    if (reader->fail_with != PB_OK && reader->at + piece.size > reader->fail_at) {
        reader->ended = true;
        return pb_fail(reader->fail_with, "the other side is gone");
    }
    reader->ended |= piece.size == 0;
    reader->at += piece.size;
    if (reader->reuses) {
        memset(reader->memory, 'x', sizeof reader->memory);
        if (piece.size)
            memcpy(reader->memory, piece.data, piece.size);
        piece.data = reader->memory;
    }
    *out = (pb_bytes){(const uint8_t *)piece.data, piece.size};
    return PB_OK;
}

static inline struct suite_reader suite_reader_of(pb_str bytes, size_t piece)
{
    return (struct suite_reader){
        .base = {.size = sizeof(pb_reader), .read = suite_read}, .bytes = bytes, .piece = piece};
}

struct suite_writer {
    pb_writer base;
    pb_buf bytes;
    const pb_blob_info *info; /* that must be there at the first byte, or NULL */
    int writes, fail_at;      /* the write that fails with PB_CONFLICT, or 0 */
};

static inline pb_status suite_write(pb_writer *base, pb_bytes bytes)
{
    struct suite_writer *writer = (struct suite_writer *)(void *)base;

    writer->writes++;
    EXPECT(!writer->info || writer->info->bytes > 0,
           "`info` is empty at the first byte, and should be filled before it");
    pb_buf_add(&writer->bytes, pb_str_make((const char *)bytes.data, bytes.size));
    if (writer->fail_at && writer->writes >= writer->fail_at)
        return pb_fail(PB_CONFLICT, "the reader is gone");
    return PB_OK;
}

static inline struct suite_writer suite_writer_of(void)
{
    return (struct suite_writer){.base = {.size = sizeof(pb_writer), .write = suite_write}};
}

#endif
