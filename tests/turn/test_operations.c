/* Operations: routing, input from path, query and body, problems, scopes, the host's own. */
#include "probe.h"

#include "turn/operations.h"

static const char yaml[] =
    "services: {one: {use: notes}}\n"
    "pipelines: {p: {description: Says nothing., stages: [{probe: {act: a}}]}}\n";

static pb_harness *harness_new(void)
{
    return pb_harness_new(yaml, &patchbay_plugin_probe);
}

static pb_content call(pb_harness *harness, const char *method, const char *path, const char *body)
{
    return pb_harness_call(harness, method, path, body, NULL);
}

static void check_has(pb_content content, int status, const char *words)
{
    ck_assert_msg(content.status == status && strstr(content.body.data, words),
                  "status %d, not %d, or no '%s' in: %s", content.status, status, words,
                  content.body.data);
}

START_TEST(a_path_names_an_operation)
{
    pb_harness *harness = harness_new();
    check_has(call(harness, "GET", "/v1/notes/7", NULL), 200, "\"note 7 x1\"");
    check_has(call(harness, "GET", "/v1/notes/a%2Fb%20c", NULL), 200, "\"note a/b c x1\"");
    check_has(call(harness, "HEAD", "/v1/notes/7", NULL), 200, "\"note 7 x1\"");
    check_has(call(harness, "GET", "/v1/notes/recent", NULL), 200, "{\"tags\":0}");
    check_has(call(harness, "GET", "/v1/notes/first", NULL), 200, "{\"tags\":0}");
    check_has(call(harness, "GET", "/v1/notes", NULL), 404, "/problems/not_found");
    check_has(call(harness, "GET", "/v1/notes/", NULL), 404, "/problems/not_found");
    check_has(call(harness, "GET", "/v1/notes/7/8", NULL), 404, "/problems/not_found");
    check_has(call(harness, "GET", "/v1/notes/%zz", NULL), 404, "/problems/not_found");
    check_has(call(harness, "GET", "/v1/notes/%00", NULL), 404, "/problems/not_found");
    check_has(call(harness, "POST", "/v1/notes/7", NULL), 405, "/problems/unsupported");
    ck_assert_int_eq(call(harness, "DELETE", "/v1/notes/7", NULL).status, 204);
    pb_harness_free(harness);
}
END_TEST

static pb_status check_table(void *arg)
{
    (void)arg;
    ck_assert_ptr_nonnull(operation_find(pb_lit("notes.get")));
    ck_assert_ptr_null(operation_find(pb_lit("notes.got")));
    size_t count = 0;
    while (pb_operation_at(count))
        count++;
    ck_assert_uint_gt(count, 10);
    return PB_OK;
}

START_TEST(operations_are_found_by_id_and_by_number)
{
    pb_harness *harness = harness_new();
    ck_assert_int_eq(pb_harness_run(harness, check_table, NULL, NULL), PB_OK);
    pb_harness_free(harness);
}
END_TEST

START_TEST(input_comes_from_path_query_and_body)
{
    pb_harness *harness = harness_new();
    check_has(call(harness, "GET", "/v1/notes/7?count=3&loud=true&tags=a&tags=b+c", NULL), 200,
              "\"note 7 x3!\",\"tags\":2");
    check_has(call(harness, "PUT", "/v1/notes/7", "{\"count\": 2, \"tags\": [\"x\"]}"), 200,
              "\"note 7 x2\",\"tags\":1");
    check_has(call(harness, "PUT", "/v1/notes/7?loud=1", "{\"count\": 2}"), 200, "x2!");
    pb_harness_free(harness);
}
END_TEST

START_TEST(every_problem_of_the_input_is_told_with_its_place)
{
    pb_harness *harness = harness_new();
    pb_content content = call(harness, "PUT", "/v1/notes/12345678901",
                              "{\"count\": 99, \"loud\": \"x\", \"colour\": 1, \"tags\": [1]}");
    check_has(content, 400, "\"type\":\"/problems/invalid\"");
    ck_assert_str_eq(content.type.data, "application/problem+json");
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"pointer\":\"/id\""));
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"pointer\":\"/count\""));
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"pointer\":\"/loud\""));
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"pointer\":\"/colour\""));
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"pointer\":\"/tags/0\""));
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"instance\":\"request-1\""));
    ck_assert_ptr_nonnull(strstr(content.body.data, "\"status\":400"));
    check_has(call(harness, "GET", "/v1/notes/7?count=many", NULL), 400, "\"pointer\":\"/count\"");
    check_has(call(harness, "GET", "/v1/notes/7?count=1&count=2", NULL), 400,
              "\"pointer\":\"/count\"");
    check_has(call(harness, "GET", "/v1/notes/7?id=8", NULL), 400, "\"pointer\":\"/id\"");
    check_has(call(harness, "GET", "/v1/notes/7?a=%f", NULL), 400, "percent-encoded");
    check_has(call(harness, "PUT", "/v1/notes/7", "[1]"), 400, "must be a JSON object");
    check_has(call(harness, "PUT", "/v1/notes/7", "{\"count\": "), 400, "/problems/invalid");
    check_has(call(harness, "PUT", "/v1/notes/7", "{\"count\":1,\"count\":2}"), 400, "/count");
    check_has(call(harness, "GET", "/v1/notes/none", NULL), 404, "there is no note 'none'");
    pb_harness_free(harness);
}
END_TEST

