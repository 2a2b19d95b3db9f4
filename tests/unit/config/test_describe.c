/* What tables say about themselves: JSON Schema, help, YAML to paste; units; nearest words. */
#include "broad.h"
#include "suite.h"

#include "config/nearest.h"

static const struct schema_style style = {.config = true, .pipeline = "#/$defs/stages"};

static pb_str described(const pb_field *fields, const struct schema_style *how)
{
    pb_buf out = {0};
    pb_json_writer writer = pb_json_writer_make(&out);
    const pb_json *json;

    schema_json_schema(fields, how, &writer);
    ck_assert_int_eq(pb_json_parse(pb_buf_str(&out), &json), PB_OK);
    return pb_buf_str(&out);
}

/* What stands behind "properties": {"NAME": in the schema of the broad table. */
static pb_str property(const char *name, const struct schema_style *how)
{
    const pb_json *json;
    pb_buf out = {0};

    ck_assert_int_eq(pb_json_parse(described(broad_fields, how), &json), PB_OK);
    const pb_json *one = pb_json_get(pb_json_get(json, "properties"), name);
    ck_assert_ptr_nonnull(one);
    pb_json_write(&out, one);
    return pb_buf_str(&out);
}

START_TEST(json_schema_is_strict_for_json)
{
    ck_text(described(broad_limits_fields, NULL),
            "{\"type\":\"object\",\"properties\":{\"most\":{\"description\":\"How many at once.\","
            "\"type\":\"integer\",\"minimum\":1,\"maximum\":10,\"default\":7},"
            "\"after\":{\"anyOf\":[{\"const\":0},{\"type\":\"string\",\"pattern\":"
            "\"^(0|-?[0-9]+(\\\\.[0-9]+)? ?(d|h|m|s|ms|us|ns))$\"}],\"default\":\"1500ms\"},"
            "\"name\":{\"description\":\"What it is called.\",\"type\":\"string\"}},"
            "\"required\":[\"name\"],\"additionalProperties\":false}");
    ck_text(property("text", NULL),
            "{\"description\":\"Any text.\",\"type\":\"string\",\"maxLength\":40}");
    ck_text(property("form", NULL),
            "{\"type\":\"string\",\"pattern\":\"^([a-z]+(-[a-z]+)*)$\",\"default\":\"a-b\"}");
    ck_text(property("pass", NULL),
            "{\"description\":\"Never shown.\",\"type\":\"string\",\"writeOnly\":true}");
    ck_text(property("mode", NULL), "{\"enum\":[\"fast\",\"slow\"],\"default\":\"slow\"}");
    ck_text(property("words", NULL), "{\"type\":\"array\",\"maxItems\":3,\"items\":"
                                     "{\"type\":\"string\"},\"default\":[\"one\",\"two\"]}");
    ck_text(property("stages", NULL), "{\"type\":\"array\"}");
    ck_text(property("extra", NULL), "{}");
    ck_text(property("prices", NULL), "{\"type\":\"object\",\"additionalProperties\":"
                                      "{\"type\":\"number\",\"minimum\":0}}");
    ck_assert(pb_str_ends(property("timeout", NULL), pb_lit("\"deprecated\":true}")));
}
END_TEST

START_TEST(a_table_inside_of_itself_ends)
{
    ck_text(property("rules", NULL),
            "{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
            "\"say\":{\"type\":\"string\",\"maxLength\":20},"
            "\"weight\":{\"type\":\"number\",\"minimum\":-1,\"maximum\":1,\"default\":0.5},"
            "\"rules\":{\"type\":\"array\",\"items\":{\"type\":\"object\"}}},"
            "\"required\":[\"say\"],\"additionalProperties\":false}}");
}
END_TEST

