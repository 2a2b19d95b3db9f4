/* migrate.c - brings the tables of a component up to date: <patchbay/database.h>, pb_db_migrate.
 *
 * A step and the row that records it are one batch, so a step is applied once, whole, whoever comes
 * first; the others find its row. A lease keeps workers that start together from making a backup
 * each.
 */
#include "turn/database.h"

#include "cluster/node.h"
#include "plugin/instances.h"
#include <errno.h>
#include <patchbay/secret.h>
#include <sys/stat.h>
#include <time.h>

static struct {
    bool allow_offline;
    size_t applied;
    void (*each_step)(const char *database, const char *owner, int64_t number);
} state;

void migrate_allow_offline(bool allow)
{
    state.allow_offline = allow;
}

void migrate_each_step(void (*each)(const char *database, const char *owner, int64_t number))
{
    state.each_step = each;
}

size_t migrate_applied(void)
{
    return state.applied;
}

static const pb_str create_sql =
    PB_LIT("CREATE TABLE IF NOT EXISTS patchbay_migrations (owner TEXT NOT NULL, number BIGINT NOT "
           "NULL, digest TEXT NOT NULL, applied BIGINT NOT NULL, PRIMARY KEY (owner, number))");
static const pb_str select_sql =
    PB_LIT("SELECT number, digest FROM patchbay_migrations WHERE owner = $1 ORDER BY number");
static const pb_str record_sql = PB_LIT(
    "INSERT INTO patchbay_migrations (owner, number, digest, applied) VALUES ($1, $2, $3, $4)");

struct plan {
    pb_instance *database;
    pb_str owner;
    const pb_migration *steps;
    size_t count, stride;
    pb_rows recorded;
};

static const pb_migration *step_at(const struct plan *plan, size_t index)
{
    const char *at = (const char *)plan->steps + index * plan->stride;
    return (const pb_migration *)(const void *)at;
}

static pb_str digest_of(const pb_migration *step)
{
    uint8_t digest[32];
    pb_buf buf = {0};

    for (const char *const *at = step->statements; *at; at++) {
        pb_buf_add(&buf, pb_str_of(*at));
        pb_buf_byte(&buf, 0);
    }
    pb_sha256((pb_bytes){(const uint8_t *)buf.data, buf.size}, digest);
    return pb_hex((pb_bytes){digest, sizeof digest});
}

/* --- what is there ---------------------------------------------------------------------------- */

static pb_status read_recorded(struct plan *plan)
{
    pb_value values[] = {pb_value_text(plan->owner)};

    return pb_db_query(plan->database, select_sql, values, 1, &plan->recorded);
}

/* A released step never changes, and a program does not run on tables that it does not know. */
static pb_status check_recorded(const struct plan *plan)
{
    const pb_rows *rows = &plan->recorded;

    for (size_t i = 0; i < rows->count && i < plan->count; i++) {
        const pb_migration *step = step_at(plan, i);
        if (pb_cell(rows, i, 0)->integer != step->number ||
            !pb_str_equal(pb_cell(rows, i, 1)->text, digest_of(step)))
            return pb_fail(PB_CONFLICT,
                           "database '%.*s': step %lld of the tables of '%.*s' is not the one that "
                           "this program knows; it was changed after it was applied",
                           PB_ARG(plan->database->name), (long long)pb_cell(rows, i, 0)->integer,
                           PB_ARG(plan->owner));
    }
    if (rows->count > plan->count)
        return pb_fail(PB_CONFLICT,
                       "database '%.*s': the tables of '%.*s' are at step %lld, this program knows "
                       "%zu; run the newer program, or restore a backup from before",
                       PB_ARG(plan->database->name), PB_ARG(plan->owner),
                       (long long)pb_cell(rows, rows->count - 1, 0)->integer, plan->count);
    return PB_OK;
}

static pb_status check_offline(const struct plan *plan)
{
    for (size_t i = plan->recorded.count; i < plan->count; i++)
        if (step_at(plan, i)->flags & PB_MIGRATION_OFFLINE && plan->recorded.count &&
            !state.allow_offline && node_kind() != NODE_ALONE)
            return pb_fail(PB_CONFLICT,
                           "database '%.*s': step %lld of the tables of '%.*s' cannot run while the "
                           "service does; stop it and run: patchbay migrate",
                           PB_ARG(plan->database->name), (long long)step_at(plan, i)->number,
                           PB_ARG(plan->owner));
    return PB_OK;
}

/* --- the backup ------------------------------------------------------------------------------- */

