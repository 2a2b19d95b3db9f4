/* incoming.c - bytes on their way in: counted, digested, told what they are, stored. A row says
 * that they are coming before the first byte does, so that what a worker leaves behind that dies is
 * found. */
#include "knowledge.h"

#include <patchbay/media.h>
#include <patchbay/secret.h>

enum { HEAD = 64 << 10, STEP = 64 << 10 };

/* A reader that looks at what it passes on. */
struct passing {
    pb_reader base;
    pb_reader *from;
    int64_t size, most;
    pb_digest digest;
    uint8_t *head;
    size_t head_size;
};

pb_str blob_key(pb_str blob)
{
    return pb_printf("knowledge/%.*s/%.*s", PB_ARG(pb_str_slice(blob, blob.size - 2, 2)),
                     PB_ARG(blob));
}

static pb_status too_large(int64_t most)
{
    return pb_fail(PB_TOO_LARGE, "a document has at most %lld bytes here", (long long)most);
}

static pb_status pass(pb_reader *base, pb_bytes *out)
{
    struct passing *passing = (struct passing *)(void *)base;
    pb_status status = passing->from->read(passing->from, out);

    if (status != PB_OK)
        return status;
    passing->size += (int64_t)out->size;
    if (passing->size > passing->most)
        return too_large(passing->most);
    size_t room = HEAD - passing->head_size, part = out->size < room ? out->size : room;
    if (part)
        memcpy(passing->head + passing->head_size, out->data, part);
    passing->head_size += part;
    for (size_t at = 0; at < out->size && status == PB_OK; at += STEP) {
        size_t size = out->size - at < STEP ? out->size - at : STEP;
        pb_digest_add(&passing->digest, (pb_bytes){out->data + at, size});
        status = pb_step();
    }
    return status;
}

/* "text/…" matches all kinds of text. */
static bool type_fits(pb_str pattern, pb_str type)
{
    if (pb_str_ends(pattern, pb_lit("/*")))
        return pb_str_starts(type, pb_str_slice(pattern, 0, pattern.size - 1));
    return pb_str_same(pattern, type);
}

static pb_status check_type(const struct knowledge *self, pb_str type)
{
    for (size_t i = 0; i < self->types.count; i++)
        if (type_fits(PB_ITEM(self->types, pb_str, i), type))
            return PB_OK;
    return self->types.count
               ? pb_fail(PB_UNSUPPORTED, "documents of type %.*s are not taken here", PB_ARG(type))
               : (pb_status)PB_OK;
}

static pb_status announce(const struct knowledge *self, const struct incoming *incoming)
{
    const pb_principal *principal = pb_principal_running();
    pb_value values[] = {pb_value_text(incoming->blob),
                         pb_value_text(principal ? principal->id : pb_lit("")),
                         pb_value_text(pb_node_id()), pb_value_int(pb_now())};

    return pb_db_query(self->database, sql_blob_coming, values, COUNT(values), NULL);
}

struct dropping {
    const struct knowledge *self;
    pb_str blob;
};

static pb_status drop(void *arg)
{
    const struct dropping *dropping = arg;
    pb_value values[] = {pb_value_text(dropping->blob), pb_value_text(pb_node_id())};
    pb_statement statement = statement_of(sql_blob_forget, values, 2, PB_ALL_TENANTS);
    pb_status status = pb_blob_remove(dropping->self->blobs, blob_key(dropping->blob));

    return status == PB_OK ? pb_db_run(dropping->self->database, &statement, NULL) : status;
}

void incoming_drop(const struct knowledge *self, const struct incoming *incoming)
{
    struct dropping dropping = {self, incoming->blob};
    pb_error before = *pb_error_last();
    pb_str sentence = pb_copy(before.sentence), pointer = pb_copy(before.pointer);

    if (!incoming->blob.data)
        return;
    note_failure("a file that nobody wants was not removed; it will be later",
                 pb_shield(drop, &dropping));
    if (before.status != PB_OK)
        (void)PB_CALL(fail)(before.status, sentence, pointer, before.retry_after);
}

pb_status incoming_store(const struct knowledge *self, pb_reader *reader, pb_str name, pb_str type,
                         struct incoming *out)
{
    struct passing passing = {.base = {.size = (uint32_t)sizeof(pb_reader), .read = pass},
                              .from = reader,
                              .most = self->max_document,
                              .head = (uint8_t *)pb_alloc(HEAD)};
    uint8_t digest[32];

    memset(out, 0, sizeof *out);
    out->blob = pb_uuid();
    if (!passing.head || !out->blob.data)
        return PB_NO_MEMORY;
    pb_status status = announce(self, out);
    if (status != PB_OK)
        return status;
    status = pb_blob_put(self->blobs, blob_key(out->blob), type, &passing.base);
    pb_digest_end(&passing.digest, digest);
    out->digest = hex_of(digest);
    out->size = passing.size;
    out->type = pb_str_of(pb_media_type((pb_bytes){passing.head, passing.head_size}, name));
    if (status == PB_OK && !out->size)
        status = pb_fail(PB_INVALID, "the document '%.*s' is empty", PB_ARG(name));
    if (status == PB_OK)
        status = check_type(self, out->type);
    if (status != PB_OK)
        incoming_drop(self, out);
    return status;
}

struct given {
    pb_reader base;
    pb_bytes rest;
};

static pb_status give(pb_reader *base, pb_bytes *out)
{
    struct given *given = (struct given *)(void *)base;

    *out = given->rest;
    given->rest.size = 0;
    return PB_OK;
}

pb_status incoming_bytes(const struct knowledge *self, pb_bytes bytes, pb_str name, pb_str type,
                         struct incoming *out)
{
    struct given given = {.base = {.size = (uint32_t)sizeof(pb_reader), .read = give},
                          .rest = bytes};

    return incoming_store(self, &given.base, name, type, out);
}
