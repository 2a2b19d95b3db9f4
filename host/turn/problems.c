/* problems.c - GET /problems/{name}: what a kind of error means and what to do about it; as JSON, or as a page
 * for a browser that followed a problem's `type`. */
#include "turn/docs.h"
#include "turn/host_operations.h"

static const struct kind {
    const char *meaning, *remedy;
} kinds[] = {
    [PB_DECLINED] = {"Nothing here took the request.",
                     "Look at the reference (/docs) for what this server offers."},
    [PB_INVALID] = {"The request is not as it should be: a field is missing, has the wrong type, or is out of "
                    "its range. Nothing was done.",
                    "`errors` names each field at fault by a JSON pointer and says what would be right. Correct "
                    "them and send it again; the same request will fail again."},
    [PB_UNAUTHENTICATED] = {"Credentials are missing, unknown, expired or revoked.",
                            "Send an API key as `Authorization: Bearer …` or `X-Api-Key: …`. If it worked before, "
                            "ask whoever gave it to you whether it was revoked."},
    [PB_FORBIDDEN] = {"The credentials are good, but may not do this: a scope or a role is missing.",
                      "`detail` names the scope. Use a key that has it, or have one made."},
    [PB_NOT_FOUND] = {"There is nothing of this name, or it belongs to somebody else.",
                      "Check the id. What was deleted, or is of another tenant, is not found either."},
    [PB_CONFLICT] = {"The request does not fit what is there now: something of this name exists, or is busy.",
                     "Read the current state, then decide anew."},
    [PB_TOO_LARGE] = {"The body, a file or a header is larger than this server takes.",
                      "Send less at once. The limits are those of the configuration (`limits`)."},
    [PB_UNSUPPORTED] = {"The request has a form that is not taken here: a media type, an encoding, or a feature "
                        "that nobody configured.",
                        "Send JSON with `Content-Type: application/json`, or what the reference (/docs) says of "
                        "this call."},
    [PB_UNPROCESSABLE] = {"The request is well-formed, and still cannot be done as it is.",
                          "`detail` says why. An `Idempotency-Key` that was used with another body is a new "
                          "request: give it a new key."},
    [PB_RATE_LIMITED] = {"There were too many requests in too short a time, or a budget is used up.",
                         "Wait for `Retry-After` seconds, then go on more slowly. The header `RateLimit` tells "
                         "how much is left."},
    [PB_CANCELLED] = {"It was cancelled before it was done: by its client, by an administrator, or because the "
                      "connection closed.",
                      "Nothing is wrong. Send it again if it is still wanted."},
    [PB_INTERNAL] = {"Something is wrong in the server or in one of its plugins.",
                     "Tell the operator the request's id (`instance`): the log has the details."},
    [PB_BAD_UPSTREAM] = {"A service behind this one, mostly a model's, failed or answered what makes no sense.",
                         "Try again in a moment. If it stays, tell the operator the request's id (`instance`)."},
    [PB_UNAVAILABLE] = {"The server cannot do this now: it is full, is being restarted, or something that it "
                        "needs is away.",
                        "Try again after `Retry-After` seconds."},
    [PB_TIMEOUT] = {"It took longer than it may.",
                    "Try again, or ask for less at once. An operator can raise the limit."},
    [PB_NO_MEMORY] = {"The request needs more memory than it may have, or the machine is out of it.",
                      "Ask for less at once, or try again in a moment."},
    [PB_NO_SPACE] = {"There is no room left on the disk, or in a quota, to keep this.",
                     "Delete what is not needed, or tell the operator."},
    [PB_CHANGED] = {"It was changed by somebody else since it was read: `If-Match` did not fit.",
                    "Read it again, make your change to what is there now, and send that with the new `ETag`."},
    [PB_METHOD] = {"This address is known, but not with this method.",
                   "The header `Allow` names the methods that it takes."},
    [PB_NOT_ACCEPTABLE] = {"The answer has no type or encoding that the request's `Accept` headers allow.",
                           "Ask for `application/json`, or leave the header out."},
};

const pb_field problem_in_fields[] = {
    PB_STR(struct problem_in, name, .required = 1, .max_length = 64,
           .help = "The last part of a problem's type."),
    PB_END};

const char problem_output_schema[] = PB_JSON_TEXT({
    "title": "ProblemKind",
    "type": "object",
    "properties": {
        "name": {"type": "string", "description": "The last part of a problem's `type`."},
        "title": {"type": "string", "description": "What it is called."},
        "status": {"type": "integer", "description": "The HTTP status that comes with it."},
        "retryable": {"type": "boolean", "description": "The same request may succeed later."},
        "meaning": {"type": "string", "description": "What it means."},
        "remedy": {"type": "string", "description": "What to do."}},
    "required": ["name", "title", "status", "retryable", "meaning", "remedy"],
    "additionalProperties": false
});

static void member(pb_json_writer *writer, const char *key, const char *text)
{
    pb_jw_key(writer, key);
    pb_jw_str(writer, pb_str_of(text));
}

static pb_status answer_json(pb_content *out, pb_status kind)
{
    pb_buf buf = {0};
    pb_json_writer writer = pb_json_writer_make(&buf);

    pb_jw_open(&writer, '{');
    member(&writer, "name", pb_status_name(kind));
    member(&writer, "title", pb_status_title(kind));
    pb_jw_key(&writer, "status");
    pb_jw_int(&writer, pb_status_http(kind));
    pb_jw_key(&writer, "retryable");
    pb_jw_bool(&writer, pb_status_retryable(kind));
    member(&writer, "meaning", kinds[kind].meaning);
    member(&writer, "remedy", kinds[kind].remedy);
    pb_jw_close(&writer, '}');
    return operation_answer(out, &buf);
}

static pb_status answer_page(pb_content *out, pb_status kind)
{
    pb_buf buf = {0};

    html_begin(&buf, pb_str_of(pb_status_title(kind)));
    pb_buf_printf(&buf, "<main class=\"alone\"><p class=\"soft\">%d · %s</p><h1>%s</h1>", pb_status_http(kind),
                  pb_status_name(kind), pb_status_title(kind));
    html_prose(&buf, pb_str_of(kinds[kind].meaning));
    pb_buf_add(&buf, pb_lit("<h2>What to do</h2>"));
    html_prose(&buf, pb_str_of(kinds[kind].remedy));
    html_prose(&buf, pb_status_retryable(kind)
                         ? pb_lit("The same request may succeed later.")
                         : pb_lit("The same request will fail again while nothing else changes."));
    pb_buf_add(&buf, pb_lit("<p><a href=\"/docs\">The reference of this server</a></p></main>"));
    html_end(&buf, false);
    return buf.failed ? (pb_status)PB_NO_MEMORY : html_answer(out, pb_buf_str(&buf), false);
}

pb_status problems_get(void *self, const pb_call *call, const void *in, pb_content *out)
{
    const struct problem_in *input = in;

    (void)self;
    for (pb_status kind = PB_DECLINED; kind <= PB_STATUS_LAST; kind++)
        if (pb_str_is(input->name, pb_status_name(kind)))
            return pb_str_contains(pb_call_header(call, "accept"), pb_lit("text/html"))
                       ? answer_page(out, kind)
                       : answer_json(out, kind);
    return pb_fail(PB_NOT_FOUND, "there is no problem of this name");
}
