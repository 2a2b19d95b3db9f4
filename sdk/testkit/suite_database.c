/* suite_database.c - what every database must do: the sentences of database.h about statements,
 * batches, migrations and copies. What transactions and many tasks do is in suite_transaction.c. */
#include "suite_database.h"

#include <unistd.h>

/* --- values ----------------------------------------------------------------------------------- */

static void expect_value(const pb_value *found, const pb_value *wanted, const char *what)
{
    EXPECT_INT(found->type, wanted->type, "the type of %s", what);
    if (wanted->type == PB_VALUE_INT)
        EXPECT_INT(found->integer, wanted->integer, "%s", what);
    if (wanted->type == PB_VALUE_REAL)
        EXPECT(memcmp(&found->real, &wanted->real, sizeof found->real) == 0,
               "%s is %.17g and should be %.17g", what, found->real, wanted->real);
    if (wanted->type >= PB_VALUE_TEXT)
        EXPECT(pb_str_equal(found->text, wanted->text), "%s is not what was put: %zu bytes of %zu",
               what, found->text.size, wanted->text.size);
}

/* Statements are static text. */
#define COLUMN(letter)                                                                             \
    {                                                                                              \
        PB_LIT("INSERT INTO suite_v (id, " letter ") VALUES ($1, $2) RETURNING " letter),          \
            PB_LIT("SELECT " letter " FROM suite_v WHERE id = $1"), "a value of column " letter    \
    }

static const struct column {
    pb_str insert, select;
    const char *what;
} integers = COLUMN("i"), reals = COLUMN("r"), texts = COLUMN("t"), blobs = COLUMN("b");

static int64_t last_id;

static void there_and_back(pb_instance *database, const struct column *column, pb_value value)
{
    const pb_value values[] = {pb_value_int(++last_id), value};
    pb_rows rows;

    EXPECT_OK(pb_db_query(database, column->insert, values, 2, &rows), "insert of %s",
              column->what);
    EXPECT_INT(rows.changed, 1, "`changed` of an insert");
    EXPECT_INT(rows.count, 1, "how many rows RETURNING gives");
    expect_value(pb_cell(&rows, 0, 0), &value, column->what);
    EXPECT_OK(pb_db_query(database, column->select, values, 1, &rows), "select");
    EXPECT_INT(rows.count, 1, "how many rows select gives");
    expect_value(pb_cell(&rows, 0, 0), &value, column->what);
}

SUITE_CASE(values)
{
    static const int64_t whole[] = {0, -1, 42, INT64_MAX, INT64_MIN};
    static const double fractions[] = {0.5, -1.25e300, 1e-300, 0.1, 12345678.9};
    pb_str all = suite_bytes(70000, 1);

    suite_must(instance, "DROP TABLE IF EXISTS suite_v");
    suite_must(instance,
               "CREATE TABLE suite_v (id BIGINT PRIMARY KEY, i BIGINT, r DOUBLE PRECISION, "
               "t TEXT, b BYTEA)");
    for (size_t i = 0; i < 5; i++) {
        there_and_back(instance, &integers, pb_value_int(whole[i]));
        there_and_back(instance, &reals, pb_value_real(fractions[i]));
    }
    there_and_back(instance, &texts, pb_value_text(pb_lit("")));
    there_and_back(instance, &texts,
                   pb_value_text(pb_lit("h\xc3\xa9 \xe6\xbc\xa2 \xf0\x9f\x98\x80")));
    there_and_back(instance, &texts, pb_value_text(pb_lit("'); DROP TABLE suite_v; --")));
    there_and_back(instance, &texts,
                   pb_value_text(pb_hex((pb_bytes){(const uint8_t *)all.data, all.size})));
    there_and_back(instance, &blobs, pb_value_bytes("", 0));
    there_and_back(instance, &blobs, pb_value_bytes("\0a\0\xff", 4));
    there_and_back(instance, &blobs, pb_value_bytes(all.data, all.size));
    there_and_back(instance, &texts, pb_value_null());
    there_and_back(instance, &integers, pb_value_null());
    there_and_back(instance, &blobs, pb_value_null());
}

