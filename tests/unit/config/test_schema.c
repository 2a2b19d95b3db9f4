/* Tables over YAML and JSON: values, defaults, references, problems with JSON pointers, writing,
 * secrets. */
#include "broad.h"
#include "suite.h"

#include "base/scope.h"
#include "config/internal.h"

static struct config_diagnostics diagnostics;
static const struct schema_context context = {
    .diagnostics = &diagnostics, .data_dir = "/data", .hooks = &broad_hooks};

static pb_str printed(void)
{
    pb_buf out = {0};

    config_diagnostics_print(&diagnostics, &out);
    return out.size ? pb_buf_str(&out) : pb_lit("");
}

static struct config_node *tree_of(const char *text)
{
    struct config_node *tree = NULL;

    ck_assert_int_eq(config_tree_parse("/etc/pb/x.yaml", pb_str_of(text), &diagnostics, &tree),
                     PB_OK);
    return tree;
}

static struct broad read_yaml(const char *text)
{
    struct broad broad = {0};
    pb_status status = schema_read(broad_fields, &broad, tree_of(text), &context);

    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(printed()));
    return broad;
}

static pb_status read_json(const char *text, struct broad *broad)
{
    const pb_json *json = NULL;

    diagnostics = (struct config_diagnostics){0};
    *broad = (struct broad){0};
    ck_assert_int_eq(pb_json_parse(pb_str_of(text), &json), PB_OK);
    return schema_read_json(broad_fields, broad, json, &context);
}

START_TEST(defaults_fill_what_is_left_out)
{
    struct broad broad = read_yaml("{}");
    ck_assert_ptr_null(broad.text.data);
    ck_text(broad.form, "a-b");
    ck_assert_int_eq(broad.count, 3);
    ck_assert_int_eq(broad.below, 0);
    ck_assert_double_eq(broad.ratio, 0.25);
    ck_assert(broad.on);
    ck_assert_int_eq(broad.room, 65536);
    ck_assert_int_eq(broad.wait, 30 * PB_SECOND);
    ck_assert_int_eq(broad.mode, BROAD_SLOW);
    ck_text(broad.file, "/etc/pb/broad.txt");
    ck_assert_ptr_null(broad.store.data);
    ck_assert_ptr_eq(broad.llm, (pb_instance *)(void *)&broad_main);
    ck_assert_ptr_null(broad.cache);
    ck_assert_uint_eq(broad.words.count, 2);
    ck_text(PB_ITEM(broad.words, pb_str, 1), "two");
    ck_assert_uint_eq(broad.numbers.count, 0);
    ck_assert_int_eq(broad.limits.most, 7); /* in a struct that is left out too */
    ck_assert_int_eq(broad.limits.after, 1500 * PB_MILLISECOND);
    ck_assert_int_eq(broad.tls.version, 1);
    ck_assert_ptr_null(broad.tls.key.data);
    ck_assert_ptr_null(broad.extra);
}
END_TEST

