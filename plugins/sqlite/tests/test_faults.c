/* A disk that fails: full, gone, replaced, not to be written. A clear sentence each time, and the
 * service goes on as soon as the disk does. */
#include "common.h"

#include "../sqlite.h"
#include <signal.h>

static struct sqlite *self;
static pb_status results[40];

static pb_status health(void)
{
    return patchbay_plugin_sqlite.components[0]->interface->health(self);
}

static void find_self(void)
{
    self = pb_harness_self(harness, "database", "main");
}

/* No file of this process may become larger; 0: as large as it likes. */
static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes ? bytes : limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static pb_status insert_large(int64_t id)
{
    static char text[20 * 1000];
    pb_value values[] = {pb_value_int(id), pb_value_bytes(text, sizeof text)};

    return run_values("INSERT INTO b VALUES ($1, $2)", values, 2, NULL);
}

static void insert_one_large(int number)
{
    results[number] = insert_large(1000 + number);
}

static pb_status insert_numbered(void *arg)
{
    insert_one_large((int)(intptr_t)arg);
    return PB_OK;
}

/* --- full ---------------------------------------------------------------------------------------
 */

static int64_t fitted;
static pb_status first, unwell;
static char sentence[300];

/* Check writes a file of its own: nothing is asserted while files may not grow. */
static void without_room(void)
{
    limit_files(600 * 1000);
    for (fitted = 0; (first = insert_large(fitted)) == PB_OK;)
        fitted++;
    limit_files(1000); /* the log has begun anew, which made some room */
    (void)run_values("INSERT INTO b VALUES (-1, zeroblob(100000))", NULL, 0, NULL);
    (void)snprintf(sentence, sizeof sentence, "%.*s", PB_ARG(pb_error_last()->sentence));
    pb_task *tasks[40];
    for (int64_t i = 0; i < 40; i++)
        (void)pb_spawn(insert_numbered, (void *)(intptr_t)i, &tasks[i]);
    for (int64_t i = 0; i < 40; i++)
        (void)pb_join(tasks[i]);
    unwell = health();
}

static void fill_up(void)
{
    find_self();
    must("CREATE TABLE b (id INTEGER PRIMARY KEY, a)");
    without_room();
    limit_files(0);
    ck_assert_int_eq(first, PB_NO_SPACE);
    ck_assert_int_gt(fitted, 5);
    ck_assert_str_eq(sentence, "the file may not grow any more");
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(results[i], PB_NO_SPACE);
    ck_assert_int_eq(unwell, PB_NO_SPACE);
    ck_assert_int_eq(integer("SELECT count(*) FROM b"), fitted);
    ck_assert_int_eq(health(), PB_OK); /* it tries by itself: nobody else writes now */
    at_once(40, insert_one_large);
    for (int i = 0; i < 40; i++)
        ck_assert_int_eq(results[i], PB_OK);
    ck_assert_int_eq(integer("SELECT count(*) FROM b"), fitted + 40);
}

