/* arena_pages.c - see arena_pages.h. Blocks are 2^n pages of one reserved range; a table beside it says
 * of each page in which block it lies. What was given back is kept, contents and all, until more than
 * QUARANTINE came after it. */
#include "base/arena_pages.h"

#include <sys/mman.h>

#ifdef __SANITIZE_ADDRESS__
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
static const bool possible = false;
#else
static const bool possible = true;
#endif

enum {
    PAGE = 4096,
    PAGES = 256 * 1024, /* 1 GiB of addresses */
    CLASSES = 13,       /* up to 16 MiB */
    BLOCKS_MOST = 8192, /* each may be a mapping of its own, of which a process has 65 530 */
    QUARANTINE = 2048,  /* pages */
    QUARANTINED_MOST = 1024,
};

/* Of a block's first page; the others know only where that is. */
struct page {
    uint32_t first; /* the block's first page + 1; 0: never used */
    uint32_t next;  /* in the quarantine or a free list: first page + 1 */
    uint8_t class;
    bool over;
};

static struct {
    char *base;
    uint32_t used; /* pages that were ever given out */
    uint32_t free[CLASSES];
    uint32_t oldest, newest; /* of the quarantine */
    uint32_t quarantined, waiting; /* pages, blocks */
    uint32_t blocks;               /* live and waiting ones */
    uint32_t (*owner)(void);
    struct page pages[PAGES];
} range;

static _Thread_local bool mine;

void arena_pages_use(uint32_t (*owner)(void))
{
    if (owner && possible && !range.base) {
        void *map = mmap(NULL, (size_t)PAGES * PAGE, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        range.base = map == MAP_FAILED ? NULL : map;
    }
    range.owner = owner;
    mine = owner && range.base;
}

uint32_t arena_pages_owner(void)
{
    return range.owner ? range.owner() : 0;
}

static char *place(uint32_t first)
{
    return range.base + (size_t)(first - 1) * PAGE;
}

static size_t bytes(uint32_t class)
{
    return (size_t)PAGE << class;
}

/* A block's first page + 1, or 0. */
static uint32_t first_of(const void *address)
{
    uintptr_t at = (uintptr_t)address - (uintptr_t)range.base;

    return range.base && at < (size_t)PAGES * PAGE ? range.pages[at / PAGE].first : 0;
}

bool arena_pages_own(const void *block)
{
    return first_of(block) != 0;
}

static uint32_t new_block(uint32_t class)
{
    uint32_t count = 1u << class, first = range.used + 1;

    if (range.used + count > PAGES)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        range.pages[range.used + i].first = first;
    range.used += count;
    range.pages[first - 1].class = (uint8_t)class;
    return first;
}

void *arena_pages_take(size_t size)
{
    uint32_t class = 0;

    if (!mine || !range.owner || range.blocks >= BLOCKS_MOST)
        return NULL;
    while (class < CLASSES && bytes(class) < size)
        class ++;
    if (class == CLASSES)
        return NULL;
    uint32_t first = range.free[class];
    if (first)
        range.free[class] = range.pages[first - 1].next;
    else if (!(first = new_block(class)))
        return NULL;
    struct page *page = &range.pages[first - 1];
    if (mprotect(place(first), bytes(class), PROT_READ | PROT_WRITE) != 0) {
        page->next = range.free[class];
        range.free[class] = first;
        return NULL;
    }
    page->over = false;
    range.blocks++;
    return place(first);
}

/* The oldest in the quarantine may be used again. */
static void let_out(void)
{
    uint32_t first = range.oldest;
    struct page *page = &range.pages[first - 1];

    range.oldest = page->next;
    range.quarantined -= 1u << page->class;
    range.waiting--;
    range.blocks--;
    madvise(place(first), bytes(page->class), MADV_DONTNEED);
    page->next = range.free[page->class];
    range.free[page->class] = first;
}

void arena_pages_give(void *block)
{
    uint32_t first = first_of(block);
    struct page *page = &range.pages[first - 1];

    (void)mprotect(block, bytes(page->class), PROT_NONE);
    page->over = true;
    page->next = 0;
    if (range.waiting)
        range.pages[range.newest - 1].next = first;
    else
        range.oldest = first;
    range.newest = first;
    range.quarantined += 1u << page->class;
    range.waiting++;
    while (range.waiting && (range.quarantined > QUARANTINE || range.waiting > QUARANTINED_MOST))
        let_out();
}

bool arena_pages_find(const void *address, struct arena_found *out)
{
    uint32_t first = first_of(address);
    const char *at = address;

    if (!first)
        return false;
    struct page *page = &range.pages[first - 1];
    const char *end = place(first) + bytes(page->class), *next = place(first) + arena_block_head;
    *out = (struct arena_found){.over = page->over};
    if (page->over && mprotect(place(first), bytes(page->class), PROT_READ) != 0)
        return true;
    while (next + sizeof(struct arena_piece) < end) {
        const struct arena_piece *piece = (const struct arena_piece *)(const void *)next;
        const char *from = next + sizeof *piece;
        size_t size = (size_t)piece->units * 16;
        if (!size || size > (size_t)(end - from))
            break;
        if (at >= next && at < from + size) {
            out->owner = piece->owner;
            out->size = size;
            break;
        }
        next = from + size;
    }
    return true;
}
