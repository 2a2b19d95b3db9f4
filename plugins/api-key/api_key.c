/* api-key - keys of the configuration and of the database; only their SHA-256 are compared.
 *
 * A key comes as "Authorization: Bearer KEY" or in X-Api-Key. An unknown one is declined, so that
 * another scheme may know it; an expired one is refused. Keys of the database are in stored.c.
 */
#include "api_key.h"

struct key {
    pb_str name;
    pb_str hash;   /* "sha256:" and 64 hexadecimal digits */
    pb_secret key; /* or the key itself, from a variable or file */
    pb_str tenant;
    pb_list roles;
    pb_list scopes;
    pb_str expires;
    pb_str id; /* "key:name" */
    uint8_t digest[32];
    pb_time expires_at; /* 0: never */
};

struct api_key {
    pb_list keys; /* of struct key */
    pb_instance *database;
    struct stored stored; /* where there is one */
};

enum { SHORTEST = 16 };

static const pb_field key_fields[] = {
    PB_STR(struct key, name, .required = 1, .pattern = "[A-Za-z0-9._-]+",
           .help = "Names the key in logs; the principal is key:NAME."),
    PB_STR(struct key, hash, .pattern = "sha256:[0-9a-f]{64}",
           .help = "SHA-256 of the key: printf %s KEY | sha256sum."),
    PB_SECRET(struct key, key, .help = "Or the key itself: ${VAR} or !file PATH."),
    PB_STR(struct key, tenant, .def = "default", .pattern = "[^/]+",
           .help = "The tenant it belongs to."),
    PB_LIST(struct key, roles, PB_KIND_STR, .help = "Roles of its principal."),
    PB_LIST(struct key, scopes, PB_KIND_STR,
            .help = "Operations that it may call; without any, all of them."),
    PB_STR(struct key, expires, .pattern = "[0-9]{4}-[0-9]{2}-[0-9]{2}",
           .help = "The first day (UTC) on which it is not valid any more: 2027-01-31."),
    PB_END,
};

static const pb_field api_key_options[] = {
    PB_LIST_OF(struct api_key, keys, struct key, key_fields, .help = "Keys of the configuration."),
    PB_REF(struct api_key, database, "database",
           .help = "Where service api-keys keeps others; without it there are none."),
    PB_END,
};

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void digest_of(const struct key *key, uint8_t digest[32])
{
    pb_str plain = key->key.value;

    if (plain.size) {
        pb_sha256((pb_bytes){(const uint8_t *)plain.data, plain.size}, digest);
        return;
    }
    for (size_t i = 0; i < 32; i++) /* behind "sha256:" */
        digest[i] =
            (uint8_t)(digit(key->hash.data[7 + 2 * i]) << 4 | digit(key->hash.data[8 + 2 * i]));
}

static bool is_given(const struct key *key)
{
    return !key->hash.size != !key->key.value.size;
}

/* Is the name or the key of an earlier entry used again? */
static void check_others(const pb_list *keys, size_t index, pb_diagnostics *diagnostics)
{
    const struct key *key = &PB_ITEM(*keys, struct key, index);
    uint8_t mine[32], theirs[32];
    char field[40];

    for (size_t i = 0; i < index; i++) {
        const struct key *other = &PB_ITEM(*keys, struct key, i);
        snprintf(field, sizeof field, "keys[%zu].name", index);
        if (pb_str_equal(key->name, other->name))
            pb_problem(diagnostics, field, "there is another key named '%.*s'; give each its own",
                       PB_ARG(key->name));
        if (!is_given(key) || !is_given(other))
            continue;
        digest_of(key, mine);
        digest_of(other, theirs);
        snprintf(field, sizeof field, "keys[%zu].%s", index, key->hash.size ? "hash" : "key");
        if (memcmp(mine, theirs, sizeof mine) == 0)
            pb_problem(diagnostics, field, "this is the key of '%.*s' again; make another one",
                       PB_ARG(other->name));
    }
}

static void check_expires(const struct key *key, const char *field, pb_diagnostics *diagnostics)
{
    pb_time at = 0;

    if (!key->expires.size)
        return;
    if (!day_read(key->expires, &at))
        pb_problem(diagnostics, field, "'%.*s' is no day; write one like 2027-01-31",
                   PB_ARG(key->expires));
    else if (pb_now() >= at)
        pb_warning(diagnostics, field, "this key has expired");
}

