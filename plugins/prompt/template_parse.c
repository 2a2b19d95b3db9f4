/* template_parse.c - mustache text to nodes. Tags that stand alone on a line take the line along.
 */
#include "template.h"

struct parser {
    pb_str text;
    size_t at;
    size_t counted; /* lines up to here are in `line` */
    uint32_t line;
    pb_str open, close; /* delimiters */
};

/* A tag and what it leaves of the line it stands on. */
struct tag {
    char sigil; /* 0 for {{name}} */
    pb_str name;
    size_t begin, end; /* with its delimiters */
};

static size_t find(pb_str text, size_t from, pb_str what)
{
    for (size_t i = from; what.size && i + what.size <= text.size; i++)
        if (memcmp(text.data + i, what.data, what.size) == 0)
            return i;
    return text.size;
}

/* Where a tag ends, and with which delimiter; "{{{name}}}" has one of its own. */
static pb_status find_end(const struct parser *parser, size_t inside, struct tag *tag, size_t *end)
{
    bool triple = tag->sigil == '{' && pb_str_is(parser->open, "{{");
    pb_str close = triple ? pb_lit("}}}") : parser->close;

    *end = find(parser->text, inside, close);
    if (*end == parser->text.size)
        return pb_fail(PB_INVALID,
                       "line %u: a tag is opened with '%.*s' and not closed with '%.*s'",
                       parser->line, PB_ARG(parser->open), PB_ARG(close));
    tag->end = *end + close.size;
    return PB_OK;
}

/* "{x}" and "=x=" of other delimiters repeat the sigil, or its other half, at the end. */
static pb_status take_last(const struct parser *parser, struct tag *tag, char last)
{
    tag->name = pb_str_trim(tag->name);
    if (!tag->name.size || tag->name.data[tag->name.size - 1] != last)
        return pb_fail(PB_INVALID, "line %u: a tag begins with '%c' and does not end with '%c'",
                       parser->line, tag->sigil, last);
    tag->name.size--;
    return PB_OK;
}