START_TEST(a_full_disk_refuses_and_recovers)
{
    make_folder();
    open_database();
    pb_harness_log(PB_ERROR + 1, NULL);
    in_task(fill_up);
    close_database();
    ck_assert_int_eq(stranger("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    drop_folder();
}
END_TEST

/* What failed to be committed does not come to life when the process is killed next. */
static void fail_and_die(int number)
{
    (void)number;
    open_database();
    pb_harness_log(PB_ERROR + 1, NULL);
    in_task(fill_up);
    limit_files(1000);
    kill(getpid(), SIGKILL);
}

START_TEST(a_failed_commit_stays_failed)
{
    int status;

    make_folder();
    pid_t child = in_process(fail_and_die, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    ck_assert_int_eq(stranger("SELECT count(*) FROM b WHERE id = -1"), 0);
    ck_assert_int_eq(stranger("SELECT count(*) FROM b WHERE id >= 1000"), 40);
    ck_assert_int_eq(stranger("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    drop_folder();
}
END_TEST

/* The largest page count that the file may have: SQLITE_FULL instead of an error of the disk. */
static void one_too_large(void)
{
    find_self();
    must("CREATE TABLE b (id INTEGER PRIMARY KEY, a)");
    self->writer.connection.own = true; /* nobody writes now */
    ck_assert_int_eq(
        sqlite3_exec(self->writer.connection.db, "PRAGMA max_page_count=60", NULL, NULL, NULL),
        SQLITE_OK);
    self->writer.connection.own = false;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(insert_large(i), PB_OK);
    must_not("INSERT INTO b VALUES (100, zeroblob(400000))", PB_NO_SPACE, "full");
    ck_assert_int_eq(insert_large(5), PB_OK); /* there is room for less */
    ck_assert_int_eq(health(), PB_OK);
}

START_TEST(what_is_too_large_harms_nobody)
{
    make_folder();
    open_database();
    pb_harness_log(PB_ERROR + 1, NULL);
    in_task(one_too_large);
    close_database();
    drop_folder();
}
END_TEST

/* --- gone
 * ----------------------------------------------------------------------------------------- */

static char aside[300];

static void move_files(const char *from, const char *to)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char a[340], b[340];

    for (int i = 0; i < 3; i++) {
        snprintf(a, sizeof a, "%s%s", from, suffixes[i]);
        snprintf(b, sizeof b, "%s%s", to, suffixes[i]);
        ck_assert(rename(a, b) == 0 || errno == ENOENT);
    }
}

static void take_away(void)
{
    find_self();
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    ck_assert_int_eq(insert(1), PB_OK);
    move_files(file, aside);
    must_not("INSERT INTO t VALUES (2)", PB_UNAVAILABLE, "was removed while it was open");
    must_not("INSERT INTO t VALUES (2)", PB_UNAVAILABLE, "No such file");
    must_not("SELECT count(*) FROM t", PB_UNAVAILABLE, "No such file");
    ck_assert_int_eq(health(), PB_UNAVAILABLE);
    ck_assert_int_ne(access(file, F_OK), 0); /* no empty one is made in its place */
    move_files(aside, file);
    ck_assert_int_eq(insert(3), PB_OK);
    ck_assert_int_eq(integer("SELECT sum(id) FROM t"), 4);
    ck_assert_int_eq(health(), PB_OK);
}

START_TEST(a_removed_file_is_missed_and_found_again)
{
    make_folder();
    snprintf(aside, sizeof aside, "%s/aside.db", folder);
    open_database();
    pb_harness_log(PB_ERROR + 1, NULL);
    in_task(take_away);
    close_database();
    drop_folder();
}
END_TEST

static void replace(void)
{
    char path[340];

    find_self();
    snprintf(path, sizeof path, "%s/copy.db", folder);
    must("CREATE TABLE t (id INTEGER PRIMARY KEY)");
    ck_assert_int_eq(insert(1), PB_OK);
    ck_assert_int_eq(pb_db_backup(database, pb_str_of(path)), PB_OK);
    ck_assert_int_eq(insert(2), PB_OK);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 2);
    move_files(file, aside); /* by hand, while it runs */
    ck_assert_int_eq(rename(path, file), 0);
    ck_assert_int_eq(insert(3), PB_OK);
    ck_assert_int_eq(integer("SELECT sum(id) FROM t"), 4); /* the copy's */
}

START_TEST(a_replaced_file_is_opened)
{
    make_folder();
    snprintf(aside, sizeof aside, "%s/aside.db", folder);
    open_database();
    pb_harness_log(PB_ERROR, NULL);
    in_task(replace);
    close_database();
    drop_folder();
}
END_TEST

/* --- what cannot be opened
 * ------------------------------------------------------------------------ */

static void expect_problem(const char *part)
{
    char *problem = open_problem();

    ck_assert_msg(strstr(problem, part) != NULL, "'%s' does not say '%s'", problem, part);
    free(problem);
}

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");

    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
}

START_TEST(no_database_of_ours)
{
    make_folder();
    write_file("this is a letter, and long enough to be taken for the head of a file of pages, "
               "which it is not: a database begins with another sentence than this one does");
    expect_problem("cannot be opened: file is not a database");
    unlink(file);
    stranger("PRAGMA application_id=77");
    expect_problem("it is the database of another program");
    unlink(file);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    expect_problem("is no file");
    drop_folder();
}
END_TEST

START_TEST(folders_are_made)
{
    char above[300];

    make_folder();
    snprintf(above, sizeof above, "%.200s/deeper", folder);
    snprintf(file, sizeof file, "%.200s/deeper/still/test.db", folder);
    open_database();
    close_database();
    ck_assert_int_eq(access(file, R_OK), 0);
    struct stat there;
    ck_assert_int_eq(stat(above, &there), 0);
    ck_assert_uint_eq(there.st_mode & 0777, 0700);
    snprintf(file, sizeof file, "%.200s/deeper/still/test.db/test.db", folder);
    expect_problem("still/test.db is no folder");
    drop_folder();
}
END_TEST

/* As somebody who may not: root may everything. */
static void be_nobody(int number)
{
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        _exit(77);
    expect_problem(number ? "may not be written" : "test.db may not be written");
}

START_TEST(not_to_be_written)
{
    make_folder();
    open_database();
    close_database();
    ck_assert_int_eq(chmod(file, 0444), 0);
    ck_assert_int_eq(chmod(folder, 0777), 0);
    end_well(in_process(be_nobody, 0));
    ck_assert_int_eq(chmod(folder, 0555), 0);
    end_well(in_process(be_nobody, 1));
    ck_assert_int_eq(chmod(folder, 0700), 0);
    drop_folder();
}
END_TEST

START_TEST(options_that_do_not_fit)
{
    make_folder();
    options = ", checkpoint: 10MiB, checkpoint_full: 5MiB";
    expect_problem("must not be below 'checkpoint'");
    options = ", read_limit: 50ms, query_limit: 20ms";
    expect_problem("must not be above 'query_limit'");
    options = ", readers: 0";
    expect_problem("expected 1 to 16");
    drop_folder();
}
END_TEST

int main(void)
{
    return suite_run("sqlite faults",
                     (const TTest *const[]){
                         a_full_disk_refuses_and_recovers, a_failed_commit_stays_failed,
                         what_is_too_large_harms_nobody, a_removed_file_is_missed_and_found_again,
                         a_replaced_file_is_opened, no_database_of_ours, folders_are_made,
                         not_to_be_written, options_that_do_not_fit, NULL});
}
