/* entry.c - the bytes of one entry, over as many blocks as they need. See table.h. */
#include "table.h"

struct entry_cursor entry_begin(const struct table *table, struct shard *shard, struct entry *entry)
{
    return (struct entry_cursor){.table = table,
                                 .shard = shard,
                                 .at = entry->bytes,
                                 .left = sizeof entry->bytes,
                                 .next = entry->next};
}

/* At most `size` bytes in one piece; 0 behind the last block. */
static size_t piece(struct entry_cursor *cursor, size_t size)
{
    if (!cursor->left && cursor->next) {
        struct block *block = shard_block(cursor->table, cursor->shard, cursor->next);
        cursor->at = block->bytes;
        cursor->left = sizeof block->bytes;
        cursor->next = block->next;
    }
    return size < cursor->left ? size : cursor->left;
}

static void pass(struct entry_cursor *cursor, size_t size)
{
    cursor->at += size;
    cursor->left -= size;
}

void entry_write(struct entry_cursor *cursor, const void *data, size_t size)
{
    const uint8_t *from = data;

    for (size_t part; size && (part = piece(cursor, size)); size -= part, from += part) {
        memcpy(cursor->at, from, part);
        pass(cursor, part);
    }
}

void entry_read(struct entry_cursor *cursor, void *out, size_t size)
{
    uint8_t *to = out;

    for (size_t part; size && (part = piece(cursor, size)); size -= part) {
        if (to) { /* NULL only passes by */
            memcpy(to, cursor->at, part);
            to += part;
        }
        pass(cursor, part);
    }
}

bool entry_equals(struct entry_cursor *cursor, const void *data, size_t size)
{
    const uint8_t *with = data;

    for (size_t part; size; size -= part, with += part) {
        part = piece(cursor, size);
        if (!part || memcmp(cursor->at, with, part) != 0)
            return false;
        pass(cursor, part);
    }
    return true;
}

uint32_t entry_blocks(size_t bytes)
{
    size_t first = sizeof((struct entry *)0)->bytes, more = sizeof((struct block *)0)->bytes;

    return bytes <= first ? 1 : (uint32_t)(1 + (bytes - first + more - 1) / more);
}

static bool tag_was_removed(const struct table *table, const struct entry *entry)
{
    const struct tag_mark *marks = (const struct tag_mark *)(const void *)entry->bytes;

    for (uint32_t i = 0; i < entry->tag_count; i++)
        if (atomic_load_explicit(&table->generations[marks[i].number], memory_order_acquire) !=
            marks[i].generation)
            return true;
    return false;
}

bool entry_is_over(const struct table *table, const struct entry *entry, int64_t now)
{
    int64_t end = entry->kind == ENTRY_BUCKET ? entry->number : entry->expires;

    return (end && end <= now) || (entry->tag_count && tag_was_removed(table, entry));
}
