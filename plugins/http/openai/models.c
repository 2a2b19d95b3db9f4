/* models.c - GET /v1/models: the pipelines that this listener offers, as OpenAI's clients list
 * them. */
#include "openai/openai.h"

static void write_model(struct exchange *exchange, pb_json_writer *writer, size_t index)
{
    const pb_pipeline_info *info = pb_pipeline_info_of(exchange->http->found[index]);

    pb_jw_open(writer, '{');
    pb_jw_member(writer, "id", PB_ITEM(exchange->http->pipelines, pb_str, index));
    pb_jw_member(writer, "object", pb_lit("model"));
    pb_jw_count(writer, "created", exchange->http->started / 1000);
    pb_jw_member(writer, "owned_by", pb_lit("patchbay"));
    if (info->description.size)
        pb_jw_member(writer, "description", info->description);
    pb_jw_close(writer, '}');
}

pb_status models_list(struct exchange *exchange)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "object", pb_lit("list"));
    pb_jw_key(&writer, "data");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; i < exchange->http->pipelines.count; i++)
        write_model(exchange, &writer, i);
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", pb_buf_str(&buf));
}

pb_status models_get(struct exchange *exchange)
{
    pb_str name = percent_decode(exchange->match.values[0]);

    for (size_t i = 0; i < exchange->http->pipelines.count; i++) {
        pb_buf buf = {0};
        pb_json_writer writer = pb_json_writer_make(&buf);
        if (!pb_str_equal(PB_ITEM(exchange->http->pipelines, pb_str, i), name))
            continue;
        write_model(exchange, &writer, i);
        return answer(exchange, 200, "application/json", pb_buf_str(&buf));
    }
    exchange->code = pb_lit("model_not_found");
    return pb_fail_at(PB_NOT_FOUND, "/model", "there is no model '%.*s' here",
                      PB_ARG(pb_str_slice(name, 0, 128)));
}
