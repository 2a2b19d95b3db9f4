/* arena.h - memory with one lifetime: allocate piece by piece, free all at once.
 *
 * Blocks grow from 1 kB to 64 kB; larger pieces get a block of their own. A mark remembers a place;
 * releasing to it frees what came after. One block stays for reuse, so a loop of mark and release
 * does not touch malloc; what is freed is kept for the next arena of this thread, up to 1 MiB. Not thread-safe: an arena belongs to one task. While the
 * contract of plugins is checked, blocks are pages of their own (arena_pages.h).
 */
#ifndef HOST_BASE_ARENA_H
#define HOST_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *head; /* the newest block, allocations come from it */
    char *last;        /* the newest allocation: may grow in place */
    size_t total;      /* bytes of all blocks */
    size_t limit;      /* of total; 0: none */
};

struct arena_mark {
    struct arena_block *head;
    size_t used;
};

void arena_init(struct arena *arena, size_t limit);
void arena_fini(struct arena *arena); /* frees everything; the arena may be used again */

/* Zeroed and aligned for any type; NULL at the limit or when malloc fails. */
void *arena_alloc(struct arena *arena, size_t size);

/* As realloc, in place where `memory` was the newest allocation and the block has room. */
void *arena_grow(struct arena *arena, void *memory, size_t old_size, size_t new_size);

struct arena_mark arena_mark_now(const struct arena *arena);
void arena_release(struct arena *arena, struct arena_mark mark);

/* After a mark was taken: in pages, what comes now lies in others than what was before, so that
 * releasing to the mark makes it inaccessible. Else nothing. */
void arena_fence(struct arena *arena);

/* What all arenas that this thread filled hold now of malloc. */
size_t arena_bytes(void);

#endif
