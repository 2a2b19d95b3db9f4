/* fork.c - conversations.fork: a copy up to one message, to go on from there another way. */
#include "conversations.h"

enum { PAGE = 100 };

/* Copies what is shown up to `last` (0: all). What is being written is left out. */
static pb_status copy_messages(struct copying *copying, int64_t key, int64_t last)
{
    struct page page = {.key = key, .limit = PAGE};
    pb_status status = PB_OK;
    bool more = true;

    while (more && status == PB_OK) {
        pb_rows rows = {.size = (uint32_t)sizeof rows};
        status = messages_page(copying->database, &page, &rows);
        more = status == PB_OK && rows.count == PAGE;
        for (size_t i = 0; i < rows.count && status == PB_OK; i++) {
            struct message message;
            status = message_read(&rows, i, &message);
            page.after = message.seq;
            if (last && message.seq > last)
                return status;
            if (status == PB_OK && message.status != RUNNING)
                status = copy_message(copying, &message);
        }
    }
    return status;
}

static pb_status find_last(const struct asked *asked, int64_t key, pb_str id, int64_t *out)
{
    struct message message;

    *out = 0;
    if (!id.size)
        return PB_OK;
    pb_status status = asked_message(asked, key, id, &message);
    if (status != PB_OK)
        return status;
    if (message.deleted)
        return no_message();
    if (message.superseded || message.status == RUNNING)
        return pb_fail_at(PB_CONFLICT, "/message",
                          message.superseded ? "the message was replaced by another"
                                             : "the message is still being written");
    *out = message.seq;
    return PB_OK;
}

pb_status fork_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct fork_in *input = in;
    struct conversation source;
    struct asked asked;
    int64_t last = 0;
    pb_str title = pb_str_trim(input->title);
    struct copying *copying = PB_NEW(struct copying);

    if (!copying)
        return PB_NO_MEMORY;
    pb_status status = asked_for(self, call, input->id, &asked);
    if (status == PB_OK)
        status = asked_read(&asked, true, &source);
    if (status == PB_OK)
        status = find_last(&asked, source.key, input->message, &last);
    if (status != PB_OK)
        return status;
    source.forked_from = source.id;
    source.pinned = source.archived = false;
    source.updated = time_text(pb_now());
    if (title.size) {
        source.title = title;
        source.titled = true;
    }
    copying->database = asked.database;
    copying->owner = call->principal->id;
    status = copy_begin(copying, &source);
    if (status == PB_OK)
        status = copy_messages(copying, source.key, last);
    if (status == PB_OK)
        status = copy_end(copying, &source);
    memcpy(asked.uuid, copying->uuid, ID_SIZE);
    return status == PB_OK ? asked_read(&asked, true, out) : status;
}
