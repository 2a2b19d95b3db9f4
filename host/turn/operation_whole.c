/* operation_whole.c - an operation called from inside the process: streams become memory and back.
 */
#include "turn/operations.h"

#include "base/scope.h"

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

/* In memory of its own: who writes may do so in a scope that ends before the next piece. */
struct gathering {
    pb_writer base;
    struct arena arena;
    pb_buf buf;
};

static pb_status gather(pb_writer *base, pb_bytes bytes)
{
    struct gathering *gathering = (struct gathering *)(void *)base;

    if (bytes.size > ANSWER_MOST - gathering->buf.size)
        return pb_fail(PB_TOO_LARGE, "the answer is larger than 64 MiB; ask for it over HTTP");
    struct arena *before = scope_arena_swap(&gathering->arena);
    pb_buf_add(&gathering->buf, pb_str_make((const char *)bytes.data, bytes.size));
    (void)scope_arena_swap(before);
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
    arena_init(&gathering.arena, 0);
    status = out->send(out->arg, &gathering.base);
    out->send = NULL;
    out->body = pb_copy(pb_buf_str(&gathering.buf));
    if (status == PB_OK && gathering.buf.size && !out->body.data)
        status = PB_NO_MEMORY;
    arena_fini(&gathering.arena);
    return status;
}