START_TEST(a_scope_is_needed_where_the_operation_says_so)
{
    static const pb_str scopes[] = {PB_LIT("other"), PB_LIT("notes.read")};
    pb_principal principal = {.size = sizeof principal,
                              .id = PB_LIT("x"),
                              .tenant = PB_LIT("default"),
                              .scopes = scopes,
                              .scope_count = 1};
    pb_harness *harness = harness_new();
    check_has(pb_harness_call(harness, "GET", "/v1/notes/7", NULL, &principal), 403, "notes.read");
    check_has(pb_harness_call(harness, "GET", "/healthz", NULL, &principal), 200, "ok");
    principal.scope_count = 2;
    check_has(pb_harness_call(harness, "GET", "/v1/notes/7", NULL, &principal), 200, "note 7");
    check_has(pb_harness_call(harness, "GET", "/v1/notes/7", NULL, &pb_nobody), 401,
              "credentials are needed");
    check_has(pb_harness_call(harness, "GET", "/healthz", NULL, &pb_nobody), 200, "ok");
    pb_harness_free(harness);
}
END_TEST

static pb_status ask_gate(void *arg)
{
    pb_credentials credentials = {.size = sizeof credentials, .api_key = pb_str_of(arg)};
    pb_principal out = {.size = sizeof out};

    return PB_CALL(authenticate)(pb_harness_instance(NULL, "auth", "gate"), &credentials, &out);
}

/* Names of what belongs to a tenant begin with the tenant's and a slash. */
START_TEST(a_tenant_has_no_slash)
{
    static char fine[] = "M\xc3\xbcller & Sons", slash[] = "default/c", line[] = "a\nb";
    pb_harness *harness = pb_harness_new("auth: {gate: {}}\nservices: {one: {use: notes}}\n"
                                         "pipelines: {p: {stages: [{probe: {act: a}}]}}\n",
                                         &patchbay_plugin_probe);
    pb_str sentence;

    ck_assert_int_eq(pb_harness_run(harness, ask_gate, fine, NULL), PB_OK);
    ck_assert_int_eq(pb_harness_run(harness, ask_gate, line, NULL), PB_INTERNAL);
    ck_assert_int_eq(pb_harness_run(harness, ask_gate, slash, &sentence), PB_INTERNAL);
    ck_assert_ptr_nonnull(strstr(sentence.data, "auth 'gate' let somebody in for the tenant "
                                                "'default/c': a tenant has no '/'"));
    pb_harness_free(harness);
}
END_TEST

static pb_status call_unknown_person(void *arg)
{
    pb_operation_match match = {0};
    const pb_operation *operation;
    pb_call request = {.size = sizeof request, .match = &match};
    pb_content content;

    (void)arg;
    ck_assert_int_eq(pb_operation_route(pb_lit("GET"), pb_lit("/v1/notes/7"), &operation, &match),
                     PB_OK);
    ck_assert_int_eq(pb_operation_call(operation, &request, &content), PB_UNAUTHENTICATED);
    ck_assert_int_eq(content.status, 401);
    ck_assert_int_eq(pb_operation_route(pb_lit("GET"), pb_lit("/healthz"), &operation, &match),
                     PB_OK);
    ck_assert_int_eq(pb_operation_call(operation, &request, &content), PB_OK);
    return PB_OK;
}

START_TEST(without_a_principal_only_public_operations_answer)
{
    pb_harness *harness = harness_new();
    ck_assert_int_eq(pb_harness_run(harness, call_unknown_person, NULL, NULL), PB_OK);
    pb_harness_free(harness);
}
END_TEST

START_TEST(the_hosts_own_operations_answer)
{
    pb_harness *harness = harness_new();
    check_has(call(harness, "GET", "/healthz", NULL), 200, "\"status\":\"ok\"");
    check_has(call(harness, "GET", "/readyz?probe=1", NULL), 200, "\"status\":\"ready\"");
    check_has(call(harness, "GET", "/v1/pipelines", NULL), 200,
              "{\"name\":\"p\",\"description\":\"Says nothing.\",\"stages\":[\"probe\"]}");
    check_has(call(harness, "GET", "/v1/instances", NULL), 200, "\"path\":\"services.one\"");
    check_has(call(harness, "GET", "/v1/config", NULL), 200, "\"services\"");
    check_has(call(harness, "GET", "/problems/rate_limited", NULL), 200, "\"status\":429");
    check_has(call(harness, "GET", "/problems/unheard_of", NULL), 404, "not_found");
    check_has(call(harness, "GET", "/v1/turns/018f4c3a-0000-7000-8000-000000000000", NULL), 404,
              "not_found");
    check_has(call(harness, "DELETE", "/v1/turns/x", NULL), 404, "not_found");
    check_has(call(harness, "GET", "/v1/turns?limit=0", NULL), 400, "\"pointer\":\"/limit\"");
    check_has(call(harness, "GET", "/v1/turns?cursor=x", NULL), 400, "\"pointer\":\"/cursor\"");
    pb_harness_free(harness);
}
END_TEST

START_TEST(two_services_may_not_offer_the_same)
{
    const pb_plugin *const plugins[] = {&patchbay_plugin_probe, NULL};
    char *problems = NULL;
    pb_harness *harness =
        pb_harness_open("services: {one: {use: notes}, two: {use: notes}}\n", plugins, &problems);
    ck_assert_ptr_null(harness);
    ck_assert_ptr_nonnull(strstr(problems, "'notes.first' (GET /v1/notes/first) is offered twice"));
    free(problems);
}
END_TEST

int main(void)
{
    const TTest *const all[] = {a_path_names_an_operation,
                                operations_are_found_by_id_and_by_number,
                                input_comes_from_path_query_and_body,
                                every_problem_of_the_input_is_told_with_its_place,
                                a_scope_is_needed_where_the_operation_says_so, a_tenant_has_no_slash,
                                without_a_principal_only_public_operations_answer,
                                the_hosts_own_operations_answer,
                                two_services_may_not_offer_the_same,
                                NULL};
    return probe_main("operations", all);
}
