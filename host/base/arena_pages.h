/* arena_pages.h - blocks of arenas in pages of their own, while the contract of plugins is checked.
 *
 * What an arena gives back becomes inaccessible and waits in a quarantine: who uses it later faults,
 * and the address tells whose memory it was. The pages lie in one reserved range, so that any address
 * is looked up at once. For the thread that asked for it; others go on with malloc. Under
 * AddressSanitizer never: it finds the same by itself.
 */
#ifndef HOST_BASE_ARENA_PAGES_H
#define HOST_BASE_ARENA_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on arenas of this thread take pages; `owner` says for whom an allocation is made, as a
 * number, 0: for nobody. NULL: they no longer do; what lies in pages stays there. */
void arena_pages_use(uint32_t (*owner)(void));

/* In front of each allocation in pages. The zero makes free() and realloc() of the C library notice
 * that it is none of theirs. */
struct arena_piece {
    uint32_t owner;
    uint32_t units; /* of 16 bytes behind this; 0: nothing more in this block */
    uint64_t zero;
};

/* What an address belongs to. */
struct arena_found {
    uint32_t owner; /* who allocated it; 0: the host, or it is in no allocation */
    size_t size;    /* of the allocation, or 0 */
    bool over;      /* its lifetime has ended */
};
/* False: it is in no page of an arena. Does not allocate; safe in a handler of SIGSEGV, where it
 * makes the block that is asked about readable again. */
bool arena_pages_find(const void *address, struct arena_found *out);

/* --- for arena.c ------------------------------------------------------------------------------ */

/* Zeroed memory of at least `size` bytes; NULL: take malloc. */
void *arena_pages_take(size_t size);
bool arena_pages_own(const void *block);
void arena_pages_give(void *block);
/* Who allocates now. */
uint32_t arena_pages_owner(void);

/* Where the pieces of a block begin, counted from the block. */
extern const size_t arena_block_head;

#endif
