/* tls_pair.c - see tls_pair.h. A timer starts a task, which looks at the files and reads them on a
 * helper thread. They are told apart by inode, size and time, so that a link that points elsewhere and
 * a file that was renamed into place are seen as well as one that was written to.
 */
#include "net/tls_pair.h"

#include "net/tls.h"
#include "runtime/task.h"
#include <patchbay/cluster.h>
#include <patchbay/log.h>
#include <patchbay/secret.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

static const int64_t keys_last = 24 * 3600; /* seconds; a ticket lives for two hours */
static pb_duration look_every = PB_SECOND;

struct stamp {
    struct {
        dev_t device;
        ino_t inode;
        off_t size;
        struct timespec changed;
    } files[2];
};

/* In shared memory, under lock 0. */
struct tickets {
    int64_t made; /* wall clock, seconds; 0: not yet */
    unsigned char keys[TLS_TICKET_KEYS];
};

struct tls_pair {
    struct tls_context *context;
    struct timer timer;
    struct waiter *closer;
    bool looking, warned;
    struct stamp used, refused; /* the files of `context`; those that could not be used */
    pb_shared *shared;          /* NULL: tickets are this worker's alone */
    int64_t keys_made;
    char *paths[2]; /* certificate, key: point at text */
    char text[];
};

/* What the helper thread does. */
struct look {
    const struct tls_pair *pair;
    struct stamp stamp;
    struct tls_context *context;
    char why[TLS_SENTENCE_SIZE];
    bool whole, differs;
};

/* --- files ------------------------------------------------------------------------------------ */

static bool stamp_of(const struct tls_pair *pair, struct stamp *out)
{
    struct stat found;

    memset(out, 0, sizeof *out);
    for (int i = 0; i < 2; i++) {
        if (stat(pair->paths[i], &found) != 0)
            return false;
        out->files[i].device = found.st_dev;
        out->files[i].inode = found.st_ino;
        out->files[i].size = found.st_size;
        out->files[i].changed = found.st_mtim;
    }
    return true;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* On a helper thread. What changes while it is read is looked at again the next time. */
static pb_status read_files(void *arg)
{
    struct look *look = arg;
    const struct tls_pair *pair = look->pair;
    struct stamp after;

    look->whole = stamp_of(pair, &look->stamp);
    look->differs = look->whole && !same(&look->stamp, &pair->used) &&
                    !(pair->warned && same(&look->stamp, &pair->refused));
    if (!look->differs)
        return PB_OK;
    look->context = tls_engine()->context_new(pair->paths[0], pair->paths[1], NULL, look->why);
    if (!stamp_of(pair, &after) || !same(&after, &look->stamp)) {
        if (look->context)
            tls_engine()->context_free(look->context);
        look->context = NULL;
        look->differs = false;
    }
    return PB_OK;
}

/* --- tickets ---------------------------------------------------------------------------------- */

static void forget_tickets(void *memory, uint32_t index)
{
    (void)index;
    memset(memory, 0, sizeof(struct tickets));
}

/* Gives `context` the keys of all workers, made anew when they are old. */
static void share_tickets(struct tls_pair *pair, struct tls_context *context, bool fresh)
{
    struct tickets *tickets = pair->shared ? pb_shared_memory(pair->shared) : NULL;
    unsigned char keys[TLS_TICKET_KEYS];
    int64_t now = (int64_t)time(NULL);

    if (!tickets || pb_shared_lock(pair->shared, 0) != PB_OK)
        return;
    bool old = !tickets->made || now - tickets->made > keys_last || tickets->made > now + keys_last;
    if (old && pb_random(tickets->keys, sizeof tickets->keys) == PB_OK)
        tickets->made = now;
    bool news = tickets->made && (fresh || tickets->made != pair->keys_made);
    memcpy(keys, tickets->keys, sizeof keys);
    pair->keys_made = tickets->made;
    pb_shared_unlock(pair->shared, 0);
    if (news)
        tls_engine()->ticket_keys(context, keys);
    explicit_bzero(keys, sizeof keys);
}

/* --- following -------------------------------------------------------------------------------- */

static void fire(struct timer *timer);

static void take(struct tls_pair *pair, struct look *look)
{
    if (!look->differs)
        return;
    if (look->context) {
        tls_context_free(pair->context);
        pair->context = look->context;
        pair->used = look->stamp;
        pair->warned = false;
        share_tickets(pair, pair->context, true);
        pb_log(PB_INFO, "the certificate '%s' was renewed", pair->paths[0]);
        return;
    }
    /* One of the two may just be on its way: said when it stays so. */
    pair->warned = same(&look->stamp, &pair->refused);
    pair->refused = look->stamp;
    if (pair->warned)
        pb_log(PB_WARN, "the certificate before stays in use: %s", look->why);
}

static void look_now(void *arg)
{
    struct tls_pair *pair = arg;
    struct look look = {.pair = pair};

    if (pb_offload(read_files, &look) == PB_OK)
        take(pair, &look);
    share_tickets(pair, pair->context, false);
    pair->looking = false;
    if (pair->closer)
        waiter_wake(pair->closer);
    else
        timer_arm(&pair->timer, look_every, fire);
}

static void fire(struct timer *timer)
{
    struct tls_pair *pair = list_entry(timer, struct tls_pair, timer);

    pair->looking = task_start(look_now, pair, NULL) == PB_OK;
    if (!pair->looking) /* too many tasks: this one can wait */
        timer_arm(timer, look_every, fire);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static void open_tickets(struct tls_pair *pair)
{
    const pb_shared_spec spec = {.size = sizeof spec,
                                 .version = 1,
                                 .name = pb_lit("tls.tickets"),
                                 .bytes = sizeof(struct tickets),
                                 .repair = forget_tickets};

    if (pb_shared_open(&spec, &pair->shared) != PB_OK)
        pb_log(PB_DEBUG, "session tickets are not shared: %.*s", PB_ARG(pb_error_last()->sentence));
    share_tickets(pair, pair->context, true);
}

pb_status tls_pair_open(pb_str certificate, pb_str key, struct tls_pair **out)
{
    struct tls_pair *pair = calloc(1, sizeof *pair + certificate.size + key.size + 2);

    if (!pair)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    pair->paths[0] = memcpy(pair->text, certificate.data, certificate.size);
    pair->paths[1] = pair->text + certificate.size + 1;
    if (key.size)
        memcpy(pair->paths[1], key.data, key.size);
    (void)stamp_of(pair, &pair->used); /* before it is read: a change is seen the next time */
    pb_status status = tls_server(certificate, key, &pair->context);
    if (status != PB_OK) {
        free(pair);
        return status;
    }
    open_tickets(pair);
    timer_arm(&pair->timer, look_every, fire);
    *out = pair;
    return PB_OK;
}

struct tls_context *tls_pair_context(const struct tls_pair *pair)
{
    return pair->context;
}

void tls_pair_close(struct tls_pair *pair)
{
    struct waiter waiter = {0};

    if (!pair)
        return;
    timer_cancel(&pair->timer);
    if (pair->looking) {
        pair->closer = &waiter;
        task_wait_always(&waiter);
    }
    tls_context_free(pair->context);
    pb_shared_close(pair->shared);
    free(pair);
}

void tls_pair_every(pb_duration time)
{
    look_every = time;
}
