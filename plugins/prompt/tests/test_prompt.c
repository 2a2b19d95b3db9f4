/* Templates, what they know, and where the prompt goes. */
#include "around.h"
#include "cases.h"
#include "suite.h"
#include "testkit.h"

#include <stdlib.h>
#include <unistd.h>

extern const pb_plugin patchbay_plugin_prompt;
extern const pb_plugin patchbay_plugin_generate;
extern const pb_plugin patchbay_plugin_replay;

/* --- helpers ---------------------------------------------------------------------------------- */

static const pb_plugin *const plugins[] = {&patchbay_plugin_prompt, &patchbay_plugin_generate,
                                           &patchbay_plugin_around, NULL};
static pb_harness *harness;

/* `options` of the stage, as in a flow map. */
static pb_harness *open(const char *options, char **problems)
{
    size_t size = strlen(options) * 2 + 512;
    char *yaml = malloc(size);

    snprintf(yaml, size,
             "host: {limits: {kept_turns: 8}}\n"
             "llms: {main: {use: scripted}}\n"
             "pipelines:\n"
             "  p: {stages: [prompt: {%s}, generate: {llm: main}]}\n"
             "  image: {stages: [around: {parts: 2}, prompt: {%s}, around: {}]}\n"
             "  words: {stages: [around: {parts: 1}, prompt: {text: new, as: user}, around: {}]}\n",
             options, options);
    harness = pb_harness_open(yaml, plugins, problems);
    free(yaml);
    return harness;
}

static void end(void)
{
    pb_harness_free(harness);
}

/* A text as a YAML string in double quotes. */
static char *quoted(const char *text)
{
    static const char raw[] = "\n\r\t\"\\";
    char *out = malloc(strlen(text) * 2 + 3), *at = out;

    *at++ = '"';
    for (; *text; text++) {
        const char *special = strchr(raw, *text);
        if (special)
            *at++ = '\\';
        *at++ = special ? "nrt\"\\"[special - raw] : *text;
    }
    *at++ = '"';
    *at = 0;
    return out;
}

static const pb_json *last_request(void)
{
    return pb_scripted_request(harness, "main", pb_scripted_count(harness, "main") - 1);
}

static pb_str content(const char *path)
{
    return pb_json_text(pb_json_path(last_request(), path));
}

static void is(pb_str text, const char *expected)
{
    ck_assert_msg(pb_str_is(text, expected), "'%.*s', not '%s'", PB_ARG(text), expected);
}

static void says(const pb_ask *ask, const char *expected)
{
    const pb_outcome *reply = pb_harness_ask(harness, ask);
    ck_assert_msg(reply->status == PB_OK, "%.*s", PB_ARG(reply->sentence));
    is(content("messages/0/content"), expected);
}

/* What the template becomes as the system prompt of a turn. */
static void renders(const char *text, const char *more, const char *expected)
{
    char *string = quoted(text), options[4096];

    snprintf(options, sizeof options, "text: %s%s", string, more);
    free(string);
    open(options, NULL);
    says(&(pb_ask){.text = "why?"}, expected);
    end();
}

/* --- templates -------------------------------------------------------------------------------- */

START_TEST(templates)
{
    const struct template_case *template = &cases[_i];
    char more[1024];

    snprintf(more, sizeof more, ", variables: %s", template->variables);
    renders(template->text, more, template->expected);
}
END_TEST

START_TEST(templates_refused)
{
    const struct template_case *template = &refused[_i];
    char *string = quoted(template->text), options[512], *problems = NULL;

    snprintf(options, sizeof options, "text: %s", string);
    free(string);
    ck_assert_ptr_null(open(options, &problems));
    ck_assert_msg(strstr(problems, "test.yaml:4:"), "%s", problems);
    ck_assert_msg(strstr(problems, "stages[0].prompt.text: "), "%s", problems);
    ck_assert_msg(strstr(problems, template->expected), "%s", problems);
    free(problems);
}
END_TEST

