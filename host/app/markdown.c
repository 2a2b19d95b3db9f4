/* markdown.c - see markdown.h. */
#include "app/markdown.h"

#include "app/markdown_line.h"
#include "app/terminal.h"
#include "base/str.h"

enum { MODE_START, MODE_INLINE, MODE_HOLD, MODE_FENCE };

/* --- beginning and ending blocks -------------------------------------------------------------- */

static void end_block(struct markdown *markdown)
{
    if (markdown->rows.size) {
        struct table_text table = {buf_str(&markdown->rows), markdown->flow.width,
                                   markdown->flow.colour};
        markdown_table(&table, &markdown->flow.out);
        buf_clear(&markdown->rows, 0);
    }
    if (markdown->open) {
        inline_end(&markdown->in);
        flow_end(&markdown->flow);
    }
    markdown->open = 0;
}

/* The empty line between blocks. */
static void separate(struct markdown *markdown, enum markdown_kind kind)
{
    bool apart = markdown->gap || kind == KIND_HEADING || kind == KIND_RULE;

    if (markdown->any && apart)
        (void)buf_add(&markdown->flow.out, pb_lit("\n"));
    markdown->gap = false;
    markdown->any = true;
    markdown->last = kind;
}

static size_t at_most(size_t value, size_t most)
{
    return value < most ? value : most;
}

static void begin_item(struct markdown *markdown, const struct markdown_line *block)
{
    size_t indent = at_most(block->indent, 24);
    pb_str first = block->marker.size
                       ? pb_printf("%*s%.*s ", (int)indent, "", PB_ARG(block->marker))
                       : pb_printf("%*s• ", (int)indent, "");

    markdown->list_indent = text_width(first);
    flow_begin(&markdown->flow, first, pb_printf("%*s", (int)markdown->list_indent, ""));
    inline_begin(&markdown->in, 0);
}

static void begin_heading(struct markdown *markdown, const struct markdown_line *block)
{
    pb_str marks = pb_str_slice(pb_lit("###### "), 6 - block->level, 7);

    flow_begin(&markdown->flow, markdown->flow.colour ? pb_lit("") : marks, pb_lit(""));
    inline_begin(&markdown->in, STYLE_BOLD | (block->level <= 2 ? STYLE_HEADING : 0));
}

/* A paragraph or a quote; `inside`: of the list item before. */
static void begin_text(struct markdown *markdown, const struct markdown_line *block, bool inside)
{
    bool quote = block->kind == KIND_QUOTE;
    size_t indent = inside ? at_most(markdown->list_indent, 28) : 0;
    pb_str prefix = pb_printf("%*s%s", (int)indent, "", quote ? "│ " : "");

    flow_begin(&markdown->flow, prefix, prefix);
    inline_begin(&markdown->in, quote ? STYLE_ITALIC : 0);
}

/* A block whose text streams. */
static void begin_block(struct markdown *markdown, const struct markdown_line *block)
{
    bool same = block->kind == KIND_PARAGRAPH
                    ? markdown->open == KIND_PARAGRAPH || markdown->open == KIND_ITEM ||
                          markdown->open == KIND_QUOTE
                    : block->kind == KIND_QUOTE && markdown->open == KIND_QUOTE;
    pb_scope *scope = pb_scope_begin();

    markdown->mode = MODE_INLINE;
    markdown->trailing = 0;
    if (same) {
        inline_character(&markdown->in, pb_lit(" "));
    } else {
        bool inside = markdown->last == KIND_ITEM && block->indent >= 2;
        end_block(markdown);
        separate(markdown, inside ? KIND_ITEM : block->kind);
        if (block->kind == KIND_ITEM)
            begin_item(markdown, block);
        else if (block->kind == KIND_HEADING)
            begin_heading(markdown, block);
        else
            begin_text(markdown, block, inside);
        markdown->open = block->kind;
    }
    pb_scope_end(scope);
}

static void show_rule(struct markdown *markdown)
{
    end_block(markdown);
    separate(markdown, KIND_RULE);
    for (size_t i = 0; i < at_most(markdown->flow.width, 40); i++)
        (void)buf_add(&markdown->flow.out, pb_lit("─"));
    (void)buf_add(&markdown->flow.out, pb_lit("\n"));
    markdown->gap = true;
}

/* --- code blocks ------------------------------------------------------------------------------ */

static void begin_fence(struct markdown *markdown, const struct markdown_line *block)
{
    end_block(markdown);
    separate(markdown, KIND_FENCE);
    markdown->mode = MODE_FENCE;
    markdown->fence = markdown->line.data[block->indent];
    markdown->fence_size = block->level;
    markdown->fence_indent = block->indent;
}

static void fence_line(struct markdown *markdown)
{
    pb_str line = buf_str(&markdown->line);
    size_t indent = markdown_count(line, 0, ' '),
           run = markdown_count(line, indent, markdown->fence);
    char sequence[STYLE_SEQUENCE];
    struct buf *out = &markdown->flow.out;

    if (run >= markdown->fence_size &&
        indent + run + markdown_count(line, indent + run, ' ') == line.size) {
        markdown->mode = MODE_START;
        return;
    }
    line = pb_str_slice(line, at_most(indent, markdown->fence_indent), line.size);
    (void)buf_add(out, pb_lit("    "));
    if (markdown->flow.colour)
        (void)buf_add(out, style_sequence(STYLE_CODE, sequence));
    (void)buf_add(out, line);
    if (markdown->flow.colour)
        (void)buf_add(out, style_sequence(0, sequence));
    (void)buf_add(out, pb_lit("\n"));
}

