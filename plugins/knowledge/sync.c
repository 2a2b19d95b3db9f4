/* sync.c - what a source has, made into documents: what is new comes in, what changed becomes a
 * version, what is gone is removed. What did not change is not fetched, where the source can tell.
 */
#include "knowledge.h"

#include <patchbay/secret.h>
#include <stdlib.h>

enum { PAGE = 200 };

/* What is known of a document of a source. */
struct known {
    bool there;
    struct document document;
    pb_str digest; /* as the source said it */
    pb_time modified;
};

static pb_status find_collection(const struct syncer *syncer, struct collection *out)
{
    struct asker asker = {.id = pb_lit(""), .json = pb_lit("[]"), .all = true};

    return collection_find(syncer->self, &asker, syncer->collection, out);
}

static void known_read(const pb_rows *rows, size_t row, struct known *out)
{
    const pb_value *cell = pb_cell(rows, row, 0);

    memset(out, 0, sizeof *out);
    out->there = true;
    out->document.source_id = cell_text(&cell[0]);
    out->document.key = cell[1].integer;
    out->document.id = cell_text(&cell[2]);
    out->digest = cell_text(&cell[3]);
    out->modified = cell[4].integer;
    out->document.size = cell[5].integer;
    out->document.version = cell[6].integer;
    out->document.state = (int32_t)cell[7].integer;
    out->document.digest = cell_text(&cell[8]);
}

static pb_status read_known(const struct syncer *syncer, const struct collection *collection,
                            const pb_list *ids, pb_rows *rows)
{
    pb_value values[] = {pb_value_int(collection->key),
                         pb_value_text(pb_instance_name(syncer->source)),
                         pb_value_text(words_text(ids))};

    return pb_db_query(syncer->self->database, sql_source_known, values, 3, rows);
}

/* Did it change, as far as the source says? When it says nothing, it may have. */
static bool is_same(const pb_source_entry *entry, const struct known *known)
{
    if (!known->there)
        return false;
    if (entry->digest.size)
        return pb_str_equal(entry->digest, known->digest);
    return entry->modified && entry->modified == known->modified &&
           (entry->bytes < 0 || entry->bytes == known->document.size);
}

/* The bytes are what they were, whatever else changed. */
static pb_status note_same(const struct syncer *syncer, const pb_source_entry *entry,
                           const struct known *known)
{
    pb_value values[] = {pb_value_text(entry->digest), pb_value_int(entry->modified),
                         pb_value_int(known->document.key)};

    return pb_db_query(syncer->self->database, sql_source_same, values, 3, NULL);
}

static pb_status take(const struct syncer *syncer, const struct collection *collection,
                      const pb_source_entry *entry, const struct known *known)
{
    const struct knowledge *self = syncer->self;
    pb_str name = entry->name.size ? entry->name : entry->id, id;
    struct wanted wanted = {.collection = collection,
                            .owner =
                                pb_printf("source:%.*s", PB_ARG(pb_instance_name(syncer->source))),
                            .name = name,
                            .url = entry->url,
                            .source = pb_instance_name(syncer->source),
                            .source_id = entry->id,
                            .source_digest = entry->digest,
                            .source_modified = entry->modified,
                            .before = known->there ? &known->document : NULL};
    struct incoming incoming;
    bool duplicate;
    pb_bytes bytes;
    uint8_t digest[32];
    pb_status status = name_check(name, "/name");

    if (status == PB_OK)
        status = fetch(self, syncer->source, entry->id, &bytes);
    if (status != PB_OK)
        return status;
    if (known->there) {
        pb_digest sum = {{0}};
        pb_digest_add(&sum, bytes);
        pb_digest_end(&sum, digest);
        if (pb_str_equal(hex_of(digest), known->document.digest))
            return note_same(syncer, entry, known);
    }
    status = incoming_bytes(self, bytes, name, entry->type, &incoming);
    if (status == PB_OK)
        status = admit(self, &incoming, &wanted, &id, &duplicate);
    if (status != PB_CONFLICT)
        return status;
    pb_error_clear(); /* it was listed and watched at once: the other one took it in */
    return PB_OK;
}

static pb_status drop(const struct syncer *syncer, const struct collection *collection,
                      struct document *document)
{
    document->collection = collection->name;
    document->collection_key = collection->key;
    pb_status status = document_remove(syncer->self, document);

    jobs_ring();
    documents_ring(syncer->self->tenant);
    if (status != PB_NOT_FOUND)
        return status;
    pb_error_clear(); /* somebody was quicker */
    return PB_OK;
}

static pb_status sync_entry(const struct syncer *syncer, const struct collection *collection,
                            const pb_source_entry *entry, struct known *known)
{
    if (entry->removed)
        return known->there ? drop(syncer, collection, &known->document) : (pb_status)PB_OK;
    if (is_same(entry, known))
        return PB_OK;
    pb_status status = take(syncer, collection, entry, known);
    if (status == PB_NOT_FOUND && known->there) { /* gone before it was fetched */
        pb_error_clear();
        return drop(syncer, collection, &known->document);
    }
    return status;
}

