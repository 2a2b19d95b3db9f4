/* set.c - `--set path=value`: one assignment of the command line laid over the tree. */
#include "config/internal.h"

struct assignment {
    struct config_diagnostics *diagnostics;
    struct config_mark mark; /* of the step that is taken */
    pb_str path;             /* what was taken of the path so far, for sentences */
};

static void refuse(const struct assignment *assignment, pb_str sentence)
{
    config_report(assignment->diagnostics, &assignment->mark, assignment->path, false, sentence);
}

/* Bytes up to the `=` that is not inside quotes; the size of the text when there is none. */
static size_t find_equals(pb_str text)
{
    bool quoted = false;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\\' && quoted)
            i++;
        else if (text.data[i] == '"')
            quoted = !quoted;
        else if (text.data[i] == '=' && !quoted)
            return i;
    }
    return text.size;
}

static struct config_node *add(const struct assignment *assignment, struct config_node *parent,
                               pb_str key)
{
    struct config_node *node = PB_NEW(struct config_node);

    if (!node)
        return NULL;
    node->mark = assignment->mark;
    node->text = pb_lit("");
    if (key.data) {
        node->key = pb_copy(key);
        node->key_mark = assignment->mark;
    }
    config_node_append(parent, node);
    return node;
}

/* The child that one step names; made where it is missing. NULL: reported. */
static struct config_node *walk(const struct assignment *assignment, struct config_node *at,
                                const struct config_step *step)
{
    if (at->type == CONFIG_NULL)
        at->type = step->key.data ? CONFIG_MAP : CONFIG_LIST;
    if (step->key.data && at->type == CONFIG_MAP) {
        struct config_node *child = config_node_member(at, step->key);
        return child ? child : add(assignment, at, step->key);
    }
    if (!step->key.data && at->type == CONFIG_LIST) {
        if (step->index == at->count)
            return add(assignment, at, (pb_str){0});
        if (step->index < at->count)
            return config_node_at(at, step->index);
        refuse(assignment, pb_printf("there is no [%zu]; the next free one is [%u]", step->index,
                                     at->count));
        return NULL;
    }
    refuse(assignment, pb_printf("expected %s here, found %.*s", step->key.data ? "a map" : "a list",
                                 PB_ARG(config_node_found(at))));
    return NULL;
}

/* The node becomes the value; its place in the tree stays. */
static void replace(struct config_node *node, const struct config_node *value)
{
    struct config_node *parent = node->parent, *next = node->next;
    struct config_mark key_mark = node->key_mark;
    uint32_t index = node->index;
    pb_str key = node->key;

    *node = *value;
    node->parent = parent;
    node->next = next;
    node->key_mark = key_mark;
    node->index = index;
    node->key = key;
    for (struct config_node *at = node->child; at; at = at->next)
        at->parent = node;
}

pb_status config_tree_set(struct config_node *tree, const char *text, uint32_t number,
                          struct config_diagnostics *diagnostics)
{
    pb_str whole = pb_copy(pb_str_of(text)), path = whole;
    size_t equals = find_equals(whole), errors = diagnostics->errors;
    struct assignment assignment = {diagnostics, {CONFIG_COMMAND_LINE, number, 1}, {0}};
    struct config_loader loader = {.diagnostics = diagnostics};
    struct config_node *value = NULL, *at = tree;
    struct config_step step = {0};

    if (!whole.data)
        return PB_NO_MEMORY;
    if (equals == whole.size || equals == 0) {
        refuse(&assignment, pb_lit("expected path=value, as in llms.main.model=gpt-4o"));
        return PB_INVALID;
    }
    path.size = equals;
    while (path.size && at) {
        assignment.mark.column = (uint32_t)(path.data - whole.data) + 1;
        if (!config_path_step(&path, &step)) {
            refuse(&assignment, pb_lit("this is no path; write it as llms.main.model or "
                                       "pipelines.support.stages[0]"));
            return PB_INVALID;
        }
        at = walk(&assignment, at, &step);
        assignment.path = pb_str_make(whole.data, (size_t)(path.data - whole.data));
    }
    if (!at)
        return diagnostics->errors > errors ? PB_INVALID : PB_NO_MEMORY;
    const struct config_text source = {
        .file = CONFIG_COMMAND_LINE,
        .text = pb_str_slice(whole, equals + 1, whole.size),
        .line = number - 1,
        .column = (uint32_t)equals + 1,
        .one_line = true,
    };
    pb_status status = config_text_read(&loader, &source, &value);
    if (!value) { /* "path=": left out */
        value = PB_NEW(struct config_node);
        if (!value)
            return PB_NO_MEMORY;
        value->mark = assignment.mark;
        value->text = pb_lit("");
        value->broken = status != PB_OK;
    }
    replace(at, value);
    return status;
}
