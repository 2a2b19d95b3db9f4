/* recent.h - see recent.c. */
#ifndef PLUGIN_CONVERSATIONS_RECENT_H
#define PLUGIN_CONVERSATIONS_RECENT_H

#include "conversations.h"

struct recent_entry;

/* Zeroed: nothing is kept. */
pb_status recent_init(struct recent *recent, int64_t limit); /* bytes; 0: nothing is kept */
void recent_fini(struct recent *recent);

/* How the conversation stood after the last turn that this worker carried in it: fills in key, version
 * and first of the claim. False: nothing is known. */
bool recent_known(struct claim *claim);

/* What is known of the claimed conversation, as it was before this turn; NULL: nothing that still
 * holds. Valid until the task parks. */
const struct recent_entry *recent_find(struct recent *recent, const struct claim *claim);
/* Hands its rows to each(), newest first, until that fails; their texts stay until recent_unpin. There
 * may be older ones in the database. */
pb_status recent_rows(const struct recent_entry *entry, struct recent_pins *pins,
                      pb_status (*each)(void *arg, const struct recall_row *row), void *arg);
/* The rows that were read instead, newest first. */
void recent_fill(struct recent *recent, const struct claim *claim, const struct recall_row *rows,
                 size_t count);
/* The turn has ended: `rows` were said in it, oldest first, and the conversation has this version. */
void recent_add(struct recent *recent, const struct claim *claim, int64_t version,
                const struct recall_row *rows, size_t count);
void recent_forget(struct recent *recent, const uint8_t conversation[ID_SIZE]);

#endif
