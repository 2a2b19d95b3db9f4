/* markdown_line.h - what a line of Markdown begins, told from as few of its characters as possible. */
#ifndef HOST_APP_MARKDOWN_LINE_H
#define HOST_APP_MARKDOWN_LINE_H

#include <patchbay/types.h>

enum markdown_kind {
    KIND_UNKNOWN, /* more of the line is needed */
    KIND_BLANK,
    KIND_PARAGRAPH,
    KIND_HEADING,
    KIND_ITEM,
    KIND_QUOTE,
    KIND_RULE,
    KIND_FENCE,
    KIND_TABLE,
};

/* What a line is. */
struct markdown_line {
    enum markdown_kind kind;
    size_t indent;  /* columns in front of it */
    size_t content; /* where its text begins */
    size_t level;   /* of a heading, or ticks of a fence */
    pb_str marker;  /* of a numbered item */
};

/* `whole`: nothing more of the line comes. */
struct markdown_line markdown_line_of(pb_str line, bool whole);

/* How many of `c` stand in `text` from `at` on. */
size_t markdown_count(pb_str text, size_t at, char c);

#endif
