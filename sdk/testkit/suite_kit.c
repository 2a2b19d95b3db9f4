/* suite_kit.c - how a case runs, and which cases there are. See suite_kit.h. */
#include "suite_kit.h"

#include "internal.h"
#include "plugin/instances.h"

static bool time_is_virtual;
static const char *data_dir;

struct body {
    void (*do_it)(pb_instance *instance);
    pb_instance *instance;
};

static pb_status run_body(void *arg)
{
    const struct body *body = arg;

    body->do_it(body->instance);
    pb_error_clear(); /* what was expected to fail is no news */
    return PB_OK;
}

void suite_in_task(pb_harness *harness, void (*do_it)(pb_instance *instance), pb_instance *instance)
{
    struct body body = {do_it, instance};

    time_is_virtual = !harness->real_time;
    data_dir = harness->data_dir;
    EXPECT_OK(pb_harness_run(harness, run_body, &body, NULL), "a task of its own");
}

bool suite_time_is_virtual(void)
{
    return time_is_virtual;
}

pb_str suite_path(const char *name)
{
    return pb_printf("%s/%s", data_dir, name);
}

const void *suite_interface(const pb_instance *instance)
{
    return instance->interface;
}

void *suite_self(const pb_instance *instance)
{
    return instance->self;
}

struct part {
    void (*fn)(void *shared, int number);
    void *shared;
    int number;
};

static pb_status run_part(void *arg)
{
    const struct part *part = arg;

    part->fn(part->shared, part->number);
    pb_error_clear();
    return PB_OK;
}

void suite_at_once(int count, void (*fn)(void *shared, int number), void *shared)
{
    pb_task **tasks = PB_NEW_ARRAY(pb_task *, (size_t)count);
    struct part *parts = PB_NEW_ARRAY(struct part, (size_t)count);

    EXPECT(tasks && parts, "there is no memory for %d tasks", count);
    for (int i = 0; i < count; i++) {
        parts[i] = (struct part){fn, shared, i};
        EXPECT_OK(pb_spawn(run_part, &parts[i], &tasks[i]), "starting task %d", i);
    }
    for (int i = 0; i < count; i++)
        EXPECT_OK(pb_join(tasks[i]), "task %d", i);
}

void suite_as(const char *tenant, pb_status (*fn)(void *arg), void *arg)
{
    const pb_principal who = {
        .size = sizeof who, .id = PB_LIT("suite"), .tenant = pb_str_of(tenant)};

    EXPECT_OK(pb_run_as(&who, fn, arg), "what is done for the tenant '%.20s'", tenant);
}

pb_status suite_cancelled(pb_status (*fn)(void *arg), void *arg)
{
    pb_task *task;

    EXPECT_OK(pb_spawn(fn, arg, &task), "starting a task");
    EXPECT_OK(pb_sleep(0), "waiting for it"); /* it begins */
    pb_task_cancel(task);
    return pb_join(task);
}

pb_str suite_bytes(size_t size, uint32_t seed)
{
    char *bytes = pb_alloc(size + 1);
    uint32_t state = seed * 2654435761U + 1;

    EXPECT(bytes, "there is no memory for %zu bytes", size);
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525U + 1013904223U;
        bytes[i] = (char)(state >> 24);
    }
    bytes[size] = 0;
    return pb_str_make(bytes, size);
}

const struct pb_suite_case *pb_suite_of(const char *kind)
{
    static const struct {
        const char *kind;
        const struct pb_suite_case *cases;
    } suites[] = {{"cache", suite_cache},
                  {"blob_store", suite_blob_store},
                  {"database", suite_database},
                  {"vector_store", suite_vector_store},
                  {"llm", suite_llm}};
    static const struct pb_suite_case none = {.name = NULL};

    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
        if (strcmp(suites[i].kind, kind) == 0)
            return suites[i].cases;
    return &none;
}
