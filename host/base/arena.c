/* arena.c - see arena.h. */
#include "base/arena.h"

#include "base/arena_pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FIRST = 1024, BLOCK_MOST = 64 * 1024, ALIGN = 16, SPOILT = 0xa5 };

struct arena_block {
    struct arena_block *below; /* the block before this one */
    size_t size;               /* of data */
    size_t used;
    size_t lead; /* of each allocation: struct arena_piece in pages, else nothing */
    char data[];
};

const size_t arena_block_head = sizeof(struct arena_block);

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

/* In pages of its own, with room for the first allocation's piece, or NULL. */
static struct arena_block *paged_take(size_t whole)
{
    struct arena_block *block = arena_pages_take(whole + sizeof(struct arena_piece));

    if (block)
        block->lead = sizeof(struct arena_piece);
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
    size_t whole = block->size + sizeof *block;

    arena->head = block->below;
    if (block->lead) {
        arena->total -= whole - block->lead;
        arena_pages_give(block);
        return;
    }
    arena->total -= whole;
    all_bytes -= whole;
    block_give(block, whole);
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
    size_t whole = sizeof(struct arena_block) + block_size;
    struct arena_block *block = paged_take(whole);
    if (!block) {
        if (!(block = block_take(whole)))
            return false;
        block->lead = 0;
        all_bytes += whole;
    }
    block->below = arena->head;
    block->size = block_size + block->lead;
    block->used = 0;
    arena->head = block;
    arena->total += whole;
    return true;
}

/* Writes down whose memory this is, `size` bytes. */
static void sign(char *memory, size_t size)
{
    struct arena_piece *piece = (struct arena_piece *)(void *)memory - 1;

    *piece = (struct arena_piece){.owner = arena_pages_owner(), .units = (uint32_t)(size / ALIGN)};
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = aligned(size ? size : 1);
    if (!arena->head || arena->head->size - arena->head->used < size + arena->head->lead)
        if (!push(arena, size))
            return NULL;
    struct arena_block *head = arena->head;
    char *memory = head->data + head->used + head->lead;
    head->used += head->lead + size;
    if (head->lead)
        sign(memory, size);
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
            if (arena->head->lead)
                sign(memory, aligned(new_size));
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

/* What is gone and stays accessible is overwritten. */
static void spoil(struct arena_block *head, size_t from)
{
    if (head->lead && from < head->used)
        memset(head->data + from, 0, sizeof(struct arena_piece));
    if (head->lead && from + sizeof(struct arena_piece) < head->used)
        memset(head->data + from + sizeof(struct arena_piece), SPOILT,
               head->used - from - sizeof(struct arena_piece));
}

void arena_release(struct arena *arena, struct arena_mark mark)
{
    if (!mark.head && arena->head) { /* keep the oldest block for reuse */
        while (arena->head->below)
            pop(arena);
        arena->head->used = 0;
        if (arena->head->lead || arena->head->size > BLOCK_MOST)
            pop(arena);
    } else {
        while (arena->head != mark.head)
            pop(arena);
        if (arena->head) {
            spoil(arena->head, mark.used);
            arena->head->used = mark.used;
        }
    }
    arena->last = NULL;
}

void arena_fence(struct arena *arena)
{
    if (arena->head && arena->head->lead)
        arena->head->used = arena->head->size;
}
