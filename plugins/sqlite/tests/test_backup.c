/* Copies while others write, and back: whole, of one moment, refused where they would do harm. */
#include "common.h"

#include "../sqlite.h"

static char copy[300];

static void name_copy(const char *name)
{
    snprintf(copy, sizeof copy, "%s/%s", folder, name);
}

static int64_t ask_copy(const char *sql)
{
    char before[300];

    snprintf(before, sizeof before, "%s", file);
    snprintf(file, sizeof file, "%s", copy);
    int64_t value = stranger(sql);
    snprintf(file, sizeof file, "%s", before);
    return value;
}

static pb_status backup(void)
{
    return pb_db_backup(database, pb_str_of(copy));
}

static pb_status restore(void)
{
    return pb_db_restore(database, pb_str_of(copy));
}

/* --- out ----------------------------------------------------------------------------------------
 */

static bool copied;

/* One row of each table in a batch, again and again, until the copy is there. */
static void write_or_copy(int number)
{
    pb_statement statements[] = {
        pb_statement_make(pb_lit("INSERT INTO t DEFAULT VALUES"), NULL, 0),
        pb_statement_make(pb_lit("INSERT INTO u DEFAULT VALUES"), NULL, 0)};

    if (number == 0) {
        ck_assert_int_eq(backup(), PB_OK);
        copied = true;
    }
    while (!copied)
        ck_assert_int_eq(pb_db_batch(database, statements, 2, NULL), PB_OK);
}

static void while_others_write(void)
{
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    must("CREATE TABLE u (id INTEGER PRIMARY KEY)");
    must("CREATE TABLE large AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
         "LIMIT 2000) SELECT i, zeroblob(4000) AS a FROM n");
    copied = false;
    at_once(5, write_or_copy);
    ck_assert_int_eq(backup(), PB_CONFLICT);
    ck_assert_ptr_nonnull(strstr(pb_error_last()->sentence.data, "File exists"));
    ck_assert_int_eq(pb_db_backup(database, pb_lit("/nowhere/copy.db")), PB_NOT_FOUND);
}

START_TEST(a_copy_is_of_one_moment)
{
    struct stat there;
    char head[20] = "", other[360];

    make_folder();
    name_copy("copy.db");
    open_database();
    in_task(while_others_write);
    close_database();
    FILE *in = fopen(copy, "r");
    ck_assert_uint_eq(fread(head, 1, sizeof head, in), sizeof head);
    fclose(in);
    ck_assert_int_eq(head[18], 1); /* needs no log beside it */
    ck_assert_int_eq(stat(copy, &there), 0);
    ck_assert_uint_eq(there.st_mode & 0777, 0600);
    ck_assert_int_eq(ask_copy("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    ck_assert_int_eq(ask_copy("SELECT count(*) FROM large"), 2000);
    ck_assert_int_eq(ask_copy("SELECT (SELECT count(*) FROM t) = (SELECT count(*) FROM u)"), 1);
    ck_assert_int_eq(ask_copy("PRAGMA application_id"), APPLICATION_ID);
    snprintf(other, sizeof other, "%s.%ld.part", copy, (long)getpid());
    ck_assert_int_ne(access(other, F_OK), 0);
    drop_folder();
}
END_TEST

/* --- in -----------------------------------------------------------------------------------------
 */

static int to_child[2], from_child[2];

static void tell(int pipe)
{
    ck_assert_int_eq(write(pipe, "", 1), 1);
}

static void hear(int pipe)
{
    char byte;
    ck_assert_int_eq(read(pipe, &byte, 1), 1);
}

static void restore_copy(void)
{
    hear(to_child[0]);
    ck_assert_int_eq(restore(), PB_OK);
    tell(from_child[1]);
    hear(to_child[0]); /* both have it open the whole time */
}

static void be_restorer(int number)
{
    (void)number;
    open_database();
    in_task(restore_copy);
    close_database();
}

/* Another process puts the copy back; here it is seen by connections that are open. */
static void see_it(void)
{
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    ck_assert_int_eq(insert(1), PB_OK);
    ck_assert_int_eq(backup(), PB_OK);
    ck_assert_int_eq(insert(2), PB_OK);
    must("ALTER TABLE t ADD COLUMN later TEXT");
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 2);
    tell(to_child[1]);
    hear(from_child[0]);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 1);
    must_not("SELECT later FROM t", PB_INVALID, "no such column");
    ck_assert_int_eq(insert(3), PB_OK);
    ck_assert_int_eq(integer("SELECT sum(id) FROM t"), 4);
    ck_assert_int_eq(restore(), PB_OK); /* and here */
    ck_assert_int_eq(integer("SELECT sum(id) FROM t"), 1);
    ck_assert_int_eq(insert(2), PB_OK);
    tell(to_child[1]);
}

START_TEST(a_copy_put_back_is_seen_by_all)
{
    make_folder();
    name_copy("copy.db");
    ck_assert(pipe(to_child) == 0 && pipe(from_child) == 0);
    pid_t child = in_process(be_restorer, 0);
    open_database();
    in_task(see_it);
    close_database();
    end_well(child);
    ck_assert_int_eq(stranger("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    drop_folder();
}
END_TEST

static void expect_refusal(pb_status status, const char *part)
{
    ck_assert_int_eq(restore(), status);
    ck_assert_msg(strstr(pb_error_last()->sentence.data, part) != NULL, "'%s' does not say '%s'",
                  pb_error_last()->sentence.data, part);
    pb_error_clear();
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 1);
}

static void refusals(void)
{
    must("CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    ck_assert_int_eq(insert(1), PB_OK);
    name_copy("nothing.db");
    expect_refusal(PB_NOT_FOUND, "No such file");
    name_copy("letter.db");
    FILE *out = fopen(copy, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is a letter", out);
    fclose(out);
    expect_refusal(PB_INVALID, "is no database");
    name_copy("other.db");
    (void)ask_copy("PRAGMA application_id=77");
    expect_refusal(PB_INVALID, "of another program");
    name_copy("damaged.db");
    must("CREATE TABLE large AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
         "LIMIT 2000) SELECT i, hex(randomblob(100)) AS a FROM n");
    ck_assert_int_eq(backup(), PB_OK);
    int damaged = open(copy, O_WRONLY);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(pwrite(damaged, copy, 100, 4096 * (5 + i)), 100);
    close(damaged);
    expect_refusal(PB_INVALID, "is damaged");
}

START_TEST(what_is_no_copy_is_refused)
{
    with_database(refusals);
}
END_TEST

int main(void)
{
    return suite_run("sqlite backup",
                     (const TTest *const[]){a_copy_is_of_one_moment, a_copy_put_back_is_seen_by_all,
                                            what_is_no_copy_is_refused, NULL});
}
