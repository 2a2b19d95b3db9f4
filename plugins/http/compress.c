/* compress.c - gzip and zstd: whole answers on their way out, whole bodies on their way in.
 *
 * A stream is never compressed: its pieces would wait in the compressor. What comes in is unpacked piece by
 * piece up to the limit that it would have had unpacked, so a bomb costs no more than an honest body.
 */
#include "negotiate.h"

#include <zlib.h>
#include <zstd.h>

enum {
    WORTH_IT = 1024,   /* bytes: less than that and the header weighs as much as is saved */
    AT_ONCE = 8 << 10, /* more than that would hold the loop too long */
    PIECE = 64 << 10,  /* of what is unpacked, between two looks at the loop */
    GZIP_LEVEL = 5,
    ZSTD_LEVEL = 3,
    GZIP_WINDOW = 15 + 16, /* zlib's way to say gzip */
};

static const char *const names[] = {"identity", "gzip", "zstd"};

/* --- out -------------------------------------------------------------------------------------- */

struct packing {
    enum coding coding;
    pb_str from;
    char *to;
    size_t room, size; /* 0: it did not get smaller */
};

static size_t pack_gzip(const struct packing *packing)
{
    z_stream stream = {0};
    size_t size = 0;

    if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return 0;
    stream.next_in = (Bytef *)(uintptr_t)packing->from.data;
    stream.avail_in = (uInt)packing->from.size;
    stream.next_out = (Bytef *)packing->to;
    stream.avail_out = (uInt)packing->room;
    if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
        size = stream.total_out;
    (void)deflateEnd(&stream);
    return size;
}

static pb_status pack(void *arg)
{
    struct packing *packing = arg;

    if (packing->coding == CODING_GZIP) {
        packing->size = pack_gzip(packing);
    } else {
        size_t size = ZSTD_compress(packing->to, packing->room, packing->from.data,
                                    packing->from.size, ZSTD_LEVEL);
        packing->size = ZSTD_isError(size) ? 0 : size;
    }
    return PB_OK;
}

bool type_compresses(pb_str type)
{
    static const char *const types[] = {"application/json", "application/javascript",
                                        "application/xml", "application/yaml", "image/svg+xml"};

    type = pb_str_trim(pb_str_slice(type, 0, pb_str_find(type, ';')));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (pb_str_same(type, pb_str_of(types[i])))
            return true;
    return pb_str_ends(type, pb_lit("+json")) || pb_str_ends(type, pb_lit("+xml")) ||
           (pb_str_starts(type, pb_lit("text/")) && !pb_str_is(type, "text/event-stream"));
}

/* Where the client takes no plain bytes, room for what does not get smaller. */
static size_t room_for(enum coding coding, size_t size, bool plain)
{
    if (plain)
        return size - 1;
    return coding == CODING_GZIP ? compressBound((uLong)size) + 32 : ZSTD_compressBound(size);
}

enum coding compress_body(const struct exchange *exchange, pb_str *body)
{
    bool plain;
    enum coding coding = client_coding(exchange, &plain);

    if (coding == CODING_NONE || body->size > UINT32_MAX / 2 || (plain && body->size < WORTH_IT))
        return CODING_NONE;
    struct packing packing = {coding, *body, NULL, room_for(coding, body->size, plain), 0};
    if (!(packing.to = pb_alloc(packing.room)))
        return CODING_NONE;
    pb_status status = body->size > AT_ONCE ? pb_offload(pack, &packing) : pack(&packing);
    if (status != PB_OK)
        pb_error_clear(); /* too much is going on: then as it is */
    if (status != PB_OK || !packing.size)
        return CODING_NONE;
    *body = pb_str_make(packing.to, packing.size);
    return coding;
}

const char *coding_name(enum coding coding)
{
    return names[coding];
}

bool compress_worth(size_t size)
{
    return size >= WORTH_IT;
}

/* --- in --------------------------------------------------------------------------------------- */

struct unpacking {
    pb_str from;
    pb_buf to;
    size_t most;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool ended;
};

