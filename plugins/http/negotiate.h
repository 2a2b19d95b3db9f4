/* negotiate.h - what a client takes, has and sends beside its request: types, codings, ETags, and who it is
 * behind a proxy. */
#ifndef HTTP_NEGOTIATE_H
#define HTTP_NEGOTIATE_H

#include "http.h"

/* How a body is packed. */
enum coding { CODING_NONE, CODING_GZIP, CODING_ZSTD, CODING_COUNT };

/* negotiate.c */
/* Does Accept take one of these types ("application/json, text/event-stream")? */
bool client_takes(const struct exchange *exchange, pb_str types);
pb_status not_acceptable(pb_str types);
/* The coding that it would rather have; *plain: would it take none? */
enum coding client_coding(const struct exchange *exchange, bool *plain);
/* PB_NOT_ACCEPTABLE when it takes nothing that there is. */
pb_status check_codings(struct exchange *exchange);
/* Does If-None-Match name this ETag? */
bool client_has(const struct exchange *exchange, pb_str etag);

/* compress.c */
/* Would an answer of this type become smaller? And is it long enough? */
bool type_compresses(pb_str type);
bool compress_worth(size_t size);
/* Packs the body as the client would rather have it, and tells how; may leave it as it is. May park. */
enum coding compress_body(const struct exchange *exchange, pb_str *body);
const char *coding_name(enum coding coding);
/* Undoes the Content-Encoding of a request's body. Parks. */
pb_status unpack_body(struct exchange *exchange, pb_str *body);

/* forwarded.c */
enum { PROXY_X_FORWARDED, PROXY_FORWARDED };
struct range {
    uint8_t address[16]; /* IPv4 as ::ffff:… */
    uint32_t bits;
    bool local; /* peers of Unix sockets */
};
bool address_read(pb_str text, uint8_t out[16]);
/* "10.0.0.0/8", "2001:db8::1", "unix". */
bool range_read(pb_str text, struct range *out);
/* Who a trusted proxy speaks for becomes the request's client. */
void forwarded_apply(const struct http *http, pb_request *request);

#endif
