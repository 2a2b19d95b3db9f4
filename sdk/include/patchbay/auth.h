/* auth.h - credentials in, a principal out. */
#ifndef PATCHBAY_AUTH_H
#define PATCHBAY_AUTH_H

#include <patchbay/plugin.h>
#include <patchbay/turn.h>

#define PB_AUTH_REVISION 1

/* What a request brought along. Borrowed until authenticate returns; never logged. */
struct pb_credentials {
    uint32_t size;
    uint32_t loopback;    /* 1: the peer is this machine */
    pb_str authorization; /* the header's value: "Bearer …", or absent */
    pb_str api_key;       /* the header X-Api-Key or Api-Key, or absent */
    pb_str cookie;        /* or absent */
    pb_str remote;        /* the peer's address */
};

/* The interface. authenticate is required and may park. It fills `out` (size is set, the rest zero)
 * with strings that live in the running scope or longer.
 *     PB_OK               this is who it is
 *     PB_DECLINED         not a credential of mine: the next scheme is asked
 *     PB_UNAUTHENTICATED  it is of mine, and wrong or expired: nobody else is asked
 *     PB_FORBIDDEN        known, and not allowed in
 * A tenant with a '/' or a control character is refused: it stands before names, with a slash. */
typedef struct pb_auth {
    PB_LIFECYCLE
    pb_status (*authenticate)(void *self, const pb_credentials *credentials, pb_principal *out);
} pb_auth;

/* PB_AUTH("api-key", struct api_key, api_key_options, .authenticate = …) */
#define PB_AUTH(name, owner, options, ...)                                                         \
    PB_COMPONENT(pb_auth, "auth", 1, name, owner, options, __VA_ARGS__)

/* For whom the running task works: who asked for the turn or the operation; NULL in work that nobody
 * asked for. Does not park. */
static inline const pb_principal *pb_principal_running(void)
{
    return PB_CALL(principal)();
}

/* Runs fn(arg) for this principal, which must stay until it returned: whose tenant databases, blobs and
 * collections are, and who may see what. For work in the background that belongs to somebody. Parks as
 * fn does. */
static inline pb_status pb_run_as(const pb_principal *principal, pb_status (*fn)(void *arg),
                                  void *arg)
{
    return PB_CALL(run_as)(principal, fn, arg);
}

/* Asks the schemes in order; the first that does not decline decides. PB_UNAUTHENTICATED when all
 * decline. Parks. `schemes` is an option list of references (PB_LIST of PB_KIND_REF). */
static inline pb_status pb_authenticate(pb_list schemes, const pb_credentials *credentials,
                                        pb_principal *out)
{
    for (size_t i = 0; i < schemes.count; i++) {
        memset(out, 0, sizeof *out);
        out->size = (uint32_t)sizeof *out;
        pb_status status =
            PB_CALL(authenticate)(PB_ITEM(schemes, pb_instance *, i), credentials, out);
        if (status != PB_DECLINED)
            return status;
    }
    return pb_fail(PB_UNAUTHENTICATED, "credentials are needed, and none that came are known here");
}

#endif
