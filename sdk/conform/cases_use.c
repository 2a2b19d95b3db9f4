/* cases_use.c - an instance in use: once, 64 times at once, with everything failing once, cancelled
 * and late at every call that waits, and again and again. */
#include "drive.h"

#include "memory.h"
#include "thunks.h"

#include "plugin/instances.h"
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 64, MOST_NUMBERS = 3000, QUICK_NUMBERS = 40 };

/* The last thing that a drive said; cuts the others off. */
static const char *last_line(char *said)
{
    size_t size = strlen(said);

    if (size && said[size - 1] == '\n')
        said[size - 1] = 0;
    const char *newline = strrchr(said, '\n');
    return newline ? newline + 1 : said;
}

/* Rule 7, and what the contract's guards say. */
static void look(const struct went *went, const char *when)
{
    if (went->status == PB_OK || went->status == PB_DECLINED)
        return;
    if (strncmp(went->sentence, "contract ", 9) == 0)
        case_fail(0, "%s (%s in what gave '%s')", went->sentence, when, last_line(went->said));
    if (!went->sentence[0])
        case_fail(7, "%s it fails with '%s' and no sentence: return pb_fail(…)", when,
                  pb_status_name(went->status));
}

static void open_driven(struct subject *subject)
{
    if (!drive_of(subject->component->kind))
        case_skip("nothing can be asked of this kind but to start and to stop");
    subject_open(subject, NULL, NULL);
}

static struct went drive_plain(struct subject *subject, unsigned number)
{
    return drive_once(subject, &(struct use){.number = number});
}

/* --- used once ----------------------------------------------------------------------------------
 */

static void used_once(struct subject *subject)
{
    open_driven(subject);
    struct went went = drive_plain(subject, 0);
    look(&went, "asked once,");
    if (went.status == PB_INTERNAL)
        case_fail(0, "%s", went.sentence);
    went_free(&went);
    subject_close(subject);
}

/* --- stacks -------------------------------------------------------------------------------------
 */

static void stack_use(struct subject *subject)
{
    open_driven(subject);
    struct went went = drive_plain(subject, 0);
    if (went.stack_used > went.stack_size / 4 * 3)
        case_fail(
            0,
            "it uses %zu KiB of a task's stack of %zu KiB: large things belong into pb_alloc, "
            "deep ones into a loop",
            went.stack_used >> 10, went.stack_size >> 10);
    went_free(&went);
    subject_close(subject);
}

/* --- 64 at once ---------------------------------------------------------------------------------
 */

/* Each alone, one after the other, in an instance that has seen nothing else. */
static void ask_alone(struct subject *subject, struct went *alone)
{
    subject_open(subject, NULL, NULL);
    for (unsigned i = 0; i < AT_ONCE; i++)
        alone[i] = drive_plain(subject, i);
    subject_close(subject);
}

/* Whoever is asked too much may refuse. */
static bool refused(const struct went *went)
{
    return went->status == PB_RATE_LIMITED || went->status == PB_UNAVAILABLE ||
           strstr(went->said, "rate_limited") || strstr(went->said, "unavailable");
}

static void at_once(struct subject *subject)
{
    static struct went alone[AT_ONCE], again[AT_ONCE], together[AT_ONCE];

    open_driven(subject);
    subject_close(subject);
    ask_alone(subject, alone);
    subject_open(subject, NULL, NULL);
    drive_together(subject, AT_ONCE, together);
    subject_close(subject);
    unsigned compared = 0;
    for (unsigned i = 0; i < AT_ONCE; i++) {
        look(&together[i], "asked with 63 others,");
        if (refused(&together[i]))
            continue;
        bool same = strcmp(alone[i].said, together[i].said) == 0;
        if (!same && !again[0].said)
            ask_alone(subject, again); /* what is another each time cannot be compared */
        if (!same && strcmp(alone[i].said, again[i].said) != 0)
            continue;
        compared++;
        if (!same)
            case_fail(
                3,
                "with %d at once, number %u gets '%.200s' and alone '%.200s': another turn may run "
                "on the instance while a call parks, so what belongs to one turn must not be kept "
                "in the instance",
                AT_ONCE, i, together[i].said, alone[i].said);
    }
    if (compared == 0)
        case_skip("asked alone it is refused, or answers otherwise each time (%.200s)",
                  alone[0].sentence);
}

/* --- everything fails once ----------------------------------------------------------------------
 */

static unsigned step_of(const struct subject *subject, unsigned number)
{
    return subject->target->quick && number > 8 ? number / 4 : 1;
}

static unsigned most(const struct subject *subject)
{
    return subject->target->quick ? QUICK_NUMBERS : MOST_NUMBERS;
}

/* Starts with the number-th disturbed; true: it was reached. */
static bool start_disturbed(struct subject *subject, const char *yaml, int how, unsigned number)
{
    char *problems = NULL;
    const char *call;

    (void)subject_load(subject);
    disturb((enum disturbance)how, number);
    bool up = subject_open(subject, yaml, &problems) != NULL;
    bool struck = disturbed(&call);
    if (!up && strstr(problems, "the plugin gave no sentence"))
        case_fail(7, "create or start fails without a sentence when call %u (%s) does: %.*s",
                  number, call ? call : "?", (int)strcspn(problems, "\n"), problems);
    if (!up && !struck)
        case_fail(0, "it started before and now it does not: %.*s", (int)strcspn(problems, "\n"),
                  problems);
    free(problems);
    if (up)
        subject_close(subject);
    return struck;
}

