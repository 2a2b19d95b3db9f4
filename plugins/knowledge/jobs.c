/* jobs.c - the operations that show what is being done, and was. */
#include "knowledge.h"

#include <inttypes.h>

static pb_status state_value(pb_str state, pb_value *out)
{
    *out = pb_value_null();
    for (int i = 0; state.size && job_state_names[i]; i++)
        if (pb_str_is(state, job_state_names[i]))
            *out = pb_value_int(i);
    return !state.size || cell_there(out)
               ? (pb_status)PB_OK
               : pb_fail_at(PB_INVALID, "/state",
                            "must be queued, running, done, failed or cancelled");
}

HANDLER(jobs_list)
{
    const struct knowledge *service = self;
    const struct jobs_in *input = in;
    struct jobs_out *output = out;
    struct asker asker;
    int64_t before = INT64_MAX;
    pb_value values[7];
    pb_rows rows;
    pb_status status = asker_of(call->principal, &asker);

    if (status == PB_OK)
        status = read_cursor(input->cursor, &before);
    if (status == PB_OK)
        status = state_value(input->state, &values[4]);
    if (status != PB_OK)
        return status;
    asker_values(&asker, values);
    values[3] = pb_value_int(before);
    values[5] = pb_value_int(input->limit + 1);
    values[6] = pb_value_text(input->document);
    status = input->document.size
                 ? pb_db_query(service->database, sql_job_list_of, values, 7, &rows)
                 : pb_db_query(service->database, sql_job_list, values, 6, &rows);
    if (status != PB_OK)
        return status;
    size_t count = rows.count > (size_t)input->limit ? (size_t)input->limit : rows.count;
    struct job *items = PB_NEW_ARRAY(struct job, count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < count; i++)
        job_read(&rows, i, &items[i]);
    output->jobs = (pb_list){items, count};
    if (count < rows.count)
        output->next = pb_printf("%" PRId64, items[count - 1].key);
    return PB_OK;
}

HANDLER(jobs_get)
{
    const struct knowledge *service = self;
    const struct id_in *input = in;
    struct asker asker;
    pb_value values[4];
    pb_rows rows;
    pb_status status = asker_of(call->principal, &asker);

    if (status != PB_OK)
        return status;
    asker_values(&asker, values);
    values[3] = pb_value_text(input->id);
    status = pb_db_query(service->database, sql_job_get, values, 4, &rows);
    if (status != PB_OK)
        return status;
    if (!rows.count)
        return pb_fail(PB_NOT_FOUND, "there is no job with this id");
    job_read(&rows, 0, out);
    return PB_OK;
}
