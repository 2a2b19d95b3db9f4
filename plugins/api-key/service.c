/* service.c - the operations of keys: create, list, revoke, rotate.
 *
 * A key is shown once, in the answer that made it; what is stored is its SHA-256. Each change is
 * published after it is durable, and every worker forgets what it knew.
 */
#include "api_key.h"

const pb_field api_keys_options[] = {
    PB_REF(struct api_keys, database, "database", .required = 1, .help = "Where keys are kept."),
    PB_END,
};

enum { NAME_MOST = 64, ITEMS_MOST = 64, REST_MOST = 200 };

#define COLUMNS "id, name, tenant, owner, roles, scopes, created, expires, revoked, used"

/* --- what goes out ---------------------------------------------------------------------------- */

struct key_out {
    pb_str id, key, name, tenant, owner, created, expires, revoked, used;
    pb_list roles, scopes;
};

static const pb_field key_out_fields[] = {
    PB_STR(struct key_out, id, .required = 1, .help = "Its public part, which names it."),
    PB_STR(struct key_out, key, .help = "The key itself, shown this once."),
    PB_STR(struct key_out, name, .required = 1, .help = "For people."),
    PB_STR(struct key_out, tenant, .required = 1, .help = "The tenant it belongs to."),
    PB_LIST(struct key_out, scopes, PB_KIND_STR, .help = "What it may do; empty: everything."),
    PB_LIST(struct key_out, roles, PB_KIND_STR, .help = "Roles of its principal."),
    PB_STR(struct key_out, owner, .help = "Who made it."),
    PB_STR(struct key_out, created, .required = 1, .help = "When it was made."),
    PB_STR(struct key_out, expires, .help = "From when on it is refused."),
    PB_STR(struct key_out, revoked, .help = "Since when it is refused."),
    PB_STR(struct key_out, used, .help = "When it was last used, to the minute."),
    PB_END,
};

static pb_status write_key(const pb_value *cells, struct key_out *out)
{
    pb_status status = texts_read(cells[4].text, &out->roles);

    if (status == PB_OK)
        status = texts_read(cells[5].text, &out->scopes);
    out->id = cells[0].text;
    out->name = cells[1].text;
    out->tenant = cells[2].text;
    out->owner = cells[3].text;
    out->created = day_text(cells[6].integer);
    out->expires = day_text(cells[7].integer);
    out->revoked = day_text(cells[8].integer);
    out->used = day_text(cells[9].integer);
    return status;
}

static pb_status unknown_key(void)
{
    return pb_fail(PB_NOT_FOUND, "there is no such key");
}

static void digest_text(const char text[KEY_TEXT], pb_str *out)
{
    uint8_t digest[32];

    pb_sha256((pb_bytes){(const uint8_t *)text, KEY_TEXT}, digest);
    *out = pb_hex((pb_bytes){digest, sizeof digest});
}

/* --- create ----------------------------------------------------------------------------------- */

struct create_in {
    pb_str name, tenant, expires;
    pb_list scopes, roles;
};

static const pb_field create_in_fields[] = {
    PB_STR(struct create_in, name, .required = 1, .pattern = "[A-Za-z0-9._-]+",
           .max_length = NAME_MOST, .help = "Names it for people, once in a tenant."),
    PB_LIST(struct create_in, scopes, PB_KIND_STR, .max_length = ITEMS_MOST,
            .help = "What it may do (turns.create, pipelines.read …); without any, everything."),
    PB_LIST(struct create_in, roles, PB_KIND_STR, .max_length = ITEMS_MOST,
            .help = "Roles of its principal."),
    PB_STR(struct create_in, tenant, .pattern = "[^/]+", .max_length = REST_MOST,
           .help = "The tenant it belongs to; without it your own."),
    PB_STR(struct create_in, expires,
           .help = "The first day (UTC) on which it is refused, 2027-01-31, or 90d, 12h from now."),
    PB_END,
};

static const pb_str insert_sql = PB_LIT(
    "INSERT INTO api_keys (id, tenant, owner, name, digest, roles, scopes, created, expires) "
    "VALUES ($1, COALESCE($2, $tenant), $3, $4, $5, $6, $7, $8, $9) RETURNING " COLUMNS);

/* "turns.create": what scopes and roles look like, so that nobody grants a typing error. */
static pb_status check_words(pb_list words, const char *pointer)
{
    for (size_t i = 0; i < words.count; i++) {
        pb_str word = PB_ITEM(words, pb_str, i);
        bool fine = word.size > 0 && word.size <= NAME_MOST;
        for (size_t j = 0; j < word.size && fine; j++)
            fine = word.data[j] > ' ' && word.data[j] < 127 && !strchr(",\"'\\", word.data[j]);
        if (!fine)
            return pb_fail_at(PB_INVALID, pointer,
                              "'%.*s' is none: a word of letters, digits, "
                              "'.', '_', '-'",
                              PB_ARG(pb_str_slice(word, 0, NAME_MOST)));
    }
    return PB_OK;
}

