/* operations.c - the table of operations and the routing of a request to one of them.
 *
 * A path template is taken apart once into segments: literal text, or a variable in braces. Among
 * several that match, the one with the fewest variables wins ("/v1/turns/recent" before
 * "/v1/turns/{id}").
 */
#include "turn/operations_internal.h"

#include "base/scope.h"
#include "turn/docs.h"
#include "turn/export.h"
#include "turn/host_operations.h"
#include "turn/workers.h"
#include <patchbay/transport.h>
#include <stdlib.h>

static struct {
    struct operation *items;
    size_t count, room;
} table;

/* --- building --------------------------------------------------------------------------------- */

/* Takes the next segment off `path`, which begins with '/'. False: there is none. */
static bool next_segment(pb_str *path, pb_str *segment)
{
    if (path->size == 0 || path->data[0] != '/')
        return false;
    *path = pb_str_slice(*path, 1, path->size);
    *segment = pb_str_slice(*path, 0, pb_str_find(*path, '/'));
    *path = pb_str_slice(*path, segment->size, path->size);
    return true;
}

static pb_status take_apart(struct operation *item)
{
    pb_str path = pb_str_of(item->operation.path), segment;

    while (next_segment(&path, &segment)) {
        bool variable =
            segment.size > 2 && segment.data[0] == '{' && segment.data[segment.size - 1] == '}';
        if (item->segment_count == OPERATION_SEGMENTS ||
            (variable && item->variables == OPERATION_VARIABLES))
            return pb_fail(PB_INVALID, "operation '%s': the path has too many parts",
                           item->operation.id);
        struct operation_segment *out = &item->segments[item->segment_count++];
        out->variable = variable;
        out->text = variable ? pb_str_slice(segment, 1, segment.size - 2) : segment;
        item->variables += variable;
    }
    return PB_OK;
}

static bool same_template(const struct operation *a, const struct operation *b)
{
    if (a->segment_count != b->segment_count)
        return false;
    for (size_t i = 0; i < a->segment_count; i++) {
        const struct operation_segment *x = &a->segments[i], *y = &b->segments[i];
        if (x->variable != y->variable || (!x->variable && !pb_str_equal(x->text, y->text)))
            return false;
    }
    return strcmp(a->operation.method, b->operation.method) == 0;
}

static pb_status add(const pb_operation *operation, pb_instance *instance)
{
    struct operation item = {.instance = instance};

    memcpy(&item.operation, operation,
           operation->size < sizeof item.operation ? operation->size : sizeof item.operation);
    pb_status status = take_apart(&item);
    if (status != PB_OK)
        return status;
    for (size_t i = 0; i < table.count; i++) {
        const struct operation *other = &table.items[i];
        if (strcmp(other->operation.id, operation->id) == 0 || same_template(other, &item))
            return pb_fail(PB_CONFLICT,
                           "operation '%s' (%s %s) is offered twice; the other is '%s'",
                           operation->id, operation->method, operation->path, other->operation.id);
    }
    if (table.count == table.room) {
        size_t room = table.room ? table.room * 2 : 32;
        struct operation *items = realloc(table.items, room * sizeof *items);
        if (!items)
            return pb_fail(PB_NO_MEMORY, "there is no memory for the operations");
        table.items = items;
        table.room = room;
    }
    table.items[table.count++] = item;
    return PB_OK;
}

/* Two listeners of one transport serve the same operations. */
static bool is_there(const pb_operation *operations)
{
    for (size_t i = 0; operations && i < table.count; i++)
        if (strcmp(table.items[i].operation.id, operations->id) == 0)
            return true;
    return false;
}

static const pb_operation *operations_of(const pb_instance *instance)
{
    const void *interface = instance->interface;

    if (pb_str_is(instance->kind, "service"))
        return ((const pb_service *)interface)->operations;
    if (pb_str_is(instance->kind, "transport") &&
        PB_HAS((const pb_transport *)interface, pb_transport, operations)) {
        const pb_operation *own = ((const pb_transport *)interface)->operations;
        return is_there(own) ? NULL : own;
    }
    return NULL;
}

