/* Loading: values and where they came from, marks, includes, overlays, printing, limits. */
#include "suite.h"

#include "config/internal.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void put(const char *name, const char *text)
{
    FILE *file = fopen(pb_printf("%s/%s", folder, name).data, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static int take_away(const char *path, const struct stat *about, int flag, struct FTW *where)
{
    (void)about;
    (void)flag;
    (void)where;
    return remove(path);
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/patchbay-config-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    nftw(folder, take_away, 8, FTW_DEPTH | FTW_PHYS);
}

/* The tree of a text without problems. */
static struct config_node *parsed(const char *text)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree = NULL;
    pb_buf out = {0};
    pb_status status = config_tree_parse(pb_printf("%s/main.yaml", folder).data, pb_str_of(text),
                                         &diagnostics, &tree);

    config_diagnostics_print(&diagnostics, &out);
    ck_assert_msg(status == PB_OK, "%.*s", PB_ARG(pb_buf_str(&out)));
    return tree;
}

static pb_str json(const struct config_node *node, bool mask)
{
    pb_buf out = {0};

    pb_json_write(&out, config_node_json(node, mask));
    return pb_buf_str(&out);
}

START_TEST(values_are_what_they_look_like)
{
    struct config_node *tree = parsed("a: 1\nb: '1'\nc: true\nd: yes\ne: ~\nf: 0x1F\ng: 1e3\n"
                                      "h: |\n  two\n  lines\ni: [-0.5, .5, 012]\n");
    ck_text(json(tree, false), "{\"a\":1,\"b\":\"1\",\"c\":true,\"d\":\"yes\",\"e\":null,"
                               "\"f\":\"0x1F\",\"g\":1e3,\"h\":\"two\\nlines\\n\","
                               "\"i\":[-0.5,\".5\",\"012\"]}");
    ck_assert(!config_node_get(tree, "a")->quoted);
    ck_assert(config_node_get(tree, "b")->quoted);
    ck_assert(config_node_get(tree, "h")->quoted);
    ck_assert_uint_eq(config_node_get(tree, "e")->type, CONFIG_NULL);
}
END_TEST

START_TEST(marks_count_characters)
{
    struct config_node *tree = parsed("\xef\xbb\xbf# first\nüml: {ä: [x, 'ö', y]}\n");
    struct config_node *list = tree->child->child;
    ck_assert_uint_eq(tree->child->key_mark.line, 2);
    ck_assert_uint_eq(tree->child->key_mark.column, 1);
    ck_assert_uint_eq(tree->child->mark.column, 6);
    ck_assert_uint_eq(list->key_mark.column, 7);
    ck_assert_uint_eq(config_node_at(list, 2)->mark.column, 19);
    ck_text(config_node_path(config_node_at(list, 2)), "üml.ä[2]");
    ck_assert_str_eq(list->mark.file, pb_printf("%s/main.yaml", folder).data);
}
END_TEST

START_TEST(paths_lead_to_nodes)
{
    struct config_node *tree = parsed("a: {'b.c': [{\"d\\\"]\": 1}, 2]}\n");
    struct config_node *node = tree->child->child->child->child;
    ck_text(config_node_path(node), "a.\"b.c\"[0].\"d\\\"]\"");
    ck_assert_ptr_eq(config_node_find(tree, config_node_path(node)), node);
    ck_assert_ptr_eq(config_node_find(tree, pb_lit("")), tree);
    ck_assert_ptr_null(config_node_find(tree, pb_lit("a.b")));
    ck_assert_ptr_null(config_node_find(tree, pb_lit("a.\"b.c\"[2]")));
    ck_assert_ptr_null(config_node_find(tree, pb_lit("a..b")));
    ck_assert_ptr_null(config_node_find(tree, pb_lit("a.\"b")));
    ck_assert_ptr_null(config_node_find(tree, pb_lit("a[0]x")));
}
END_TEST

START_TEST(variables_are_filled_in)
{
    setenv("PB_ONE", "first", 1);
    setenv("PB_NUMBER", "8", 1);
    setenv("PB_EMPTY", "", 1);
    setenv("PB_YAML", "{a: b}", 1);
    unsetenv("PB_NONE");
    struct config_node *tree = parsed(
        "a: ${PB_ONE}\nb: x${PB_ONE}y${PB_NUMBER}\nc: ${PB_NONE:-other}\nd: ${PB_NONE:-${PB_ONE}}\n"
        "e: ${PB_EMPTY}\nf: '${PB_EMPTY}'\ng: ${PB_EMPTY:-full}\nh: $${PB_ONE} $$ $PB_ONE\n"
        "i: ${PB_NUMBER}\nj: '${PB_NUMBER}'\nk: ${PB_YAML}\nl: ${PB_NONE:-}\nm: $$${PB_ONE}\n");
    ck_text(json(tree, false),
            "{\"a\":\"first\",\"b\":\"xfirsty8\",\"c\":\"other\",\"d\":\"first\",\"e\":null,"
            "\"f\":\"\",\"g\":\"full\",\"h\":\"${PB_ONE} $$ $PB_ONE\",\"i\":8,\"j\":\"8\","
            "\"k\":\"{a: b}\",\"l\":null,\"m\":\"$${PB_ONE}\"}");
    ck_text(config_node_get(tree, "b")->source, "${PB_ONE}, ${PB_NUMBER}");
    ck_assert(config_node_get(tree, "b")->secret);
    ck_assert(!config_node_get(tree, "c")->secret);
    ck_assert(config_node_get(tree, "d")->secret);
    ck_assert(!config_node_get(tree, "h")->secret);
}
END_TEST

START_TEST(a_variable_chooses)
{
    setenv("PB_ONE", "first", 1);
    setenv("PB_EMPTY", "", 1);
    unsetenv("PB_NONE");
    struct config_node *tree =
        parsed("a: ${PB_ONE:+yes:-no}\nb: ${PB_NONE:+yes:-no}\nc: ${PB_EMPTY:+yes:-no}\n"
               "d: x${PB_NONE:+yes}\ne: ${PB_NONE:+main:-${PB_ONE:+other:-third}}\n"
               "f: ${PB_ONE:+${PB_NONE:-deep}:-no}\n");
    ck_text(json(tree, false), "{\"a\":\"yes\",\"b\":\"no\",\"c\":\"no\",\"d\":\"x\","
                               "\"e\":\"other\",\"f\":\"deep\"}");
    ck_assert(!config_node_get(tree, "a")->secret);
}
END_TEST

START_TEST(files_and_commands_give_values)
{
    put("secret", "from a file\r\n");
    put("lines", "one\n\n");
    setenv("PB_FOLDER", folder, 1);
    struct config_node *tree = parsed("a: !file secret\nb: !file ${PB_FOLDER}/lines\n"
                                      "c: !command [printf, \"%s|\", 'a b', $HOME]\n"
                                      "d: !command [cat, secret]\n"
                                      "e: !command [sh, -c, 'read x; echo \"<$x>\"; (sleep 600 &)']\n"
                                      "f: !command [echo, 12]\n");
    ck_text(json(tree, false),
            "{\"a\":\"from a file\",\"b\":\"one\\n\",\"c\":\"a b|$HOME|\",\"d\":\"from a file\","
            "\"e\":\"<>\",\"f\":12}");
    ck_text(json(tree, true), "{\"a\":\"***\",\"b\":\"***\",\"c\":\"***\",\"d\":\"***\","
                              "\"e\":\"***\",\"f\":\"***\"}");
    ck_text(config_node_get(tree, "a")->source, "!file secret");
    ck_text(config_node_get(tree, "d")->source, "!command cat");
}
END_TEST

START_TEST(commands_inherit_nothing)
{
    int left_open = open("/dev/null", O_RDONLY);
    struct config_node *tree = parsed("a: !command [sh, -c, 'ls /proc/self/fd | tr \"\\n\" \" \"']\n");
    ck_assert_int_ge(left_open, 3);
    ck_text(config_node_get(tree, "a")->text, "0 1 2 3 "); /* 3 is the folder that ls reads */
    close(left_open);
}
END_TEST

START_TEST(a_text_without_reach_has_none)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree;
    pb_buf out = {0};
    put("secret", "x");
    ck_assert_int_eq(config_tree_sealed("sealed", pb_lit("a: !file secret\nb: !command [touch, x]\n"
                                                         "include: main.yaml\n"),
                                        &diagnostics, &tree),
                     PB_INVALID);
    config_diagnostics_print(&diagnostics, &out);
    ck_text(pb_buf_str(&out), "sealed:1:4: a: files and commands cannot be used here\n"
                              "sealed:2:4: b: files and commands cannot be used here\n");
    ck_text(config_node_get(tree, "include")->text, "main.yaml");
}
END_TEST