pb_status sync_one(struct syncer *syncer, const pb_source_entry *entry)
{
    pb_str id = entry->id;
    pb_list ids = {&id, 1};
    struct collection collection;
    struct known known = {0};
    pb_rows rows;
    pb_status status = find_collection(syncer, &collection);

    if (status == PB_OK)
        status = read_known(syncer, &collection, &ids, &rows);
    if (status == PB_OK && rows.count)
        known_read(&rows, 0, &known);
    return status == PB_OK ? sync_entry(syncer, &collection, entry, &known) : status;
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The ids that a listing had, as hashes, to find those that it has not: malloc'd, it may be long.
 */
struct seen {
    uint64_t *hashes;
    size_t count, room;
};

static uint64_t hash_of(pb_str text)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 0x100000001b3u;
    return hash;
}

static bool seen_add(struct seen *seen, pb_str id)
{
    if (seen->count == seen->room) {
        size_t room = seen->room ? seen->room * 2 : 1024;
        uint64_t *grown = realloc(seen->hashes, room * sizeof *grown);
        if (!grown)
            return false;
        seen->hashes = grown;
        seen->room = room;
    }
    seen->hashes[seen->count++] = hash_of(id);
    return true;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static pb_status sync_some(struct syncer *syncer, const struct collection *collection,
                           const pb_source_entry *const *entries, size_t count)
{
    pb_str ids[PAGE];
    pb_list list = {ids, count};
    pb_rows rows;

    for (size_t i = 0; i < count; i++)
        ids[i] = entries[i]->id;
    pb_status status = read_known(syncer, collection, &list, &rows);
    for (size_t i = 0; status == PB_OK && i < count; i++) {
        pb_scope *scope = pb_scope_begin();
        struct known known = {0};
        for (size_t j = 0; j < rows.count && !known.there; j++)
            if (pb_str_equal(pb_cell(&rows, j, 0)->text, ids[i]))
                known_read(&rows, j, &known);
        status = sync_entry(syncer, collection, entries[i], &known);
        if (status != PB_OK && status != PB_CANCELLED) {
            pb_log(PB_WARN, "a document of the source '%.*s' was not taken in: %.*s",
                   PB_ARG(pb_instance_name(syncer->source)), PB_ARG(pb_error_last()->sentence));
            pb_error_clear();
            status = PB_OK;
        }
        pb_scope_end(scope);
    }
    return status;
}

/* Page by page through what the source has. */
static pb_status list_pages(struct syncer *syncer, const struct collection *collection,
                            struct seen *seen)
{
    char cursor[1024];
    size_t size = 0;
    bool more = true;
    pb_status status = PB_OK;

    while (more && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        pb_source_page page;
        status = pb_source_list(syncer->source, pb_str_make(size ? cursor : NULL, size), &page);
        for (size_t i = 0; status == PB_OK && i < page.count; i++)
            if (!seen_add(seen, page.entries[i]->id))
                status = PB_NO_MEMORY;
        for (size_t i = 0; status == PB_OK && i < page.count; i += PAGE)
            status = sync_some(syncer, collection, page.entries + i,
                               page.count - i < PAGE ? page.count - i : PAGE);
        size = status == PB_OK ? page.cursor.size : 0;
        more = size != 0;
        if (size > sizeof cursor)
            status = pb_fail(PB_INTERNAL, "the cursor of a source is too long");
        else if (size)
            memcpy(cursor, page.cursor.data, size);
        pb_scope_end(scope);
    }
    return status;
}

/* Documents that the listing did not have; not those that came while it was read. */
static pb_status drop_missing(struct syncer *syncer, const struct collection *collection,
                              const struct seen *seen, pb_time before)
{
    pb_str after = pb_lit("");
    pb_status status;
    pb_rows rows;

    do {
        pb_value values[] = {pb_value_int(collection->key),
                             pb_value_text(pb_instance_name(syncer->source)), pb_value_text(after),
                             pb_value_int(PAGE), pb_value_int(before)};
        status = pb_db_query(syncer->self->database, sql_source_all, values, 5, &rows);
        for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
            after = pb_cell(&rows, i, 0)->text;
            uint64_t hash = hash_of(after);
            if (seen->count && bsearch(&hash, seen->hashes, seen->count, sizeof hash, compare))
                continue;
            struct document document = {.key = pb_cell(&rows, i, 1)->integer,
                                        .id = pb_cell(&rows, i, 2)->text};
            status = drop(syncer, collection, &document);
        }
    } while (status == PB_OK && rows.count == PAGE);
    return status;
}

pb_status sync_all(struct syncer *syncer)
{
    struct collection collection;
    struct seen seen = {0};
    pb_time begun = pb_now();
    pb_status status = find_collection(syncer, &collection);

    if (status == PB_OK)
        status = list_pages(syncer, &collection, &seen);
    if (seen.count)
        qsort(seen.hashes, seen.count, sizeof *seen.hashes, compare);
    if (status == PB_OK)
        status = drop_missing(syncer, &collection, &seen, begun);
    free(seen.hashes);
    return status;
}