static pb_status malformed(enum coding coding)
{
    return pb_fail(PB_INVALID, "the body is no %s, as Content-Encoding says it is", names[coding]);
}

/* One piece more. `ended` is set with the last. */
static pb_status unpack_gzip(struct unpacking *unpacking, char *room)
{
    z_stream *stream = &unpacking->gzip;

    stream->next_out = (Bytef *)room;
    stream->avail_out = PIECE;
    int result = inflate(stream, Z_NO_FLUSH);
    unpacking->to.size += PIECE - stream->avail_out;
    unpacking->ended = result == Z_STREAM_END;
    bool stuck = result == Z_BUF_ERROR || (result == Z_OK && stream->avail_out && !stream->avail_in);
    if ((result != Z_OK && result != Z_STREAM_END) || stuck ||
        (unpacking->ended && stream->avail_in))
        return malformed(CODING_GZIP);
    return PB_OK;
}

static pb_status unpack_zstd(struct unpacking *unpacking, char *room)
{
    ZSTD_inBuffer in = {unpacking->from.data, unpacking->from.size, 0};
    ZSTD_outBuffer out = {room, PIECE, 0};
    size_t left = ZSTD_decompressStream(unpacking->zstd, &out, &in);

    unpacking->from = pb_str_slice(unpacking->from, in.pos, unpacking->from.size);
    unpacking->to.size += out.pos;
    unpacking->ended = left == 0;
    bool stuck = left && !unpacking->from.size && out.pos < PIECE;
    if (ZSTD_isError(left) || stuck || (unpacking->ended && unpacking->from.size))
        return malformed(CODING_ZSTD);
    return PB_OK;
}

static pb_status unpack_all(struct unpacking *unpacking, enum coding coding)
{
    pb_buf *to = &unpacking->to;
    pb_status status = PB_OK;

    while (status == PB_OK && !unpacking->ended) {
        char *room = pb_buf_room(to, PIECE);
        if (!room)
            return PB_NO_MEMORY;
        status = coding == CODING_GZIP ? unpack_gzip(unpacking, room) : unpack_zstd(unpacking, room);
        if (status == PB_OK && to->size > unpacking->most)
            return pb_fail(PB_TOO_LARGE, "the request's body is larger than %zu bytes when unpacked",
                           unpacking->most);
        if (status == PB_OK)
            status = pb_step();
    }
    return status;
}

pb_status unpack_body(struct exchange *exchange, pb_str *body)
{
    pb_str said = pb_request_header(exchange->request, "content-encoding");
    struct unpacking unpacking = {.from = *body,
                                  .most = (size_t)exchange->http->limits.body};
    enum coding coding = pb_str_same(said, pb_lit("zstd")) ? CODING_ZSTD : CODING_GZIP;
    pb_status status;

    if (!body->size || !said.size || pb_str_same(said, pb_lit("identity")))
        return PB_OK;
    if (coding == CODING_GZIP && !pb_str_same(said, pb_lit("gzip")) &&
        !pb_str_same(said, pb_lit("x-gzip"))) {
        exchange->refused_coding = true;
        return pb_fail(PB_UNSUPPORTED, "a body may come as it is, or as gzip or zstd");
    }
    unpacking.gzip.next_in = (Bytef *)(uintptr_t)body->data;
    unpacking.gzip.avail_in = (uInt)body->size;
    if (coding == CODING_GZIP ? inflateInit2(&unpacking.gzip, GZIP_WINDOW) != Z_OK
                              : !(unpacking.zstd = ZSTD_createDStream()))
        return pb_fail(PB_NO_MEMORY, "there is no memory to unpack the body");
    if (unpacking.zstd) /* a frame must not ask for more than the window of an honest one */
        (void)ZSTD_DCtx_setParameter(unpacking.zstd, ZSTD_d_windowLogMax, 23);
    status = unpack_all(&unpacking, coding);
    if (coding == CODING_GZIP)
        (void)inflateEnd(&unpacking.gzip);
    ZSTD_freeDStream(unpacking.zstd);
    if (status == PB_OK)
        *body = pb_buf_str(&unpacking.to);
    return status;
}
