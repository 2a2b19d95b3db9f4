/* service.h - operations: one description of a call. From it come the HTTP route with the check of
 * its input, `patchbay call`, completion in the shell, the OpenAPI document, and a tool for models.
 *
 *     static const pb_operation notes_operations[] = {
 *         {PB_OPERATION("notes.get", "GET", "/v1/notes/{id}", "One note."),
 *          .scope = "notes.read", .input = id_fields, .input_size = sizeof(struct id_in),
 *          .output = note_fields, .output_size = sizeof(struct note), .handle = notes_get},
 *         PB_OPERATION_END };
 *
 * The same words everywhere. A list that can grow takes `limit` and `cursor` and answers `next`, which is
 * text: the cursor of the page behind this one, absent (or null) on the last; the host makes the header
 * Link from it. `sort` names a field, with "-" in front where the greatest comes first; what comes in one
 * order only has no `sort`. `q` searches text; `state`, `tag`, `type`, `owner`, `collection`, `pipeline`
 * keep only those that have it. Moments are UTC ("2026-01-31T12:00:00.000Z"), ids UUIDv7.
 *
 * What can be edited has a revision (PB_OPERATION_REVISIONS): a number that grows with each change. GET
 * answers it as ETag; who changes says with If-Match what was seen, finds it in call->revision, and
 * compares in the statement that writes:
 *
 *     UPDATE notes SET …, revision = revision + 1
 *         WHERE … AND id = $1 AND ($2 = 0 OR revision = $2)       $2: call->revision
 *     no row:  return it_is_there ? pb_call_changed(call) : not_found;
 */
#ifndef PATCHBAY_SERVICE_H
#define PATCHBAY_SERVICE_H

#include <patchbay/http.h>
#include <patchbay/json.h>
#include <patchbay/plugin.h>
#include <patchbay/stream.h>
#include <patchbay/turn.h>

#define PB_SERVICE_REVISION 1

/* A path's variables: /v1/notes/{id} matched with /v1/notes/7 gives id = 7 (percent-decoded). */
struct pb_operation_match {
    uint32_t size;
    uint32_t count;
    pb_str names[4];
    pb_str values[4];
};

/* One call, as the transport got it. The host puts path, query and body together into the input. */
struct pb_call {
    uint32_t size;
    uint32_t reserved;
    const pb_principal *principal;    /* NULL only for public operations */
    const pb_operation_match *match;  /* or NULL */
    pb_str query;                     /* "a=1&b=2", or absent */
    pb_str body;                      /* JSON text, or absent */
    pb_str request_id;
    pb_str type;       /* the body's Content-Type, or absent */
    pb_reader *reader; /* of an operation with `upload`: the body, piece by piece; else NULL */
    const pb_header *headers; /* of the request, where it had such */
    size_t header_count;
    pb_str remote; /* the client's address, or absent */
    int64_t revision; /* PB_OPERATION_REVISIONS: that If-Match demands; 0: any; -1: one that never was.
                         Where it names several, each is tried */
};

/* A header of the request by its name (any case); absent when it is not there. */
static inline pb_str pb_call_header(const pb_call *call, const char *name)
{
    pb_str want = pb_str_of(name);
    for (size_t i = 0; i < call->header_count; i++)
        if (pb_str_same(call->headers[i].name, want))
            return call->headers[i].value;
    return pb_str_make(NULL, 0);
}

/* It was changed since the caller saw it: 412. */
static inline pb_status pb_call_changed(const pb_call *call)
{
    (void)call;
    return pb_fail(PB_CHANGED, "this was changed since you read it; read it again, then change it");
}

/* A whole answer. */
struct pb_content {
    uint32_t size;
    int32_t status; /* HTTP; 0: 200 */
    pb_str type;    /* "application/json" */
    pb_str body;    /* in the running scope, or longer-lived */
    /* Instead of `body`: writes it piece by piece, after the handler has returned. A failure before
     * the first byte is the answer of a POST, PUT or PATCH; after it, and of a GET or a stream of
     * events, whose header is out by then, it breaks the answer off. May park. */
    pb_status (*send)(void *arg, pb_writer *writer);
    void *arg;
    int64_t length;   /* of what `send` writes; 0: not known */
    pb_str file_name; /* offered for saving under this name (Content-Disposition), or absent */
    const pb_header *headers; /* more headers of the answer, with the life of `body` */
    size_t header_count;
    pb_str next; /* raw: the next page's cursor, for Link; or absent */
};

/* A header, for the reference. A list of them ends with {NULL, NULL}. */
typedef struct pb_header_help {
    const char *name;
    const char *help;
} pb_header_help;

enum {
    PB_OPERATION_STREAMS = 1, /* raw: the answer may be a stream of server-sent events */
    PB_OPERATION_NO_TOOL = 2, /* is not offered to models as a tool */
    PB_OPERATION_REVISIONS = 4, /* of what has a revision: the INT field `revision` of its output, if it
                                   has one, becomes the ETag, and `handle` heeds call->revision */
    PB_OPERATION_NO_AUDIT = 8, /* its method is not GET, but it changes nothing that an audit asks for: a
                                  search, a turn (whose spans are exported) */
};