START_TEST(yaml_fills_every_kind)
{
    struct broad broad = read_yaml(
        "text: 8\nform: abc\npass: s3cret\ncount: 12\nbelow: -5\nratio: 1.5e0\non: false\n"
        "room: 0.5MiB\nwait: 250ms\nmode: fast\nfile: ../a/./b.txt\ndata: files/x\nllm: other\n"
        "cache: main\nstages: [one, two]\nwords: [a, 'b', 3]\nnumbers: [1, 1e0, 2.0]\n"
        "models: [main, other]\ntry: [[one], [two]]\n"
        "rules: [{say: x, weight: -1, rules: [{say: y}]}]\nprices: {in: 1, out: 0.5}\n"
        "headers: {k: v}\npeople: {ann: {name: Ann}, bob: {name: B, most: 10}}\n"
        "limits: {name: 'x', after: 0}\ntls: {certificate: /c, key: k, version: 1.2}\n"
        "extra: {a: [1, x, true, ~, '1']}\n");
    ck_text(broad.text, "8");
    ck_text(broad.password.value, "s3cret");
    ck_assert_int_eq(broad.count, 12);
    ck_assert_int_eq(broad.below, -5);
    ck_assert_double_eq(broad.ratio, 1.5);
    ck_assert(!broad.on);
    ck_assert_int_eq(broad.room, 524288);
    ck_assert_int_eq(broad.wait, 250 * PB_MILLISECOND);
    ck_assert_int_eq(broad.mode, BROAD_FAST);
    ck_text(broad.file, "/etc/a/b.txt");
    ck_text(broad.store, "/data/files/x");
    ck_assert_ptr_eq(broad.llm, (pb_instance *)(void *)&broad_other);
    ck_assert_ptr_eq(broad.stages, (pb_pipeline *)(void *)&broad_stages);
    ck_text(PB_ITEM(broad.words, pb_str, 2), "3");
    ck_assert_int_eq(PB_ITEM(broad.numbers, int64_t, 2), 2);
    ck_assert_ptr_eq(PB_ITEM(broad.models, pb_instance *, 1), (pb_instance *)(void *)&broad_other);
    ck_assert_ptr_eq(PB_ITEM(broad.tries, pb_pipeline *, 1), (pb_pipeline *)(void *)&broad_stages);
    const struct broad_rule *rule = &PB_ITEM(broad.rules, struct broad_rule, 0);
    ck_assert_double_eq(rule->weight, -1);
    ck_text(PB_ITEM(rule->rules, struct broad_rule, 0).say, "y");
    ck_assert_double_eq(PB_ITEM(rule->rules, struct broad_rule, 0).weight, 0.5);
    ck_text(broad.prices.keys[1], "out");
    ck_assert_double_eq(PB_ITEM(broad.prices, double, 1), 0.5);
    ck_text(PB_ITEM(broad.headers, pb_secret, 0).value, "v");
    ck_text(broad.people.keys[0], "ann");
    ck_assert_int_eq(PB_ITEM(broad.people, struct broad_limits, 0).most, 7);
    ck_assert_int_eq(PB_ITEM(broad.people, struct broad_limits, 1).most, 10);
    ck_assert_int_eq(broad.limits.after, 0);
    ck_text(broad.tls.certificate, "/c");
    ck_assert_int_eq(broad.tls.version, 0);
    pb_buf extra = {0};
    pb_json_write(&extra, broad.extra);
    ck_text(pb_buf_str(&extra), "{\"a\":[1,\"x\",true,null,\"1\"]}");
}
END_TEST

struct words {
    pb_list of;
};

static const pb_field word_fields[] = {
    PB_LIST(struct words, of, PB_KIND_ENUM, .values = PB_VALUES("red", "green")), PB_END};

START_TEST(one_word_stands_for_a_list_of_it)
{
    struct words words = {{0}};

    ck_assert_int_eq(schema_read(word_fields, &words, tree_of("of: green"), &context), PB_OK);
    ck_assert_uint_eq(words.of.count, 1);
    ck_assert_int_eq(PB_ITEM(words.of, int32_t, 0), 1);
    ck_assert_int_eq(schema_read(word_fields, &words, tree_of("of: [red, green]"), &context),
                     PB_OK);
    ck_assert_uint_eq(words.of.count, 2);
    ck_assert_int_eq(schema_read(word_fields, &words, tree_of("of: gren"), &context), PB_INVALID);
    ck_text(printed(), "/etc/pb/x.yaml:1:5: of: expected one of 'red' or 'green', found 'gren'; "
                       "did you mean 'green'?\n");
}
END_TEST

START_TEST(texts_end_with_a_nul_and_outlive_the_tree)
{
    struct arena arena, *before;
    struct broad broad = {0};
    arena_init(&arena, 0);
    before = scope_arena_swap(&arena);
    struct config_node *tree = tree_of("text: abc\nheaders: {key: v}\n");
    scope_arena_swap(before);
    ck_assert_int_eq(schema_read(broad_fields, &broad, tree, &context), PB_OK);
    arena_fini(&arena);
    ck_assert_str_eq(broad.text.data, "abc");
    ck_assert_str_eq(broad.headers.keys[0].data, "key");
}
END_TEST

START_TEST(secret_fields_hide_their_nodes)
{
    struct broad broad = {0};
    struct config_node *tree = tree_of("pass: planted\nheaders: {a: planted}\ntext: shown\n");
    pb_buf out = {0};
    ck_assert_int_eq(schema_read(broad_fields, &broad, tree, &context), PB_OK);
    config_tree_print(tree, &out, true);
    ck_text(pb_buf_str(&out), "pass: \"***\"\nheaders:\n  a: \"***\"\ntext: shown\n");
}
END_TEST

