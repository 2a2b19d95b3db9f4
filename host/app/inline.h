/* inline.h - Markdown within a paragraph: bold, italic, code, links, as the characters come.
 *
 * What a marker means is decided by the character behind it, so at most a link is held back.
 */
#ifndef HOST_APP_INLINE_H
#define HOST_APP_INLINE_H

#include "app/flow.h"

struct inliner {
    struct flow *flow;
    unsigned style;   /* of the emphasis */
    unsigned base;    /* of the block: a heading is bold everywhere */
    size_t ticks;     /* that opened the code span; 0: outside */
    size_t tick_run;  /* ticks that came just now */
    size_t run;       /* of * _ ~ that came just now */
    char run_of;
    char before;      /* class of the last character: ' ' space, 'a' word, '.' other */
    bool escape;      /* a backslash came just now */
    int link;         /* LINK_… in inline.c */
    size_t depth;     /* open parentheses in the address */
    struct buf label, address;
};

void inline_fini(struct inliner *inliner);
void inline_begin(struct inliner *inliner, unsigned base);
void inline_character(struct inliner *inliner, pb_str character); /* no control character */
void inline_text(struct inliner *inliner, pb_str text);
void inline_end(struct inliner *inliner); /* what is still open is closed */

#endif