SUITE_CASE(parameters)
{
    const pb_value values[] = {pb_value_int(1), pb_value_int(2)};
    pb_rows rows;

    EXPECT_OK(suite_ask(instance,
                        "SELECT CAST($2 AS BIGINT), CAST($1 AS BIGINT), CAST($2 AS BIGINT) + 1",
                        values, 2, &rows),
              "a select of $2, $1, $2 + 1");
    EXPECT_INT(rows.columns, 3, "how many columns it gives");
    EXPECT_INT(pb_cell(&rows, 0, 0)->integer, 2, "$2");
    EXPECT_INT(pb_cell(&rows, 0, 1)->integer, 1, "$1");
    EXPECT_INT(pb_cell(&rows, 0, 2)->integer, 3, "$2 + 1");
    EXPECT_STATUS(
        suite_ask(instance, "SELECT CAST($1 AS BIGINT) + CAST($2 AS BIGINT)", values, 1, NULL),
        PB_INVALID, "a statement with $2 and one value");
    pb_error_clear();
    int32_t dialect = pb_db_dialect(instance);
    EXPECT(dialect == PB_DIALECT_SQLITE || dialect == PB_DIALECT_POSTGRES,
           "dialect is %d, which is none that database.h knows", dialect);
}

SUITE_CASE(borrows)
{
    char text[] = "borrowed";
    const pb_value values[] = {pb_value_text(pb_str_of(text))};
    pb_rows first, second;

    suite_must(instance, "DROP TABLE IF EXISTS suite_b");
    suite_must(instance, "CREATE TABLE suite_b (t TEXT)");
    EXPECT_OK(suite_ask(instance, "INSERT INTO suite_b VALUES ($1)", values, 1, NULL), "insert");
    memset(text, 'x', sizeof text - 1);
    EXPECT_OK(suite_ask(instance, "SELECT t FROM suite_b", NULL, 0, &first), "select");
    EXPECT_STR(pb_cell(&first, 0, 0)->text, pb_lit("borrowed"),
               "a text whose bytes the caller used again");
    suite_must(instance, "UPDATE suite_b SET t = 'OTHER TEXT'");
    EXPECT_OK(suite_ask(instance, "SELECT t FROM suite_b", NULL, 0, &second), "select");
    EXPECT_STR(pb_cell(&first, 0, 0)->text, pb_lit("borrowed"),
               "a cell of the rows from before, after another select");
}

/* --- statements ------------------------------------------------------------------------------- */

SUITE_CASE(statements)
{
    pb_rows rows;

    suite_table(instance);
    EXPECT_OK(suite_ask(instance, "SELECT id FROM suite_t", NULL, 0, &rows), "select");
    EXPECT_INT(rows.count, 0, "how many rows an empty table gives");
    EXPECT_OK(suite_ask(instance, "INSERT INTO suite_t (id) VALUES (1), (2), (3)", NULL, 0, &rows),
              "insert");
    EXPECT_INT(rows.changed, 3, "`changed` of an insert of 3 rows");
    EXPECT_OK(suite_ask(instance, "UPDATE suite_t SET n = 5 WHERE id > 1", NULL, 0, &rows),
              "update");
    EXPECT_INT(rows.changed, 2, "`changed` of an update of 2 rows");
    EXPECT_OK(suite_ask(instance, "INSERT INTO suite_t (id) VALUES (1) ON CONFLICT DO NOTHING",
                        NULL, 0, &rows),
              "insert with ON CONFLICT DO NOTHING");
    EXPECT_INT(rows.changed, 0, "`changed` of an insert that did nothing");
    EXPECT_OK(suite_ask(instance, "SELECT id, n FROM suite_t ORDER BY id DESC", NULL, 0, &rows),
              "select");
    EXPECT_INT(rows.count, 3, "how many rows it gives");
    EXPECT_INT(pb_cell(&rows, 0, 0)->integer, 3, "the first by descending id");
    EXPECT_INT(pb_cell(&rows, 2, 1)->integer, 0, "n of the last");
    EXPECT_OK(suite_ask(instance, "DELETE FROM suite_t WHERE id > 1", NULL, 0, &rows), "delete");
    EXPECT_INT(rows.changed, 2, "`changed` of a delete of 2 rows");
}

