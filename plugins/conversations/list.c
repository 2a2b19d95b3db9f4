/* list.c - the operations that read: conversations by key or by what was said, messages by seq.
 *
 * A page ends where the next begins: the cursor is the key of its last row, so that what comes
 * meanwhile neither repeats nor hides anything.
 */
#include "conversations.h"

#include <inttypes.h>

/* --- who may ------------------------------------------------------------------------------------
 */

pb_status no_conversation(void)
{
    return pb_fail(PB_NOT_FOUND, "there is no conversation with this id");
}

pb_status no_message(void)
{
    return pb_fail(PB_NOT_FOUND, "there is no message with this id in this conversation");
}

bool is_admin(const pb_principal *principal)
{
    for (uint32_t i = 0; i < principal->role_count; i++)
        if (pb_str_is(principal->roles[i], "admin"))
            return true;
    return false;
}

pb_status asked_for(const struct conversations *service, const pb_call *call, pb_str id,
                    struct asked *out)
{
    out->database = service->database;
    out->principal = call->principal;
    return pb_uuid_bytes(id, out->uuid) ? (pb_status)PB_OK : no_conversation();
}

pb_status asked_read(const struct asked *asked, bool own, struct conversation *out)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_value values[] = {id_value(asked->uuid), pb_value_text(asked->principal->id),
                         pb_value_int(!own && is_admin(asked->principal))};
    pb_status status =
        pb_db_query(asked->database, sql_get, values, sizeof values / sizeof *values, &rows);

    if (status != PB_OK)
        return status;
    return rows.count ? conversation_read(&rows, 0, out) : no_conversation();
}

pb_status asked_message(const struct asked *asked, int64_t key, pb_str id, struct message *out)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    uint8_t uuid[ID_SIZE];

    if (!pb_uuid_bytes(id, uuid))
        return no_message();
    pb_value values[] = {id_value(uuid), pb_value_int(key)};
    pb_status status =
        pb_db_query(asked->database, sql_message, values, sizeof values / sizeof *values, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return no_message();
    status = message_read(&rows, 0, out);
    return status == PB_OK ? message_settle(asked->database, key, out) : status;
}

/* --- a page of conversations --------------------------------------------------------------------
 */

static pb_status read_cursor(pb_str cursor, int64_t *updated, int64_t *key)
{
    char text[65];
    int end = 0;

    *updated = *key = INT64_MAX;
    if (!cursor.size)
        return PB_OK;
    if (cursor.size < sizeof text) {
        memcpy(text, cursor.data, cursor.size);
        text[cursor.size] = 0;
        if (sscanf(text, "%" SCNx64 ".%" SCNx64 "%n", (uint64_t *)updated, (uint64_t *)key, &end) ==
                2 &&
            (size_t)end == cursor.size && *updated >= 0 && *key >= 0)
            return PB_OK;
    }
    return pb_fail_at(PB_INVALID, "/cursor", "must be `next` of an earlier page");
}

static void add_hex(pb_buf *buf, pb_str text)
{
    for (size_t i = 0; i < text.size; i++)
        pb_buf_printf(buf, "%02x", (unsigned char)text.data[i]);
}

static bool has_word(pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
            return true;
    }
    return false;
}

/* `q` in the words of the index: all of them, quoted, the last as a beginning; whose messages they
 * are is a word too, so that a search costs what its owner wrote, not what all did. */
