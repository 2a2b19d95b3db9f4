/* sqlite_writers - processes that write to one file at the same time, by the plugin or as a program
 * would that only sets busy_timeout; with real syncs.
 *
 *     sqlite_writers ours|plain PROCESSES IN_FLIGHT SECONDS FILE [text]
 *
 * Each of IN_FLIGHT writers of a process inserts a row, waits until it is durable, and inserts the
 * next. `text`: text ids and three indexes instead of integers and one. Prints one line of figures.
 */
#include "testkit.h"

#include "../../plugins/sqlite/sqlite.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_sqlite;

enum { PROCESSES_MOST = 8, BUCKETS = 4000, BUCKET_US = 50 }; /* up to 200 ms, then the last one */

struct process {
    atomic_llong rows, commits, longest, cpu_ns;
    atomic_llong gap; /* the longest time in which nothing of it became durable */
    atomic_int took[BUCKETS];
    char pad[64];
};

static struct shared {
    atomic_int ready;
    atomic_bool go, stop;
    struct process processes[PROCESSES_MOST];
} * shared;

static struct process *mine;
static int in_flight;
static bool text;
static const char *file;
static pb_instance *database;
static pb_duration last; /* when a row of this process became durable */

static const char *const integer_tables[] = {
    "CREATE TABLE message (id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, seq INTEGER NOT "
    "NULL, body TEXT NOT NULL)",
    "CREATE UNIQUE INDEX message_seq ON message (conversation, seq)", NULL};
static const char *const text_tables[] = {
    "CREATE TABLE message (id TEXT PRIMARY KEY, conversation TEXT NOT NULL, seq INTEGER NOT NULL, "
    "body TEXT NOT NULL)",
    "CREATE UNIQUE INDEX message_seq ON message (conversation, seq)",
    "CREATE INDEX message_conversation ON message (conversation)", NULL};
#define INSERT "INSERT INTO message (id, conversation, seq, body) VALUES ($1, $2, $3, $4)"
static const char body[] =
    "What a user says to a model, of about the usual length: one sentence or "
    "two, seldom more, and now and then a word in another language.";

static pb_duration now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * PB_SECOND + time.tv_nsec;
}

/* --- what is written -------------------------------------------------------------------------- */

struct row {
    int64_t conversation, seq;
    char id_text[48], conversation_text[48];
};

static void next_row(struct row *row, int writer)
{
    int process = (int)(mine - shared->processes);

    row->seq++;
    row->conversation = process * 1000 + writer + 1;
    if (text) {
        snprintf(row->id_text, sizeof row->id_text, "0193a2f4-%012lld-%04d", (long long)row->seq,
                 (int)row->conversation);
        snprintf(row->conversation_text, sizeof row->conversation_text,
                 "0193a2f4-aaaa-7bbb-8ccc-%012lld", (long long)row->conversation);
    }
}

static void count(pb_duration began)
{
    pb_duration at = now(), took = at - began, gap = at - last;
    long bucket = took / (BUCKET_US * PB_MICROSECOND);

    mine->rows++;
    mine->took[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
    if (took > mine->longest)
        mine->longest = took;
    if (gap > mine->gap)
        mine->gap = gap;
    last = at;
}

static void wait_for_go(void)
{
    shared->ready++;
    while (!shared->go)
        usleep(1000);
    last = now();
}

static void count_cpu(const struct rusage *before)
{
    struct rusage after;

    getrusage(RUSAGE_SELF, &after);
    mine->cpu_ns = (after.ru_utime.tv_sec + after.ru_stime.tv_sec - before->ru_utime.tv_sec -
                    before->ru_stime.tv_sec) *
                       PB_SECOND +
                   (after.ru_utime.tv_usec + after.ru_stime.tv_usec - before->ru_utime.tv_usec -
                    before->ru_stime.tv_usec) *
                       PB_MICROSECOND;
}

/* --- ours ------------------------------------------------------------------------------------- */

static pb_status write_rows(void *arg)
{
    static const pb_str sql = PB_LIT(INSERT);
    int writer = (int)(intptr_t)arg;
    struct row row = {0};

    while (!shared->stop) {
        next_row(&row, writer);
        pb_value values[] = {
            text ? pb_value_text(pb_str_of(row.id_text)) : pb_value_null(), /* the next number */
            text ? pb_value_text(pb_str_of(row.conversation_text)) : pb_value_int(row.conversation),
            pb_value_int(row.seq), pb_value_text(pb_str_make(body, sizeof body - 1))};
        pb_duration began = now();
        pb_scope *scope = pb_scope_begin();
        if (pb_db_query(database, sql, values, 4, NULL) != PB_OK) {
            fprintf(stderr, "%.*s\n", PB_ARG(pb_error_last()->sentence));
            exit(1);
        }
        pb_scope_end(scope);
        count(began);
    }
    return PB_OK;
}

static pb_status write_all(void *arg)
{
    pb_task *tasks[1024];
    struct rusage before;

    (void)arg;
    wait_for_go();
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < in_flight; i++)
        if (pb_spawn(write_rows, (void *)(intptr_t)i, &tasks[i]) != PB_OK)
            exit(1);
    for (int i = 0; i < in_flight; i++)
        (void)pb_join(tasks[i]);
    count_cpu(&before);
    return PB_OK;
}

