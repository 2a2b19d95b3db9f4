/* inline.c - see inline.h. */
#include "app/inline.h"

#include "app/terminal.h"
#include "base/str.h"

enum { LINK_NONE, LINK_LABEL, LINK_CLOSED, LINK_ADDRESS };
enum { LABEL_LONGEST = 400, ADDRESS_LONGEST = 2000 };

void inline_fini(struct inliner *inliner)
{
    buf_fini(&inliner->label);
    buf_fini(&inliner->address);
}

static char class_of(pb_str character)
{
    unsigned char c = (unsigned char)character.data[0];
    bool word = c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');

    return c == ' ' ? ' ' : word ? 'a' : '.';
}

static void show_style(struct inliner *inliner)
{
    unsigned code = inliner->ticks ? STYLE_CODE : 0;
    flow_style(inliner->flow, inliner->base | inliner->style | code);
}

static void emit(struct inliner *inliner, pb_str character)
{
    if (character.data[0] == ' ')
        flow_space(inliner->flow);
    else
        flow_character(inliner->flow, character);
    inliner->before = class_of(character);
}

static void emit_some(struct inliner *inliner, char c, size_t count)
{
    for (; count; count--)
        emit(inliner, pb_str_make(&c, 1));
}

/* --- emphasis --------------------------------------------------------------------------------- */

/* Markers that came, once it is known what follows: they open, close, or are what they are. */
static void settle_run(struct inliner *inliner, char after)
{
    size_t left = inliner->run;
    char c = inliner->run_of;

    inliner->run = 0;
    while (left) {
        size_t take = left >= 2 ? 2 : 1;
        unsigned bit = c == '~' ? STYLE_STRIKE : take == 2 ? STYLE_BOLD : STYLE_ITALIC;
        bool on = inliner->style & bit, known = c != '~' || take == 2;
        bool closes = on && inliner->before != ' ' && (c != '_' || after != 'a');
        bool opens = !on && after != ' ' && (c != '_' || inliner->before != 'a');
        left -= take;
        if (known && (closes || opens)) {
            inliner->style ^= bit;
            show_style(inliner);
        } else {
            emit_some(inliner, c, take);
        }
    }
}

/* --- code ------------------------------------------------------------------------------------- */

static void toggle_code(struct inliner *inliner, size_t ticks)
{
    inliner->ticks = ticks;
    show_style(inliner);
    if (!inliner->flow->colour) /* nothing else would show it */
        emit_some(inliner, '`', 1);
    inliner->before = ticks ? ' ' : 'a';
}

/* What is open at the end of a text. */
static void settle_ticks(struct inliner *inliner)
{
    size_t run = inliner->tick_run;

    inliner->tick_run = 0;
    if (inliner->ticks && inliner->ticks != run)
        emit_some(inliner, '`', run);
    if (inliner->ticks)
        toggle_code(inliner, 0);
    else
        emit_some(inliner, '`', run);
}

/* True: the character was taken. */
static bool code_character(struct inliner *inliner, pb_str character)
{
    size_t run = inliner->tick_run;

    if (character.data[0] == '`') {
        inliner->tick_run++;
        return true;
    }
    inliner->tick_run = 0;
    if (run && !inliner->ticks)
        toggle_code(inliner, run);
    else if (run && run == inliner->ticks)
        toggle_code(inliner, 0);
    else if (run)
        emit_some(inliner, '`', run);
    if (inliner->ticks)
        emit(inliner, character);
    return inliner->ticks != 0;
}

/* --- links ------------------------------------------------------------------------------------ */

static bool is_citation(pb_str label)
{
    for (size_t i = 0; i < label.size; i++)
        if (label.data[i] < '0' || label.data[i] > '9')
            return false;
    return label.size && label.size <= 3;
}

/* The label as text within this style; nothing in it is open afterwards. */
static void show_label(struct inliner *inliner, unsigned style, bool brackets)
{
    struct buf label = inliner->label;

    memset(&inliner->label, 0, sizeof inliner->label);
    inliner->style |= style;
    show_style(inliner);
    if (brackets)
        emit_some(inliner, '[', 1);
    inline_text(inliner, buf_str(&label));
    settle_run(inliner, '.');
    settle_ticks(inliner);
    if (brackets)
        emit_some(inliner, ']', 1);
    inliner->style &= ~style;
    show_style(inliner);
    buf_fini(&label);
}