START_TEST(aliases_are_copies)
{
    struct config_node *tree = parsed("a: &x {b: [1, 2]}\nc: *x\nd: &y 5\ne: [*y, *y]\n");
    ck_text(json(tree, false),
            "{\"a\":{\"b\":[1,2]},\"c\":{\"b\":[1,2]},\"d\":5,\"e\":[5,5]}");
    ck_text(config_node_path(config_node_get(tree, "c")->child->child), "c.b[0]");
    ck_assert_ptr_ne(config_node_get(tree, "a")->child, config_node_get(tree, "c")->child);
}
END_TEST

START_TEST(includes_come_first_and_merge_by_section)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree;
    ck_assert_int_eq(mkdir(pb_printf("%s/conf.d", folder).data, 0700), 0);
    put("main.yaml", "llms: {main: 1}\ninclude: [conf.d/a.yaml]\nhost:\n");
    put("conf.d/a.yaml", "include: b.yaml\nllms: {a: !file key}\n");
    put("conf.d/b.yaml", "llms: {b: 3}\nhost: {log: 1}\nauth: [x]\n");
    put("conf.d/key", "k");
    ck_assert_int_eq(config_tree_load(pb_printf("%s/main.yaml", folder).data, &diagnostics, &tree),
                     PB_OK);
    ck_text(json(tree, false),
            "{\"llms\":{\"b\":3,\"a\":\"k\",\"main\":1},\"host\":{\"log\":1},\"auth\":[\"x\"]}");
    struct config_node *a = config_node_find(tree, pb_lit("llms.a"));
    ck_assert_str_eq(a->mark.file, pb_printf("%s/conf.d/a.yaml", folder).data);
    ck_text(config_path_absolute(&a->mark, pb_lit("../x/./y")), pb_printf("%s/x/y", folder).data);
    ck_assert_uint_eq(config_node_get(tree, "auth")->index, 2);
}
END_TEST

