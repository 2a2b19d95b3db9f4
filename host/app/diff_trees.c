/* diff_trees.c - see diff.h. Maps are compared by key; lists by what stands before and behind the
 * part that differs, so that one more stage is one line.
 */
#include "app/diff.h"

#include <patchbay/json.h>
#include <patchbay/memory.h>
#include <stdio.h>

/* --- equal? ----------------------------------------------------------------------------------- */

static const struct config_node *member(const struct config_node *map, pb_str key)
{
    for (const struct config_node *at = map->child; at; at = at->next)
        if (pb_str_equal(at->key, key))
            return at;
    return NULL;
}

static bool same(const struct config_node *one, const struct config_node *other)
{
    if (one->type != other->type || one->count != other->count)
        return false;
    if (one->type == CONFIG_SCALAR)
        return pb_str_equal(one->text, other->text);
    const struct config_node *there = other->child;
    for (const struct config_node *at = one->child; at; at = at->next) {
        const struct config_node *like = one->type == CONFIG_MAP ? member(other, at->key) : there;
        if (!like || !same(at, like))
            return false;
        there = there ? there->next : NULL;
    }
    return true;
}

/* --- telling ---------------------------------------------------------------------------------- */

static pb_str place(const struct config_node *node)
{
    return node->mark.file
               ? pb_printf("%s:%u:%u", node->mark.file, node->mark.line, node->mark.column)
               : (pb_str){0};
}

static pb_str shown(const struct config_node *node)
{
    const pb_json *json = config_node_json(node, true);
    pb_buf text = {0};
    pb_json_writer writer = pb_json_writer_make(&text);

    if (node->type == CONFIG_SCALAR && !node->secret)
        return node->text;
    if (!json)
        return pb_lit("?");
    pb_jw_json(&writer, json);
    return pb_buf_str(&text);
}

static void tell_side(struct diff *diff, char sign, pb_str path, const struct config_node *node)
{
    pb_buf_printf(&diff->text, "%c %.*s: %.*s  (%.*s)\n", sign, PB_ARG(path), PB_ARG(shown(node)),
                  PB_ARG(place(node)));
}

static void write_side(pb_json_writer *writer, const char *name, const struct config_node *node,
                       bool secret)
{
    if (!node)
        return;
    if (!secret) {
        pb_jw_key_str(writer, pb_str_of(name));
        const pb_json *json = config_node_json(node, true);
        if (json)
            pb_jw_json(writer, json);
        else
            pb_jw_null(writer);
    }
    pb_jw_key_str(writer, pb_printf("%s_place", name));
    pb_jw_str(writer, place(node));
}

/* One of them may be NULL: added, removed. */
static void tell(struct diff *diff, const struct config_node *before,
                 const struct config_node *after)
{
    pb_str path = config_node_path(after ? after : before);
    bool secret = (before && before->secret) || (after && after->secret);
    pb_json_writer writer = pb_json_writer_make(&diff->text);

    diff->count++;
    if (diff->json) {
        pb_buf_add(&diff->text, diff->count > 1 ? pb_lit(",\n") : pb_lit(""));
        pb_jw_open(&writer, '{');
        pb_jw_key(&writer, "path");
        pb_jw_str(&writer, path);
        pb_jw_key(&writer, "change");
        pb_jw_str(&writer, !before  ? pb_lit("added")
                           : !after ? pb_lit("removed")
                                    : pb_lit("changed"));
        pb_jw_key(&writer, "secret");
        pb_jw_bool(&writer, secret);
        write_side(&writer, "before", before, secret);
        write_side(&writer, "after", after, secret);
        pb_jw_close(&writer, '}');
    } else if (secret && before && after) {
        pb_buf_printf(&diff->text, "~ %.*s: a secret, changed  (%.*s)\n", PB_ARG(path),
                      PB_ARG(place(after)));
    } else {
        if (before)
            tell_side(diff, '-', path, before);
        if (after)
            tell_side(diff, '+', path, after);
    }
}

/* --- walking ---------------------------------------------------------------------------------- */

static void walk(struct diff *diff, const struct config_node *before,
                 const struct config_node *after);

static void walk_map(struct diff *diff, const struct config_node *before,
                     const struct config_node *after)
{
    for (const struct config_node *at = before->child; at; at = at->next) {
        const struct config_node *like = member(after, at->key);
        if (like)
            walk(diff, at, like);
        else
            tell(diff, at, NULL);
    }
    for (const struct config_node *at = after->child; at; at = at->next)
        if (!member(before, at->key))
            tell(diff, NULL, at);
}

static void walk_list(struct diff *diff, const struct config_node *before,
                      const struct config_node *after)
{
    uint32_t first = 0, less = 0,
             most = before->count < after->count ? before->count : after->count;

    while (first < most && same(config_node_at(before, first), config_node_at(after, first)))
        first++;
    while (less < most - first && same(config_node_at(before, before->count - 1 - less),
                                       config_node_at(after, after->count - 1 - less)))
        less++;
    uint32_t end = before->count - less, other_end = after->count - less;
    for (uint32_t i = first; i < end || i < other_end; i++) {
        if (i >= other_end)
            tell(diff, config_node_at(before, i), NULL);
        else if (i >= end)
            tell(diff, NULL, config_node_at(after, i));
        else
            walk(diff, config_node_at(before, i), config_node_at(after, i));
    }
}

static void walk(struct diff *diff, const struct config_node *before,
                 const struct config_node *after)
{
    if (same(before, after))
        return;
    if (before->type == CONFIG_MAP && after->type == CONFIG_MAP)
        walk_map(diff, before, after);
    else if (before->type == CONFIG_LIST && after->type == CONFIG_LIST)
        walk_list(diff, before, after);
    else
        tell(diff, before, after);
}

void diff_trees(struct diff *diff, const struct config_node *before,
                const struct config_node *after)
{
    walk(diff, before, after);
}

void diff_plugin(struct diff *diff, const char *path, const char *what)
{
    pb_json_writer writer = pb_json_writer_make(&diff->text);

    diff->count++;
    if (!diff->json) {
        pb_buf_printf(&diff->text, "~ plugin %s %s\n", path, what);
        return;
    }
    pb_buf_add(&diff->text, diff->count > 1 ? pb_lit(",\n") : pb_lit(""));
    pb_jw_open(&writer, '{');
    pb_jw_key(&writer, "plugin");
    pb_jw_str(&writer, pb_str_of(path));
    pb_jw_key(&writer, "change");
    pb_jw_str(&writer, pb_str_of(what));
    pb_jw_close(&writer, '}');
}

void diff_end(struct diff *diff)
{
    if (diff->json)
        printf("[%.*s]\n", PB_ARG(pb_buf_str(&diff->text)));
    else
        printf("%.*s", PB_ARG(pb_buf_str(&diff->text)));
}
