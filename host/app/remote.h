/* remote.h - commands that talk to a running server. All park: call them on a task. */
#ifndef HOST_APP_REMOTE_H
#define HOST_APP_REMOTE_H

#include "app/command.h"
#include <patchbay/http.h>
#include <patchbay/stream.h>

/* Where the server is: --url, else the first HTTP listener of the configuration, else
 * http://127.0.0.1:8080. In the running scope. */
pb_str remote_base(const struct invocation *invocation);

struct remote_request {
    const char *method;
    pb_str path; /* with query */
    pb_str body; /* JSON, or absent */
    pb_str accept;
    pb_reader *reader; /* instead of `body`: its bytes piece by piece, */
    int64_t length;    /* so many, */
    pb_str type;       /* of this type */
};

/* Sends it and waits for the header of the answer. A failure is said with what would help. */
pb_status remote_open(const struct invocation *invocation, const struct remote_request *request,
                      pb_http **out);

/* The whole exchange; an answer of 400 and above fails with the sentence of its problem. */
pb_status remote_call(const struct invocation *invocation, const struct remote_request *request,
                      pb_str *body);

/* The sentence of a problem document (or what there is), as the task's error. */
pb_status remote_problem(int32_t http_status, pb_str body);

#endif
