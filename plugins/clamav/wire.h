/* wire.h - one conversation with clamd, on a helper thread: a socket of its own with timeouts. */
#ifndef CLAMAV_WIRE_H
#define CLAMAV_WIRE_H

#include <patchbay/plugin.h>

#include <netdb.h>
#include <sys/un.h>

enum { WIRE_REPLY = 1024 };

/* What to say to whom; filled before, read after. */
struct scan {
    const char *path; /* of the socket; NULL: the address below */
    const struct addrinfo *addresses;
    pb_bytes bytes; /* to be scanned; ping instead where they are absent */
    pb_duration timeout;
    pb_duration due;        /* when it is over */
    char reply[WIRE_REPLY]; /* "stream: Win.Test.EICAR FOUND", with a NUL */
    char sentence[256];
    pb_status status;
};

/* For pb_offload; `arg` is a struct scan. PB_OK: clamd has answered something. */
pb_status wire_scan(void *arg);
/* Resolves a name; blocks, so on a helper thread too. */
struct resolve {
    const char *host, *port;
    struct addrinfo *addresses; /* freeaddrinfo */
};
pb_status wire_resolve(void *arg);

#endif
