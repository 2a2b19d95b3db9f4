/* node.c - looking around in a configuration tree: children, paths, what to call a value in a
 * sentence, and a value as JSON. See tree.h. */
#include "base/json.h"
#include "base/str.h"
#include "config/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum { SHOWN = 40 }; /* bytes of a value that a sentence quotes */

struct config_node *config_node_get(const struct config_node *node, const char *key)
{
    if (!node || node->type != CONFIG_MAP)
        return NULL;
    for (struct config_node *at = node->child; at; at = at->next)
        if (pb_str_is(at->key, key))
            return at;
    return NULL;
}

struct config_node *config_node_at(const struct config_node *node, size_t index)
{
    struct config_node *at = node && node->type == CONFIG_LIST ? node->child : NULL;

    while (at && index--)
        at = at->next;
    return at;
}

void config_node_append(struct config_node *parent, struct config_node *node)
{
    node->parent = parent;
    node->next = NULL;
    node->index = parent->count++;
    if (parent->last)
        parent->last->next = node;
    else
        parent->child = node;
    parent->last = node;
}

/* --- paths ------------------------------------------------------------------------------------ */

static bool plain_key(pb_str key)
{
    for (size_t i = 0; i < key.size; i++) {
        unsigned char c = (unsigned char)key.data[i];
        if (c <= ' ' || c == 127 || strchr(".[]\"'=:\\", c))
            return false;
    }
    return key.size > 0;
}

void config_path_key(pb_buf *path, pb_str key)
{
    if (path->size)
        pb_buf_byte(path, '.');
    if (plain_key(key)) {
        pb_buf_add(path, key);
        return;
    }
    pb_buf_byte(path, '"');
    for (size_t i = 0; i < key.size; i++) {
        char c = key.data[i];
        if (c == '"' || c == '\\')
            pb_buf_byte(path, '\\');
        pb_buf_byte(path, c >= 0 && c < ' ' ? ' ' : c);
    }
    pb_buf_byte(path, '"');
}

void config_path_index(pb_buf *path, size_t index)
{
    pb_buf_printf(path, "[%zu]", index);
}

static void path_of(const struct config_node *node, pb_buf *path)
{
    if (!node->parent)
        return;
    path_of(node->parent, path);
    if (node->parent->type == CONFIG_LIST)
        config_path_index(path, node->index);
    else
        config_path_key(path, node->key);
}

pb_str config_node_path(const struct config_node *node)
{
    pb_buf path = {0};

    path_of(node, &path);
    return path.size ? pb_buf_str(&path) : pb_lit("");
}

/* The key at the start of `*path`, which moves behind it. False when it is not well formed. */
static bool take_key(pb_str *path, pb_str *key)
{
    pb_buf text = {0};
    size_t at = 0;

    if (path->size && path->data[0] == '"') {
        for (at = 1; at < path->size && path->data[at] != '"'; at++) {
            if (path->data[at] == '\\' && at + 1 < path->size)
                at++;
            pb_buf_byte(&text, path->data[at]);
        }
        if (at == path->size)
            return false;
        at++;
        *key = text.size ? pb_buf_str(&text) : pb_lit("");
    } else {
        while (at < path->size && path->data[at] != '.' && path->data[at] != '[')
            at++;
        *key = pb_str_slice(*path, 0, at);
    }
    *path = pb_str_slice(*path, at, path->size);
    return key->size > 0;
}

static bool take_index(pb_str *path, size_t *index)
{
    size_t at = 1;

    *index = 0;
    for (; at < path->size && path->data[at] >= '0' && path->data[at] <= '9' && at < 9; at++)
        *index = *index * 10 + (size_t)(path->data[at] - '0');
    if (at == 1 || at >= path->size || path->data[at] != ']')
        return false;
    *path = pb_str_slice(*path, at + 1, path->size);
    return true;
}

bool config_path_step(pb_str *path, struct config_step *step)
{
    if (path->size && path->data[0] == '[') {
        step->key = (pb_str){0};
        step->started = true;
        return take_index(path, &step->index);
    }
    if (step->started) { /* behind another step: needs its dot */
        if (!path->size || path->data[0] != '.')
            return false;
        *path = pb_str_slice(*path, 1, path->size);
    }
    step->started = true;
    return take_key(path, &step->key);
}

struct config_node *config_node_find(struct config_node *node, pb_str path)
{
    struct config_step step = {0};

    while (node && path.size) {
        if (!config_path_step(&path, &step))
            return NULL;
        node = step.key.data ? config_node_member(node, step.key) : config_node_at(node, step.index);
    }
    return node;
}

struct config_node *config_node_member(const struct config_node *map, pb_str key)
{
    if (map->type != CONFIG_MAP)
        return NULL;
    for (struct config_node *at = map->child; at; at = at->next)
        if (pb_str_equal(at->key, key))
            return at;
    return NULL;
}

pb_str config_folder(const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;

    if (!slash)
        return pb_lit(".");
    return slash == file ? pb_lit("/") : pb_copy(pb_str_make(file, (size_t)(slash - file)));
}

