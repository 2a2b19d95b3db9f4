/* suite_database.h - what the two halves of the suite of databases share: statements that must
 * work, or must not. SQL here is what SQLite and PostgreSQL both understand. Not installed.
 */
#ifndef PATCHBAY_SUITE_DATABASE_H
#define PATCHBAY_SUITE_DATABASE_H

#include "suite_kit.h"

#include <patchbay/database.h>

static inline pb_status suite_ask(pb_instance *database, const char *sql, const pb_value *values,
                                  size_t count, pb_rows *rows)
{
    return pb_db_query(database, pb_str_of(sql), values, count, rows);
}

static inline void suite_must(pb_instance *database, const char *sql)
{
    EXPECT_OK(suite_ask(database, sql, NULL, 0, NULL), "%s", sql);
}

static inline void suite_refused(pb_instance *database, const char *sql, pb_status status)
{
    EXPECT_STATUS(suite_ask(database, sql, NULL, 0, NULL), status, "%s", sql);
    pb_error_clear();
}

/* The one number that it gives. */
static inline int64_t suite_number(pb_instance *database, const char *sql)
{
    pb_rows rows;

    EXPECT_OK(suite_ask(database, sql, NULL, 0, &rows), "%s", sql);
    EXPECT_INT(rows.count, 1, "how many rows '%s' gives", sql);
    EXPECT_INT(rows.columns, 1, "how many columns '%s' gives", sql);
    return pb_cell(&rows, 0, 0)->integer;
}

static inline pb_status suite_insert(pb_instance *database, int64_t id)
{
    const pb_value values[] = {pb_value_int(id)};

    return suite_ask(database, "INSERT INTO suite_t (id) VALUES ($1)", values, 1, NULL);
}

/* A table `suite_t` with nothing in it. */
static inline void suite_table(pb_instance *database)
{
    suite_must(database, "DROP TABLE IF EXISTS suite_t");
    suite_must(database,
               "CREATE TABLE suite_t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL DEFAULT 0)");
}

/* suite_transaction.c */
void suite_db_commits(pb_harness *harness, pb_instance *instance);
void suite_db_rolls_back(pb_harness *harness, pb_instance *instance);
void suite_db_nests(pb_harness *harness, pb_instance *instance);
void suite_db_hides(pb_harness *harness, pb_instance *instance);
void suite_db_limits(pb_harness *harness, pb_instance *instance);
void suite_db_counts_at_once(pb_harness *harness, pb_instance *instance);
void suite_db_never_maybe(pb_harness *harness, pb_instance *instance);
void suite_db_cancels(pb_harness *harness, pb_instance *instance);

#endif