static const pb_field wrong_fields[] = {
    PB_INT(struct broad, count, .def = "many"),
    PB_LIST(struct broad, numbers, PB_KIND_INT, .def = "[1, 20]", .max = 9),
    PB_LIST(struct broad, words, PB_KIND_STR, .def = "[a"), PB_END};

START_TEST(misspelt_options_are_hidden_too)
{
    struct broad broad = {0};
    struct config_node *tree = tree_of("psas: planted\n");
    pb_buf out = {0};
    ck_assert_int_eq(schema_read(broad_fields, &broad, tree, &context), PB_INVALID);
    config_tree_print(tree, &out, true);
    ck_text(pb_buf_str(&out), "psas: \"***\"\n");
}
END_TEST

START_TEST(a_default_that_does_not_fit_is_told)
{
    struct broad broad = {0};
    diagnostics = (struct config_diagnostics){0};
    ck_assert_int_eq(schema_read(wrong_fields, &broad, tree_of("{}"), &context), PB_INVALID);
    ck_text(printed(), "/etc/pb/x.yaml:1:1: count: the built-in default 'many' does not fit: "
                       "expected a whole number, found 'many'\n"
                       "/etc/pb/x.yaml:1:1: numbers: the built-in default '[1, 20]' does not fit: "
                       "out of range; expected 0 to 9\n"
                       "/etc/pb/x.yaml:1:1: words: the built-in default '[a' does not fit: "
                       "not valid YAML\n");
}
END_TEST

START_TEST(the_first_problem_is_the_tasks_error)
{
    static const struct schema_context silent = {0};
    struct broad broad = {0};
    ck_assert_int_eq(schema_read(broad_fields, &broad, tree_of("mode: x\ncount: y\n"), &silent),
                     PB_INVALID);
    ck_text(pb_error_last()->sentence,
            "/etc/pb/x.yaml:2:8: count: expected a whole number, found 'y'");
    const pb_json *json;
    ck_assert_int_eq(pb_json_parse(pb_lit("{\"limits\":{\"name\":5}}"), &json), PB_OK);
    ck_assert_int_eq(schema_read_json(broad_fields, &broad, json, &silent), PB_INVALID);
    ck_text(pb_error_last()->sentence, "expected text, found a number; write it in quotes");
    ck_text(pb_error_last()->pointer, "/limits/name");
}
END_TEST

static const char *const use[] = {"use", NULL};

START_TEST(keys_of_others_are_passed_over)
{
    struct schema_context with = context;
    struct broad broad = {0};
    with.also = use;
    diagnostics = (struct config_diagnostics){0};
    struct config_node *tree = tree_of("use: x\nlimits: {name: a, use: b}\n");
    ck_assert_int_eq(schema_read(broad_fields, &broad, tree, &with), PB_INVALID);
    ck_text(printed(), "/etc/pb/x.yaml:2:19: limits.use: unknown option; "
                       "known are 'most', 'after' and 'name'\n");
}
END_TEST

static pb_status declines(const struct schema_hooks *hooks, const pb_field *field, pb_str name,
                          struct config_node *node, pb_instance **out)
{
    (void)hooks;
    (void)out;
    if (name.data) { /* reports by itself */
        config_problem(&diagnostics, node, "by the hook: %s", field->ref);
        return PB_DECLINED;
    }
    return PB_OK; /* none of its kind */
}

START_TEST(hooks_may_report_and_may_find_nothing)
{
    static const struct schema_hooks hooks = {declines, NULL, NULL};
    struct schema_context with = {.diagnostics = &diagnostics, .hooks = &hooks};
    struct broad broad = {0};
    diagnostics = (struct config_diagnostics){0};
    ck_assert_int_eq(schema_read(broad_fields, &broad, tree_of("cache: c\n"), &with), PB_INVALID);
    ck_text(printed(),
            "/etc/pb/x.yaml:1:1: llm: missing; expected the name of an instance of kind 'llm'\n"
            "/etc/pb/x.yaml:1:8: cache: by the hook: cache\n");
}
END_TEST

