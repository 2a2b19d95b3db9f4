/* Keys of the database: made, used, listed, rotated, revoked, and who may do that. */
#include "suite.h"
#include "testkit.h"

#include <stdlib.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_api_key;
extern const pb_plugin patchbay_plugin_sqlite;

static const pb_plugin *const plugins[] = {&patchbay_plugin_api_key, &patchbay_plugin_sqlite, NULL};
static pb_harness *harness;
static char folder[] = "/tmp/patchbay-keys-XXXXXX";

static const pb_str admin = PB_LIT("admin"),
                    some_scopes[] = {PB_LIT("keys.manage"), PB_LIT("chat")};
static const pb_principal operator_ = {.size = sizeof operator_,
                                       .id = PB_LIT("terminal"),
                                       .tenant = PB_LIT("default"),
                                       .roles = &admin,
                                       .role_count = 1};
static const pb_principal manager = {.size = sizeof manager,
                                     .id = PB_LIT("key:manager"),
                                     .tenant = PB_LIT("default"),
                                     .scopes = some_scopes,
                                     .scope_count = 2};
static const pb_principal anybody = {
    .size = sizeof anybody, .id = PB_LIT("anonymous"), .tenant = PB_LIT("default")};
static const pb_principal stranger = {.size = sizeof stranger,
                                      .id = PB_LIT("terminal"),
                                      .tenant = PB_LIT("other"),
                                      .roles = &admin,
                                      .role_count = 1};

static void begin(void)
{
    char yaml[600];

    (void)strcpy(folder, "/tmp/patchbay-keys-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(yaml, sizeof yaml,
                   "databases: {main: {use: sqlite, path: %s/keys.db}}\n"
                   "services: {keys: {use: api-keys, database: main}}\n"
                   "auth: {keys: {use: api-key, database: main,\n"
                   "  keys: [{name: old, key: letter-box-number-one}]}}\n",
                   folder);
    harness = pb_harness_open(yaml, plugins, NULL);
    pb_harness_virtual_time(harness, false); /* the database has threads */
}

