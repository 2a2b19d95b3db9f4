/* table.c - finding, setting and forgetting entries of a shard, and making a shard again. See
 * table.h.
 *
 * What others see changes by single stores in the order of the text: `publish` and `retire` of an
 * entry are release stores of its state byte, everything between is made again by repair.
 */
#include "table.h"

__extension__ typedef unsigned __int128 wide;

enum { CHANCES = 256 }; /* entries in use that are passed over in a search for one to forget */

/* --- places ----------------------------------------------------------------------------------- */

static uint32_t power_below(uint64_t value)
{
    uint32_t power = 1;

    while ((uint64_t)power * 2 <= value && power < 1u << 31)
        power *= 2;
    return power;
}

static size_t up(size_t size)
{
    return (size + 63) / 64 * 64;
}

/* How the bytes are divided; returns how many stand before the shards. */
static size_t divide(struct table *table, int64_t bytes)
{
    uint32_t tags = power_below((uint64_t)bytes / 1024);

    table->tags = tags < 1024 ? 1024 : tags > 1u << 20 ? 1u << 20 : tags;
    size_t before = 4096 + up(table->tags * sizeof *table->generations);
    table->shard_size = ((size_t)bytes - before) / TABLE_SHARDS / 64 * 64;
    /* a block costs itself, its state, and at most one bucket */
    uint64_t blocks = (table->shard_size - sizeof(struct shard) - 128) / (BLOCK_SIZE + 5);
    table->blocks = blocks > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)blocks;
    table->buckets = power_below(table->blocks);
    table->buckets_at = up(sizeof(struct shard) + table->blocks);
    table->blocks_at = up(table->buckets_at + table->buckets * sizeof(uint32_t));
    return before;
}

void table_place(struct table *table, void *memory, int64_t bytes)
{
    uint8_t *at = memory;
    size_t before = divide(table, bytes);

    table->head = memory;
    table->generations = (_Atomic uint32_t *)(void *)(at + 4096);
    table->shards = at + before;
}

int64_t table_largest(int64_t bytes)
{
    struct table table;
    const int64_t around = TABLE_KEY + TABLE_TAGS * (int64_t)sizeof(struct tag_mark);

    (void)divide(&table, bytes);
    int64_t room = (int64_t)(table.blocks / 4) * (BLOCK_SIZE - 4);
    return room > 2 * around ? room - around : room / 2;
}

/* --- keys ------------------------------------------------------------------------------------- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Seeded at random, so that nobody can choose keys that meet. */
static uint64_t hash_of(const struct table *table, pb_str text)
{
    uint64_t state = atomic_load_explicit(&table->head->seed, memory_order_relaxed);
    uint64_t words[2];

    state = fold(state ^ 0x9e3779b97f4a7c15u, text.size ^ 0xd1b54a32d192ed03u);
    for (size_t at = 0; at < text.size; at += sizeof words) {
        size_t size = text.size - at < sizeof words ? text.size - at : sizeof words;
        words[0] = words[1] = 0;
        memcpy(words, text.data + at, size);
        state = fold(words[0] ^ 0x8cb92ba72f3d8dd7u ^ state,
                     words[1] ^ 0xaef17502108ef2d9u ^ state >> 32);
    }
    return fold(state ^ 0xe7037ed1a0b428dbu, 0x94d049bb133111ebu);
}

struct table_key table_key(const struct table *table, pb_str text)
{
    struct table_key key = {.text = text, .hash = hash_of(table, text)};

    key.shard = (uint32_t)(key.hash >> 58);
    return key;
}

struct tag_mark table_tag(const struct table *table, pb_str tag)
{
    struct tag_mark mark = {.number = (uint32_t)hash_of(table, tag) & (table->tags - 1)};

    mark.generation = atomic_load_explicit(&table->generations[mark.number], memory_order_acquire);
    return mark;
}

void table_remove_tag(const struct table *table, pb_str tag)
{
    uint32_t number = (uint32_t)hash_of(table, tag) & (table->tags - 1);

    atomic_fetch_add_explicit(&table->generations[number], 1, memory_order_acq_rel);
    MEMORY_STEP();
}

/* --- one shard -------------------------------------------------------------------------------- */

static uint32_t *bucket_of(const struct table *table, struct shard *shard, uint64_t hash)
{
    return &shard_buckets(table, shard)[hash & (table->buckets - 1)];
}

static uint32_t number_of(const struct table *table, struct shard *shard, const struct entry *entry)
{
    return (uint32_t)((const struct block *)(const void *)entry - shard_block(table, shard, 1)) + 1;
}