static pb_status check_create(const struct create_in *input, const pb_principal *who,
                              pb_value *tenant, pb_value *expires)
{
    pb_time now = pb_now(), end;
    pb_str other;
    pb_status status = grants_may_manage(who);

    if (status == PB_OK)
        status = check_words(input->scopes, "/scopes");
    if (status == PB_OK)
        status = check_words(input->roles, "/roles");
    if (status == PB_OK)
        status = grants_check(who, input->scopes, input->roles);
    if (status == PB_OK)
        status = grants_tenant(who, input->tenant, &other);
    if (status != PB_OK)
        return status;
    *tenant = pb_value_text(other);
    *expires = pb_value_null();
    if (!input->expires.size)
        return PB_OK;
    if (!day_read_end(input->expires, now, &end))
        return pb_fail_at(PB_INVALID, "/expires",
                          "give a day like 2027-01-31, or a time from now "
                          "like 90d or 12h");
    if (end <= now)
        return pb_fail_at(PB_INVALID, "/expires", "this is over already");
    *expires = pb_value_int(end);
    return PB_OK;
}

static pb_status keys_create(void *self, const pb_call *call, const void *in, void *out)
{
    const struct api_keys *keys = self;
    const struct create_in *input = in;
    struct key_out *output = out;
    pb_value tenant, expires;
    char *text = pb_alloc(KEY_TEXT);
    pb_rows rows = {.size = sizeof rows};
    pb_str digest;

    pb_status status = check_create(input, call->principal, &tenant, &expires);
    if (status == PB_OK)
        status = text ? key_text_new(text) : pb_fail(PB_NO_MEMORY, "no memory for a key");
    if (status != PB_OK)
        return status;
    digest_text(text, &digest);
    pb_value values[] = {pb_value_text(key_text_id((pb_str){text, KEY_TEXT})),
                         tenant,
                         pb_value_text(call->principal->id),
                         pb_value_text(input->name),
                         pb_value_text(digest),
                         pb_value_text(texts_write(input->roles)),
                         pb_value_text(texts_write(input->scopes)),
                         pb_value_int(pb_now()),
                         expires};
    status = pb_db_query(keys->database, insert_sql, values, 9, &rows);
    if (status == PB_CONFLICT)
        return pb_fail_at(PB_CONFLICT, "/name",
                          "there is a key named '%.*s' already; revoke it, "
                          "rotate it, or take another name",
                          PB_ARG(input->name));
    if (status == PB_OK)
        status = write_key(rows.cells, output);
    if (status != PB_OK)
        return status;
    output->key = (pb_str){text, KEY_TEXT};
    pb_publish(pb_lit(TOPIC_CHANGED), output->id); /* its id may have been asked for in vain */
    pb_log(PB_INFO, "key %.*s '%.*s' was made by %.*s", PB_ARG(output->id), PB_ARG(output->name),
           PB_ARG(call->principal->id));
    return PB_OK;
}

/* --- list ------------------------------------------------------------------------------------- */

struct list_in {
    pb_str tenant, cursor;
    int64_t limit;
    bool revoked;
};

static const pb_field list_in_fields[] = {
    PB_INT(struct list_in, limit, .def = "50", .min = 1, .max = 500, .help = "How many at most."),
    PB_STR(struct list_in, cursor, .max_length = 64, .alias = "after",
           .help = "`next` of the page before."),
    PB_BOOL(struct list_in, revoked, .help = "Those too that are revoked."),
    PB_STR(struct list_in, tenant, .max_length = REST_MOST,
           .help = "Of this tenant; without it of your own."),
    PB_END,
};

struct list_out {
    pb_list keys; /* of struct key_out */
    pb_str next;
};

static const pb_field list_out_fields[] = {
    PB_LIST_OF(struct list_out, keys, struct key_out, key_out_fields, .help = "The newest first."),
    PB_STR(struct list_out, next, .help = "The next page's cursor; absent at the end."),
    PB_END,
};

static const pb_str list_sql =
    PB_LIT("SELECT " COLUMNS " FROM api_keys WHERE tenant = COALESCE($1, $tenant) "
           "AND (created, id) < ($2, $3) AND (revoked IS NULL OR $4 = 1) "
           "ORDER BY created DESC, id DESC LIMIT $5");

