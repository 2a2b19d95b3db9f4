/* journal_run.c - the launched turns of this process: two tasks each, one that runs the pipeline
 * and one that writes, so that a turn waits neither for the database nor for whoever reads along.
 */
#include "turn/journal.h"

#include <stdlib.h>

enum { BUCKETS = 64 };

static struct {
    struct list_link buckets[BUCKETS];
    size_t count;
    struct list_link waiting; /* in journal_wait_all */
} running;

/* In journal_wait_all, or following; on the waiting task's stack. */
struct one_waiter {
    struct list_link link;
    struct waiter waiter;
};

/* The end of a UUIDv7 is random, so it is a hash already. */
static struct list_link *bucket_of(const char *id)
{
    uint64_t end;
    memcpy(&end, id + 28, sizeof end);
    struct list_link *bucket = &running.buckets[(end * 0x9E3779B97F4A7C15u) >> 58];
    if (!bucket->next)
        list_init(bucket);
    return bucket;
}

struct journal_turn *journal_find(pb_str id)
{
    if (id.size != 36)
        return NULL;
    struct list_link *bucket = bucket_of(id.data);
    for (struct list_link *at = bucket->next; at != bucket; at = at->next) {
        struct journal_turn *journal = list_entry(at, struct journal_turn, link);
        if (memcmp(journal->turn->core->id, id.data, 36) == 0)
            return journal;
    }
    return NULL;
}

void journal_add(struct journal_turn *journal)
{
    list_append(bucket_of(journal->turn->core->id), &journal->link);
    running.count++;
}

static void wake_all(struct list_link *waiters)
{
    struct list_link *link;

    while (waiters->next && (link = list_pop(waiters)))
        waiter_wake(&list_entry(link, struct one_waiter, link)->waiter);
}

void journal_wake(struct journal_turn *journal)
{
    wake_all(&journal->followers);
}

pb_status journal_wait(struct journal_turn *journal, pb_duration limit)
{
    struct one_waiter one = {0};

    list_append(&journal->followers, &one.link);
    pb_status status = task_wait_for(&one.waiter, limit);
    list_remove(&one.link);
    return status;
}

void journal_free(struct journal_turn *journal)
{
    if (journal->link.next) {
        list_remove(&journal->link);
        running.count--;
    }
    wake_all(&journal->followers);
    host_turn_free(journal->turn);
    journal_drop_rows(journal);
    buf_fini(&journal->text);
    pb_reply_end(&journal->reply);
    free(journal->headers);
    arena_fini(&journal->arena);
    free(journal);
    if (running.count == 0)
        wake_all(&running.waiting);
}

void journal_wait_all(void)
{
    while (running.count) {
        struct one_waiter one = {0};
        if (!running.waiting.next)
            list_init(&running.waiting);
        list_append(&running.waiting, &one.link);
        task_wait_always(&one.waiter);
        list_remove(&one.link);
    }
}

/* --- running ---------------------------------------------------------------------------------- */

static pb_status run_pipeline(void *arg)
{
    struct journal_turn *journal = arg;
    pb_status status = host_turn_run(journal->turn, &journal->sink);

    journal_over(journal, status);
    return PB_OK;
}

static void run(void *arg)
{
    struct journal_turn *journal = arg;
    pb_status status = host_spawn(run_pipeline, journal, &journal->task);

    if (status != PB_OK)
        journal_over(journal, status);
    journal_write_all(journal);
    if (journal->task)
        (void)host_join(journal->task);
    journal_free(journal);
}

pb_status journal_run(struct journal_turn *journal)
{
    journal->sink = (pb_sink){.size = sizeof journal->sink, .emit = journal_emit};
    return task_start(run, journal, NULL);
}
