/* Who is let in without credentials: this machine, and others only where the option says so. */
#include "suite.h"
#include "testkit.h"

#include <patchbay/auth.h>

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_none;

static const pb_plugin *const plugins[] = {&patchbay_plugin_none, NULL};
static pb_harness *harness;
static pb_principal who;

static pb_status enter(void *arg)
{
    pb_instance *schemes[] = {pb_harness_instance(harness, "auth", "all")};
    return pb_authenticate((pb_list){schemes, 1}, arg, &who);
}

static pb_status come(const char *options, bool loopback, pb_str *sentence)
{
    char yaml[256];
    pb_credentials credentials = {.size = sizeof credentials, .loopback = loopback};

    snprintf(yaml, sizeof yaml, "auth: {all: {use: none%s}}\n", options);
    harness = pb_harness_open(yaml, plugins, NULL);
    return pb_harness_run(harness, enter, &credentials, sentence);
}

START_TEST(this_machine)
{
    ck_assert_int_eq(come("", true, NULL), PB_OK);
    ck_assert(pb_str_is(who.id, "anonymous") && pb_str_is(who.name, "anonymous"));
    ck_assert(pb_str_is(who.tenant, "default") && pb_str_is(who.scheme, "all"));
    ck_assert_uint_eq(who.role_count, 1);
    ck_assert(pb_str_is(who.roles[0], "admin"));
    ck_assert(pb_principal_may(&who, pb_lit("turns.read")));
    pb_harness_free(harness);
    ck_assert_int_eq(come(", id: dev, tenant: acme, roles: []", true, NULL), PB_OK);
    ck_assert(pb_str_is(who.id, "dev") && pb_str_is(who.tenant, "acme"));
    ck_assert_uint_eq(who.role_count, 0);
    pb_harness_free(harness);
}
END_TEST

START_TEST(other_machines)
{
    pb_str sentence;

    ck_assert_int_eq(come("", false, &sentence), PB_FORBIDDEN);
    ck_assert(pb_str_is(sentence, "only requests from this machine itself are let in"));
    pb_harness_free(harness);
    ck_assert_int_eq(come(", anywhere: true", false, NULL), PB_OK);
    ck_assert(pb_str_is(who.id, "anonymous"));
    pb_harness_free(harness);
}
END_TEST

START_TEST(options_are_checked)
{
    char *problems = NULL;

    /* warnings are printed beside a problem */
    ck_assert_ptr_null(pb_harness_open("auth:\n"
                                       "  all: {use: none, anywhere: true}\n"
                                       "  no: {use: none, id: ''}\n",
                                       plugins, &problems));
    ck_assert_msg(strstr(problems, "test.yaml:3:"), "%s", problems);
    ck_assert_msg(strstr(problems, "auth.no.id"), "%s", problems);
    ck_assert_msg(strstr(problems, "test.yaml:2:30: "), "%s", problems);
    ck_assert_msg(
        strstr(problems, "auth.all.anywhere: warning: everyone who reaches a listener is let in"),
        "%s", problems);
    free(problems);
}
END_TEST

int main(void)
{
    return suite_run(
        "none", (const TTest *const[]){this_machine, other_machines, options_are_checked, NULL});
}
