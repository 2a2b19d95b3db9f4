/* export_audit.c - records of operations that change something: room for each is kept before the
 * operation runs, and it stays until every exporter has taken it. See export.h. */
#include "turn/export_internal.h"

#include "base/time.h"
#include "plugin/contract.h"
#include "runtime/task.h"
#include <patchbay/log.h>
#include <stdlib.h>

enum { MADE_MOST = 256 /* bytes of the id of what was made */, ANSWER_MOST = 64 * 1024 };

static const pb_duration longest_wait = 5 * PB_SECOND; /* a client waits that long for its answer */
static const pb_duration longest_call = 30 * PB_SECOND;

/* One allocation; each exporter has its own. */
struct export_record {
    struct list_link link;
    struct export_record *next; /* of the same call, for the next exporter */
    struct exporter *exporter;
    pb_audit_record audit;
    char made[MADE_MOST]; /* room for audit.object, where the path names none */
    char text[];
};

/* An operation that waits for room, on its task's stack. */
struct room_wait {
    struct list_link link;
    struct waiter waiter;
    bool granted;
};

/* --- room ------------------------------------------------------------------------------------- */

static bool has_room(const struct exporter *exporter)
{
    return exporter->record_count + exporter->reserved < EXPORT_AUDIT_MOST;
}

/* Hands room that became free to those who wait, in the order in which they came. */
static void grant(struct exporter *exporter)
{
    struct list_link *link;

    while (has_room(exporter) && (link = list_pop(&exporter->waiting))) {
        struct room_wait *wait = list_entry(link, struct room_wait, link);
        wait->granted = true;
        exporter->reserved++;
        waiter_wake(&wait->waiter);
    }
}

static void give_back(struct exporter *exporter)
{
    exporter->reserved--;
    grant(exporter);
    exporter_wake(exporter); /* it may wait for the last one, to stop */
}

static pb_status no_room(const struct exporter *exporter)
{
    return pb_fail_retry(PB_UNAVAILABLE, longest_wait,
                         "the exporter '%.*s' takes no audit records, and nothing is changed "
                         "without one",
                         PB_ARG(exporter->instance->name));
}

static pb_status reserve(struct exporter *exporter)
{
    struct room_wait wait = {.granted = false};

    if (exporter->closed)
        return pb_fail_retry(PB_UNAVAILABLE, PB_SECOND, "the server is stopping");
    if (has_room(exporter) && list_empty(&exporter->waiting)) {
        exporter->reserved++;
        return PB_OK;
    }
    list_append(&exporter->waiting, &wait.link);
    pb_error_clear();
    pb_status status = task_wait_for(&wait.waiter, longest_wait);
    list_remove(&wait.link);
    bool told = status != PB_OK && pb_error_last()->status == status; /* to end: not by our limit */
    if (wait.granted && !told)
        return PB_OK;
    if (wait.granted)
        give_back(exporter);
    return told ? status : no_room(exporter);
}

/* --- a record --------------------------------------------------------------------------------- */

static pb_str keep(char **at, pb_str text)
{
    if (!text.data)
        return text;
    char *copy = *at;
    if (text.size)
        memcpy(copy, text.data, text.size);
    *at += text.size;
    return (pb_str){copy, text.size};
}

/* What the path names: "a1b2", or "manuals/7". In the running scope. */
static pb_str object_of(const pb_call *call)
{
    pb_buf text = {0};

    for (uint32_t i = 0; call->match && i < call->match->count; i++)
        pb_buf_printf(&text, "%s%.*s", i ? "/" : "", PB_ARG(call->match->values[i]));
    return pb_buf_str(&text);
}

static struct export_record *make_record(const pb_operation *operation, const pb_call *call,
                                         pb_str object)
{
    const pb_principal *who = call->principal;
    pb_str tenant = who ? who->tenant : pb_str_make(NULL, 0);
    pb_str id = who ? who->id : pb_str_make(NULL, 0);
    struct export_record *record =
        malloc(sizeof *record + tenant.size + id.size + object.size + call->request_id.size +
               call->remote.size);
    char *at = record ? record->text : NULL;

    if (!record)
        return NULL;
    *record = (struct export_record){.audit = {.size = (uint32_t)sizeof record->audit}};
    list_init(&record->link);
    record->audit.tenant = keep(&at, tenant);
    record->audit.principal = keep(&at, id);
    record->audit.action = pb_str_of(operation->id); /* lives as long as the process */
    record->audit.object = keep(&at, object);
    record->audit.request_id = keep(&at, call->request_id);
    record->audit.remote = keep(&at, call->remote);
    return record;
}

static void undo(struct export_record *record)
{
    while (record) {
        struct export_record *next = record->next;
        give_back(record->exporter);
        free(record);
        record = next;
    }
}