START_TEST(json_schema_for_yaml_takes_variables)
{
    ck_text(property("on", &style), "{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"string\","
                                    "\"pattern\":\"\\\\$\\\\{\"}],\"default\":true}");
    ck_text(property("below", &style), "{\"anyOf\":[{\"type\":\"integer\",\"minimum\":-5},"
                                       "{\"type\":\"string\",\"pattern\":\"\\\\$\\\\{\"}]}");
    ck_text(property("text", &style), "{\"description\":\"Any text.\","
                                      "\"type\":[\"string\",\"number\",\"boolean\"]}");
    ck_text(property("stages", &style), "{\"$ref\":\"#/$defs/stages\"}");
    ck_text(property("try", &style),
            "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/stages\"}}");
}
END_TEST

START_TEST(parts_compose_a_larger_schema)
{
    pb_buf out = {0};
    pb_json_writer writer = pb_json_writer_make(&out);
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "use");
    pb_jw_bool(&writer, true);
    schema_json_properties(broad_tls_fields, NULL, &writer);
    pb_jw_close(&writer, '}');
    pb_jw_open(&writer, '[');
    pb_jw_str(&writer, pb_lit("use"));
    schema_json_required(broad_tls_fields, &writer);
    pb_jw_close(&writer, ']');
    ck_text(pb_buf_str(&out),
            "{\"use\":true,\"certificate\":{\"type\":\"string\"},\"key\":{\"type\":\"string\"},"
            "\"version\":{\"enum\":[\"1.2\",\"1.3\"],\"default\":\"1.3\"}},"
            "[\"use\",\"certificate\",\"key\"]");
}
END_TEST