START_TEST(assignments_lie_over_the_tree)
{
    struct config_diagnostics diagnostics = {0};
    static const char *const all[] = {
        "a.b=2",      "a.new.deep=[x, {y: 1}]", "list[0]=first",    "list[2]=third",
        "a.\"q.r\"=s", "gone=",                 "port=${PB_PORT}", "url=http://x/?a=b",
        "text=\"8\"",  "list[1].k=v",           "empty[0][0]=deep"};
    struct config_node *tree =
        parsed("a: {b: 1, c: 3}\nlist: [x, {k: w}]\ngone: 5\nempty:\n");
    setenv("PB_PORT", "9000", 1);
    for (uint32_t i = 0; i < sizeof all / sizeof *all; i++)
        ck_assert_int_eq(config_tree_set(tree, all[i], i + 1, &diagnostics), PB_OK);
    ck_text(json(tree, false),
            "{\"a\":{\"b\":2,\"c\":3,\"new\":{\"deep\":[\"x\",{\"y\":1}]},\"q.r\":\"s\"},"
            "\"list\":[\"first\",{\"k\":\"v\"},\"third\"],\"gone\":null,"
            "\"empty\":[[\"deep\"]],\"port\":9000,\"url\":\"http://x/?a=b\",\"text\":\"8\"}");
    struct config_node *y = config_node_find(tree, pb_lit("a.new.deep[1].y"));
    ck_assert_str_eq(y->mark.file, "--set");
    ck_assert_uint_eq(y->mark.line, 2);
    ck_assert_uint_eq(y->mark.column, 20);
    ck_text(config_node_path(y), "a.new.deep[1].y");
    ck_assert(config_node_get(tree, "port")->secret);
}
END_TEST

