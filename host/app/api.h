/* api.h - the native API for commands: on the server of --url, else in this process, without a
 * socket. All park.
 */
#ifndef HOST_APP_API_H
#define HOST_APP_API_H

#include "app/remote.h"
#include <patchbay/service.h>

/* The whole exchange. A failure is the task's error. *body in the running scope. */
pb_status api_call(const struct invocation *invocation, const struct remote_request *request,
                   pb_str *body);

/* The same, and reads the answer as JSON. */
pb_status api_json(const struct invocation *invocation, const struct remote_request *request,
                   const pb_json **out);

/* GET of this path, with query. */
pb_status api_get(const struct invocation *invocation, pb_str path, const pb_json **out);

/* The same, the answer's bytes to `writer` as they come. */
pb_status api_fetch(const struct invocation *invocation, pb_str path, pb_writer *writer);

/* "a b" as it stands in a query: "a%20b". In the running scope. */
pb_str api_quoted(pb_str text);

#endif