START_TEST(escapes)
{
    static const char variables[] = "variables: {a: \"<&>\\\"'\", b: 1, c: [\"<\"], d: null}";
    static const char text[] = "{{a}} {{{a}}} {{&a}} {{b}} {{c}} {{d}} {{e}}.";
    char more[256];

    snprintf(more, sizeof more, ", %s", variables);
    renders(text, more, "<&>\"' <&>\"' <&>\"' 1 [\"<\"]  .");
    snprintf(more, sizeof more, ", escape: html, %s", variables);
    renders(text, more, "&lt;&amp;&gt;&quot;&#39; <&>\"' <&>\"' 1 [&quot;&lt;&quot;]  .");
    snprintf(more, sizeof more, ", escape: json, %s", variables);
    renders(text, more, "\"<&>\\\"'\" <&>\"' <&>\"' 1 [\"<\"] null .");
}
END_TEST

START_TEST(deep_templates)
{
    char text[2048] = "text: \"", *problems = NULL;

    for (int i = 0; i < 32; i++)
        strcat(text, "{{#a}}");
    strcat(text, "x");
    for (int i = 0; i < 32; i++)
        strcat(text, "{{/a}}");
    strcat(text, "\", variables: {a: true}");
    open(text, NULL);
    says(&(pb_ask){.text = "why?"}, "x");
    end();
    memcpy(text, "text: \"", 8);
    for (int i = 0; i < 33; i++)
        strcat(text, "{{#a}}");
    strcat(text, "\"");
    ck_assert_ptr_null(open(text, &problems));
    ck_assert_msg(strstr(problems, "line 1: sections nest deeper than 32"), "%s", problems);
    free(problems);
}
END_TEST

/* A client's list can make a template long or slow: both end in a sentence. */
START_TEST(limits)
{
    static char long_list[200000];
    const pb_outcome *reply;
    pb_ask ask = {.text = "why?", .metadata = long_list};

    strcpy(long_list, "{\"l\": [1");
    for (char *at = long_list + 8; at < long_list + 120000; at += 2)
        memcpy(at, ",1", 3);
    strcat(long_list, "]}");
    open("text: '{{#metadata.l}}{{#metadata.l}}{{/metadata.l}}{{/metadata.l}}'", NULL);
    reply = pb_harness_ask(harness, &ask);
    ck_assert_int_eq(reply->status, PB_TOO_LARGE);
    is(reply->sentence, "the template takes more than 250000 steps");
    ck_assert_uint_eq(pb_scripted_count(harness, "main"), 0);
    end();
    open("text: '{{#metadata.l}}x{{/metadata.l}}', max_length: 1000", NULL);
    reply = pb_harness_ask(harness, &ask);
    ck_assert_int_eq(reply->status, PB_TOO_LARGE);
    is(reply->sentence, "the rendered template is longer than 1000 bytes");
    ask.metadata = "{\"l\": [1, 2]}";
    says(&ask, "xx");
    end();
    harness = pb_harness_open("host: {limits: {turn_memory: 64KiB}}\n"
                              "pipelines: {p: {stages: [prompt: {text: '{{question}}'}]}}\n",
                              plugins, NULL);
    memset(long_list, 'x', 100000);
    long_list[100000] = 0;
    ck_assert_int_eq(pb_harness_say(harness, long_list)->status, PB_NO_MEMORY);
    end();
}
END_TEST

/* No template and no value makes it read or write where it must not (run under sanitizers). */
START_TEST(any_template_is_taken_or_refused)
{
    static const char *const pieces[] = {
        "{{",     "}}",     "{{{",         "}}}",         "#",  "/",   "^",   "!",
        "=",      "<%",     "%>",          " ",           "\n", "a",   "a.b", ".",
        "{{#a}}", "{{/a}}", "{{=<% %>=}}", "<%={{ }}=%>", "&",  "\r\n"};
    uint32_t random = 7;
    int taken = 0;

    for (int round = 0; round < 1500; round++) {
        char text[512] = "", *problems = NULL, options[1200], *string;
        for (int i = 0; i < 1 + round % 14; i++) {
            random = random * 1664525u + 1013904223u;
            strcat(text, pieces[(random >> 16) % (sizeof pieces / sizeof *pieces)]);
        }
        string = quoted(text);
        snprintf(options, sizeof options, "text: %s, variables: {a: [{b: x}, 1], b: ''}", string);
        free(string);
        if (open(options, &problems)) {
            ck_assert_int_eq(pb_harness_say(harness, "why?")->status, PB_OK);
            taken++;
            end();
        }
        free(problems);
    }
    ck_assert_int_gt(taken, 100);
}
END_TEST

