/* conn_internal.h - what conn.c and conn_write.c share. */
#ifndef HOST_NET_CONN_INTERNAL_H
#define HOST_NET_CONN_INTERNAL_H

#include "net/conn.h"

void conn_bytes_free(struct conn_bytes *bytes);

/* A tls_sink's send: encrypted bytes to the out buffer of the conn `owner`. */
bool conn_gather(void *owner, const char *data, size_t size);

#endif
