/* usage.c - how often documents were found: counted in memory, written together now and then. What
 * a worker that dies has counted since is lost, and nothing else. */
#include "knowledge.h"

void usage_note(struct finder *finder, int64_t document)
{
    for (size_t i = 0; i < finder->used_count; i++)
        if (finder->used[i].key == document) {
            finder->used[i].times++;
            return;
        }
    if (finder->used_count == USED_MOST)
        return;
    finder->used[finder->used_count].key = document;
    finder->used[finder->used_count++].times = 1;
}

static pb_status flush(void *arg)
{
    struct finder *finder = arg;
    size_t count = finder->used_count;
    pb_statement *batch = PB_NEW_ARRAY(pb_statement, count + 1);
    pb_value *values = PB_NEW_ARRAY(pb_value, 3 * count + 1);

    if (!count)
        return PB_OK;
    if (!batch || !values)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        pb_value *value = &values[3 * i];
        value[0] = pb_value_int(finder->used[i].times);
        value[1] = pb_value_int(pb_now());
        value[2] = pb_value_int(finder->used[i].key);
        batch[i] = statement_of(sql_document_used, value, 3, PB_ALL_TENANTS);
    }
    finder->used_count = 0;
    return pb_db_batch(finder->database, batch, count, NULL);
}

static pb_status count(void *arg)
{
    struct finder *finder = arg;
    pb_status status;

    do {
        pb_scope *scope = pb_scope_begin();
        note_failure("how often documents were found was not counted", flush(finder));
        pb_scope_end(scope);
        status = pb_sleep(finder->count_delay);
    } while (status == PB_OK);
    (void)pb_shield(flush, finder);
    return status;
}

pb_status usage_start(struct finder *finder)
{
    return pb_spawn(count, finder, &finder->counter);
}

void usage_stop(struct finder *finder)
{
    if (!finder->counter)
        return;
    pb_task_cancel(finder->counter);
    (void)pb_join(finder->counter);
    finder->counter = NULL;
}
