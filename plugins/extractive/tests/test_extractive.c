/* Which sentences answer, how they are cited, and that nothing is said that no passage says. */
#define pb_host_table    pb_host_table_shelf
#define PB_PLUGIN_SYMBOL patchbay_plugin_shelf

#include "suite.h"
#include "testkit.h"

#include "shelf.h"

extern const pb_plugin patchbay_plugin_extractive;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_retrieve;
extern const pb_plugin patchbay_plugin_static;

static const pb_plugin *const plugins[] = {&patchbay_plugin_extractive, &patchbay_plugin_generate,
                                           &patchbay_plugin_retrieve, &patchbay_plugin_shelf,
                                           &patchbay_plugin_static, NULL};
static pb_harness *harness;

static const char passages[] =
    "[{\"document\": \"ops.md\", \"heading\": \"Operating > Start and stop\", \"text\": "
    "\"The server starts with one command:\\n\\npatchbay serve -c config/quickstart.yaml\\n\\n"
    "It listens on port 8080. Stop it with Ctrl-C. Turns that run may end first.\"},"
    " {\"document\": \"ops.md\", \"heading\": \"Operating > Backup\", \"text\": "
    "\"A backup is a copy of the database while it runs. To make a backup:\\n\\n"
    "- stop nothing\\n- run `patchbay backup`\\n- copy the file away\\n\\nRestore needs a stopped "
    "server.\"},"
    " {\"document\": \"limits.md\", \"heading\": \"Limits\", \"text\": "
    "\"option\\tdefault\\tmeaning\\nturns\\t2000\\tturns at once in each worker\\n"
    "max_tasks\\t10000\\ttasks in one worker\"}]";

static void open_with(const char *options)
{
    char yaml[8192];

    (void)snprintf(yaml, sizeof yaml,
                   "llms: {quotes: {use: extractive, %s}}\n"
                   "retrievers: {shelf: {use: shelf, passages: %s}}\n"
                   "pipelines:\n"
                   "  p: {stages: [retrieve: {retriever: shelf}, generate: {llm: quotes}]}\n"
                   "  bare: {stages: [generate: {llm: quotes}]}\n",
                   options, passages);
    harness = pb_harness_open(yaml, plugins, NULL);
}

static void end(void)
{
    pb_harness_free(harness);
    harness = NULL;
}

#define ck_says(reply, part)                                                                       \
    ck_assert_msg(strstr((reply)->text.data, part) != NULL, "no '%s' in '%s'", part,               \
                  (reply)->text.data)

START_TEST(it_answers_and_cites)
{
    open_with("");
    const pb_outcome *reply = pb_harness_say(harness, "How do I start the server?");
    ck_says(reply, "The server starts with one command: [1]\n\n```\npatchbay serve -c "
                   "config/quickstart.yaml\n```");
    ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_SOURCE), 1);
    ck_assert_int_eq(reply->result->finish, PB_FINISH_STOP);
    ck_text(reply->result->model, "extractive");
    ck_assert(reply->result->usage.input_tokens > 50);
    ck_assert(reply->result->usage.output_tokens > 10);
    reply = pb_harness_say(harness, "What is a backup?");
    ck_says(reply, "A backup is a copy of the database while it runs.");
    ck_says(reply, "[2]");
    end();
}
END_TEST

START_TEST(lists_and_tables_stay_what_they_are)
{
    open_with("");
    const pb_outcome *reply = pb_harness_say(harness, "How do I make a backup?");
    ck_says(reply, "To make a backup:");
    ck_says(reply, "- stop nothing\n- run `patchbay backup`\n- copy the file away");
    reply = pb_harness_say(harness, "How many turns at once in a worker?");
    ck_says(reply,
            "| option | default | meaning |\n|---|---|---|\n| turns | 2000 | turns at once in "
            "each worker |");
    ck_says(reply, "[3]");
    end();
}
END_TEST

