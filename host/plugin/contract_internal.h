/* contract_internal.h - between the files that implement contract.h. */
#ifndef HOST_PLUGIN_CONTRACT_INTERNAL_H
#define HOST_PLUGIN_CONTRACT_INTERNAL_H

#include "plugin/contract.h"

enum { CONTRACT_TITLE = 200 };

/* "stage 'x' (plug 1.0.0)" without allocating, for handlers of signals and other threads too. */
void contract_title(const pb_instance *instance, char title[CONTRACT_TITLE]);

/* Whose code runs on this thread, helpers included; NULL: the host's. */
pb_instance *contract_culprit(void);

/* The instance that runs a task on the loop's thread right now, or NULL. */
pb_instance *contract_on_loop(void);

/* contract_memory.c, rules 1 and 2 */
void contract_memory_enable(bool on);
bool contract_frees(const void *memory, const char *call); /* true: of an arena, and that was said */

/* contract_park.c, rules 5 and 8 */
void contract_park_enable(bool on);
void contract_locked(int by);
void contract_in_create(void); /* a component is called: by whom is being created? */

/* contract_bind.c: lets the library that was opened call what checks it. */
void contract_bind(void *library);
void contract_bind_waiting(void); /* those that were opened before contracts were checked */

/* contract_symbol.c: the function at this place of an ELF file, offset from where it is loaded.
 * False: the file does not say. Safe in a handler of a signal. */
bool contract_symbol(const char *path, uint64_t offset, char *out, size_t size);

#endif
