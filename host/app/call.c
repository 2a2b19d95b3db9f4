/* call.c - `patchbay call`: any operation, here or on a running server; without one, a list. */
#include "app/call.h"

#include "app/load.h"
#include "app/remote.h"
#include "app/worker.h"

#include "config/nearest.h"
#include "turn/operations.h"
#include <patchbay/json.h>
#include <patchbay/service.h>
#include <stdio.h>

static void list_operations(void)
{
    const pb_operation *operation;

    for (size_t i = 0; (operation = pb_operation_at(i)); i++)
        printf("%-20s %-7s %-28s %s\n", operation->id, operation->method, operation->path,
               operation->summary);
}

static pb_status unknown_operation(const char *name)
{
    pb_str names[256];
    const pb_operation *operation;
    size_t count = 0;

    while (count < 256 && (operation = pb_operation_at(count)))
        names[count++] = pb_str_of(operation->id);
    pb_str hint = nearest_hint(pb_str_of(name), names, count);
    return pb_fail(PB_NOT_FOUND, "there is no operation '%s'%.*s", name, PB_ARG(hint));
}

/* --old-name and --old_name are one. */
static bool is_named(const char *typed, const char *name)
{
    while (*typed && (*typed == *name || (*typed == '-' && *name == '_')))
        typed++, name++;
    return *typed == *name;
}

static const pb_field *find_field(const pb_operation *operation, const char *name)
{
    const pb_field *field = operation->input;

    for (; field && field->kind != PB_KIND_END; field = pb_field_next(field))
        if (is_named(name, pb_field_name(field)))
            return field;
    return NULL;
}

/* What was typed as JSON: numbers, true, false, null, lists and maps as they are, else a string. */
static void write_value(pb_json_writer *writer, const char *value, bool text)
{
    const pb_json *json;

    if (!value)
        pb_jw_bool(writer, true);
    else if (!text && pb_json_parse(pb_str_of(value), &json) == PB_OK)
        pb_jw_json(writer, json);
    else
        pb_jw_str(writer, pb_str_of(value));
    pb_error_clear();
}

/* a,b as "a", "b" into an open list; a JSON list as its items. */
static void write_items(pb_json_writer *writer, const char *value, bool text)
{
    const pb_json *json;
    pb_str rest = pb_str_of(value);

    if (rest.size && rest.data[0] == '[' && pb_json_parse(rest, &json) == PB_OK) {
        for (json = json->child; json; json = json->next)
            pb_jw_json(writer, json);
        return;
    }
    pb_error_clear();
    while (rest.size) {
        pb_str item = pb_str_slice(rest, 0, pb_str_find(rest, ','));
        rest = pb_str_slice(rest, item.size + 1, rest.size);
        write_value(writer, pb_copy(item).data, text);
    }
}

/* Is this member text, as the body's schema says? */
static bool is_written_text(const pb_operation *operation, const char *name)
{
    const pb_json *schema = NULL, *type;

    if (!operation->input_schema ||
        pb_json_parse(pb_str_of(operation->input_schema), &schema) != PB_OK)
        return false;
    schema = pb_json_get(pb_json_get(schema, "properties"), name);
    type = pb_json_get(schema, "type");
    if (pb_json_is(type, PB_JSON_ARRAY))
        type = pb_json_at(type, 0);
    if (!type) /* text or something else: {"oneOf": [{"type": "string"}, …]} */
        type = pb_json_get(pb_json_at(pb_json_get(schema, "oneOf"), 0), "type");
    return pb_str_is(pb_json_text(type), "string");
}

