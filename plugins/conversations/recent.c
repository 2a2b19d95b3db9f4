/* recent.c - what was said last in the conversations that this worker carries, so that it need not
 * be read again for the next turn.
 *
 * The database has the truth: an entry counts only while its version and its end are those that the
 * claim of the turn has just read. All that is kept is malloc'd and bounded; the entry that was
 * used longest ago goes first. Rows that follow one another lie in one chunk, because they are read
 * together. Nothing here parks.
 */
#include "recent.h"

#include <stdlib.h>

enum { BUCKETS = 4096, ROWS_MOST = 128, CHUNK_FIRST = 1024, CHUNK_MOST = 8192 };

/* Rows in the order in which they came. */
struct recent_chunk {
    struct recent *recent;
    size_t uses;       /* one a row that its entry has, one a turn that reads it */
    size_t size, used; /* size: all of it */
};

struct kept_row {
    struct recall_row row; /* texts stand behind the struct */
    struct recent_chunk *chunk;
    uint8_t turn[ID_SIZE];
};

struct recent_entry {
    struct recent_entry *bucket;        /* the next in the same bucket */
    struct recent_entry *newer, *older; /* by use */
    uint8_t conversation[ID_SIZE];
    int64_t key, version, next;
    struct kept_row *rows[ROWS_MOST]; /* a ring */
    size_t first, count;              /* the oldest is rows[first] */
    struct recent_chunk *newest;      /* that may have room; of the newest row */
};

static size_t bucket_of(const uint8_t conversation[ID_SIZE])
{
    size_t random; /* the end of a UUIDv7 */

    memcpy(&random, conversation + ID_SIZE - sizeof random, sizeof random);
    return random % BUCKETS;
}

/* --- by use ----------------------------------------------------------------------------------- */

static void take_out(struct recent *recent, struct recent_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &recent->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &recent->oldest) = entry->newer;
}

static void put_first(struct recent *recent, struct recent_entry *entry)
{
    entry->newer = NULL;
    entry->older = recent->newest;
    *(entry->older ? &entry->older->newer : &recent->oldest) = entry;
    recent->newest = entry;
}

/* --- entries ---------------------------------------------------------------------------------- */

static struct recent_entry **place_of(const struct recent *recent,
                                      const uint8_t conversation[ID_SIZE])
{
    struct recent_entry **at = &recent->buckets[bucket_of(conversation)];

    while (*at && memcmp((*at)->conversation, conversation, ID_SIZE) != 0)
        at = &(*at)->bucket;
    return at;
}

static void let_go(struct recent_chunk *chunk)
{
    if (--chunk->uses == 0) {
        chunk->recent->bytes -= chunk->size;
        free(chunk);
    }
}

/* The chunk that rows go to is the entry's own until the next one begins. */
static void set_newest(struct recent_entry *entry, struct recent_chunk *chunk)
{
    if (entry->newest)
        let_go(entry->newest);
    entry->newest = chunk;
}

static size_t row_bytes(const struct recall_row *row)
{
    size_t size = sizeof(struct kept_row) + row->text.size + row->extra.size;

    return (size + _Alignof(struct kept_row) - 1) / _Alignof(struct kept_row) *
           _Alignof(struct kept_row);
}

static void drop_oldest_row(struct recent_entry *entry)
{
    struct kept_row *row = entry->rows[entry->first];

    let_go(row->chunk);
    entry->first = (entry->first + 1) % ROWS_MOST;
    entry->count--;
}

/* `age` 0: the newest. */
static struct kept_row *row_at(const struct recent_entry *entry, size_t age)
{
    return entry->rows[(entry->first + entry->count - 1 - age) % ROWS_MOST];
}

static void drop(struct recent *recent, struct recent_entry *entry)
{
    while (entry->count)
        drop_oldest_row(entry);
    set_newest(entry, NULL);
    *place_of(recent, entry->conversation) = entry->bucket;
    take_out(recent, entry);
    recent->bytes -= sizeof *entry;
    free(entry);
}

void recent_forget(struct recent *recent, const uint8_t conversation[ID_SIZE])
{
    struct recent_entry *entry = recent->buckets ? *place_of(recent, conversation) : NULL;

    if (entry)
        drop(recent, entry);
}

static void make_room(struct recent *recent)
{
    while (recent->oldest && recent->bytes > (size_t)recent->limit)
        drop(recent, recent->oldest);
}

static struct kept_row *room_for(struct recent *recent, struct recent_entry *entry, size_t size)
{
    struct recent_chunk *chunk = entry->newest;

    if (!chunk || chunk->size - chunk->used < size) {
        size_t room = !chunk                     ? CHUNK_FIRST
                      : chunk->size < CHUNK_MOST ? chunk->size * 2
                                                 : CHUNK_MOST;
        if (room < size + sizeof *chunk)
            room = size + sizeof *chunk;
        if (!(chunk = malloc(room)))
            return NULL;
        *chunk = (struct recent_chunk){recent, 1, room, sizeof *chunk};
        recent->bytes += room;
        set_newest(entry, chunk);
    }
    struct kept_row *row = (struct kept_row *)(void *)((char *)chunk + chunk->used);
    chunk->used += size;
    chunk->uses++;
    return row;
}

