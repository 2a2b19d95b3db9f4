/* conform.h - what the files of patchbay-conform share.
 *
 * The program reads a plugin's manifest without running anything, makes a list of cases from it,
 * and runs each in a process of its own: a case that crashes or hangs is a line of the report.
 */
#ifndef CONFORM_H
#define CONFORM_H

#include "internal.h" /* of the testkit */

#include "plugin/manifest.h"
#include "plugin/registry.h"
#include <patchbay/plugin.h>

/* What is tested, and how. Filled by main, the same in every process. */
struct target {
    const char *file;   /* absolute */
    const char *config; /* absolute path of -c, or NULL */
    const char *only;   /* a part of "kind 'name': case", or a pattern with * */
    bool quick, list, json;
    struct manifest manifest;
};

/* What a case works on, in its own process. */
struct subject {
    const struct target *target;
    const struct manifest_component *component; /* of a case of the file: NULL */
    const struct conform_case *test;
    struct pb_harness *harness; /* open_subject */
    pb_instance *instance;      /* the first of the component, while the harness is open */
};

struct conform_case {
    const char *name;  /* as it is printed: "created and destroyed 1000 times" */
    const char *kinds; /* " stage llm ": only for these; NULL: for all */
    bool quick;        /* also with --quick */
    int rule;          /* of sdk/CONTRACT.md that it is about; 0: none */
    void (*run)(struct subject *subject);
};

/* --- the lists (ended by a NULL name) -----------------------------------------------------------
 */

extern const struct conform_case file_cases[];
extern const struct conform_case life_cases[], fuzz_cases[], global_cases[], use_cases[],
    turn_cases[];

/* The cases of one component, or of the file (NULL): calls each(arg, case) for every one. */
void plan_walk(const struct target *target, const struct manifest_component *component,
               void (*each)(void *arg, const struct conform_case *test), void *arg);

/* --- running (runner.c) -------------------------------------------------------------------------
 */

enum { RUN_OK = 0, RUN_FAILED = 1, RUN_USAGE = 2 };

/* Runs or lists all cases that are asked for, prints the report; gives the exit code. */
int runner_run(const struct target *target);

/* --- in the process of a case (child.c) ---------------------------------------------------------
 */

/* Begins it: reports go to `fd`; signals and the limit of time are reported there. */
void child_begin(int fd, const char *plugin, unsigned seconds);

/* End the case. `rule` 0: no rule of the contract was broken. */
_Noreturn void case_fail(int rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
_Noreturn void case_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- opening (open.c) ---------------------------------------------------------------------------
 */

/* Loads the plugin's file, once in a process; its descriptor. A refusal ends the case. */
const pb_plugin *subject_load(struct subject *subject);
const pb_component *subject_component(struct subject *subject);

/* Opens a harness with this configuration (NULL: one that fits). A configuration that does not load
 * gives NULL with *problems (free it), or ends the case when `problems` is NULL. */
pb_harness *subject_open(struct subject *subject, const char *yaml, char **problems);
void subject_close(struct subject *subject);

/* --- configurations (config.c) ------------------------------------------------------------------
 */

/* How an option table is filled in. */
struct filling {
    const pb_field *field; /* this field gets … */
    const char *text;      /* … this, as YAML; NULL: it is left out */
    unsigned variant;      /* of values that can only be guessed; from 0 */
    unsigned copies;       /* instances; 0 counts as 1 */
};
enum { FILL_VARIANTS = 4 };

/* Is there code of Rust in it? */
bool file_is_rust(struct subject *subject);

/* A whole configuration in which the component has an instance "subject"; malloc'd. */
char *config_write(const pb_component *component, const struct filling *filling);

/* One that loads and starts: that of -c, or a variant that was tried. Ends the case when there is
 * none. */
const char *config_fitting(struct subject *subject);
unsigned config_variant(void); /* which one that was */

#endif
