/* client_response.h - an HTTP/1.1 answer, parsed from bytes as they come, into an exchange.
 *
 * Skips 1xx answers, knows which answers have no body, stops at the end of the message: bytes behind
 * it make the connection unusable. Knows nothing of connections.
 */
#ifndef HOST_NET_CLIENT_RESPONSE_H
#define HOST_NET_CLIENT_RESPONSE_H

#include "net/client_exchange.h"
#include <llhttp.h>

struct response {
    llhttp_t parser;
    struct pb_http *http;
    const char *end;   /* of the bytes that are being parsed */
    size_t skipped;    /* bytes that were neither body nor kept: chunk sizes, trailers, 1xx */
    bool to_head;      /* the request was HEAD */
    bool keep;         /* complete, and the connection may carry another request */
};

void response_begin(struct response *response, struct pb_http *http, bool to_head);

/* More bytes. False: the exchange failed or is complete; do not feed more. */
bool response_feed(struct response *response, const char *data, size_t size);

/* The connection ended; `clean`: as the other side meant it, so that a body without a length is
 * complete. The exchange is complete or failed afterwards. */
void response_end(struct response *response, bool clean, const char *sentence);

#endif