/* It was none: the brackets are what they are. */
static void link_refused(struct inliner *inliner)
{
    bool closed = inliner->link != LINK_LABEL, address = inliner->link == LINK_ADDRESS;
    struct buf rest = inliner->address;

    inliner->link = LINK_NONE;
    if (closed && !address && is_citation(buf_str(&inliner->label))) {
        show_label(inliner, STYLE_CITE, true);
    } else if (closed) {
        show_label(inliner, 0, true);
    } else {
        struct buf label = inliner->label;
        memset(&inliner->label, 0, sizeof inliner->label);
        emit_some(inliner, '[', 1);
        inline_text(inliner, buf_str(&label));
        buf_fini(&label);
    }
    if (address) {
        memset(&inliner->address, 0, sizeof inliner->address);
        emit_some(inliner, '(', 1);
        inline_text(inliner, buf_str(&rest));
        buf_fini(&rest);
    }
}

static void link_done(struct inliner *inliner)
{
    pb_str address = buf_str(&inliner->address);
    bool same;

    inliner->link = LINK_NONE;
    address = pb_str_slice(address, 0, pb_str_find(address, ' ')); /* without a title */
    same = pb_str_equal(address, buf_str(&inliner->label));
    show_label(inliner, STYLE_LINK, false);
    if (!same && address.size && address.data[0] != '#') {
        flow_space(inliner->flow);
        flow_style(inliner->flow, inliner->base | STYLE_DIM);
        flow_text(inliner->flow, pb_lit("("));
        flow_text(inliner->flow, address);
        flow_text(inliner->flow, pb_lit(")"));
        show_style(inliner);
    }
    buf_clear(&inliner->address, 0);
    inliner->before = '.';
}

/* True: the character was taken. */
static bool link_character(struct inliner *inliner, pb_str character)
{
    char c = character.data[0];

    if (inliner->link == LINK_LABEL) {
        if (c == ']') {
            inliner->link = LINK_CLOSED;
        } else if (c == '[' || inliner->label.size > LABEL_LONGEST) {
            link_refused(inliner);
            return false;
        } else {
            (void)buf_add(&inliner->label, character);
        }
        return true;
    }
    if (inliner->link == LINK_CLOSED) {
        if (c == '(') {
            inliner->link = LINK_ADDRESS;
            inliner->depth = 0;
            return true;
        }
        link_refused(inliner);
        return false;
    }
    if (c == ')' && !inliner->depth) {
        link_done(inliner);
    } else if (inliner->address.size > ADDRESS_LONGEST) {
        link_refused(inliner);
        return false;
    } else {
        inliner->depth += c == '(';
        inliner->depth -= c == ')';
        (void)buf_add(&inliner->address, character);
    }
    return true;
}

/* --- characters ------------------------------------------------------------------------------- */

void inline_begin(struct inliner *inliner, unsigned base)
{
    inliner->base = base;
    inliner->before = ' ';
    show_style(inliner);
}

void inline_character(struct inliner *inliner, pb_str character)
{
    char c = character.data[0];

    if ((inliner->ticks || inliner->tick_run) && code_character(inliner, character))
        return;
    if (inliner->link && link_character(inliner, character))
        return;
    if (inliner->escape) {
        inliner->escape = false;
        if (class_of(character) == '.') {
            emit(inliner, character);
            return;
        }
        emit_some(inliner, '\\', 1);
    }
    if (inliner->run && c == inliner->run_of) {
        inliner->run++;
        return;
    }
    if (inliner->run)
        settle_run(inliner, class_of(character));
    if (c == '\\') {
        inliner->escape = true;
    } else if (c == '`') {
        inliner->tick_run = 1;
    } else if (c == '*' || c == '_' || c == '~') {
        inliner->run = 1;
        inliner->run_of = c;
    } else if (c == '[') {
        inliner->link = LINK_LABEL;
        buf_clear(&inliner->label, 0);
        buf_clear(&inliner->address, 0);
    } else {
        emit(inliner, character);
    }
}

void inline_text(struct inliner *inliner, pb_str text)
{
    for (size_t at = 0; at < text.size;) {
        size_t size = utf8_sequence(text.data + at, text.size - at);
        pb_str character = pb_str_slice(text, at, size ? size : 1);
        inline_character(inliner, character);
        at += character.size;
    }
}

void inline_end(struct inliner *inliner)
{
    while (inliner->link)
        link_refused(inliner);
    settle_ticks(inliner);
    if (inliner->escape)
        emit_some(inliner, '\\', 1);
    settle_run(inliner, ' ');
    inliner->escape = false;
    inliner->style = 0;
}
