/* history_growth - does a turn with history cost more when more is stored? The same turns on two
 * database files, with 10 messages in 10 conversations and with 1,000,000 in 10,000.
 *
 *     history_growth FOLDER [turns]
 *
 * Ten turns run at once, each in a conversation of its own; the two are measured in turns, best of
 * nine. Prints CPU time (all threads) per turn and their ratio, and ends with 1 above 1.2. `spread`
 * asks another conversation each time, so that hardly a page of it is cached.
 */
#define pb_host_table    pb_host_table_growth
#define PB_PLUGIN_SYMBOL plugin_growth

#include "testkit.h"

#include "plugin/contract.h"
#include <patchbay/secret.h>
#include <stdio.h>
#include <time.h>

extern const pb_plugin patchbay_plugin_conversations;
extern const pb_plugin patchbay_plugin_sqlite;

struct instant {
    bool unused;
};

static const pb_field instant_options[] = {
    PB_BOOL(struct instant, unused, .help = "Nothing."), PB_END};

/* A stage that answers at once, so that what is measured is the history around it. */
static pb_status instant_run(void *self, pb_turn *turn, const pb_next *next)
{
    pb_status status = pb_emit_text(turn, pb_lit("A reply of a sentence or two, as models give."));

    (void)self;
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

PB_PLUGIN("growth", "1.0.0", "Apache-2.0", "A stage that answers at once.",
          PB_STAGE("instant", struct instant, instant_options, .run = instant_run));

/* --- the databases -------------------------------------------------------------------------------- */

enum { AT_ONCE = 10, ROUNDS = 9 };

struct size {
    const char *name; /* of the database and the pipeline */
    int64_t conversations, messages;
};

static const struct size sizes[] = {{"little", 10, 10}, {"much", 10000, 1000000}};
static pb_harness *harness;

static pb_status execute(const struct size *size, const char *sql, const pb_value *values,
                         size_t count)
{
    pb_statement statement = pb_statement_make(pb_str_of(sql), values, count);

    statement.flags = PB_ALL_TENANTS;
    return pb_db_run(pb_harness_instance(harness, "database", size->name), &statement, NULL);
}

/* Ids are a number in 16 digits, so that a turn knows them. */
static pb_status fill(void *arg)
{
    const struct size *size = arg;
    int64_t each = size->messages / size->conversations, step = 50000 / each;
    pb_status status = PB_OK;

    for (int64_t from = 1; from <= size->conversations && status == PB_OK; from += step) {
        int64_t to = from + step - 1 < size->conversations ? from + step - 1 : size->conversations;
        pb_value values[] = {pb_value_int(from), pb_value_int(to), pb_value_int(each)};
        status = execute(size,
                         "WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i "
                         "< $2) INSERT INTO conversations (uuid, tenant, owner, title, pipeline, "
                         "created, updated, next_seq) SELECT CAST(printf('%016d', i) AS BLOB), "
                         "'default', 'nobody', 'A title', 'p', i, i, $3 + 1 FROM n",
                         values, 3);
        if (status == PB_OK)
            status = execute(size,
                             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                             "i < $3) INSERT INTO messages (conversation, seq, uuid, tenant, owner, "
                             "role, text, status, created) SELECT c.id, i, randomblob(16), "
                             "'default', 'nobody', 2 - i % 2, 'A message of a sentence or two, as "
                             "people and models write them, again and again ' || i, 0, c.created "
                             "FROM n, conversations AS c WHERE c.id BETWEEN $1 AND $2",
                             values, 3);
        if (status == PB_OK) /* the index of words is another matter */
            status = execute(size, "UPDATE conversations_search SET upto = (SELECT max(id) FROM messages)", NULL, 0);
    }
    return status;
}

static void open_harness(const char *folder)
{
    char yaml[2048];

    (void)snprintf(yaml, sizeof yaml,
                   "databases:\n"
                   "  little: {use: sqlite, path: %s/little.db, query_limit: 600s, slow: 0s}\n"
                   "  much: {use: sqlite, path: %s/much.db, query_limit: 600s, slow: 0s}\n"
                   "pipelines:\n"
                   "  little: {stages: [history: {turns: 4, database: little}, instant: {}]}\n"
                   "  much: {stages: [history: {turns: 4, database: much}, instant: {}]}\n",
                   folder, folder);
    harness = pb_harness_new(yaml, &patchbay_plugin_conversations, &patchbay_plugin_sqlite,
                             &plugin_growth);
    contract_enable(false);
    pb_harness_virtual_time(harness, false);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (pb_harness_run(harness, fill, (void *)(uintptr_t)&sizes[i], NULL) != PB_OK)
            exit(2);
}

/* --- measuring ------------------------------------------------------------------------------------ */

struct run {
    const struct size *size;
    int64_t conversations; /* that are asked: the first ones */
    int64_t number;        /* of this task */
    long turns;            /* of each task */
    double nanoseconds;
};

static pb_status sink_emit(pb_sink *sink, const pb_event *event)
{
    (void)sink;
    (void)event;
    return PB_OK;
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static pb_status turn_in(const struct size *size, int64_t number)
{
    static const pb_principal nobody = {
        .size = sizeof nobody, .id = PB_LIT("nobody"), .tenant = PB_LIT("default")};
    pb_sink sink = {.size = sizeof sink, .emit = sink_emit};
    const pb_message *message = pb_message_new(PB_ROLE_USER, pb_lit("And what of it, then?"));
    pb_turn_spec spec = pb_turn_spec_make();
    char bytes[32];
    pb_turn *turn;

    (void)snprintf(bytes, sizeof bytes, "%016lld", (long long)number);
    spec.pipeline = pb_pipeline_find(pb_str_of(size->name));
    spec.principal = &nobody;
    spec.messages = &message;
    spec.message_count = 1;
    spec.stream = 1;
    spec.conversation = pb_uuid_text(bytes);
    pb_status status = pb_turn_new(&spec, &turn);
    if (status != PB_OK)
        return status;
    status = pb_turn_run(turn, &sink);
    pb_turn_free(turn);
    return status;
}

/* One of those at once; its conversations are its own. */
static pb_status talk(void *arg)
{
    const struct run *run = arg;
    int64_t mine = run->conversations / AT_ONCE;
    pb_status status = PB_OK;

    for (long i = 0; i < run->turns && status == PB_OK; i++) {
        pb_scope *scope = pb_scope_begin();
        status = turn_in(run->size, 1 + run->number + i * 7919 % mine * AT_ONCE);
        pb_scope_end(scope);
    }
    return status;
}

static pb_status measure(void *arg)
{
    struct run *run = arg, all[AT_ONCE];
    pb_task *tasks[AT_ONCE];
    pb_status status = PB_OK;
    double begin = cpu_now();

    for (int64_t i = 0; i < AT_ONCE; i++) {
        all[i] = *run;
        all[i].number = i;
        if (pb_spawn(talk, &all[i], &tasks[i]) != PB_OK)
            exit(2);
    }
    for (int64_t i = 0; i < AT_ONCE; i++) {
        pb_status one = pb_join(tasks[i]);
        status = status == PB_OK ? one : status;
    }
    run->nanoseconds = (cpu_now() - begin) / (double)(run->turns * AT_ONCE);
    return status;
}

static void note(struct run run, double *least)
{
    pb_str sentence;

    if (pb_harness_run(harness, measure, &run, &sentence) != PB_OK) {
        fprintf(stderr, "%.*s\n", PB_ARG(sentence));
        exit(2);
    }
    if (*least == 0 || run.nanoseconds < *least)
        *least = run.nanoseconds;
}

int main(int argc, char **argv)
{
    long turns = (argc > 2 ? strtol(argv[2], NULL, 10) : 2000) / AT_ONCE;
    double little = 0, much = 0, spread = 0, unused = 0;

    if (argc < 2)
        return fprintf(stderr, "history_growth FOLDER [turns]\n"), 2;
    open_harness(argv[1]);
    for (int i = -1; i < ROUNDS; i++) { /* the first warms up */
        note((struct run){.size = &sizes[0], .conversations = 10, .turns = turns},
             i < 0 ? &unused : &little);
        note((struct run){.size = &sizes[1], .conversations = 10, .turns = turns},
             i < 0 ? &unused : &much);
        note((struct run){.size = &sizes[1], .conversations = 10000, .turns = turns},
             i < 0 ? &unused : &spread);
    }
    pb_harness_free(harness);
    printf("       10 messages,     10 conversations: %7.1f us a turn\n", little / 1e3);
    printf("1,000,000 messages, 10,000 conversations: %7.1f us a turn\n", much / 1e3);
    printf("                   spread over all of them: %5.1f us a turn\n", spread / 1e3);
    printf("%.2f\n", much / little);
    return much / little > 1.2;
}