/* --- lines and characters --------------------------------------------------------------------- */

static void feed_inline(struct markdown *markdown, pb_str character)
{
    markdown->trailing = character.data[0] == ' ' ? markdown->trailing + 1 : 0;
    inline_character(&markdown->in, character);
}

/* Begins the block of a line and feeds what is there of its text. */
static void begin_line(struct markdown *markdown, const struct markdown_line *block)
{
    pb_str line = buf_str(&markdown->line);
    size_t at = block->content;

    begin_block(markdown, block);
    at += markdown_count(line, at, ' ');
    while (at < line.size) {
        size_t size = utf8_sequence(line.data + at, line.size - at);
        feed_inline(markdown, pb_str_slice(line, at, size));
        at += size;
    }
    buf_clear(&markdown->line, 4096);
}

/* A line that was held until its end. */
static void held_line(struct markdown *markdown)
{
    struct markdown_line block = markdown_line_of(buf_str(&markdown->line), true);

    switch (block.kind) {
    case KIND_BLANK:
        end_block(markdown);
        markdown->gap = true;
        break;
    case KIND_FENCE:
        begin_fence(markdown, &block);
        break;
    case KIND_RULE:
        show_rule(markdown);
        break;
    case KIND_TABLE:
        if (!markdown->rows.size) {
            end_block(markdown);
            separate(markdown, KIND_TABLE);
        }
        (void)buf_add(&markdown->rows, buf_str(&markdown->line));
        (void)buf_add(&markdown->rows, pb_lit("\n"));
        break;
    default:
        begin_line(markdown, &block);
    }
}

static void line_end(struct markdown *markdown)
{
    if (markdown->mode == MODE_FENCE) {
        fence_line(markdown);
        buf_clear(&markdown->line, 4096);
        return;
    }
    if (markdown->mode != MODE_INLINE)
        held_line(markdown);
    if (markdown->mode == MODE_FENCE) {
        buf_clear(&markdown->line, 4096);
        return;
    }
    if (markdown->open == KIND_HEADING)
        end_block(markdown);
    else if (markdown->open && (markdown->trailing >= 2 || markdown->in.escape)) {
        markdown->in.escape = false;
        flow_newline(&markdown->flow);
    }
    markdown->trailing = 0;
    markdown->mode = MODE_START;
    buf_clear(&markdown->line, 4096);
}

static void feed_character(struct markdown *markdown, pb_str character)
{
    if (character.data[0] == '\n') {
        line_end(markdown);
        return;
    }
    if (character.data[0] == '\t') {
        for (int i = 0; i < 4; i++)
            feed_character(markdown, pb_lit(" "));
        return;
    }
    if (character_controls(character))
        return;
    if (markdown->mode == MODE_INLINE) {
        feed_inline(markdown, character);
        return;
    }
    (void)buf_add(&markdown->line, character);
    if (markdown->mode != MODE_START)
        return;
    struct markdown_line block = markdown_line_of(buf_str(&markdown->line), false);
    if (block.kind == KIND_FENCE || block.kind == KIND_TABLE || block.kind == KIND_RULE)
        markdown->mode = MODE_HOLD;
    else if (block.kind != KIND_UNKNOWN)
        begin_line(markdown, &block);
}

/* The text with what was cut off before in front; keeps what is cut off now. */
static void feed(struct markdown *markdown, pb_str text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_sequence(text.data + at, text.size - at);
        if (size) {
            feed_character(markdown, pb_str_slice(text, at, size));
        } else if (text.size - at < 4 &&
                   utf8_skip(text.data + at, text.size - at) == text.size - at &&
                   (unsigned char)text.data[at] >= 0xC2) {
            markdown->partial_size = text.size - at;
            memcpy(markdown->partial, text.data + at, markdown->partial_size);
            return;
        } else {
            feed_character(markdown, pb_lit("\xEF\xBF\xBD"));
            size = utf8_skip(text.data + at, text.size - at);
        }
        at += size;
    }
}

void markdown_begin(struct markdown *markdown, size_t width, bool colour)
{
    markdown_fini(markdown);
    memset(markdown, 0, sizeof *markdown);
    markdown->flow.width = width;
    markdown->flow.colour = colour;
    markdown->in.flow = &markdown->flow;
}

pb_str markdown_feed(struct markdown *markdown, pb_str text)
{
    buf_clear(&markdown->flow.out, 65536);
    if (markdown->partial_size) {
        struct buf joined = {0};
        (void)buf_add(&joined, pb_str_make(markdown->partial, markdown->partial_size));
        (void)buf_add(&joined, text);
        markdown->partial_size = 0;
        feed(markdown, buf_str(&joined));
        buf_fini(&joined);
    } else {
        feed(markdown, text);
    }
    return buf_str(&markdown->flow.out);
}

pb_str markdown_end(struct markdown *markdown)
{
    buf_clear(&markdown->flow.out, 65536);
    if (markdown->partial_size)
        feed_character(markdown, pb_lit("\xEF\xBF\xBD"));
    markdown->partial_size = 0;
    if (markdown->line.size || markdown->mode == MODE_INLINE)
        line_end(markdown);
    end_block(markdown);
    markdown->mode = MODE_START;
    markdown->any = markdown->gap = false;
    markdown->last = 0;
    return buf_str(&markdown->flow.out);
}

void markdown_fini(struct markdown *markdown)
{
    flow_fini(&markdown->flow);
    inline_fini(&markdown->in);
    buf_fini(&markdown->line);
    buf_fini(&markdown->rows);
}
