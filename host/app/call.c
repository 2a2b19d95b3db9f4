/* call.c - `patchbay call`: any operation, here or on a running server; without one, a list. */
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

static bool is_text(const pb_operation *operation, const char *name)
{
    const pb_field *field = operation->input;

    for (; field && field->kind != PB_KIND_END; field = pb_field_next(field))
        if (strcmp(pb_field_name(field), name) == 0)
            return field->kind == PB_KIND_STR || field->kind == PB_KIND_ENUM;
    return false;
}

static const char *field_value(const struct invocation *invocation, pb_str name)
{
    for (size_t i = 0; i < invocation->field_count; i++)
        if (pb_str_is(name, invocation->fields[i].name))
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
        const struct command_field *field = &invocation->fields[i];
        if (in_path(operation, field->name))
            continue;
        if (query) {
            pb_buf_printf(&buf, "%s%s=", any ? "&" : "", field->name);
            add_encoded(&buf, pb_str_of(field->value ? field->value : "true"));
        } else {
            pb_jw_key(&writer, field->name);
            write_value(&writer, field->value, is_text(operation, field->name));
        }
        any = true;
    }
    if (!query)
        pb_jw_close(&writer, '}');
    return pb_buf_str(&buf);
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
        status = pb_operation_route(pb_str_of(operation->method), pb_buf_str(&path), &routed,
                                    &match);
    if (status != PB_OK)
        return status;
    *(query ? &call.query : &call.body) = rest;
    status = pb_operation_call(operation, &call, &content);
    *body = content.body;
    if (status == PB_OK && content.status >= 400)
        return remote_problem(content.status, content.body);
    return status;
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
    pb_status status = invocation->url ? call_there(invocation, operation, &body)
                                       : call_here(invocation, operation, &body);
    if (status == PB_OK && body.size)
        printf("%.*s%s", PB_ARG(body), body.data[body.size - 1] == '\n' ? "" : "\n");
    return status;
}

int command_call(const struct invocation *invocation)
{
    struct worker_plan plan = {.main = call, .arg = (void *)invocation};
    static struct loaded loaded;
    pb_status status = load_config_aloud(invocation, &loaded);

    if (status == PB_OK)
        status = worker_run(&plan);
    return pb_status_exit(status);
}
