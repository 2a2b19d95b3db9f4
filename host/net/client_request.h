/* client_request.h - a request as bytes: what a caller may ask for, and how it is written. */
#ifndef HOST_NET_CLIENT_REQUEST_H
#define HOST_NET_CLIENT_REQUEST_H

#include "net/url.h"
#include <patchbay/http.h>

/* PB_INVALID when method or headers could not be sent as they are: a byte that would end a header,
 * or a header that is the host's to set. Values are never repeated in the sentence. */
pb_status request_check(const pb_http_spec *spec);

/* Is the answer without a body by definition? */
bool request_is_head(const pb_http_spec *spec);

/* The traceparent to send: that of the running task, but not to whom a stranger's URL names, and not
 * beside one that the caller gave. */
pb_str request_trace(const pb_http_spec *spec);

/* The size of the header block with its empty line, and the block itself. Does not park. */
size_t request_head_size(const pb_http_spec *spec, const struct url *url);
void request_head_write(const pb_http_spec *spec, const struct url *url, char *out);

#endif
