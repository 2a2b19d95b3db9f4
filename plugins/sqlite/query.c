/* query.c - statements of components, on the task that asks: short reads at once, long ones on a
 * reader thread, writes by the writer. */
#include "sqlite.h"

#include <stdlib.h>

enum { FEW = 4, SKIP_FIRST = 16, SKIP_MOST = 4096, LATE_MOST = 3 };

/* What one call needs beside its statements. */
struct asking {
    struct sqlite *self;
    const pb_statement *statements;
    size_t count;
    struct harvest *harvests; /* one for each */
    pb_rows *out;             /* or NULL */
};

/* --- reads on the loop ------------------------------------------------------------------------ */

/* May it be tried on the loop? Also says whether all of it only reads. */
static bool look_up(struct asking *asking, bool *reads)
{
    const pb_statement *statement = asking->statements;
    struct fault fault;
    bool quick = true;

    *reads = true;
    for (size_t i = 0; i < asking->count; i++) {
        struct known *known = connection_know(&asking->self->loop, statement->sql, &fault);
        /* One that cannot be prepared may need what a statement before it makes: the writer will
         * see, and will say what is wrong. */
        if (!known || !known->reads)
            return *reads = false;
        if (known->skip > 0) {
            known->skip--;
            quick = false;
        }
        statement = statement_next(statement);
    }
    return quick;
}

static void punish(struct known *known, bool worked)
{
    int32_t more = known->penalty ? known->penalty * 2 : SKIP_FIRST;

    if (!worked && ++known->late < LATE_MOST)
        return; /* the machine is busy, or pages came from the disk, and are here now */
    if (worked)
        known->penalty = more < SKIP_MOST ? more : SKIP_MOST;
    known->late = 0;
    known->skip = worked ? known->penalty : SKIP_FIRST;
}

/* How long it took decides where it runs the next times. */
static void remember(struct asking *asking, bool slow)
{
    bool worked = asking->self->loop.looks >= LOOKS_OF_WORK;
    const pb_statement *statement = asking->statements;
    struct fault fault;

    if (slow)
        atomic_fetch_add_explicit(&asking->self->figures.slow_on_loop, 1, memory_order_relaxed);
    for (size_t i = 0; i < asking->count; i++) {
        struct known *known = connection_know(&asking->self->loop, statement->sql, &fault);
        if (known && slow) {
            punish(known, worked);
        } else if (known) {
            known->late = 0;
            known->penalty /= 2;
        }
        statement = statement_next(statement);
    }
}

/* false: it is not over; a thread must begin again. */
static bool read_here(struct asking *asking, struct fault *fault)
{
    struct sqlite *self = asking->self;
    struct connection *connection = &self->loop;
    bool several = asking->count > 1;
    pb_duration began = clock_now();

    connection->due = began + self->read_limit;
    connection->grace = 4 * self->read_limit;
    connection->looks = 0;
    if (several && connection_control(connection, BEGIN_READ) != SQLITE_OK)
        return false;
    fault->status = PB_OK;
    fault->status =
        connection_run_all(connection, asking->statements, asking->count, asking->harvests, fault);
    connection->due = 0;
    if (several && !sqlite3_get_autocommit(connection->db))
        connection_control(connection, ROLLBACK);
    remember(asking, clock_now() - began >= self->read_limit);
    if (fault->status == PB_TIMEOUT)
        return false;
    return (fault->code & 0xff) != SQLITE_BUSY || fault->status == PB_OK;
}

/* The file may be another one by now: after a restore by hand, or gone. */
static pb_status look_after_file(struct sqlite *self, struct fault *fault)
{
    pb_duration now = clock_now();

    if (now - self->looked >= PB_SECOND) {
        self->looked = now;
        if (connection_moved(&self->loop))
            connection_close(&self->loop);
    }
    return connection_open(&self->loop, false, fault);
}

/* --- asking ----------------------------------------------------------------------------------- */

static pb_status deliver(struct asking *asking, pb_status status)
{
    for (size_t i = 0; asking->out && i < asking->count; i++) {
        if (status == PB_OK) {
            if (harvest_deliver(&asking->harvests[i], &asking->out[i]) != PB_OK)
                return PB_NO_MEMORY;
        } else {
            asking->out[i] =
                (pb_rows){.size = (uint32_t)sizeof(pb_rows), .failed = asking->harvests[i].failed};
        }
    }
    return status;
}

static pb_status hand_over(struct asking *asking, bool reads)
{
    struct sqlite *self = asking->self;
    struct session *session = session_here(self);
    struct request request = {.kind = REQUEST_BATCH,
                              .statements = asking->statements,
                              .count = asking->count,
                              .harvests = asking->harvests};

    if (session)
        return session_run(self, session, &request);
    return reads ? readers_run(self, &request) : request_run(self, &self->writer.queue, &request);
}

static pb_status ask(struct asking *asking)
{
    struct sqlite *self = asking->self;
    struct fault fault = {.status = PB_OK};
    bool reads = false;

    if (session_here(self))
        return hand_over(asking, false);
    if (look_after_file(self, &fault) != PB_OK)
        return fault_fail(&fault);
    if (!look_up(asking, &reads) || !self->read_limit)
        return hand_over(asking, reads);
    pb_status status = pb_step();
    if (status != PB_OK)
        return status;
    /* It may have parked: another task may have closed the connection meanwhile. */
    if (look_after_file(self, &fault) != PB_OK)
        return fault_fail(&fault);
    if (!read_here(asking, &fault))
        return hand_over(asking, true);
    atomic_fetch_add_explicit(&self->figures.loop_reads, 1, memory_order_relaxed);
    return fault_fail(&fault);
}

static bool is_valid(const pb_statement *statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!statements->sql.data || (statements->count && !statements->values))
            return false;
        statements = statement_next(statements);
    }
    return true;
}

pb_status query_batch(void *arg, const pb_statement *statements, size_t count, pb_rows *out)
{
    struct harvest few[FEW];
    struct asking asking = {.self = arg, .statements = statements, .count = count, .out = out};
    pb_status status;

    if (!is_valid(statements, count))
        return pb_fail(PB_INVALID, "a statement has no text, or no values");
    asking.harvests = count > FEW ? malloc(count * sizeof few[0]) : few;
    if (!asking.harvests)
        return pb_fail(PB_NO_MEMORY, "there is no memory for so many statements");
    memset(asking.harvests, 0, count * sizeof few[0]);
    for (size_t i = 0; i < count; i++)
        asking.harvests[i].wanted = out != NULL;
    if (count)
        status = deliver(&asking, ask(&asking));
    else
        status = PB_OK;
    for (size_t i = 0; i < count; i++)
        harvest_free(&asking.harvests[i]);
    if (asking.harvests != few)
        free(asking.harvests);
    return status;
}

pb_status query_one(void *self, const pb_statement *statement, pb_rows *out)
{
    return query_batch(self, statement, 1, out);
}