/* --- JSON ----------------------------------------------------------------------------------------- */

START_TEST(json_fills_every_kind)
{
    struct broad broad;
    ck_assert_int_eq(
        read_json("{\"text\":\"8\",\"count\":12.0,\"on\":false,\"room\":2048,\"wait\":\"5m\","
                  "\"mode\":\"fast\",\"data\":\"f\",\"llm\":\"other\",\"words\":[\"a\"],"
                  "\"prices\":{\"in\":1e-1},\"limits\":{\"name\":\"n\"},\"cache\":null,"
                  "\"people\":{\"ann\":{\"name\":\"A\"}},\"extra\":null,\"ratio\":2}",
                  &broad),
        PB_OK);
    ck_text(broad.text, "8");
    ck_assert_int_eq(broad.count, 12);
    ck_assert_int_eq(broad.room, 2048);
    ck_assert_int_eq(broad.wait, 300 * PB_SECOND);
    ck_text(broad.store, "/data/f");
    ck_assert_ptr_eq(broad.llm, (pb_instance *)(void *)&broad_other);
    ck_assert_double_eq(PB_ITEM(broad.prices, double, 0), 0.1);
    ck_text(broad.people.keys[0], "ann");
    ck_assert_int_eq(PB_ITEM(broad.people, struct broad_limits, 0).most, 7);
    ck_assert(pb_json_is(broad.extra, PB_JSON_NULL));
    ck_assert_uint_eq(broad.words.count, 1);
    ck_assert_uint_eq(diagnostics.errors, 0);
}
END_TEST

START_TEST(json_problems_carry_pointers_and_no_values)
{
    struct broad broad;
    ck_assert_int_eq(
        read_json("{\"text\":5,\"form\":\"planted!\",\"count\":\"12\",\"below\":1.5,\"on\":\"true\","
                  "\"room\":\"planted\",\"wait\":30,\"mode\":\"planted\",\"llm\":\"main\","
                  "\"stages\":[],\"words\":\"planted\",\"numbers\":[1,\"2\",{}],"
                  "\"rules\":[{\"say\":\"a\"},{\"wieght\":1}],\"prices\":{\"a/b~c\":true},"
                  "\"people\":{\"ann\":null},\"limits\":[],\"file\":\"a\\u0000b\","
                  "\"palnted\":1,\"ratio\":1e999}",
                  &broad),
        PB_INVALID);
    ck_text(printed(),
            "/text: expected text, found a number; write it in quotes\n"
            "/form: does not have the right form; expected text like /[a-z]+(-[a-z]+)*/\n"
            "/count: expected a whole number, found text; write it without quotes\n"
            "/below: expected a whole number, found a number\n"
            "/ratio: too large for a number\n"
            "/on: expected true or false, found text; write it without quotes\n"
            "/room: expected a size such as 64KiB or 10MiB, found text\n"
            "/wait: expected a duration such as 250ms, 30s or 5m, found a number; did you mean "
            "'30s'?\n"
            "/mode: expected one of 'fast' or 'slow'\n"
            "/file: expected a path\n"
            "/stages: a pipeline cannot be given here\n"
            "/words: expected a list of text, found text; write it in [ ]\n"
            "/numbers/1: expected a whole number, found text; write it without quotes\n"
            "/numbers/2: expected a whole number, found a map\n"
            "/rules/1/say: missing; expected text\n"
            "/rules/1/wieght: unknown field; did you mean 'weight'?\n"
            "/prices/a~1b~0c: expected a number, found true\n"
            "/people/ann/name: missing; expected text\n"
            "/limits: expected a map, found a list\n"
            "/palnted: unknown field; known are 'text', 'form', 'pass', 'count', 'below', 'ratio', "
            "'on', 'room', 'wait', 'mode', 'file', 'data' and 14 more\n");
}
END_TEST

START_TEST(json_that_is_no_map_and_none_at_all)
{
    struct broad broad;
    ck_assert_int_eq(read_json("[1]", &broad), PB_INVALID);
    ck_text(printed(), "expected a map, found a list\n");
    diagnostics = (struct config_diagnostics){0};
    struct broad_limits limits = {0};
    ck_assert_int_eq(schema_read_json(broad_limits_fields, &limits, NULL, &context), PB_INVALID);
    ck_text(printed(), "/name: missing; expected text\n");
    ck_assert_int_eq(limits.most, 7);
}
END_TEST

