/* @NAME@ - lets in who brings a ticket that another program of yours has signed.
 *
 * A ticket is USER.SECONDS.SIGNATURE: who it is for, until when it is good (Unix time), and the HMAC-SHA-256
 * of "USER.SECONDS" with the shared key, in hexadecimal.
 */
#include <patchbay/auth.h>
#include <patchbay/secret.h>

#include <stdlib.h>

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_secret key; /* a type of its own, so that nobody prints it */
    pb_str tenant;
    pb_list scopes; /* of pb_str */
};

static const pb_field @ID@_options[] = {
    PB_SECRET(struct @ID@, key, .required = 1, .help = "Signs tickets; at least 16 characters."),
    PB_STR(struct @ID@, tenant, .def = "default", .pattern = ".+", .help = "Whose users they are."),
    PB_LIST(struct @ID@, scopes, PB_KIND_STR, .help = "What they may do; none: everything."),
    PB_END,
};

/* "Bearer a.b.c": a.b and c. What is no ticket is left to other schemes. */
static bool take_apart(pb_str header, pb_str *signed_part, pb_str *signature)
{
    pb_str bearer = pb_lit("Bearer ");
    pb_str ticket = pb_str_slice(header, bearer.size, header.size);
    size_t dot = pb_str_find(ticket, '.');
    size_t second = pb_str_find(pb_str_slice(ticket, dot + 1, ticket.size), '.') + dot + 1;

    if (!pb_str_starts(header, bearer) || dot == 0 || second >= ticket.size)
        return false;
    *signed_part = pb_str_slice(ticket, 0, second);
    *signature = pb_str_slice(ticket, second + 1, ticket.size);
    return signature->size == 64;
}

static pb_bytes bytes_of(pb_str text)
{
    return (pb_bytes){(const uint8_t *)text.data, text.size};
}

/* In the same time wherever the two differ. */
static bool is_signed(const struct @ID@ *own, pb_str signed_part, pb_str signature)
{
    uint8_t mac[32];

    pb_hmac_sha256(bytes_of(own->key.value), bytes_of(signed_part), mac);
    return pb_secret_equal(bytes_of(pb_hex((pb_bytes){mac, sizeof mac})), bytes_of(signature));
}

static pb_status @ID@_authenticate(void *self, const pb_credentials *credentials, pb_principal *out)
{
    const struct @ID@ *own = self;
    pb_str signed_part, signature;

    if (!take_apart(credentials->authorization, &signed_part, &signature))
        return PB_DECLINED;
    if (!is_signed(own, signed_part, signature))
        return pb_fail(PB_UNAUTHENTICATED, "the ticket is not signed by whom we know");
    pb_str user = pb_str_slice(signed_part, 0, pb_str_find(signed_part, '.'));
    pb_str until = pb_copy(pb_str_slice(signed_part, user.size + 1, signed_part.size));
    if (!until.data)
        return PB_NO_MEMORY;
    if (strtoll(until.data, NULL, 10) <= pb_now() / 1000) /* pb_now: milliseconds */
        return pb_fail(PB_UNAUTHENTICATED, "the ticket is not good any more");
    out->id = pb_printf("user:%.*s", PB_ARG(user));
    out->name = pb_copy(user);
    out->tenant = own->tenant;
    out->scopes = (const pb_str *)own->scopes.items;
    out->scope_count = own->scopes.count;
    return out->id.data && out->name.data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static void @ID@_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct @ID@ *own = self;

    if (own->key.value.size < 16)
        pb_problem(diagnostics, "key", "a key that cannot be guessed has at least 16 characters");
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Lets in who brings a signed ticket.",
          PB_AUTH("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check,
                  .authenticate = @ID@_authenticate));
