/* load.c - files into one tree: `include:` and the merging of sections.
 *
 * What a file includes comes before its own. Sections (the root's members) that are maps are merged
 * one level deep; the same name twice is an error that tells both places.
 */
#include "config/internal.h"

/* A file that is being read; the ones that include it stand behind it. */
struct file {
    const char *path; /* absolute */
    const char *name; /* as it was given */
    const struct file *by;
};

/* Every file that was read, for "included twice". */
struct seen {
    const char *path; /* absolute */
    struct config_mark mark; /* of the include */
    struct seen *next;
};

struct load {
    struct config_loader loader;
    struct seen *seen;
};

static pb_status load_file(struct load *load, const char *name, const struct file *by,
                           const struct config_node *include, struct config_node **out);

static void given_twice(struct config_diagnostics *diagnostics, const struct config_node *later,
                        const struct config_node *first)
{
    config_problem_key(diagnostics, later, "given twice; it is already given at %s:%u:%u",
                       first->key_mark.file, first->key_mark.line, first->key_mark.column);
}

/* Moves the children of `from` into `into`, one level of sections merged where `deep`. */
static void merge(struct config_diagnostics *diagnostics, struct config_node *into,
                  struct config_node *from, bool deep)
{
    struct config_node *at = from->child;

    while (at) {
        struct config_node *next = at->next;
        struct config_node *first = config_node_member(into, at->key);
        if (!first) {
            config_node_append(into, at);
        } else if (deep && first->type == CONFIG_MAP && at->type == CONFIG_MAP) {
            merge(diagnostics, first, at, false);
        } else if (deep && first->type == CONFIG_NULL && at->type == CONFIG_MAP) {
            first->type = CONFIG_MAP; /* an empty section takes what the other has */
            merge(diagnostics, first, at, false);
        } else if (!deep || at->type != CONFIG_NULL) {
            given_twice(diagnostics, at, first);
        }
        at = next;
    }
}

static bool in_cycle(struct load *load, const struct file *file, const struct config_node *include)
{
    pb_buf chain = {0};
    const struct file *at = file->by;

    while (at && strcmp(at->path, file->path) != 0)
        at = at->by;
    if (!at)
        return false;
    for (const struct file *step = file->by; step; step = step == at ? NULL : step->by)
        pb_buf_printf(&chain, "%s'%s'", step == file->by ? "" : ", which is included by ",
                      step->name);
    config_problem(load->loader.diagnostics, include,
                   "this include goes in a circle; '%s' is included by %.*s", at->name,
                   PB_ARG(pb_buf_str(&chain)));
    return true;
}

static bool read_before(struct load *load, const struct file *file,
                        const struct config_node *include)
{
    for (const struct seen *at = load->seen; at; at = at->next) {
        if (strcmp(at->path, file->path) != 0)
            continue;
        config_problem(load->loader.diagnostics, include,
                       "'%s' is included twice; the first time at %s:%u:%u", file->name,
                       at->mark.file, at->mark.line, at->mark.column);
        return true;
    }
    struct seen *seen = PB_NEW(struct seen);
    if (!seen)
        return true;
    *seen = (struct seen){.path = file->path, .next = load->seen};
    if (include)
        seen->mark = include->mark;
    load->seen = seen;
    return false;
}

/* `include: x` or one of a list. */
static pb_status include_one(struct load *load, struct config_node *root, const struct file *file,
                             const struct config_node *include)
{
    struct config_node *other = NULL;

    if (include->broken || include->type == CONFIG_NULL)
        return PB_OK;
    if (include->type != CONFIG_SCALAR) {
        config_problem(load->loader.diagnostics, include, "expected the path of a file, found %.*s",
                       PB_ARG(config_node_found(include)));
        return PB_OK;
    }
    const char *name = config_path_beside(&include->mark, include->text).data;
    pb_status status = name ? load_file(load, name, file, include, &other) : PB_NO_MEMORY;
    if (other)
        merge(load->loader.diagnostics, root, other, true);
    return status;
}

/* A root that has what `own` includes and then what it has itself. */
static pb_status include_all(struct load *load, struct config_node *own, const struct file *file,
                             struct config_node **out)
{
    struct config_node *include = config_node_get(own, "include");
    struct config_node *root = include ? PB_NEW(struct config_node) : NULL;
    pb_status status = PB_OK;

