/* operation_schema.c - what an operation takes and answers, as JSON Schema: for the OpenAPI document and
 * for tools of models.
 *
 * The input is one object, as operation_call.c puts it together: path, query and body. Where the body's
 * schema is written out (input_schema), it and the table's are both to hold.
 */
#include "turn/operations_internal.h"

#include "config/schema.h"

static pb_str of_table(const pb_field *fields)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    schema_json_schema(fields, NULL, &writer);
    return pb_buf_str(&buf);
}

static bool has_fields(const pb_field *fields)
{
    return fields && fields->kind != PB_KIND_END;
}

pb_status host_operation_schema(const pb_operation *operation, uint32_t what, pb_str *out)
{
    bool input = what == PB_SCHEMA_INPUT;
    const pb_field *fields = input ? operation->input : operation->output;
    const char *written = input ? operation->input_schema : operation->output_schema;

    if (written && strstr(written, "#/components/")) /* stands only in the whole document */
        return PB_DECLINED;
    if (written && has_fields(fields))
        *out = pb_printf("{\"allOf\":[%.*s,%s]}", PB_ARG(of_table(fields)), written);
    else if (written)
        *out = pb_str_of(written);
    else if (has_fields(fields))
        *out = of_table(fields);
    else if (input && !operation->upload)
        *out = pb_lit("{\"type\":\"object\",\"properties\":{}}");
    else
        return PB_DECLINED;
    return out->data ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}
