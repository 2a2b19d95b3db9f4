/* Several processes on one file: even shares, deaths in the middle, nothing half. What they have
 * been answered stands in memory that they share with the test. */
#include "common.h"

#include "../sqlite.h"
#include <signal.h>
#include <sys/mman.h>

enum { PROCESSES = 2, IN_FLIGHT = 16, ROWS = 4000, IDS = 1000000, ROUNDS = 12 };

static struct shared {
    _Atomic int ready, answered[PROCESSES + 1], inside;
    _Atomic bool go, stop;
    _Atomic unsigned char there[IDS]; /* answered ids */
} * shared;

static void share(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(shared, MAP_FAILED);
}

static int mine;  /* the number of this process */
static int first; /* of its ids */

static int all_answered(void)
{
    int sum = 0;

    for (int i = 0; i <= PROCESSES; i++)
        sum += shared->answered[i];
    return sum;
}

/* Both rows or none. */
static void write_pairs(int number)
{
    pb_statement statements[2];

    for (int64_t i = first + number; !shared->stop && i < IDS / 4; i += IN_FLIGHT) {
        int64_t id = mine * (int64_t)(IDS / 4) + i;
        pb_value values[] = {pb_value_int(id)};
        statements[0] = pb_statement_make(pb_lit("INSERT INTO t (id) VALUES ($1)"), values, 1);
        statements[1] = pb_statement_make(pb_lit("INSERT INTO u (id) VALUES ($1)"), values, 1);
        if (pb_db_batch(database, statements, 2, NULL) != PB_OK)
            _exit(3);
        shared->there[id] = 1;
        shared->answered[mine]++;
    }
}

static void write_all(void)
{
    shared->ready++;
    while (!shared->go)
        (void)pb_sleep(PB_MILLISECOND);
    at_once(IN_FLIGHT, write_pairs);
}

static void be_writer(int number)
{
    mine = number;
    open_database();
    in_task(write_all);
    close_database();
}

static void make_tables(void)
{
    must("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY)");
    must("CREATE TABLE IF NOT EXISTS u (id INTEGER PRIMARY KEY)");
}

static void pause_briefly(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
}

/* All that was answered is there, nothing by half, the file is whole. */
static void judge(void)
{
    sqlite3 *db;
    sqlite3_stmt *statement;
    static unsigned char found[IDS];

    ck_assert_int_eq(stranger("SELECT count(*) FROM (SELECT id FROM t EXCEPT SELECT id FROM u)"),
                     0);
    ck_assert_int_eq(stranger("SELECT count(*) FROM (SELECT id FROM u EXCEPT SELECT id FROM t)"),
                     0);
    ck_assert_int_eq(stranger("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    sqlite3_prepare_v2(db, "SELECT id FROM t", -1, &statement, NULL);
    memset(found, 0, sizeof found);
    while (sqlite3_step(statement) == SQLITE_ROW)
        found[sqlite3_column_int64(statement, 0)] = 1;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    for (int i = 0; i < IDS; i++)
        ck_assert_msg(!shared->there[i] || found[i], "row %d was answered and is not there", i);
}

START_TEST(shares_are_even)
{
    pid_t children[PROCESSES];

    make_folder();
    share();
    open_database();
    in_task(make_tables);
    close_database();
    for (int i = 0; i < PROCESSES; i++)
        children[i] = in_process(be_writer, i);
    while (shared->ready < PROCESSES)
        pause_briefly();
    shared->go = true;
    while (all_answered() < ROWS)
        pause_briefly();
    shared->stop = true;
    for (int i = 0; i < PROCESSES; i++)
        end_well(children[i]);
    for (int i = 0; i < PROCESSES; i++)
        ck_assert_msg(shared->answered[i] > all_answered() / 4, "process %d wrote %d of %d", i,
                      shared->answered[i], all_answered());
    judge();
    drop_folder();
}
END_TEST

/* Again and again one is killed while it writes; another one writes all the time. */
START_TEST(what_was_answered_survives_kills)
{
    make_folder();
    share();
    open_database();
    in_task(make_tables);
    close_database();
    shared->go = true;
    pid_t steady = in_process(be_writer, 1);
    for (int round = 0; round < ROUNDS; round++) {
        int before = shared->answered[0];
        first = round * (IDS / 4 / ROUNDS);
        pid_t child = in_process(be_writer, 0);
        while (shared->answered[0] < before + 20 + 37 * round)
            pause_briefly();
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        int others = shared->answered[1];
        while (shared->answered[1] < others + 50) /* the lock went on to the other one */
            pause_briefly();
    }
    shared->stop = true;
    end_well(steady);
    judge();
    drop_folder();
}
END_TEST

/* --- a death that holds the lock
 * ------------------------------------------------------------------ */

static pb_status die_inside(void *arg)
{
    (void)arg;
    must("INSERT INTO t VALUES (1)");
    shared->inside = 1;
    _exit(0);
}

static void die(void)
{
    (void)pb_db_transaction(database, die_inside, NULL);
}

static void be_dying(int number)
{
    (void)number;
    open_database();
    in_task(die);
}

static void go_on(void)
{
    ck_assert_int_eq(shared->inside, 1);
    ck_assert_int_eq(integer("SELECT count(*) FROM t"), 0);
    ck_assert_int_eq(insert(1), PB_OK);
}

START_TEST(a_death_inside_a_transaction_leaves_nothing)
{
    make_folder();
    share();
    open_database();
    in_task(make_tables);
    close_database();
    end_well(in_process(be_dying, 0));
    open_database();
    in_task(go_on);
    close_database();
    drop_folder();
}
END_TEST

int main(void)
{
    return suite_run("sqlite processes",
                     (const TTest *const[]){shares_are_even, what_was_answered_survives_kills,
                                            a_death_inside_a_transaction_leaves_nothing, NULL});
}
