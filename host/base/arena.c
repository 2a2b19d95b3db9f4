/* arena.c - see arena.h. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FIRST = 1024, BLOCK_MOST = 64 * 1024, ALIGN = 16 };

struct arena_block {
    struct arena_block *below; /* the block before this one */
    size_t size;               /* of data */
    size_t used;
    size_t pad;
    char data[];
};

/* Blocks that were freed wait here, by their power of two, for the next arena of this thread: turns
 * come and go by the thousand, and each takes about the same. With a sanitizer none do, so that it
 * sees what is used too long. */
enum { CLASSES = 7 };
#ifdef __SANITIZE_ADDRESS__
#define POOL_MOST ((size_t)0)
#else
#define POOL_MOST ((size_t)1 << 20)
#endif

static _Thread_local struct {
    struct arena_block *free[CLASSES]; /* of BLOCK_FIRST << class bytes */
    size_t bytes;
} pool;

static _Thread_local size_t all_bytes;

/* CLASSES: a block of a size of its own. */
static unsigned class_of(size_t whole)
{
    unsigned class = 0;

    while (class < CLASSES && whole != (size_t)BLOCK_FIRST << class)
        class ++;
    return class;
}

static struct arena_block *block_take(size_t whole)
{
    unsigned class = class_of(whole);
    struct arena_block *block = class < CLASSES ? pool.free[class] : NULL;

    if (!block)
        return malloc(whole);
    pool.free[class] = block->below;
    pool.bytes -= whole;
    return block;
}

static void block_give(struct arena_block *block, size_t whole)
{
    unsigned class = class_of(whole);

    if (class == CLASSES || pool.bytes + whole > POOL_MOST) {
        free(block);
        return;
    }
    block->below = pool.free[class];
    pool.free[class] = block;
    pool.bytes += whole;
}

size_t arena_bytes(void)
{
    return all_bytes;
}

static size_t aligned(size_t size)
{
    return (size + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
}

void arena_init(struct arena *arena, size_t limit)
{
    memset(arena, 0, sizeof *arena);
    arena->limit = limit;
}

static void pop(struct arena *arena)
{
    struct arena_block *block = arena->head;
    arena->head = block->below;
    arena->total -= block->size + sizeof *block;
    all_bytes -= block->size + sizeof *block;
    block_give(block, block->size + sizeof *block);
}

void arena_fini(struct arena *arena)
{
    while (arena->head)
        pop(arena);
    arena->last = NULL;
}

static bool push(struct arena *arena, size_t size)
{
    size_t block_size = arena->head ? arena->head->size * 2 : BLOCK_FIRST;

    if (block_size > BLOCK_MOST)
        block_size = BLOCK_MOST;
    block_size -= sizeof(struct arena_block);
    if (block_size < size)
        block_size = size;
    if (arena->limit && (size > arena->limit ||
                         arena->total + block_size + sizeof(struct arena_block) > arena->limit)) {
        block_size = size; /* the last bit before the limit */
        if (size > arena->limit || arena->total + size + sizeof(struct arena_block) > arena->limit)
            return false;
    }
    struct arena_block *block = block_take(sizeof *block + block_size);
    if (!block)
        return false;
    block->below = arena->head;
    block->size = block_size;
    block->used = 0;
    arena->head = block;
    arena->total += block_size + sizeof *block;
    all_bytes += block_size + sizeof *block;
    return true;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = aligned(size ? size : 1);
    if (!arena->head || arena->head->size - arena->head->used < size)
        if (!push(arena, size))
            return NULL;
    char *memory = arena->head->data + arena->head->used;
    arena->head->used += size;
    arena->last = memory;
    return memset(memory, 0, size);
}

void *arena_grow(struct arena *arena, void *memory, size_t old_size, size_t new_size)
{
    if (new_size <= old_size || new_size > SIZE_MAX / 2)
        return new_size > SIZE_MAX / 2 ? NULL : memory;
    if (memory && memory == arena->last) {
        size_t at = (size_t)(arena->last - arena->head->data);
        if (aligned(new_size) <= arena->head->size - at) {
            arena->head->used = at + aligned(new_size);
            memset((char *)memory + old_size, 0, new_size - old_size);
            return memory;
        }
    }
    void *moved = arena_alloc(arena, new_size);
    if (moved && memory && old_size)
        memcpy(moved, memory, old_size);
    return moved;
}

struct arena_mark arena_mark_now(const struct arena *arena)
{
    return (struct arena_mark){arena->head, arena->head ? arena->head->used : 0};
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    if (!mark.head && arena->head) { /* keep the oldest block for reuse */
        while (arena->head->below)
            pop(arena);
        arena->head->used = 0;
        if (arena->head->size > BLOCK_MOST)
            pop(arena);
    } else {
        while (arena->head != mark.head)
            pop(arena);
        if (arena->head)
            arena->head->used = mark.used;
    }
    arena->last = NULL;
}
