/* drive_stores.c - caches, databases, vectors and blobs: a little of everything, under names of its
 * own for each number. What they must do is the business of their suites. */
#include "drive.h"

#include <patchbay/blob_store.h>
#include <patchbay/cache.h>
#include <patchbay/database.h>
#include <patchbay/vector_store.h>
#include <stdio.h>

pb_status drive_cache(struct drive *drive)
{
    pb_str key = pb_printf("conform-%u", drive->number), tag = pb_lit("conform-tag");
    pb_cache_options options = {
        .size = sizeof options, .ttl = 60 * PB_SECOND, .tags = &tag, .tag_count = 1};
    pb_bucket bucket = {.size = sizeof bucket, .rate = 1, .capacity = 5, .cost = 1};
    pb_bytes value = bytes_of(key.data, key.size), out = {0};
    int64_t sum = 0;
    pb_status status = pb_cache_set(drive->instance, key, value, &options);

    if (status == PB_OK)
        status = pb_cache_get(drive->instance, key, &out);
    drive_say(drive, "get %s %.*s", pb_status_name(status), (int)out.size,
              out.size ? (const char *)out.data : "");
    if (status == PB_OK || status == PB_NOT_FOUND) /* it may forget anything */
        status = pb_cache_remove(drive->instance, key);
    if (status == PB_OK)
        status = pb_cache_add(drive->instance, key, value, NULL);
    if (status == PB_OK)
        status = pb_cache_remove(drive->instance, key);
    if (status == PB_OK)
        status = pb_cache_increment(drive->instance, key, 2, NULL, &sum);
    if (status == PB_OK)
        status = pb_cache_remove(drive->instance, key);
    if (status == PB_OK)
        status = pb_cache_take(drive->instance, pb_printf("bucket-%u", drive->number), &bucket);
    if (status == PB_OK)
        status = pb_cache_remove_tag(drive->instance, tag);
    drive_say(drive, "%s %lld", pb_status_name(status), (long long)sum);
    return status;
}

struct unit {
    struct drive *drive;
    pb_value values[2];
};

static const pb_str insert = PB_LIT(
    "INSERT INTO conform (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = $2");
static const pb_str look = PB_LIT("SELECT id, name FROM conform WHERE id = $1");
static const pb_str make =
    PB_LIT("CREATE TABLE IF NOT EXISTS conform (id BIGINT PRIMARY KEY, name TEXT)");

static pb_status in_transaction(void *arg)
{
    struct unit *unit = arg;
    pb_rows rows = {.size = sizeof rows};
    pb_status status = pb_db_query(unit->drive->instance, look, unit->values, 1, &rows);

    return status == PB_OK ? pb_db_query(unit->drive->instance, insert, unit->values, 2, NULL)
                           : status;
}

pb_status drive_database(struct drive *drive)
{
    struct unit unit = {
        drive, {pb_value_int(drive->number), pb_value_text(pb_printf("row %u", drive->number))}};
    pb_statement batch[2] = {pb_statement_make(insert, unit.values, 2),
                             pb_statement_make(look, unit.values, 1)};
    pb_rows rows[2] = {{.size = sizeof(pb_rows)}, {.size = sizeof(pb_rows)}};
    pb_status status = pb_db_query(drive->instance, make, NULL, 0, NULL);

    if (status == PB_OK)
        status = pb_db_batch(drive->instance, batch, 2, rows);
    if (status == PB_OK && rows[1].count != 1)
        return pb_fail(PB_INTERNAL, "a row that was written is found %zu times", rows[1].count);
    if (status == PB_OK)
        drive_say(drive, "%.*s", PB_ARG(pb_cell(&rows[1], 0, 1)->text));
    if (status == PB_OK)
        status = pb_db_transaction(drive->instance, in_transaction, &unit);
    drive_say(drive, "%s", pb_status_name(status));
    return status;
}

pb_status drive_vector_store(struct drive *drive)
{
    static const pb_str access = PB_LIT("public");
    float vector[4] = {1, 0, 0, 0};
    pb_passage *passage = pb_passage_new(pb_printf("Passage %u about plugins.", drive->number));
    pb_str document = pb_printf("document-%u", drive->number);

    if (!passage)
        return PB_NO_MEMORY;
    passage->id = pb_printf("p-%u", drive->number);
    passage->document = passage->document_id = document;
    const pb_vector_item item = {
        .size = sizeof item, .dimensions = 4, .vector = vector, .passage = passage};
    const pb_vector_item *const items[] = {&item};
    pb_vector_put put = {.size = sizeof put,
                         .collection = document,
                         .document_id = document,
                         .access = &access,
                         .access_count = 1,
                         .items = items,
                         .count = 1};
    pb_vector_query query = {.size = sizeof query,
                             .collection = document,
                             .vector = vector,
                             .dimensions = 4,
                             .top_k = 5,
                             .text = pb_lit("plugins"),
                             .all = 1,
                             .vector_weight = 0.5};
    pb_vector_selection all = {.size = sizeof all, .collection = document, .last = -1, .all = 1};
    pb_passages found = {.size = sizeof found};
    int64_t count = 0;
    pb_status status = pb_vectors_put(drive->instance, &put);

    for (query.mode = PB_SEARCH_VECTOR; status == PB_OK && query.mode <= PB_SEARCH_HYBRID;
         query.mode++) {
        status = pb_vectors_search(drive->instance, &query, &found);
        drive_say(drive, "mode %d: %s %zu", query.mode, pb_status_name(status), found.count);
        status = status == PB_UNSUPPORTED ? (pb_status)PB_OK : status;
    }
    if (status == PB_OK)
        status = pb_vectors_get(drive->instance, &all, &found);
    if (status == PB_OK)
        status = pb_vectors_count(drive->instance, &all, &count);
    if (status == PB_OK)
        status = pb_vectors_remove(drive->instance, &all, &count);
    drive_say(drive, "%s %lld", pb_status_name(status), (long long)count);
    return status;
}

/* --- blobs --------------------------------------------------------------------------------------
 */

struct giving {
    pb_reader base;
    pb_str text;
    unsigned times;
};

static pb_status give(pb_reader *reader, pb_bytes *out)
{
    struct giving *giving = (struct giving *)(void *)reader;

    *out = giving->times ? bytes_of(giving->text.data, giving->text.size) : bytes_of("", 0);
    giving->times -= giving->times != 0;
    return pb_step();
}

struct counting {
    pb_writer base;
    size_t bytes;
};

static pb_status count_bytes(pb_writer *writer, pb_bytes bytes)
{
    ((struct counting *)(void *)writer)->bytes += bytes.size;
    return pb_step();
}

pb_status drive_blob_store(struct drive *drive)
{
    pb_str key = pb_printf("conform/%u", drive->number);
    struct giving giving = {{.size = sizeof(pb_reader), .read = give}, key, 3};
    struct counting counting = {{.size = sizeof(pb_writer), .write = count_bytes}, 0};
    pb_blob_info info = {.size = sizeof info};
    pb_status status = pb_blob_put(drive->instance, key, pb_lit("text/plain"), &giving.base);

    if (status == PB_OK)
        status = pb_blob_get(drive->instance, key, &info, &counting.base);
    drive_say(drive, "%s %zu", pb_status_name(status), counting.bytes);
    if (status == PB_OK && counting.bytes != 3 * key.size)
        return pb_fail(PB_INTERNAL, "%zu bytes were put and %zu are got", 3 * key.size,
                       counting.bytes);
    return status == PB_OK ? pb_blob_remove(drive->instance, key) : status;
}
