/* life.c - create, start, stop and destroy, as often as an author does not try. */
#include "conform.h"

#include "drive.h"
#include "memory.h"

#include "base/scope.h"
#include "plugin/instances.h"
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 1000 };

static struct subject *current;

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t in_use(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static const pb_instance *find(const struct subject *subject)
{
    const pb_instance *at = instances_all();

    while (at && (!at->component || !pb_str_is(subject->component->kind, at->component->kind) ||
                  !pb_str_is(subject->component->name, at->component->name)))
        at = at->next;
    if (!at)
        case_skip("the configuration has no instance of it");
    return at;
}

/* --- created and destroyed ----------------------------------------------------------------------
 */

static void create_and_destroy(pb_instance *instance, const void *options)
{
    struct arena kept = instance->arena;
    size_t size = instance->component->instance_size;
    pb_status status = PB_OK;

    memcpy(instance->self, options, size);
    arena_init(&instance->arena, 0);
    struct arena *before = scope_arena_swap(&instance->arena);
    void *outer = instance_enter(instance);
    pb_error_clear();
    if (instance->interface->create)
        status = instance->interface->create(instance->self);
    if (status != PB_OK)
        case_skip("create fails: %.*s", PB_ARG(pb_error_last()->sentence));
    if (instance->interface->destroy)
        instance->interface->destroy(instance->self);
    instance_leave(outer);
    scope_arena_swap(before);
    arena_fini(&instance->arena);
    instance->arena = kept;
    memcpy(instance->self, options, size);
}

/* What holds the first rounds may hold (a table of a library); what grows with each is a leak. */
static void many_lives(void)
{
    pb_instance *instance = (pb_instance *)(uintptr_t)find(current);
    void *options = malloc(instance->component->instance_size);

    memcpy(options, instance->self, instance->component->instance_size);
    for (int i = 0; i < ROUNDS / 2; i++)
        create_and_destroy(instance, options);
    size_t before = in_use();
    for (int i = 0; i < ROUNDS / 2; i++)
        create_and_destroy(instance, options);
    size_t after = in_use();
    free(options);
    /* What malloc caches counts as in use and varies; its smallest block has 32 bytes. */
    if (after > before + ROUNDS / 2 * 16)
        case_fail(0,
                  "%d times create and destroy leave %zu bytes behind: destroy must free what "
                  "create took, pb_alloc needs no freeing",
                  ROUNDS / 2, after - before);
}

static void created_often(struct subject *subject)
{
    const char *config = config_fitting(subject);

    current = subject;
    harness_before_start = many_lives;
    subject_open(subject, config, NULL);
    subject_close(subject);
}

/* --- side by side --------------------------------------------------------------------------------
 */

/* The second instance of the component. */
static pb_instance *second(const pb_instance *first)
{
    pb_instance *at = first->next;

    while (at && at->component != first->component)
        at = at->next;
    return at;
}

/* What one was asked does not change what the other answers. */
static void two(struct subject *subject)
{
    const pb_component *component = subject_component(subject);
    struct filling filling = {.copies = 2};
    char *problems = NULL, *yaml;

    (void)config_fitting(subject);
    if (subject->target->config)
        case_skip("the configuration says how many instances there are");
    filling.variant = config_variant();
    yaml = config_write(component, &filling);
    if (!subject_open(subject, yaml, &problems))
        case_skip("two of it cannot run in one process: %.*s", (int)strcspn(problems, "\n"),
                  problems);
    pb_instance *other = second(subject->instance);
    if (!other)
        case_fail(0, "the configuration has one instance of it where two were written");
    if (other->self == subject->instance->self)
        case_fail(0, "two instances have one struct");
    if (drive_of(subject->component->kind)) {
        struct went first = drive_once(subject, &(struct use){.number = 1});
        subject->instance = other;
        struct went then = drive_once(subject, &(struct use){.number = 1});
        if (first.status == PB_OK && then.status != PB_OK)
            case_fail(5, "the second instance fails after the first was used: %s", then.sentence);
        went_free(&first);
        went_free(&then);
    }
    subject_close(subject);
    free(yaml);
}

/* --- started and stopped -------------------------------------------------------------------------
 */

/* A process has more than the plugin in it: what each round leaves behind counts, the least of
 * several. */
static void started_often(struct subject *subject)
{
    int64_t least = INT64_MAX;

    (void)config_fitting(subject);
    for (int round = 0; round < (subject->target->quick ? 10 : 30); round++) {
        size_t before = in_use(), bytes, blocks;
        subject_open(subject, NULL, NULL);
        subject_close(subject);
        int64_t grown = (int64_t)in_use() - (int64_t)before;
        least = grown < least ? grown : least;
        if ((blocks = plugin_memory_held(&bytes)))
            case_fail(
                0,
                "%zu blocks of %zu bytes that the plugin took from malloc are not freed after "
                "destroy",
                blocks, bytes);
    }
    if (least > 2048)
        case_fail(0, "each start and stop leaves about %lld bytes behind", (long long)least);
}

/* --- health and figures --------------------------------------------------------------------------
 */

static void see_health(void *arg, const struct instance_report *report)
{
    if (report->instance == arg && report->status != PB_OK && !report->sentence.size)
        case_fail(7, "health fails with '%s' and no sentence", pb_status_name(report->status));
}

static pb_status ask_health(void *arg)
{
    struct subject *subject = arg;
    pb_buf figures = {0}, all = {0};
    pb_json_writer writer = pb_json_writer_make(&all);

    for (int i = 0; i < 3; i++) {
        (void)instances_health(see_health, subject->instance);
        instances_stats_write(&figures);
        instances_report_write(&writer);
        instances_config_write(&figures);
    }
    return PB_OK;
}

static void health(struct subject *subject)
{
    subject_open(subject, NULL, NULL);
    (void)pb_harness_run(subject->harness, ask_health, subject, NULL);
    subject_close(subject);
}

const struct conform_case life_cases[] = {
    {.name = "created and destroyed 1000 times", .quick = true, .run = created_often},
    {.name = "started and stopped again and again", .quick = true, .run = started_often},
    {.name = "two instances side by side", .quick = true, .rule = 5, .run = two},
    {.name = "asked for health and figures", .quick = true, .run = health},
    {0}};
