/* ids.h - randomness and identifiers: host_random() and host_uuid() of <patchbay/secret.h>.
 *
 * Random bytes come from getrandom(2) in pools of one a thread; used bytes are wiped, and a forked
 * child starts with an empty pool. Any thread.
 */
#ifndef HOST_BASE_IDS_H
#define HOST_BASE_IDS_H

#include <patchbay/secret.h>

enum { UUID_SIZE = 16, UUID_TEXT_SIZE = 37 };

/* A new UUIDv7 (RFC 9562): milliseconds, then a counter that orders those of one millisecond in one
 * thread, then randomness. PB_INTERNAL when the system has none. */
pb_status uuid_make(uint8_t out[UUID_SIZE]);

/* "018f4c3a-…" with its NUL. */
void uuid_text(const uint8_t uuid[UUID_SIZE], char out[UUID_TEXT_SIZE]);

#endif
