/* repeat.c - headers, footers and page numbers: lines at the top or bottom of a page that stand at
 * the same height on most pages. Digits count as one, so that "Page 7" is "Page 8". */
#include "pages.h"

#include <math.h>
#include <stdlib.h>

enum { EDGE = 2, PAGES_LEAST = 3 }; /* lines of each edge that are looked at */

struct seen {
    uint64_t key;
    uint32_t count;
    int32_t page; /* where it was seen last: once a page */
};

struct table {
    struct seen *slots;
    size_t room; /* a power of two, at least twice what comes in */
};

static struct seen *find(struct table *table, uint64_t key)
{
    size_t at = (size_t)(key * 0x9E3779B97F4A7C15u >> 32) & (table->room - 1);

    while (table->slots[at].count && table->slots[at].key != key)
        at = (at + 1) & (table->room - 1);
    table->slots[at].key = key;
    return &table->slots[at];
}

static uint64_t place_of(const struct line *line)
{
    return (uint64_t)(int64_t)lroundf(line->top / 8) << 8 | 1;
}

static bool is_roman(pb_str text)
{
    size_t i = 0;

    while (i < text.size && strchr("ivxlc", text.data[i]))
        i++;
    return i && i == text.size;
}

static uint64_t text_of(const struct pages *pages, const struct line *line)
{
    uint64_t key = 0xCBF29CE484222325u;
    bool digit = false;

    for (size_t c = line->first; c < line->first + line->count; c++) {
        pb_str text = pb_str_trim(pages_text(pages, pages_cell(pages, c)));
        if (is_roman(text))
            text = pb_lit("0");
        for (size_t i = 0; i < text.size; i++) {
            char byte = text.data[i];
            bool number = byte >= '0' && byte <= '9';
            if (number && digit)
                continue;
            digit = number;
            key = (key ^ (unsigned char)(number ? '#' : byte)) * 0x100000001B3u;
        }
    }
    return key << 1;
}

static void note(struct table *table, uint64_t key, int32_t page)
{
    struct seen *seen = find(table, key);

    if (!seen->count || seen->page != page)
        seen->count++;
    seen->page = page;
}

/* The lines of the page that begins at `from`: its end, and its lowest and highest EDGE lines. */
static size_t edges(const struct pages *pages, size_t from, size_t found[2 * EDGE])
{
    int32_t page = pages_line(pages, from)->page;
    size_t end = from;

    for (int i = 0; i < 2 * EDGE; i++)
        found[i] = SIZE_MAX;
    for (; end < pages->lines.count && pages_line(pages, end)->page == page; end++) {
        float top = pages_line(pages, end)->top;
        if (found[0] == SIZE_MAX || top < pages_line(pages, found[0])->top)
            found[1] = found[0], found[0] = end;
        else if (found[1] == SIZE_MAX || top < pages_line(pages, found[1])->top)
            found[1] = end;
        if (found[2] == SIZE_MAX || top > pages_line(pages, found[2])->top)
            found[3] = found[2], found[2] = end;
        else if (found[3] == SIZE_MAX || top > pages_line(pages, found[3])->top)
            found[3] = end;
    }
    return end;
}

/* Most pages say the same there; or most have a line there and some of them say the same, as the
 * headers of chapters do. */
static bool repeated(const struct pages *pages, struct table *table, const struct line *line,
                     uint32_t count)
{
    uint32_t same = find(table, text_of(pages, line))->count;
    uint32_t there = find(table, place_of(line))->count;

    return same > count / 2 || (same >= PAGES_LEAST && there > count / 2);
}

pb_status pages_drop_repeated(struct pages *pages)
{
    struct table table = {.room = 1024};
    size_t found[2 * EDGE];
    uint32_t count = 0;

    for (size_t i = 0; i < pages->lines.count; i = edges(pages, i, found))
        count++;
    if (count < PAGES_LEAST)
        return PB_OK;
    while (table.room < (size_t)count * EDGE * 2 * 2 * 2)
        table.room *= 2;
    table.slots = calloc(table.room, sizeof *table.slots);
    if (!table.slots)
        return pages_fail(pages, PB_NO_MEMORY, "the memory for it is short");
    for (size_t i = 0, end; i < pages->lines.count; i = end) {
        end = edges(pages, i, found);
        for (int e = 0; e < 2 * EDGE; e++) {
            if (found[e] == SIZE_MAX)
                continue;
            const struct line *line = pages_line(pages, found[e]);
            note(&table, text_of(pages, line), line->page);
            note(&table, place_of(line), line->page);
        }
    }
    for (size_t i = 0, end; i < pages->lines.count; i = end) {
        size_t left = (end = edges(pages, i, found)) - i;
        for (int e = 0; e < 2 * EDGE && left > 1; e++) { /* no page loses all it says */
            struct line *line = found[e] == SIZE_MAX ? NULL : pages_line(pages, found[e]);
            if (!line || line->dropped || !repeated(pages, &table, line, count))
                continue;
            line->dropped = true;
            left--;
        }
    }
    free(table.slots);
    return PB_OK;
}
