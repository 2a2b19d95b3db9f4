/* openapi.h - the operations as an OpenAPI 3.1 document.
 *
 * It is made when it is first asked for and kept as long as the process: the table of operations does not
 * change. Making it takes some milliseconds, so it yields between operations.
 */
#ifndef HOST_TURN_OPENAPI_H
#define HOST_TURN_OPENAPI_H

#include "turn/operations_internal.h"

/* A schema that is referred to by its name: #/components/schemas/<name>. */
struct openapi_part {
    pb_str name;
    pb_str text;            /* JSON */
    const pb_field *fields; /* the table that it was made from, or NULL */
    struct openapi_part *next;
};

/* A document that is being made, in the running scope. */
struct openapi {
    pb_json_writer writer;
    struct openapi_part *parts, *last_part;
    const pb_operation *operation; /* that is being written: names what has no name of its own */
};

/* One way in which calls fail. */
struct openapi_failure {
    int32_t http;
    const char *name; /* of the component */
    const char *title;
    uint32_t when; /* OPENAPI_… */
};

enum {
    OPENAPI_ALWAYS = 1,    /* any call */
    OPENAPI_PRIVATE = 2,   /* those that want a principal */
    OPENAPI_BODY = 4,      /* those with a body */
    OPENAPI_PATH = 8,      /* those that name a thing in their path */
    OPENAPI_DECLARED = 16, /* those that say so */
};

/* The document as text, valid as long as the process. May park. */
pb_status openapi_document(pb_str *out);
void openapi_fini(void);

/* openapi_operation.c: one operation as a member of its path. */
void openapi_operation_write(struct openapi *api, const struct operation *operation);
/* "DocumentsAdd" of "documents.add", and what is put behind it. */
pb_str openapi_name(const char *id, const char *suffix);

/* openapi_answers.c: all answers of one. */
void openapi_answers_write(struct openapi *api, const struct operation *of);
bool openapi_is_get(const pb_operation *own);
/* A content of this type, left open for an example. Absent address: not described. */
void openapi_media_open(pb_json_writer *writer, pb_str type, pb_str address);
/* The next of several types with ", " between. */
pb_str openapi_next_type(pb_str *types);

/* openapi_failures.c: how a call of this operation may fail, and the answers as components. Returns how many
 * there are, rising by status. */
enum { OPENAPI_FAILURES = 32 };
size_t openapi_failures_of(const struct operation *operation,
                           const struct openapi_failure *out[OPENAPI_FAILURES]);
void openapi_failures_write(struct openapi *api);
/* Headers that answers have, as components, and a reference to one. */
void openapi_headers_write(struct openapi *api);
void openapi_header_refer(pb_json_writer *writer, const char *name);

/* openapi_schema.c: addresses of schemas ("#/components/schemas/Document"). */
/* Of what a table writes. */
pb_str openapi_table(struct openapi *api, const pb_field *fields, pb_str name);
/* Of a schema that was written out; by its "title" where it has one. Its "$defs" become components too. */
pb_str openapi_written(struct openapi *api, const char *schema, pb_str name);
/* Of an operation's answer; absent: it is not described. */
pb_str openapi_output(struct openapi *api, const pb_operation *operation);
/* Keeps a schema under a name. False: the name has another. */
bool openapi_keep(struct openapi *api, pb_str name, pb_str text);
/* Tables that are what a noun is: named after it, before anything else refers to them. */
void openapi_nouns(struct openapi *api);
void openapi_schemas_write(struct openapi *api);

#endif
