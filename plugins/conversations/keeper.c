/* keeper.c - what nobody waits for: conversations that dead workers hold are freed, and what was
 * said comes into the full-text index.
 *
 * A row in a full-text index costs several times what the message itself does, so messages are put
 * there many at a time, a moment later, and always before somebody searches.
 */
#include "conversations.h"

enum { PAGE = 100, SLICE = 32, EACH = 64, ROUND = 64 };

/* --- dead workers -------------------------------------------------------------------------------
 */

/* The two statements that free what is held and mark its reply. Whoever comes second changes
 * nothing: both say whose it must be. `values` has room for 6. */
static void free_statements(const struct held *held, pb_value *values, pb_statement *batch)
{
    pb_str reason = pb_str_of(held->reason ? held->reason : "the worker that wrote it ended");

    values[0] = pb_value_int(held->conversation);
    values[1] = pb_value_bytes(held->turn.data, held->turn.size);
    values[2] = pb_value_text(held->node);
    values[3] = pb_value_text(reason);
    values[4] = values[0];
    values[5] = values[1];
    batch[0] = statement_of(sql_take_over, values, 3, PB_ALL_TENANTS);
    batch[1] = statement_of(sql_interrupt, values + 3, 3, PB_ALL_TENANTS);
}

pb_status take_over(pb_instance *database, const struct held *held)
{
    pb_value values[6];
    pb_statement batch[2];

    free_statements(held, values, batch);
    return pb_db_batch(database, batch, 2, NULL);
}

static void ring(pb_str uuid)
{
    pb_str id = uuid.size == ID_SIZE ? pb_uuid_text(uuid.data) : pb_str_make(NULL, 0);

    if (id.data)
        pb_publish(pb_printf("conversation.%.*s", PB_ARG(id)), pb_lit("free"));
}

static pb_status sweep_page(pb_instance *database, int64_t *after, bool *more)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_value values[] = {pb_value_int(*after), pb_value_int(PAGE)};
    pb_statement statement = statement_of(sql_running, values, 2, PB_ALL_TENANTS);
    pb_value *freed = PB_NEW_ARRAY(pb_value, 6 * PAGE);
    pb_statement *batch = PB_NEW_ARRAY(pb_statement, 2 * PAGE);
    size_t count = 0;
    pb_status status = pb_db_run(database, &statement, &rows);

    if (!freed || !batch)
        return PB_NO_MEMORY;
    *more = status == PB_OK && rows.count == PAGE;
    for (size_t i = 0; i < rows.count; i++) {
        struct held held = {pb_cell(&rows, i, 0)->integer, pb_cell(&rows, i, 2)->text,
                            pb_cell(&rows, i, 3)->text, NULL};
        *after = held.conversation;
        if (!pb_node_alive(held.node)) {
            free_statements(&held, &freed[3 * count], &batch[count]);
            count += 2;
        }
    }
    if (status == PB_OK && count)
        status = pb_db_batch(database, batch, count, NULL);
    for (size_t i = 0; i < rows.count && status == PB_OK && count; i++)
        if (!pb_node_alive(pb_cell(&rows, i, 3)->text))
            ring(pb_cell(&rows, i, 1)->text);
    return status;
}

static pb_status sweep_queue(pb_instance *database, int64_t *after, bool *more)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_value values[] = {pb_value_int(*after), pb_value_int(PAGE)};
    pb_status status = pb_db_query(database, sql_queued, values, 2, &rows);

    *more = status == PB_OK && rows.count == PAGE;
    for (size_t i = 0; i < rows.count && status == PB_OK; i++) {
        pb_value gone[] = {*pb_cell(&rows, i, 0), *pb_cell(&rows, i, 1)};
        *after = gone[0].integer;
        if (!pb_node_alive(gone[1].text))
            status = pb_db_query(database, sql_unlist, gone, 2, NULL);
    }
    return status;
}

static pb_status each_page(pb_instance *database,
                           pb_status (*page)(pb_instance *, int64_t *, bool *))
{
    pb_status status = PB_OK;
    int64_t after = 0;
    bool more = true;

    while (more && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        status = page(database, &after, &more);
        pb_scope_end(scope);
    }
    return status;
}

pb_status sweep(pb_instance *database)
{
    pb_status status = each_page(database, sweep_page);

    return status == PB_OK ? each_page(database, sweep_queue) : status;
}

/* --- the full-text index ------------------------------------------------------------------------
 */

/* The next few conversations behind *after with something new: some messages of each. *after is 0
 * when there was none left. */
static pb_status index_slice(pb_instance *database, int64_t *after, int64_t *added)
{
    pb_rows rows, done[2];
    pb_value asked[] = {pb_value_int(*after), pb_value_int(SLICE)};
    pb_statement pending = statement_of(sql_search_pending, asked, 2, PB_ALL_TENANTS);
    pb_status status = pb_db_run(database, &pending, &rows);

    if (status != PB_OK || !rows.count) {
        *after = 0;
        return status;
    }
    int64_t last = pb_cell(&rows, rows.count - 1, 0)->integer;
    pb_value values[] = {asked[0], pb_value_int(last), pb_value_int(EACH)};
    pb_statement batch[] = {statement_of(sql_search_add, values, 3, PB_ALL_TENANTS),
                            statement_of(sql_search_done, values, 3, PB_ALL_TENANTS)};
    status = pb_db_batch(database, batch, 2, done);
    if (status == PB_OK)
        *added += done[0].changed;
    *after = rows.count < SLICE ? 0 : last;
    return status;
}

/* Again and again from the first to the last, until nothing new is found. */
pb_status search_catch_up(pb_instance *database, int slices)
{
    pb_status status = PB_OK;
    int64_t after = 0, added = 0;

    while (slices-- && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        status = index_slice(database, &after, &added);
        pb_scope_end(scope);
        if (!after && !added)
            break;
        if (!after)
            added = 0;
    }
    return status;
}

/* --- the task -----------------------------------------------------------------------------------
 */

/* Nobody is told of a failure here, and everything is tried again. */
static void note_failure(const char *what, pb_status status)
{
    if (status == PB_OK || status == PB_CANCELLED)
        return;
    pb_log(PB_WARN, "%s: %s (%.*s)", what, pb_status_name(status),
           PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
}

static pb_status keep(void *arg)
{
    struct conversations *service = arg;
    bool gone = true; /* at the beginning too */

    for (;;) {
        const pb_bus_message *message;
        if (gone)
            note_failure("conversations of dead workers were not freed", sweep(service->database));
        note_failure("the full-text index was not brought up to date",
                     search_catch_up(service->database, ROUND));
        pb_status status = pb_bus_wait(service->bell, service->search_delay, &message);
        if (status != PB_OK && status != PB_DECLINED)
            return status;
        gone = status == PB_OK;
        pb_error_clear();
    }
}

pb_status keeper_start(struct conversations *service)
{
    pb_status status = pb_subscribe(pb_lit("cluster.gone"), NULL, NULL, &service->bell);

    if (status == PB_OK)
        status = pb_spawn(keep, service, &service->keeper);
    if (status != PB_OK) {
        pb_unsubscribe(service->bell);
        service->bell = NULL;
    }
    return status;
}

void keeper_stop(struct conversations *service)
{
    if (service->keeper) {
        pb_task_cancel(service->keeper);
        (void)pb_join(service->keeper);
    }
    pb_unsubscribe(service->bell);
    service->keeper = NULL;
    service->bell = NULL;
}