/* An operation has `handle` (structs in and out, validated by the tables) or `raw`. Both may park.
 * `self` is the service's instance. What is wrong with the input is said with pb_fail_at.
 *
 * What describes and does not act (description, examples, schemas, answers, errors) is for the reference:
 * GET /openapi.json, /docs, `patchbay call ID --help`. A test calls every operation and finds answers that
 * are not described. A schema that is written out may have named parts in "$defs" ({"$ref": "#/$defs/Usage"})
 * and a name of its own in "title"; what has the same name must be the same everywhere. */
struct pb_operation {
    uint32_t size;
    uint32_t public_access; /* 1: no principal needed (/healthz) */
    const char *id;         /* "notes.get": noun, dot, verb */
    const char *method;     /* "GET" */
    const char *path;       /* "/v1/notes/{id}" */
    const char *summary;    /* one sentence */
    const char *scope;      /* what a principal with scopes must have, or NULL */
    const pb_field *input;
    const pb_field *output;
    size_t input_size;
    size_t output_size;
    pb_status (*handle)(void *self, const pb_call *call, const void *in, void *out);
    pb_status (*raw)(void *self, const pb_call *call, const void *in, pb_content *out);
    uint32_t upload;   /* 1: raw; the body is no JSON and is read through call->reader; input has
                          path and query only */
    uint32_t flags;    /* PB_OPERATION_… */
    const char *description;    /* more than the summary, in Markdown, or NULL */
    const char *input_example;  /* JSON of an input as it is sent, or NULL */
    const char *output_example; /* JSON of an answer, or NULL */
    const char *input_schema;   /* JSON Schema (2020-12) of the body where the table cannot say it; then
                                   the table has path and query only */
    const char *output_schema;  /* JSON Schema of a raw answer, or NULL */
    const char *input_type;     /* of an upload's body: "multipart/form-data"; NULL: application/json */
    const char *output_type;    /* of a raw answer, several with ", "; NULL: application/json */
    const int32_t *answers;     /* HTTP statuses of success, 0 at the end; NULL: 200, without `output` of
                                   a `handle` 204. `handle` is answered with the first */
    const int32_t *errors;      /* PB_… that it fails with, or HTTP statuses that none of them has (501), 0 at
                                   the end, beside those that any call has: not_found with a path variable,
                                   invalid, too_large, unsupported, internal, unavailable, and where a
                                   principal is needed unauthenticated and forbidden */
    int64_t max_body;           /* bytes; 0: what the transport takes */
    pb_duration timeout;        /* of the whole call; 0: none of its own */
    const char *event_schema;   /* JSON Schema of one event of a stream, {"event": …, "data": …}, or NULL */
    const char *error_schema;   /* JSON Schema of its errors where they are no problem documents (an API
                                   that others designed), or NULL */
    const pb_header_help *request_headers; /* that it reads, or NULL */
    const pb_header_help *answer_headers;  /* that its answers have beside those of any answer, or NULL */
    const char *dialect;        /* "openai", "anthropic": over HTTP its errors are in the words of that
                                   API, as `error_schema` says; NULL: problem documents */
};

#define PB_OPERATION(identifier, http_method, url_path, sentence)                                  \
    .size = (uint32_t)sizeof(pb_operation), .id = (identifier), .method = (http_method),           \
    .path = (url_path), .summary = (sentence)
/* JSON as it is written, for schemas and examples: PB_JSON_TEXT({"type": "object"}). Not within the arguments
 * of another macro, where `true` and `false` would be 1 and 0. */
#define PB_JSON_TEXT(...) #__VA_ARGS__
#define PB_OPERATION_END                                                                           \
    {                                                                                              \
        .size = (uint32_t)sizeof(pb_operation)                                                     \
    }

/* The interface. `operations` is a table that ends with PB_OPERATION_END. */
typedef struct pb_service {
    PB_LIFECYCLE
    const pb_operation *operations;
} pb_service;

/* PB_SERVICE("notes", struct notes, notes_options, .operations = notes_operations) */
#define PB_SERVICE(name, owner, options, ...)                                                      \
    PB_COMPONENT(pb_service, "service", 1, name, owner, options, __VA_ARGS__)

/* --- for transports --------------------------------------------------------------------------- */

/* The index-th of all operations, the host's own first; NULL behind the last. Does not park. */
static inline const pb_operation *pb_operation_at(size_t index)
{
    return PB_CALL(operation_at)(index);
}

/* The operation that a request names. PB_NOT_FOUND: no such path. PB_UNSUPPORTED: the path is known,
 * the method is not. Does not park. */
static inline pb_status pb_operation_route(pb_str method, pb_str path, const pb_operation **out,
                                           pb_operation_match *match)
{
    return PB_CALL(operation_route)(method, path, out, match);
}

enum { PB_SCHEMA_INPUT = 0, PB_SCHEMA_OUTPUT = 1 };

/* JSON Schema of what an operation takes (path, query and body in one object) or answers, in the running
 * scope. PB_DECLINED: it is not described. Does not park. */
static inline pb_status pb_operation_schema(const pb_operation *operation, uint32_t what, pb_str *out)
{
    return PB_CALL(operation_schema)(operation, what, out);
}

/* Checks scope and input, calls it, and writes the answer. Parks as the handler does. */
static inline pb_status pb_operation_call(const pb_operation *operation, const pb_call *call,
                                          pb_content *out)
{
    return PB_CALL(operation_call)(operation, call, out);
}

#endif
