/* What the options change that no other test needs: two databases that differ in them. */
#include "../sqlite.h"
#include "common.h"

static int64_t usual, changed;

static void look(void (*fn)(void), const char *with)
{
    options = "";
    with_database(fn);
    usual = changed;
    options = with;
    with_database(fn);
}

/* What the connection says of itself, past the plugin, which lets nobody ask. */
static int64_t ask(const char *pragma)
{
    struct sqlite *self = pb_harness_self(harness, "database", "main");
    sqlite3_stmt *statement;

    ck_assert_int_eq(integer("SELECT 1"), 1); /* it is open now */
    sqlite3_set_authorizer(self->loop.db, NULL, NULL);
    ck_assert_int_eq(sqlite3_prepare_v2(self->loop.db, pragma, -1, &statement, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void ask_cache(void)
{
    changed = ask("PRAGMA cache_size");
}

START_TEST(the_cache)
{
    look(ask_cache, ", cache_size: 1MiB");
    ck_assert_int_eq(usual, -8192); /* in KiB */
    ck_assert_int_eq(changed, -1024);
}
END_TEST

static void ask_mapped(void)
{
    changed = ask("PRAGMA mmap_size");
}

START_TEST(the_mapped_part)
{
    look(ask_mapped, ", mmap: 16MiB");
    ck_assert_int_eq(usual, 0);
    ck_assert_int_eq(changed, 16 << 20);
}
END_TEST

static void insert_number(int number)
{
    ck_assert_int_eq(insert(number), PB_OK);
}

/* How many commits 64 writes at once took. */
static void write_at_once(void)
{
    const struct sqlite *self = pb_harness_self(harness, "database", "main");

    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    long long before = self->figures.groups;
    at_once(64, insert_number);
    changed = self->figures.groups - before;
}

START_TEST(writes_of_a_commit)
{
    look(write_at_once, ", group: 1");
    ck_assert_int_lt(usual, 64);
    ck_assert_int_eq(changed, 64);
}
END_TEST

int main(void)
{
    return suite_run("sqlite options",
                     (const TTest *const[]){the_cache, the_mapped_part, writes_of_a_commit, NULL});
}
