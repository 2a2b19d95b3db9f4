/* print.c - a tree as YAML that reads back as the same tree: `patchbay show`. */
#include "config/internal.h"

enum { STEP = 2 };

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* May `text` stand without quotes and still be text? More is quoted than would have to be. */
static bool is_plain_text(pb_str text)
{
    if (!text.size || !(letter(text.data[0]) || text.data[0] == '/') || config_is_number(text) ||
        config_is_null(text) || pb_str_is(text, "true") || pb_str_is(text, "false"))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool inside = i + 1 < text.size && letter(text.data[i - (i > 0)]);
        if (!letter(c) && !strchr("/.-+@%", c) && !(c == ':' && inside && text.data[i + 1] != ' ') &&
            !(c == ' ' && inside && letter(text.data[i + 1])))
            return false;
    }
    return true;
}

/* Characters that YAML reads as line breaks or does not take, in their escaped form. */
static void escape(pb_buf *out, uint32_t point)
{
    static const char *const named[] = {['\n'] = "\\n", ['\t'] = "\\t", ['\r'] = "\\r",
                                        ['"'] = "\\\"", ['\\'] = "\\\\"};

    if (point < sizeof named / sizeof *named && named[point])
        pb_buf_add(out, pb_str_of(named[point]));
    else if (point < 0x100)
        pb_buf_printf(out, "\\x%02x", point);
    else
        pb_buf_printf(out, "\\u%04x", point);
}

static bool must_escape(uint32_t point)
{
    return point < ' ' || point == '"' || point == '\\' || (point >= 0x7f && point < 0xa0) ||
           point == 0x2028 || point == 0x2029 || point == 0xfeff || point == 0xfffe ||
           point == 0xffff;
}

/* The code point at `at`, valid UTF-8; *size: its bytes. */
static uint32_t point_at(pb_str text, size_t at, size_t *size)
{
    unsigned char first = (unsigned char)text.data[at];
    uint32_t point = first;

    *size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (*size > 1)
        point = first & (0x7fu >> *size);
    for (size_t i = 1; i < *size && at + i < text.size; i++)
        point = point << 6 | ((unsigned char)text.data[at + i] & 0x3f);
    return point;
}

static void print_quoted(pb_buf *out, pb_str text)
{
    size_t size = 1;

    pb_buf_byte(out, '"');
    for (size_t i = 0; i < text.size; i += size) {
        uint32_t point = point_at(text, i, &size);
        if (point == '$' && i + 1 < text.size && text.data[i + 1] == '{')
            pb_buf_byte(out, '$'); /* $${: not a variable */
        if (must_escape(point))
            escape(out, point);
        else
            pb_buf_add(out, pb_str_slice(text, i, size));
    }
    pb_buf_byte(out, '"');
}

static void print_scalar(const struct config_node *node, pb_buf *out, bool mask)
{
    bool bare = !node->quoted && (config_is_number(node->text) || pb_str_is(node->text, "true") ||
                                  pb_str_is(node->text, "false"));

    if (mask && node->secret)
        pb_buf_add(out, pb_lit("\"***\""));
    else if (bare || is_plain_text(node->text))
        pb_buf_add(out, node->text);
    else
        print_quoted(out, node->text);
    if (mask && node->source.data && !memchr(node->source.data, '\n', node->source.size))
        pb_buf_printf(out, " # from %.*s", PB_ARG(node->source));
}

static void indent(pb_buf *out, int depth)
{
    pb_buf_printf(out, "%*s", depth * STEP, "");
}

static bool is_nested(const struct config_node *node)
{
    return (node->type == CONFIG_MAP || node->type == CONFIG_LIST) && node->child;
}

static void print_children(const struct config_node *node, pb_buf *out, int depth, bool mask);

/* What stands behind "key:" or "-"; ends the line. */
static void print_value(const struct config_node *node, pb_buf *out, int depth, bool mask)
{
    if (is_nested(node)) {
        pb_buf_byte(out, '\n');
        print_children(node, out, depth, mask);
        return;
    }
    pb_buf_byte(out, ' ');
    if (node->type == CONFIG_SCALAR)
        print_scalar(node, out, mask);
    else
        pb_buf_add(out, node->type == CONFIG_MAP    ? pb_lit("{}")
                        : node->type == CONFIG_LIST ? pb_lit("[]")
                                                    : pb_lit("null"));
    pb_buf_byte(out, '\n');
}

static void print_member(const struct config_node *node, pb_buf *out, int depth, bool mask)
{
    if (is_plain_text(node->key) && !memchr(node->key.data, ':', node->key.size))
        pb_buf_add(out, node->key);
    else
        print_quoted(out, node->key);
    pb_buf_byte(out, ':');
    print_value(node, out, depth + 1, mask);
}

static void print_children(const struct config_node *node, pb_buf *out, int depth, bool mask)
{
    for (const struct config_node *at = node->child; at; at = at->next) {
        indent(out, depth);
        if (node->type == CONFIG_MAP) {
            print_member(at, out, depth, mask);
            continue;
        }
        pb_buf_byte(out, '-');
        const struct config_node *member = at->type == CONFIG_MAP ? at->child : NULL;
        if (!member) {
            print_value(at, out, depth + 1, mask);
            continue;
        }
        pb_buf_byte(out, ' '); /* "- key: value": the first member beside the dash */
        for (; member; member = member->next) {
            if (member != at->child)
                indent(out, depth + 1);
            print_member(member, out, depth + 1, mask);
        }
    }
}

void config_tree_print(const struct config_node *tree, pb_buf *out, bool mask)
{
    if (is_nested(tree))
        print_children(tree, out, 0, mask);
    else if (tree->type == CONFIG_SCALAR)
        print_scalar(tree, out, mask), pb_buf_byte(out, '\n');
    else
        pb_buf_add(out, tree->type == CONFIG_LIST ? pb_lit("[]\n") : pb_lit("{}\n"));
}