/* Only an embedded database is ours to back up; tables that are not there yet have nothing to lose. */
static pb_status back_up(const struct plan *plan)
{
    char when[32];
    struct tm utc;
    time_t seconds = (time_t)(host_now() / 1000);
    pb_status status;

    if (!plan->recorded.count || pb_db_dialect(plan->database) != PB_DIALECT_SQLITE)
        return PB_OK;
    gmtime_r(&seconds, &utc);
    strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
    pb_str folder = pb_printf("%s/backups", instances_data_dir());
    pb_str path = pb_printf("%.*s/%.*s-before-%.*s-%lld-%s.db", PB_ARG(folder),
                            PB_ARG(plan->database->name), PB_ARG(plan->owner),
                            (long long)step_at(plan, plan->recorded.count)->number, when);
    if (!folder.data || !path.data)
        return PB_NO_MEMORY;
    if (mkdir(folder.data, 0700) != 0 && errno != EEXIST)
        return pb_fail(PB_UNAVAILABLE, "the folder %s for backups cannot be made: %s", folder.data,
                       strerror(errno));
    status = pb_db_backup(plan->database, path);
    if (status == PB_CONFLICT) { /* made a moment ago, before another step */
        pb_error_clear();
        status = PB_OK;
    }
    if (status == PB_OK)
        pb_log(PB_INFO, "database '%.*s': backed up to %s before its tables change",
               PB_ARG(plan->database->name), path.data);
    return status;
}

/* --- applying --------------------------------------------------------------------------------- */

static pb_status apply(const struct plan *plan, const pb_migration *step)
{
    size_t count = 1;
    pb_value values[] = {pb_value_text(plan->owner), pb_value_int(step->number),
                         pb_value_text(digest_of(step)), pb_value_int(host_now())};

    while (step->statements[count - 1])
        count++;
    pb_statement *statements = PB_NEW_ARRAY(pb_statement, count);
    if (!statements)
        return PB_NO_MEMORY;
    statements[0] = pb_statement_make(record_sql, values, 4);
    for (size_t i = 1; i < count; i++) {
        statements[i] = pb_statement_make(pb_str_of(step->statements[i - 1]), NULL, 0);
        statements[i].flags = PB_ALL_TENANTS;
    }
    pb_status status = pb_db_batch(plan->database, statements, count, NULL);
    if (status == PB_OK) {
        state.applied++;
        if (state.each_step)
            state.each_step(pb_copy(plan->database->name).data, pb_copy(plan->owner).data,
                            step->number);
        pb_log(PB_INFO, "database '%.*s': step %lld of the tables of '%.*s' is applied",
               PB_ARG(plan->database->name), (long long)step->number, PB_ARG(plan->owner));
    }
    return status;
}

/* Another process may apply the same steps, without our lease when it is of another service: then
 * its row is there, and we look again. */
static pb_status apply_pending(struct plan *plan)
{
    pb_status status = PB_OK;

    while (plan->recorded.count < plan->count) {
        const pb_migration *step = step_at(plan, plan->recorded.count);
        size_t before = plan->recorded.count;
        status = apply(plan, step);
        if (status != PB_OK && status != PB_CONFLICT)
            return status;
        pb_status again = read_recorded(plan);
        if (again != PB_OK)
            return again;
        if (plan->recorded.count == before) /* a conflict of another kind */
            return status;
        pb_error_clear();
    }
    return check_recorded(plan);
}

static pb_status take_lease(const struct plan *plan, pb_lease **out)
{
    pb_str name = pb_printf("migrate:%.*s", PB_ARG(plan->database->name));
    pb_status status;

    *out = NULL;
    while ((status = pb_lease_take(name, 30 * PB_SECOND, out)) == PB_CONFLICT) {
        pb_error_clear();
        if ((status = pb_sleep(20 * PB_MILLISECOND)) != PB_OK)
            return status;
    }
    if (status == PB_UNAVAILABLE) { /* without it there may be a backup too many, no more */
        pb_error_clear();
        status = PB_OK;
    }
    return status;
}

static pb_status migrate_pending(struct plan *plan)
{
    pb_lease *lease;
    pb_status status = take_lease(plan, &lease);

    if (status == PB_OK)
        status = read_recorded(plan);
    if (status == PB_OK && plan->recorded.count < plan->count) {
        status = check_offline(plan);
        if (status == PB_OK)
            status = back_up(plan);
        if (status == PB_OK)
            status = apply_pending(plan);
    }
    pb_lease_release(lease);
    return status;
}

pb_status host_db_migrate(pb_instance *database, pb_str owner, const pb_migration *migrations,
                          size_t count)
{
    struct plan plan = {.database = database,
                        .owner = owner,
                        .steps = migrations,
                        .count = count,
                        .stride = count ? migrations->size : 0};

    for (size_t i = 0; i < count; i++)
        for (const char *const *at = step_at(&plan, i)->statements; *at; at++)
            database_learn_table(*at);
    pb_status status = read_recorded(&plan);
    if (status == PB_INVALID) { /* the first time: there is not even that table */
        pb_error_clear();
        status = pb_db_query(database, create_sql, NULL, 0, NULL);
        if (status == PB_OK)
            status = read_recorded(&plan);
    }
    if (status == PB_OK)
        status = check_recorded(&plan);
    if (status == PB_OK && plan.recorded.count < count)
        status = migrate_pending(&plan);
    return status;
}
