/* Which keys are let in, as whom, and which configurations are refused. */
#include "suite.h"
#include "testkit.h"

#include <patchbay/auth.h>

#include <stdlib.h>

extern const pb_plugin patchbay_plugin_api_key;

static const pb_plugin *const plugins[] = {&patchbay_plugin_api_key, NULL};
static pb_harness *harness;

/* "letter-box-number-one" and "letter-box-number-two"; sha256sum made the hashes */
static const char yaml[] =
    "auth:\n"
    "  keys:\n"
    "    use: api-key\n"
    "    keys:\n"
    "      - name: ci\n"
    "        hash: sha256:5e8abf275e2629fb4bd73ce2c03b995fd134e25c6783726b2a9566e82fa8f9fe\n"
    "        tenant: acme\n"
    "        roles: [admin, staff]\n"
    "        scopes: [turns.write]\n"
    "      - {name: web, key: letter-box-number-two, expires: 2400-02-29}\n"
    "      - {name: old, key: letter-box-number-three, expires: 2026-01-01}\n";

static void begin(void)
{
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* --- asking ----------------------------------------------------------------------------------- */

struct entry {
    pb_credentials credentials;
    pb_status status;
    pb_principal principal;
    int64_t times;
};

static pb_status enter(void *arg)
{
    struct entry *entry = arg;
    pb_instance *schemes[] = {pb_harness_instance(harness, "auth", "keys")};

    for (int64_t i = 0; i < entry->times; i++)
        entry->status =
            pb_authenticate((pb_list){schemes, 1}, &entry->credentials, &entry->principal);
    return entry->status;
}

static struct entry present(const char *authorization, const char *api_key, pb_str *sentence)
{
    struct entry entry = {.credentials = {.size = sizeof(pb_credentials),
                                          .authorization = pb_str_of(authorization),
                                          .api_key = pb_str_of(api_key)},
                          .times = 1};

    (void)pb_harness_run(harness, enter, &entry, sentence);
    return entry;
}

static void let_in(const char *authorization, const char *api_key, const char *id)
{
    struct entry entry = present(authorization, api_key, NULL);
    ck_assert_int_eq(entry.status, PB_OK);
    ck_assert(pb_str_is(entry.principal.id, id));
}

static void kept_out(const char *authorization, const char *api_key, const char *sentence)
{
    pb_str why;
    struct entry entry = present(authorization, api_key, &why);
    ck_assert_int_eq(entry.status, PB_UNAUTHENTICATED);
    ck_assert_msg(pb_str_is(why, sentence), "%.*s", PB_ARG(why));
}

START_TEST(keys_let_in)
{
    struct entry entry = present("Bearer letter-box-number-one", NULL, NULL);
    const pb_principal *who = &entry.principal;

    ck_assert_int_eq(entry.status, PB_OK);
    ck_assert(pb_str_is(who->id, "key:ci") && pb_str_is(who->name, "ci"));
    ck_assert(pb_str_is(who->tenant, "acme") && pb_str_is(who->scheme, "keys"));
    ck_assert_uint_eq(who->role_count, 2);
    ck_assert(pb_str_is(who->roles[1], "staff"));
    ck_assert(pb_principal_may(who, pb_lit("turns.write")));
    ck_assert(!pb_principal_may(who, pb_lit("turns.read")));
    entry = present(NULL, "letter-box-number-two", NULL);
    ck_assert(pb_str_is(entry.principal.id, "key:web"));
    ck_assert(pb_str_is(entry.principal.tenant, "default"));
    ck_assert(pb_principal_may(&entry.principal, pb_lit("turns.read"))); /* no scopes: all */
    let_in("bearer   letter-box-number-one ", NULL, "key:ci");
    let_in("Basic bGV0dGVy", "letter-box-number-two", "key:web");
}
END_TEST

START_TEST(others_stay_out)
{
    static const char unknown[] = "credentials are needed, and none that came are known here";

    kept_out(NULL, NULL, unknown);
    kept_out("Bearer ", NULL, unknown);
    kept_out("Bearer", NULL, unknown);
    kept_out("Bearer letter-box-number-onE", NULL, unknown);
    kept_out("Bearer letter-box-number-one-and-more", NULL, unknown);
    kept_out("letter-box-number-one", NULL, unknown);
    kept_out(NULL, "sha256:5e8abf275e2629fb4bd73ce2c03b995fd134e25c6783726b2a9566e82fa8f9fe",
             unknown); /* a hash is no key */
    kept_out("Bearer letter-box-number-three", NULL, "this key has expired; ask for a new one");
}
END_TEST

static pb_status twice(void *arg)
{
    struct entry *entry = arg;
    char *first = (char *)pb_alloc(1), *before = (char *)pb_alloc(1);
    pb_status status = enter(entry);

    /* what was taken meanwhile would stand between the two */
    entry->times = ((char *)pb_alloc(1) - before) - (before - first);
    return status;
}

START_TEST(nothing_is_allocated)
{
    struct entry entry = {
        .credentials = {.size = sizeof(pb_credentials), .api_key = pb_lit("letter-box-number-two")},
        .times = 1000};

    ck_assert_int_eq(pb_harness_run(harness, twice, &entry, NULL), PB_OK);
    ck_assert_int_eq(entry.times, 0);
}
END_TEST

/* --- the configuration ------------------------------------------------------------------------ */

static void says(const char *keys, const char *expected)
{
    char text[1024], *problems = NULL;

    snprintf(text, sizeof text, "auth:\n  keys:\n    use: api-key\n    keys:\n%s", keys);
    ck_assert_ptr_null(pb_harness_open(text, plugins, &problems));
    ck_assert_msg(strstr(problems, expected), "%s", problems);
    free(problems);
}

START_TEST(options_are_checked)
{
    says("      - {name: a}\n",
         "test.yaml:5:9: auth.keys.keys[0]: a key needs either 'hash' or 'key', and not both");
    says("      - {name: a, key: 'a-long-enough-key', hash: "
         "'sha256:5e8abf275e2629fb4bd73ce2c03b995fd134e25c6783726b2a9566e82fa8f9fe'}\n",
         "auth.keys.keys[0]: a key needs either 'hash' or 'key', and not both");
    says("      - {name: a, key: short}\n",
         "test.yaml:5:24: auth.keys.keys[0].key: the key is too short; use at least 16 characters");
    says("      - {name: a, key: a-long-enough-key, expires: 2027-02-29}\n",
         "auth.keys.keys[0].expires: '2027-02-29' is no day; write one like 2027-01-31");
    says("      - {name: a, key: a-long-enough-key, expires: 2027-13-01}\n", "is no day");
    says("      - {name: a, key: a-long-enough-key}\n"
         "      - {name: a, key: another-long-enough-key}\n",
         "test.yaml:6:16: auth.keys.keys[1].name: there is another key named 'a'; give each its "
         "own");
    says("      - {name: a, key: letter-box-number-one}\n"
         "      - {name: b, hash: "
         "'sha256:5e8abf275e2629fb4bd73ce2c03b995fd134e25c6783726b2a9566e82fa8f9fe'}\n",
         "auth.keys.keys[1].hash: this is the key of 'a' again; make another one");
    says("      - {name: a, hash: letter-box-number-one}\n", "auth.keys.keys[0].hash");
    says("      - {name: a b, key: a-long-enough-key}\n", "auth.keys.keys[0].name");
    says("      - {key: a-long-enough-key}\n", "name");
    says("      - {name: a, key: a-long-enough-key, tenant: a/b}\n", "auth.keys.keys[0].tenant");
}
END_TEST

int main(void)
{
    TCase *cases = suite_case(
        "keys", begin, end,
        (const TTest *const[]){keys_let_in, others_stay_out, nothing_is_allocated, NULL});
    TCase *others =
        suite_case("configuration", NULL, NULL, (const TTest *const[]){options_are_checked, NULL});

    return suite_run_cases("api-key", (TCase *const[]){cases, others, NULL});
}
