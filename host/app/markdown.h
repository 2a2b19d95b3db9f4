/* markdown.h - Markdown for a terminal, rendered as it comes.
 *
 *     struct markdown markdown = {0};
 *     markdown_begin(&markdown, columns, colour);
 *     … pb_str shown = markdown_feed(&markdown, piece);    what can be shown now; write it
 *     … pb_str shown = markdown_end(&markdown);            the rest; then it may begin again
 *
 * Shown are whole words, whole lines of code, whole tables; what was shown never changes. Control
 * characters of the text are dropped. Understood: headings, paragraphs, lists, quotes, fenced code,
 * tables, rules, and what inline.c knows.
 */
#ifndef HOST_APP_MARKDOWN_H
#define HOST_APP_MARKDOWN_H

#include "app/inline.h"

struct markdown {
    struct flow flow;
    struct inliner in;
    struct buf line;    /* a line whose kind is not known, or that is shown as a whole */
    struct buf rows;    /* of a table, with a line feed behind each */
    char partial[4];    /* of a character that was cut */
    size_t partial_size;
    int mode;           /* MODE_… in markdown.c */
    int open;           /* kind of the block that may go on in the next line */
    int last;           /* kind of the block before */
    size_t list_indent; /* columns of the text of the last list item */
    size_t trailing;    /* spaces at the end of the line so far */
    char fence;         /* of the code block */
    size_t fence_size, fence_indent;
    bool gap;           /* an empty line came */
    bool any;           /* something was shown */
};

void markdown_begin(struct markdown *markdown, size_t width, bool colour);
pb_str markdown_feed(struct markdown *markdown, pb_str text); /* valid until the next call */
pb_str markdown_end(struct markdown *markdown);
void markdown_fini(struct markdown *markdown);

/* markdown_table.c: puts a table of these rows into `out`, in lines of at most `width` columns. */
struct table_text {
    pb_str rows;
    size_t width;
    bool colour;
};
void markdown_table(const struct table_text *table, struct buf *out);

#endif
