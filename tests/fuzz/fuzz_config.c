/* fuzz_config.c - any bytes as a configuration: read into a tree without reach (no files, no
 * commands), through a table with every kind of field, and printed; what is printed must read back
 * as the same tree. */
#include "../unit/config/broad.h"
#include "config/internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pb_str as_json(const struct config_node *tree)
{
    pb_buf text = {0};
    const pb_json *json = config_node_json(tree, false);

    pb_json_write(&text, json);
    return pb_buf_str(&text);
}

static void must_be(bool holds, const char *why)
{
    if (!holds) {
        fprintf(stderr, "not true: %s\n", why);
        abort();
    }
}

static bool is_printable(pb_str key)
{
    for (size_t i = 0; i < key.size; i++)
        if ((unsigned char)key.data[i] < ' ')
            return false;
    return true;
}

/* Every node is found again by its path; control characters are not shown in one. */
static void check_paths(struct config_node *root, struct config_node *node)
{
    if (!is_printable(node->key))
        return;
    must_be(config_node_find(root, config_node_path(node)) == node, "a path leads to its node");
    for (struct config_node *at = node->child; at; at = at->next) {
        must_be(at->parent == node, "a child knows its parent");
        check_paths(root, at);
    }
}

static void check_print(const struct config_node *tree)
{
    struct config_diagnostics diagnostics = {0};
    struct config_node *again = NULL;
    pb_buf text = {0};

    config_tree_print(tree, &text, false);
    pb_status status = config_tree_sealed("again", pb_buf_str(&text), &diagnostics, &again);
    must_be(status == PB_OK && again, "what is printed can be read");
    must_be(pb_str_equal(as_json(tree), as_json(again)), "printing keeps the tree");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_scope *scope = pb_scope_begin();
    struct config_diagnostics diagnostics = {0};
    struct schema_context context = {
        .diagnostics = &diagnostics, .data_dir = "data", .hooks = &broad_hooks};
    struct config_node *tree = NULL;
    struct broad broad = {0};
    pb_buf out = {0};

    pb_status status = config_tree_sealed("fuzz", pb_str_make((const char *)data, size),
                                          &diagnostics, &tree);
    must_be(tree || status != PB_OK, "no tree without a reason");
    must_be((status == PB_OK) == (diagnostics.errors == 0), "the status tells of problems");
    if (tree) {
        if (status == PB_OK)
            check_print(tree);
        if (tree->count < 100)
            check_paths(tree, tree);
        size_t errors = diagnostics.errors;
        status = schema_read(broad_fields, &broad, tree, &context);
        must_be(tree->broken || (status == PB_OK) == (diagnostics.errors == errors),
                "reading tells of problems");
        pb_json_writer writer = pb_json_writer_make(&out);
        schema_write_json(broad_fields, &broad, &writer);
        config_tree_print(tree, &out, true);
    }
    config_diagnostics_print(&diagnostics, &out);
    pb_scope_end(scope);
    return 0;
}