/* One member of the body; a list has what all fields of its name say. */
static void write_member(pb_json_writer *writer, const struct invocation *invocation,
                         const pb_operation *operation, size_t index)
{
    const struct command_field *given = &invocation->fields[index];
    const pb_field *field = find_field(operation, given->name);
    bool text = !field ? given->value && given->value[0] != '[' && is_written_text(operation, given->name)
                       : (field->kind == PB_KIND_STR || field->kind == PB_KIND_ENUM ||
                          field->item == PB_KIND_STR || field->item == PB_KIND_ENUM);
    bool list = field && field->kind == PB_KIND_LIST;

    for (size_t i = 0; i < index && list; i++)
        if (is_named(invocation->fields[i].name, pb_field_name(field)))
            return; /* it is there already */
    pb_jw_key(writer, field ? pb_field_name(field) : given->name);
    if (!list) {
        write_value(writer, given->value, text);
        return;
    }
    pb_jw_open(writer, '[');
    for (size_t i = index; i < invocation->field_count; i++)
        if (is_named(invocation->fields[i].name, pb_field_name(field)) &&
            invocation->fields[i].value)
            write_items(writer, invocation->fields[i].value, text);
    pb_jw_close(writer, ']');
}

static const char *field_value(const struct invocation *invocation, pb_str name)
{
    const char *plain = pb_copy(name).data;

    for (size_t i = 0; i < invocation->field_count; i++)
        if (is_named(invocation->fields[i].name, plain))
            return invocation->fields[i].value;
    return NULL;
}

static void add_encoded(pb_buf *buf, pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("-._~", c))
            pb_buf_byte(buf, (char)c);
        else
            pb_buf_printf(buf, "%%%02X", c);
    }
}

/* The path with its {variables} filled in; what was used there is not sent again. */
static pb_status fill_path(const struct invocation *invocation, const pb_operation *operation,
                           pb_buf *path)
{
    pb_str rest = pb_str_of(operation->path);

    while (rest.size) {
        size_t open = pb_str_find(rest, '{');
        pb_buf_add(path, pb_str_slice(rest, 0, open));
        if (open == rest.size)
            break;
        size_t close = pb_str_find(rest, '}');
        pb_str name = pb_str_slice(rest, open + 1, close - open - 1);
        const char *value = field_value(invocation, name);
        if (!value)
            return pb_fail(PB_INVALID, "%s needs --%.*s", operation->id, PB_ARG(name));
        add_encoded(path, pb_str_of(value));
        rest = pb_str_slice(rest, close + 1, rest.size);
    }
    return pb_buf_status(path);
}

static bool in_path(const pb_operation *operation, const char *name)
{
    return strstr(operation->path, pb_printf("{%s}", name).data) != NULL;
}

/* What is not in the path: a query for GET and DELETE, else a JSON body. */
static pb_str fill_rest(const struct invocation *invocation, const pb_operation *operation,
                        bool query)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);
    bool any = false;

    if (!query)
        pb_jw_open(&writer, '{');
    for (size_t i = 0; i < invocation->field_count; i++) {
        const struct command_field *given = &invocation->fields[i];
        const pb_field *field = find_field(operation, given->name);
        const char *name = field ? pb_field_name(field) : given->name;
        if (in_path(operation, name))
            continue;
        if (query) {
            pb_buf_printf(&buf, "%s%s=", any ? "&" : "", name);
            add_encoded(&buf, pb_str_of(given->value ? given->value : "true"));
        } else {
            write_member(&writer, invocation, operation, i);
        }
        any = true;
    }
    if (!query)
        pb_jw_close(&writer, '}');
    return pb_buf_str(&buf);
}

/* Fields at fault by their names, as the task's error. */
static pb_status fail_fields(pb_status status, pb_str problem)
{
    const pb_json *json = NULL, *at = NULL;
    pb_buf sentence = {0};

    if (pb_json_parse(problem, &json) == PB_OK)
        at = pb_json_at(pb_json_get(json, "errors"), 0);
    for (; at; at = at->next) {
        pb_str pointer = pb_json_text(pb_json_get(at, "pointer"));
        pb_buf_printf(&sentence, "%s%.*s: %.*s", sentence.size ? "; " : "",
                      PB_ARG(pb_str_slice(pointer, 1, pointer.size)),
                      PB_ARG(pb_json_text(pb_json_get(at, "detail"))));
    }
    return sentence.size ? pb_fail(status, "%.*s", PB_ARG(pb_buf_str(&sentence))) : status;
}