static void end(void)
{
    char command[100];

    pb_harness_free(harness);
    (void)snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- calls ------------------------------------------------------------------------------------ */

static const pb_json *parsed(pb_str text)
{
    const pb_json *json = NULL;

    ck_assert_int_eq(pb_json_parse(text, &json), PB_OK);
    return json;
}

static pb_content call_as(const pb_principal *who, const char *method, const char *path,
                          const char *body)
{
    return pb_harness_call(harness, method, path, body, who);
}

static pb_content make(const char *body)
{
    pb_content content = call_as(&operator_, "POST", "/v1/keys", body);

    ck_assert_msg(content.status == 200, "%.*s", PB_ARG(content.body));
    return content;
}

/* A member of an answer, as text. */
static const char *member(pb_content content, const char *name)
{
    static char kept[8][300];
    static int next;
    char *out = kept[next++ % 8];
    const pb_json *json = parsed(content.body);

    (void)snprintf(out, 300, "%.*s", PB_ARG(pb_json_text(pb_json_get(json, name))));
    return out;
}

static void refuses(const pb_principal *who, const char *body, int32_t status, const char *detail)
{
    pb_content content = call_as(who, "POST", "/v1/keys", body);

    ck_assert_int_eq(content.status, status);
    ck_assert_msg(strstr(content.body.data, detail), "%.*s", PB_ARG(content.body));
}

struct entry {
    const char *key;
    pb_status status;
    char id[64], tenant[64], scopes[200];
};

static pb_status enter_task(void *arg)
{
    struct entry *entry = arg;
    pb_instance *schemes[] = {pb_harness_instance(harness, "auth", "keys")};
    pb_credentials credentials = {.size = sizeof credentials, .api_key = pb_str_of(entry->key)};
    pb_principal who;

    entry->status = pb_authenticate((pb_list){schemes, 1}, &credentials, &who);
    if (entry->status != PB_OK)
        return entry->status;
    (void)snprintf(entry->id, sizeof entry->id, "%.*s", PB_ARG(who.id));
    (void)snprintf(entry->tenant, sizeof entry->tenant, "%.*s", PB_ARG(who.tenant));
    for (size_t i = 0; i < who.scope_count; i++) {
        size_t at = strlen(entry->scopes);
        (void)snprintf(entry->scopes + at, sizeof entry->scopes - at, "%.*s ",
                       PB_ARG(who.scopes[i]));
    }
    return PB_OK;
}

static struct entry enter(const char *key, const char *sentence)
{
    struct entry entry = {.key = key};
    pb_str why;

    (void)pb_harness_run(harness, enter_task, &entry, &why);
    if (sentence)
        ck_text(why, sentence);
    return entry;
}

static const char unknown[] = "credentials are needed, and none that came are known here";

/* --- a key's life ----------------------------------------------------------------------------- */

START_TEST(a_key_lets_in)
{
    pb_content made = make("{\"name\": \"ci\", \"scopes\": [\"turns.create\", \"chat\"], "
                           "\"roles\": [\"staff\"], \"tenant\": \"acme\"}");
    const char *key = member(made, "key");
    struct entry entry = enter(key, NULL);

    ck_assert_uint_eq(strlen(key), 3 + 12 + 1 + 43);
    ck_assert(strncmp(key, "pb_", 3) == 0 && key[15] == '_');
    ck_assert(strncmp(key + 3, member(made, "id"), 12) == 0);
    ck_assert_int_eq(entry.status, PB_OK);
    ck_assert(strncmp(entry.id, "key:", 4) == 0 && strcmp(entry.id + 4, member(made, "id")) == 0);
    ck_assert_str_eq(entry.tenant, "acme");
    ck_assert_str_eq(entry.scopes, "turns.create chat ");
    ck_assert_int_eq(enter(key, NULL).status, PB_OK);                     /* from memory now */
    ck_assert_int_eq(enter("letter-box-number-one", NULL).status, PB_OK); /* of the configuration */
}
END_TEST

START_TEST(others_do_not)
{
    pb_content made = make("{\"name\": \"ci\"}");
    char key[100];

    (void)snprintf(key, sizeof key, "%s", member(made, "key"));
    key[58] = key[58] == 'a' ? 'b' : 'a';
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(enter(key, unknown).status, PB_UNAUTHENTICATED);
    key[10] = key[10] == 'a' ? 'b' : 'a'; /* another id */
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(enter(key, unknown).status, PB_UNAUTHENTICATED);
    key[58] = 0;
    (void)enter(key, unknown);
    (void)enter("pb_", unknown);
    key[15] = '-';
    (void)enter(key, unknown);
}
END_TEST

/* Somebody tries a key before it is there: it is let in the moment that it is made. */
START_TEST(what_was_unknown_can_be_made)
{
    char key[100];

    for (int i = 0; i < 30; i++) {
        (void)snprintf(key, sizeof key, "pb_%012d_%043d", i, 0);
        (void)enter(key, unknown);
    }
    ck_assert_int_eq(enter(member(make("{\"name\": \"ci\"}"), "key"), NULL).status, PB_OK);
}
END_TEST

START_TEST(revoked_it_is_refused_at_once)
{
    pb_content made = make("{\"name\": \"ci\"}");
    const char *key = member(made, "key");
    char path[100];

    ck_assert_int_eq(enter(key, NULL).status, PB_OK);
    (void)snprintf(path, sizeof path, "/v1/keys/%s", member(made, "id"));
    ck_assert_int_eq(call_as(&stranger, "DELETE", path, NULL).status, 404); /* another tenant's */
    ck_assert_int_eq(call_as(&anybody, "DELETE", path, NULL).status, 403);
    ck_assert_int_eq(enter(key, NULL).status, PB_OK);
    pb_content gone = call_as(&operator_, "DELETE", path, NULL);
    ck_assert_int_eq(gone.status, 200);
    ck_assert_uint_eq(strlen(member(gone, "revoked")), strlen("2026-01-01T00:00:00Z"));
    ck_assert_str_eq(member(gone, "key"), "");
    for (int i = 0; i < 2; i++)
        (void)enter(key, "this key was revoked; ask for a new one");
    ck_assert_str_eq(member(call_as(&operator_, "DELETE", path, NULL), "revoked"),
                     member(gone, "revoked")); /* once more is no harm */
    ck_assert_int_eq(call_as(&operator_, "DELETE", "/v1/keys/nobody", NULL).status, 404);
    ck_assert_int_eq(enter(member(make("{\"name\": \"ci\"}"), "key"), NULL).status, PB_OK);
}
END_TEST

START_TEST(it_expires)
{
    pb_content made = make("{\"name\": \"ci\", \"expires\": \"2h\"}");
    const char *key = member(made, "key");

    ck_assert_int_eq(enter(key, NULL).status, PB_OK);
    pb_harness_advance(harness, 7199 * PB_SECOND);
    ck_assert_int_eq(enter(key, NULL).status, PB_OK);
    pb_harness_advance(harness, PB_SECOND);
    (void)enter(key, "this key has expired; ask for a new one");
}
END_TEST

START_TEST(rotated_the_old_one_has_its_time)
{
    pb_content made = make("{\"name\": \"ci\", \"scopes\": [\"chat\"]}");
    const char *first = member(made, "key"), *second;
    char path[100], who[64];

    (void)snprintf(who, sizeof who, "%s", enter(first, NULL).id);
    (void)snprintf(path, sizeof path, "/v1/keys/%s/rotate", member(made, "id"));
    pb_content rotated = call_as(&operator_, "POST", path, "{\"grace\": \"1h\"}");
    ck_assert_int_eq(rotated.status, 200);
    second = member(rotated, "key");
    ck_assert_str_ne(first, second);
    ck_assert_str_eq(enter(first, NULL).id, who);
    ck_assert_str_eq(enter(second, NULL).id, who); /* the same principal */
    pb_harness_advance(harness, 3601 * PB_SECOND);
    (void)enter(first, unknown);
    ck_assert_int_eq(enter(second, NULL).status, PB_OK);
    ck_assert_int_eq(call_as(&operator_, "POST", path, "{}").status, 200);
    (void)enter(second, unknown); /* no grace */
}
END_TEST

/* --- who may ---------------------------------------------------------------------------------- */

START_TEST(nobody_gives_more_than_they_have)
{
    pb_content strong = make("{\"name\": \"strong\"}");
    char path[100];

    refuses(&anybody, "{\"name\": \"a\"}", 403, "the scope 'keys.manage' or the role 'admin'");
    refuses(&manager, "{\"name\": \"a\"}", 403, "a key without scopes may do everything");
    refuses(&manager, "{\"name\": \"a\", \"scopes\": [\"chat\", \"turns.create\"]}", 403,
            "you do not have the scope 'turns.create' yourself");
    refuses(&manager, "{\"name\": \"a\", \"scopes\": [\"chat\"], \"roles\": [\"admin\"]}", 403,
            "you do not have the role 'admin' yourself");
    refuses(&manager, "{\"name\": \"a\", \"scopes\": [\"chat\"], \"tenant\": \"other\"}", 403,
            "keys of another tenant");
    refuses(&stranger, "{\"name\": \"a\", \"tenant\": \"default\"}", 403, "keys of another tenant");
    ck_assert_int_eq(
        call_as(&manager, "POST", "/v1/keys", "{\"name\": \"weak\", \"scopes\": [\"chat\"]}")
            .status,
        200);
    (void)snprintf(path, sizeof path, "/v1/keys/%s/rotate", member(strong, "id"));
    ck_assert_int_eq(call_as(&manager, "POST", path, "{}").status, 403); /* nor takes it */
    ck_assert_int_eq(call_as(&anybody, "GET", "/v1/keys", NULL).status, 403);
}
END_TEST

START_TEST(input_is_checked)
{
    make("{\"name\": \"ci\"}");
    refuses(&operator_, "{\"name\": \"ci\"}", 409, "there is a key named 'ci' already");
    refuses(&operator_, "{\"name\": \"a b\"}", 400, "/name");
    refuses(&operator_, "{}", 400, "/name");
    refuses(&operator_, "{\"name\": \"x\", \"expires\": \"soon\"}", 400, "give a day like");
    refuses(&operator_, "{\"name\": \"x\", \"expires\": \"2001-01-01\"}", 400, "over already");
    refuses(&operator_, "{\"name\": \"x\", \"scopes\": [\"a,b\"]}", 400, "'a,b' is none");
    refuses(&operator_, "{\"name\": \"x\", \"scopes\": [\"\"]}", 400, "'' is none");
    ck_assert_int_eq(call_as(&stranger, "POST", "/v1/keys", "{\"name\": \"ci\"}").status, 200);
}
END_TEST

START_TEST(days_are_told_as_they_were_given)
{
    static const char *const days[] = {"2096-02-29", "2099-12-31", "2100-01-01", "2100-03-01"};
    char body[100], wanted[40];

    for (int i = 0; i < 4; i++) {
        (void)snprintf(body, sizeof body, "{\"name\": \"k%d\", \"expires\": \"%s\"}", i, days[i]);
        (void)snprintf(wanted, sizeof wanted, "%sT00:00:00Z", days[i]);
        ck_assert_str_eq(member(make(body), "expires"), wanted);
    }
    refuses(&operator_, "{\"name\": \"x\", \"expires\": \"2100-02-29\"}", 400, "give a day like");
}
END_TEST

/* --- lists ------------------------------------------------------------------------------------ */

START_TEST(pages_go_from_new_to_old)
{
    char body[64], path[200], seen[1000] = "";
    int pages = 0;

    for (int i = 0; i < 7; i++) {
        (void)snprintf(body, sizeof body, "{\"name\": \"k%d\"}", i);
        make(body);
        pb_harness_advance(harness, 5 * PB_MILLISECOND);
    }
    make("{\"name\": \"theirs\", \"tenant\": \"other\"}");
    (void)strcpy(path, "/v1/keys?limit=3");
    for (; path[0]; pages++) {
        pb_content page = call_as(&operator_, "GET", path, NULL);
        const pb_json *json = parsed(page.body);
        ck_assert(!strstr(page.body.data, "digest") && !strstr(page.body.data, "pb_"));
        for (const pb_json *at = pb_json_get(json, "keys")->child; at; at = at->next) {
            size_t end_of = strlen(seen);
            (void)snprintf(seen + end_of, sizeof seen - end_of, "%.*s ",
                           PB_ARG(pb_json_text(pb_json_get(at, "name"))));
        }
        pb_str next = pb_json_text(pb_json_get(json, "next"));
        (void)snprintf(path, sizeof path, next.size ? "/v1/keys?limit=3&cursor=%.*s" : "%.*s",
                       PB_ARG(next));
    }
    ck_assert_str_eq(seen, "k6 k5 k4 k3 k2 k1 k0 ");
    ck_assert_int_eq(pages, 3);
    pb_content theirs = call_as(&operator_, "GET", "/v1/keys?tenant=other", NULL);
    ck_assert(strstr(theirs.body.data, "\"theirs\"") && !strstr(theirs.body.data, "\"k1\""));
    ck_assert_int_eq(call_as(&operator_, "GET", "/v1/keys?cursor=x", NULL).status, 400);
}
END_TEST

START_TEST(revoked_ones_are_hidden)
{
    char path[100];

    (void)snprintf(path, sizeof path, "/v1/keys/%s", member(make("{\"name\": \"ci\"}"), "id"));
    ck_assert_int_eq(call_as(&operator_, "DELETE", path, NULL).status, 200);
    ck_assert(!strstr(call_as(&operator_, "GET", "/v1/keys", NULL).body.data, "\"ci\""));
    ck_assert(
        strstr(call_as(&operator_, "GET", "/v1/keys?revoked=true", NULL).body.data, "\"ci\""));
}
END_TEST

/* Written by a task of its own: asked for until it is there. */
START_TEST(its_use_is_noted)
{
    const char *key = member(make("{\"name\": \"ci\"}"), "key");
    bool noted = false;

    ck_assert(!strstr(call_as(&operator_, "GET", "/v1/keys", NULL).body.data, "\"used\""));
    ck_assert_int_eq(enter(key, NULL).status, PB_OK);
    for (int i = 0; i < 100000 && !noted; i++)
        noted = strstr(call_as(&operator_, "GET", "/v1/keys", NULL).body.data, "\"used\"") != NULL;
    ck_assert(noted);
}
END_TEST

/* --- the query plans -------------------------------------------------------------------------- */

static pb_status explain(void *arg)
{
    static const pb_str plans[] = {
        PB_LIT("EXPLAIN QUERY PLAN SELECT digest FROM api_keys WHERE id = 'x'"),
        PB_LIT("EXPLAIN QUERY PLAN SELECT id FROM api_keys WHERE tenant = COALESCE(NULL, 'x') AND "
               "(created, id) < (5, 'x') AND (revoked IS NULL OR 0 = 1) "
               "ORDER BY created DESC, id DESC LIMIT 5")};
    static const char *const wanted[] = {"(id=?)", "api_keys_list (tenant=? AND "};
    pb_instance *database = pb_harness_instance(harness, "database", "main");

    (void)arg;
    for (int i = 0; i < 2; i++) {
        pb_statement statement = pb_statement_make(plans[i], NULL, 0);
        pb_rows rows = {.size = sizeof rows};
        statement.flags = PB_ALL_TENANTS;
        ck_assert_int_eq(pb_db_run(database, &statement, &rows), PB_OK);
        ck_assert_uint_eq(rows.count, 1); /* no sorting */
        ck_assert_msg(strstr(pb_cell(&rows, 0, 3)->text.data, wanted[i]), "%.*s",
                      PB_ARG(pb_cell(&rows, 0, 3)->text));
    }
    return PB_OK;
}

START_TEST(queries_have_their_index)
{
    ck_assert_int_eq(pb_harness_run(harness, explain, NULL, NULL), PB_OK);
}
END_TEST

/* The service and the scheme each have their own database, or share one of several. */
START_TEST(of_several_databases_the_one_that_is_named)
{
    static const char *const of_service[] = {"main", "second"};

    for (int i = 0; i < 2; i++) {
        char yaml[600];
        pb_harness_free(harness);
        (void)snprintf(yaml, sizeof yaml,
                       "databases: {main: {use: sqlite, path: %s/keys.db}, "
                       "second: {use: sqlite, path: %s/second.db}}\n"
                       "services: {keys: {use: api-keys, database: %s}}\n"
                       "auth: {keys: {use: api-key, database: second}}\n",
                       folder, folder, of_service[i]);
        harness = pb_harness_open(yaml, plugins, NULL);
        pb_harness_virtual_time(harness, false);
        struct entry entry = enter(member(make("{\"name\":\"web\"}"), "key"), NULL);
        ck_assert_int_eq(entry.status, i ? PB_OK : PB_UNAUTHENTICATED);
    }
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("keys of the database", begin, end,
                   (const TTest *const[]){
                       a_key_lets_in, others_do_not, what_was_unknown_can_be_made,
                       revoked_it_is_refused_at_once, it_expires, rotated_the_old_one_has_its_time,
                       nobody_gives_more_than_they_have, input_is_checked,
                       days_are_told_as_they_were_given, pages_go_from_new_to_old,
                       revoked_ones_are_hidden, its_use_is_noted, queries_have_their_index,
                       of_several_databases_the_one_that_is_named, NULL});

    return suite_run_cases("api-key with a database", (TCase *const[]){cases, NULL});
}
