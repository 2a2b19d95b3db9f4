/* probe.h - a stage that runs a function of the test: `- probe: {act: outer}` calls what probe_on
 * registered as "outer". Also a tool and a service, for the calls that go through the host. */
#ifndef TESTS_TURN_PROBE_H
#define TESTS_TURN_PROBE_H

#include "testkit.h"

#include <check.h>

struct probe {
    pb_str act;
    pb_pipeline *stages;
    pb_list branches; /* of pb_pipeline * */
    pb_instance *llm;
    pb_instance *tool;
    pb_duration wait;
};

typedef pb_status (*probe_fn)(const struct probe *probe, pb_turn *turn, const pb_next *next);

void probe_on(const char *act, probe_fn fn);
void probe_reset(void);

/* What the stages of a test write down, one word after another. */
void probe_log(const char *word);
const char *probe_logged(void);

/* Asks probe->llm as a generate stage would. */
pb_status probe_ask(const struct probe *probe, pb_turn *turn);

extern const pb_plugin patchbay_plugin_probe;

/* One suite of one case. */
int probe_main(const char *name, const TTest *const *tests);

#endif
