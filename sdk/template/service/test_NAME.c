/* Votes as they come over HTTP. The harness is a host in this program; the cache is the installed one. */
#include <suite.h>
#include <testkit.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;
static const pb_str scopes[] = {PB_LIT("votes.read")};
static const pb_principal ann = {.size = sizeof ann, .id = PB_LIT("ann"), .tenant = PB_LIT("default")};
static const pb_principal reader = {.size = sizeof reader,
                                    .id = PB_LIT("bob"),
                                    .tenant = PB_LIT("default"),
                                    .scopes = scopes,
                                    .scope_count = 1};

static void begin(void)
{
    harness = pb_harness_new("caches: {shared: {use: memory}}\n"
                             "services: {lunch: {use: @NAME@, choices: [soup, pizza]}}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

static pb_content vote(const char *body, const pb_principal *who)
{
    return pb_harness_call(harness, "POST", "/v1/votes", body, who);
}

START_TEST(votes_are_counted)
{
    ck_text(vote("{\"choice\": \"soup\"}", &ann).body, "{\"choice\":\"soup\",\"votes\":1}");
    ck_text(vote("{\"choice\": \"soup\"}", &ann).body, "{\"choice\":\"soup\",\"votes\":2}");
    ck_text(pb_harness_call(harness, "GET", "/v1/votes", NULL, &reader).body,
            "{\"items\":[{\"choice\":\"soup\",\"votes\":2},{\"choice\":\"pizza\",\"votes\":0}]}");
}
END_TEST

START_TEST(what_is_wrong_has_a_sentence)
{
    pb_content answer = vote("{\"choice\": \"stew\"}", &ann);

    ck_assert_int_eq(answer.status, 400);
    ck_assert(pb_str_contains(answer.body, pb_lit("nobody can vote for 'stew'")));
    ck_assert_int_eq(vote("{}", &ann).status, 400);
    ck_assert_int_eq(vote("{\"choice\": \"soup\"}", &reader).status, 403);
}
END_TEST

START_TEST(tenants_vote_apart)
{
    const pb_principal other = {.size = sizeof other, .id = PB_LIT("eve"), .tenant = PB_LIT("acme")};

    vote("{\"choice\": \"pizza\"}", &ann);
    ck_text(vote("{\"choice\": \"pizza\"}", &other).body, "{\"choice\":\"pizza\",\"votes\":1}");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {votes_are_counted, what_is_wrong_has_a_sentence,
                                  tenants_vote_apart, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("calls", begin, end, tests), NULL});
}