static void api_key_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct api_key *api_key = self;
    char field[40];

    if (!api_key->keys.count && !api_key->database)
        pb_warning(diagnostics, "keys",
                   "there is no key and no `database` that has some, so "
                   "nobody is let in");
    for (size_t i = 0; i < api_key->keys.count; i++) {
        const struct key *key = &PB_ITEM(api_key->keys, struct key, i);
        snprintf(field, sizeof field, "keys[%zu]", i);
        if (!is_given(key))
            pb_problem(diagnostics, field, "a key needs either 'hash' or 'key', and not both");
        snprintf(field, sizeof field, "keys[%zu].key", i);
        if (key->key.value.size && key->key.value.size < SHORTEST)
            pb_problem(diagnostics, field, "the key is too short; use at least %d characters",
                       SHORTEST);
        snprintf(field, sizeof field, "keys[%zu].expires", i);
        check_expires(key, field, diagnostics);
        check_others(&api_key->keys, i, diagnostics);
    }
}

static pb_status api_key_create(void *self)
{
    struct api_key *api_key = self;

    for (size_t i = 0; i < api_key->keys.count; i++) {
        struct key *key = &PB_ITEM(api_key->keys, struct key, i);
        key->id = pb_printf("key:%.*s", PB_ARG(key->name));
        if (!key->id.data)
            return PB_NO_MEMORY;
        if (key->expires.size)
            (void)day_read(key->expires, &key->expires_at);
        digest_of(key, key->digest);
    }
    return PB_OK;
}

static pb_str presented(const pb_credentials *credentials)
{
    pb_str bearer = pb_lit("Bearer ");
    pb_str authorization = credentials->authorization;

    if (pb_str_same(pb_str_slice(authorization, 0, bearer.size), bearer))
        return pb_str_trim(pb_str_slice(authorization, bearer.size, authorization.size));
    return pb_str_trim(credentials->api_key);
}

static pb_status api_key_authenticate(void *self, const pb_credentials *credentials,
                                      pb_principal *out)
{
    struct api_key *api_key = self;
    pb_str given = presented(credentials);
    const struct key *found = NULL;
    uint8_t digest[32];

    if (!given.size)
        return PB_DECLINED;
    pb_bytes bytes = {(const uint8_t *)given.data, given.size};
    pb_bytes left = {digest, sizeof digest};
    pb_sha256(bytes, digest);
    for (size_t i = 0; i < api_key->keys.count; i++) { /* all of them: time tells nothing */
        const struct key *key = &PB_ITEM(api_key->keys, struct key, i);
        pb_bytes right = {key->digest, sizeof key->digest};
        if (pb_secret_equal(left, right))
            found = key;
    }
    if (!found)
        return api_key->database ? stored_authenticate(&api_key->stored, given, out)
                                 : (pb_status)PB_DECLINED;
    if (found->expires_at && pb_now() >= found->expires_at)
        return pb_fail(PB_UNAUTHENTICATED, "this key has expired; ask for a new one");
    out->id = found->id;
    out->name = found->name;
    out->tenant = found->tenant;
    out->roles = (const pb_str *)found->roles.items;
    out->role_count = (uint32_t)found->roles.count;
    out->scopes = (const pb_str *)found->scopes.items;
    out->scope_count = found->scopes.count;
    return PB_OK;
}

static pb_status api_key_start(void *self)
{
    struct api_key *api_key = self;

    return api_key->database ? stored_start(&api_key->stored, api_key->database) : (pb_status)PB_OK;
}

static void api_key_stop(void *self)
{
    struct api_key *api_key = self;

    if (api_key->database)
        stored_stop(&api_key->stored);
}

PB_PLUGIN("api-key", "0.1.0", "Apache-2.0", "Lets those in who have a key.",
          PB_AUTH("api-key", struct api_key, api_key_options, .check = api_key_check,
                  .create = api_key_create, .start = api_key_start, .stop = api_key_stop,
                  .authenticate = api_key_authenticate),
          PB_SERVICE("api-keys", struct api_keys, api_keys_options, .start = api_keys_start,
                     .operations = api_keys_operations));
