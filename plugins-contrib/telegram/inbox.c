/* inbox.c - the tables: messages that are not answered yet, the offset, conversations.
 *
 * A message is a row from before Telegram is told that it was received until its reply is out. `node` is
 * the worker that answers it.
 */
#include "telegram.h"

enum { STALE = 3 * 24 * 3600 };

static const char *const tables[] = {
    "CREATE TABLE telegram_inbox (bot TEXT NOT NULL, update_id BIGINT NOT NULL, chat BIGINT NOT NULL, "
    "sender BIGINT NOT NULL, thread BIGINT NOT NULL, message BIGINT NOT NULL, type TEXT NOT NULL, "
    "name TEXT NOT NULL, language TEXT, text TEXT, node TEXT, PRIMARY KEY (bot, update_id))",
    "CREATE TABLE telegram_bots (bot TEXT PRIMARY KEY, next BIGINT NOT NULL, seen BIGINT NOT NULL)",
    "CREATE TABLE telegram_conversations (bot TEXT NOT NULL, chat BIGINT NOT NULL, "
    "sender BIGINT NOT NULL, conversation TEXT NOT NULL, PRIMARY KEY (bot, chat, sender))", NULL};
static const pb_migration migrations[] = {
    {.size = sizeof *migrations, .number = 1, .statements = tables}};

#define COLUMNS "update_id, chat, sender, thread, message, type, name, language, text"

static const pb_str sql_offset = PB_LIT("SELECT next, seen FROM telegram_bots WHERE bot = $1");
static const pb_str sql_store =
    PB_LIT("INSERT INTO telegram_inbox (bot, " COLUMNS ") "
           "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING");
static const pb_str sql_confirm =
    PB_LIT("INSERT INTO telegram_bots (bot, next, seen) VALUES ($1, $2, $3) "
           "ON CONFLICT (bot) DO UPDATE SET next = $2, seen = $3");
/* The oldest of each chat, so that one which asks a lot does not hide the others. */
static const pb_str sql_waiting =
    PB_LIT("SELECT " COLUMNS " FROM telegram_inbox WHERE bot = $1 AND update_id IN "
           "(SELECT MIN(update_id) FROM telegram_inbox WHERE bot = $1 AND node IS NULL GROUP BY chat) "
           "ORDER BY update_id LIMIT 200");
static const pb_str sql_claim = PB_LIT("UPDATE telegram_inbox SET node = $3 "
                                       "WHERE bot = $1 AND update_id = $2 AND node IS NULL");
static const pb_str sql_give_back =
    PB_LIT("UPDATE telegram_inbox SET node = NULL WHERE bot = $1 AND update_id = $2");
static const pb_str sql_remove =
    PB_LIT("DELETE FROM telegram_inbox WHERE bot = $1 AND update_id = $2");
static const pb_str sql_taken = PB_LIT("SELECT " COLUMNS ", node FROM telegram_inbox "
                                       "WHERE bot = $1 AND node IS NOT NULL ORDER BY update_id");
static const pb_str sql_conversation =
    PB_LIT("SELECT conversation FROM telegram_conversations "
           "WHERE bot = $1 AND chat = $2 AND sender = $3");
static const pb_str sql_set_conversation =
    PB_LIT("INSERT INTO telegram_conversations (bot, chat, sender, conversation) "
           "VALUES ($1, $2, $3, $4) ON CONFLICT (bot, chat, sender) DO UPDATE SET conversation = $4");
static const pb_str sql_forget_conversation =
    PB_LIT("DELETE FROM telegram_conversations WHERE bot = $1 AND chat = $2 AND sender = $3");

pb_status inbox_migrate(const struct telegram *own)
{
    return pb_db_migrate(own->database, "telegram", migrations, 1);
}