static void write_ours(void)
{
    char yaml[600];

    snprintf(yaml, sizeof yaml, "databases: {main: {use: sqlite, path: %s}}\n", file);
    pb_harness *harness = pb_harness_new(yaml, &patchbay_plugin_sqlite);
    pb_harness_virtual_time(harness, false);
    database = pb_harness_instance(harness, "database", "main");
    (void)pb_harness_run(harness, write_all, NULL, NULL);
    mine->commits =
        ((const struct sqlite *)pb_harness_self(harness, "database", "main"))->figures.groups;
    pb_harness_free(harness);
}

/* --- as a plain program would ----------------------------------------------------------------- */

static void must(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
        exit(1);
    }
}

static sqlite3 *open_plain(void)
{
    sqlite3 *db;

    if (sqlite3_open(file, &db) != SQLITE_OK)
        exit(1);
    sqlite3_busy_timeout(db, 60000);
    must(db, "PRAGMA journal_mode=WAL");
    must(db, "PRAGMA synchronous=FULL");
    must(db, "PRAGMA cache_size=-8192");
    return db;
}

static void bind_row(sqlite3_stmt *statement, const struct row *row)
{
    if (text) {
        sqlite3_bind_text(statement, 1, row->id_text, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, row->conversation_text, -1, SQLITE_STATIC);
    } else {
        sqlite3_bind_null(statement, 1);
        sqlite3_bind_int64(statement, 2, row->conversation);
    }
    sqlite3_bind_int64(statement, 3, row->seq);
    sqlite3_bind_text(statement, 4, body, sizeof body - 1, SQLITE_STATIC);
}

/* A commit for each row; the others in flight wait for their turn. */
static void write_plain(void)
{
    sqlite3 *db = open_plain();
    sqlite3_stmt *statement;
    struct row *rows = calloc((size_t)in_flight, sizeof *rows);
    pb_duration *began = calloc((size_t)in_flight, sizeof *began);
    struct rusage before;

    sqlite3_prepare_v2(db, INSERT, -1, &statement, NULL);
    wait_for_go();
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < in_flight; i++)
        began[i] = now();
    for (int i = 0; !shared->stop; i = (i + 1) % in_flight) {
        next_row(&rows[i], i);
        must(db, "BEGIN IMMEDIATE");
        bind_row(statement, &rows[i]);
        if (sqlite3_step(statement) != SQLITE_DONE)
            exit(1);
        sqlite3_reset(statement);
        must(db, "COMMIT");
        mine->commits++;
        count(began[i]);
        began[i] = now();
    }
    count_cpu(&before);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

/* --- figures ---------------------------------------------------------------------------------- */

static double percentile(double part, int processes)
{
    long long all = 0, seen = 0;

    for (int p = 0; p < processes; p++)
        all += shared->processes[p].rows;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        for (int p = 0; p < processes; p++)
            seen += shared->processes[p].took[bucket];
        if ((double)seen >= part * (double)all)
            return (double)(bucket + 1) * BUCKET_US / 1000;
    }
    return 0;
}

static void print(int processes, double seconds)
{
    long long rows = 0, commits = 0, longest = 0, gap = 0, cpu = 0, least = INT64_MAX;

    for (int i = 0; i < processes; i++) {
        const struct process *process = &shared->processes[i];
        rows += process->rows;
        commits += process->commits;
        cpu += process->cpu_ns;
        least = process->rows < least ? process->rows : least;
        longest = process->longest > longest ? process->longest : longest;
        gap = process->gap > gap ? process->gap : gap;
    }
    printf("{\"rows\": %.0f, \"commits\": %.0f, \"p50\": %.2f, \"p99\": %.2f, \"p999\": %.2f, "
           "\"longest\": %.2f, \"gap\": %.2f, \"cpu\": %.2f, \"shares\": [",
           (double)rows / seconds, (double)commits / seconds, percentile(0.5, processes),
           percentile(0.99, processes), percentile(0.999, processes), (double)longest / 1e6,
           (double)gap / 1e6, rows ? (double)cpu / 1000 / (double)rows : 0);
    for (int i = 0; i < processes; i++)
        printf("%s%.1f", i ? ", " : "",
               rows ? 100 * (double)shared->processes[i].rows / (double)rows : 0);
    puts("]}");
}

static void make_tables(void)
{
    sqlite3 *db = open_plain();

    must(db, "PRAGMA application_id=1346519385"); /* the plugin's */
    for (const char *const *sql = text ? text_tables : integer_tables; *sql; sql++)
        must(db, *sql);
    sqlite3_close(db);
}

int main(int count_of, char **arguments)
{
    if (count_of < 6) {
        fputs("sqlite_writers ours|plain PROCESSES IN_FLIGHT SECONDS FILE [text]\n", stderr);
        return 2;
    }
    bool ours = strcmp(arguments[1], "ours") == 0;
    int processes = atoi(arguments[2]);
    double seconds = atof(arguments[4]);
    in_flight = atoi(arguments[3]);
    file = arguments[5];
    text = count_of > 6;
    if (processes < 1 || processes > PROCESSES_MOST || in_flight < 1 || in_flight > 1000)
        return 2;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    make_tables();
    for (int i = 0; i < processes; i++)
        if (fork() == 0) {
            mine = &shared->processes[i];
            ours ? write_ours() : write_plain();
            return 0;
        }
    while (shared->ready < processes)
        usleep(1000);
    shared->go = true;
    pb_duration began = now();
    while ((double)(now() - began) < seconds * 1e9)
        usleep(10000);
    shared->stop = true;
    seconds = (double)(now() - began) / 1e9;
    bool good = true;
    for (int status; wait(&status) > 0;)
        good = good && status == 0;
    print(processes, seconds);
    return !good;
}