SUITE_CASE(refusals)
{
    suite_table(instance);
    suite_must(instance, "DROP TABLE IF EXISTS suite_c");
    suite_must(instance,
               "CREATE TABLE suite_c (t BIGINT NOT NULL REFERENCES suite_t (id), c BIGINT "
               "CHECK (c > 0))");
    suite_refused(instance, "SELEC 1", PB_INVALID);
    suite_refused(instance, "SELECT * FROM suite_nowhere", PB_INVALID);
    suite_refused(instance, "INSERT INTO suite_t (nothing) VALUES (1)", PB_INVALID);
    suite_must(instance, "INSERT INTO suite_t (id) VALUES (1)");
    suite_refused(instance, "INSERT INTO suite_t (id) VALUES (1)", PB_CONFLICT);
    suite_refused(instance, "INSERT INTO suite_c (t) VALUES (NULL)", PB_CONFLICT);
    suite_refused(instance, "INSERT INTO suite_c (t) VALUES (2)", PB_CONFLICT);
    suite_refused(instance, "INSERT INTO suite_c (t, c) VALUES (1, 0)", PB_CONFLICT);
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 1,
               "how many rows there are after statements that were refused");
    suite_must(instance, "DROP TABLE suite_c");
}

/* --- batches ---------------------------------------------------------------------------------- */

static pb_status add_both(pb_instance *database, const int64_t ids[2], uint32_t flags,
                          pb_rows *rows)
{
    const pb_value one[] = {pb_value_int(ids[0])}, two[] = {pb_value_int(ids[1])};
    pb_statement statements[] = {
        pb_statement_make(pb_lit("INSERT INTO suite_t (id) VALUES ($1)"), one, 1),
        pb_statement_make(pb_lit("UPDATE suite_t SET n = n + 1 WHERE id = $1 RETURNING n"), two,
                          1)};

    statements[1].flags = flags;
    pb_status status = pb_db_batch(database, statements, 2, rows);
    pb_error_clear();
    return status;
}

SUITE_CASE(batches)
{
    pb_rows rows[2];

    suite_table(instance);
    EXPECT_OK(add_both(instance, (const int64_t[]){1, 1}, PB_EXPECT_ROW, rows), "a batch");
    EXPECT_INT(rows[0].changed, 1, "`changed` of its first statement");
    EXPECT_INT(rows[1].changed, 1, "`changed` of its second");
    EXPECT_INT(rows[1].count, 1, "how many rows its second gives");
    EXPECT_INT(pb_cell(&rows[1], 0, 0)->integer, 1, "what its second gives");
    EXPECT_OK(add_both(instance, (const int64_t[]){2, 99}, 0, rows), "a batch that updates no row");
    EXPECT_STATUS(add_both(instance, (const int64_t[]){3, 99}, PB_EXPECT_ROW, rows), PB_CONFLICT,
                  "a batch with PB_EXPECT_ROW that updates no row");
    EXPECT_INT(rows[0].failed, 0, "`failed` of the statement before it");
    EXPECT_INT(rows[1].failed, 1, "`failed` of the statement with PB_EXPECT_ROW");
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t WHERE id = 3"), 0,
               "how many rows there are of a batch that was undone");
    EXPECT_OK(add_both(instance, (const int64_t[]){4, 4}, PB_EXPECT_ROW, NULL),
              "a batch without out");
    EXPECT_STATUS(add_both(instance, (const int64_t[]){4, 1}, PB_EXPECT_ROW, rows), PB_CONFLICT,
                  "a batch that inserts a row which is there");
    EXPECT_INT(rows[1].failed, 0, "`failed` where a constraint failed in another statement");
    EXPECT_INT(suite_number(instance, "SELECT n FROM suite_t WHERE id = 1"), 1,
               "a number that a batch which was undone would have changed");
}

