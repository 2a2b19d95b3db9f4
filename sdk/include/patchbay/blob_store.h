/* blob_store.h - large bytes by key.
 *
 * A key is 1 to 512 bytes of [A-Za-z0-9._/-], without "." or ".." as a part. The host puts the
 * tenant in front of it.
 */
#ifndef PATCHBAY_BLOB_STORE_H
#define PATCHBAY_BLOB_STORE_H

#include <patchbay/stream.h>
#include <patchbay/plugin.h>

#define PB_BLOB_STORE_REVISION 1

/* What is known of a blob. */
struct pb_blob_info {
    uint32_t size;
    uint32_t reserved;
    int64_t bytes;
    pb_time modified;
    pb_str type; /* "application/pdf", or absent */
};

/* The interface. url is optional, the others are required; all may park.
 * put      stores all that the reader gives; durable, and seen by others, only on PB_OK. An older
 *          blob is replaced. `type` may be absent. PB_NO_SPACE.
 * get      writes it; `info` (size is set) is filled before the first byte, and may be NULL with no
 *          interest in it; a NULL writer asks for the info alone. PB_NOT_FOUND.
 * remove   PB_OK also when there is none.
 * url      a link that lets anyone read it until `expiry`. NULL: this store has none.
 * backup   copies everything into a folder that is made; restore puts all in the place of what is
 *          there. Optional. */
typedef struct pb_blob_store {
    PB_LIFECYCLE
    pb_status (*put)(void *self, pb_str key, pb_str type, pb_reader *reader);
    pb_status (*get)(void *self, pb_str key, pb_blob_info *info, pb_writer *writer);
    pb_status (*remove)(void *self, pb_str key);
    pb_status (*url)(void *self, pb_str key, pb_time expiry, pb_str *out);
    pb_status (*backup)(void *self, pb_str folder);
    pb_status (*restore)(void *self, pb_str folder);
} pb_blob_store;

/* PB_BLOB_STORE("filesystem", struct files, files_options, .put = …, .get = …, …) */
#define PB_BLOB_STORE(name, owner, options, ...)                                                   \
    PB_COMPONENT(pb_blob_store, "blob_store", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `store` is an option of kind PB_KIND_REF. All park. --------------- */

static inline pb_status pb_blob_put(pb_instance *store, pb_str key, pb_str type, pb_reader *reader)
{
    return PB_CALL(blob_put)(store, key, type, reader);
}

static inline pb_status pb_blob_get(pb_instance *store, pb_str key, pb_blob_info *info,
                                    pb_writer *writer)
{
    return PB_CALL(blob_get)(store, key, info, writer);
}

static inline pb_status pb_blob_remove(pb_instance *store, pb_str key)
{
    return PB_CALL(blob_remove)(store, key);
}

/* PB_UNSUPPORTED: this store gives no links. */
static inline pb_status pb_blob_url(pb_instance *store, pb_str key, pb_time expiry, pb_str *out)
{
    return PB_CALL(blob_url)(store, key, expiry, out);
}

#endif
