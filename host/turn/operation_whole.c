/* operation_whole.c - an operation called from inside the process: streams become memory and back.
 */
#include "turn/operations.h"

enum { ANSWER_MOST = 64 << 20 };

struct given {
    pb_reader base;
    pb_str rest;
};

static pb_status give(pb_reader *base, pb_bytes *out)
{
    struct given *given = (struct given *)(void *)base;

    *out = (pb_bytes){(const uint8_t *)given->rest.data, given->rest.size};
    given->rest.size = 0;
    return PB_OK;
}

struct gathering {
    pb_writer base;
    pb_buf buf;
};

static pb_status gather(pb_writer *base, pb_bytes bytes)
{
    struct gathering *gathering = (struct gathering *)(void *)base;

    if (bytes.size > ANSWER_MOST - gathering->buf.size)
        return pb_fail(PB_TOO_LARGE, "the answer is larger than 64 MiB; ask for it over HTTP");
    pb_buf_add(&gathering->buf, pb_str_make((const char *)bytes.data, bytes.size));
    return pb_buf_status(&gathering->buf);
}

pb_status operation_call_whole(const pb_operation *operation, pb_call *call, pb_str upload,
                               pb_content *out)
{
    struct given given = {.base = {.size = sizeof(pb_reader), .read = give}, .rest = upload};
    struct gathering gathering = {.base = {.size = sizeof(pb_writer), .write = gather}};

    if (operation->upload)
        call->reader = &given.base;
    pb_status status = pb_operation_call(operation, call, out);
    if (status != PB_OK || !out->send)
        return status;
    status = out->send(out->arg, &gathering.base);
    out->send = NULL;
    out->body = pb_buf_str(&gathering.buf);
    return status;
}
