/* database.h - what the files that call databases share; the calls are <patchbay/database.h>. */
#ifndef HOST_TURN_DATABASE_H
#define HOST_TURN_DATABASE_H

#include <patchbay/database.h>

/* Learns from a migration's statement which table has tenants. The text is static. */
void database_learn_table(const char *create);
void database_forget_tables(void);

/* `patchbay migrate`: steps that need the service to be down may run in this process. */
void migrate_allow_offline(bool allow);
/* Calls `each` after every step that this process applied. */
void migrate_each_step(void (*each)(const char *database, const char *owner, int64_t number));
/* How many steps this process has applied. */
size_t migrate_applied(void);

#endif