/* The next tag from parser->at; *found is false when there is none. */
static pb_status next_tag(struct parser *parser, struct tag *tag, bool *found)
{
    size_t begin = find(parser->text, parser->at, parser->open), end;
    size_t inside = begin + parser->open.size;

    *found = begin < parser->text.size;
    if (!*found)
        return PB_OK;
    for (; parser->counted < begin; parser->counted++)
        parser->line += parser->text.data[parser->counted] == '\n';
    char sigil = inside < parser->text.size ? parser->text.data[inside] : 0;
    tag->sigil = sigil && strchr("#^/!&{=>", sigil) ? sigil : 0;
    inside += tag->sigil != 0;
    pb_status status = find_end(parser, inside, tag, &end);
    if (status != PB_OK)
        return status;
    tag->begin = begin;
    tag->name = pb_str_slice(parser->text, inside, end - inside);
    if (tag->sigil == '=')
        status = take_last(parser, tag, '=');
    else if (tag->sigil == '{' && !pb_str_is(parser->open, "{{"))
        status = take_last(parser, tag, '}');
    tag->name = pb_str_trim(tag->name);
    return status;
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static size_t find_space(pb_str text)
{
    size_t at = 0;
    while (at < text.size && !is_space(text.data[at]))
        at++;
    return at;
}

/* Widens a section, comment or delimiter tag that stands alone on its line to the whole line. */
static void take_line(const struct parser *parser, struct tag *tag)
{
    const char *text = parser->text.data;
    size_t begin = tag->begin, end = tag->end, size = parser->text.size;

    if (!tag->sigil || !strchr("#^/!=", tag->sigil))
        return;
    while (begin > parser->at && text[begin - 1] != '\n' && is_space(text[begin - 1]))
        begin--;
    while (end < size && text[end] != '\n' && is_space(text[end]))
        end++;
    if ((begin > 0 && text[begin - 1] != '\n') || (end < size && text[end] != '\n'))
        return;
    tag->begin = begin;
    tag->end = end < size ? end + 1 : end;
}

static struct template_node *add(struct template_node ***tail, int32_t type, pb_str text)
{
    struct template_node *node = PB_NEW(struct template_node);

    if (node) {
        node->type = type;
        node->text = text;
        **tail = node;
        *tail = &node->next;
    }
    return node;
}

static pb_status set_delimiters(struct parser *parser, pb_str name)
{
    size_t space = find_space(name);
    pb_str open = pb_str_slice(name, 0, space);
    pb_str close = pb_str_trim(pb_str_slice(name, space, name.size));

    if (!open.size || !close.size || find_space(close) < close.size ||
        pb_str_find(name, '=') < name.size)
        return pb_fail(PB_INVALID, "line %u: delimiters are set like {{=<%% %%>=}}, without '='",
                       parser->line);
    parser->open = open;
    parser->close = close;
    return PB_OK;
}

static pb_status check_name(const struct parser *parser, pb_str name)
{
    if (!name.size)
        return pb_fail(PB_INVALID, "line %u: a tag has no name", parser->line);
    if (find_space(name) < name.size)
        return pb_fail(PB_INVALID, "line %u: '%.*s' is no name: names have no spaces in them",
                       parser->line, PB_ARG(pb_str_slice(name, 0, 60)));
    return PB_OK;
}

static pb_status parse(struct parser *parser, pb_str section, int depth,
                       struct template_node **out);

/* What a tag other than a comment or an end stands for. */
static pb_status take_tag(struct parser *parser, const struct tag *tag, int depth,
                          struct template_node ***tail)
{
    int32_t type = tag->sigil == '#'   ? NODE_SECTION
                   : tag->sigil == '^' ? NODE_INVERTED
                   : tag->sigil        ? NODE_RAW
                                       : NODE_VALUE;

    if (tag->sigil == '=')
        return set_delimiters(parser, tag->name);
    if (tag->sigil == '>')
        return pb_fail(PB_INVALID, "line %u: partials ({{>name}}) are not known here",
                       parser->line);
    struct template_node *node = add(tail, type, tag->name);
    if (!node)
        return PB_NO_MEMORY;
    if (type != NODE_SECTION && type != NODE_INVERTED)
        return PB_OK;
    return parse(parser, tag->name, depth + 1, &node->child);
}

/* Parses until the end of `section` (absent: of the text). */
static pb_status parse(struct parser *parser, pb_str section, int depth, struct template_node **out)
{
    struct template_node **tail = out;
    uint32_t line = parser->line;
    struct tag tag = {0};
    bool found = false;

    if (depth > DEPTH_MOST)
        return pb_fail(PB_INVALID, "line %u: sections nest deeper than %d", line, DEPTH_MOST);
    for (;;) {
        pb_status status = next_tag(parser, &tag, &found);
        if (status != PB_OK)
            return status;
        if (found)
            take_line(parser, &tag);
        size_t end = found ? tag.begin : parser->text.size;
        if (end > parser->at &&
            !add(&tail, NODE_TEXT, pb_str_slice(parser->text, parser->at, end - parser->at)))
            return PB_NO_MEMORY;
        if (!found)
            break;
        parser->at = tag.end;
        if (tag.sigil == '!')
            continue;
        if (tag.sigil != '=')
            status = check_name(parser, tag.name);
        if (status == PB_OK && tag.sigil == '/') {
            if (pb_str_equal(tag.name, section))
                return PB_OK;
            return pb_fail(PB_INVALID, "line %u: '%.*s' is closed here and was not opened last",
                           parser->line, PB_ARG(pb_str_slice(tag.name, 0, 60)));
        }
        if (status == PB_OK)
            status = take_tag(parser, &tag, depth, &tail);
        if (status != PB_OK)
            return status;
    }
    if (section.data)
        return pb_fail(PB_INVALID, "line %u: the section '%.*s' is not closed", line,
                       PB_ARG(pb_str_slice(section, 0, 60)));
    return PB_OK;
}

pb_status template_parse(pb_str text, struct template_node **out)
{
    struct parser parser = {.text = text, .line = 1, .open = PB_LIT("{{"), .close = PB_LIT("}}")};

    *out = NULL;
    return parse(&parser, pb_str_make(NULL, 0), 0, out);
}