/* --- what it knows ---------------------------------------------------------------------------- */

START_TEST(facts)
{
    pb_str roles[] = {pb_lit("staff"), pb_lit("admin")};
    pb_principal who = {.size = sizeof who,
                        .id = pb_lit("key:ci"),
                        .name = pb_lit("ci"),
                        .tenant = pb_lit("acme"),
                        .roles = roles,
                        .role_count = 2};
    pb_ask ask = {.text = "why?",
                  .principal = &who,
                  .metadata = "{\"ticket\": 7}",
                  .variables =
                      "{\"tone\": \"kind\", \"pipeline\": \"other\", \"question\": \"other\","
                      "\"principal\": {\"id\": \"root\"}, \"date\": \"never\"}"};

    open(
        "text: '{{question}}|{{pipeline}}|{{principal.id}}|{{principal.name}}|{{principal.tenant}}|"
        "{{#principal.roles}}{{.}},{{/principal.roles}}|{{metadata.ticket}}|{{tone}}|{{length}}',"
        " variables: {tone: dry, length: short}",
        NULL);
    says(&ask, "why?|p|key:ci|ci|acme|staff,admin,|7|kind|short");
    ask.variables = NULL;
    ask.metadata = NULL;
    says(&ask, "why?|p|key:ci|ci|acme|staff,admin,||dry|short");
    end();
    open("text: '{{date}} {{time}}'", NULL);
    ask.variables = "{\"date\": \"never\"}";
    ck_assert_int_eq(pb_harness_ask(harness, &ask)->status, PB_OK);
    pb_str now = content("messages/0/content");
    ck_assert_uint_eq(now.size, strlen("2026-01-31 12:00 UTC"));
    ck_assert(now.data[4] == '-' && now.data[13] == ':');
    end();
    open("text: '{{#metadata}}yes{{/metadata}}{{^metadata}}no{{/metadata}}'", NULL);
    ask.variables = "{\"metadata\": {\"ticket\": 1}}"; /* cannot be made up */
    says(&ask, "no");
    end();
}
END_TEST

/* --- where it goes ---------------------------------------------------------------------------- */

static void order_is(const char *expected)
{
    char order[256] = "";

    for (const pb_json *at = pb_json_get(last_request(), "messages")->child; at; at = at->next)
        snprintf(order + strlen(order), sizeof order - strlen(order), "%.1s:%.*s ",
                 pb_json_text(pb_json_get(at, "role")).data,
                 PB_ARG(pb_json_text(pb_json_get(at, "content"))));
    ck_assert_str_eq(order, expected);
}

static void goes(const char *options, const char *messages, const char *expected)
{
    open(options, NULL);
    ck_assert_int_eq(pb_harness_ask(harness, &(pb_ask){.messages = messages})->status, PB_OK);
    order_is(expected);
    end();
}

#define SAYS(role, text) "{\"role\": \"" role "\", \"content\": \"" text "\"}"

START_TEST(places)
{
    static const char both[] = "[" SAYS("system", "1") "," SAYS("system", "2") "," SAYS(
        "user", "3") "," SAYS("system", "4") "]";
    static const char user[] = "[" SAYS("user", "1") "," SAYS("assistant", "2") "," SAYS(
        "user", "3") "," SAYS("assistant", "4") "]";

    goes("text: x", both, "s:x s:1 s:2 u:3 s:4 ");
    goes("text: x, place: after", both, "s:1 s:2 s:x u:3 s:4 ");
    goes("text: x, place: replace", both, "s:x u:3 ");
    goes("text: x, place: after", user, "s:x u:1 a:2 u:3 a:4 ");
    goes("text: x, place: after", "[" SAYS("system", "1") "]", "s:1 s:x ");
    goes("text: 'x {{question}}', as: user", user, "u:1 a:2 u:x 3 a:4 ");
    goes("text: x, as: user", "[" SAYS("assistant", "1") "]", "a:1 u:x ");
    /* nothing to say: nothing is said, and theirs goes all the same */
    goes("text: '{{no}}'", both, "s:1 s:2 u:3 s:4 ");
    goes("text: '{{no}}', place: replace", both, "u:3 ");
    goes("text: '{{no}}', as: user", user, "u:1 a:2 u:3 a:4 ");
}
END_TEST

