/* pages.c - the pages of a crawl in the order they were found, each once. */
#include "web.h"

#include <stdlib.h>

struct pages *pages_new(void)
{
    return calloc(1, sizeof(struct pages));
}

static void page_clear(struct page *page)
{
    free(page->url);
    free(page->digest);
    free(page->etag);
    free(page->modified);
    free(page->type);
    free(page->links);
}

void pages_free(struct pages *pages)
{
    if (!pages)
        return;
    for (size_t i = 0; i < pages->count; i++)
        page_clear(&pages->items[i]);
    free(pages->items);
    free(pages->slots);
    free(pages);
}

static size_t slot_of(const struct pages *pages, pb_str url)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < url.size; i++)
        hash = (hash ^ (unsigned char)url.data[i]) * 1099511628211u;
    size_t at = (size_t)(hash ^ hash >> 32) & (pages->slot_count - 1);
    while (pages->slots[at] && !pb_str_is(url, pages->items[pages->slots[at] - 1].url))
        at = (at + 1) & (pages->slot_count - 1);
    return at;
}

struct page *pages_find(const struct pages *pages, pb_str url)
{
    size_t found = pages && pages->slot_count ? pages->slots[slot_of(pages, url)] : 0;

    return found ? &pages->items[found - 1] : NULL;
}

/* Room for one more, with half of the slots free. */
static bool grow(struct pages *pages)
{
    size_t room = pages->room ? pages->room * 2 : 64;
    struct page *items =
        pages->count < pages->room ? pages->items : realloc(pages->items, room * sizeof *items);

    if (!items)
        return false;
    pages->items = items;
    if (pages->count < pages->room)
        return true;
    size_t *slots = calloc(room * 2, sizeof *slots);
    if (!slots)
        return false;
    free(pages->slots);
    pages->slots = slots;
    pages->slot_count = room * 2;
    pages->room = room;
    for (size_t i = 0; i < pages->count; i++)
        pages->slots[slot_of(pages, pb_str_of(pages->items[i].url))] = i + 1;
    return true;
}

struct page *pages_add(struct pages *pages, pb_str url)
{
    if (pages_find(pages, url) || !grow(pages))
        return NULL;
    char *own = strndup(url.data, url.size);
    if (!own)
        return NULL;
    struct page *page = &pages->items[pages->count++];
    *page = (struct page){.url = own};
    pages->slots[slot_of(pages, url)] = pages->count;
    return page;
}
