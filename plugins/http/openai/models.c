/* models.c - what a client names as `model`: the pipelines and embedders that this listener offers. */
#include "openai/openai.h"

#include "anthropic/anthropic.h"

static pb_status no_model(struct exchange *exchange, pb_str name)
{
    exchange->code = pb_lit("model_not_found");
    return pb_fail_at(PB_NOT_FOUND, "/model", "there is no model '%.*s' here",
                      PB_ARG(pb_str_slice(name, 0, 128)));
}

/* The member `model`; absent when something is wrong. */
static pb_str model_name(struct exchange *exchange, const pb_json *json)
{
    const pb_json *model = pb_json_get(json, "model");

    if (!pb_json_is(model, PB_JSON_STRING))
        fault(exchange, AT(NULL, "model"), model ? "must be a text" : "is missing");
    return pb_json_text(model);
}

pb_status openai_model(struct exchange *exchange, const pb_json *json, pb_str *name,
                       pb_pipeline **out)
{
    *name = model_name(exchange, json);
    if (exchange->fault_count)
        return PB_OK;
    *out = pipeline_named(exchange->http, *name);
    return *out ? (pb_status)PB_OK : no_model(exchange, *name);
}

pb_status openai_embedder(struct exchange *exchange, const pb_json *json, pb_str *name,
                          pb_instance **out)
{
    const pb_list *embedders = &exchange->http->embedders;

    *name = model_name(exchange, json);
    if (exchange->fault_count)
        return PB_OK;
    for (size_t i = 0; i < embedders->count; i++) {
        *out = PB_ITEM(*embedders, pb_instance *, i);
        if (pb_str_equal(pb_instance_name(*out), *name))
            return PB_OK;
    }
    return no_model(exchange, *name);
}

static void write_model(struct exchange *exchange, pb_json_writer *writer, pb_str name,
                        pb_str description)
{
    pb_jw_open(writer, '{');
    pb_jw_member(writer, "id", name);
    pb_jw_member(writer, "object", pb_lit("model"));
    pb_jw_count(writer, "created", exchange->http->started / 1000);
    pb_jw_member(writer, "owned_by", pb_lit("patchbay"));
    if (description.size)
        pb_jw_member(writer, "description", description);
    pb_jw_close(writer, '}');
}

/* The pipelines, then the embedders. False: there are not so many. */
static bool model_at(struct exchange *exchange, size_t index, pb_str *name, pb_str *description)
{
    const struct http *http = exchange->http;

    if (index < http->pipelines.count) {
        *name = PB_ITEM(http->pipelines, pb_str, index);
        *description = pb_pipeline_info_of(http->found[index])->description;
        return true;
    }
    index -= http->pipelines.count;
    if (index >= http->embedders.count)
        return false;
    *name = pb_instance_name(PB_ITEM(http->embedders, pb_instance *, index));
    *description = pb_lit("Embeddings.");
    return true;
}

pb_status models_list(struct exchange *exchange)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    pb_str name, description;

    if (exchange->dialect == &anthropic_dialect)
        return anthropic_models_list(exchange);
    pb_jw_open(&writer, '{');
    pb_jw_member(&writer, "object", pb_lit("list"));
    pb_jw_key(&writer, "data");
    pb_jw_open(&writer, '[');
    for (size_t i = 0; model_at(exchange, i, &name, &description); i++)
        write_model(exchange, &writer, name, description);
    pb_jw_close(&writer, ']');
    pb_jw_close(&writer, '}');
    if (buf.failed)
        return PB_NO_MEMORY;
    return answer(exchange, 200, "application/json", pb_buf_str(&buf));
}

pb_status models_get(struct exchange *exchange)
{
    pb_str wanted = percent_decode(exchange->match.values[0]), name, description;

    if (exchange->dialect == &anthropic_dialect)
        return anthropic_models_get(exchange);
    for (size_t i = 0; model_at(exchange, i, &name, &description); i++) {
        pb_buf buf = {0};
        pb_json_writer writer = pb_json_writer_make(&buf);
        if (!pb_str_equal(name, wanted))
            continue;
        write_model(exchange, &writer, name, description);
        if (buf.failed)
            return PB_NO_MEMORY;
        return answer(exchange, 200, "application/json", pb_buf_str(&buf));
    }
    return no_model(exchange, wanted);
}
