/* keeper.c - what nobody waits for: conversations that dead workers hold are freed, and what was
 * said comes into the full-text index.
 *
 * A row in a full-text index costs several times what the message itself does, so messages are put
 * there many at a time, a moment later, and always before somebody searches.
 */
#include "conversations.h"

enum { PAGE = 100, SLICE = 1024, ROUND = 64 };

/* --- dead workers -------------------------------------------------------------------------------
 */

enum { HELD_VALUES = 5 };

/* The two statements that mark the reply of what is held and free it. Whoever comes second changes
 * nothing: both say whose it must be. */
static void free_statements(const struct held *held, pb_value *values, pb_statement *batch)
{
    pb_str reason = pb_str_of(held->reason ? held->reason : "the worker that wrote it ended");

    values[0] = pb_value_int(held->conversation);
    values[1] = pb_value_bytes(held->turn.data, held->turn.size);
    values[2] = pb_value_text(held->node);
    values[3] = pb_value_text(reason);
    values[4] = pb_value_int(pb_now());
    batch[0] = statement_of(sql_interrupt, values, HELD_VALUES, PB_ALL_TENANTS);
    batch[1] = statement_of(sql_take_over, values, 3, PB_ALL_TENANTS);
}

pb_status take_over(pb_instance *database, const struct held *held)
{
    pb_value values[HELD_VALUES];
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
    pb_value *freed = PB_NEW_ARRAY(pb_value, HELD_VALUES * PAGE);
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
            free_statements(&held, &freed[HELD_VALUES * (count / 2)], &batch[count]);
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

/* The next messages, in the order of their integer keys; *more: there were some. One that is being
 * written is passed over: it gets a later key when it is whole. */
static pb_status index_slice(pb_instance *database, bool *more)
{
    pb_rows rows = {.size = (uint32_t)sizeof rows};
    pb_rows done[2] = {{.size = (uint32_t)sizeof *done}, {.size = (uint32_t)sizeof *done}};
    pb_value values[] = {pb_value_int(SLICE)};
    pb_statement behind = statement_of(sql_search_behind, NULL, 0, PB_ALL_TENANTS);
    pb_statement batch[] = {statement_of(sql_search_add, values, 1, PB_ALL_TENANTS),
                            statement_of(sql_search_done, values, 1, PB_ALL_TENANTS)};
    pb_status status = pb_db_run(database, &behind, &rows);

    *more = false;
    if (status != PB_OK || !pb_cell(&rows, 0, 0)->integer)
        return status;
    status = pb_db_batch(database, batch, 2, done);
    *more = status == PB_OK && done[1].changed;
    return status;
}

pb_status search_catch_up(pb_instance *database, int slices)
{
    pb_status status = PB_OK;
    bool more = true;

    while (slices-- && more && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        status = index_slice(database, &more);
        pb_scope_end(scope);
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
