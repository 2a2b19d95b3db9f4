/* What the host does around databases: tenants are bound and checked, schema steps are applied once,
 * in order, recorded, backed up before they change what is there. With real SQLite files. */
#include "runtime/task.h"
#include "suite.h"
#include "testkit.h"
#include "turn/database.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_sqlite;

static char folder[] = "/tmp/patchbay-test-XXXXXX";
static pb_harness *harness;
static pb_instance *database;

static void begin(void)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void open_database(void)
{
    char yaml[256];

    snprintf(yaml, sizeof yaml, "databases: {main: {use: sqlite, path: %s/test.db}}\n", folder);
    harness = pb_harness_new(yaml, &patchbay_plugin_sqlite);
    database = pb_harness_instance(harness, "database", "main");
}

static void close_database(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

static void end(void)
{
    char command[128];

    if (harness)
        close_database();
    database_forget_tables();
    migrate_allow_offline(false);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* How many backups lie in the data folder; takes them away. */
static int backups(void)
{
    char path[400];
    int count = 0;

    snprintf(path, sizeof path, "%s/backups", pb_harness_data_dir(harness));
    DIR *dir = opendir(path);
    for (struct dirent *at; dir && (at = readdir(dir));)
        if (strstr(at->d_name, "main-before-notes-")) {
            snprintf(path, sizeof path, "%s/backups/%s", pb_harness_data_dir(harness), at->d_name);
            ck_assert_int_eq(unlink(path), 0);
            count++;
        }
    if (dir)
        closedir(dir);
    return count;
}

/* --- tenants ---------------------------------------------------------------------------------- */

static const char *const first[] = {
    "CREATE TABLE notes (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, text TEXT)", NULL};
static const char *const second[] = {"ALTER TABLE notes ADD COLUMN mark BIGINT",
                                     "CREATE INDEX notes_mark ON notes (tenant, mark)", NULL};
static const char *const other[] = {"ALTER TABLE notes ADD COLUMN other BIGINT", NULL};
static const char *const wrong[] = {"ALTER TABLE notes ADD COLUMN fine BIGINT",
                                    "ALTER TABLE nowhere ADD COLUMN x BIGINT", NULL};
#define STEP(n, text) {.size = sizeof(pb_migration), .number = (n), .statements = (text)}

static const pb_str insert = PB_LIT("INSERT INTO notes (tenant, text) VALUES ($tenant, $1)");
static const pb_str select_all = PB_LIT("SELECT text FROM notes WHERE tenant = $tenant ORDER BY id");
static const pb_str careless = PB_LIT("SELECT text FROM notes");

static pb_status as(const char *tenant, pb_str sql, const char *text, pb_rows *out)
{
    pb_principal principal = {
        .size = sizeof principal, .id = PB_LIT("somebody"), .tenant = pb_str_of(tenant)};
    pb_value values[] = {pb_value_text(pb_str_of(text))};

    task_local()->principal = tenant ? &principal : NULL;
    pb_status status = pb_db_query(database, sql, values, text ? 1 : 0, out);
    task_local()->principal = NULL;
    return status;
}

static pb_status see_tenants(void *unused)
{
    static const pb_migration steps[] = {STEP(1, first)};
    pb_rows rows;

    (void)unused;
    ck_assert_int_eq(pb_db_migrate(database, "notes", steps, 1), PB_OK);
    ck_assert_int_eq(as("a", insert, "of a", NULL), PB_OK);
    ck_assert_int_eq(as("b", insert, "of b", NULL), PB_OK);
    ck_assert_int_eq(as("a", select_all, NULL, &rows), PB_OK);
    ck_assert_uint_eq(rows.count, 1);
    ck_text(pb_cell(&rows, 0, 0)->text, "of a");
    ck_assert_int_eq(as("b", select_all, NULL, &rows), PB_OK);
    ck_assert_uint_eq(rows.count, 1);
    ck_text(pb_cell(&rows, 0, 0)->text, "of b");
    return PB_OK;
}

START_TEST(the_tenant_is_bound_by_the_host)
{
    open_database();
    ck_assert_int_eq(pb_harness_run(harness, see_tenants, NULL, NULL), PB_OK);
}
END_TEST

static pb_status be_careless(void *unused)
{
    static const pb_migration steps[] = {STEP(1, first)};
    pb_statement all = pb_statement_make(careless, NULL, 0);

    (void)unused;
    ck_assert_int_eq(pb_db_migrate(database, "notes", steps, 1), PB_OK);
    all.flags = PB_ALL_TENANTS;
    ck_assert_int_eq(pb_db_run(database, &all, NULL), PB_OK);
    return as("a", careless, NULL, NULL);
}

START_TEST(a_statement_that_forgets_the_tenant_is_refused)
{
    pb_str sentence;

    open_database();
    ck_assert_int_eq(pb_harness_run(harness, be_careless, NULL, &sentence), PB_INTERNAL);
    ck_text(sentence, "contract 11: the host asked table 'notes' of database 'main' without naming $tenant");
}
END_TEST

/* What the caller sets itself counts only where nobody asks. */
static pb_status pretend(void *unused)
{
    static const pb_migration steps[] = {STEP(1, first)};
    pb_principal principal = {.size = sizeof principal, .tenant = PB_LIT("mine")};
    pb_statement statement = pb_statement_make(select_all, NULL, 0);
    pb_rows rows;

    (void)unused;
    ck_assert_int_eq(pb_db_migrate(database, "notes", steps, 1), PB_OK);
    ck_assert_int_eq(as("theirs", insert, "secret", NULL), PB_OK);
    statement.tenant = pb_lit("theirs");
    ck_assert_int_eq(pb_db_run(database, &statement, &rows), PB_OK);
    ck_assert_uint_eq(rows.count, 1);
    task_local()->principal = &principal;
    ck_assert_int_eq(pb_db_run(database, &statement, &rows), PB_OK);
    task_local()->principal = NULL;
    ck_assert_uint_eq(rows.count, 0);
    return PB_OK;
}

START_TEST(nobody_asks_as_another_tenant)
{
    open_database();
    ck_assert_int_eq(pb_harness_run(harness, pretend, NULL, NULL), PB_OK);
}
END_TEST

/* --- migrations ------------------------------------------------------------------------------- */

struct steps {
    const pb_migration *list;
    size_t count;
};

static pb_status migrate(void *arg)
{
    const struct steps *steps = arg;

    return pb_db_migrate(database, "notes", steps->list, steps->count);
}

static pb_status run_steps(const pb_migration *list, size_t count, pb_str *sentence)
{
    struct steps steps = {list, count};

    return pb_harness_run(harness, migrate, &steps, sentence);
}

START_TEST(steps_are_applied_once_and_backed_up_before)
{
    static const pb_migration one[] = {STEP(1, first)};
    static const pb_migration two[] = {STEP(1, first), STEP(2, second)};
    size_t applied = migrate_applied();

    open_database();
    ck_assert_int_eq(run_steps(one, 1, NULL), PB_OK);
    ck_assert_uint_eq(migrate_applied() - applied, 1);
    ck_assert_int_eq(backups(), 0); /* there was nothing to lose */
    ck_assert_int_eq(run_steps(one, 1, NULL), PB_OK);
    ck_assert_uint_eq(migrate_applied() - applied, 1);
    close_database();
    open_database();
    ck_assert_int_eq(run_steps(two, 2, NULL), PB_OK);
    ck_assert_uint_eq(migrate_applied() - applied, 2);
    ck_assert_int_eq(backups(), 1);
    ck_assert_int_eq(run_steps(two, 2, NULL), PB_OK);
    ck_assert_int_eq(backups(), 0);
}
END_TEST

START_TEST(a_step_that_was_changed_is_refused)
{
    static const pb_migration was[] = {STEP(1, first), STEP(2, second)};
    static const pb_migration is[] = {STEP(1, first), STEP(2, other)};
    pb_str sentence;

    open_database();
    ck_assert_int_eq(run_steps(was, 2, NULL), PB_OK);
    ck_assert_int_eq(run_steps(is, 2, &sentence), PB_CONFLICT);
    ck_text(sentence, "database 'main': step 2 of the tables of 'notes' is not the one that this "
                      "program knows; it was changed after it was applied");
}
END_TEST

START_TEST(a_newer_schema_is_refused)
{
    static const pb_migration newer[] = {STEP(1, first), STEP(2, second)};
    pb_str sentence;

    open_database();
    ck_assert_int_eq(run_steps(newer, 2, NULL), PB_OK);
    ck_assert_int_eq(run_steps(newer, 1, &sentence), PB_CONFLICT);
    ck_text(sentence, "database 'main': the tables of 'notes' are at step 2, this program knows 1; "
                      "run the newer program, or restore a backup from before");
}
END_TEST

static pb_status has_column(void *arg)
{
    bool *has = arg;
    pb_statement statement = pb_statement_make(
        pb_lit("SELECT 1 FROM pragma_table_info('notes') WHERE name = 'fine'"), NULL, 0);
    pb_rows rows;

    statement.flags = PB_ALL_TENANTS;
    ck_assert_int_eq(pb_db_run(database, &statement, &rows), PB_OK);
    *has = rows.count > 0;
    return PB_OK;
}

START_TEST(a_step_that_fails_leaves_nothing)
{
    static const pb_migration good[] = {STEP(1, first)};
    static const pb_migration bad[] = {STEP(1, first), STEP(2, wrong)};
    bool has = true;
    pb_str sentence;

    open_database();
    ck_assert_int_eq(run_steps(good, 1, NULL), PB_OK);
    ck_assert_int_ne(run_steps(bad, 2, &sentence), PB_OK);
    ck_assert_uint_gt(sentence.size, 0);
    ck_assert_int_eq(pb_harness_run(harness, has_column, &has, NULL), PB_OK);
    ck_assert(!has);
    ck_assert_int_eq(run_steps(good, 1, NULL), PB_OK); /* no record of it either */
    ck_assert_int_eq(backups(), 1);
}
END_TEST

/* --- transactions ----------------------------------------------------------------------------- */

static pb_status write_and(void *arg)
{
    pb_status *result = arg;
    pb_status status = as("a", insert, "inside", NULL);

    return status == PB_OK ? *result : status;
}

static pb_status see_transactions(void *unused)
{
    static const pb_migration steps[] = {STEP(1, first)};
    pb_status result = PB_OK;
    pb_rows rows;

    (void)unused;
    ck_assert_int_eq(pb_db_migrate(database, "notes", steps, 1), PB_OK);
    ck_assert_int_eq(pb_db_transaction(database, write_and, &result), PB_OK);
    result = PB_DECLINED;
    ck_assert_int_eq(pb_db_transaction(database, write_and, &result), PB_DECLINED);
    ck_assert_int_eq(as("a", select_all, NULL, &rows), PB_OK);
    ck_assert_uint_eq(rows.count, 1);
    return PB_OK;
}

START_TEST(a_transaction_ends_as_its_function_says)
{
    open_database();
    ck_assert_int_eq(pb_harness_run(harness, see_transactions, NULL, NULL), PB_OK);
}
END_TEST

int main(void)
{
    TCase *all = suite_case(
        "database", begin, end,
        (const TTest *const[]){the_tenant_is_bound_by_the_host,
                               a_statement_that_forgets_the_tenant_is_refused,
                               nobody_asks_as_another_tenant,
                               steps_are_applied_once_and_backed_up_before,
                               a_step_that_was_changed_is_refused, a_newer_schema_is_refused,
                               a_step_that_fails_leaves_nothing,
                               a_transaction_ends_as_its_function_says, NULL});

    return suite_run_cases("database", (TCase *const[]){all, NULL});
}