    *out = own;
    if (!include)
        return PB_OK;
    if (!root)
        return PB_NO_MEMORY;
    root->type = CONFIG_MAP;
    root->mark = own->mark;
    if (include->type == CONFIG_LIST) {
        for (struct config_node *at = include->child; at; at = at->next) {
            pb_status one = include_one(load, root, file, at);
            status = status == PB_OK ? one : status;
        }
    } else {
        status = include_one(load, root, file, include);
    }
    struct config_node **link = &own->child; /* takes `include` out */
    while (*link != include)
        link = &(*link)->next;
    *link = include->next;
    merge(load->loader.diagnostics, root, own, true);
    *out = root;
    return status;
}

/* Text to a root with its includes; `file` as it is being read. */
static pb_status load_text(struct load *load, const struct config_text *text,
                           const struct file *file, struct config_node **out)
{
    struct config_node *root = NULL;
    pb_status status = config_text_read(&load->loader, text, &root);

    if (!root && status != PB_OK)
        return status;
    if (!root || root->type == CONFIG_NULL) { /* an empty file */
        root = PB_NEW(struct config_node);
        if (!root)
            return PB_NO_MEMORY;
        root->type = CONFIG_MAP;
        root->mark = (struct config_mark){text->file, 1, 1};
    } else if (root->type != CONFIG_MAP) {
        config_problem(load->loader.diagnostics, root,
                       "expected sections (name: …) at the top, found %.*s",
                       PB_ARG(config_node_found(root)));
        return PB_INVALID;
    }
    if (load->loader.sealed) {
        *out = root;
        return status;
    }
    pb_status included = include_all(load, root, file, out);
    return status == PB_OK ? included : status;
}

/* The text of a file, within the limits; fails with a sentence. */
static pb_status fetch(struct load *load, const struct file *file, pb_str *text)
{
    if (++load->loader.files > CONFIG_FILES)
        return pb_fail(PB_INVALID, "more than %d files in one configuration", CONFIG_FILES);
    return config_file_read(file->name, CONFIG_FILE_SIZE, text);
}

static pb_status load_file(struct load *load, const char *name, const struct file *by,
                           const struct config_node *include, struct config_node **out)
{
    const struct file file = {.path = config_path_absolute(NULL, pb_str_of(name)).data,
                              .name = pb_copy(pb_str_of(name)).data,
                              .by = by};
    struct config_text whole = {.file = file.name};
    struct config_mark start = {.file = name};

    if (!file.path || !file.name)
        return PB_NO_MEMORY;
    if (include && (in_cycle(load, &file, include) || read_before(load, &file, include)))
        return PB_INVALID;
    pb_status status = fetch(load, &file, &whole.text);
    if (status == PB_OK)
        return load_text(load, &whole, &file, out);
    pb_str sentence = pb_copy(pb_error_last()->sentence);
    if (include)
        config_problem(load->loader.diagnostics, include, "%.*s", PB_ARG(sentence));
    else
        config_report(load->loader.diagnostics, &start, (pb_str){0}, false, sentence);
    return status;
}

/* Both entries end here: PB_OK only when nothing was reported. */
static pb_status finish(const struct load *load, size_t errors, pb_status status)
{
    if (status == PB_OK && load->loader.diagnostics->errors > errors)
        status = PB_INVALID;
    return status;
}

pb_status config_tree_load(const char *path, struct config_diagnostics *diagnostics,
                           struct config_node **out)
{
    struct load load = {.loader = {.diagnostics = diagnostics}};
    size_t errors = diagnostics->errors;

    *out = NULL;
    return finish(&load, errors, load_file(&load, path, NULL, NULL, out));
}

static pb_status parse(struct load *load, const char *name, pb_str text, struct config_node **out)
{
    size_t errors = load->loader.diagnostics->errors;
    pb_str path = config_path_absolute(NULL, pb_str_of(name));
    pb_str file_name = pb_copy(pb_str_of(name));

    *out = NULL;
    if (!path.data || !file_name.data)
        return PB_NO_MEMORY;
    const struct file file = {.path = path.data, .name = file_name.data};
    const struct config_text whole = {.file = file_name.data, .text = text};
    return finish(load, errors, load_text(load, &whole, &file, out));
}

pb_status config_tree_parse(const char *name, pb_str text, struct config_diagnostics *diagnostics,
                            struct config_node **out)
{
    struct load load = {.loader = {.diagnostics = diagnostics}};

    return parse(&load, name, text, out);
}

pb_status config_tree_sealed(const char *name, pb_str text, struct config_diagnostics *diagnostics,
                             struct config_node **out)
{
    struct load load = {.loader = {.diagnostics = diagnostics, .sealed = true}};

    return parse(&load, name, text, out);
}
