/* internal.h - what the files of the testkit share. Unlike testkit.h it knows the host. */
#ifndef PATCHBAY_TESTKIT_INTERNAL_H
#define PATCHBAY_TESTKIT_INTERNAL_H

#include "testkit.h"

#include "base/arena.h"
#include "config/diagnostics.h"
#include "runtime/loop.h"

struct pb_harness {
    struct arena arena; /* of all that is handed out, and of the configuration */
    struct config_diagnostics diagnostics;
    uv_idle_t idle;   /* keeps the loop from blocking in virtual time */
    uv_check_t check; /* after each poll: jumps when nothing is ready */
    bool real_time;
    size_t handles; /* of the loop when it was new */
    pb_principal tester;
    char data_dir[80]; /* of its own, removed at the end */
};

/* Runs fn(arg) on a task until it returned, the loop with it. */
void harness_run(pb_harness *harness, void (*fn)(void *arg), void *arg);

/* Called, when set, once the configuration was read and before anything is created: instances have
 * their options and nothing of a plugin but check() has run. */
extern void (*harness_before_start)(void);

/* Ends the test with a sentence. */
_Noreturn void harness_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Copies into the harness's arena; never fails. */
pb_str harness_copy(pb_harness *harness, pb_str text);
void *harness_alloc(pb_harness *harness, size_t size);
const pb_json *harness_json(pb_harness *harness, pb_str text);

/* messages.c: the messages of an ask, in the running scope. */
void harness_messages(pb_harness *harness, const pb_ask *ask, pb_turn_spec *spec);

#endif
