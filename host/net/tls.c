/* tls.c - the host's side of TLS: opens the engine once, keeps one client context per trust. */
#include "net/tls.h"

#include "net/engine.h"

#include <patchbay/memory.h>
#include <stdlib.h>

enum { PATH_SIZE = 1024 };

/* Client contexts by ca_file; they live as long as the process, with their sessions. */
struct trust {
    struct trust *next;
    struct tls_context *context;
    char ca_file[];
};

static const struct tls_engine *engine;
static struct trust *trusts;

const struct tls_engine *tls_engine(void)
{
    const struct tls_engine *found;

    if (engine)
        return engine;
    found = engine_open("tls", TLS_ENGINE_SYMBOL);
    if (found && (found->version != TLS_ENGINE_VERSION || found->size < sizeof *found)) {
        pb_fail(PB_UNAVAILABLE, "the engine patchbay-tls.so is not of this version");
        return NULL;
    }
    engine = found;
    return engine;
}

static bool to_path(pb_str text, char path[PATH_SIZE])
{
    if (text.size >= PATH_SIZE || memchr(text.data ? text.data : "", 0, text.size))
        return false;
    memcpy(path, text.data ? text.data : "", text.size);
    path[text.size] = 0;
    return true;
}

pb_status tls_server(pb_str certificate, pb_str key, struct tls_context **out)
{
    char certificate_path[PATH_SIZE], key_path[PATH_SIZE], why[TLS_SENTENCE_SIZE];

    if (!tls_engine())
        return host_error()->status;
    if (!to_path(certificate, certificate_path) || !to_path(key, key_path))
        return pb_fail(PB_INVALID, "the path of the certificate or key is too long");
    *out = engine->context_new(certificate_path, key_path, NULL, why);
    return *out ? PB_OK : pb_fail(PB_INVALID, "%s", why);
}

pb_status tls_client(pb_str ca_file, struct tls_context **out)
{
    char path[PATH_SIZE], why[TLS_SENTENCE_SIZE];
    struct trust *trust;

    if (!tls_engine())
        return host_error()->status;
    if (!to_path(ca_file, path))
        return pb_fail(PB_INVALID, "the path of the ca_file is too long");
    for (trust = trusts; trust; trust = trust->next)
        if (strcmp(trust->ca_file, path) == 0) {
            *out = trust->context;
            return PB_OK;
        }
    trust = malloc(sizeof *trust + ca_file.size + 1);
    if (!trust)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    trust->context = engine->context_new(NULL, NULL, path[0] ? path : NULL, why);
    if (!trust->context) {
        free(trust);
        return pb_fail(PB_INVALID, "%s", why);
    }
    memcpy(trust->ca_file, path, ca_file.size + 1);
    trust->next = trusts;
    trusts = trust;
    *out = trust->context;
    return PB_OK;
}

void tls_context_free(struct tls_context *context)
{
    for (struct trust *trust = trusts; trust; trust = trust->next)
        if (trust->context == context)
            return; /* a client's: kept for the next connection */
    if (context)
        engine->context_free(context);
}