static pb_status match_of(pb_str q, pb_str tenant, pb_str owner, pb_str *out)
{
    pb_buf buf;
    size_t words = 0;

    memset(&buf, 0, sizeof buf);
    pb_buf_add(&buf, pb_lit("who : \"o"));
    add_hex(&buf, tenant);
    pb_buf_byte(&buf, 'x');
    add_hex(&buf, owner);
    pb_buf_add(&buf, pb_lit("\" AND body : ("));
    while ((q = pb_str_trim(q)).size) {
        size_t size = 0;
        while (size < q.size && !strchr(" \t\r\n", q.data[size]))
            size++;
        pb_str word = pb_str_slice(q, 0, size);
        q = pb_str_slice(q, size, q.size);
        if (!has_word(word))
            continue;
        pb_buf_add(&buf, words++ ? pb_lit(" AND \"") : pb_lit("\""));
        for (size_t i = 0; i < word.size; i++)
            pb_buf_add(&buf, word.data[i] == '"' ? pb_lit(" ") : pb_str_slice(word, i, 1));
        pb_buf_byte(&buf, '"');
    }
    pb_buf_add(&buf, pb_lit(" *)"));
    if (!words)
        return pb_fail_at(PB_INVALID, "/q", "must have a word to search for");
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

static pb_status find(const struct conversations *service, const pb_call *call,
                      const struct list_in *in, pb_rows *rows)
{
    pb_str owner = in->owner.size ? in->owner : call->principal->id, match = {NULL, 0};
    int64_t updated, key;
    pb_status status = read_cursor(in->cursor, &updated, &key);

    if (status == PB_OK && !pb_str_equal(owner, call->principal->id) && !is_admin(call->principal))
        status = pb_fail_at(PB_FORBIDDEN, "/owner", "only an administrator sees those of others");
    if (status == PB_OK && in->q.data) {
        status = match_of(in->q, call->principal->tenant, owner, &match);
        if (status == PB_OK)
            status = search_catch_up(service->database, 1 << 10);
    }
    if (status != PB_OK)
        return status;
    pb_value values[] = {pb_value_text(owner),
                         pb_value_int(in->deleted ? 2 : in->archived),
                         pb_value_int(updated),
                         pb_value_int(key),
                         in->pinned.data ? pb_value_int(pb_str_is(in->pinned, "true"))
                                         : pb_value_null(),
                         pb_value_text(in->pipeline),
                         pb_value_text(in->tag),
                         pb_value_int(in->limit + 1),
                         pb_value_text(match)};
    return pb_db_query(service->database, match.data ? sql_search : sql_list, values,
                       match.data ? 9 : 8, rows);
}

pb_status list_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct list_in *input = in;
    struct list_out *output = out;
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_status status = find(self, call, input, &rows);

    if (status != PB_OK)
        return status;
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct conversation *items = PB_NEW_ARRAY(struct conversation, count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count && status == PB_OK; i++)
        status = conversation_read(&rows, i, &items[i]);
    output->conversations.items = items;
    output->conversations.count = count;
    if (count < rows.count)
        output->next = pb_printf("%" PRIx64 ".%" PRIx64, (uint64_t)items[count - 1].updated_at,
                                 (uint64_t)items[count - 1].key);
    return status;
}

pb_status get_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct id_in *input = in;
    struct asked asked;
    pb_status status = asked_for(self, call, input->id, &asked);

    return status == PB_OK ? asked_read(&asked, false, out) : status;
}

/* --- messages -----------------------------------------------------------------------------------
 */

pb_status messages_page(pb_instance *database, const struct page *page, pb_rows *rows)
{
    pb_value values[] = {pb_value_int(page->key), pb_value_int(page->after),
                         pb_value_int(page->superseded), pb_value_int(page->deleted),
                         pb_value_int(page->limit)};

    return pb_db_query(database, sql_forward, values, sizeof values / sizeof *values, rows);
}

/* A message's place, as the cursor of its page. */
static pb_status read_seq(pb_str cursor, int64_t *out)
{
    int64_t seq = 0;

    for (size_t i = 0; i < cursor.size; i++) {
        if (cursor.data[i] < '0' || cursor.data[i] > '9' || i == 18)
            return pb_fail_at(PB_INVALID, "/cursor", "must be `next` of an earlier page");
        seq = seq * 10 + (cursor.data[i] - '0');
    }
    if (cursor.size)
        *out = seq;
    return PB_OK;
}

static pb_status read_messages(const struct asked *asked, int64_t key, const struct messages_in *in,
                               pb_rows *rows)
{
    int64_t after = in->after, before = in->before ? in->before : INT64_MAX;
    pb_status status = read_seq(in->cursor, in->sort == 0 ? &after : &before);
    struct page page = {key, after, in->limit + 1, in->superseded, in->deleted};

    if (status != PB_OK)
        return status;
    if (in->sort == 0)
        return messages_page(asked->database, &page, rows);
    pb_value values[] = {pb_value_int(key), pb_value_int(before), pb_value_int(in->superseded),
                         pb_value_int(in->deleted), pb_value_int(in->limit + 1)};
    return pb_db_query(asked->database, sql_backward, values, sizeof values / sizeof *values, rows);
}

pb_status messages_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct messages_in *input = in;
    struct messages_out *output = out;
    struct conversation conversation;
    struct asked asked;
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status == PB_OK)
        status = asked_read(&asked, false, &conversation);
    if (status == PB_OK)
        status = read_messages(&asked, conversation.key, input, &rows);
    if (status != PB_OK)
        return status;
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct message *items = PB_NEW_ARRAY(struct message, count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count && status == PB_OK; i++) {
        status = message_read(&rows, i, &items[i]);
        if (status == PB_OK)
            status = message_settle(asked.database, conversation.key, &items[i]);
    }
    output->messages.items = items;
    output->messages.count = count;
    if (count < rows.count)
        output->next = pb_printf("%" PRId64, items[count - 1].seq);
    return status;
}

pb_status message_handle(void *self, const pb_call *call, const void *in, void *out)
{
    const struct message_in *input = in;
    struct conversation conversation;
    struct asked asked;
    pb_status status = asked_for(self, call, input->id, &asked);

    if (status == PB_OK)
        status = asked_read(&asked, false, &conversation);
    return status == PB_OK ? asked_message(&asked, conversation.key, input->message, out) : status;
}