bool export_is_audited(const pb_operation *operation, const pb_call *call)
{
    return export_wants_audit && strcmp(operation->method, "GET") != 0 &&
           !(operation->flags & PB_OPERATION_NO_AUDIT) &&
           (call->principal || operation->public_access);
}

pb_status export_audit_begin(const pb_operation *operation, const pb_call *call,
                             struct export_record **out)
{
    pb_str object = object_of(call);

    *out = NULL;
    for (struct exporter *at = exporters_all(); at; at = at->next) {
        if (!at->interface->audit)
            continue;
        pb_status status = reserve(at);
        struct export_record *record =
            status == PB_OK ? make_record(operation, call, object) : NULL;
        if (!record) {
            if (status == PB_OK) {
                give_back(at);
                status = pb_fail(PB_NO_MEMORY, "there is no memory for an audit record");
            }
            undo(*out);
            *out = NULL;
            return status;
        }
        record->exporter = at;
        record->next = *out;
        *out = record;
    }
    return PB_OK;
}

/* The id of what was made, as the answer tells it. */
static pb_str made_id(pb_status status, const pb_content *answer)
{
    const pb_json *json = NULL;

    if (status != PB_OK || answer->send || !answer->body.size || answer->body.size > ANSWER_MOST ||
        !pb_str_is(answer->type, "application/json"))
        return (pb_str){0};
    if (pb_json_parse(answer->body, &json) != PB_OK)
        pb_error_clear();
    pb_str id = pb_json_text(pb_json_get(json, "id"));
    return id.size <= MADE_MOST ? id : (pb_str){0};
}

void export_audit_end(struct export_record *record, pb_status status, const pb_content *answer)
{
    pb_str made = record->audit.object.size ? (pb_str){0} : made_id(status, answer);
    pb_time now = pb_now();

    while (record) {
        struct export_record *next = record->next;
        struct exporter *exporter = record->exporter;
        if (made.size) {
            memcpy(record->made, made.data, made.size);
            record->audit.object = (pb_str){record->made, made.size};
        }
        record->audit.status = status;
        record->audit.when = now;
        list_append(&exporter->records, &record->link);
        exporter->record_count++;
        exporter->reserved--;
        exporter_wake(exporter);
        if (exporter->closed)
            audit_give_up(exporter);
        record = next;
    }
}

/* --- offering --------------------------------------------------------------------------------- */

static void taken(struct exporter *exporter, size_t count)
{
    while (count--) {
        free(list_entry(list_pop(&exporter->records), struct export_record, link));
        exporter->record_count--;
    }
    grant(exporter);
}

static pb_status call(struct exporter *exporter, const pb_audit_record *const *batch, size_t count)
{
    int64_t deadline = pb_deadline_begin(longest_call);
    void *before = instance_enter(exporter->instance);
    pb_status status = exporter->interface->audit(exporter->instance->self, batch, count);

    status = contract_status(exporter->instance, status);
    instance_leave(before);
    pb_deadline_end(deadline);
    return status;
}

pb_status audit_offer(struct exporter *exporter)
{
    const pb_audit_record **batch = PB_NEW_ARRAY(const pb_audit_record *, EXPORT_AUDIT_BATCH);
    size_t count = 0;

    if (!batch)
        return pb_fail(PB_NO_MEMORY, "there is no memory for a batch of audit records");
    for (const struct list_link *at = exporter->records.next;
         at != &exporter->records && count < EXPORT_AUDIT_BATCH; at = at->next)
        batch[count++] = &list_entry(at, struct export_record, link)->audit;
    pb_status status = call(exporter, batch, count);
    if (status == PB_OK)
        taken(exporter, count);
    return status;
}

bool audit_is_unused(const struct exporter *exporter)
{
    return exporter->reserved == 0 && list_empty(&exporter->waiting);
}

/* The last place that is left for them. */
void audit_give_up(struct exporter *exporter)
{
    struct list_link *link;
    char when[TIME_TEXT_SIZE];

    while ((link = list_pop(&exporter->records))) {
        struct export_record *record = list_entry(link, struct export_record, link);
        const pb_audit_record *audit = &record->audit;
        time_text(audit->when, when);
        pb_log(PB_ERROR,
               "audit record that the exporter '%.*s' did not take: %s %.*s/%.*s %.*s '%.*s': %s, "
               "request %.*s from %.*s",
               PB_ARG(exporter->instance->name), when, PB_ARG(audit->tenant),
               PB_ARG(audit->principal), PB_ARG(audit->action), PB_ARG(audit->object),
               pb_status_name(audit->status), PB_ARG(audit->request_id), PB_ARG(audit->remote));
        free(record);
    }
    exporter->record_count = 0;
}