/* "1763712000000-Ab12Cd34Ef56" */
static bool read_place(pb_str text, int64_t *created, pb_str *id)
{
    size_t dash = pb_str_find(text, '-');

    *created = 0;
    *id = pb_str_slice(text, dash + 1, text.size);
    for (size_t i = 0; i < dash; i++) {
        if (text.data[i] < '0' || text.data[i] > '9' || i > 15)
            return false;
        *created = *created * 10 + (text.data[i] - '0');
    }
    return dash > 0 && id->size == KEY_ID;
}

static pb_status keys_list(void *self, const pb_call *call, const void *in, void *out)
{
    const struct api_keys *keys = self;
    const struct list_in *input = in;
    struct list_out *output = out;
    int64_t created = INT64_MAX;
    pb_str id = pb_lit(""), tenant;
    pb_rows rows = {.size = sizeof rows};

    pb_status status = grants_may_manage(call->principal);
    if (status == PB_OK)
        status = grants_tenant(call->principal, input->tenant, &tenant);
    if (status != PB_OK)
        return status;
    if (input->cursor.size && !read_place(input->cursor, &created, &id))
        return pb_fail_at(PB_INVALID, "/cursor", "must be `next` of an earlier page");
    pb_value values[] = {pb_value_text(tenant), pb_value_int(created), pb_value_text(id),
                         pb_value_int(input->revoked), pb_value_int(input->limit + 1)};
    status = pb_db_query(keys->database, list_sql, values, 5, &rows);
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct key_out *items = status == PB_OK ? PB_NEW_ARRAY(struct key_out, count + 1) : NULL;
    if (status == PB_OK && !items)
        status = pb_fail(PB_NO_MEMORY, "no memory for a list of %zu", count);
    for (size_t i = 0; i < count && status == PB_OK; i++)
        status = write_key(pb_cell(&rows, i, 0), &items[i]);
    output->keys = (pb_list){items, count};
    if (status == PB_OK && rows.count > count)
        output->next = pb_printf("%lld-%.*s", (long long)pb_cell(&rows, count - 1, 6)->integer,
                                 PB_ARG(items[count - 1].id));
    return status;
}

/* --- revoke ----------------------------------------------------------------------------------- */

struct one_in {
    pb_str id, tenant;
    pb_duration grace;
};

static const pb_field revoke_in_fields[] = {
    PB_STR(struct one_in, id, .required = 1, .help = "Its public id, as keys.list shows it."),
    PB_STR(struct one_in, tenant, .max_length = REST_MOST,
           .help = "The tenant it belongs to; without it your own."),
    PB_END,
};

static const pb_str revoke_sql =
    PB_LIT("UPDATE api_keys SET revoked = COALESCE(revoked, $1) WHERE id = $2 AND "
           "tenant = COALESCE($3, $tenant) RETURNING " COLUMNS);

