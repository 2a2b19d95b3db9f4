/* runner.c - tasks that take jobs, one after the other, in every worker. A job is taken by an
 * update that only one can make; all that is written of it later names the worker and the attempt,
 * so that who lost it (because it was thought dead) changes nothing any more. */
#include "knowledge.h"

enum { BACKOFF_MOST = 10 * 60 };
static const pb_duration idle = 60 * PB_SECOND;

void jobs_ring(void)
{
    pb_publish(pb_lit("knowledge.jobs"), pb_lit(""));
}

pb_str documents_topic(pb_str tenant)
{
    return pb_printf("knowledge.documents.%.*s", PB_ARG(pb_str_slice(tenant, 0, 100)));
}

void documents_ring(pb_str tenant)
{
    pb_publish(documents_topic(tenant), pb_lit(""));
}

void note_failure(const char *what, pb_status status)
{
    if (status == PB_OK || status == PB_CANCELLED)
        return;
    pb_log(PB_WARN, "%s: %s (%.*s)", what, pb_status_name(status),
           PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

/* --- the kinds of jobs ------------------------------------------------------------------------ */

static pb_status load(const struct work *work, struct document *out, bool *there)
{
    pb_value values[] = {pb_value_int(work->document)};
    pb_rows rows;
    pb_status status = pb_db_query(work->self->database, sql_job_document, values, 1, &rows);

    *there = status == PB_OK && rows.count;
    return *there ? document_read(&rows, 0, out) : status;
}

static pb_status relabel(const struct work *work)
{
    struct document document;
    bool there;
    pb_status status = load(work, &document, &there);

    return status == PB_OK && there && !document.deleted ? document_relabel(work->self, &document)
                                                         : status;
}

/* The passages of a document that is gone, where they are still there. */
static pb_status forget_passages(const struct knowledge *self, pb_str collection, pb_str document)
{
    pb_vector_selection selection = {.size = (uint32_t)sizeof selection,
                                     .collection = collection,
                                     .document_id = document,
                                     .last = -1,
                                     .all = 1};
    int64_t removed;

    return pb_vectors_remove(self->vectors, &selection, &removed);
}

static pb_status remove_one(const struct work *work)
{
    struct document document;
    bool there;
    pb_status status = load(work, &document, &there);

    if (status == PB_OK && there)
        status = forget_passages(work->self, document.collection, document.id);
    return status == PB_OK && there ? bury(work->self, document.key) : status;
}

static pb_status clear(const struct work *work)
{
    pb_value whose[] = {pb_value_int(work->collection)};
    int64_t after = 0;
    pb_rows name, rows;
    pb_status status = pb_db_query(work->self->database, sql_job_collection, whose, 1, &name);

    do {
        pb_value values[] = {whose[0], pb_value_int(after), pb_value_int(50)};
        if (status == PB_OK)
            status = pb_db_query(work->self->database, sql_job_doomed, values, 3, &rows);
        for (size_t i = 0; status == PB_OK && name.count && i < rows.count; i++) {
            after = pb_cell(&rows, i, 0)->integer;
            status =
                forget_passages(work->self, pb_cell(&name, 0, 0)->text, pb_cell(&rows, i, 1)->text);
            if (status == PB_OK)
                status = bury(work->self, after);
        }
    } while (status == PB_OK && name.count && rows.count == 50);
    return status;
}

static pb_status run_kind(void *arg)
{
    const struct work *work = arg;

    switch (work->kind) {
    case KIND_INGEST:
        return ingest_run(work);
    case KIND_RELABEL:
        return relabel(work);
    case KIND_REMOVE:
        return remove_one(work);
    default:
        return clear(work);
    }
}

/* --- how one ends ----------------------------------------------------------------------------- */

struct ending {
    const struct work *work;
    pb_status status;
    pb_str why;
    bool stopping; /* this worker ends: no fault of the job */
};

static pb_status tell_document(const struct ending *ending, int state)
{
    const struct work *work = ending->work;
    struct document document;
    bool there;

    if (work->kind != KIND_INGEST)
        return PB_OK;
    pb_status status = load(work, &document, &there);
    if (status != PB_OK || !there)
        return status;
    pb_value values[] = {pb_value_int(state), pb_value_text(ending->why), pb_value_int(pb_now()),
                         pb_value_int(work->document), pb_value_int(document.version)};
    status = pb_db_query(work->self->database, sql_document_failed, values, 5, NULL);
    documents_ring(work->tenant);
    return status;
}

static pb_status again(const struct ending *ending)
{
    const struct work *work = ending->work;
    int64_t wait = (int64_t)2 << (work->attempts < 10 ? work->attempts - 1 : 9);
    pb_value values[] = {
        pb_value_text(ending->stopping ? pb_str_make(NULL, 0) : ending->why),
        pb_value_int(pb_now() +
                     (ending->stopping ? 0 : 1000 * (wait < BACKOFF_MOST ? wait : BACKOFF_MOST))),
        pb_value_int(work->key),
        pb_value_text(pb_node_id()),
        pb_value_int(work->attempts),
        pb_value_int(ending->stopping)};
    pb_statement statement = statement_of(sql_job_again, values, COUNT(values), PB_ALL_TENANTS);
    pb_status status = tell_document(ending, QUEUED);

    if (status == PB_OK)
        status = pb_db_run(work->self->database, &statement, NULL);
    jobs_ring();
    return status;
}

/* Did somebody cancel it? Else its worker ends, and with it the turn. */
static bool is_unwanted(const struct work *work)
{
    pb_value key = pb_value_int(work->key);
    pb_statement statement = statement_of(sql_job_wanted, &key, 1, PB_ALL_TENANTS);
    pb_rows rows;

    return pb_db_run(work->self->database, &statement, &rows) == PB_OK &&
           (!rows.count || pb_cell(&rows, 0, 0)->integer);
}

static pb_status write_end(void *arg)
{
    struct ending *ending = arg;
    const struct work *work = ending->work;
    bool cancelled = ending->status == PB_CANCELLED || ending->status == PB_DECLINED;
    int state = ending->status == PB_OK ? JOB_DONE : cancelled ? JOB_CANCELLED : JOB_FAILED;

    if (ending->status == PB_CANCELLED && !ending->stopping)
        ending->stopping = !is_unwanted(work);
    if (ending->stopping ||
        (pb_status_retryable(ending->status) && work->attempts < work->self->attempts))
        return again(ending);
    pb_value values[] = {pb_value_int(state),         pb_value_text(ending->why),
                         pb_value_int(pb_now()),      pb_value_int(work->key),
                         pb_value_text(pb_node_id()), pb_value_int(work->attempts)};
    pb_statement statement = statement_of(sql_job_end, values, COUNT(values), PB_ALL_TENANTS);
    pb_status status = ending->status == PB_OK ? (pb_status)PB_OK : tell_document(ending, FAILED);
    if (status == PB_OK)
        status = pb_db_run(work->self->database, &statement, NULL);
    jobs_ring(); /* another of the same document may wait */
    return status;
}

static pb_status shielded_end(void *arg)
{
    return pb_shield(write_end, arg);
}

static void run_work(struct work *work)
{
    pb_principal system = {.size = (uint32_t)sizeof system,
                           .id = pb_lit("system:knowledge"),
                           .name = pb_lit("system"),
                           .tenant = work->tenant};
    struct ending ending = {.work = work};

    ending.status = pb_run_as(&system, run_kind, work);
    ending.stopping = ending.status != PB_OK && pb_cancelled();
    if (ending.status != PB_OK) {
        pb_str sentence = pb_error_last()->sentence;
        ending.why = pb_copy(sentence.size ? sentence : pb_str_of(pb_status_title(ending.status)));
        if (ending.status == PB_CANCELLED)
            ending.why = pb_lit("it was cancelled");
        pb_error_clear();
    }
    note_failure("how a job ended was not written down", pb_run_as(&system, shielded_end, &ending));
}

/* --- taking jobs ------------------------------------------------------------------------------ */

static pb_status claim(const struct knowledge *self, struct work *work, bool *got)
{
    pb_value values[] = {pb_value_text(pb_node_id()), pb_value_int(pb_now())};
    pb_statement statement = statement_of(sql_job_claim, values, 2, PB_ALL_TENANTS);
    pb_rows rows;
    pb_status status = pb_db_run(self->database, &statement, &rows);

    *got = status == PB_OK && rows.count;
    if (!*got)
        return status;
    const pb_value *cell = pb_cell(&rows, 0, 0);
    *work = (struct work){.self = self,
                          .key = cell[0].integer,
                          .id = cell[1].text,
                          .tenant = cell[2].text,
                          .collection = cell[3].integer,
                          .document = cell[4].integer,
                          .kind = cell[5].integer,
                          .attempts = cell[6].integer};
    return PB_OK;
}

/* Until a job that waits may be tried. */
static pb_status time_to_next(const struct knowledge *self, pb_duration *out)
{
    pb_statement statement = statement_of(sql_job_next, NULL, 0, PB_ALL_TENANTS);
    pb_rows rows;
    pb_status status = pb_db_run(self->database, &statement, &rows);

    *out = idle;
    if (status != PB_OK || !rows.count || !cell_there(pb_cell(&rows, 0, 0)))
        return status;
    pb_duration wait = (pb_cell(&rows, 0, 0)->integer - pb_now()) * PB_MILLISECOND;
    if (wait < PB_SECOND) /* it waits for another of its document, which rings when it ends */
        wait = PB_SECOND;
    *out = wait < idle ? wait : idle;
    return PB_OK;
}

static pb_status take_one(const struct knowledge *self, bool *got, pb_duration *wait)
{
    pb_scope *scope = pb_scope_begin();
    struct work work;
    pb_status status = claim(self, &work, got);

    if (*got)
        run_work(&work);
    else if (status == PB_OK)
        status = time_to_next(self, wait);
    note_failure("jobs could not be looked at", status);
    pb_scope_end(scope);
    return status == PB_CANCELLED ? status : (pb_status)PB_OK;
}

static pb_status run(void *arg)
{
    const struct knowledge *self = arg;
    pb_subscription *bell = NULL;
    pb_status status = pb_subscribe(pb_lit("knowledge.jobs"), NULL, NULL, &bell);

    while (status == PB_OK && !pb_cancelled()) {
        const pb_bus_message *message;
        pb_duration wait = PB_SECOND;
        bool got = false;
        status = take_one(self, &got, &wait);
        if (status == PB_OK && !got)
            status = pb_bus_wait(bell, wait, &message);
        if (status == PB_DECLINED) {
            status = PB_OK;
            pb_error_clear();
        }
    }
    pb_unsubscribe(bell);
    return status;
}

pb_status runner_start(struct knowledge *self)
{
    pb_status status = PB_OK;

    self->runners = PB_NEW_ARRAY(pb_task *, self->parallel);
    if (!self->runners)
        return PB_NO_MEMORY;
    for (int64_t i = 0; i < self->parallel && status == PB_OK; i++)
        status = pb_spawn(run, self, &self->runners[i]);
    return status;
}

void runner_stop(struct knowledge *self)
{
    for (int64_t i = 0; self->runners && i < self->parallel; i++)
        if (self->runners[i])
            pb_task_cancel(self->runners[i]);
    for (int64_t i = 0; self->runners && i < self->parallel; i++)
        if (self->runners[i])
            (void)pb_join(self->runners[i]);
    self->runners = NULL;
}