START_TEST(help_says_it_all)
{
    pb_buf out = {0};
    schema_help(broad_fields, 2, &out);
    pb_buf_byte(&out, 0);
    static const char *const parts[] = {
        "  text  text, at most 40 bytes\n      Any text.\n",
        "  form  text, like /[a-z]+(-[a-z]+)*/, default 'a-b'\n",
        "  count  a whole number, 1 to 100, default 3\n      How often.\n",
        "  room  a size such as 64KiB or 10MiB, 1KiB to 1MiB, default 64KiB\n",
        "  mode  one of 'fast' or 'slow', default slow\n",
        "  data  a path in the data folder\n",
        "  llm  the name of an instance of kind 'llm'; may be left out where there is only one\n",
        "  models  a list of names of instances of kind 'llm'\n",
        "  try  a list of lists of stages\n",
        "  rules  a list of maps\n      say  text, at most 20 bytes, required\n",
        "      rules  a list of maps\n  prices  a map of numbers\n",
        ("  limits  a map\n      most  a whole number, 1 to 10, default 7\n"
         "          How many at once.\n"),
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(strstr(out.data, parts[i]), "'%s' is not in\n%s", parts[i], out.data);
}
END_TEST

START_TEST(yaml_to_paste_reads_back_as_the_defaults)
{
    struct config_diagnostics diagnostics = {0};
    struct schema_context context = {.diagnostics = &diagnostics, .hooks = &broad_hooks};
    struct config_node *tree;
    struct broad broad = {0}, empty = {0};
    pb_buf out = {0}, problems = {0};
    schema_yaml(broad_fields, 0, &out);
    ck_assert_int_eq(config_tree_parse("x", pb_buf_str(&out), &diagnostics, &tree), PB_OK);
    config_node_get(tree, "limits")->type = CONFIG_NULL; /* its name would be missing */
    config_node_get(tree, "tls")->type = CONFIG_NULL;
    pb_status status = schema_read(broad_fields, &broad, tree, &context);
    config_diagnostics_print(&diagnostics, &problems);
    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(pb_buf_str(&problems)));
    ck_assert_int_eq(schema_read(broad_fields, &empty, NULL, &context), PB_OK);
    ck_assert_int_eq(broad.wait, empty.wait);
    ck_assert(pb_str_equal(broad.form, empty.form));
    ck_assert_uint_eq(broad.words.count, empty.words.count);
    pb_buf_byte(&out, 0);
    ck_assert_ptr_nonnull(strstr(out.data, "# How often.\ncount: 3\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "# text:   # text, at most 40 bytes\n"));
    ck_assert_ptr_nonnull(strstr(out.data, "limits:\n  # How many at once.\n  most: 7\n"));
}
END_TEST

START_TEST(durations_and_sizes)
{
    static const struct {
        const char *text;
        pb_duration value;
    } good[] = {{"0", 0},           {"250us", 250000},     {"1.5s", 1500000000},
                {"7d", 604800 * PB_SECOND}, {"2h", 7200 * PB_SECOND}, {"-5m", -300 * PB_SECOND},
                {"3 s", 3 * PB_SECOND},     {"1ns", 1}},
      sizes[] = {{"0", 0},          {"4096", 4096},        {"64KiB", 65536}, {"10kB", 10000},
                 {"1.5GiB", 1610612736}, {"2TiB", INT64_C(2) << 40}, {"7B", 7}};
    static const char *const bad[] = {"", "s", "5", "5 minutes", "1.0001us2", "1..5s", "1.s", ".5s",
                                      "99999999999d", "1e3s", "--5s", "0.0001ns"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        pb_duration value = -1, again = -1;
        ck_assert_msg(schema_duration_read(pb_str_of(good[i].text), &value), "%s", good[i].text);
        ck_assert_int_eq(value, good[i].value);
        ck_assert(schema_duration_read(schema_duration_text(value), &again) && again == value);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t value = -1, again = -1;
        ck_assert_msg(schema_size_read(pb_str_of(sizes[i].text), &value), "%s", sizes[i].text);
        ck_assert_int_eq(value, sizes[i].value);
        ck_assert(schema_size_read(schema_size_text(value), &again) && again == value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value;
        ck_assert_msg(!schema_duration_read(pb_str_of(bad[i]), &value), "%s", bad[i]);
        ck_assert_msg(i == 2 || !schema_size_read(pb_str_of(bad[i]), &value), "%s", bad[i]);
    }
    ck_text(schema_duration_text(90 * PB_SECOND), "90s");
    ck_text(schema_size_text(65536), "64KiB");
    ck_text(schema_size_text(65537), "65537");
}
END_TEST

START_TEST(the_nearest_word)
{
    static const pb_str words[] = {PB_LIT("top_k"),       PB_LIT("model"), PB_LIT("temperature"),
                                   PB_LIT("max_length"), PB_LIT("url"),   PB_LIT("key")};
    static const char *const pairs[][2] = {
        {"topk", "top_k"},           {"top-k", "top_k"},   {"TOP_K", "top_k"},
        {"modle", "model"},          {"temp", "temperature"}, {"temprature", "temperature"},
        {"maxlength", "max_length"}, {"ulr", "url"},       {"kye", "key"},
        {"models", "model"},         {"xyz", ""},          {"", ""},
        {"k", ""},                   {"use", ""},          {"zzzzzzzzz", ""}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        pb_str match = nearest_match(pb_str_of(pairs[i][0]), words, 6);
        ck_assert_msg(pb_str_is(match, pairs[i][1]), "'%s' gave '%.*s'", pairs[i][0], PB_ARG(match));
    }
    ck_text(nearest_hint(pb_lit("xyz"), words, 1), "; known is 'top_k'");
    ck_text(nearest_hint(pb_lit("xyz"), words, 2), "; known are 'top_k' and 'model'");
    ck_text(nearest_hint(pb_lit("xyz"), words, 0), "");
    ck_text(nearest_hint(pb_lit("modl"), words, 6), "; did you mean 'model'?");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {json_schema_is_strict_for_json,
                                  a_table_inside_of_itself_ends,
                                  json_schema_for_yaml_takes_variables,
                                  parts_compose_a_larger_schema,
                                  help_says_it_all,
                                  yaml_to_paste_reads_back_as_the_defaults,
                                  durations_and_sizes,
                                  the_nearest_word,
                                  NULL};
    return suite_run("describe", tests);
}
