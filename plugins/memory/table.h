/* table.h - entries in shared memory: 64 shards, each an array of blocks under a lock of its own.
 *
 * An entry is a chain of blocks; the state byte of its first block says that it is there. It is
 * written last and taken back first, and everything else of a shard (hash chains, list of free
 * blocks, counts) can be made again from those bytes: that is table_repair. A process that dies in
 * the middle thus loses the entry it was writing and no other. All zero is an empty table. Nothing
 * here knows the host; every function but table_place wants the shard's lock held.
 */
#ifndef MEMORY_TABLE_H
#define MEMORY_TABLE_H

#include <patchbay/types.h>
#include <stdatomic.h>

/* Tests stop a writer here; between any two there is at most one change of what others see. */
#ifndef MEMORY_STEP
#define MEMORY_STEP() ((void)0)
#endif

enum {
    TABLE_VERSION = 1, /* of the layout */
    TABLE_SHARDS = 64,
    TABLE_KEY = 1024, /* longest key, with the host's prefix */
    TABLE_TAGS = 8,   /* most tags of an entry */
    BLOCK_SIZE = 128,
};

enum { STATE_FREE = 0, STATE_PART = 1, STATE_LIVE = 2, STATE_USED = 4 };

enum { ENTRY_VALUE = 0, ENTRY_NUMBER = 1, ENTRY_BUCKET = 2 };

/* Numbers of blocks count from 1; 0 is none. */
struct block {
    uint32_t next; /* of the entry, or of the list of free ones */
    uint8_t bytes[BLOCK_SIZE - 4];
};

/* The first block of an entry; tags, key and value follow, and go on in the other blocks. */
struct entry {
    uint32_t next;
    uint32_t chain; /* the next entry with this bucket */
    uint64_t hash;
    int64_t expires; /* 0: never */
    int64_t number;  /* of ENTRY_NUMBER; of ENTRY_BUCKET when it is full again */
    uint32_t blocks;
    uint32_t value_size;
    uint16_t key_size;
    uint8_t kind;
    uint8_t tag_count;
    uint32_t reserved;
    uint8_t bytes[BLOCK_SIZE - 48];
};

/* Fits while the tag's generation is this one. Two tags may share a number: then one goes with the
 * other, which a cache may. */
struct tag_mark {
    uint32_t number, generation;
};

struct shard {
    uint32_t fresh; /* blocks up to here have been used before */
    uint32_t free;  /* list of those that are free again */
    uint32_t free_count;
    uint32_t live; /* entries */
    uint32_t hand; /* of the clock that looks for what to forget */
    uint32_t repairs;
    uint64_t evictions;
    uint8_t padding[32];
};

struct table_head {
    _Atomic uint64_t seed;
    _Atomic int64_t bytes; /* of the whole, for repair */
};

/* How the bytes are divided: the same in every process. */
struct table {
    struct table_head *head;
    _Atomic uint32_t *generations; /* of tags */
    uint8_t *shards;
    size_t shard_size, buckets_at, blocks_at; /* the states stand behind struct shard */
    uint32_t blocks, buckets, tags;           /* of one shard, and of all */
};

/* Divides `bytes` at `memory`. */
void table_place(struct table *table, void *memory, int64_t bytes);
/* The largest value that it takes. */
int64_t table_largest(int64_t bytes);

/* A key, and where it belongs. */
struct table_key {
    pb_str text;
    uint64_t hash;
    uint32_t shard;
};

struct table_key table_key(const struct table *table, pb_str text);
/* The mark that an entry set now gets for this tag; making all marks before not fit. No lock. */
struct tag_mark table_tag(const struct table *table, pb_str tag);
void table_remove_tag(const struct table *table, pb_str tag);

/* The entry, or NULL: not there, expired, or a tag of it was removed. */
struct entry *table_find(const struct table *table, const struct table_key *key, int64_t now);
void table_copy_value(const struct table *table, const struct table_key *key,
                      const struct entry *entry, uint8_t *out);
void table_drop(const struct table *table, const struct table_key *key, struct entry *entry);
/* It was asked for: it stays longer. */
void table_touch(const struct table *table, const struct table_key *key, const struct entry *entry);

struct table_item {
    const struct table_key *key;
    pb_str value;
    int64_t expires, number;
    int64_t now;
    int kind;
    uint32_t tag_count;
    struct tag_mark tags[TABLE_TAGS];
};

/* Sets or replaces; forgets others to make room. False: it is too large. */
bool table_put(const struct table *table, const struct table_item *item);

/* Makes a shard again from its state bytes, after its lock's holder died. */
void table_repair(const struct table *table, uint32_t shard);

static inline struct shard *table_shard(const struct table *table, uint32_t index)
{
    return (struct shard *)(void *)(table->shards + table->shard_size * index);
}

/* --- between table.c and entry.c -------------------------------------------------------------- */

static inline uint8_t *shard_states(struct shard *shard)
{
    return (uint8_t *)(shard + 1) - 1; /* counted from 1 */
}

static inline uint32_t *shard_buckets(const struct table *table, struct shard *shard)
{
    return (uint32_t *)(void *)((uint8_t *)shard + table->buckets_at);
}

static inline struct block *shard_block(const struct table *table, struct shard *shard,
                                        uint32_t number)
{
    return (struct block *)(void *)((uint8_t *)shard + table->blocks_at) + (number - 1);
}

static inline struct entry *shard_entry(const struct table *table, struct shard *shard,
                                        uint32_t number)
{
    return (struct entry *)(void *)shard_block(table, shard, number);
}

/* A place in an entry's bytes, which go from block to block. */
struct entry_cursor {
    const struct table *table;
    struct shard *shard;
    uint8_t *at;
    size_t left; /* in this block */
    uint32_t next;
};

struct entry_cursor entry_begin(const struct table *table, struct shard *shard,
                                struct entry *entry);
void entry_write(struct entry_cursor *cursor, const void *data, size_t size);
void entry_read(struct entry_cursor *cursor, void *out, size_t size);
/* Do the next bytes equal these? */
bool entry_equals(struct entry_cursor *cursor, const void *data, size_t size);
/* Blocks for so many bytes of tags, key and value. */
uint32_t entry_blocks(size_t bytes);
bool entry_is_over(const struct table *table, const struct entry *entry, int64_t now);

#endif
