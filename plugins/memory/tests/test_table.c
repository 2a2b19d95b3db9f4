/* A writer is killed at every step of every operation; then another repairs, and all else is there.
 *
 * The table is compiled into the test, so that MEMORY_STEP counts and kills.
 */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long steps, last_step;

static void step(void)
{
    if (++steps == last_step)
        raise(SIGKILL);
}

#define MEMORY_STEP() step()
#include "../entry.c"
#include "../table.c"

enum { BYTES = 1 << 20, KEYS = 4000, MINUTE = 60 };

static struct table table;
static uint8_t *region, *snapshot;

/* --- what is in it ---------------------------------------------------------------------------- */

static pb_str key_text(int number)
{
    static char texts[6000][24];
    int size = snprintf(texts[number], sizeof *texts, "key number %d", number);

    return (pb_str){texts[number], (size_t)size};
}

/* From 1 to 900 bytes, another for every number. */
static pb_str value_text(int number, int version)
{
    static char text[1000];
    size_t size = (size_t)(number * 7919 % 900) + 1;

    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + (number + version + (int)i) % 26);
    return (pb_str){text, size};
}

static bool put(int number, int version, pb_str tag)
{
    struct table_key key = table_key(&table, key_text(number));
    struct table_item item = {
        .key = &key, .value = value_text(number, version), .now = 1, .kind = ENTRY_VALUE};

    if (tag.size)
        item.tags[item.tag_count++] = table_tag(&table, tag);
    return table_put(&table, &item);
}

static bool has(int number, int version)
{
    struct table_key key = table_key(&table, key_text(number));
    const struct entry *entry = table_find(&table, &key, 2);
    pb_str value = value_text(number, version);
    char found[1000];

    if (!entry || entry->value_size != value.size)
        return false;
    table_copy_value(&table, &key, entry, (uint8_t *)found);
    return memcmp(found, value.data, value.size) == 0;
}

static uint32_t shard_of(int number)
{
    return table_key(&table, key_text(number)).shard;
}

/* Every block of a shard is either of one entry or free, and the counts say so. */
static void is_sound(uint32_t index)
{
    struct shard *shard = table_shard(&table, index);
    uint32_t used = 0, entries = 0, listed = 0, chained = 0;

    for (uint32_t i = 1; i <= shard->fresh; i++)
        if (shard_states(shard)[i] & STATE_LIVE) {
            entries++;
            used += shard_entry(&table, shard, i)->blocks;
        }
    for (uint32_t at = shard->free; at; at = shard_block(&table, shard, at)->next)
        listed++;
    for (uint32_t i = 0; i < table.buckets; i++)
        for (uint32_t at = shard_buckets(&table, shard)[i]; at;
             at = shard_entry(&table, shard, at)->chain)
            chained++;
    ck_assert_uint_eq(listed, shard->free_count);
    ck_assert_uint_eq(used + listed, shard->fresh);
    ck_assert_uint_eq(entries, shard->live);
    ck_assert_uint_eq(entries, chained);
}

static void begin(void)
{
    region = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snapshot = malloc(BYTES);
    ck_assert(region != MAP_FAILED && snapshot);
    table_place(&table, region, BYTES);
    atomic_store(&table.head->seed, 0x1234567);
    steps = last_step = 0;
}

static void end(void)
{
    munmap(region, BYTES);
    free(snapshot);
}

/* --- killing ---------------------------------------------------------------------------------- */

/* Runs the operation in another process that is killed at its n-th step; false: it has fewer. */
static bool killed_at(long n, void (*operate)(void))
{
    pid_t child = fork();
    int status = 0;

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        steps = 0;
        last_step = n;
        operate();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    if (WIFEXITED(status))
        ck_assert_int_eq(WEXITSTATUS(status), 0);
    else
        ck_assert_int_eq(WTERMSIG(status), SIGKILL);
    return WIFSIGNALED(status);
}

/* The entry that was worked on is as it was, as it should become, or not there: nothing half. */
static void is_whole_or_gone(int number)
{
    struct table_key key = table_key(&table, key_text(number));

    if (table_find(&table, &key, 100 * MINUTE))
        ck_assert(has(number, 0) || has(number, 1));
}

static bool before[KEYS], after[KEYS]; /* which keys are there without and with the operation */

static void survey(bool *found)
{
    for (int i = 0; i < KEYS; i++)
        found[i] = has(i, 0);
}

/* At each step of `operate`, which concerns the shard of key `number`: all entries that a whole run
 * leaves there are there with their values, and the shard works on. */
static void survives(void (*operate)(void), int number, long least)
{
    long n = 1;

    memcpy(snapshot, region, BYTES);
    survey(before);
    operate();
    survey(after);
    for (;; n++) {
        memcpy(region, snapshot, BYTES);
        if (!killed_at(n, operate))
            break;
        table_repair(&table, shard_of(number));
        is_sound(shard_of(number));
        is_whole_or_gone(number);
        for (int i = 0; i < KEYS; i++)
            ck_assert_msg(i == number || !before[i] || !after[i] || has(i, 0), "step %ld lost %d",
                          n, i);
        ck_assert(put(number, 3, (pb_str){0}) && has(number, 3));
        is_sound(shard_of(number));
    }
    ck_assert_msg(n > least, "only %ld steps", n);
}

static void fill_some(void)
{
    for (int i = 0; i < 200; i++)
        ck_assert(put(i, 0, (pb_str){0}));
}

