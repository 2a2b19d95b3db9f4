/* life.c - create, start, stop and destroy, as often as an author does not try. */
#include "conform.h"

#include "base/scope.h"
#include "plugin/instances.h"
#include <malloc.h>
#include <stdlib.h>

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

/* --- created and destroyed ---------------------------------------------------------------------- */

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
    if (after > before + ROUNDS / 2)
        case_fail(0, "%d times create and destroy leave %zu bytes behind: destroy must free what "
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

const struct conform_case life_cases[] = {
    {.name = "created and destroyed 1000 times", .quick = true, .run = created_often},
    {0}};
