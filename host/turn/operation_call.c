/* operation_call.c - one call of an operation: who may, what came in, the handler, what goes out.
 *
 * The input is one object: the body's members, then the query's, then the path's. What came as text
 * in a URL becomes a number or a truth value where the field wants one. A failure leaves a problem
 * document in the content beside the status, so a transport sends the content either way.
 */
#include "turn/operations_internal.h"

#include "config/schema.h"
#include "plugin/contract.h"
#include "turn/export.h"
#include <patchbay/problem.h>

/* --- input ------------------------------------------------------------------------------------ */

static const pb_field *find_field(const pb_field *fields, pb_str name)
{
    for (const pb_field *at = fields; at->kind != PB_KIND_END; at = pb_field_next(at))
        if (pb_str_is(name, pb_field_name(at)))
            return at;
    return NULL;
}

static bool looks_like_number(pb_str text)
{
    const pb_json *json;
    pb_scope *scope = pb_scope_begin();
    bool is =
        text.size < 64 && pb_json_parse(text, &json) == PB_OK && pb_json_is(json, PB_JSON_NUMBER);

    pb_error_clear();
    pb_scope_end(scope);
    return is;
}

/* Text of a URL as the JSON value that a field of this kind takes. */
static pb_json *value_of(uint32_t kind, pb_str text)
{
    if (kind == PB_KIND_BOOL && (pb_str_is(text, "true") || pb_str_is(text, "1")))
        return pb_json_boolean(true);
    if (kind == PB_KIND_BOOL && (pb_str_is(text, "false") || pb_str_is(text, "0")))
        return pb_json_boolean(false);
    if ((kind == PB_KIND_INT || kind == PB_KIND_FLOAT || kind == PB_KIND_SIZE) &&
        looks_like_number(text))
        return pb_json_new(PB_JSON_NUMBER, pb_copy(text));
    return pb_json_string(text);
}

static pb_json *member(pb_json *object, pb_str name)
{
    for (const pb_json *at = object->child; at; at = at->next)
        if (pb_str_equal(at->key, name))
            return (pb_json *)at; /* the object is ours */
    return NULL;
}

static pb_status add_twice(pb_str name)
{
    return pb_fail_at(PB_INVALID, pb_printf("/%.*s", PB_ARG(name)).data, "is given twice");
}

/* Adds what a URL says about `name`; a list collects its values. */
static pb_status add_text(const pb_field *fields, pb_json *object, pb_str name, pb_str text)
{
    const pb_field *field = find_field(fields, name);
    bool list = field && field->kind == PB_KIND_LIST;
    pb_json *old = member(object, name);
    pb_json *value = value_of(list ? field->item : field ? field->kind : PB_KIND_STR, text);

    if (old && !(list && old->type == PB_JSON_ARRAY))
        return add_twice(name);
    if (list && !old)
        old = pb_json_add(object, name, pb_json_new(PB_JSON_ARRAY, (pb_str){0}));
    if (!pb_json_add(list ? old : object, list ? (pb_str){0} : name, value))
        return PB_NO_MEMORY;
    return PB_OK;
}

static pb_status add_query(const pb_field *fields, pb_json *object, pb_str query)
{
    pb_status status = PB_OK;

    while (query.size && status == PB_OK) {
        pb_str pair = pb_str_slice(query, 0, pb_str_find(query, '&')), name, text;
        query = pb_str_slice(query, pair.size + 1, query.size);
        if (pair.size == 0)
            continue;
        size_t equals = pb_str_find(pair, '=');
        if (!operation_decode(pb_str_slice(pair, 0, equals), true, &name) ||
            !operation_decode(pb_str_slice(pair, equals + 1, pair.size), true, &text))
            return pb_fail(PB_INVALID, "the query is not properly percent-encoded");
        status = add_text(fields, object, name, text);
    }
    return status;
}

/* The body's members in an object of our own, to which more can be added. */
static pb_status add_body(pb_json *object, pb_str body)
{
    const pb_json *json;

    if (pb_str_trim(body).size == 0)
        return PB_OK;
    pb_status status = pb_json_parse(body, &json);
    if (status != PB_OK)
        return status;
    if (!pb_json_is(json, PB_JSON_OBJECT))
        return pb_fail_at(PB_INVALID, "", "the body must be a JSON object");
    for (const pb_json *at = json->child; at; at = at->next) {
        pb_json *copy = PB_NEW(pb_json);
        if (!copy)
            return PB_NO_MEMORY;
        *copy = *at;
        pb_json_add(object, at->key, copy);
    }
    return PB_OK;
}

