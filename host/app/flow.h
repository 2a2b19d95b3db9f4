/* flow.h - styled words put into lines of a width.
 *
 * A word is written when what follows it begins, and what was written is never touched again: so
 * text can stream without flicker. Memory is malloc'd: it streams through scopes that end.
 */
#ifndef HOST_APP_FLOW_H
#define HOST_APP_FLOW_H

#include "base/buf.h"

enum { FLOW_PREFIX = 96 };

struct flow {
    struct buf out;   /* what is to be written; the owner takes it */
    struct buf word;  /* not yet written, with its style sequences */
    size_t width;     /* of a line */
    size_t column;
    size_t word_width;
    unsigned style;      /* at the end of the word */
    unsigned line_style; /* at the end of `out` */
    size_t indent;       /* columns of the prefix */
    char prefix[FLOW_PREFIX]; /* of lines that follow in this block */
    bool colour;
    bool space; /* between out and word */
    bool begun; /* the line has more than its prefix */
};

void flow_fini(struct flow *flow);

/* Begins a block at the start of a line: `first` in front of its first line, `rest` of the others. */
void flow_begin(struct flow *flow, pb_str first, pb_str rest);

/* One character that is no space; one space; another style from here on. */
void flow_character(struct flow *flow, pb_str character);
void flow_space(struct flow *flow);
void flow_style(struct flow *flow, unsigned style);
void flow_text(struct flow *flow, pb_str text); /* without control characters */

void flow_newline(struct flow *flow); /* the block goes on in the next line */
void flow_end(struct flow *flow);     /* ends the line, if it was begun, and the style */

#endif
