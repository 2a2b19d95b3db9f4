/* session.c - sessions, kept in a cache that all workers share.
 *
 * A session is one record under its random id; the host puts the tenant in front of the key, the
 * record names the principal. It is written once and removed once, never renewed, so that no late
 * write of another worker brings an ended session back. What else belongs to it has keys of its
 * own.
 */
#include "mcp.h"

#include <patchbay/secret.h>

enum { ID_BYTES = 16, ID_SIZE = 2 * ID_BYTES };

static const char *const names[VERSIONS] = {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"};

int version_of(pb_str name)
{
    for (int i = 0; i < VERSIONS; i++)
        if (pb_str_is(name, names[i]))
            return i;
    return -1;
}

pb_str version_name(int version)
{
    return pb_str_of(names[version]);
}

/* A name that the client chose may be of any length and any bytes. */
static pb_str key_of(const struct session *session, pb_str name)
{
    uint8_t digest[32];

    if (name.size <= 64)
        return pb_printf("mcp:%.*s:%.*s", PB_ARG(session->id), PB_ARG(name));
    pb_sha256((pb_bytes){(const uint8_t *)name.data, name.size}, digest);
    return pb_printf("mcp:%.*s:#%.*s", PB_ARG(session->id),
                     PB_ARG(pb_hex((pb_bytes){digest, sizeof digest})));
}

static pb_cache_options options_of(const struct mcp *self)
{
    return (pb_cache_options){.size = (uint32_t)sizeof(pb_cache_options), .ttl = self->session};
}

/* "3key:ci": the version's place, and whose it is. */
pb_status session_begin(const struct mcp *self, const pb_call *call, struct session *session)
{
    pb_cache_options options = options_of(self);
    uint8_t random[ID_BYTES];
    pb_status status = pb_random(random, sizeof random);

    if (status != PB_OK)
        return status;
    session->id = pb_hex((pb_bytes){random, sizeof random});
    pb_str value = pb_printf("%d%.*s", session->version, PB_ARG(call->principal->id));
    pb_str key = pb_printf("mcp:%.*s", PB_ARG(session->id));
    if (!session->id.data || !value.data || !key.data)
        return PB_NO_MEMORY;
    return pb_cache_add(self->cache, key, (pb_bytes){(const uint8_t *)value.data, value.size},
                        &options);
}

static bool is_id(pb_str id)
{
    for (size_t i = 0; i < id.size; i++)
        if (!strchr("0123456789abcdef", id.data[i]) || !id.data[i])
            return false;
    return id.size == ID_SIZE;
}

pb_status session_find(const struct mcp *self, const pb_call *call, pb_str id,
                       struct session *session)
{
    pb_bytes value;

    if (!is_id(id))
        return pb_fail(PB_NOT_FOUND, "there is no such session; begin one with `initialize`");
    pb_str key = pb_printf("mcp:%.*s", PB_ARG(id));
    if (!key.data)
        return PB_NO_MEMORY;
    pb_status status = pb_cache_get(self->cache, key, &value);
    pb_str text = {(const char *)value.data, status == PB_OK ? value.size : 0};
    bool ours = text.size > 1 && text.data[0] >= '0' && text.data[0] < '0' + VERSIONS &&
                pb_str_equal(pb_str_slice(text, 1, text.size), call->principal->id);
    if (status == PB_NOT_FOUND || (status == PB_OK && !ours))
        return pb_fail(PB_NOT_FOUND, "there is no such session; begin one with `initialize`");
    if (status != PB_OK)
        return status;
    *session = (struct session){.id = id, .version = text.data[0] - '0'};
    return PB_OK;
}

/* The record goes first: what else is left expires with nobody to ask for it. */
pb_status session_end(const struct mcp *self, const struct session *session)
{
    pb_str key = pb_printf("mcp:%.*s", PB_ARG(session->id));
    pb_status status = key.data ? pb_cache_remove(self->cache, key) : (pb_status)PB_NO_MEMORY;

    session_drop(self, session, pb_lit("level"));
    session_drop(self, session, pb_lit("stream"));
    return status;
}

pb_status session_get(const struct mcp *self, const struct session *session, pb_str name,
                      pb_str *out)
{
    pb_str key = key_of(session, name);
    pb_bytes value = {NULL, 0};
    pb_status status = key.data ? pb_cache_get(self->cache, key, &value) : (pb_status)PB_NO_MEMORY;

    *out = pb_str_make((const char *)value.data, status == PB_OK ? value.size : 0);
    return status;
}

pb_status session_set(const struct mcp *self, const struct session *session, pb_str name,
                      pb_str value)
{
    pb_cache_options options = options_of(self);
    pb_str key = key_of(session, name);

    if (!key.data)
        return PB_NO_MEMORY;
    return pb_cache_set(self->cache, key, (pb_bytes){(const uint8_t *)value.data, value.size},
                        &options);
}

/* What cannot be removed expires; the caller's error stays as it is. */
void session_drop(const struct mcp *self, const struct session *session, pb_str name)
{
    pb_str key = key_of(session, name);

    if (key.data && pb_cache_remove(self->cache, key) != PB_OK)
        pb_detail("mcp: a value of a session was left to expire");
}