SUITE_CASE(long_batches)
{
    enum { MANY = 100 };
    pb_statement *statements = PB_NEW_ARRAY(pb_statement, MANY);
    pb_value *values = PB_NEW_ARRAY(pb_value, MANY);
    pb_rows *rows = PB_NEW_ARRAY(pb_rows, MANY);

    suite_table(instance);
    for (int i = 0; i < MANY; i++) {
        values[i] = pb_value_int(i);
        statements[i] = pb_statement_make(
            pb_lit("INSERT INTO suite_t (id) VALUES ($1) RETURNING id"), &values[i], 1);
    }
    EXPECT_OK(pb_db_batch(instance, statements, MANY, rows), "a batch of 100 statements");
    for (int i = 0; i < MANY; i++)
        EXPECT_INT(pb_cell(&rows[i], 0, 0)->integer, i, "what statement %d of a batch gives", i);
    values[MANY - 1] = pb_value_int(5); /* is there */
    suite_must(instance, "DELETE FROM suite_t WHERE id > 5");
    for (int i = 0; i < MANY - 1; i++)
        values[i] = pb_value_int(1000 + i);
    EXPECT_STATUS(pb_db_batch(instance, statements, MANY, rows), PB_CONFLICT,
                  "a batch whose 100th statement conflicts");
    pb_error_clear();
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 6,
               "how many rows there are after it");
}

/* --- tenants ---------------------------------------------------------------------------------- */

static pb_status note_as(void *arg)
{
    suite_must(arg, "INSERT INTO suite_n (tenant, text) VALUES ($tenant, 'a note')");
    EXPECT_INT(suite_number(arg, "SELECT count(*) FROM suite_n WHERE tenant = $tenant"), 1,
               "how many rows a tenant sees of its own");
    return PB_OK;
}

SUITE_CASE(tenants)
{
    pb_statement statement =
        pb_statement_make(pb_lit("SELECT count(*) FROM suite_n WHERE tenant = $tenant"), NULL, 0);
    pb_rows rows;

    suite_must(instance, "DROP TABLE IF EXISTS suite_n");
    suite_must(instance, "CREATE TABLE suite_n (tenant TEXT, text TEXT)");
    suite_as("suite-a", note_as, instance);
    suite_as("it's; \"b\"", note_as, instance);
    statement.tenant = pb_lit("suite-a");
    EXPECT_OK(pb_db_run(instance, &statement, &rows), "select");
    EXPECT_INT(pb_cell(&rows, 0, 0)->integer, 1,
               "how many rows there are for a statement's tenant");
    suite_refused(instance, "SELECT count(*) FROM suite_n WHERE tenant = $tenant", PB_INVALID);
}

/* --- migrations ------------------------------------------------------------------------------- */

static const char *const first[] = {"CREATE TABLE suite_m (a BIGINT)",
                                    "INSERT INTO suite_m VALUES (1)", NULL};
static const char *const second[] = {"INSERT INTO suite_m VALUES (2)", NULL};
static const char *const other[] = {"INSERT INTO suite_m VALUES (3)", NULL};
static const char *const broken[] = {"INSERT INTO suite_m VALUES (4)", "SELEC 1", NULL};

static pb_migration step(int64_t number, const char *const *statements)
{
    return (pb_migration){.size = sizeof(pb_migration), .number = number, .statements = statements};
}