static pb_status assemble(const pb_operation *operation, const pb_call *call, pb_json *object)
{
    bool written = operation->input_schema; /* then the handler reads the body itself */
    pb_status status = written ? (pb_status)PB_OK : add_body(object, call->body);

    if (status == PB_OK)
        status = add_query(operation->input, object, call->query);
    for (uint32_t i = 0; call->match && i < call->match->count && status == PB_OK; i++)
        status = add_text(operation->input, object, call->match->names[i], call->match->values[i]);
    return status;
}

static pb_status read_input(const pb_operation *operation, const pb_call *call, void **in,
                            struct config_diagnostics *problems)
{
    const struct schema_context context = {.diagnostics = problems};
    pb_json *object;

    *in = NULL;
    if (!operation->input)
        return PB_OK;
    if (!(object = pb_json_new(PB_JSON_OBJECT, (pb_str){0})) ||
        !(*in = pb_alloc(operation->input_size)))
        return PB_NO_MEMORY;
    pb_status status = assemble(operation, call, object);
    if (status != PB_OK)
        return status;
    return schema_read_json(operation->input, *in, object, &context);
}

/* --- the call --------------------------------------------------------------------------------- */

static pb_status check_access(const pb_operation *operation, const pb_call *call)
{
    pb_str scope = pb_str_of(operation->scope);

    if (operation->public_access)
        return PB_OK;
    if (!call->principal)
        return pb_fail(PB_UNAUTHENTICATED, "credentials are needed");
    if (!pb_principal_may(call->principal, scope))
        return pb_fail(PB_FORBIDDEN, "the scope '%.*s' is needed", PB_ARG(scope));
    return PB_OK;
}

static pb_status write_output(const pb_operation *operation, const void *from, pb_content *out)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    schema_write_json(operation->output, from, &writer);
    out->type = pb_lit("application/json");
    out->body = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

/* Where If-Match names several revisions each is tried; at most one fits. What has no revision fits none. */
static pb_status handle_matching(const pb_operation *operation, void *self, const pb_call *call,
                                 const void *in, void *result)
{
    struct operation_revisions revisions;
    pb_call copy = {0};
    pb_status status = PB_CHANGED;

    if (strcmp(operation->method, "GET") == 0 || !operation_revisions(call, &revisions))
        return operation->handle(self, call, in, result);
    if (!(operation->flags & PB_OPERATION_REVISIONS))
        return pb_fail(PB_CHANGED, "'%s' is about something without ETag, which no If-Match fits",
                       operation->id);
    memcpy(&copy, call, call->size < sizeof copy ? call->size : sizeof copy);
    for (size_t i = 0; i < revisions.count && status == PB_CHANGED; i++) {
        copy.revision = revisions.items[i];
        status = operation->handle(self, &copy, in, result);
    }
    return status;
}

/* What writes an answer piece by piece does so as its handler ran: for the same principal, as the same
 * instance. */
struct sending {
    pb_status (*send)(void *arg, pb_writer *writer);
    void *arg;
    const void *principal;
    pb_instance *instance;
};

static pb_status send_as(void *arg, pb_writer *writer)
{
    const struct sending *sending = arg;
    const void *asked = task_local()->principal;
    void *before = instance_enter(sending->instance);

    task_local()->principal = sending->principal;
    pb_status status = sending->send(sending->arg, writer);
    task_local()->principal = asked;
    instance_leave(before);
    return status;
}

static pb_status wrap_send(const pb_call *call, pb_instance *instance, pb_content *out)
{
    struct sending *sending = out->send ? PB_NEW(struct sending) : NULL;

    if (!out->send)
        return PB_OK;
    if (!sending)
        return PB_NO_MEMORY;
    *sending = (struct sending){out->send, out->arg, call->principal, instance};
    out->send = send_as;
    out->arg = sending;
    return PB_OK;
}

