/* Out of memory at every size: loading, reading and printing end with a status, never with a crash
 * or with half a value that says it is whole. */
#include "broad.h"
#include "suite.h"

#include "base/scope.h"
#include "config/internal.h"

#include <stdlib.h>

static const char text[] =
    "include: []\ntext: ${PB_ONE}\nform: Wrong\npass: &a x\nheaders: {a: *a, b: *a}\ncount: \"8\"\n"
    "words: [a, b]\nrules: [{say: a}, {wieght: 1}]\npeople: {ann: {name: Ann}}\nfile: x\n"
    "mode: fats\ntext: twice\nextra: {a: [1, !file /etc/hostname]}\n"
    "zzz: 1\nunsaid: ${PB_NONE}\n";

/* PB_OK or the failure of one whole run within the arena's limit. */
static pb_status run(void)
{
    struct config_diagnostics diagnostics = {0};
    struct schema_context context = {.diagnostics = &diagnostics, .hooks = &broad_hooks};
    struct config_node *tree = NULL;
    struct broad broad = {0};
    pb_buf out = {0};

    pb_error_clear();
    pb_status status = config_tree_parse("x.yaml", pb_str_of(text), &diagnostics, &tree);
    if (!tree)
        return status;
    (void)config_tree_set(tree, "a.\"b\"[0]=${PB_ONE}", 1, &diagnostics);
    status = schema_read(broad_fields, &broad, tree, &context);
    const pb_json *json = config_node_json(tree, true);
    if (json)
        (void)schema_read_json(broad_fields, &broad, json, &context);
    pb_json_writer writer = pb_json_writer_make(&out);
    schema_write_json(broad_fields, &broad, &writer);
    schema_json_schema(broad_fields, NULL, &writer);
    schema_help(broad_fields, 0, &out);
    schema_yaml(broad_fields, 0, &out);
    config_tree_print(tree, &out, true);
    config_diagnostics_print(&diagnostics, &out);
    return out.failed || !json ? (pb_status)PB_NO_MEMORY : status;
}

START_TEST(every_limit_ends_in_a_status)
{
    pb_status last = PB_OK;
    size_t limits = 0;

    setenv("PB_ONE", "one", 1);
    for (size_t limit = 1024; limit < 1 << 20; limit += 256, limits++) {
        struct arena arena;
        arena_init(&arena, limit);
        struct arena *before = scope_arena_swap(&arena);
        (void)pb_alloc(limits * 48 % 1024); /* so that another allocation meets the end */
        last = run();
        bool enough = arena.total + 70000 < limit;
        scope_arena_swap(before);
        arena_fini(&arena);
        ck_assert_int_ne(last, PB_OK);
        if (enough)
            break;
    }
    ck_assert_int_eq(last, PB_INVALID);
    ck_assert_uint_gt(limits, 100);
}
END_TEST

int main(void)
{
    return suite_run("memory", (const TTest *[]){every_limit_ends_in_a_status, NULL});
}
