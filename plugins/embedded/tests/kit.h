/* kit.h - what the tests share: a harness with the store on a database in a folder of its own. */
#ifndef TEST_EMBEDDED_KIT_H
#define TEST_EMBEDDED_KIT_H

#include "interface_case.h"
#include "vector_store_kit.h"

#include <patchbay/database.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_embedded;
extern const pb_plugin patchbay_plugin_sqlite;

static char folder[256];
static const char *options = ""; /* more options of the store */

static inline void open_store(void)
{
    char yaml[1200];

    (void)snprintf(
        yaml, sizeof yaml,
        "databases: {main: {use: sqlite, path: %s/t.db, query_limit: 60s}}\n"
        "vector_stores: {passages: {use: embedded, path: %s/vectors%s}}\n",
        folder, folder, options);
    vs_harness = pb_harness_new(yaml, &patchbay_plugin_embedded, &patchbay_plugin_sqlite);
    pb_harness_virtual_time(vs_harness, false);
    pb_expect_hook(interface_ended);
    vs_store = pb_harness_instance(vs_harness, "vector_store", "passages");
}

static inline void close_store(void)
{
    pb_harness_free(vs_harness);
    vs_harness = NULL;
}

static inline void open_again(void)
{
    close_store();
    open_store();
}

static inline void make_folder(void)
{
    const char *where = getenv("TMPDIR");

    (void)snprintf(folder, sizeof folder, "%s/patchbay-embedded-XXXXXX", where ? where : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static inline void before(void)
{
    make_folder();
    open_store();
}

static inline void after(void)
{
    char command[300];

    close_store();
    (void)snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    options = "";
}

/* In the shell, without its output. */
static inline void shell(const char *command)
{
    char line[700];

    (void)snprintf(line, sizeof line, "cd '%s' && (%s) >/dev/null", folder, command);
    ck_assert_msg(system(line) == 0, "%s", command);
}

#endif