/* The one store that makes an entry be there, or not. */
static void set_state(struct shard *shard, uint32_t number, uint8_t state)
{
    __atomic_store_n(&shard_states(shard)[number], state, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    MEMORY_STEP();
}

static void release_blocks(const struct table *table, struct shard *shard, uint32_t first)
{
    while (first) {
        struct block *block = shard_block(table, shard, first);
        uint32_t next = block->next;
        block->next = shard->free;
        MEMORY_STEP();
        shard->free = first;
        MEMORY_STEP();
        shard->free_count++;
        MEMORY_STEP();
        first = next;
    }
}

static void forget(const struct table *table, struct shard *shard, uint32_t number)
{
    struct entry *entry = shard_entry(table, shard, number);
    uint32_t *link = bucket_of(table, shard, entry->hash);

    set_state(shard, number, STATE_FREE);
    while (*link && *link != number)
        link = &shard_entry(table, shard, *link)->chain;
    if (*link)
        *link = entry->chain;
    MEMORY_STEP();
    shard->live--;
    MEMORY_STEP();
    release_blocks(table, shard, number);
}

/* Forgets one entry: what is over, else what was not asked for since the hand passed it last. */
static bool evict(const struct table *table, struct shard *shard, int64_t now)
{
    uint8_t *states = shard_states(shard);
    uint64_t most = (uint64_t)shard->fresh * 2 + 1;
    int chances = CHANCES;

    for (uint64_t i = 0; i < most; i++) {
        uint32_t number = shard->hand = shard->hand >= shard->fresh ? 1 : shard->hand + 1;
        if (!(states[number] & STATE_LIVE))
            continue;
        if ((states[number] & STATE_USED) && chances-- > 0 &&
            !entry_is_over(table, shard_entry(table, shard, number), now)) {
            set_state(shard, number, STATE_LIVE);
            continue;
        }
        forget(table, shard, number);
        shard->evictions++;
        return true;
    }
    return false;
}

static bool make_room(const struct table *table, struct shard *shard, uint32_t need, int64_t now)
{
    while (shard->free_count + (table->blocks - shard->fresh) < need)
        if (!evict(table, shard, now))
            return false;
    return true;
}

static uint32_t take_block(const struct table *table, struct shard *shard)
{
    uint32_t number = shard->free;

    if (!number) {
        number = ++shard->fresh;
        MEMORY_STEP();
        return number;
    }
    shard->free = shard_block(table, shard, number)->next;
    MEMORY_STEP();
    shard->free_count--;
    MEMORY_STEP();
    return number;
}

static uint32_t take_blocks(const struct table *table, struct shard *shard, uint32_t count)
{
    uint32_t first = 0;

    while (count--) { /* from the last to the first, so that each is complete */
        uint32_t number = take_block(table, shard);
        shard_block(table, shard, number)->next = first;
        MEMORY_STEP();
        first = number;
    }
    return first;
}

/* --- entries ---------------------------------------------------------------------------------- */

struct entry *table_find(const struct table *table, const struct table_key *key, int64_t now)
{
    struct shard *shard = table_shard(table, key->shard);
    uint32_t number = *bucket_of(table, shard, key->hash);

    for (struct entry *entry; number; number = entry->chain) {
        entry = shard_entry(table, shard, number);
        if (entry->hash != key->hash || entry->key_size != key->text.size)
            continue;
        struct entry_cursor cursor = entry_begin(table, shard, entry);
        entry_read(&cursor, NULL, entry->tag_count * sizeof(struct tag_mark));
        if (!entry_equals(&cursor, key->text.data, key->text.size))
            continue;
        if (!entry_is_over(table, entry, now))
            return entry;
        forget(table, shard, number);
        return NULL;
    }
    return NULL;
}

void table_touch(const struct table *table, const struct table_key *key, const struct entry *entry)
{
    struct shard *shard = table_shard(table, key->shard);
    uint32_t number = number_of(table, shard, entry);

    if (!(shard_states(shard)[number] & STATE_USED))
        set_state(shard, number, STATE_LIVE | STATE_USED);
}

void table_copy_value(const struct table *table, const struct table_key *key,
                      const struct entry *entry, uint8_t *out)
{
    struct shard *shard = table_shard(table, key->shard);
    struct entry_cursor cursor = entry_begin(table, shard, (struct entry *)entry);

    entry_read(&cursor, NULL, entry->tag_count * sizeof(struct tag_mark) + entry->key_size);
    entry_read(&cursor, out, entry->value_size);
}

void table_drop(const struct table *table, const struct table_key *key, struct entry *entry)
{
    struct shard *shard = table_shard(table, key->shard);

    forget(table, shard, number_of(table, shard, entry));
}

static void fill(struct entry_cursor *cursor, struct entry *entry, const struct table_item *item)
{
    entry->hash = item->key->hash;
    entry->expires = item->expires;
    entry->number = item->number;
    entry->value_size = (uint32_t)item->value.size;
    entry->key_size = (uint16_t)item->key->text.size;
    entry->kind = (uint8_t)item->kind;
    entry->tag_count = (uint8_t)item->tag_count;
    MEMORY_STEP();
    entry_write(cursor, item->tags, item->tag_count * sizeof *item->tags);
    entry_write(cursor, item->key->text.data, item->key->text.size);
    MEMORY_STEP();
    entry_write(cursor, item->value.data, item->value.size);
    MEMORY_STEP();
}

bool table_put(const struct table *table, const struct table_item *item)
{
    struct shard *shard = table_shard(table, item->key->shard);
    size_t tags = item->tag_count * sizeof *item->tags;
    uint32_t need = entry_blocks(tags + item->key->text.size + item->value.size);
    struct entry *old = table_find(table, item->key, item->now);

    if (old) /* also when the new one does not fit: it is not true any more */
        table_drop(table, item->key, old);
    if (need > table->blocks / 4 || !make_room(table, shard, need, item->now))
        return false;
    uint32_t number = take_blocks(table, shard, need);
    struct entry *entry = shard_entry(table, shard, number);
    struct entry_cursor cursor = entry_begin(table, shard, entry);
    entry->blocks = need;
    fill(&cursor, entry, item);
    uint32_t *bucket = bucket_of(table, shard, entry->hash);
    entry->chain = *bucket;
    MEMORY_STEP();
    *bucket = number;
    MEMORY_STEP();
    shard->live++;
    MEMORY_STEP();
    set_state(shard, number, STATE_LIVE);
    return true;
}

/* --- repair ----------------------------------------------------------------------------------- */

/* Gives the blocks behind an entry's first the state `to`; returns how many were `from`. */
static uint32_t mark_blocks(const struct table *table, struct shard *shard, uint32_t number,
                            const uint8_t change[2])
{
    uint8_t *states = shard_states(shard);
    const struct entry *entry = shard_entry(table, shard, number);
    uint32_t next = entry->next, count = 0;

    while (next && next <= shard->fresh && states[next] == change[0] && count < entry->blocks) {
        states[next] = change[1];
        next = shard_block(table, shard, next)->next;
        count++;
    }
    return next ? 0 : count + 1;
}

/* Claims an entry's blocks; false: they are not as they should be. */
static bool claim(const struct table *table, struct shard *shard, uint32_t number)
{
    static const uint8_t take[2] = {STATE_FREE, STATE_PART}, give[2] = {STATE_PART, STATE_FREE};

    if (mark_blocks(table, shard, number, take) == shard_entry(table, shard, number)->blocks)
        return true;
    (void)mark_blocks(table, shard, number, give);
    return false;
}

static void link_again(const struct table *table, struct shard *shard, uint32_t number)
{
    struct entry *entry = shard_entry(table, shard, number);
    uint32_t *bucket = bucket_of(table, shard, entry->hash);

    entry->chain = *bucket;
    *bucket = number;
    shard->live++;
}

/* Entries first, then what they left. Only state bytes of entries are believed; they are not
 * changed, so that a process that dies in here leaves the same work to the next. */
void table_repair(const struct table *table, uint32_t index)
{
    struct shard *shard = table_shard(table, index);
    uint8_t *states = shard_states(shard);

    if (shard->fresh > table->blocks)
        shard->fresh = table->blocks;
    for (uint32_t i = 1; i <= shard->fresh; i++)
        if (!(states[i] & STATE_LIVE))
            states[i] = STATE_FREE;
    MEMORY_STEP();
    memset(shard_buckets(table, shard), 0, table->buckets * sizeof(uint32_t));
    shard->live = shard->free = shard->free_count = 0;
    MEMORY_STEP();
    for (uint32_t i = 1; i <= shard->fresh; i++) {
        if (!(states[i] & STATE_LIVE))
            continue;
        if (claim(table, shard, i))
            link_again(table, shard, i);
        else
            set_state(shard, i, STATE_FREE);
        MEMORY_STEP();
    }
    for (uint32_t i = shard->fresh; i; i--) {
        if (states[i] != STATE_FREE)
            continue;
        shard_block(table, shard, i)->next = shard->free;
        shard->free = i;
        shard->free_count++;
    }
    MEMORY_STEP();
    if (shard->hand > shard->fresh)
        shard->hand = 0;
    shard->repairs++;
}
