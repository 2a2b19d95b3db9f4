/* models.c - the pipelines that this listener offers, as Anthropic's clients list models.
 *
 * The path is OpenAI's too: a request that carries anthropic-version means this shape. The list is whole at once
 * unless `limit` asks for less; `after_id` and `before_id` name the model behind or before which it goes on.
 */
#include "anthropic/anthropic.h"

#include <time.h>

static void write_model(struct exchange *exchange, pb_json_writer *writer, size_t index)
{
    const pb_pipeline_info *info = pb_pipeline_info_of(exchange->http->found[index]);
    pb_str name = PB_ITEM(exchange->http->pipelines, pb_str, index);
    time_t seconds = (time_t)(exchange->http->started / 1000);
    char created[32] = "";
    struct tm utc;

    if (gmtime_r(&seconds, &utc))
        (void)strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "type", pb_lit("model"));
    pb_jw_member(writer, "id", name);
    pb_jw_member(writer, "display_name", name);
    pb_jw_member(writer, "created_at", pb_str_of(created));
    pb_jw_member(writer, "lifecycle", pb_lit("active"));
    if (info->description.size)
        pb_jw_member(writer, "description", info->description);
    pb_jw_close(writer, '}');
}

/* The value of `name` in "a=1&b=2", decoded; absent when it is not there. */
static pb_str asked(pb_str query, const char *name)
{
    while (query.size) {
        pb_str pair = pb_str_slice(query, 0, pb_str_find(query, '&'));
        size_t sign = pb_str_find(pair, '=');
        query = pb_str_slice(query, pair.size + 1, query.size);
        if (pb_str_is(pb_str_slice(pair, 0, sign), name))
            return percent_decode(pb_str_slice(pair, sign + 1, pair.size));
    }
    return (pb_str){0};
}

static pb_status place_of(const struct exchange *exchange, pb_str name, size_t *out)
{
    const pb_list *names = &exchange->http->pipelines;

    for (*out = 0; *out < names->count; ++*out)
        if (pb_str_equal(PB_ITEM(*names, pb_str, *out), name))
            return PB_OK;
    return pb_fail_at(PB_NOT_FOUND, "/model", "there is no model '%.*s' here",
                      PB_ARG(pb_str_slice(name, 0, 128)));
}

/* Which models the query asks for: from *from to before *to. */
static pb_status read_window(struct exchange *exchange, size_t *from, size_t *to)
{
    pb_str query = exchange->request->query;
    pb_str after = asked(query, "after_id"), before = asked(query, "before_id");
    pb_str limit = asked(query, "limit");
    pb_status status = PB_OK;
    size_t most = 0;

    *from = 0;
    *to = exchange->http->pipelines.count;
    for (size_t i = 0; i < limit.size && most <= 1000; i++)
        most = limit.data[i] >= '0' && limit.data[i] <= '9' ? most * 10 + (size_t)(limit.data[i] - '0')
                                                             : 1001;
    if (limit.data && (most < 1 || most > 1000))
        return pb_fail_at(PB_INVALID, "/limit", "must be a whole number between 1 and 1000");
    if (after.data && before.data)
        return pb_fail_at(PB_INVALID, "/after_id", "must not stand beside before_id");
    if (after.data && (status = place_of(exchange, after, from)) == PB_OK)
        ++*from;
    if (before.data)
        status = place_of(exchange, before, to);
    if (status == PB_OK && limit.data && *to - *from > most) {
        if (before.data)
            *from = *to - most;
        else
            *to = *from + most;
    }
    return status;
}

pb_status anthropic_models_list(struct exchange *exchange)
{
    const pb_list *names = &exchange->http->pipelines;
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    size_t from, to;
    pb_status status = read_window(exchange, &from, &to);

    if (status != PB_OK)
        return status;
    bool backwards = asked(exchange->request->query, "before_id").data != NULL;
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "data");
    pb_jw_open(&writer, '[');
    for (size_t i = from; i < to; i++)
        write_model(exchange, &writer, i);
    pb_jw_close(&writer, ']');
    pb_jw_key(&writer, "has_more");
    pb_jw_bool(&writer, backwards ? from > 0 : to < names->count);
    pb_jw_member(&writer, "first_id", from < to ? PB_ITEM(*names, pb_str, from) : (pb_str){0});
    pb_jw_member(&writer, "last_id", from < to ? PB_ITEM(*names, pb_str, to - 1) : (pb_str){0});
    pb_jw_close(&writer, '}');
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", pb_buf_str(&buf));
}

pb_status anthropic_models_get(struct exchange *exchange)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    size_t index;
    pb_status status = place_of(exchange, percent_decode(exchange->match.values[0]), &index);

    if (status != PB_OK)
        return status;
    write_model(exchange, &writer, index);
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", pb_buf_str(&buf));
}
