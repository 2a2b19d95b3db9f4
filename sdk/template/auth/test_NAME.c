/* Who gets in, who does not, and who is left to other schemes. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <patchbay/auth.h>
#include <patchbay/secret.h>

extern const pb_plugin patchbay_plugin_@ID@;

#define KEY "a key for tests only"

static pb_harness *harness;
static pb_str sentence;

static void begin(void)
{
    harness = pb_harness_new("auth: {tickets: {use: @NAME@, key: " KEY ", scopes: [turns.read]}}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A visitor; with a user the ticket is made, good for `seconds` from now. */
struct visitor {
    const char *header, *user, *key;
    int seconds;
    char id[64];
    bool may_read, may_write;
};

static pb_str ticket(const struct visitor *visitor)
{
    pb_str text = pb_printf("%s.%lld", visitor->user, (long long)(pb_now() / 1000 + visitor->seconds));
    pb_bytes key = {(const uint8_t *)visitor->key, strlen(visitor->key)};
    uint8_t mac[32];

    pb_hmac_sha256(key, (pb_bytes){(const uint8_t *)text.data, text.size}, mac);
    pb_str hex = pb_hex((pb_bytes){mac, sizeof mac});
    return pb_printf("Bearer %.*s.%.*s", PB_ARG(text), PB_ARG(hex));
}

static pb_status come(void *arg)
{
    struct visitor *visitor = arg;
    pb_instance *schemes[] = {pb_harness_instance(harness, "auth", "tickets")};
    pb_credentials credentials = {.size = sizeof credentials};
    pb_principal who;

    credentials.authorization = visitor->user ? ticket(visitor) : pb_str_of(visitor->header);
    pb_status status = pb_authenticate((pb_list){schemes, 1}, &credentials, &who);
    if (status != PB_OK)
        return status;
    (void)snprintf(visitor->id, sizeof visitor->id, "%.*s", PB_ARG(who.id));
    visitor->may_read = pb_principal_may(&who, pb_lit("turns.read"));
    visitor->may_write = pb_principal_may(&who, pb_lit("keys.write"));
    return PB_OK;
}

START_TEST(a_good_ticket)
{
    struct visitor ann = {.user = "ann", .key = KEY, .seconds = 60};

    ck_assert_int_eq(pb_harness_run(harness, come, &ann, NULL), PB_OK);
    ck_assert_str_eq(ann.id, "user:ann");
    ck_assert(ann.may_read && !ann.may_write);
}
END_TEST

START_TEST(a_bad_ticket)
{
    struct visitor late = {.user = "ann", .key = KEY, .seconds = -1};
    struct visitor forged = {.user = "ann", .key = "another key of some length", .seconds = 60};

    ck_assert_int_eq(pb_harness_run(harness, come, &late, &sentence), PB_UNAUTHENTICATED);
    ck_text(sentence, "the ticket is not good any more");
    ck_assert_int_eq(pb_harness_run(harness, come, &forged, &sentence), PB_UNAUTHENTICATED);
    ck_text(sentence, "the ticket is not signed by whom we know");
}
END_TEST

START_TEST(others_are_left_to_other_schemes)
{
    static const char *const headers[] = {"", "Basic YTpi", "Bearer ", "Bearer key", "Bearer a.b",
                                          "Bearer a.1.short", NULL};

    for (size_t i = 0; headers[i]; i++) {
        struct visitor other = {.header = headers[i]};
        ck_assert_int_eq(pb_harness_run(harness, come, &other, &sentence), PB_UNAUTHENTICATED);
        ck_text(sentence, "credentials are needed, and none that came are known here");
    }
}
END_TEST

START_TEST(a_short_key_is_refused)
{
    pb_harness_refuse("auth: {tickets: {use: @NAME@, key: short}}",
                      (const pb_plugin *const[]){&patchbay_plugin_@ID@, NULL},
                      (const char *const[]){"at least 16 characters", NULL});
}
END_TEST

int main(void)
{
    const TTest *const visits[] = {a_good_ticket, a_bad_ticket, others_are_left_to_other_schemes,
                                   NULL};
    const TTest *const options[] = {a_short_key_is_refused, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("visits", begin, end, visits),
                                            suite_case("options", NULL, NULL, options), NULL});
}
