/* fetch.c - a document by its address: through the source `web`, which decides what may be asked.
 */
#include "knowledge.h"

struct fetching {
    pb_writer base;
    pb_buf buf;
    int64_t most;
};

static pb_status gather(pb_writer *base, pb_bytes bytes)
{
    struct fetching *fetching = (struct fetching *)(void *)base;

    if ((int64_t)(fetching->buf.size + bytes.size) > fetching->most)
        return pb_fail(PB_TOO_LARGE, "a document has at most %lld bytes here",
                       (long long)fetching->most);
    pb_buf_add(&fetching->buf, pb_str_make((const char *)bytes.data, bytes.size));
    return pb_buf_status(&fetching->buf);
}

pb_status fetch(const struct knowledge *self, pb_instance *source, pb_str id, pb_bytes *out)
{
    struct fetching fetching = {.base = {.size = (uint32_t)sizeof(pb_writer), .write = gather},
                                .most = self->max_document};
    pb_status status = pb_source_fetch(source, id, &fetching.base);

    *out = (pb_bytes){(const uint8_t *)fetching.buf.data, fetching.buf.size};
    return status;
}

static pb_status read_wanted(const struct add_in *input, const pb_call *call, struct wanted *wanted)
{
    pb_status status = metadata_read(input->metadata, &wanted->metadata);

    wanted->owner = call->principal->id;
    wanted->url = input->url;
    wanted->name = input->name.size ? input->name : input->url;
    if (status == PB_OK)
        status = words_read(input->tags, "/tags", &wanted->tags);
    if (status == PB_OK)
        status = access_read(input->access, call->principal->id, &wanted->access);
    return status == PB_OK ? name_check(wanted->name, input->name.size ? "/name" : "/url") : status;
}

HANDLER(documents_add)
{
    const struct knowledge *service = self;
    const struct add_in *input = in;
    struct document *document = out;
    struct wanted wanted = {0};
    struct collection collection;
    struct incoming incoming;
    struct asker asker;
    bool duplicate = false;
    pb_bytes bytes;
    pb_str id;

    if (!service->web)
        return pb_fail(PB_UNSUPPORTED, "no documents are taken by address here: the service has no "
                                       "`web` source");
    pb_status status = read_wanted(input, call, &wanted);
    if (status == PB_OK)
        status = asker_of(call->principal, &asker);
    if (status == PB_OK)
        status = collection_find(service, &asker, input->collection, &collection);
    if (status == PB_OK)
        status = collection_open(&collection, call->principal);
    if (status == PB_OK)
        status = fetch(service, service->web, input->url, &bytes);
    if (status == PB_OK)
        status = incoming_bytes(service, bytes, wanted.name, pb_str_make(NULL, 0), &incoming);
    if (status != PB_OK)
        return status;
    wanted.collection = &collection;
    status = admit(service, &incoming, &wanted, &id, &duplicate);
    asker.all = true;
    if (status == PB_OK)
        status = document_find(service, &asker, id, document);
    document->duplicate = duplicate;
    return status;
}