static void fill_all(void)
{
    for (int i = 0; i < KEYS; i++)
        ck_assert(put(i, 0, (pb_str){0}));
}

/* A key that was not put, with a value that takes several blocks. */
static int stranger(void)
{
    int number = KEYS + 10;

    while (value_text(number, 0).size < 600)
        number++;
    return number;
}

static void put_stranger(void)
{
    (void)put(stranger(), 0, (pb_str){0});
}

static void replace(void)
{
    (void)put(7, 1, (pb_str){0});
}

static void drop(void)
{
    struct table_key key = table_key(&table, key_text(7));
    table_drop(&table, &key, table_find(&table, &key, 1));
}

static void touch(void)
{
    struct table_key key = table_key(&table, key_text(7));
    table_touch(&table, &key, table_find(&table, &key, 1));
}

static void repair_its_shard(void)
{
    table_repair(&table, shard_of(7));
}

static void find_what_is_over(void)
{
    struct table_key key = table_key(&table, key_text(KEYS + 1));
    ck_assert_ptr_null(table_find(&table, &key, 100 * MINUTE));
}

START_TEST(a_new_entry)
{
    fill_some();
    survives(put_stranger, stranger(), 10);
}
END_TEST

START_TEST(an_entry_replaced)
{
    fill_some();
    survives(replace, 7, 20);
}
END_TEST

START_TEST(an_entry_that_needs_room)
{
    fill_all();
    uint64_t evictions = table_shard(&table, shard_of(stranger()))->evictions;
    survives(put_stranger, stranger(), 20);
    ck_assert_uint_gt(table_shard(&table, shard_of(stranger()))->evictions, evictions);
}
END_TEST

START_TEST(an_entry_dropped)
{
    fill_some();
    survives(drop, 7, 4);
}
END_TEST

START_TEST(an_entry_touched)
{
    fill_some();
    survives(touch, 7, 1);
}
END_TEST

START_TEST(a_repair)
{
    fill_some();
    replace();
    survives(repair_its_shard, 7, 4);
}
END_TEST

START_TEST(an_entry_that_is_over)
{
    struct table_key key = table_key(&table, key_text(KEYS + 1));
    struct table_item item = {.key = &key, .value = pb_lit("short"), .expires = MINUTE, .now = 1};

    fill_some();
    ck_assert(table_put(&table, &item));
    survives(find_what_is_over, KEYS + 1, 4);
}
END_TEST

/* --- without death ---------------------------------------------------------------------------- */

START_TEST(tags_go_at_once)
{
    for (int i = 0; i < 20; i++)
        ck_assert(put(i, 0, i % 2 ? pb_lit("odd") : pb_lit("even")));
    table_remove_tag(&table, pb_lit("odd"));
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(has(i, 0), i % 2 == 0);
    ck_assert(put(1, 0, pb_lit("odd")) && has(1, 0));
}
END_TEST

START_TEST(what_is_used_stays)
{
    struct table_key key = table_key(&table, key_text(3));

    ck_assert(put(3, 0, (pb_str){0}));
    for (int i = 100; i < 100 + 5000; i++) { /* many times of what fits */
        const struct entry *entry = table_find(&table, &key, 1);
        ck_assert_msg(entry != NULL, "forgotten after %d", i);
        table_touch(&table, &key, entry);
        ck_assert(put(i, 0, (pb_str){0}));
    }
    ck_assert(has(3, 0));
    ck_assert(!has(100, 0));
    for (uint32_t i = 0; i < TABLE_SHARDS; i++)
        is_sound(i);
}
END_TEST

START_TEST(what_is_too_large_goes)
{
    static char large[BYTES];
    struct table_key key = table_key(&table, key_text(3));
    struct table_item item = {.key = &key, .value = {large, (size_t)table_largest(BYTES)}};

    ck_assert(put(3, 0, (pb_str){0}));
    ck_assert(table_put(&table, &item));
    ck_assert(put(3, 0, (pb_str){0}));
    item.value.size = BYTES / TABLE_SHARDS / 2;
    ck_assert(!table_put(&table, &item));
    ck_assert(!has(3, 0)); /* the value from before is not true any more */
}
END_TEST

/* Somebody wrote where he must not: what cannot be right is dropped, the rest stays. */
START_TEST(a_broken_chain_is_dropped)
{
    int broken = 0;

    fill_some();
    while (value_text(broken, 0).size < 600)
        broken++;
    struct table_key key = table_key(&table, key_text(broken));
    struct shard *shard = table_shard(&table, key.shard);
    struct entry *entry = table_find(&table, &key, 1);
    entry->next = number_of(&table, shard, entry);
    table_repair(&table, key.shard);
    is_sound(key.shard);
    for (int i = 0; i < 200; i++)
        ck_assert_int_eq(has(i, 0), i != broken);
}
END_TEST

int main(void)
{
    TCase *kills =
        suite_case("killed at every step", begin, end,
                   (const TTest *const[]){a_new_entry, an_entry_replaced, an_entry_that_needs_room,
                                          an_entry_dropped, an_entry_touched, a_repair,
                                          an_entry_that_is_over, NULL});
    TCase *whole =
        suite_case("alive", begin, end,
                   (const TTest *const[]){tags_go_at_once, what_is_used_stays,
                                          what_is_too_large_goes, a_broken_chain_is_dropped, NULL});

    return suite_run_cases("memory's table", (TCase *const[]){kills, whole, NULL});
}
