/* form.c - the form that asks for a transcription. Its fields come in any order, the file often first,
 * so the file waits in memory until the last field is known. */
#include "audio.h"

enum { FIELD_MOST = 16 << 10, BLOCK = 64 << 10 };

/* --- a file in memory --------------------------------------------------------------------------- */

struct block {
    struct block *next;
    size_t size;
    uint8_t bytes[BLOCK];
};

struct kept {
    pb_reader base;
    struct block *first, *last, *at;
};

static pb_status read_kept(pb_reader *base, pb_bytes *out)
{
    struct kept *kept = (struct kept *)(void *)base;
    struct block *block = kept->at;

    *out = (pb_bytes){block ? block->bytes : (const uint8_t *)"", block ? block->size : 0};
    kept->at = block ? block->next : NULL;
    return PB_OK;
}

static pb_status keep(struct kept *kept, pb_bytes bytes)
{
    while (bytes.size) {
        if (!kept->last || kept->last->size == BLOCK) {
            struct block *block = PB_NEW(struct block);
            if (!block)
                return PB_NO_MEMORY;
            *(kept->last ? &kept->last->next : &kept->first) = block;
            kept->last = block;
        }
        size_t room = BLOCK - kept->last->size, part = bytes.size < room ? bytes.size : room;
        memcpy(kept->last->bytes + kept->last->size, bytes.data, part);
        kept->last->size += part;
        bytes.data += part;
        bytes.size -= part;
    }
    return PB_OK;
}

static pb_status keep_all(pb_reader *from, struct kept **out)
{
    struct kept *kept = *out = PB_NEW(struct kept);
    pb_bytes bytes;
    pb_status status;

    if (!kept)
        return PB_NO_MEMORY;
    kept->base = (pb_reader){.size = (uint32_t)sizeof(pb_reader), .read = read_kept};
    do {
        status = from->read(from, &bytes);
        if (status == PB_OK)
            status = keep(kept, bytes);
    } while (status == PB_OK && bytes.size);
    kept->at = kept->first;
    return status;
}

/* --- a bound ------------------------------------------------------------------------------------ */

struct bounded {
    pb_reader base;
    pb_reader *from;
    int64_t left, most;
};

static pb_status read_bounded(pb_reader *base, pb_bytes *out)
{
    struct bounded *bounded = (struct bounded *)(void *)base;
    pb_status status = bounded->from->read(bounded->from, out);

    if (status != PB_OK)
        return status;
    if (out->size > (uint64_t)bounded->left)
        return pb_fail_at(PB_TOO_LARGE, "/file", "is larger than %lld bytes, the most that is taken",
                          (long long)bounded->most);
    bounded->left -= (int64_t)out->size;
    return PB_OK;
}

pb_reader *form_bounded(pb_reader *from, int64_t most)
{
    struct bounded *bounded = PB_NEW(struct bounded);

    if (!bounded)
        return NULL;
    *bounded = (struct bounded){.base = {.size = (uint32_t)sizeof(pb_reader), .read = read_bounded},
                                .from = from,
                                .left = most,
                                .most = most};
    return &bounded->base;
}

/* --- the form ----------------------------------------------------------------------------------- */

static pb_status take_file(const struct audio *audio, pb_multipart *form, struct asked *asked)
{
    pb_reader *bounded = form_bounded(&form->base, audio->max_file);
    struct kept *kept;

    if (asked->audio)
        return pb_fail_at(PB_INVALID, "/file", "is given twice");
    if (!bounded)
        return PB_NO_MEMORY;
    asked->type = pb_copy(form->part.type);
    asked->file_name = pb_copy(form->part.file_name);
    pb_status status = keep_all(bounded, &kept);
    asked->audio = kept ? &kept->base : NULL;
    return status;
}

static pb_str *place_of(struct asked *asked, pb_str name)
{
    return pb_str_is(name, "model")             ? &asked->model
           : pb_str_is(name, "language")        ? &asked->language
           : pb_str_is(name, "prompt")          ? &asked->prompt
           : pb_str_is(name, "response_format") ? &asked->format
                                                : NULL;
}

/* Fields without a place: some ask for what is not done here, others only hint. */
static pb_status take_other(pb_str name, pb_str value, struct asked *asked)
{
    if (pb_str_starts(name, pb_lit("timestamp_granularities")))
        return pb_str_is(value, "segment")
                   ? (pb_status)PB_OK
                   : pb_fail_at(PB_INVALID, "/timestamp_granularities",
                                "can be \"segment\": single words have no times here");
    if (pb_str_is(name, "stream"))
        return pb_str_is(value, "true") || pb_str_is(value, "1")
                   ? pb_fail_at(PB_INVALID, "/stream", "a transcription comes in one piece here")
                   : (pb_status)PB_OK;
    if (!pb_str_is(name, "temperature") && !pb_str_is(name, "chunking_strategy") &&
        !pb_str_is(name, "user") && !pb_str_starts(name, pb_lit("include")))
        return pb_fail(PB_INVALID, "the form has a field '%.*s', which is not known", PB_ARG(name));
    asked->ignored = asked->ignored.size ? pb_printf("%.*s, %.*s", PB_ARG(asked->ignored), PB_ARG(name))
                                         : name;
    return PB_OK;
}

static pb_status take_field(pb_multipart *form, struct asked *asked)
{
    pb_str name = pb_copy(form->part.name), value;
    pb_str *place = place_of(asked, name);
    pb_status status = pb_multipart_text(form, FIELD_MOST, &value);

    if (status != PB_OK)
        return status;
    if (!place)
        return take_other(name, value, asked);
    *place = value;
    return PB_OK;
}

pb_status form_read(const struct audio *audio, const pb_call *call, struct asked *asked)
{
    pb_multipart *form = PB_NEW(pb_multipart);
    pb_status status = form ? pb_multipart_begin(form, call->reader, call->type)
                            : (pb_status)PB_NO_MEMORY;

    while (status == PB_OK && (status = pb_multipart_next(form)) == PB_OK)
        status = form->part.file_name.data ? take_file(audio, form, asked) : take_field(form, asked);
    if (status != PB_DECLINED)
        return status;
    return asked->audio ? (pb_status)PB_OK : pb_fail_at(PB_INVALID, "/file", "is missing");
}
