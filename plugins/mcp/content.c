/* content.c - what goes into results and streams: long texts and bytes as JSON strings, in pieces,
 * so that a large document does not hold the loop; events of a stream.
 */
#include "mcp.h"

#include <patchbay/encoding.h>
#include <patchbay/media.h>

enum { PIECE = 48 << 10 }; /* a multiple of 3 */

/* As much of `text` as ends with a whole character. */
static size_t piece_of(pb_str text)
{
    size_t size = text.size < PIECE ? text.size : PIECE;

    for (int i = 0; i < 3 && size < text.size && ((unsigned char)text.data[size] & 0xC0) == 0x80;
         i++)
        size--;
    return size;
}

pb_status content_text(pb_json_writer *writer, pb_str text)
{
    pb_status status = PB_OK;
    pb_buf piece = {0};

    if (text.size <= PIECE) {
        pb_jw_str(writer, text);
        return pb_buf_status(writer->buf);
    }
    pb_jw_separate(writer);
    pb_buf_byte(writer->buf, '"');
    while (text.size && status == PB_OK) {
        size_t size = piece_of(text);
        piece.size = 0;
        pb_json_quote(&piece, pb_str_slice(text, 0, size));
        if (piece.failed)
            return PB_NO_MEMORY;
        pb_buf_add(writer->buf, pb_str_make(piece.data + 1, piece.size - 2));
        text = pb_str_slice(text, size, text.size);
        status = pb_step();
    }
    pb_buf_byte(writer->buf, '"');
    return status == PB_OK ? pb_buf_status(writer->buf) : status;
}

static void encode(pb_str from, char *to)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *at = (const uint8_t *)from.data;

    for (size_t left = from.size; left; left = left > 3 ? left - 3 : 0, at += 3) {
        uint32_t bits =
            (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        *to++ = digits[bits >> 18];
        *to++ = digits[bits >> 12 & 63];
        *to++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[bits & 63] : '=';
    }
}

pb_status content_base64(pb_json_writer *writer, pb_str bytes)
{
    pb_status status = PB_OK;

    pb_jw_separate(writer);
    pb_buf_byte(writer->buf, '"');
    while (bytes.size && status == PB_OK) {
        pb_str piece = pb_str_slice(bytes, 0, PIECE);
        size_t size = (piece.size + 2) / 3 * 4;
        char *room = pb_buf_room(writer->buf, size);
        if (!room)
            return PB_NO_MEMORY;
        encode(piece, room);
        writer->buf->size += size;
        bytes = pb_str_slice(bytes, piece.size, bytes.size);
        status = pb_step();
    }
    pb_buf_byte(writer->buf, '"');
    return status == PB_OK ? pb_buf_status(writer->buf) : status;
}

bool content_is_text(pb_str type, pb_str bytes)
{
    pb_str bare = pb_media_bare(type);
    size_t mark;
    bool named = pb_str_starts(bare, pb_lit("text/")) || pb_str_ends(bare, pb_lit("+json")) ||
                 pb_str_ends(bare, pb_lit("+xml")) || pb_media_is(type, "application/json") ||
                 pb_media_is(type, "application/xml") || pb_media_is(type, "application/yaml");

    return named && pb_media_encoding((pb_bytes){(const uint8_t *)bytes.data, bytes.size}, &mark) ==
                        PB_ENCODING_UTF8;
}

pb_status content_block(pb_json_writer *writer, pb_str text)
{
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "type");
    pb_jw_str(writer, pb_lit("text"));
    pb_jw_key(writer, "text");
    pb_status status = content_text(writer, text.data ? text : pb_lit(""));
    pb_jw_close(writer, '}');
    return status;
}

pb_status content_event(pb_writer *writer, pb_str json)
{
    pb_buf buf = {0};

    pb_buf_add(&buf, pb_lit("event: message\ndata: "));
    pb_buf_add(&buf, json);
    pb_buf_add(&buf, pb_lit("\n\n"));
    if (buf.failed)
        return PB_NO_MEMORY;
    return writer->write(writer, (pb_bytes){(const uint8_t *)buf.data, buf.size});
}