START_TEST(hostile_json_ends_early)
{
    struct broad broad;
    pb_buf text = {0};
    pb_buf_add(&text, pb_lit("{\"a\":0"));
    for (int i = 0; i < 20000; i++)
        pb_buf_printf(&text, ",\"member-%d\":%d", i, i);
    pb_buf_add(&text, pb_lit("}"));
    pb_buf_byte(&text, 0);
    ck_assert_int_eq(read_json(text.data, &broad), PB_INVALID);
    ck_assert_uint_eq(diagnostics.errors, 200);
}
END_TEST

START_TEST(writing_is_what_reading_takes)
{
    struct broad broad = read_yaml("text: ''\npass: planted\nwait: 1500ms\nroom: 2KiB\n"
                                   "mode: fast\nrules: [{say: \"q\\\"\"}]\nlimits: {name: n}\n"
                                   "headers: {k: planted}\nprices: {a: 0.1}\nextra: [1]\n");
    struct broad again = {0};
    pb_buf out = {0};
    pb_json_writer writer = pb_json_writer_make(&out);
    const pb_json *json;
    broad.words.count = 0;
    schema_write_json(broad_fields, &broad, &writer);
    ck_text(pb_buf_str(&out),
            "{\"text\":\"\",\"form\":\"a-b\",\"pass\":\"***\",\"count\":3,\"below\":0,"
            "\"ratio\":0.25,\"on\":true,\"room\":2048,\"wait\":\"1500ms\",\"mode\":\"fast\","
            "\"file\":\"/etc/pb/broad.txt\",\"words\":[],\"numbers\":[],"
            "\"rules\":[{\"say\":\"q\\\"\",\"weight\":0.5,\"rules\":[]}],\"prices\":{\"a\":0.1},"
            "\"headers\":{\"k\":\"***\"},\"people\":{},"
            "\"limits\":{\"most\":7,\"after\":\"1500ms\",\"name\":\"n\"},"
            "\"tls\":{\"version\":\"1.3\"},\"extra\":[1]}");
    ck_assert_int_eq(pb_json_parse(pb_buf_str(&out), &json), PB_OK);
    (void)schema_read_json(broad_fields, &again, json, &context);
    ck_assert_int_eq(again.wait, broad.wait);
    ck_assert_int_eq(again.room, broad.room);
}
END_TEST

START_TEST(a_shorter_entry_of_an_older_plugin_is_read)
{
    /* An entry without its last members, as a plugin of an older SDK would have. */
    enum { SHORT = offsetof(pb_field, alias) };
    static const pb_field full = PB_STR(struct broad, text, .def = "x");
    static const pb_field end = PB_END;
    _Alignas(pb_field) char table[SHORT + sizeof end];
    struct broad broad = {0};
    uint32_t size = SHORT;
    memcpy(table, &full, SHORT);
    memcpy(table, &size, sizeof size);
    memcpy(table + SHORT, &end, sizeof end);
    const pb_field *fields = (const pb_field *)(const void *)table;
    ck_assert_int_eq(schema_read(fields, &broad, tree_of("{}"), &context), PB_OK);
    ck_text(broad.text, "x");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {defaults_fill_what_is_left_out,
                                  yaml_fills_every_kind,
                                  one_word_stands_for_a_list_of_it,
                                         texts_end_with_a_nul_and_outlive_the_tree,
                                  secret_fields_hide_their_nodes,
                                  misspelt_options_are_hidden_too,
                                  a_default_that_does_not_fit_is_told,
                                  the_first_problem_is_the_tasks_error,
                                  keys_of_others_are_passed_over,
                                  hooks_may_report_and_may_find_nothing,
                                  json_fills_every_kind,
                                  json_problems_carry_pointers_and_no_values,
                                  json_that_is_no_map_and_none_at_all,
                                  hostile_json_ends_early,
                                  writing_is_what_reading_takes,
                                  a_shorter_entry_of_an_older_plugin_is_read,
                                  NULL};
    return suite_run("schema", tests);
}