static void look_for_leaks(const char *when, unsigned number)
{
    size_t bytes, blocks = plugin_memory_held(&bytes);

    if (blocks)
        case_fail(0,
                  "%zu blocks of %zu bytes that the plugin took from malloc are not freed after "
                  "destroy (%s, number %u)",
                  blocks, bytes, when, number);
}

static void start_failing(struct subject *subject, int how)
{
    const char *yaml = config_fitting(subject);

    if (!thunks_work())
        case_skip("the plugin's calls cannot be watched on this machine");
    for (unsigned number = 1; number < most(subject); number += step_of(subject, number)) {
        bool struck = start_disturbed(subject, yaml, how, number);
        look_for_leaks("start", number);
        if (!struck)
            return;
    }
}

/* A limit of real time (a transaction's) may pass on a machine that has much else to do. */
static void usable_after(struct subject *subject, pb_status before, unsigned number)
{
    struct went went = drive_plain(subject, 0);

    for (int i = 0; went.status == PB_TIMEOUT && i < 5; i++) {
        went_free(&went);
        went = drive_plain(subject, 0);
    }
    look(&went, "afterwards");
    if (before == PB_OK && went.status != PB_OK && !refused(&went))
        case_fail(0, "once call %u had failed the instance is no longer usable: %s", number,
                  went.sentence);
    went_free(&went);
}

static void use_disturbed(struct subject *subject, int how)
{
    open_driven(subject);
    if (!thunks_work())
        case_skip("the plugin's calls cannot be watched on this machine");
    struct went first = drive_plain(subject, 0);
    for (unsigned number = 1; number < most(subject); number += step_of(subject, number)) {
        char when[100];
        struct went went =
            drive_once(subject, &(struct use){.number = 0, .how = how, .at = number});
        (void)snprintf(when, sizeof when, "when call %u (pb_%s) is disturbed,", number,
                       went.call ? went.call : "?");
        look(&went, when);
        usable_after(subject, first.status, number);
        went_free(&went);
        if (!went.struck)
            break;
    }
    went_free(&first);
    subject_close(subject);
    look_for_leaks("use", 0);
}

/* Rust's standard library is in the file and ends the process when malloc fails: nobody can do
 * otherwise. */
static bool malloc_may_fail(struct subject *subject)
{
    return plugin_memory_works() && !file_is_rust(subject);
}

static void start_without_memory(struct subject *subject)
{
    start_failing(subject, FAIL_ALLOCATION);
    if (malloc_may_fail(subject))
        start_failing(subject, FAIL_MALLOC);
}

static void start_without_host(struct subject *subject)
{
    start_failing(subject, FAIL_CALL);
}

static void use_without_memory(struct subject *subject)
{
    use_disturbed(subject, FAIL_ALLOCATION);
    if (malloc_may_fail(subject))
        use_disturbed(subject, FAIL_MALLOC);
}

static void use_without_host(struct subject *subject)
{
    use_disturbed(subject, FAIL_CALL);
}

static void use_cancelled(struct subject *subject)
{
    use_disturbed(subject, CANCEL);
}

static void use_late(struct subject *subject)
{
    use_disturbed(subject, TIME_OUT);
}

/* --- again and again ----------------------------------------------------------------------------
 */

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t in_use(void)
{
    return __sanitizer_get_current_allocated_bytes ? __sanitizer_get_current_allocated_bytes()
                                                   : mallinfo2().uordblks;
}

static int64_t growth(struct subject *subject, unsigned times)
{
    size_t before = in_use();

    for (unsigned i = 0; i < times; i++) {
        struct went went = drive_plain(subject, 0);
        went_free(&went);
    }
    return (int64_t)in_use() - (int64_t)before;
}

/* What grows by a cache that fills stops to; a leak grows in every round. What the plugin itself
 * takes is known to the block; of its libraries (a database's pages) only a lot is told from a
 * cache. */
static void leaks(struct subject *subject)
{
    enum { TIMES = 100, ROUNDS = 4, MUCH = 1024 };
    int64_t least = INT64_MAX, least_blocks = INT64_MAX;

    open_driven(subject);
    (void)growth(subject, TIMES);
    for (int round = 0; round < ROUNDS; round++) {
        size_t bytes;
        int64_t before = (int64_t)plugin_memory_held(&bytes), grown = growth(subject, TIMES);
        int64_t blocks = (int64_t)plugin_memory_held(&bytes) - before;
        least = grown < least ? grown : least;
        least_blocks = blocks < least_blocks ? blocks : least_blocks;
    }
    if (least_blocks >= TIMES)
        case_fail(0, "each use leaves %lld blocks behind that the plugin took from malloc",
                  (long long)least_blocks / TIMES);
    if (least > (int64_t)TIMES * MUCH)
        case_fail(0, "each use leaves about %lld bytes behind", (long long)least / TIMES);
    subject_close(subject);
}

const struct conform_case use_cases[] = {
    {.name = "used once", .quick = true, .run = used_once},
    {.name = "64 at once", .quick = true, .rule = 3, .run = at_once},
    {.name = "stack of a task", .quick = true, .run = stack_use},
    {.name = "started while the N-th allocation fails", .quick = true, .run = start_without_memory},
    {.name = "started while the N-th host call fails", .quick = true, .run = start_without_host},
    {.name = "used while the N-th allocation fails", .quick = true, .run = use_without_memory},
    {.name = "used while the N-th host call fails", .quick = true, .run = use_without_host},
    {.name = "cancelled in the N-th call that waits",
     .quick = true,
     .rule = 6,
     .run = use_cancelled},
    {.name = "a deadline passes in the N-th call that waits", .quick = true, .run = use_late},
    {.name = "used 500 times without growing", .run = leaks},
    {0}};