START_TEST(printing_is_exact)
{
    setenv("PB_ONE", "planted", 1);
    struct config_node *tree =
        parsed("host: {workers: 1, log: {level: info}}\nkey: ${PB_ONE}\nplain: 'a: b # c'\n"
               "mixed: [x, [1, '2'], {a: 1, b: [{}, [], ~]}, \"l\\n\\u2028\\x7f\"]\n"
               "var: $${A}\nurl: http://x:80/y\n");
    pb_buf masked = {0}, open_text = {0};
    config_node_hide(config_node_find(tree, pb_lit("host.log")));
    config_tree_print(tree, &masked, true);
    ck_text(pb_buf_str(&masked), "host:\n"
                                 "  workers: 1\n"
                                 "  log:\n"
                                 "    level: \"***\"\n"
                                 "key: \"***\" # from ${PB_ONE}\n"
                                 "plain: \"a: b # c\"\n"
                                 "mixed:\n"
                                 "  - x\n"
                                 "  -\n"
                                 "    - 1\n"
                                 "    - \"2\"\n"
                                 "  - a: 1\n"
                                 "    b:\n"
                                 "      - {}\n"
                                 "      - []\n"
                                 "      - null\n"
                                 "  - \"l\\n\\u2028\\x7f\"\n"
                                 "var: \"$${A}\"\n"
                                 "url: http://x:80/y\n");
    config_tree_print(tree, &open_text, false);
    pb_buf_byte(&open_text, 0);
    ck_assert_ptr_nonnull(strstr(open_text.data, "key: planted\n"));
    struct config_node *again = parsed(open_text.data);
    ck_assert(pb_str_equal(json(again, false), json(tree, false)));
}
END_TEST

START_TEST(a_command_that_hangs_is_ended)
{
    const char *const argv[] = {"sh", "-c", "trap '' TERM; exec sleep 600", NULL};
    pb_str text;
    ck_assert_int_eq(config_command_run(argv, "/", 50, &text), PB_INVALID);
    ck_text(pb_error_last()->sentence, "'sh' did not end within 50 ms");
}
END_TEST

START_TEST(limits_hold)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree;
    pb_buf text = {0};
    pb_buf_add(&text, pb_lit("a: ["));
    for (int i = 0; i < CONFIG_NODES; i++)
        pb_buf_add(&text, pb_lit("1,"));
    pb_buf_add(&text, pb_lit("]\n"));
    ck_assert_int_eq(config_tree_parse("x", pb_buf_str(&text), &diagnostics, &tree), PB_INVALID);
    ck_assert_ptr_null(tree);
    ck_assert_uint_eq(diagnostics.errors, 1);
    ck_text(diagnostics.first->sentence, "more than 200000 values in one configuration");

    put("large.yaml", "");
    ck_assert_int_eq(truncate(pb_printf("%s/large.yaml", folder).data, CONFIG_FILE_SIZE + 1), 0);
    ck_assert_int_eq(config_tree_load(pb_printf("%s/large.yaml", folder).data, &diagnostics, &tree),
                     PB_INVALID);
    ck_assert_ptr_nonnull(strstr(diagnostics.last->sentence.data, "it is larger than 4096 KiB"));
}
END_TEST

