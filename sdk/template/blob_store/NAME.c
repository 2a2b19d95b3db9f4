/* @NAME@ - blobs in the memory of one process: a reference for stores that live somewhere else.
 *
 * A blob is gathered apart and seen when it is whole. One that is given out is held until its last
 * piece was taken, whatever becomes of its key meanwhile: writers and readers may park.
 */
#include <patchbay/blob_store.h>
#include <patchbay/task.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64 * 1024 };

struct blob {
    struct blob *next;
    int holders; /* the store is one, as long as it has the blob by its key */
    pb_time modified;
    char *key, *type; /* type: NULL when absent */
    char *data;
    size_t size, room;
};

struct @ID@ {
    int64_t size;
    int64_t used;
    struct blob *blobs;
};

static const pb_field @ID@_options[] = {
    PB_SIZE(struct @ID@, size, .def = "64MiB", .min = 1, .help = "Memory for all blobs."),
    PB_END
};

static void let_go(struct @ID@ *self, struct blob *blob)
{
    if (!blob || --blob->holders > 0)
        return;
    self->used -= (int64_t)blob->room;
    free(blob->key);
    free(blob->type);
    free(blob->data);
    free(blob);
}

/* Where it hangs: in the list, or the end of it. */
static struct blob **find(struct @ID@ *self, pb_str key)
{
    struct blob **at = &self->blobs;

    while (*at && !pb_str_is(key, (*at)->key))
        at = &(*at)->next;
    return at;
}

static void unhook(struct @ID@ *self, pb_str key)
{
    struct blob **at = find(self, key), *gone = *at;

    if (gone)
        *at = gone->next;
    let_go(self, gone);
}

/* --- in --------------------------------------------------------------------------------------- */

static pb_status append(struct @ID@ *self, struct blob *blob, pb_bytes piece)
{
    size_t need = blob->size + piece.size;

    if (need > blob->room) {
        size_t room = need < 2 * blob->room ? 2 * blob->room : need;
        if (self->used + (int64_t)(room - blob->room) > self->size)
            return pb_fail(PB_NO_SPACE, "the store has room for %lld bytes", (long long)self->size);
        char *data = realloc(blob->data, room);
        if (!data)
            return pb_fail(PB_NO_MEMORY, "there is no memory for a blob of %zu bytes", need);
        self->used += (int64_t)(room - blob->room);
        blob->data = data;
        blob->room = room;
    }
    if (piece.size)
        memcpy(blob->data + blob->size, piece.data, piece.size); /* valid until the next read */
    blob->size = need;
    return PB_OK;
}

static pb_status gather(struct @ID@ *self, struct blob *blob, pb_reader *reader)
{
    pb_status status;
    pb_bytes piece;

    do {
        piece = (pb_bytes){0};
        status = reader->read(reader, &piece); /* parks */
        if (status == PB_OK)
            status = append(self, blob, piece);
    } while (status == PB_OK && piece.size);
    return status;
}

static pb_status @ID@_put(void *instance, pb_str key, pb_str type, pb_reader *reader)
{
    struct @ID@ *self = instance;
    struct blob *blob = calloc(1, sizeof *blob);

    if (!blob)
        return pb_fail(PB_NO_MEMORY, "there is no memory for another blob");
    blob->holders = 1;
    blob->key = strndup(key.data, key.size);
    blob->type = type.data ? strndup(type.data, type.size) : NULL;
    pb_status status = blob->key && !type.data == !blob->type
                           ? gather(self, blob, reader)
                           : pb_fail(PB_NO_MEMORY, "there is no memory for another blob");
    if (status != PB_OK) {
        let_go(self, blob);
        return status;
    }
    blob->modified = pb_now();
    unhook(self, key);
    blob->next = self->blobs;
    self->blobs = blob;
    return PB_OK;
}

/* --- out -------------------------------------------------------------------------------------- */

static pb_status give(const struct blob *blob, pb_writer *writer)
{
    pb_status status = PB_OK;

    for (size_t at = 0; at < blob->size && status == PB_OK; at += PIECE) {
        size_t size = blob->size - at < PIECE ? blob->size - at : PIECE;
        status = writer->write(writer, (pb_bytes){(const uint8_t *)blob->data + at, size}); /* parks */
    }
    return status;
}

static pb_status @ID@_get(void *instance, pb_str key, pb_blob_info *info, pb_writer *writer)
{
    struct @ID@ *self = instance;
    struct blob *blob = *find(self, key);

    if (!blob)
        return pb_fail(PB_NOT_FOUND, "there is no such blob");
    if (info) {
        info->bytes = (int64_t)blob->size;
        info->modified = blob->modified;
        info->type = pb_copy(pb_str_of(blob->type));
    }
    if (!writer)
        return PB_OK;
    blob->holders++;
    pb_status status = give(blob, writer);
    let_go(self, blob);
    return status;
}

static pb_status @ID@_remove(void *self, pb_str key)
{
    unhook(self, key);
    return PB_OK;
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static void @ID@_destroy(void *instance)
{
    struct @ID@ *self = instance;

    while (self->blobs)
        unhook(self, pb_str_of(self->blobs->key));
}

static void @ID@_stats(void *instance, pb_stats *stats)
{
    const struct @ID@ *self = instance;

    pb_stat(stats, "bytes", (double)self->used);
}

PB_PLUGIN("@NAME@", "0.1.0", "Apache-2.0", "Keeps blobs in the memory of one process.",
          PB_BLOB_STORE("@NAME@", struct @ID@, @ID@_options, .destroy = @ID@_destroy,
                        .stats = @ID@_stats, .put = @ID@_put, .get = @ID@_get,
                        .remove = @ID@_remove));
