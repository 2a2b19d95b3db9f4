/* stored.c - keys of the database: looking one up, knowing it for a while, noting that it is used.
 *
 * Whatever is changed is told on a topic, which makes every worker forget that key at once; a gap
 * in the messages makes it forget all. A message that is lost while the supervisor is away is such
 * a gap when it is back; until then what is known is at most `positive` old.
 */
#include "api_key.h"

static const pb_duration positive = 60 * PB_SECOND, negative = 5 * PB_SECOND;
static const pb_time note_every = 60000;

enum { NOTES = 64 };

static const char *const tables[] = {
    "CREATE TABLE api_keys (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, owner TEXT NOT NULL, "
    "name TEXT NOT NULL, digest TEXT NOT NULL, old_digest TEXT, old_until BIGINT, "
    "roles TEXT NOT NULL, scopes TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT, "
    "revoked BIGINT, used BIGINT)",
    "CREATE INDEX api_keys_list ON api_keys (tenant, created, id)",
    "CREATE UNIQUE INDEX api_keys_name ON api_keys (tenant, name) WHERE revoked IS NULL",
    NULL,
};

pb_status stored_migrate(pb_instance *database)
{
    static const pb_migration migrations[] = {
        {.size = sizeof(pb_migration), .number = 1, .statements = tables},
    };

    return pb_db_migrate(database, "api-key", migrations, 1);
}

/* --- lists as JSON ---------------------------------------------------------------------------- */

pb_status texts_read(pb_str json, pb_list *out)
{
    const pb_json *list;
    pb_status status = pb_json_parse(json, &list);
    size_t count = 0;

    *out = (pb_list){0};
    if (status != PB_OK)
        return status;
    for (const pb_json *at = list->child; at; at = at->next)
        count++;
    pb_str *texts = PB_NEW_ARRAY(pb_str, count + 1);
    if (!texts)
        return pb_fail(PB_NO_MEMORY, "no memory for a list of %zu", count);
    *out = (pb_list){texts, count};
    for (const pb_json *at = list->child; at; at = at->next)
        *texts++ = pb_json_text(at);
    return PB_OK;
}

pb_str texts_write(pb_list texts)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < texts.count; i++)
        pb_jw_str(&writer, PB_ITEM(texts, pb_str, i));
    pb_jw_close(&writer, ']');
    return pb_buf_status(&buf) == PB_OK ? pb_buf_str(&buf) : (pb_str){0};
}

/* --- looking up ------------------------------------------------------------------------------- */

static const pb_str select_sql =
    PB_LIT("SELECT tenant, name, digest, old_digest, old_until, roles, scopes, expires, revoked, "
           "used FROM api_keys WHERE id = $1");

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10;
}

static bool read_digest(pb_str hex, uint8_t out[32])
{
    if (hex.size != 64)
        return false;
    for (size_t i = 0; i < 32; i++)
        out[i] = (uint8_t)(nibble(hex.data[2 * i]) << 4 | nibble(hex.data[2 * i + 1]));
    return true;
}

static pb_status fill(struct known *key, const pb_rows *rows)
{
    const pb_value *cells = rows->cells;
    pb_list roles, scopes;
    pb_status status = texts_read(cells[5].text, &roles);

    if (status == PB_OK)
        status = texts_read(cells[6].text, &scopes);
    if (status != PB_OK || !read_digest(cells[2].text, key->digest))
        return pb_fail(PB_INTERNAL, "what is stored of this key cannot be read");
    key->there = true;
    key->old_until = read_digest(cells[3].text, key->old_digest) ? cells[4].integer : 0;
    key->expires = cells[7].integer;
    key->revoked = cells[8].type != PB_VALUE_NULL;
    key->used = cells[9].integer;
    pb_principal principal = {.id = pb_printf("key:%.*s", KEY_ID, key->id),
                              .tenant = cells[0].text,
                              .name = cells[1].text,
                              .roles = roles.items,
                              .role_count = (uint32_t)roles.count,
                              .scopes = scopes.items,
                              .scope_count = scopes.count};
    key->principal = principal.id.data ? principal_copy(&principal, false) : NULL;
    return key->principal ? (pb_status)PB_OK : pb_fail(PB_NO_MEMORY, "no memory for a key");
}

/* Reads it from the database. What changed meanwhile is not kept. */
static pb_status look_up(struct stored *stored, pb_str id, struct known *key)
{
    pb_value values[] = {pb_value_text(id)};
    pb_statement statement = pb_statement_make(select_sql, values, 1);
    uint64_t changes = stored->known.changes;
    pb_rows rows = {.size = sizeof rows};

    *key = (struct known){.until = 1};
    memcpy(key->id, id.data, KEY_ID);
    statement.flags = PB_ALL_TENANTS; /* who it is says the key */
    pb_status status = pb_db_run(stored->database, &statement, &rows);
    if (status == PB_OK && rows.count)
        status = fill(key, &rows);
    if (status == PB_OK && changes == stored->known.changes)
        key->until = pb_monotonic() + (key->there ? positive : negative);
    return status;
}

/* --- noting that it is used ------------------------------------------------------------------- */