pb_status inbox_offset(const struct telegram *own, int64_t *out)
{
    pb_value values[] = {pb_value_text(own->bot)};
    pb_rows rows;
    pb_status status = pb_db_query(own->database, sql_offset, values, 1, &rows);

    *out = 0;
    if (status != PB_OK || !rows.count)
        return status;
    /* Telegram begins anew with other numbers when nothing came for a week, and keeps nothing for
     * longer than a day. */
    if (pb_now() - pb_cell(&rows, 0, 1)->integer < (int64_t)STALE * 1000)
        *out = pb_cell(&rows, 0, 0)->integer;
    return PB_OK;
}

/* --- storing ------------------------------------------------------------------------------------- */

static bool listed(pb_list list, int64_t id)
{
    for (size_t i = 0; i < list.count; i++)
        if (PB_ITEM(list, int64_t, i) == id)
            return true;
    return false;
}

static bool allowed(const struct telegram *own, int64_t user, int64_t chat)
{
    return own->everyone || listed(own->users, user) || listed(own->chats, chat);
}

static int64_t member(const pb_json *json, const char *name)
{
    return pb_json_int(pb_json_get(json, name), 0);
}

/* The message of an update; false: it has none for us. */
static bool job_of(struct telegram *own, const pb_json *update, struct job *out)
{
    const pb_json *message = pb_json_get(update, "message");
    const pb_json *from = pb_json_get(message, "from"), *chat = pb_json_get(message, "chat");
    bool topic = pb_json_bool(pb_json_get(message, "is_topic_message"), false);

    *out = (struct job){.update = member(update, "update_id"),
                        .chat = member(chat, "id"),
                        .user = member(from, "id"),
                        .thread = topic ? member(message, "message_thread_id") : 0,
                        .message = member(message, "message_id"),
                        .type = pb_json_text(pb_json_get(chat, "type")),
                        .name = pb_json_text(pb_json_get(from, "first_name")),
                        .language = pb_json_text(pb_json_get(from, "language_code")),
                        .text = pb_json_text(pb_json_get(message, "text"))};
    if (!out->text.data)
        out->text = pb_json_text(pb_json_get(message, "caption"));
    if (!out->chat || !out->user || pb_json_bool(pb_json_get(from, "is_bot"), false))
        return false;
    if (allowed(own, out->user, out->chat))
        return true;
    own->refused++;
    pb_log(PB_INFO, "%.*s: user %lld in chat %lld is in neither `users` nor `chats`",
           PB_ARG(own->name), (long long)out->user, (long long)out->chat);
    return false;
}

static pb_str present(pb_str text)
{
    return text.data ? text : pb_lit("");
}

static pb_statement store_one(const struct telegram *own, const struct job *job)
{
    pb_value *values = PB_NEW_ARRAY(pb_value, 10);

    if (!values)
        return pb_statement_make(sql_store, NULL, 0);
    values[0] = pb_value_text(own->bot);
    values[1] = pb_value_int(job->update);
    values[2] = pb_value_int(job->chat);
    values[3] = pb_value_int(job->user);
    values[4] = pb_value_int(job->thread);
    values[5] = pb_value_int(job->message);
    values[6] = pb_value_text(present(job->type));
    values[7] = pb_value_text(present(job->name));
    values[8] = pb_value_text(job->language);
    values[9] = pb_value_text(job->text);
    return pb_statement_make(sql_store, values, 10);
}

pb_status inbox_store(struct telegram *own, const pb_json *updates, size_t *stored)
{
    pb_statement *statements = PB_NEW_ARRAY(pb_statement, (updates ? updates->count : 0) + 1);
    size_t count = 0;
    int64_t next = 0;

    *stored = 0;
    if (!statements)
        return PB_NO_MEMORY;
    for (const pb_json *at = updates ? updates->child : NULL; at; at = at->next) {
        struct job job;
        if (member(at, "update_id") >= next)
            next = member(at, "update_id") + 1;
        if (!job_of(own, at, &job))
            continue;
        statements[count] = store_one(own, &job);
        if (!statements[count++].values)
            return PB_NO_MEMORY;
    }
    if (!next)
        return PB_OK;
    *stored = count;
    own->received += (int64_t)count;
    pb_value values[] = {pb_value_text(own->bot), pb_value_int(next), pb_value_int(pb_now())};
    statements[count++] = pb_statement_make(sql_confirm, values, 3);
    return pb_db_batch(own->database, statements, count, NULL);
}