static pb_status add_all(const pb_operation *operations, pb_instance *instance)
{
    pb_status status = PB_OK;

    for (const pb_operation *at = operations; at && at->id && status == PB_OK;
         at = (const pb_operation *)(const void *)((const char *)at + at->size))
        status = add(at, instance);
    return status;
}

pb_status operations_setup(void)
{
    pb_status status;

    operations_fini();
    workers_setup();
    turn_operations_setup();
    state_operations_setup();
    status = add_all(host_operations(), NULL);
    for (pb_instance *at = instances_all(); at && status == PB_OK; at = at->next)
        status = add_all(operations_of(at), at);
    return status == PB_OK ? export_setup() : status;
}

void operations_fini(void)
{
    export_fini();
    workers_fini();
    openapi_fini();
    docs_fini();
    free(table.items);
    table.items = NULL;
    table.count = table.room = 0;
}

/* --- looking up ------------------------------------------------------------------------------- */

const pb_operation *host_operation_at(size_t index)
{
    return index < table.count ? &table.items[index].operation : NULL;
}

const pb_operation *operation_find(pb_str id)
{
    for (size_t i = 0; i < table.count; i++)
        if (pb_str_is(id, table.items[i].operation.id))
            return &table.items[i].operation;
    return NULL;
}

struct operation *operation_of(const pb_operation *operation)
{
    return list_entry(operation, struct operation, operation);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool operation_decode(pb_str text, bool plus, pb_str *out)
{
    if (pb_str_find(text, '%') == text.size && (!plus || pb_str_find(text, '+') == text.size)) {
        *out = text;
        return true;
    }
    char *to = pb_alloc(text.size + 1);
    size_t size = 0;
    if (!to)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (i + 2 >= text.size)
                return false;
            int high = hex(text.data[i + 1]), low = hex(text.data[i + 2]);
            if (high < 0 || low < 0 || high + low == 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        to[size++] = c;
    }
    *out = (pb_str){to, size};
    return true;
}

/* A segment that a literal needs is compared as it came, then decoded. */
static bool matches(const struct operation *item, pb_str path, pb_operation_match *match)
{
    pb_str segment, value;
    size_t i = 0;

    match->count = 0;
    while (next_segment(&path, &segment)) {
        if (i == item->segment_count)
            return false;
        const struct operation_segment *want = &item->segments[i++];
        if (!want->variable && pb_str_equal(want->text, segment))
            continue;
        if (!operation_decode(segment, false, &value))
            return false;
        if (!want->variable) {
            if (!pb_str_equal(want->text, value))
                return false;
            continue;
        }
        if (value.size == 0)
            return false;
        match->names[match->count] = want->text;
        match->values[match->count++] = value;
    }
    return i == item->segment_count && path.size == 0;
}

static bool has_method(const struct operation *item, pb_str method)
{
    return pb_str_is(method, item->operation.method) ||
           (pb_str_is(method, "HEAD") && strcmp(item->operation.method, "GET") == 0);
}

pb_status host_operation_route(pb_str method, pb_str path, const pb_operation **out,
                               pb_operation_match *match)
{
    const struct operation *best = NULL;
    pb_operation_match found;
    bool known = false;

    path = pb_str_slice(path, 0, pb_str_find(path, '?'));
    for (size_t i = 0; i < table.count; i++) {
        const struct operation *item = &table.items[i];
        if ((best && item->variables >= best->variables) || !matches(item, path, &found))
            continue;
        known = true;
        if (!has_method(item, method))
            continue;
        best = item;
        found.size = sizeof found;
        *match = found;
    }
    if (!best && known)
        return pb_fail(PB_UNSUPPORTED, "%.*s is not offered here", PB_ARG(method));
    if (!best)
        return pb_fail(PB_NOT_FOUND, "there is nothing at this address");
    *out = &best->operation;
    return PB_OK;
}