static const pb_str used_sql =
    PB_LIT("UPDATE api_keys SET used = $1 WHERE id = $2 AND (used IS NULL OR used < $1)");

/* Takes what is noted, at most NOTES; returns how many. */
static size_t take_notes(struct stored *stored, pb_statement *statements, pb_value (*values)[2])
{
    size_t count = 0;

    for (size_t i = 0; i < KNOWN_SETS * KNOWN_WAYS && count < NOTES; i++) {
        struct known *key = &stored->known.sets[i / KNOWN_WAYS][i % KNOWN_WAYS];
        if (!key->noted)
            continue;
        key->noted = false;
        values[count][0] = pb_value_int(key->used);
        values[count][1] = pb_value_text(pb_copy((pb_str){key->id, KEY_ID}));
        statements[count] = pb_statement_make(used_sql, values[count], 2);
        statements[count++].flags = PB_ALL_TENANTS;
    }
    return count;
}

static void write_notes(struct stored *stored)
{
    pb_scope *scope = pb_scope_begin();
    pb_statement *statements = PB_NEW_ARRAY(pb_statement, NOTES);
    pb_value(*values)[2] = pb_alloc(NOTES * sizeof *values);
    size_t count = statements && values ? take_notes(stored, statements, values) : 0;

    if (count && pb_db_batch(stored->database, statements, count, NULL) != PB_OK) {
        pb_log(PB_WARN, "when %zu keys were used could not be written: %.*s", count,
               PB_ARG(pb_error_last()->sentence));
        pb_error_clear();
    }
    pb_scope_end(scope);
    if (count == NOTES)
        write_notes(stored);
}

static void on_used(void *arg, const pb_bus_message *message)
{
    struct stored *stored = arg;

    (void)message;
    stored->noting = false;
    write_notes(stored);
}

/* Off the path of the request: a task of our own writes it. */
static void note(struct stored *stored, struct known *key)
{
    pb_time now = pb_now();

    if (now - key->used < note_every && now >= key->used)
        return;
    key->used = now;
    key->noted = true;
    if (!stored->noting)
        pb_publish(stored->used_topic, (pb_str){0});
    stored->noting = true;
}

/* --- authenticating --------------------------------------------------------------------------- */

static bool matches(const struct known *key, const uint8_t digest[32])
{
    bool now = pb_secret_equal((pb_bytes){key->digest, 32}, (pb_bytes){digest, 32});
    bool before = pb_secret_equal((pb_bytes){key->old_digest, 32}, (pb_bytes){digest, 32});

    return now || (before && pb_now() < key->old_until);
}

static pb_status judge(struct stored *stored, struct known *key, pb_str given, pb_principal *out)
{
    uint8_t digest[32];

    pb_sha256((pb_bytes){(const uint8_t *)given.data, given.size}, digest);
    if (!key->there || !matches(key, digest))
        return PB_DECLINED;
    if (key->revoked)
        return pb_fail(PB_UNAUTHENTICATED, "this key was revoked; ask for a new one");
    if (key->expires && pb_now() >= key->expires)
        return pb_fail(PB_UNAUTHENTICATED, "this key has expired; ask for a new one");
    const pb_principal *copy = principal_copy(key->principal, true);
    if (!copy)
        return pb_fail(PB_NO_MEMORY, "no memory for whom this key belongs to");
    *out = *copy;
    note(stored, key);
    return PB_OK;
}

pb_status stored_authenticate(struct stored *stored, pb_str given, pb_principal *out)
{
    pb_str id = key_text_id(given);
    struct known fresh;

    if (!id.size)
        return PB_DECLINED;
    struct known *key = known_find(&stored->known, id);
    if (!key) {
        pb_status status = look_up(stored, id, &fresh);
        if (status != PB_OK)
            return status;
        key = known_put(&stored->known, &fresh);
    }
    return judge(stored, key, given, out);
}

/* --- lifecycle -------------------------------------------------------------------------------- */

static void on_changed(void *arg, const pb_bus_message *message)
{
    struct stored *stored = arg;

    if (message->flags & PB_BUS_GAP || message->body.size != KEY_ID)
        known_forget_all(&stored->known);
    else
        known_forget(&stored->known, message->body);
}

pb_status stored_start(struct stored *stored, pb_instance *database)
{
    stored->database = database;
    stored->used_topic = pb_printf("keys.used %.*s", PB_ARG(pb_node_id()));
    if (!stored->used_topic.data)
        return pb_fail(PB_NO_MEMORY, "no memory for a topic");
    pb_status status = stored_migrate(database);
    if (status == PB_OK)
        status = known_init(&stored->known);
    if (status == PB_OK)
        status = pb_subscribe(pb_lit(TOPIC_CHANGED), on_changed, stored, &stored->changed);
    if (status == PB_OK)
        status = pb_subscribe(stored->used_topic, on_used, stored, &stored->used);
    if (status != PB_OK)
        stored_stop(stored);
    return status;
}

void stored_stop(struct stored *stored)
{
    pb_unsubscribe(stored->changed);
    pb_unsubscribe(stored->used);
    stored->changed = stored->used = NULL;
    if (stored->known.sets)
        write_notes(stored);
    known_fini(&stored->known);
}
