/* suite_kit.h - what the suites of the interfaces share: cases that run on a task, many tasks at
 * once, tenants. Not installed.
 */
#ifndef PATCHBAY_SUITE_KIT_H
#define PATCHBAY_SUITE_KIT_H

#include "expect.h"
#include "interface_suite.h"

/* Runs do_it(instance) on a task, for nobody in particular. */
void suite_in_task(pb_harness *harness, void (*do_it)(pb_instance *instance),
                   pb_instance *instance);

/* SUITE_CASE(counts) { … }: the body of a case, with `instance`, on a task; `counts` is what its
 * table names. */
#define SUITE_CASE(name)                                                                           \
    static void name##_body(pb_instance *instance);                                                \
    static void name(pb_harness *harness, pb_instance *instance)                                   \
    {                                                                                              \
        suite_in_task(harness, name##_body, instance);                                             \
    }                                                                                              \
    static void name##_body(pb_instance *instance)

/* In a task: fn(shared, 0) … fn(shared, count - 1), each in a task of its own; all have ended. */
void suite_at_once(int count, void (*fn)(void *shared, int number), void *shared);
/* In a task: fn(arg) for somebody of this tenant. */
void suite_as(const char *tenant, pb_status (*fn)(void *arg), void *arg);
/* In a task: starts fn(arg), cancels it when it waits for the first time, gives its status. */
pb_status suite_cancelled(pb_status (*fn)(void *arg), void *arg);
/* What the host calls, for what it offers to nobody else, and with what. */
const void *suite_interface(const pb_instance *instance);
void *suite_self(const pb_instance *instance);
/* In a task: a path in the harness's data folder, which goes with it. */
pb_str suite_path(const char *name);
/* Does the harness's time jump? */
bool suite_time_is_virtual(void);
/* In a task: `size` bytes that tell if any of them is missing or moved, different for each seed. */
pb_str suite_bytes(size_t size, uint32_t seed);

extern const struct pb_suite_case suite_cache[], suite_blob_store[], suite_database[],
    suite_vector_store[], suite_llm[];

#endif