pb_str config_path_beside(const struct config_mark *mark, pb_str path)
{
    pb_str folder = config_folder(mark->file);

    if (pb_str_starts(path, pb_lit("/")) || pb_str_is(folder, "."))
        return path;
    return pb_printf("%.*s/%.*s", PB_ARG(folder), PB_ARG(path));
}

/* Without "." and empty steps; ".." takes a step back (links are not followed). */
static pb_str tidy(pb_str path)
{
    char *text = pb_alloc(path.size + 2);
    size_t size = 0;

    if (!text)
        return (pb_str){0};
    while (path.size) {
        size_t end = pb_str_find(path, '/');
        pb_str step = pb_str_slice(path, 0, end);
        path = pb_str_slice(path, end + 1, path.size);
        if (step.size == 0 || pb_str_is(step, "."))
            continue;
        if (pb_str_is(step, "..")) {
            while (size && text[--size] != '/')
                continue;
            continue;
        }
        text[size++] = '/';
        memcpy(text + size, step.data, step.size);
        size += step.size;
    }
    if (size == 0)
        text[size++] = '/';
    text[size] = 0;
    return pb_str_make(text, size);
}

pb_str config_path_absolute(const struct config_mark *mark, pb_str path)
{
    const char *file = mark && mark->file && strcmp(mark->file, CONFIG_COMMAND_LINE) != 0
                           ? mark->file
                           : "";
    pb_str folder = config_folder(file);
    pb_buf whole = {0};

    if (path.size == 0 || path.data[0] != '/') {
        char here[PATH_MAX];
        if (folder.size == 0 || folder.data[0] != '/') {
            pb_buf_add(&whole, pb_str_of(getcwd(here, sizeof here) ? here : "/"));
            pb_buf_byte(&whole, '/');
        }
        pb_buf_add(&whole, folder);
        pb_buf_byte(&whole, '/');
    }
    pb_buf_add(&whole, path);
    return whole.failed ? (pb_str){0} : tidy(pb_buf_str(&whole));
}

/* --- what a value is ---------------------------------------------------------------------------- */

bool config_is_number(pb_str text)
{
    return text.size > 0 && json_number_size(text) == text.size;
}

bool config_is_null(pb_str text)
{
    return text.size == 0 || pb_str_is(text, "~") || pb_str_is(text, "null") ||
           pb_str_is(text, "Null") || pb_str_is(text, "NULL");
}

pb_str config_shown(pb_str text)
{
    size_t size = 0;

    while (size < text.size && (unsigned char)text.data[size] >= ' ')
        size++;
    pb_str begin = utf8_cut(pb_str_slice(text, 0, size), SHOWN);
    return begin.size == text.size ? text : pb_printf("%.*s…", PB_ARG(begin));
}

pb_str config_node_found(const struct config_node *node)
{
    switch (node->type) {
    case CONFIG_NULL:
        return pb_lit("nothing");
    case CONFIG_LIST:
        return pb_lit("a list");
    case CONFIG_MAP:
        return pb_lit("a map");
    default:
        break;
    }
    if (node->source.data)
        return pb_printf("the value of %.*s", PB_ARG(node->source));
    if (node->secret)
        return pb_lit("a secret");
    return pb_printf(node->quoted ? "the text \"%.*s\"" : "'%.*s'",
                     PB_ARG(config_shown(node->text)));
}

void config_node_hide(struct config_node *node)
{
    node->secret = true;
    for (struct config_node *at = node->child; at; at = at->next)
        config_node_hide(at);
}

void config_node_know(struct config_node *node)
{
    node->known = true;
    for (struct config_node *at = node->child; at; at = at->next)
        config_node_know(at);
}

void config_node_hide_unknown(struct config_node *node)
{
    if (node->type == CONFIG_SCALAR && !node->known)
        node->secret = true;
    for (struct config_node *at = node->child; at; at = at->next)
        config_node_hide_unknown(at);
}

static pb_json *scalar_json(const struct config_node *node, bool mask)
{
    if (mask && node->secret)
        return pb_json_string(pb_lit("***"));
    if (!node->quoted && (pb_str_is(node->text, "true") || pb_str_is(node->text, "false")))
        return pb_json_boolean(node->text.data[0] == 't');
    if (!node->quoted && config_is_number(node->text))
        return pb_json_new(PB_JSON_NUMBER, node->text);
    return pb_json_string(node->text);
}

static pb_json *json_of(const struct config_node *node, bool mask)
{
    if (node->type == CONFIG_NULL)
        return pb_json_new(PB_JSON_NULL, (pb_str){0});
    if (node->type == CONFIG_SCALAR)
        return scalar_json(node, mask);
    pb_json *json =
        pb_json_new(node->type == CONFIG_MAP ? PB_JSON_OBJECT : PB_JSON_ARRAY, (pb_str){0});
    for (const struct config_node *at = node->child; at && json; at = at->next)
        if (!pb_json_add(json, at->key, json_of(at, mask)))
            return NULL;
    return json;
}

const pb_json *config_node_json(const struct config_node *node, bool mask)
{
    return json_of(node, mask);
}
