/* What is found, in which order, and what the model gets of it. The harness is a host in this program. */
#include <suite.h>
#include <testkit.h>

#include <patchbay/retriever.h>

extern const pb_plugin patchbay_plugin_@ID@;

static pb_harness *harness;

static void begin(void)
{
    harness = pb_harness_new(
        "retrievers:\n"
        "  faq:\n"
        "    use: @NAME@\n"
        "    entries:\n"
        "      - {question: When is the shop open?, answer: From nine to five.}\n"
        "      - {question: Where is the shop?, answer: 'In Main Street, next to the station.'}\n"
        "      - {question: How can I pay?, answer: By card in the shop., url: 'https://x.test/pay'}\n"
        "llms: {main: {use: scripted}}\n"
        "pipelines: {p: {stages: [retrieve: {retriever: faq}, generate: {llm: main}]}}\n",
        &patchbay_plugin_@ID@);
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A question, and the ids that were found, best first. */
struct search {
    pb_retrieve_request request;
    char found[100];
};

static pb_status retrieve(void *arg)
{
    struct search *search = arg;
    pb_passages passages = {.size = sizeof passages};
    pb_buf found = {0};
    pb_status status = pb_retrieve(pb_harness_instance(harness, "retriever", "faq"),
                                   &search->request, &passages);

    for (size_t i = 0; i < passages.count && status == PB_OK; i++)
        pb_buf_printf(&found, "%.*s ", PB_ARG(passages.items[i]->id));
    (void)snprintf(search->found, sizeof search->found, "%.*s", (int)found.size,
                   found.size ? found.data : "");
    return status;
}

static pb_status run(struct search *search, const char *query, uint32_t top_k)
{
    search->request.size = sizeof search->request;
    search->request.query = pb_str_of(query);
    search->request.top_k = top_k;
    search->request.mode = -1;
    return pb_harness_run(harness, retrieve, search, NULL);
}

static void expect(const char *query, uint32_t top_k, const char *found)
{
    struct search search = {0};

    ck_assert_int_eq(run(&search, query, top_k), PB_OK);
    ck_assert_str_eq(search.found, found);
}

START_TEST(the_best_comes_first)
{
    expect("when does the shop open", 5, "0 1 ");
    expect("Is the shop near the station?", 5, "1 0 ");
    expect("paying", 5, "2 ");
    expect("shop", 2, "0 1 ");
}
END_TEST

START_TEST(nothing_is_found)
{
    expect("weather tomorrow", 5, "");
    expect("", 5, "");
}
END_TEST

START_TEST(only_what_is_wanted)
{
    const pb_str documents[] = {PB_LIT("1")};
    const pb_filter filter = {.size = sizeof filter, .type = PB_FILTER_EXISTS, .field = PB_LIT("x")};
    struct search search = {.request = {.documents = documents, .document_count = 1}};

    ck_assert_int_eq(run(&search, "shop", 5), PB_OK);
    ck_assert_str_eq(search.found, "1 ");
    search.request.filter = &filter;
    ck_assert_int_eq(run(&search, "shop", 5), PB_UNSUPPORTED);
}
END_TEST

START_TEST(the_client_sees_the_source)
{
    pb_script(harness, "main", PB_STEP_TEXT("By card [1]."), PB_STEP_STOP);
    const pb_outcome *reply = pb_harness_say(harness, "Can I pay by card?");

    ck_assert_int_eq(reply->status, PB_OK);
    const pb_event *source = pb_outcome_event(reply, PB_EVENT_SOURCE, 0);
    ck_text(pb_json_text(pb_json_get(source->data, "url")), "https://x.test/pay");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {the_best_comes_first, nothing_is_found, only_what_is_wanted,
                                  the_client_sees_the_source, NULL};

    return suite_run_cases("@NAME@",
                           (TCase *const[]){suite_case("questions", begin, end, tests), NULL});
}
