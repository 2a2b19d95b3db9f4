/* memory.h - malloc as the plugin calls it: this program's functions stand in for those of the C
 * library and look at who calls. Without a sanitizer only. */
#ifndef CONFORM_MEMORY_H
#define CONFORM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* False: a sanitizer has malloc already; then nothing is counted. */
bool plugin_memory_works(void);

/* From now on the code between these addresses is the plugin's. */
void plugin_memory_watch(const void *begin, const void *end);

/* What the plugin took from malloc and nobody freed: blocks and bytes. */
size_t plugin_memory_held(size_t *bytes);

#endif