static pb_status keys_revoke(void *self, const pb_call *call, const void *in, void *out)
{
    const struct api_keys *keys = self;
    const struct one_in *input = in;
    struct key_out *output = out;
    pb_rows rows = {.size = sizeof rows};
    pb_str tenant;

    pb_status status = grants_may_manage(call->principal);
    if (status == PB_OK)
        status = grants_tenant(call->principal, input->tenant, &tenant);
    if (status != PB_OK)
        return status;
    pb_value values[] = {pb_value_int(pb_now()), pb_value_text(input->id), pb_value_text(tenant)};
    status = pb_db_query(keys->database, revoke_sql, values, 3, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return unknown_key();
    pb_publish(pb_lit(TOPIC_CHANGED), input->id);
    pb_log(PB_INFO, "key %.*s was revoked by %.*s", PB_ARG(input->id), PB_ARG(call->principal->id));
    return write_key(rows.cells, output);
}

/* --- rotate ----------------------------------------------------------------------------------- */

static const pb_field rotate_in_fields[] = {
    PB_STR(struct one_in, id, .required = 1, .help = "Its public id, as keys.list shows it."),
    PB_DURATION(struct one_in, grace, .def = "0s", .max = 30 * 86400,
                .help = "How long the key from before is still let in."),
    PB_STR(struct one_in, tenant, .max_length = REST_MOST,
           .help = "The tenant it belongs to; without it your own."),
    PB_END,
};

static const pb_str find_sql =
    PB_LIT("SELECT roles, scopes, digest FROM api_keys WHERE id = $1 AND "
           "tenant = COALESCE($2, $tenant) AND revoked IS NULL");
static const pb_str rotate_sql =
    PB_LIT("UPDATE api_keys SET old_digest = digest, old_until = $1, digest = $2 WHERE id = $3 AND "
           "tenant = COALESCE($4, $tenant) AND revoked IS NULL AND digest = $5 RETURNING " COLUMNS);

/* Whoever gets a new key in hand must be one who could have made it. */
static pb_status find_grantable(const struct api_keys *keys, const struct one_in *input,
                                const pb_principal *who, pb_value found[2])
{
    pb_rows rows = {.size = sizeof rows};
    pb_list roles, scopes;
    pb_str tenant;
    pb_status status = grants_may_manage(who);

    if (status == PB_OK)
        status = grants_tenant(who, input->tenant, &tenant);
    if (status != PB_OK)
        return status;
    found[0] = pb_value_text(tenant);
    pb_value values[] = {pb_value_text(input->id), found[0]};
    status = pb_db_query(keys->database, find_sql, values, 2, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return unknown_key();
    found[1] = rows.cells[2];
    status = texts_read(rows.cells[0].text, &roles);
    if (status == PB_OK)
        status = texts_read(rows.cells[1].text, &scopes);
    return status == PB_OK ? grants_check(who, scopes, roles) : status;
}

static pb_status keys_rotate(void *self, const pb_call *call, const void *in, void *out)
{
    const struct api_keys *keys = self;
    const struct one_in *input = in;
    struct key_out *output = out;
    char *text = pb_alloc(KEY_TEXT);
    pb_rows rows = {.size = sizeof rows};
    pb_value found[2];
    pb_str digest;

    if (input->id.size != KEY_ID)
        return unknown_key();
    pb_status status = find_grantable(keys, input, call->principal, found);
    if (status == PB_OK)
        status = text ? key_text_renew(input->id.data, text)
                      : pb_fail(PB_NO_MEMORY, "no memory for a key");
    if (status != PB_OK)
        return status;
    digest_text(text, &digest);
    pb_value values[] = {pb_value_int(pb_now() + input->grace / PB_MILLISECOND),
                         pb_value_text(digest), pb_value_text(input->id), found[0], found[1]};
    status = pb_db_query(keys->database, rotate_sql, values, 5, &rows);
    if (status == PB_OK && !rows.count)
        return pb_fail(PB_CONFLICT, "this key was changed just now; look at it and try again");
    if (status == PB_OK)
        status = write_key(rows.cells, output);
    if (status != PB_OK)
        return status;
    output->key = (pb_str){text, KEY_TEXT};
    pb_publish(pb_lit(TOPIC_CHANGED), input->id);
    pb_log(PB_INFO, "key %.*s was rotated by %.*s", PB_ARG(input->id), PB_ARG(call->principal->id));
    return PB_OK;
}

/* --- table ------------------------------------------------------------------------------------ */

#define KEY_OUT                                                                                    \
    .output = key_out_fields, .output_size = sizeof(struct key_out), .scope = "keys.manage"

static const int32_t conflicts[] = {PB_NOT_FOUND, PB_CONFLICT, 0};

const pb_operation api_keys_operations[] = {
    {PB_OPERATION("keys.create", "POST", "/v1/keys", "Makes a key; it is shown this once."),
     .description = "What it may do is at most what its maker may. The key itself is in this answer and nowhere else.", .input_example = "{\"name\": \"website\", \"scopes\": [\"turns.create\"], \"expires\": \"90d\"}", .errors = conflicts, .flags = PB_OPERATION_NO_TOOL,
     .input = create_in_fields, .input_size = sizeof(struct create_in), KEY_OUT,
     .handle = keys_create},
    {PB_OPERATION("keys.list", "GET", "/v1/keys", "The keys of a tenant, the newest first."),
     .description = "Without the keys themselves, which nobody has any more.",
     .scope = "keys.manage", .input = list_in_fields, .input_size = sizeof(struct list_in),
     .output = list_out_fields, .output_size = sizeof(struct list_out), .handle = keys_list},
    {PB_OPERATION("keys.revoke", "DELETE", "/v1/keys/{id}",
                  "Takes a key back; every worker refuses it within a second."),
     .input_example = "{\"id\": \"k7f3a2b1c9d8\"}", .errors = conflicts,
     .input = revoke_in_fields, .input_size = sizeof(struct one_in), KEY_OUT,
     .handle = keys_revoke},
    {PB_OPERATION("keys.rotate", "POST", "/v1/keys/{id}/rotate",
                  "Gives a key another secret; whose it is stays."),
     .description = "The new secret is in this answer and nowhere else; with `grace` the old one works on for a while.", .input_example = "{\"id\": \"k7f3a2b1c9d8\", \"grace\": \"1h\"}", .errors = conflicts, .flags = PB_OPERATION_NO_TOOL,
     .input = rotate_in_fields, .input_size = sizeof(struct one_in), KEY_OUT,
     .handle = keys_rotate},
    PB_OPERATION_END,
};

pb_status api_keys_start(void *self)
{
    const struct api_keys *keys = self;

    return stored_migrate(keys->database);
}
