/* Statements as SQLite takes them: parameters, batches, what is refused. What every database does is in
 * test_suite.c. */
#include "common.h"

static void places(void)
{
    pb_rows rows;
    pb_value values[] = {pb_value_int(1), pb_value_int(2)};
    pb_statement statement = pb_statement_make(pb_lit("SELECT $2, $1, $tenant, $2"), values, 2);

    statement.tenant = pb_lit("acme");
    ck_assert_int_eq(pb_db_run(database, &statement, &rows), PB_OK);
    ck_assert_int_eq(pb_cell(&rows, 0, 0)->integer, 2);
    ck_assert_int_eq(pb_cell(&rows, 0, 1)->integer, 1);
    ck_text(pb_cell(&rows, 0, 2)->text, "acme");
    ck_assert_int_eq(pb_cell(&rows, 0, 3)->integer, 2);
    must_not("SELECT $tenant", PB_INVALID, "nobody has said whose");
    ck_assert_int_eq(run_values("SELECT $1", values, 2, NULL), PB_INVALID);
    ck_assert_int_eq(run_values("SELECT $1 + $2", values, 1, NULL), PB_INVALID);
    must_not("SELECT ?", PB_INVALID, "write $1, $2");
    must_not("SELECT :id", PB_INVALID, "':id'");
    must_not("SELECT $0", PB_INVALID, "'$0'");
}

START_TEST(parameters_are_found_by_name)
{
    with_database(places);
}
END_TEST

static void one_by_one(void)
{
    static char text[] = "SELECT 1";

    must_not("SELECT 1; SELECT 2", PB_INVALID, "several");
    must_not(" ; ", PB_INVALID, "none");
    must("SELECT 1 ; \n");
    must_not("SELEC 1", PB_INVALID, "syntax error");
    must_not("SELECT * FROM nowhere", PB_INVALID, "no such table");
    must_not("BEGIN", PB_INVALID, "not authorized");
    must_not("COMMIT", PB_INVALID, "not authorized");
    must_not("SAVEPOINT x", PB_INVALID, "not authorized");
    must_not("ATTACH '/tmp/x' AS x", PB_INVALID, "not authorized");
    must_not("PRAGMA journal_mode=DELETE", PB_INVALID, "not authorized");
    must_not("PRAGMA synchronous=OFF", PB_INVALID, "not authorized");
    must("PRAGMA table_info('x')");
    /* A text that changes at the same address is seen. */
    ck_assert_int_eq(integer(text), 1);
    text[7] = '2';
    ck_assert_int_eq(integer(text), 2);
}

START_TEST(one_statement_at_a_time_and_no_transactions)
{
    with_database(one_by_one);
}
END_TEST

static pb_status add_both(int64_t first, int64_t second, uint32_t flags, pb_rows *rows)
{
    pb_value one[] = {pb_value_int(first)}, two[] = {pb_value_int(second)};
    pb_statement statements[] = {
        pb_statement_make(pb_lit("INSERT INTO t (id) VALUES ($1)"), one, 1),
        pb_statement_make(pb_lit("UPDATE t SET n = n + 1 WHERE id = $1 RETURNING n"), two, 1),
    };

    statements[1].flags = flags;
    return pb_db_batch(database, statements, 2, rows);
}

static void batches(void)
{
    pb_rows rows[2];

    must("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0)");
    ck_assert_int_eq(add_both(1, 1, PB_EXPECT_ROW, rows), PB_OK);
    ck_assert_int_eq(rows[0].changed, 1);
    ck_assert_int_eq(rows[1].changed, 1);
    ck_assert_int_eq(pb_cell(&rows[1], 0, 0)->integer, 1);
    ck_assert_int_eq(add_both(2, 99, 0, rows), PB_OK);
    ck_assert_uint_eq(rows[1].count, 0);
    ck_assert_int_eq(add_both(3, 99, PB_EXPECT_ROW, rows), PB_CONFLICT);
    ck_assert_uint_eq(rows[0].failed, 0);
    ck_assert_uint_eq(rows[1].failed, 1);
    ck_assert_uint_eq(rows[1].count, 0);
    ck_assert_int_eq(integer("SELECT count(*) FROM t WHERE id = 3"), 0);
    ck_assert_int_eq(add_both(4, 4, PB_EXPECT_ROW, NULL), PB_OK);
    ck_assert_int_eq(add_both(4, 4, PB_EXPECT_ROW, rows), PB_CONFLICT);
    ck_assert_uint_eq(rows[1].failed, 0); /* a constraint, not the row */
    ck_assert_int_eq(integer("SELECT n FROM t WHERE id = 4"), 1);
    /* A row that a read expects. */
    pb_statement reads[] = {pb_statement_make(pb_lit("SELECT count(*) FROM t"), NULL, 0),
                            pb_statement_make(pb_lit("SELECT id FROM t WHERE id = 77"), NULL, 0)};
    ck_assert_int_eq(pb_db_batch(database, reads, 2, rows), PB_OK);
    ck_assert_int_eq(pb_cell(&rows[0], 0, 0)->integer, 3);
    reads[1].flags = PB_EXPECT_ROW;
    ck_assert_int_eq(pb_db_batch(database, reads, 2, rows), PB_CONFLICT);
    ck_assert_uint_eq(rows[1].failed, 1);
}

