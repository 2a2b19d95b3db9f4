/* problem.h - errors as RFC 9457 documents, the same shape wherever they are written.
 *
 *     {"type": "/problems/invalid", "title": "Invalid request", "status": 400, "detail": "…",
 *      "instance": "<request id>", "errors": [{"pointer": "/a", "detail": "…"}], "retry_after": 2}
 *
 * Nothing here parks.
 */
#ifndef PATCHBAY_PROBLEM_H
#define PATCHBAY_PROBLEM_H

#include <patchbay/json.h>

#define PB_PROBLEM_TYPE "application/problem+json"

/* The document in "$defs" of JSON Schema, for operations whose answers contain one: {"$ref": "#/$defs/Problem"}. */
#define PB_PROBLEM_SCHEMAS                                                                         \
    "\"Problem\":{\"type\":\"object\",\"description\":\"What went wrong: RFC 9457.\","               \
    "\"properties\":{"                                                                             \
    "\"type\":{\"type\":\"string\",\"description\":\"A page about this kind: /problems/<name>.\"},"  \
    "\"title\":{\"type\":\"string\",\"description\":\"What the kind is called.\"},"                  \
    "\"status\":{\"type\":\"integer\",\"description\":\"The HTTP status.\"},"                        \
    "\"detail\":{\"type\":\"string\",\"description\":\"What is wrong, and what would be right.\"},"  \
    "\"instance\":{\"type\":\"string\",\"description\":\"The request's id.\"},"                      \
    "\"retry_after\":{\"type\":\"integer\",\"description\":\"Seconds after which trying again makes " \
    "sense.\"},"                                                                                   \
    "\"errors\":{\"type\":\"array\",\"description\":\"Each field at fault.\",\"items\":"             \
    "{\"$ref\":\"#/$defs/ProblemField\"}}},"                                                       \
    "\"required\":[\"type\",\"title\",\"status\",\"detail\"]},"                                    \
    "\"ProblemField\":{\"type\":\"object\",\"description\":\"A field at fault.\",\"properties\":{"   \
    "\"pointer\":{\"type\":\"string\",\"description\":\"Where: a JSON pointer into the request.\"}," \
    "\"detail\":{\"type\":\"string\",\"description\":\"What is wrong there.\"}},"                    \
    "\"required\":[\"pointer\",\"detail\"]}"

/* One field at fault, beside the error's own. */
typedef struct pb_field_error {
    uint32_t size;
    uint32_t reserved;
    pb_str pointer; /* JSON pointer: "/overrides/temperature" */
    pb_str detail;
} pb_field_error;

/* Seconds for the header Retry-After and for `retry_after`: rounded up, 0 when not known. */
static inline int64_t pb_retry_seconds(const pb_error *error)
{
    return error->retry_after > 0 ? (error->retry_after + PB_SECOND - 1) / PB_SECOND : 0;
}

/* The document's opening members, without the brackets: for who adds members of their own. */
static inline void pb_problem_members(pb_json_writer *writer, const pb_error *error,
                                      pb_str request_id)
{
    pb_str detail = error->sentence.size ? error->sentence
                                         : pb_str_of(pb_status_title(error->status));
    pb_jw_key(writer, "type");
    pb_jw_str(writer, pb_printf("/problems/%s", pb_status_name(error->status)));
    pb_jw_key(writer, "title");
    pb_jw_str(writer, pb_str_of(pb_status_title(error->status)));
    pb_jw_key(writer, "status");
    pb_jw_int(writer, pb_status_http(error->status));
    pb_jw_key(writer, "detail");
    pb_jw_str(writer, detail);
    if (request_id.size) {
        pb_jw_key(writer, "instance");
        pb_jw_str(writer, request_id);
    }
    if (error->retry_after > 0) {
        pb_jw_key(writer, "retry_after");
        pb_jw_int(writer, pb_retry_seconds(error));
    }
}

static inline void pb_problem_field(pb_json_writer *writer, pb_str pointer, pb_str detail)
{
    pb_jw_open(writer, '{');
    pb_jw_key(writer, "pointer");
    pb_jw_str(writer, pointer);
    pb_jw_key(writer, "detail");
    pb_jw_str(writer, detail);
    pb_jw_close(writer, '}');
}

/* The whole document. `errors` are `count` fields at fault; with none, the error's own pointer (if
 * it has one) makes the list. */
static inline void pb_problem_write(pb_buf *buf, const pb_error *error, pb_str request_id,
                                    const pb_field_error *errors, size_t count)
{
    pb_json_writer writer = pb_json_writer_make(buf);

    pb_jw_open(&writer, '{');
    pb_problem_members(&writer, error, request_id);
    if (count || error->pointer.data) {
        pb_jw_key(&writer, "errors");
        pb_jw_open(&writer, '[');
        for (size_t i = 0; i < count; i++)
            pb_problem_field(&writer, errors[i].pointer, errors[i].detail);
        if (!count)
            pb_problem_field(&writer, error->pointer, error->sentence);
        pb_jw_close(&writer, ']');
    }
    pb_jw_close(&writer, '}');
}

/* The document of the running task's error, in the running scope. */
static inline pb_str pb_problem_text(pb_str request_id)
{
    pb_buf buf;
    memset(&buf, 0, sizeof buf);
    pb_problem_write(&buf, pb_error_last(), request_id, NULL, 0);
    return pb_buf_str(&buf);
}

#endif