static pb_status handle(const pb_operation *operation, const pb_call *call, const void *in,
                        pb_content *out)
{
    pb_instance *instance = operation_of(operation)->instance;
    void *self = instance ? instance->self : NULL, *result = NULL;
    pb_status status;

    if (!operation->raw && !operation->handle)
        return pb_fail(PB_UNSUPPORTED, "'%s' is served over HTTP alone", operation->id);
    if (operation->output && operation->output_size && operation->handle &&
        !(result = pb_alloc(operation->output_size)))
        return PB_NO_MEMORY;
    const void *asked = task_local()->principal;
    void *before = instance_enter(instance);
    struct contract_call guard = {.watched = false};

    if (instance) /* else the operation is the host's */
        contract_begin(&guard, instance);
    task_local()->principal = call->principal;
    status = operation->raw ? operation->raw(self, call, in, out)
                            : handle_matching(operation, self, call, in, result);
    status = contract_end(&guard, status);
    task_local()->principal = asked;
    instance_leave(before);
    if (status != PB_OK)
        return status;
    if (operation->raw) {
        status = wrap_send(call, instance, out);
    } else {
        out->status = operation->answers ? operation->answers[0] : result ? 200 : 204;
        status = result ? write_output(operation, result, out) : (pb_status)PB_OK;
    }
    return status == PB_OK ? operation_complete(operation, call, result, out) : status;
}

static void write_problem(pb_status status, const pb_call *call,
                          struct config_diagnostics *problems, pb_content *out)
{
    pb_error error = *pb_error_last();
    pb_field_error *errors = NULL;
    size_t count = 0;
    pb_buf buf = {0};

    if (error.status != status)
        error = (pb_error){.size = sizeof error, .status = status};
    if (problems->errors > 0 && (errors = PB_NEW_ARRAY(pb_field_error, problems->kept)))
        for (struct config_diagnostic *at = problems->first; at; at = at->next)
            if (!at->warning)
                errors[count++] = (pb_field_error){
                    .size = sizeof *errors, .pointer = at->path, .detail = at->sentence};
    if (count) { /* the list says where; the sentence says what this is about */
        error.sentence = count == 1 ? pb_lit("one field of the request is not as it should be")
                                    : pb_printf("%zu fields of the request are not as they should "
                                                "be",
                                                count);
    }
    pb_problem_write(&buf, &error, call->request_id, errors, count);
    *out = (pb_content){.size = sizeof *out,
                        .status = pb_status_http(status),
                        .type = pb_lit(PB_PROBLEM_TYPE),
                        .body = pb_buf_str(&buf)};
}

/* APIs of others name one field: the first becomes the task's error, which a transport tells. */
static void tell_first(pb_status status, const struct config_diagnostics *problems)
{
    const struct config_diagnostic *at = problems->first;

    while (at && at->warning)
        at = at->next;
    if (at)
        pb_fail_at(status, at->path.data, "%.*s", PB_ARG(at->sentence));
}

static pb_status check_body(const pb_operation *operation, const pb_call *call)
{
    if (operation->upload && !call->reader)
        return pb_fail(PB_UNSUPPORTED, "'%s' takes a file: send it over HTTP", operation->id);
    if (operation->max_body && call->body.size > (uint64_t)operation->max_body)
        return pb_fail(PB_TOO_LARGE, "the body has %zu bytes; '%s' takes %lld at most",
                       call->body.size, operation->id, (long long)operation->max_body);
    return PB_OK;
}

pb_status host_operation_call(const pb_operation *operation, const pb_call *call, pb_content *out)
{
    struct config_diagnostics problems = {0};
    int64_t deadline = operation->timeout ? host_deadline_begin(operation->timeout) : 0;
    struct export_record *record = NULL;
    pb_status status = export_is_audited(operation, call)
                           ? export_audit_begin(operation, call, &record)
                           : (pb_status)PB_OK;
    void *in = NULL;

    if (status == PB_OK)
        status = check_access(operation, call);
    if (status == PB_OK)
        status = check_body(operation, call);
    *out = (pb_content){.size = sizeof *out};
    if (status == PB_OK)
        status = read_input(operation, call, &in, &problems);
    if (status == PB_OK)
        status = handle(operation, call, in, out);
    if (operation->timeout)
        host_deadline_end(deadline);
    if (status != PB_OK && operation->dialect)
        tell_first(status, &problems);
    if (status != PB_OK)
        write_problem(status, call, &problems, out);
    else if (!out->status)
        out->status = 200;
    if (record)
        export_audit_end(record, status, out);
    return status;
}