START_TEST(a_batch_is_whole_or_not_at_all)
{
    with_database(batches);
}
END_TEST

static void conflicts(void)
{
    must("CREATE TABLE p (id INTEGER PRIMARY KEY)");
    must("CREATE TABLE c (p INTEGER NOT NULL REFERENCES p (id))");
    must_not("INSERT INTO c VALUES (1)", PB_CONFLICT, "FOREIGN KEY");
    must("INSERT INTO p VALUES (1)");
    must_not("INSERT INTO p VALUES (1)", PB_CONFLICT, "UNIQUE");
    must_not("INSERT INTO c VALUES (NULL)", PB_CONFLICT, "c.p");
    must_not("INSERT INTO p VALUES ('x')", PB_INVALID, "mismatch");
    must("INSERT INTO p VALUES (1) ON CONFLICT DO NOTHING");
}

START_TEST(constraints_are_conflicts)
{
    with_database(conflicts);
}
END_TEST

static void full_text(void)
{
    must("CREATE TABLE m (id INTEGER PRIMARY KEY, body TEXT)");
    must("CREATE VIRTUAL TABLE words USING fts5(body, content='m', content_rowid='id')");
    must("CREATE TRIGGER m_insert AFTER INSERT ON m BEGIN "
         "INSERT INTO words (rowid, body) VALUES (new.id, new.body); END");
    must("INSERT INTO m (body) VALUES ('patch cables of all lengths')");
    ck_assert_int_eq(integer("SELECT count(*) FROM words WHERE words MATCH 'cables'"), 1);
    must("INSERT INTO words (words) VALUES ('rebuild')");
}

START_TEST(full_text_search_works)
{
    with_database(full_text);
}
END_TEST

enum { LARGE = 3 * 1000 * 1000 };

static void large(void)
{
    char *text = malloc(LARGE);
    pb_value values[] = {pb_value_null()};
    pb_rows rows;

    memset(text, 'x', LARGE);
    values[0] = pb_value_text(pb_str_make(text, LARGE));
    must("CREATE TABLE v (a)");
    ck_assert_int_eq(run_values("INSERT INTO v VALUES ($1)", values, 1, NULL), PB_OK);
    ck_assert_int_eq(run_values("SELECT a, a FROM v", NULL, 0, &rows), PB_OK);
    ck_assert_uint_eq(pb_cell(&rows, 0, 1)->text.size, LARGE);
    ck_assert_mem_eq(pb_cell(&rows, 0, 1)->text.data, text, LARGE);
    free(text);
    ck_assert_int_eq(run_values("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                "LIMIT 100) SELECT a FROM n, v",
                                NULL, 0, &rows),
                     PB_TOO_LARGE);
    ck_assert_uint_eq(rows.count, 0);
}

START_TEST(large_values_and_too_large_results)
{
    with_database(large);
}
END_TEST

static void thousands(void)
{
    char *texts = malloc(3000 * 64);

    for (int i = 0; i < 3000; i++) { /* each at its own address: more than are remembered */
        snprintf(texts + i * 64, 64, "SELECT %d", i);
        ck_assert_int_eq(integer(texts + i * 64), i);
    }
    free(texts);
}

START_TEST(statements_without_end_are_forgotten)
{
    with_database(thousands);
}
END_TEST

START_TEST(what_was_written_is_there_the_next_time)
{
    make_folder();
    open_database();
    in_task(conflicts);
    close_database();
    struct stat there;
    ck_assert_int_eq(stat(file, &there), 0);
    ck_assert_uint_eq(there.st_mode & 0777, 0600);
    char log[340];
    snprintf(log, sizeof log, "%s-wal", file); /* moved into the file, and gone */
    ck_assert_int_ne(access(log, F_OK), 0);
    ck_assert_int_eq(stranger("SELECT count(*) FROM p"), 1);
    ck_assert_int_eq(stranger("PRAGMA application_id"), 0x50424159);
    open_database();
    close_database();
    drop_folder();
}
END_TEST

int main(void)
{
    return suite_run(
        "sqlite query",
        (const TTest *const[]){
            parameters_are_found_by_name,
            one_statement_at_a_time_and_no_transactions, a_batch_is_whole_or_not_at_all,
            constraints_are_conflicts, full_text_search_works, large_values_and_too_large_results,
            statements_without_end_are_forgotten, what_was_written_is_there_the_next_time, NULL});
}
