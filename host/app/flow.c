/* flow.c - see flow.h. */
#include "app/flow.h"

#include "app/terminal.h"
#include "base/str.h"

/* When memory is short, text is missing; there is nobody to tell within a stream to a terminal. */
static void add(struct buf *buf, pb_str text)
{
    (void)buf_add(buf, text);
}

static void add_style(struct flow *flow, struct buf *buf, unsigned style)
{
    char sequence[STYLE_SEQUENCE];

    if (flow->colour)
        add(buf, style_sequence(style, sequence));
}

void flow_fini(struct flow *flow)
{
    buf_fini(&flow->out);
    buf_fini(&flow->word);
}

/* The next line with its prefix, which has no style. */
static void wrap(struct flow *flow)
{
    if (flow->line_style)
        add_style(flow, &flow->out, 0);
    add(&flow->out, pb_lit("\n"));
    add(&flow->out, pb_str_of(flow->prefix));
    if (flow->line_style)
        add_style(flow, &flow->out, flow->line_style);
    flow->column = flow->indent;
    flow->begun = false;
}

static void end_word(struct flow *flow)
{
    bool space = flow->space && flow->begun;

    if (!flow->word.size)
        return;
    if (flow->word_width) {
        if (flow->begun && flow->column + space + flow->word_width > flow->width) {
            wrap(flow);
        } else if (space) {
            add(&flow->out, pb_lit(" "));
            flow->column++;
        }
        flow->space = false;
        flow->begun = true;
    }
    add(&flow->out, buf_str(&flow->word));
    flow->column += flow->word_width;
    flow->line_style = flow->style;
    flow->word_width = 0;
    buf_clear(&flow->word, 4096);
}

void flow_begin(struct flow *flow, pb_str first, pb_str rest)
{
    snprintf(flow->prefix, sizeof flow->prefix, "%.*s", PB_ARG(rest));
    flow->indent = text_width(rest);
    add(&flow->out, first);
    flow->column = text_width(first);
    flow->begun = flow->space = false;
}

void flow_character(struct flow *flow, pb_str character)
{
    size_t width = character_width(character);
    size_t room = flow->width > flow->indent + 1 ? flow->width - flow->indent : 1;

    if (flow->word_width + width > room)
        end_word(flow); /* longer than a line: it is cut */
    add(&flow->word, character);
    flow->word_width += width;
}

void flow_space(struct flow *flow)
{
    end_word(flow);
    flow->space = true;
}

void flow_style(struct flow *flow, unsigned style)
{
    if (style == flow->style)
        return;
    flow->style = style;
    add_style(flow, &flow->word, style);
}

void flow_text(struct flow *flow, pb_str text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_sequence(text.data + at, text.size - at);
        pb_str character = pb_str_slice(text, at, size ? size : 1);
        if (character.data[0] == ' ')
            flow_space(flow);
        else
            flow_character(flow, character);
        at += character.size;
    }
}

void flow_newline(struct flow *flow)
{
    end_word(flow);
    wrap(flow);
    flow->space = false;
}

void flow_end(struct flow *flow)
{
    flow_style(flow, 0);
    end_word(flow);
    if (flow->column)
        add(&flow->out, pb_lit("\n"));
    flow->column = 0;
    flow->prefix[0] = 0;
    flow->indent = 0;
    flow->begun = flow->space = false;
}
