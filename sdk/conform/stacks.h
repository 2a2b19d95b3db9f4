/* stacks.h - how deep the stacks of tasks were used. What lies below the running frame is painted
 * with zeros, as new stacks are; the lowest byte that is no zero afterwards is the deepest use. */
#ifndef CONFORM_STACKS_H
#define CONFORM_STACKS_H

#include <stddef.h>

/* Reads and writes what AddressSanitizer keeps others from. */
#if defined(__has_attribute)
#if __has_attribute(no_sanitize_address)
#define UNCHECKED __attribute__((no_sanitize_address, noinline))
#endif
#endif
#ifndef UNCHECKED
#define UNCHECKED __attribute__((noinline))
#endif

/* Forgets which stacks were looked at. */
void stacks_forget(void);
/* Paints the unused part of the running task's stack. */
void stacks_paint_own(void);
/* Measures the running task's. */
void stacks_note_own(void);
/* The deepest that was measured, in bytes; *size: of that stack. */
size_t stacks_deepest(size_t *size);

#endif
