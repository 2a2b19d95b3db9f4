/* pages.c - memory and failure of one PDF's way; see pages.h. */
#include "pages.h"

#include <stdlib.h>

pb_status pages_fail(struct pages *pages, pb_status status, const char *format, ...)
{
    va_list args;

    if (pages->status != PB_OK)
        return pages->status;
    va_start(args, format);
    (void)vsnprintf(pages->sentence, sizeof pages->sentence, format, args);
    va_end(args);
    return pages->status = status;
}

static bool grow(struct pages *pages, struct array *array, size_t least, size_t item)
{
    size_t room = array->room ? array->room : 1024;

    while (room < least)
        room *= 2;
    size_t more = (room - array->room) * item;
    if (pages->held + more > pages->max_memory) {
        (void)pages_fail(pages, PB_TOO_LARGE,
                         "reading it needs more than the %zu MiB of memory of 'max_memory'",
                         pages->max_memory >> 20);
        return false;
    }
    void *items = realloc(array->items, room * item);
    if (!items) {
        (void)pages_fail(pages, PB_NO_MEMORY, "the memory for it is short");
        return false;
    }
    pages->held += more;
    array->items = items;
    array->room = room;
    return true;
}

void *pages_room(struct pages *pages, struct array *array, size_t more, size_t item)
{
    if (pages->status != PB_OK)
        return NULL;
    if (more > array->room - array->count && !grow(pages, array, array->count + more, item))
        return NULL;
    void *at = (char *)array->items + array->count * item;
    memset(at, 0, more * item);
    array->count += more;
    return at;
}

void pages_fini(struct pages *pages)
{
    free(pages->text.items);
    free(pages->lines.items);
    free(pages->cells.items);
    free(pages->fonts.items);
    free(pages->out.items);
    free(pages->leaves.items);
}