START_TEST(it_admits_that_it_does_not_know)
{
    static const char *const questions[] = {
        "What is the capital of France?", "How do I bake bread?",
        "Does it support Oracle databases on mainframes?", "Who won the election yesterday?"};
    open_with("nothing: Nothing.");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const pb_outcome *reply = pb_harness_say(harness, questions[i]);
        ck_assert_str_eq(reply->text.data, "Nothing.");
        ck_assert_uint_eq(pb_outcome_count(reply, PB_EVENT_SOURCE), 0);
    }
    end();
}
END_TEST

START_TEST(it_is_polite)
{
    static const struct {
        const char *said, *answer;
    } talk[] = {
        {"Hello", "Hi!"},         {"hi there", "Hi!"},
        {"Good morning!", "Hi!"}, {"Thanks a lot", "Gladly."},
        {"Thank you", "Gladly."}, {"What can you do?", "Hi!"},
        {"help", "Hi!"},
    };
    open_with("greeting: Hi!, thanks: Gladly.");
    for (size_t i = 0; i < sizeof talk / sizeof *talk; i++)
        ck_assert_str_eq(pb_harness_say(harness, talk[i].said)->text.data, talk[i].answer);
    ck_says(pb_harness_say(harness, "Hi, how do I start the server?"), "patchbay serve");
    ck_says(pb_harness_say(harness, "Hitting restore: what needs a stopped server?"),
            "[2]"); /* "hi" is no word of it */
    end();
}
END_TEST

START_TEST(without_a_search_it_says_so)
{
    open_with("unavailable: Later.");
    const pb_outcome *reply = pb_harness_ask(
        harness, &(pb_ask){.pipeline = "bare", .text = "How do I start the server?"});
    ck_assert_str_eq(reply->text.data, "Later.");
    end();
}
END_TEST

START_TEST(a_question_that_leans_is_understood)
{
    open_with("");
    const pb_outcome *reply = pb_harness_ask(
        harness,
        &(pb_ask){.messages = "[{\"role\": \"user\", \"content\": \"How do I start the "
                              "server?\"}, {\"role\": \"assistant\", \"content\": \"So.\"},"
                              " {\"role\": \"user\", \"content\": \"and stop it?\"}]"});
    ck_says(reply, "Stop it with Ctrl-C.");
    end();
}
END_TEST

START_TEST(it_streams)
{
    open_with("");
    const pb_outcome *reply = pb_harness_say(harness, "How do I make a backup?");
    ck_assert_uint_gt(pb_outcome_count(reply, PB_EVENT_TEXT), 5);
    const pb_outcome *whole =
        pb_harness_ask(harness, &(pb_ask){.text = "How do I make a backup?", .whole = true});
    ck_assert_uint_eq(pb_outcome_count(whole, PB_EVENT_TEXT), 1);
    ck_assert_str_eq(whole->text.data, reply->text.data);
    end();
}
END_TEST

/* Is all of it, but for citations, fences and bars, somewhere in the passages, line by line? */
static void check_quoted(const char *question, const char *text)
{
    const pb_json *list;
    char line[4096];

    ck_assert_int_eq(pb_json_parse(pb_str_of(passages), &list), PB_OK);
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, "\n"), kept = 0;
        for (size_t i = 0; i < size;) {
            if (at[i] == '[' && at[i + 2] == ']') { /* a citation, with the blank before it */
                kept -= kept && line[kept - 1] == ' ';
                i += 3;
            } else {
                line[kept++] = at[i++];
            }
        }
        line[kept] = 0;
        at += size + (at[size] == '\n');
        bool found = !kept || strncmp(line, "```", 3) == 0 || line[0] == '|';
        for (const pb_json *one = list->child; one && !found; one = one->next)
            found = strstr(pb_json_text(pb_json_get(one, "text")).data, line) != NULL;
        ck_assert_msg(found, "'%s' is made up (%s)", line, question);
    }
}

static pb_status check_all(void *arg)
{
    static const char *const questions[] = {"How do I start the server?",
                                            "How do I stop the server?",
                                            "What is a backup?",
                                            "How do I make a backup?",
                                            "Where does it listen?",
                                            "Which port does the server use?",
                                            "restore backup",
                                            "copy the database file",
                                            "turns in a worker"};

    (void)arg;
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
        check_quoted(questions[i], pb_harness_say(harness, questions[i])->text.data);
    return PB_OK;
}