START_TEST(too_many_problems_are_counted)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree = parsed("a: 1\n");
    pb_buf out = {0};
    for (int i = 0; i < CONFIG_DIAGNOSTICS + 5; i++)
        config_problem(&diagnostics, tree->child, "number %d", i);
    config_diagnostics_print(&diagnostics, &out);
    ck_assert(pb_str_ends(pb_buf_str(&out), pb_lit("a: number 999\nand 5 more problems\n")));
    ck_assert_uint_eq(diagnostics.errors, CONFIG_DIAGNOSTICS + 5);
}
END_TEST

START_TEST(diagnostics_sort_by_place_and_show_as_json)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree = parsed("a: {b: [1, 2]}\nc: 3\n");
    struct config_node *a = config_node_get(tree, "a");
    pb_buf out = {0};
    pb_json_writer writer = pb_json_writer_make(&out);
    tree->mark.file = "f";
    for (struct config_node *at = tree->child; at; at = at->next)
        at->mark.file = at->key_mark.file = "f";
    a->child->mark.file = a->child->child->mark.file = "f";
    config_warning(&diagnostics, config_node_get(tree, "c"), "odd");
    config_report_field(&diagnostics, a, pb_lit("b[0]"), false, pb_lit("first"));
    config_report_field(&diagnostics, a, pb_lit("b[7].x"), false, pb_lit("not there"));
    config_report_field(&diagnostics, a, pb_lit(""), true, pb_lit("whole"));
    config_report(&diagnostics, NULL, pb_lit("/x"), false, pb_lit("no place"));
    config_report_unknown(&diagnostics, tree, "section", (pb_str[]){PB_LIT("b"), PB_LIT("c")}, 2);
    config_diagnostics_print(&diagnostics, &out);
    ck_text(pb_buf_str(&out), "/x: no place\n"
                              "f:1:1: a: unknown section; known are 'b' and 'c'\n"
                              "f:1:4: a: warning: whole\n"
                              "f:1:8: a.b[7].x: not there\n"
                              "f:1:9: a.b[0]: first\n"
                              "f:2:4: c: warning: odd\n");
    out.size = 0;
    diagnostics.first = diagnostics.first->next->next->next->next->next;
    diagnostics.kept = 1;
    config_diagnostics_json(&diagnostics, &writer);
    ck_text(pb_buf_str(&out), "[{\"file\":\"f\",\"line\":2,\"column\":4,\"path\":\"c\","
                              "\"sentence\":\"odd\",\"warning\":true}]");
}
END_TEST

START_TEST(a_file_that_is_not_there_is_one_sentence)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *tree;
    pb_buf out = {0};
    ck_assert_int_eq(config_tree_load("/nowhere/x.yaml", &diagnostics, &tree), PB_INVALID);
    config_diagnostics_print(&diagnostics, &out);
    ck_text(pb_buf_str(&out),
            "/nowhere/x.yaml: cannot read '/nowhere/x.yaml': No such file or directory\n");
}
END_TEST

int main(void)
{
    TCase *cases =
        suite_case("tree", make_folder, remove_folder,
                   (const TTest *const[]){
                       values_are_what_they_look_like, marks_count_characters, paths_lead_to_nodes,
                       variables_are_filled_in, a_variable_chooses, files_and_commands_give_values,
                       commands_inherit_nothing, a_text_without_reach_has_none, aliases_are_copies,
                       includes_come_first_and_merge_by_section, assignments_lie_over_the_tree,
                       printing_is_exact, a_command_that_hangs_is_ended, limits_hold,
                       too_many_problems_are_counted, diagnostics_sort_by_place_and_show_as_json,
                       a_file_that_is_not_there_is_one_sentence, NULL});

    return suite_run_cases("tree", (TCase *const[]){cases, NULL});
}
