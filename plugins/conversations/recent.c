/* recent.c - what was said last in the conversations that this worker carries, so that it need not
 * be read again for the next turn.
 *
 * The database has the truth: an entry counts only while its version and its end are those that the
 * claim of the turn has just read. All that is kept is malloc'd and bounded; the entry that was used
 * longest ago goes first. Nothing here parks.
 */
#include "recent.h"

#include <stdlib.h>

enum { BUCKETS = 4096, ROWS_MOST = 128 };

struct kept_row {
    struct recall_row row; /* texts stand behind the struct */
    uint8_t turn[ID_SIZE];
};

struct recent_entry {
    struct recent_entry *bucket;          /* the next in the same bucket */
    struct recent_entry *newer, *older;   /* by use */
    uint8_t conversation[ID_SIZE];
    int64_t version, next;
    struct kept_row *rows[ROWS_MOST]; /* a ring */
    size_t first, count;              /* the oldest is rows[first] */
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

static size_t row_bytes(const struct kept_row *kept)
{
    return sizeof *kept + kept->row.text.size + kept->row.extra.size;
}

static void drop_oldest_row(struct recent *recent, struct recent_entry *entry)
{
    struct kept_row *row = entry->rows[entry->first];

    recent->bytes -= row_bytes(row);
    free(row);
    entry->first = (entry->first + 1) % ROWS_MOST;
    entry->count--;
}

/* `age` 0: the newest. */
static const struct kept_row *row_at(const struct recent_entry *entry, size_t age)
{
    return entry->rows[(entry->first + entry->count - 1 - age) % ROWS_MOST];
}

static void drop(struct recent *recent, struct recent_entry *entry)
{
    while (entry->count)
        drop_oldest_row(recent, entry);
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

static bool push(struct recent *recent, struct recent_entry *entry, const struct recall_row *row,
                 const uint8_t turn[ID_SIZE])
{
    struct kept_row *kept = malloc(sizeof *kept + row->text.size + row->extra.size);
    char *text = (char *)(kept + 1);

    if (!kept)
        return false;
    kept->row = *row;
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
        drop_oldest_row(recent, entry);
    entry->rows[(entry->first + entry->count++) % ROWS_MOST] = kept;
    recent->bytes += row_bytes(kept);
    return true;
}

/* --- asking and telling ----------------------------------------------------------------------- */

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

pb_status recent_rows(const struct recent_entry *entry,
                      pb_status (*each)(void *arg, const struct recall_row *row), void *arg)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < entry->count && status == PB_OK; i++) {
        struct recall_row row = row_at(entry, i)->row;
        char *copy = pb_alloc(row.text.size + row.extra.size + 1); /* they stand side by side */
        if (!copy)
            return PB_NO_MEMORY;
        memcpy(copy, row.text.data, row.text.size + row.extra.size);
        row.text.data = copy;
        row.extra.data = row.extra.data ? copy + row.text.size : NULL;
        status = each(arg, &row);
    }
    return status;
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
