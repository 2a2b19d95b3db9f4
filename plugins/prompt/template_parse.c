/* template_parse.c - mustache text to nodes. Tags that stand alone on a line take the line along. */
#include "template.h"

struct parser {
    pb_str text;
    size_t at;
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

/* The next tag from parser->at; false when there is none. */
static pb_status next_tag(const struct parser *parser, struct tag *tag, bool *found)
{
    size_t begin = find(parser->text, parser->at, parser->open);

    *found = begin < parser->text.size;
    if (!*found)
        return PB_OK;
    size_t inside = begin + parser->open.size;
    char sigil = inside < parser->text.size ? parser->text.data[inside] : 0;
    pb_str close = parser->close;
    bool triple = sigil == '{' && pb_str_is(parser->open, "{{");
    tag->sigil = sigil && strchr("#^/!&{=>", sigil) ? sigil : 0;
    if (triple)
        close = pb_lit("}}}");
    size_t end = find(parser->text, inside, close);
    if (end == parser->text.size)
        return pb_fail(PB_INVALID, "line %u: a tag is opened with '%.*s' and not closed",
                       parser->line, PB_ARG(parser->open));
    pb_str name = pb_str_slice(parser->text, inside + (tag->sigil != 0),
                               end - inside - (tag->sigil != 0));
    if (tag->sigil == '=' && name.size && name.data[name.size - 1] == '=')
        name.size--;
    tag->name = pb_str_trim(name);
    tag->begin = begin;
    tag->end = end + close.size;
    return PB_OK;
}

static bool blank(pb_str text)
{
    return pb_str_trim(text).size == 0 && pb_str_find(text, '\n') == text.size;
}

/* Widens a section, comment or delimiter tag that stands alone on its line to the whole line. */
static void take_line(const struct parser *parser, struct tag *tag)
{
    size_t begin = tag->begin, end = tag->end;

    if (!tag->sigil || !strchr("#^/!=", tag->sigil))
        return;
    while (begin > 0 && parser->text.data[begin - 1] != '\n')
        begin--;
    while (end < parser->text.size && parser->text.data[end] != '\n')
        end++;
    if (begin < parser->at || !blank(pb_str_slice(parser->text, begin, tag->begin - begin)) ||
        !blank(pb_str_slice(parser->text, tag->end, end - tag->end)))
        return;
    tag->begin = begin;
    tag->end = end < parser->text.size ? end + 1 : end;
}

static struct template_node *add(struct template_node ***tail, int32_t type, pb_str text,
                                 uint32_t line)
{
    struct template_node *node = PB_NEW(struct template_node);

    if (node) {
        node->type = type;
        node->text = text;
        node->line = line;
        **tail = node;
        *tail = &node->next;
    }
    return node;
}

static void count_lines(struct parser *parser, size_t to)
{
    for (size_t i = parser->at; i < to; i++)
        parser->line += parser->text.data[i] == '\n';
    parser->at = to;
}

static pb_status set_delimiters(struct parser *parser, pb_str name)
{
    size_t space = pb_str_find(name, ' ');
    pb_str open = pb_str_slice(name, 0, space);
    pb_str close = pb_str_trim(pb_str_slice(name, space, name.size));

    if (!open.size || !close.size || pb_str_find(close, ' ') < close.size)
        return pb_fail(PB_INVALID, "line %u: delimiters are set like {{=<%% %%>=}}", parser->line);
    parser->open = open;
    parser->close = close;
    return PB_OK;
}

/* Parses until the end of `section` (absent: of the text). */
static pb_status parse(struct parser *parser, pb_str section, int depth,
                       struct template_node **out)
{
    struct template_node **tail = out, *node;
    struct tag tag = {0};
    bool found = false;

    if (depth > DEPTH_MOST)
        return pb_fail(PB_INVALID, "line %u: sections nest deeper than %d", parser->line,
                       DEPTH_MOST);
    for (;;) {
        pb_status status = next_tag(parser, &tag, &found);
        if (status != PB_OK)
            return status;
        if (found)
            take_line(parser, &tag);
        size_t end = found ? tag.begin : parser->text.size;
        if (end > parser->at &&
            !add(&tail, NODE_TEXT, pb_str_slice(parser->text, parser->at, end - parser->at),
                 parser->line))
            return PB_NO_MEMORY;
        if (!found)
            break;
        count_lines(parser, tag.begin);
        uint32_t line = parser->line;
        count_lines(parser, tag.end);
        if (tag.sigil == '!')
            continue;
        if (!tag.name.size)
            return pb_fail(PB_INVALID, "line %u: a tag has no name", line);
        switch (tag.sigil) {
        case '=':
            status = set_delimiters(parser, tag.name);
            break;
        case '>':
            status = pb_fail(PB_INVALID, "line %u: partials ({{>name}}) are not known here", line);
            break;
        case '/':
            if (pb_str_equal(tag.name, section))
                return PB_OK;
            return pb_fail(PB_INVALID, "line %u: {{/%.*s}} closes a section that is not open", line,
                           PB_ARG(tag.name));
        case '#':
        case '^':
            node = add(&tail, tag.sigil == '#' ? NODE_SECTION : NODE_INVERTED, tag.name, line);
            status = node ? parse(parser, tag.name, depth + 1, &node->child)
                          : (pb_status)PB_NO_MEMORY;
            break;
        default:
            node = add(&tail, tag.sigil ? NODE_RAW : NODE_VALUE, tag.name, line);
            status = node ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
        }
        if (status != PB_OK)
            return status;
    }
    if (section.data)
        return pb_fail(PB_INVALID, "the section {{#%.*s}} is not closed", PB_ARG(section));
    return PB_OK;
}

pb_status template_parse(pb_str text, struct template_node **out)
{
    struct parser parser = {.text = text, .line = 1, .open = PB_LIT("{{"), .close = PB_LIT("}}")};

    *out = NULL;
    return parse(&parser, pb_str_make(NULL, 0), 0, out);
}