static bool push(struct recent *recent, struct recent_entry *entry, const struct recall_row *row,
                 const uint8_t turn[ID_SIZE])
{
    struct kept_row *kept = room_for(recent, entry, row_bytes(row));
    char *text = (char *)(kept + 1);

    if (!kept)
        return false;
    kept->row = *row;
    kept->chunk = entry->newest;
    memset(kept->turn, 0, ID_SIZE);
    if (turn)
        memcpy(kept->turn, turn, ID_SIZE);
    if (row->text.size)
        memcpy(text, row->text.data, row->text.size);
    if (row->extra.size)
        memcpy(text + row->text.size, row->extra.data, row->extra.size);
    kept->row.text.data = text;
    kept->row.extra = pb_str_make(row->extra.data ? text + row->text.size : NULL, row->extra.size);
    if (entry->count == ROWS_MOST)
        drop_oldest_row(entry);
    entry->rows[(entry->first + entry->count++) % ROWS_MOST] = kept;
    return true;
}

/* --- asking and telling ----------------------------------------------------------------------- */

bool recent_known(struct claim *claim)
{
    struct recent *recent = claim->recent;
    const struct recent_entry *entry =
        recent->buckets ? *place_of(recent, claim->conversation) : NULL;

    if (!entry)
        return false;
    claim->key = entry->key;
    claim->version = entry->version;
    claim->first = entry->next;
    return true;
}

const struct recent_entry *recent_find(struct recent *recent, const struct claim *claim)
{
    struct recent_entry *entry = recent->buckets ? *place_of(recent, claim->conversation) : NULL;

    if (!entry)
        return NULL;
    bool same = entry->version == claim->version && entry->next == claim->first && !claim->cut;
    /* A turn that runs again does not see what it said itself. */
    if (entry->count && memcmp(row_at(entry, 0)->turn, claim->turn, ID_SIZE) == 0)
        same = false;
    if (!same) {
        drop(recent, entry);
        return NULL;
    }
    take_out(recent, entry);
    put_first(recent, entry);
    return entry;
}

pb_status recent_rows(const struct recent_entry *entry, struct recent_pins *pins,
                      pb_status (*each)(void *arg, const struct recall_row *row), void *arg)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < entry->count && status == PB_OK; i++) {
        struct kept_row *row = row_at(entry, i);
        if (!pins->count || pins->chunks[pins->count - 1] != row->chunk) {
            if (pins->count == RECENT_PINS)
                break; /* older ones are read again */
            row->chunk->uses++;
            pins->chunks[pins->count++] = row->chunk;
        }
        status = each(arg, &row->row);
    }
    return status;
}

void recent_unpin(struct recent_pins *pins)
{
    while (pins->count)
        let_go(pins->chunks[--pins->count]);
}

void recent_fill(struct recent *recent, const struct claim *claim, const struct recall_row *rows,
                 size_t count)
{
    if (!recent->buckets || claim->cut)
        return;
    recent_forget(recent, claim->conversation);
    struct recent_entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return;
    memcpy(entry->conversation, claim->conversation, ID_SIZE);
    entry->key = claim->key;
    entry->version = claim->version;
    entry->next = claim->first;
    entry->bucket = recent->buckets[bucket_of(entry->conversation)];
    recent->buckets[bucket_of(entry->conversation)] = entry;
    put_first(recent, entry);
    recent->bytes += sizeof *entry;
    bool good = true;
    for (size_t i = count < ROWS_MOST ? count : ROWS_MOST; i-- && good;)
        good = push(recent, entry, &rows[i], NULL);
    if (!good)
        drop(recent, entry);
    make_room(recent);
}

void recent_add(struct recent *recent, const struct claim *claim, int64_t version,
                const struct recall_row *rows, size_t count)
{
    struct recent_entry *entry = recent->buckets ? *place_of(recent, claim->conversation) : NULL;

    if (!entry)
        return;
    bool good = !claim->cut && entry->version == claim->version && entry->next == claim->first &&
                version == claim->version + 1;
    for (size_t i = 0; i < count && good; i++)
        good = push(recent, entry, &rows[i], claim->turn);
    if (!good) {
        drop(recent, entry);
        return;
    }
    entry->version = version;
    entry->next = claim->first + (int64_t)count;
    make_room(recent);
}

/* --- lifecycle -------------------------------------------------------------------------------- */

pb_status recent_init(struct recent *recent, int64_t limit)
{
    memset(recent, 0, sizeof *recent);
    recent->limit = limit;
    if (limit && !(recent->buckets = calloc(BUCKETS, sizeof *recent->buckets)))
        return pb_fail(PB_NO_MEMORY, "out of memory");
    return PB_OK;
}

void recent_fini(struct recent *recent)
{
    while (recent->oldest)
        drop(recent, recent->oldest);
    free(recent->buckets);
    recent->buckets = NULL;
}
