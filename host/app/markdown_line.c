/* markdown_line.c - see markdown_line.h. */
#include "app/markdown_line.h"

size_t markdown_count(pb_str text, size_t at, char c)
{
    size_t from = at;

    while (at < text.size && text.data[at] == c)
        at++;
    return at - from;
}

/* "- text", "---", "**bold**": of a line that begins with - * + or _. */
static enum markdown_kind of_bullet(pb_str line, struct markdown_line *block, bool whole)
{
    char c = line.data[block->indent];
    size_t run = markdown_count(line, block->indent, c), at = block->indent + run;

    if (at == line.size)
        return !whole ? KIND_UNKNOWN : run >= 3 && c != '+' ? KIND_RULE : KIND_PARAGRAPH;
    if (run == 1 && c != '_' && line.data[at] == ' ') {
        block->content = at + 1;
        return KIND_ITEM;
    }
    if (run < 3 || c == '+' || line.data[at] != ' ')
        return KIND_PARAGRAPH;
    return whole && at + markdown_count(line, at, ' ') == line.size ? KIND_RULE
           : whole                                                  ? KIND_PARAGRAPH
                                                                    : KIND_UNKNOWN;
}

static enum markdown_kind of_number(pb_str line, struct markdown_line *block, bool whole)
{
    size_t at = block->indent;

    while (at < line.size && line.data[at] >= '0' && line.data[at] <= '9')
        at++;
    if (at - block->indent > 9 || (at < line.size && line.data[at] != '.' && line.data[at] != ')'))
        return KIND_PARAGRAPH;
    if (at + 1 >= line.size)
        return whole ? KIND_PARAGRAPH : KIND_UNKNOWN;
    if (line.data[at + 1] != ' ')
        return KIND_PARAGRAPH;
    block->marker = pb_str_slice(line, block->indent, at + 1 - block->indent);
    block->content = at + 2;
    return KIND_ITEM;
}

static enum markdown_kind of_heading(pb_str line, struct markdown_line *block, bool whole)
{
    size_t run = markdown_count(line, block->indent, '#'), at = block->indent + run;

    block->level = run;
    block->content = at + 1;
    if (run > 6)
        return KIND_PARAGRAPH;
    if (at == line.size)
        return whole ? KIND_PARAGRAPH : KIND_UNKNOWN;
    return line.data[at] == ' ' ? KIND_HEADING : KIND_PARAGRAPH;
}

static enum markdown_kind of_fence(pb_str line, struct markdown_line *block, bool whole)
{
    size_t run = markdown_count(line, block->indent, line.data[block->indent]);

    block->level = run;
    if (run >= 3)
        return KIND_FENCE;
    return block->indent + run == line.size && !whole ? KIND_UNKNOWN : KIND_PARAGRAPH;
}

struct markdown_line markdown_line_of(pb_str line, bool whole)
{
    struct markdown_line block = {.indent = markdown_count(line, 0, ' ')};

    block.content = block.indent;
    if (block.indent == line.size) {
        block.kind = whole ? KIND_BLANK : KIND_UNKNOWN;
        return block;
    }
    switch (line.data[block.indent]) {
    case '#':
        block.kind = of_heading(line, &block, whole);
        break;
    case '`':
    case '~':
        block.kind = of_fence(line, &block, whole);
        break;
    case '-':
    case '*':
    case '+':
    case '_':
        block.kind = of_bullet(line, &block, whole);
        break;
    case '|':
        block.kind = KIND_TABLE;
        break;
    case '>':
        block.kind = KIND_QUOTE;
        block.content = block.indent + 1;
        break;
    default:
        block.kind = line.data[block.indent] >= '0' && line.data[block.indent] <= '9'
                         ? of_number(line, &block, whole)
                         : KIND_PARAGRAPH;
    }
    if (block.kind == KIND_PARAGRAPH)
        block.content = block.indent;
    return block;
}