SUITE_CASE(migrates)
{
    pb_migration steps[] = {step(1, first), step(2, second), step(3, broken)};

    suite_must(instance, "DROP TABLE IF EXISTS suite_m");
    EXPECT_OK(pb_db_migrate(instance, "suite_m", NULL, 0), "a migration without steps");
    suite_must(instance, "DELETE FROM patchbay_migrations WHERE owner = 'suite_m'");
    EXPECT_OK(pb_db_migrate(instance, "suite_m", steps, 1), "a first migration");
    EXPECT_OK(pb_db_migrate(instance, "suite_m", steps, 2), "a second");
    EXPECT_OK(pb_db_migrate(instance, "suite_m", steps, 2), "the same again");
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_m"), 2,
               "how often two steps were applied");
    EXPECT_STATUS(pb_db_migrate(instance, "suite_m", steps, 3), PB_INVALID,
                  "a migration whose step is no SQL");
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_m"), 2,
               "how many rows there are after a step that failed half-way");
    EXPECT_STATUS(pb_db_migrate(instance, "suite_m", steps, 1), PB_CONFLICT,
                  "a migration of an older program");
    steps[1] = step(2, other);
    EXPECT_STATUS(pb_db_migrate(instance, "suite_m", steps, 2), PB_CONFLICT,
                  "a migration whose recorded step is another one");
    pb_error_clear();
}

/* --- copies ----------------------------------------------------------------------------------- */

SUITE_CASE(copies)
{
    pb_str path = suite_path("suite-copy.db");

    (void)unlink(path.data);
    suite_table(instance);
    EXPECT_OK(suite_insert(instance, 1), "insert");
    EXPECT_OK(pb_db_backup(instance, path), "backup");
    EXPECT_STATUS(pb_db_backup(instance, path), PB_CONFLICT, "backup to a file that is there");
    EXPECT_OK(suite_insert(instance, 2), "insert");
    suite_must(instance, "ALTER TABLE suite_t ADD COLUMN later TEXT");
    for (int round = 0; round < 2; round++) {
        EXPECT_OK(pb_db_restore(instance, path), "restore");
        EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 1,
                   "how many rows there are after restore");
        suite_refused(instance, "SELECT later FROM suite_t", PB_INVALID);
        EXPECT_OK(suite_insert(instance, 3), "a write after restore");
    }
    EXPECT_STATUS(pb_db_restore(instance, suite_path("suite-nowhere")), PB_NOT_FOUND,
                  "restore of a file that is not there");
    EXPECT_INT(suite_number(instance, "SELECT count(*) FROM suite_t"), 2,
               "how many rows there are after a restore that failed");
    (void)unlink(path.data);
}

const struct pb_suite_case suite_database[] = {
    {"values of every type, there and back", 0, values},
    {"parameters by number", 0, parameters},
    {"what is borrowed is copied, what is given stays", 1, borrows},
    {"changed rows and given rows", 0, statements},
    {"what is wrong is invalid, a constraint is a conflict", 0, refusals},
    {"a batch is applied as a whole or not at all", 0, batches},
    {"a batch of 100 statements", 0, long_batches},
    {"$tenant is whoever asks", 11, tenants},
    {"migrations are applied once, whole, and never change", 0, migrates},
    {"restore brings back what backup copied", 0, copies},
    {"a transaction commits what it wrote", 0, suite_db_commits},
    {"a transaction that fails is undone", 0, suite_db_rolls_back},
    {"a transaction in another is refused", 0, suite_db_nests},
    {"others see what is committed", 0, suite_db_hides},
    {"a transaction ends after 100 ms", 0, suite_db_limits},
    {"64 tasks write and count at once", 3, suite_db_counts_at_once},
    {"a write that was cancelled is there or is not", 6, suite_db_never_maybe},
    {"a cancelled task leaves it usable", 6, suite_db_cancels},
    {.name = NULL},
};