/* --- answering ----------------------------------------------------------------------------------- */

static struct job read_row(const pb_rows *rows, size_t row)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    return (struct job){.update = cell[0].integer,
                        .chat = cell[1].integer,
                        .user = cell[2].integer,
                        .thread = cell[3].integer,
                        .message = cell[4].integer,
                        .type = cell[5].text,
                        .name = cell[6].text,
                        .language = cell[7].text,
                        .text = cell[8].text};
}

static bool busy(const struct telegram *own, int64_t chat)
{
    for (int64_t i = 0; i < own->parallel; i++)
        if (own->answerers[i].chat == chat)
            return true;
    return false;
}

static pb_status change(const struct telegram *own, pb_str sql, const struct job *job)
{
    pb_value values[] = {pb_value_text(own->bot), pb_value_int(job->update)};

    return pb_db_query(own->database, sql, values, 2, NULL);
}

static pb_status claim(const struct telegram *own, const struct job *job)
{
    pb_value values[] = {pb_value_text(own->bot), pb_value_int(job->update),
                         pb_value_text(pb_node_id())};
    pb_statement statement = pb_statement_make(sql_claim, values, 3);

    statement.flags = PB_EXPECT_ROW;
    return pb_db_run(own->database, &statement, NULL);
}

pb_status inbox_take(struct telegram *own, struct answerer *answerer, struct job *out)
{
    pb_value values[] = {pb_value_text(own->bot)};
    pb_rows rows;
    pb_status status = pb_db_query(own->database, sql_waiting, values, 1, &rows);

    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        *out = read_row(&rows, i);
        if (busy(own, out->chat))
            continue;
        answerer->chat = out->chat; /* before anything parks: the next message is not taken meanwhile */
        status = claim(own, out);
        if (status == PB_OK)
            return PB_OK;
        answerer->chat = 0;
        if (status == PB_CONFLICT) { /* another worker's, which does not know that it lost its turn */
            pb_error_clear();
            status = PB_OK;
        }
    }
    return status == PB_OK ? (pb_status)PB_DECLINED : status;
}

pb_status inbox_give_back(const struct telegram *own, const struct job *job)
{
    return change(own, sql_give_back, job);
}

pb_status inbox_remove(const struct telegram *own, const struct job *job)
{
    return change(own, sql_remove, job);
}

pb_status inbox_interrupted(const struct telegram *own, struct job *out, size_t room, size_t *count)
{
    pb_value values[] = {pb_value_text(own->bot)};
    pb_rows rows;
    pb_status status = pb_db_query(own->database, sql_taken, values, 1, &rows);

    *count = 0;
    for (size_t i = 0; status == PB_OK && i < rows.count && *count < room; i++)
        if (!pb_node_alive(pb_cell(&rows, i, 9)->text))
            out[(*count)++] = read_row(&rows, i);
    return status;
}

/* --- conversations ------------------------------------------------------------------------------- */

pb_status inbox_conversation(const struct telegram *own, const struct job *job, pb_str *out)
{
    pb_value values[] = {pb_value_text(own->bot), pb_value_int(job->chat), pb_value_int(job->user)};
    pb_rows rows;
    pb_status status = pb_db_query(own->database, sql_conversation, values, 3, &rows);

    *out = status == PB_OK && rows.count ? pb_cell(&rows, 0, 0)->text : (pb_str){0};
    return status;
}

pb_status inbox_set_conversation(const struct telegram *own, const struct job *job, pb_str id)
{
    pb_value values[] = {pb_value_text(own->bot), pb_value_int(job->chat), pb_value_int(job->user),
                         pb_value_text(id)};

    if (!id.size)
        return pb_db_query(own->database, sql_forget_conversation, values, 3, NULL);
    return pb_db_query(own->database, sql_set_conversation, values, 4, NULL);
}
