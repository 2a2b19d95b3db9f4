/* drive_service.c - every operation of a service, with input made from its schema: those that read
 * first, those that remove last. A refusal with a sentence is an answer. */
#include "drive.h"

#include "plugin/instances.h"
#include <patchbay/service.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE (5 * PB_SECOND) /* of virtual time, for one operation */

struct asking {
    struct drive *drive;
    const pb_operation *operation;
    pb_operation_match match;
    pb_call call;
};

static const pb_principal tester = {.size = sizeof tester,
                                    .id = PB_LIT("tester"),
                                    .tenant = PB_LIT("default"),
                                    .name = PB_LIT("tester")};

static pb_status swallow(pb_writer *writer, pb_bytes bytes)
{
    (void)writer;
    (void)bytes;
    return pb_step();
}

static pb_status give_nothing(pb_reader *reader, pb_bytes *out)
{
    (void)reader;
    *out = bytes_of("", 0);
    return PB_OK;
}

/* Is it a variable of the path? Then its value goes there. */
static bool take_path(struct asking *asking, const pb_json *member)
{
    pb_str variable = pb_printf("{%.*s}", PB_ARG(member->key));

    if (!strstr(asking->operation->path, variable.data) || asking->match.count == 4)
        return false;
    asking->match.names[asking->match.count] = member->key;
    asking->match.values[asking->match.count++] = pb_json_text(member);
    return true;
}

/* Path, query and body out of one sample. */
static void fill(struct asking *asking)
{
    const pb_json *schema = NULL;
    pb_str text = {0};
    pb_buf query = {0}, body = {0};
    pb_json_writer writer = pb_json_writer_make(&body);

    if (pb_operation_schema(asking->operation, PB_SCHEMA_INPUT, &text) == PB_OK)
        (void)pb_json_parse(text, &schema);
    const pb_json *sample = sample_json(schema, asking->drive->number);
    bool in_body = strcmp(asking->operation->method, "GET") != 0 &&
                   strcmp(asking->operation->method, "DELETE") != 0;
    pb_jw_open(&writer, '{');
    for (const pb_json *at = sample->child; at; at = at->next) {
        if (take_path(asking, at))
            continue;
        if (in_body) {
            pb_jw_key_str(&writer, at->key);
            pb_jw_json(&writer, at);
        } else if (at->type != PB_JSON_OBJECT && at->type != PB_JSON_ARRAY) {
            pb_buf_printf(&query, "%s%.*s=%.*s", query.size ? "&" : "", PB_ARG(at->key),
                          PB_ARG(pb_json_text(at)));
        }
    }
    pb_jw_close(&writer, '}');
    asking->match.size = sizeof asking->match;
    asking->call.query = pb_buf_str(&query);
    if (in_body && !asking->operation->upload) {
        asking->call.body = pb_buf_str(&body);
        asking->call.type = pb_lit("application/json");
    }
}

static pb_status ask(struct drive *drive, const pb_operation *operation)
{
    pb_reader nothing = {.size = sizeof nothing, .read = give_nothing};
    pb_writer nowhere = {.size = sizeof nowhere, .write = swallow};
    struct asking asking = {.drive = drive, .operation = operation};
    pb_content out = {.size = sizeof out};

    asking.call = (pb_call){.size = sizeof asking.call,
                            .principal = &tester,
                            .match = &asking.match,
                            .request_id = pb_lit("request-1"),
                            .reader = operation->upload ? &nothing : NULL,
                            .remote = pb_lit("127.0.0.1")};
    fill(&asking);
    pb_error_clear();
    int64_t deadline = pb_deadline_begin(PATIENCE);
    pb_status status = pb_operation_call(operation, &asking.call, &out);
    if (status == PB_OK && out.send)
        status = out.send(out.arg, &nowhere);
    bool endless = status == PB_TIMEOUT && operation->flags & PB_OPERATION_STREAMS;
    pb_deadline_end(deadline);
    drive_say(drive, "%s: %s %d", operation->id, pb_status_name(status), out.status);
    if (status != PB_OK && !pb_error_last()->sentence.size)
        return pb_fail(PB_INTERNAL, "contract 7: operation %s fails with '%s' and no sentence",
                       operation->id, pb_status_name(status));
    if (status == PB_INTERNAL)
        return status;
    if (endless) /* a stream that goes on until its client leaves */
        return PB_OK;
    return status == PB_CANCELLED || status == PB_TIMEOUT ? status : (pb_status)PB_OK;
}

/* The host's copy of an operation, which knows its instance. */
static const pb_operation *registered(const char *id)
{
    const pb_operation *at;

    for (size_t i = 0; (at = pb_operation_at(i)); i++)
        if (strcmp(at->id, id) == 0)
            return at;
    case_fail(0, "the host does not know its operation '%s'", id);
}

pb_status drive_service(struct drive *drive)
{
    static const char *const order[] = {"GET", "POST", "PUT", "PATCH", "DELETE", NULL};
    const pb_service *service = (const pb_service *)(const void *)drive->instance->interface;
    pb_status status = PB_OK;

    for (size_t i = 0; order[i]; i++)
        for (const pb_operation *at = service->operations; at && at->id && status == PB_OK;
             at = (const pb_operation *)(const void *)((const char *)at + at->size))
            if (strcmp(at->method, order[i]) == 0)
                status = ask(drive, registered(at->id));
    return status;
}
