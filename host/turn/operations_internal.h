/* operations_internal.h - an entry of the table; for the files of operations only. */
#ifndef HOST_TURN_OPERATIONS_INTERNAL_H
#define HOST_TURN_OPERATIONS_INTERNAL_H

#include "plugin/instances.h"
#include "turn/operations.h"

enum { OPERATION_SEGMENTS = 12, OPERATION_VARIABLES = 4 };

struct operation_segment {
    pb_str text; /* the literal, or the variable's name; part of the path template */
    bool variable;
};

struct operation {
    pb_operation operation;
    pb_instance *instance; /* of a service, or NULL: the host's own */
    struct operation_segment segments[OPERATION_SEGMENTS];
    size_t segment_count, variables;
};

/* The entry that a handed out operation belongs to. */
struct operation *operation_of(const pb_operation *operation);

/* Undoes %XX, and '+' for a space where `plus`. False: malformed, or a NUL, or memory is short. In
 * the running scope, or `text` itself where there was nothing to undo. */
bool operation_decode(pb_str text, bool plus, pb_str *out);

/* operation_answer.c: a field of a table by its name, or NULL. */
const pb_field *operation_field(const pb_field *fields, const char *name);

/* The revisions that If-Match names; false: it names none (there is no such header, or it is "*"). */
enum { OPERATION_REVISIONS = 8 };
struct operation_revisions {
    int64_t items[OPERATION_REVISIONS];
    size_t count;
};
bool operation_revisions(const pb_call *call, struct operation_revisions *out);

/* Adds ETag and Link to an answer; `result` is what a `handle` filled, NULL for `raw`. */
pb_status operation_complete(const pb_operation *operation, const pb_call *call, const void *result,
                             pb_content *out);

#endif
