/* What is found, and where. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <patchbay/classifier.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new("classifiers: {cards: {use: @NAME@, ignore: ['4111111111111111']}}\n",
                             &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A text, and the pieces that were found in it, each in brackets. */
struct look {
    const char *text;
    char found[200];
};

static pb_status classify(void *arg)
{
    struct look *look = arg;
    pb_classify_request request = {.size = sizeof request, .text = pb_str_of(look->text)};
    pb_labels labels = {.size = sizeof labels};
    pb_buf found = {0};
    pb_status status =
        pb_classify(pb_harness_instance(harness, "classifier", "cards"), &request, &labels);

    for (size_t i = 0; i < labels.count && status == PB_OK; i++)
        pb_buf_printf(&found, "[%.*s]", (int)labels.items[i]->length,
                      look->text + labels.items[i]->offset);
    (void)snprintf(look->found, sizeof look->found, "%.*s", (int)found.size,
                   found.size ? found.data : "");
    return status;
}

static void expect(const char *text, const char *found)
{
    struct look look = {.text = text};

    ck_assert_int_eq(pb_harness_run(harness, classify, &look, NULL), PB_OK);
    ck_assert_str_eq(look.found, found);
}

START_TEST(cards_are_found)
{
    expect("Pay with 4012888888881881, please.", "[4012888888881881]");
    expect("3782 822463 10005 or 5555-5555-5555-4444", "[3782 822463 10005][5555-5555-5555-4444]");
    expect("4222222222222", "[4222222222222]");
}
END_TEST

START_TEST(other_numbers_are_not)
{
    expect("", "");
    expect("4012888888881882", "");            /* the check digit is wrong */
    expect("40128888888818810000000", "");     /* longer than any card's */
    expect("call 030 1234567 at 12:30", "");
    expect("0000000000000000", "");
    expect("4111 1111 1111 1111", "");         /* ignored */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {cards_are_found, other_numbers_are_not, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("texts", begin, end, tests), NULL});
}
