/* journal.c - opening and closing the journal: which database it is, its tables, and the task that
 * looks after them. See journal.h.
 */
#include "turn/journal.h"

#include "base/scope.h"
#include "plugin/instances.h"
#include <patchbay/cluster.h>
#include <patchbay/log.h>

enum state { CLOSED, OPENING, OPEN, CLOSING };

static struct {
    enum state state;
    pb_instance *database; /* NULL, while open: there is none */
    struct arena arena;    /* of what is made once */
    pb_subscription *gone; /* a worker died */
    pb_task *keeper;
    struct waiter *keeper_waits;
    struct waiter *closer;
} journal;

static const pb_duration between_rounds = 60 * PB_SECOND;
static const pb_duration lease_time = 60 * PB_SECOND;

static const char *const tables[] = {
    "CREATE TABLE turns (id INTEGER PRIMARY KEY, uuid BLOB NOT NULL, tenant TEXT NOT NULL, "
    "owner TEXT NOT NULL, key_hash BLOB, digest BLOB, pipeline TEXT NOT NULL, conversation BLOB, "
    "reply BLOB, request TEXT, node TEXT NOT NULL, status TEXT NOT NULL, created BIGINT NOT NULL, "
    "ended BIGINT, events BIGINT NOT NULL, bytes BIGINT NOT NULL, headers TEXT)",
    "CREATE UNIQUE INDEX turns_uuid ON turns (uuid)",
    "CREATE UNIQUE INDEX turns_key ON turns (tenant, owner, key_hash) WHERE key_hash IS NOT NULL",
    "CREATE INDEX turns_running ON turns (id) WHERE status = 'running'",
    "CREATE INDEX turns_ended ON turns (ended, bytes) WHERE ended IS NOT NULL",
    "CREATE TABLE turn_events (turn BIGINT NOT NULL, number BIGINT NOT NULL, data TEXT NOT NULL, "
    "PRIMARY KEY (turn, number)) WITHOUT ROWID",
    NULL};

static const pb_migration migrations[] = {
    {.size = sizeof(pb_migration), .number = 1, .statements = tables}};

/* --- which database --------------------------------------------------------------------------- */

static size_t count_databases(pb_instance **one)
{
    size_t count = 0;

    for (pb_instance *at = instances_all(); at; at = at->next)
        if (pb_str_is(at->kind, "database")) {
            *one = at;
            count++;
        }
    return count;
}

static pb_status choose(pb_instance **out)
{
    pb_str name = instances_host_options()->journal;
    pb_instance *one = NULL;

    if (name.size) {
        *out = instance_find(pb_lit("database"), name);
        return *out
                   ? PB_OK
                   : pb_fail(PB_INVALID, "host.journal: there is no database '%.*s'", PB_ARG(name));
    }
    *out = count_databases(&one) == 1 ? one : NULL;
    return PB_OK;
}

static pb_status none(void)
{
    pb_instance *one = NULL;

    return count_databases(&one)
               ? pb_fail(PB_UNSUPPORTED,
                         "detached turns and Idempotency-Key need to know which of the "
                         "databases keeps them: name it in host.journal")
               : pb_fail(PB_UNSUPPORTED, "detached turns and Idempotency-Key need a database: "
                                         "configure one under `databases`");
}

pb_status journal_database(pb_instance **out)
{
    pb_status status = journal_setup();

    if (status != PB_OK)
        return status;
    *out = journal.database;
    return journal.database ? PB_OK : none();
}

/* --- looking after it ------------------------------------------------------------------------- */

static void log_failure(const char *what, pb_status status)
{
    if (status != PB_OK && status != PB_CANCELLED)
        pb_log(PB_WARN, "the journal %s: %.*s", what, PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

static void on_gone(void *arg, const pb_bus_message *message)
{
    (void)arg;
    (void)message;
    log_failure("was not searched for turns of the worker that died",
                journal_sweep(journal.database));
}

/* One worker deletes; it keeps the lease for as long as it lives. */
static void clean(pb_lease **lease)
{
    if (*lease && !pb_lease_held(*lease)) {
        pb_lease_release(*lease);
        *lease = NULL;
    }
    if (!*lease && pb_lease_take(pb_lit("journal.clean"), lease_time, lease) != PB_OK) {
        *lease = NULL;
        pb_error_clear();
        return;
    }
    log_failure("was not cleaned", journal_clean(journal.database));
}

static void keep(void *arg)
{
    pb_lease *lease = NULL;

    (void)arg;
    while (journal.state != CLOSING) {
        struct waiter waiter = {0};
        journal.keeper_waits = &waiter;
        (void)task_wait_for(&waiter, between_rounds);
        journal.keeper_waits = NULL;
        if (journal.state == CLOSING)
            break;
        log_failure("was not searched for turns that nobody runs", journal_sweep(journal.database));
        if (journal.state != CLOSING)
            clean(&lease);
    }
    pb_lease_release(lease);
    journal.keeper = NULL;
    if (journal.closer)
        waiter_wake(journal.closer);
}

/* --- opening and closing ---------------------------------------------------------------------- */

static pb_status open_tables(void)
{
    pb_status status = pb_db_migrate(journal.database, "journal", migrations, 1);

    if (status == PB_OK)
        status = pb_subscribe(pb_lit("cluster.gone"), on_gone, NULL, &journal.gone);
    if (status == PB_OK)
        status = journal_sweep(journal.database);
    if (status == PB_OK)
        status = task_start(keep, NULL, &journal.keeper);
    return status;
}

static pb_status open_journal(void)
{
    pb_status status = choose(&journal.database);

    if (status != PB_OK || !journal.database)
        return status;
    arena_init(&journal.arena, 0);
    struct arena *before = scope_arena_swap(&journal.arena);
    struct task_locals *locals = task_local(), kept = *locals;
    *locals = (struct task_locals){0}; /* it is nobody's turn that this belongs to */
    status = open_tables();
    *locals = kept;
    scope_arena_swap(before);
    if (status != PB_OK) {
        pb_unsubscribe(journal.gone);
        journal.gone = NULL;
    }
    return status;
}

pb_status journal_setup(void)
{
    while (journal.state == OPENING) {
        pb_status status = pb_sleep(PB_MILLISECOND);
        if (status != PB_OK)
            return status;
    }
    if (journal.state == OPEN)
        return PB_OK;
    if (journal.state == CLOSING && turn_draining())
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND,
                             "the server is going down, another one will take over");
    journal.state = OPENING;
    pb_status status = open_journal();
    journal.state = status == PB_OK ? OPEN : CLOSED;
    return status;
}

void journal_stop(void)
{
    struct waiter waiter = {0};

    if (journal.state != OPEN)
        return;
    journal_wait_all();
    journal.state = CLOSING;
    if (journal.keeper) {
        journal.closer = &waiter;
        if (journal.keeper_waits)
            waiter_wake(journal.keeper_waits);
        task_wait_always(&waiter);
    }
    pb_unsubscribe(journal.gone);
    arena_fini(&journal.arena);
    memset(&journal, 0, sizeof journal);
    journal.state = CLOSING; /* and stays so while those that ask late are served */
}

void journal_topic(pb_str id, char out[64])
{
    (void)snprintf(out, 64, "turn.events.%.*s", PB_ARG(pb_str_slice(id, 0, 36)));
}
