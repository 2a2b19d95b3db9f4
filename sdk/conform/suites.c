/* suites.c - the interface suites of the testkit as cases: what any implementation must do alike.
 */
#include "suites.h"

#include "expect.h"
#include "upstream_kit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct pb_suite_case *running;

static void ended(const pb_expect_end *end)
{
    if (end->skipped)
        case_skip("%s", end->sentence);
    case_fail(running->rule, "%s", end->sentence);
}

/* An llm behind HTTP is asked at the testkit's own service: where it has an option `base_url`, and
 * as
 * ${PATCHBAY_UPSTREAM} in the configuration of -c. The text is malloc'd; NULL: one that fits. */
static const char *with_upstream(struct subject *subject)
{
    const pb_component *component = subject_component(subject);
    const pb_field *field = component->options;
    char text[80];

    while (field && field->kind != PB_KIND_END && strcmp(pb_field_name(field), "base_url") != 0)
        field = pb_field_next(field);
    if (strcmp(component->kind, "llm") != 0 || !field || field->kind == PB_KIND_END)
        return NULL;
    (void)snprintf(text, sizeof text, "'%s/v1'", pb_upstream_url());
    (void)setenv("PATCHBAY_UPSTREAM", pb_upstream_url(), 1);
    if (subject->target->config)
        return NULL;
    return config_write(
        component, &(struct filling){.field = field, .text = text, .variant = config_variant()});
}

static void run(struct subject *subject)
{
    for (running = pb_suite_of(subject->test->kinds); running->name; running++)
        if (strcmp(running->name, subject->test->name) == 0)
            break;
    pb_expect_hook(ended);
    subject_open(subject, with_upstream(subject), NULL);
    if (!subject->instance)
        case_skip("the configuration has no instance of it");
    running->run(subject->harness, subject->instance);
    subject_close(subject);
}

void suites_walk(pb_str kind, void (*each)(void *arg, const struct conform_case *test), void *arg)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%.*s", PB_ARG(kind));
    for (const struct pb_suite_case *at = pb_suite_of(name); at && at->name; at++)
        each(arg,
             &(struct conform_case){.name = at->name, .kinds = name, .rule = at->rule, .run = run});
}
