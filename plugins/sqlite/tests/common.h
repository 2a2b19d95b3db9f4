/* common.h - what the tests of sqlite share: a database in a folder of its own, statements by text,
 * many tasks at once, other processes. */
#ifndef SQLITE_TESTS_COMMON_H
#define SQLITE_TESTS_COMMON_H

#include "suite.h"
#include "testkit.h"

#include <errno.h>
#include <fcntl.h>
#include <patchbay/database.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_sqlite;

static char folder[256], file[300];
static pb_harness *harness;
static pb_instance *database;
static const char *options = ""; /* more options of the database */

static inline void make_folder(void)
{
    const char *where = getenv("TMPDIR");

    (void)snprintf(folder, sizeof folder, "%s/patchbay-sqlite-XXXXXX", where ? where : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/test.db", folder);
}

static inline void drop_folder(void)
{
    char command[320];

    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
}

/* On the real clock: what the threads of the plugin do takes real time. */
static inline void open_database(void)
{
    char yaml[1200];

    (void)snprintf(yaml, sizeof yaml, "databases: {main: {use: sqlite, path: %s%s}}\n", file,
                   options);
    harness = pb_harness_new(yaml, &patchbay_plugin_sqlite);
    pb_harness_virtual_time(harness, false);
    database = pb_harness_instance(harness, "database", "main");
}

static inline void close_database(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

/* Must load or not: the sentence of the first problem. */
static inline char *open_problem(void)
{
    char yaml[1200], *problems = NULL;
    const pb_plugin *const plugins[] = {&patchbay_plugin_sqlite, NULL};

    (void)snprintf(yaml, sizeof yaml, "databases: {main: {use: sqlite, path: %s%s}}\n", file,
                   options);
    harness = pb_harness_open(yaml, plugins, &problems);
    ck_assert_ptr_null(harness);
    return problems;
}

/* Runs fn in a task; no arguments: tests keep what they need in statics. */
static inline pb_status call_plain(void *arg)
{
    void (**fn)(void) = arg;

    (*fn)();
    return PB_OK;
}

static inline void in_task(void (*fn)(void))
{
    ck_assert_int_eq(pb_harness_run(harness, call_plain, &fn, NULL), PB_OK);
}

/* The same with a database that is opened and closed around it. */
static inline void with_database(void (*fn)(void))
{
    make_folder();
    open_database();
    in_task(fn);
    close_database();
    drop_folder();
}

/* In a task. The text must be static. */
static inline pb_status run_values(const char *sql, const pb_value *values, size_t count,
                                   pb_rows *rows)
{
    return pb_db_query(database, pb_str_of(sql), values, count, rows);
}

static inline void must(const char *sql)
{
    pb_status status = run_values(sql, NULL, 0, NULL);

    ck_assert_msg(status == PB_OK, "%s: %.*s", sql, PB_ARG(pb_error_last()->sentence));
}

static inline void must_not(const char *sql, pb_status expected, const char *part)
{
    ck_assert_int_eq(run_values(sql, NULL, 0, NULL), expected);
    pb_str sentence = pb_error_last()->sentence;
    ck_assert_msg(pb_str_contains(sentence, pb_str_of(part)), "'%.*s' does not say '%s'",
                  PB_ARG(sentence), part);
}

static inline int64_t integer(const char *sql)
{
    pb_rows rows;
    pb_status status = run_values(sql, NULL, 0, &rows);

    ck_assert_msg(status == PB_OK, "%s: %.*s", sql, PB_ARG(pb_error_last()->sentence));
    ck_assert_uint_eq(rows.count, 1);
    return pb_cell(&rows, 0, 0)->integer;
}

static inline pb_status insert(int64_t id)
{
    pb_value values[] = {pb_value_int(id)};

    return run_values("INSERT INTO t (id) VALUES ($1)", values, 1, NULL);
}

/* fn(number) in `count` tasks at once; all must have ended before it returns. */
struct many {
    void (*fn)(int number);
    int number;
};

static inline pb_status call_numbered(void *arg)
{
    const struct many *many = arg;

    many->fn(many->number);
    return PB_OK;
}

static inline void at_once(int count, void (*fn)(int number))
{
    pb_task **tasks = PB_NEW_ARRAY(pb_task *, count);
    struct many *many = PB_NEW_ARRAY(struct many, count);

    for (int i = 0; i < count; i++) {
        many[i] = (struct many){fn, i};
        ck_assert_int_eq(pb_spawn(call_numbered, &many[i], &tasks[i]), PB_OK);
    }
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pb_join(tasks[i]), PB_OK);
}

/* A process of its own that does fn(number) and ends. */
static inline pid_t in_process(void (*fn)(int number), int number)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        fn(number);
        fflush(NULL);
        _exit(0);
    }
    return child;
}

static inline void end_well(pid_t child)
{
    int status = 0;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the process ended with %x",
                  status);
}

/* A stranger's look into the file, beside the plugin. Not while this process has it open. */
static inline int64_t stranger(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    int code = sqlite3_step(statement);
    ck_assert_msg(code == SQLITE_ROW || code == SQLITE_DONE, "%s: %s", sql, sqlite3_errmsg(db));
    int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

#endif