START_TEST(nothing_is_made_up)
{
    open_with("evidence: 0.2, sentences: 6, "
              "nothing: 'Stop it with Ctrl-C.', greeting: 'Stop it with Ctrl-C.'");
    (void)check_all(NULL);
    end();
}
END_TEST

START_TEST(what_greets_and_what_thanks_are_options)
{
    open_with("greetings: [ahoy], thanking: [tak], greeting: Hi!, thanks: Gladly., nothing: None.");
    ck_assert_str_eq(pb_harness_say(harness, "Ahoy")->text.data, "Hi!");
    ck_assert_str_eq(pb_harness_say(harness, "Tak")->text.data, "Gladly.");
    end();
    open_with("greeting: Hi!, thanks: Gladly., nothing: None.");
    ck_assert_str_ne(pb_harness_say(harness, "Ahoy")->text.data, "Hi!");
    ck_assert_str_ne(pb_harness_say(harness, "Tak")->text.data, "Gladly.");
    end();
}
END_TEST

/* The length of the answer with these options. */
static size_t length_with(const char *with, const char *question)
{
    open_with(with);
    size_t size = pb_harness_say(harness, question)->text.size;
    end();
    return size;
}

START_TEST(how_much_is_said_is_an_option)
{
    static const char question[] =
        "What is a backup, how do I make a backup, how do I start the server?";
    size_t usual = length_with("evidence: 0.2", question);

    ck_assert_uint_gt(usual, strlen("No."));
    ck_assert_uint_lt(length_with("evidence: 0.2, sentences: 1", question), usual);
    ck_assert_uint_eq(length_with("evidence: 1, nothing: No.", question), strlen("No."));
}
END_TEST

START_TEST(an_answer_ends_at_its_length)
{
    static const char *const options[] = {"", ", max_length: 100"};
    size_t sizes[2];
    char yaml[1200];

    for (int i = 0; i < 2; i++) {
        (void)snprintf(
            yaml, sizeof yaml,
            "llms: {quotes: {use: extractive, sentences: 10%s}}\n"
            "retrievers: {shelf: {use: shelf, passages: [{document: a.md, text: 'A blue whale "
            "eats krill near the northern coast of Norway. A blue whale sings for hours in the "
            "deep southern ocean. A blue whale weighs more than thirty grown elephants. A blue "
            "whale sleeps with one half of its brain only.'}]}}\n"
            "pipelines: {p: {stages: [retrieve: {retriever: shelf}, generate: {llm: quotes}]}}\n",
            options[i]);
        harness = pb_harness_open(yaml, plugins, NULL);
        sizes[i] = pb_harness_say(harness, "What does a blue whale do?")->text.size;
        end();
    }
    ck_assert_uint_gt(sizes[0], 180);
    ck_assert_uint_lt(sizes[1], 180); /* the sentence that passes it is the last one */
}
END_TEST

/* Without an embedder words must be the same; with one they may mean the same. */
START_TEST(other_words_may_mean_the_same)
{
    static const char question[] = "How can I quit it?";

    open_with("nothing: Nothing.");
    ck_assert_str_eq(pb_harness_say(harness, question)->text.data, "Nothing.");
    end();
    open_with("embedder: words}}\nembedders: {words: {use: static");
    const pb_outcome *reply = pb_harness_say(harness, question);
    ck_says(reply, "Stop it with Ctrl-C. [1]");
    end();
}
END_TEST

int main(void)
{
    return suite_run("extractive",
                     (const TTest *const[]){
                         it_answers_and_cites, lists_and_tables_stay_what_they_are,
                         it_admits_that_it_does_not_know, it_is_polite, without_a_search_it_says_so,
                         a_question_that_leans_is_understood, it_streams, nothing_is_made_up,
                         other_words_may_mean_the_same,
                         what_greets_and_what_thanks_are_options, how_much_is_said_is_an_option,
                         an_answer_ends_at_its_length, NULL});
}
