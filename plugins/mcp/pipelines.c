/* pipelines.c - pipelines as tools: which of them a caller has, their names and schemas. ask.c runs
 * them.
 */
#include "mcp.h"

#include <patchbay/reply.h>

#define PREFIX "ask_"

size_t ask_count(const struct rpc *rpc)
{
    return pb_principal_may(rpc->call->principal, pb_lit("turns.create"))
               ? rpc->self->pipelines.count
               : 0;
}

/* "support.v2" as "ask_support_v2": what a tool's name may have everywhere. */
static pb_str tool_name(pb_str pipeline)
{
    pb_buf buf = {0};

    pb_buf_add(&buf, pb_lit(PREFIX));
    for (size_t i = 0; i < pipeline.size; i++) {
        char c = pipeline.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        pb_buf_byte(&buf, plain || c == '-' ? c : '_');
    }
    return pb_buf_str(&buf);
}

pb_pipeline *ask_pipeline(const struct rpc *rpc)
{
    pb_str name = pb_json_text(pb_json_get(rpc->params, "name"));

    if (!pb_str_is(rpc->method, "tools/call") || !pb_str_starts(name, pb_lit(PREFIX)))
        return NULL;
    for (size_t i = 0; i < ask_count(rpc); i++)
        if (pb_str_equal(name, tool_name(PB_ITEM(rpc->self->pipelines, pb_str, i))))
            return rpc->self->found[i];
    return NULL;
}

/* --- how they look ------------------------------------------------------------------------- */

static const char input_begin[] =
    "{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\",\"minLength\":1,"
    "\"description\":\"What to ask, as a person would write it.\"}";
static const char input_conversation[] =
    ",\"conversation\":{\"type\":\"string\",\"format\":\"uuid\",\"description\":\"The conversation "
    "that it goes on with, as an earlier answer named it. Without one a new one begins.\"}";
static const char input_end[] = ",\"variables\":{\"type\":\"object\",\"description\":\"Values for "
                                "the pipeline's templates.\"}},"
                                "\"required\":[\"message\"],\"additionalProperties\":false}";
static const char output_schema[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"turn\":{\"type\":\"string\",\"description\":\"The turn's id.\"},"
    "\"conversation\":{\"type\":[\"string\",\"null\"],\"description\":\"Where it was stored.\"},"
    "\"text\":{\"type\":\"string\",\"description\":\"The answer.\"},"
    "\"finish\":{\"type\":[\"string\",\"null\"],\"description\":\"Why the model stopped.\"},"
    "\"sources\":{\"type\":\"array\",\"items\":{\"type\":\"object\"},"
    "\"description\":\"What the answer stands on.\"},"
    "\"usage\":{\"type\":\"object\",\"description\":\"Tokens and cost.\"}},"
    "\"required\":[\"turn\",\"text\",\"sources\"]}";

void ask_describe(const struct rpc *rpc, size_t index, pb_json_writer *writer)
{
    const pb_pipeline_info *info = pb_pipeline_info_of(rpc->self->found[index]);
    bool keeps = info->keeps_history != 0;
    pb_str words =
        info->description.size
            ? info->description
            : pb_printf("Asks the pipeline '%.*s' and gives its answer.", PB_ARG(info->name));

    pb_jw_open(writer, '{');
    pb_jw_member(writer, "name", tool_name(info->name));
    if (rpc->session->version >= V_2025_06_18)
        pb_jw_member(writer, "title", pb_printf("Ask %.*s", PB_ARG(info->name)));
    pb_jw_member(writer, "description", words);
    pb_jw_key(writer, "inputSchema");
    pb_jw_raw(writer, pb_printf("%s%s%s", input_begin, keeps ? input_conversation : "", input_end));
    if (rpc->session->version >= V_2025_06_18) {
        pb_jw_key(writer, "outputSchema");
        pb_jw_raw(writer, pb_str_of(output_schema));
    }
    if (rpc->session->version >= V_2025_03_26) {
        pb_jw_key(writer, "annotations");
        pb_jw_raw(writer, pb_printf("{\"readOnlyHint\":%s,\"destructiveHint\":false,"
                                    "\"idempotentHint\":false,\"openWorldHint\":true}",
                                    keeps ? "false" : "true"));
    }
    pb_jw_close(writer, '}');
}