static pb_status call_here(const struct invocation *invocation, const pb_operation *operation,
                           pb_str *body)
{
    pb_operation_match match = {.size = sizeof match};
    bool query = strcmp(operation->method, "GET") == 0 || strcmp(operation->method, "DELETE") == 0;
    pb_str rest = fill_rest(invocation, operation, query);
    pb_call call = {.size = sizeof call, .principal = terminal_principal(), .match = &match};
    pb_content content = {.size = sizeof content};
    const pb_operation *routed;
    pb_buf path = {0};

    pb_status status = fill_path(invocation, operation, &path);
    if (status == PB_OK)
        status =
            pb_operation_route(pb_str_of(operation->method), pb_buf_str(&path), &routed, &match);
    if (status != PB_OK)
        return status;
    *(query ? &call.query : &call.body) = rest;
    status = operation_call_whole(operation, &call, pb_lit(""), &content);
    *body = content.body;
    if (status == PB_OK && content.status >= 400)
        return remote_problem(content.status, content.body);
    return status == PB_OK ? status : fail_fields(status, content.body);
}

static pb_status call_there(const struct invocation *invocation, const pb_operation *operation,
                            pb_str *body)
{
    bool query = strcmp(operation->method, "GET") == 0 || strcmp(operation->method, "DELETE") == 0;
    pb_str rest = fill_rest(invocation, operation, query);
    struct remote_request request = {.method = operation->method};
    pb_buf path = {0};

    pb_status status = fill_path(invocation, operation, &path);
    if (status != PB_OK)
        return status;
    if (query && rest.size)
        pb_buf_printf(&path, "?%.*s", PB_ARG(rest));
    request.path = pb_buf_str(&path);
    if (!query)
        request.body = rest;
    return remote_call(invocation, &request, body);
}

pb_status call_operation(const struct invocation *invocation, const pb_operation *operation,
                         pb_str *body)
{
    return invocation->url ? call_there(invocation, operation, body)
                           : call_here(invocation, operation, body);
}

static pb_status call(void *arg)
{
    const struct invocation *invocation = arg;
    pb_str body = {0};

    if (!invocation->word_count) {
        list_operations();
        return PB_OK;
    }
    const pb_operation *operation = operation_find(pb_str_of(invocation->words[0]));
    if (!operation)
        return unknown_operation(invocation->words[0]);
    pb_status status = call_operation(invocation, operation, &body);
    if (status == PB_OK && body.size)
        printf("%.*s%s", PB_ARG(body), body.data[body.size - 1] == '\n' ? "" : "\n");
    return status;
}

/* What there is depends on the configuration, so help reads it too; without one there are the host's own. */
static int help(const struct invocation *invocation)
{
    static struct loaded loaded;

    if (!invocation->word_count) {
        help_print(invocation->command);
        return 0;
    }
    (void)load_config(invocation, &loaded);
    pb_status status = operations_setup();
    if (status != PB_OK)
        return pb_status_exit(status);
    const pb_operation *operation = operation_find(pb_str_of(invocation->words[0]));
    if (!operation) {
        status = unknown_operation(invocation->words[0]);
        fprintf(stderr, "patchbay: %.*s\n", PB_ARG(pb_error_last()->sentence));
        return pb_status_exit(status);
    }
    printf("usage: patchbay call %s [--FIELD VALUE …]\n\n", operation->id);
    operation_help_print(operation);
    putchar('\n');
    operation_example_print(pb_printf("call %s", operation->id).data, operation, false);
    return 0;
}

int command_call(const struct invocation *invocation)
{
    struct worker_plan plan = {.main = call, .arg = (void *)invocation};
    static struct loaded loaded;

    if (invocation->help)
        return help(invocation);
    pb_status status = load_config_aloud(invocation, &loaded);

    if (status == PB_OK)
        status = worker_run(&plan);
    return pb_status_exit(status);
}
