/* kept.c - where an exchange's events come from; turns that outlive their connection.
 *
 * A turn with an Idempotency-Key, or a detached one, is launched: it runs on its own, and its
 * answer is told by following its kept events. So a request that comes again with the same key gets
 * what the first one got, and a stream that broke off is resumed at GET /v1/turns/{id}/events by
 * any worker.
 */
#include "http.h"

#include <patchbay/secret.h>

enum { KEY_MOST = 255 };

/* --- the header Idempotency-Key --------------------------------------------------------------- */

static pb_status bad_key(void)
{
    return pb_fail(PB_INVALID,
                   "Idempotency-Key must be one text of 1 to %d printable ASCII "
                   "characters, as \"8e03978e-40d5-43dd-bc93-6894a57f9324\"",
                   KEY_MOST);
}

/* A string of RFC 9651 without its quotes. */
static pb_status unquote(pb_str text, pb_str *out)
{
    char *to = pb_alloc(text.size);
    size_t size = 0, last = text.size - 1;

    if (!to)
        return PB_NO_MEMORY;
    if (text.size < 2 || text.data[last] != '"')
        return bad_key();
    for (size_t i = 1; i < last; i++) {
        if (text.data[i] == '"')
            return bad_key();
        if (text.data[i] == '\\' && (++i == last || !strchr("\"\\", text.data[i])))
            return bad_key();
        to[size++] = text.data[i];
    }
    *out = pb_str_make(to, size);
    return PB_OK;
}

/* In quotes as the draft says, or bare as most clients send it. */
static pb_status read_key(const pb_request *request, pb_str *out)
{
    static const pb_str name = PB_LIT("idempotency-key");
    pb_status status = PB_OK;
    size_t count = 0;

    *out = (pb_str){0};
    for (uint32_t i = 0; i < request->header_count; i++)
        if (pb_str_same(request->headers[i].name, name)) {
            *out = pb_str_trim(request->headers[i].value);
            count++;
        }
    if (count == 0)
        return PB_OK;
    bool quoted = out->size && out->data[0] == '"';
    if (quoted && (status = unquote(*out, out)) != PB_OK)
        return status;
    for (size_t i = 0; i < out->size; i++) {
        unsigned char c = (unsigned char)out->data[i];
        if (c > '~' || c < ' ' || (!quoted && strchr(" \",;", c)))
            return bad_key();
    }
    return count == 1 && out->size && out->size <= KEY_MOST ? PB_OK : bad_key();
}

/* Everything that decides what is asked: the body, and the headers that say more. */
static pb_status digest(struct exchange *exchange, pb_str *out)
{
    pb_str body, conversation = pb_request_header(exchange->request, "patchbay-conversation");
    uint8_t *sum = pb_alloc(32);
    pb_status status = sum ? body_read(exchange, &body) : (pb_status)PB_NO_MEMORY;

    if (status != PB_OK)
        return status;
    pb_sha256((pb_bytes){(const uint8_t *)body.data, body.size}, sum);
    if (conversation.size) {
        pb_str both =
            pb_printf("%.*s %.*s", PB_ARG(conversation), PB_ARG(pb_hex((pb_bytes){sum, 32})));
        if (!both.data)
            return PB_NO_MEMORY;
        pb_sha256((pb_bytes){(const uint8_t *)both.data, both.size}, sum);
    }
    *out = pb_str_make((const char *)sum, 32);
    return PB_OK;
}

pb_status kept_read_key(struct exchange *exchange, pb_turn_spec *spec)
{
    pb_str key;
    pb_status status = read_key(exchange->request, &key);

    if (status != PB_OK || !key.size)
        return status;
    spec->key = pb_printf("%.*s %.*s", PB_ARG(exchange->request->path), PB_ARG(key));
    return spec->key.data ? digest(exchange, &spec->digest) : (pb_status)PB_NO_MEMORY;
}

/* --- sources ---------------------------------------------------------------------------------- */

/* What the answer needs to know of a kept turn. */
static void describe(struct source *source)
{
    const pb_launched *about = &source->about;

    source->info = (pb_turn_info){
        .size = (uint32_t)sizeof source->info,
        .id = about->id,
        .pipeline = about->pipeline,
        .request_id = about->request_id,
        .conversation = about->conversation,
        .reply = about->reply,
        .created = about->created,
    };
}

pb_status source_begin(struct exchange *exchange, const pb_turn_spec *spec, bool detach,
                       struct source *source)
{
    pb_status status;

    source->about.size = (uint32_t)sizeof source->about;
    source->kept = detach || spec->key.size;
    if (source->kept) {
        status = pb_turn_launch(spec, &source->about);
        exchange->unable = status == PB_UNSUPPORTED;
        if (status == PB_OK)
            describe(source);
    } else {
        status = pb_turn_new(spec, &source->turn);
        if (status == PB_OK)
            source->info = *pb_turn_info_of(source->turn);
    }
    if (status == PB_OK)
        exchange->source = source;
    return status;
}

pb_status source_run(struct exchange *exchange, pb_sink *sink)
{
    struct source *source = exchange->source;
    pb_follow_spec spec = {
        .size = (uint32_t)sizeof spec,
        .id = source->info.id,
        .principal = &exchange->principal,
        .after = source->after,
        .about = &source->about,
    };

    return source->turn ? pb_turn_run(source->turn, sink) : pb_turn_follow(&spec, sink);
}

pb_status source_end(struct exchange *exchange, pb_status status)
{
    struct source *source = exchange->source;

    if (status != PB_OK && !exchange->begun && !exchange->answered)
        status = answer_error(exchange); /* here, because it names the turn */
    exchange->source = NULL;
    pb_turn_free(source->turn);
    return status;
}

void source_describe(struct source *source)
{
    if (source->kept && source->about.id.size)
        describe(source);
}