START_TEST(a_questions_image_stays)
{
    open("text: new, as: user", NULL);
    pb_harness_ask(harness, &(pb_ask){.text = "", .pipeline = "image"});
    ck_assert_str_eq(seen_text, "new");
    ck_assert_uint_eq(seen.part_count, 2);
    ck_assert_str_eq(seen_first, "new");
    ck_assert_int_eq(seen_second, PB_PART_IMAGE);
    ck_assert_ptr_null(seen.source);
    pb_harness_ask(harness, &(pb_ask){.text = "", .pipeline = "words"});
    ck_assert_str_eq(seen_text, "new");
    ck_assert_uint_eq(seen.part_count, 0);
    end();
}
END_TEST

START_TEST(a_thousand_turns)
{
    harness =
        pb_harness_new("host: {limits: {kept_turns: 8}}\n"
                       "llms: {main: {use: replay, replies: [text: hi]}}\n"
                       "pipelines: {p: {stages: [prompt: {text: '{{date}} {{question}}'},"
                       " generate: {}]}}\n",
                       &patchbay_plugin_prompt, &patchbay_plugin_generate, &patchbay_plugin_replay);
    ck_assert_int_le(pb_harness_growth(harness, &(pb_ask){.text = "why?"}, 1000), 4096);
    end();
}
END_TEST

/* --- files and the configuration -------------------------------------------------------------- */

static char path[] = "/tmp/patchbay-prompt-XXXXXX";

static void write_template(const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    fclose(file);
}

static void file_is_refused(const char *expected)
{
    char options[128], *problems = NULL;

    snprintf(options, sizeof options, "template: %s", path);
    ck_assert_ptr_null(open(options, &problems));
    ck_assert_msg(strstr(problems, "stages[0].prompt.template: "), "%s", problems);
    ck_assert_msg(strstr(problems, expected), "%s", problems);
    free(problems);
}

START_TEST(files)
{
    char options[128], *large = calloc(1, (1 << 20) + 1);
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    write_template("\xEF\xBB\xBF{{question}}\n", 16);
    snprintf(options, sizeof options, "template: %s", path);
    open(options, NULL);
    says(&(pb_ask){.text = "why?"}, "why?");
    end();
    write_template("one\n{{#two", 10);
    file_is_refused("', line 2: a tag is opened with '{{' and not closed with '}}'");
    memset(large, 'x', (1 << 20) + 1);
    write_template(large, (1 << 20) + 1);
    file_is_refused("is longer than 1 MiB");
    free(large);
    unlink(path);
    file_is_refused("' cannot be read");
    memcpy(path, "/tmp", 5); /* a folder */
    file_is_refused("the template '/tmp' cannot be read");
}
END_TEST

START_TEST(options_are_checked)
{
    static const char *const wrong[][2] = {
        {"", "pipelines.p.stages[0].prompt: give either 'template' (a file) or 'text'"},
        {"text: x, template: y", "prompt: give either 'template' (a file) or 'text'"},
        {"text: x, variables: [1]", "prompt.variables: variables must be a map"},
        {"text: x, variables: {date: 1}",
         "prompt.variables: 'date' is known to every template; give the variable another name"},
        {"text: x, as: user, place: after",
         "prompt.place: 'place' is about system prompts, and 'as' says user"},
        {"text: x, place: below", "prompt.place"},
        {"text: x, max_length: 2MiB", "prompt.max_length"},
        {"text: x, max_length: 0", "prompt.max_length"},
    };

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *problems = NULL;
        ck_assert_ptr_null(open(wrong[i][0], &problems));
        ck_assert_msg(strstr(problems, wrong[i][1]), "%s", problems);
        ck_assert_msg(strstr(problems, "test.yaml:4:"), "%s", problems);
        free(problems);
    }
}
END_TEST

int main(void)
{
    TCase *all = suite_case("prompt", NULL, NULL,
                            (const TTest *const[]){escapes, deep_templates, limits,
                                                   any_template_is_taken_or_refused, facts, places,
                                                   a_questions_image_stays, a_thousand_turns, files,
                                                   options_are_checked, NULL});

    tcase_add_loop_test(all, templates, 0, sizeof cases / sizeof *cases);
    tcase_add_loop_test(all, templates_refused, 0, sizeof refused / sizeof *refused);
    return suite_run_cases("prompt", (TCase *const[]){all, NULL});
}
