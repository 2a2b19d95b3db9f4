/* keeper.c - what nobody waits for: jobs and files of workers that died go on or away, and what is
 * old is forgotten. */
#include "knowledge.h"

enum { PAGE = 50 };

/* --- a document that is gone ------------------------------------------------------------------ */

pb_status bury(const struct knowledge *self, int64_t document)
{
    pb_value values[] = {pb_value_int(document), pb_value_int(INT64_MAX), pb_value_int(PAGE)};
    pb_rows rows;
    pb_status status;

    do {
        status = pb_db_query(self->database, sql_version_list, values, 3, &rows);
        for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
            pb_value gone[] = {values[0], *pb_cell(&rows, i, 0)};
            status = pb_blob_remove(self->blobs, blob_key(pb_cell(&rows, i, 5)->text));
            if (status == PB_OK)
                status = pb_db_query(self->database, sql_version_drop, gone, 2, NULL);
        }
    } while (status == PB_OK && rows.count == PAGE);
    return status;
}

/* --- dead workers ----------------------------------------------------------------------------- */

static pb_status fail_document(const struct knowledge *self, pb_str tenant, int64_t document,
                               pb_str why)
{
    pb_value values[] = {pb_value_int(FAILED), pb_value_text(why), pb_value_int(pb_now()),
                         pb_value_int(document)};
    pb_statement statement = statement_of(sql_document_lost, values, 4, 0);

    statement.tenant = tenant;
    return pb_db_run(self->database, &statement, NULL);
}

/* Tried again, unless it was cancelled, or ended its worker too often. */
static pb_status free_job(const struct knowledge *self, const pb_value *cell)
{
    bool cancelled = cell[5].integer != 0, last = cell[2].integer >= self->attempts;
    pb_str why = cancelled ? pb_lit("it was cancelled") : pb_lit("the worker ended that ran it");
    pb_value end[] = {pb_value_int(cancelled ? JOB_CANCELLED : JOB_FAILED),
                      pb_value_text(why),
                      pb_value_int(pb_now()),
                      cell[0],
                      cell[1],
                      cell[2]};
    pb_value more[] = {end[1], end[2], cell[0], cell[1], cell[2], pb_value_int(0)};
    pb_statement statement = cancelled || last
                                 ? statement_of(sql_job_end, end, 6, PB_ALL_TENANTS)
                                 : statement_of(sql_job_again, more, 6, PB_ALL_TENANTS);
    pb_status status = pb_db_run(self->database, &statement, NULL);

    if (status == PB_OK && (cancelled || last))
        status = fail_document(self, cell[3].text, cell[4].integer, why);
    return status;
}

static pb_status free_jobs(const struct knowledge *self, int64_t *after, bool *more)
{
    pb_value values[] = {pb_value_int(*after), pb_value_int(PAGE)};
    pb_statement statement = statement_of(sql_job_running, values, 2, PB_ALL_TENANTS);
    pb_rows rows;
    pb_status status = pb_db_run(self->database, &statement, &rows);
    bool freed = false;

    *more = status == PB_OK && rows.count == PAGE;
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        const pb_value *cell = pb_cell(&rows, i, 0);
        *after = cell[0].integer;
        if (pb_node_alive(cell[1].text))
            continue;
        status = free_job(self, cell);
        freed = true;
    }
    if (freed)
        jobs_ring();
    return status;
}

struct left {
    const struct knowledge *self;
    pb_str blob, node;
};

static pb_status remove_left(void *arg)
{
    const struct left *left = arg;
    pb_value values[] = {pb_value_text(left->blob), pb_value_text(left->node)};
    pb_statement statement = statement_of(sql_blob_forget, values, 2, PB_ALL_TENANTS);
    pb_status status = pb_blob_remove(left->self->blobs, blob_key(left->blob));

    return status == PB_OK ? pb_db_run(left->self->database, &statement, NULL) : status;
}

/* What a worker was storing when it died. */
static pb_status remove_blobs(const struct knowledge *self)
{
    pb_str after = pb_lit("");
    pb_status status;
    pb_rows rows;

    do {
        pb_value values[] = {pb_value_text(after), pb_value_int(PAGE)};
        pb_statement statement = statement_of(sql_blob_left, values, 2, PB_ALL_TENANTS);
        status = pb_db_run(self->database, &statement, &rows);
        for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
            const pb_value *cell = pb_cell(&rows, i, 0);
            struct left left = {self, cell[0].text, cell[2].text};
            pb_principal system = {.size = (uint32_t)sizeof system,
                                   .id = pb_lit("system:knowledge"),
                                   .tenant = cell[1].text};
            after = left.blob;
            if (!pb_node_alive(left.node))
                status = pb_run_as(&system, remove_left, &left);
        }
    } while (status == PB_OK && rows.count == PAGE);
    return status;
}

static pb_status sweep(const struct knowledge *self)
{
    pb_status status = PB_OK;
    int64_t after = 0;
    bool more = true;

    while (more && status == PB_OK)
        status = free_jobs(self, &after, &more);
    return status == PB_OK ? remove_blobs(self) : status;
}

/* --- what is old ------------------------------------------------------------------------------ */

static pb_status forget(const struct knowledge *self)
{
    pb_time before = pb_now() - self->keep_jobs / PB_MILLISECOND;
    pb_value values[] = {pb_value_int(before), pb_value_int(PAGE)};
    pb_statement jobs = statement_of(sql_job_forget, values, 2, PB_ALL_TENANTS);
    pb_statement gone = statement_of(sql_documents_gone, values, 2, PB_ALL_TENANTS);
    pb_rows rows;
    pb_status status;

    do
        status = pb_db_run(self->database, &jobs, &rows);
    while (status == PB_OK && rows.changed == PAGE);
    if (status == PB_OK)
        status = pb_db_run(self->database, &gone, &rows);
    for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
        pb_statement one =
            statement_of(sql_document_forget, pb_cell(&rows, i, 0), 1, PB_ALL_TENANTS);
        status = pb_db_run(self->database, &one, NULL);
    }
    return status;
}

/* --- the task --------------------------------------------------------------------------------- */

static pb_status keep(void *arg)
{
    const struct knowledge *self = arg;
    pb_subscription *bell = NULL;
    pb_status status = pb_subscribe(pb_lit("cluster.gone"), NULL, NULL, &bell);
    bool gone = true; /* at the beginning too */

    while (status == PB_OK || status == PB_DECLINED) {
        const pb_bus_message *message;
        pb_scope *scope = pb_scope_begin();
        if (gone)
            note_failure("jobs of dead workers were not freed", sweep(self));
        note_failure("old jobs were not forgotten", forget(self));
        pb_scope_end(scope);
        pb_error_clear();
        status = pb_bus_wait(bell, 300 * PB_SECOND, &message);
        gone = status == PB_OK;
    }
    pb_unsubscribe(bell);
    return status;
}

pb_status keeper_start(struct knowledge *self)
{
    return pb_spawn(keep, self, &self->keeper);
}

void keeper_stop(struct knowledge *self)
{
    if (!self->keeper)
        return;
    pb_task_cancel(self->keeper);
    (void)pb_join(self->keeper);
    self->keeper = NULL;
}
