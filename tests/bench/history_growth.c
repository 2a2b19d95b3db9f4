/* history_growth - does a turn with history cost more when more is stored? The same turn at 10 and at
 * 1,000,000 messages, in 10 and in 10,000 conversations, on a database file of its own.
 *
 *     history_growth FOLDER [turns]
 *
 * Prints CPU time (all threads) per turn, best of five; the last line is the largest ratio, and above
 * 1.2 it ends with 1. `spread` asks another conversation each time, so that hardly a page is cached.
 */
#define pb_host_table    pb_host_table_growth
#define PB_PLUGIN_SYMBOL plugin_growth

#include "testkit.h"

#include "plugin/contract.h"
#include <patchbay/secret.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

/* --- the database --------------------------------------------------------------------------------- */

static pb_harness *harness;

static pb_status execute(const char *sql, const pb_value *values, size_t count)
{
    pb_statement statement = pb_statement_make(pb_str_of(sql), values, count);

    statement.flags = PB_ALL_TENANTS;
    return pb_db_run(pb_harness_instance(harness, "database", "main"), &statement, NULL);
}

struct filling {
    int64_t conversations, messages;
};

/* Ids are hex(number), so that a turn knows them. */
static pb_status fill(void *arg)
{
    const struct filling *filling = arg;
    int64_t each = filling->messages / filling->conversations, step = 200000 / each + 1;
    pb_status status = PB_OK;

    for (int64_t from = 1; from <= filling->conversations && status == PB_OK; from += step) {
        int64_t to = from + step - 1 < filling->conversations ? from + step - 1
                                                              : filling->conversations;
        pb_value values[] = {pb_value_int(from), pb_value_int(to), pb_value_int(each)};
        status = execute("WITH RECURSIVE n (i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i "
                         "< $2) INSERT INTO conversations (uuid, tenant, owner, title, pipeline, "
                         "created, updated, next_seq) SELECT CAST(printf('%016d', i) AS BLOB), "
                         "'default', 'nobody', 'A title', 'p', i, i, $3 + 1 FROM n",
                         values, 3);
        if (status == PB_OK)
            status = execute("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE "
                             "i < $3) INSERT INTO messages (conversation, seq, uuid, tenant, owner, "
                             "role, text, status, created) SELECT c.id, i, randomblob(16), "
                             "'default', 'nobody', 2 - i % 2, 'A message of a sentence or two, as "
                             "people and models write them, again and again ' || i, 0, c.created "
                             "FROM conversations AS c, n WHERE c.id BETWEEN $1 AND $2",
                             values, 3);
        if (status == PB_OK) /* the index of words is another matter */
            status = execute("DELETE FROM messages_unsearched", NULL, 0);
    }
    return status;
}

static void open_harness(const char *folder, const struct filling *filling)
{
    char yaml[1024], file[512];

    (void)snprintf(file, sizeof file, "%s/growth-%lld.db", folder, (long long)filling->messages);
    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite, path: %s, query_limit: 600s}}\n"
                   "services: {chats: {use: conversations, search_delay: 1h}}\n"
                   "pipelines: {p: {stages: [history: {turns: 4}, instant: {}]}}\n",
                   file);
    harness = pb_harness_new(yaml, &patchbay_plugin_conversations, &patchbay_plugin_sqlite,
                             &plugin_growth);
    contract_enable(false);
    pb_harness_virtual_time(harness, false);
    if (pb_harness_run(harness, fill, (void *)(uintptr_t)filling, NULL) != PB_OK)
        exit(2);
}

/* --- measuring ------------------------------------------------------------------------------------ */

struct run {
    int64_t conversations; /* that are asked, one after the other */
    int64_t all;
    long turns;
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

static pb_status turn_in(int64_t number)
{
    static const pb_principal nobody = {
        .size = sizeof nobody, .id = PB_LIT("nobody"), .tenant = PB_LIT("default")};
    pb_sink sink = {.size = sizeof sink, .emit = sink_emit};
    const pb_message *message = pb_message_new(PB_ROLE_USER, pb_lit("And what of it, then?"));
    pb_turn_spec spec = pb_turn_spec_make();
    char bytes[32];
    pb_turn *turn;

    (void)snprintf(bytes, sizeof bytes, "%016lld", (long long)number);
    spec.pipeline = pb_pipeline_find(pb_lit("p"));
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

static pb_status measure(void *arg)
{
    struct run *run = arg;
    pb_status status = PB_OK;
    double begin = cpu_now();

    for (long i = 0; i < run->turns && status == PB_OK; i++) {
        pb_scope *scope = pb_scope_begin();
        int64_t step = run->all / run->conversations;
        status = turn_in(1 + (i * 7919 % run->conversations) * step);
        pb_scope_end(scope);
    }
    run->nanoseconds = (cpu_now() - begin) / (double)run->turns;
    return status;
}

static double best(int64_t conversations, int64_t all, long turns)
{
    double least = 1e18;

    for (int i = 0; i < 6; i++) { /* the first one warms up */
        struct run run = {conversations, all, turns, 0};
        pb_str sentence;
        if (pb_harness_run(harness, measure, &run, &sentence) != PB_OK) {
            fprintf(stderr, "%.*s\n", PB_ARG(sentence));
            exit(2);
        }
        if (i && run.nanoseconds < least)
            least = run.nanoseconds;
    }
    return least;
}

int main(int argc, char **argv)
{
    const struct filling sizes[] = {{10, 10}, {10, 1000000}, {10000, 1000000}};
    long turns = argc > 2 ? strtol(argv[2], NULL, 10) : 2000;
    double first = 0, worst = 0;

    if (argc < 2)
        return fprintf(stderr, "history_growth FOLDER [turns]\n"), 2;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (i == 2) { /* another file */
            char from[512];
            (void)snprintf(from, sizeof from, "%s/growth-1000000.db", argv[1]);
            (void)unlink(from);
        }
        open_harness(argv[1], &sizes[i]);
        double same = best(10, sizes[i].conversations, turns);
        first = i ? first : same;
        worst = same / first > worst ? same / first : worst;
        printf("%8lld messages, %6lld conversations: %7.1f us a turn, %.2f times the first\n",
               (long long)sizes[i].messages, (long long)sizes[i].conversations, same / 1e3,
               same / first);
        if (i == 2)
            printf("   spread over all conversations:          %7.1f us a turn\n",
                   best(sizes[i].conversations, sizes[i].conversations, turns) / 1e3);
        fflush(stdout);
        pb_harness_free(harness);
    }
    printf("%.2f\n", worst);
    return worst > 1.2;
}
