/* html.h - what the files of plugin `html` share. All but html.c runs on a helper thread.
 *
 * charset.c makes UTF-8 of the file, parse.c has libxml2 read it, reader.c makes blocks of its
 * elements, table.c those of tables; tags.c knows the elements and what is no content.
 */
#ifndef HTML_HTML_H
#define HTML_HTML_H

#include <patchbay/blocks.h>

struct html {
    int64_t max_text, max_blocks, depth;
    pb_duration time;
    pb_list drop;
    bool whole;
};

/* UTF-8 without errors, from malloc; NULL: out of memory. `type` may name the charset. */
char *charset_convert(pb_bytes bytes, pb_str type, size_t *size);

/* --- elements --------------------------------------------------------------------------------- */

enum tag {
    TAG_INLINE, /* everything else */
    TAG_BLOCK,
    TAG_HEADING,
    TAG_ITEM,
    TAG_LIST,
    TAG_ORDERED,
    TAG_PRE,
    TAG_BREAK,
    TAG_TABLE,
    TAG_ROW,
    TAG_CELL,
    TAG_HEAD_CELL,
    TAG_MAIN,
    TAG_ARTICLE,
    TAG_ROOT,
    TAG_HEAD,
    TAG_TITLE,
    TAG_META,
    TAG_HEADER, /* of a page: dropped; of its content: kept */
    TAG_ASIDE,  /* beside the content: dropped */
    TAG_NEVER,  /* is not text */
};

enum tag tag_of(const char *name);
/* An attribute of a start tag as libxml2 hands it out (name, value, …, NULL); absent: none. */
pb_str tag_attribute(const unsigned char *const *attributes, const char *name);
/* Do its attributes say that it is hidden, or navigation, or one of the classes in `more`? */
bool tag_is_dropped(const unsigned char *const *attributes, const pb_list *more);
bool tag_is_main(const unsigned char *const *attributes);

/* --- reading ---------------------------------------------------------------------------------- */

enum { MARK_MAIN = 1, MARK_ARTICLE = 2 }; /* of blocks */
enum { TITLE_MOST = 1024, NUMBERS = 32 };

struct element {
    enum tag tag;
    bool skips;  /* nothing in it is content */
    size_t from; /* a link inside the page in a heading: where its text begins, else 0 */
    uint32_t mark;
};

/* A table that is read: cells as they come. Inside of another it is words of the cell. */
struct table {
    int depth; /* tables in tables, 0: none */
    int own;   /* the depth of the one that became a block */
    bool data; /* it becomes a block of its own, not just an arrangement of the page */
    bool headed, row, cell;
};

struct reader {
    const struct html *options;
    pb_block_writer *writer;
    void *parser;
    int64_t line; /* where the parser is */
    int64_t last; /* of the text that came last */
    struct element *stack;
    size_t depth, room;
    size_t skips; /* elements on the stack that skip */
    bool keep_all;
    int heading, pre, lists;
    bool item;
    int64_t number[NUMBERS];
    struct table table;
    char title[TITLE_MOST], shown_title[TITLE_MOST]; /* <title>, og:title */
    size_t title_size, shown_size;
    bool in_title;
};

void reader_begin(struct reader *reader, const char *name, const unsigned char *const *attributes);
void reader_end(struct reader *reader);
void reader_text(struct reader *reader, pb_str text);
void reader_finish(struct reader *reader);
/* The end of a paragraph: of a cell or heading it is a space. */
void reader_boundary(struct reader *reader);

void table_begin(struct reader *reader, enum tag tag, const unsigned char *const *attributes);
void table_end(struct reader *reader);
/* A heading or another table stands in a table without header cells: it only arranges the page. */
void table_dissolve(struct reader *reader);

/* Reads all of it. PB_OK, or the writer's status. */
pb_status html_parse(struct reader *reader, pb_str text);

#endif
