/* docs_operations.c - the page of operations of `patchbay docs`: no configuration is needed, it is the
 * plugins' tables that are shown. */
#include "app/docs.h"

#include "config/schema.h"
#include "turn/operations.h"

static const pb_operation *operations_of(const pb_component *component)
{
    if (strcmp(component->kind, "service") == 0)
        return ((const pb_service *)component->interface)->operations;
    const pb_transport *transport = (const pb_transport *)component->interface;
    return strcmp(component->kind, "transport") == 0 &&
                   PB_HAS(transport, pb_transport, operations)
               ? transport->operations
               : NULL;
}

static void write_body(const char *title, const pb_field *fields, const char *schema, pb_buf *out)
{
    if (fields) {
        pb_buf_printf(out, "%s:\n\n", title);
        schema_markdown(fields, out);
        pb_buf_byte(out, '\n');
    } else if (schema) {
        pb_buf_printf(out, "%s, as JSON Schema:\n\n```json\n%s\n```\n\n", title, schema);
    }
}

static void write_operation(const pb_operation *given, pb_buf *out)
{
    pb_operation operation = {0};

    memcpy(&operation, given, given->size < sizeof operation ? given->size : sizeof operation);
    pb_buf_printf(out, "### %s\n\n`%s %s` %s\n\n", operation.id, operation.method, operation.path,
                  operation.summary);
    if (operation.description)
        pb_buf_printf(out, "%s\n\n", operation.description);
    if (operation.public_access)
        pb_buf_add(out, pb_lit("No key is needed.\n\n"));
    else if (operation.scope)
        pb_buf_printf(out, "Scope: `%s`.\n\n", operation.scope);
    write_body("Takes", operation.input, NULL, out);
    if (operation.input_example)
        pb_buf_printf(out, "Example:\n\n```json\n%s\n```\n\n", operation.input_example);
    write_body("Answers", operation.output, operation.output_schema, out);
    if (operation.output_example)
        pb_buf_printf(out, "Example of an answer:\n\n```json\n%s\n```\n\n", operation.output_example);
}

static void write_table(const char *title, const pb_operation *table, pb_buf *out)
{
    pb_buf_printf(out, "## %s\n\n", title);
    for (const pb_operation *at = table; at->id;
         at = (const pb_operation *)(const void *)((const char *)at + at->size))
        write_operation(at, out);
}

pb_status docs_operations(struct docs_out *out)
{
    pb_buf text = {0};

    pb_buf_add(&text, pb_lit("# Operations\n\nEach is a path of the HTTP API, and `patchbay call ID`.\n\n"));
    write_table("The program itself", host_operations(), &text);
    for (const struct plugin *at = docs_next_plugin(NULL); at; at = docs_next_plugin(at))
        for (size_t i = 0; at->descriptor->components[i]; i++) {
            const pb_component *component = at->descriptor->components[i];
            const pb_operation *table = operations_of(component);
            if (table)
                write_table(pb_printf("%s %s (plugin %s)", component->kind, component->name,
                                      at->descriptor->name)
                                .data,
                            table, &text);
        }
    pb_buf_add(&out->index, pb_lit("* [Operations](operations.md)\n"));
    return docs_write(out, "operations.md", &text);
}
