/* markdown.c - Markdown to blocks, by MD4C, which finds the structure in linear time.
 *
 * MD4C says no lines, but the text that it hands out lies in the source: where tells the line.
 */
#include "text.h"

#include <md4c.h>
#include <stdlib.h>

/* MD4C 0.4.8 looks a few bytes behind its text where that ends in the middle of a link. */
enum { BEHIND = 16 };
enum { DEPTH = 32 }; /* lists in lists whose numbers are counted */

struct markdown {
    pb_block_writer *writer;
    const char *from, *to; /* the source */
    const char *at;        /* up to here lines were counted */
    int64_t line;          /* of `at` */
    int64_t last;          /* of the text that came last */
    bool begins;           /* the open block has no text yet */
    bool item;             /* a list item began, its block did not */
    bool verbatim, in_table, in_html;
    bool row_begun, cell_begun;
    int depth;
    int64_t number[DEPTH]; /* of the next item; 0: they have none */
    struct markup markup;
};

/* --- lines ------------------------------------------------------------------------------------ */

static void see(struct markdown *md, const char *text)
{
    if (text < md->from || text >= md->to)
        return; /* text of MD4C's own */
    for (const char *at = md->at; at < text && (at = memchr(at, '\n', (size_t)(text - at))); at++)
        md->line++;
    for (const char *at = text; at < md->at; at++)
        md->line -= *at == '\n';
    md->at = text;
    md->last = md->line;
    if (md->begins && md->writer->open)
        md->writer->blocks[md->writer->count - 1].line = md->line;
    md->begins = false;
}

static void close_block(struct markdown *md)
{
    pb_bw_close(md->writer, md->last);
}

static void open_block(struct markdown *md, int32_t type, int32_t level)
{
    close_block(md);
    pb_bw_open(md->writer, type, level, 0);
    md->begins = true;
}

/* A paragraph, or the first text of a list item. */
static void open_text(struct markdown *md)
{
    if (!md->item) {
        open_block(md, PB_BLOCK_TEXT, 0);
        return;
    }
    int at = md->depth < DEPTH ? md->depth : DEPTH - 1;
    open_block(md, PB_BLOCK_LIST_ITEM, md->depth);
    md->item = false;
    if (md->number[at]) {
        char text[32];
        int size = snprintf(text, sizeof text, "%lld. ", (long long)md->number[at]++);
        pb_bw_flow(md->writer, pb_str_make(text, (size_t)size));
    }
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void enter_list(struct markdown *md, int64_t first)
{
    close_block(md);
    md->item = false;
    md->depth++;
    if (md->depth < DEPTH)
        md->number[md->depth] = first;
}

static void enter_cell(struct markdown *md)
{
    if (md->cell_begun)
        pb_bw_break(md->writer, '\t');
    md->cell_begun = true;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
    struct markdown *md = arg;

    switch (type) {
    case MD_BLOCK_UL:
        enter_list(md, 0);
        break;
    case MD_BLOCK_OL: {
        unsigned start = ((const MD_BLOCK_OL_DETAIL *)detail)->start;
        enter_list(md, start ? start : 1);
        break;
    }
    case MD_BLOCK_LI:
        close_block(md);
        md->item = true;
        break;
    case MD_BLOCK_H:
        open_block(md, PB_BLOCK_HEADING, (int32_t)((const MD_BLOCK_H_DETAIL *)detail)->level);
        break;
    case MD_BLOCK_CODE:
        open_block(md, PB_BLOCK_CODE, 0);
        md->verbatim = true;
        md->item = false;
        break;
    case MD_BLOCK_HTML:
        open_text(md);
        md->in_html = true;
        memset(&md->markup, 0, sizeof md->markup);
        break;
    case MD_BLOCK_P:
        open_text(md);
        break;
    case MD_BLOCK_TABLE:
        open_block(md, PB_BLOCK_TABLE, 0);
        md->in_table = true;
        md->row_begun = false;
        break;
    case MD_BLOCK_TR:
        if (md->row_begun)
            pb_bw_break(md->writer, '\n');
        md->row_begun = true;
        md->cell_begun = false;
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        enter_cell(md);
        break;
    default:
        break;
    }
    return md->writer->status;
}

/* They are lines of the open block; the closing one may be missing. */
static void add_fences(struct markdown *md)
{
    struct pb_bw_block *block = &md->writer->blocks[md->writer->count - 1];
    pb_str rest = pb_str_make(md->at, (size_t)(md->to - md->at));

    block->line -= block->line > 1;
    int64_t line = md->last + (pb_str_find(rest, '\n') < rest.size);
    take_line(&rest);
    while (rest.size && rest.data[0] && strchr(" \t>\r\n", rest.data[0])) {
        line += rest.data[0] == '\n'; /* empty lines before it */
        rest = pb_str_slice(rest, 1, rest.size);
    }
    if (pb_str_starts(rest, pb_lit("```")) || pb_str_starts(rest, pb_lit("~~~")))
        md->last = line;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
    struct markdown *md = arg;

    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        close_block(md);
        md->depth--;
        md->item = false;
        break;
    case MD_BLOCK_CODE:
        if (((const MD_BLOCK_CODE_DETAIL *)detail)->fence_char && !md->begins && md->writer->open)
            add_fences(md);
        close_block(md);
        break;
    case MD_BLOCK_LI:
        close_block(md);
        md->item = false;
        break;
    case MD_BLOCK_H:
    case MD_BLOCK_HTML:
    case MD_BLOCK_P:
    case MD_BLOCK_TABLE:
        close_block(md);
        break;
    default:
        return md->writer->status;
    }
    md->verbatim = md->in_html = md->in_table = false;
    return pb_bw_status(md->writer);
}

/* --- text ------------------------------------------------------------------------------------- */

static void inline_html(struct markdown *md, pb_str html)
{
    struct markup markup = {0};

    if (pb_str_same(pb_str_slice(html, 0, 3), pb_lit("<br")) && !md->in_table)
        pb_bw_break(md->writer, '\n');
    else
        markup_text(&markup, md->writer, html);
}

static void add_text(struct markdown *md, MD_TEXTTYPE type, pb_str text)
{
    switch (type) {
    case MD_TEXT_BR:
        if (md->in_table)
            pb_bw_space(md->writer);
        else
            pb_bw_break(md->writer, '\n');
        break;
    case MD_TEXT_SOFTBR:
        pb_bw_space(md->writer);
        break;
    case MD_TEXT_ENTITY:
        markup_entity(md->writer, text);
        break;
    case MD_TEXT_HTML:
        if (md->in_html)
            markup_text(&md->markup, md->writer, text);
        else
            inline_html(md, text);
        break;
    case MD_TEXT_NULLCHAR:
        break;
    default:
        if (md->verbatim)
            pb_bw_add(md->writer, text);
        else
            pb_bw_flow(md->writer, text);
    }
}

static int take_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *arg)
{
    struct markdown *md = arg;

    if (text >= md->from && text <= md->to && size > (size_t)(md->to - text))
        size = (MD_SIZE)(md->to - text);
    if (!md->writer->open)
        open_text(md);
    see(md, text);
    add_text(md, type, pb_str_make(text, size));
    return md->writer->status;
}

/* The text of links and pictures is text like any other. */
static int pass_span(MD_SPANTYPE type, void *detail, void *arg)
{
    (void)type, (void)detail, (void)arg;
    return 0;
}

static void read_copy(pb_block_writer *writer, pb_str text, size_t front)
{
    static const MD_PARSER parser = {.flags =
                                         MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS,
                                     .enter_block = enter_block,
                                     .leave_block = leave_block,
                                     .enter_span = pass_span,
                                     .leave_span = pass_span,
                                     .text = take_text};
    struct markdown md = {.writer = writer,
                          .from = text.data,
                          .to = text.data + text.size,
                          .at = text.data,
                          .line = 1};
    pb_str body = pb_str_slice(text, front, text.size);

    if (md_parse(body.data, (MD_SIZE)body.size, &parser, &md) < 0)
        pb_bw_fail(writer, PB_NO_MEMORY, "out of memory");
    close_block(&md);
    pb_bw_title_from_heading(writer, 1);
    if (writer->count)
        pb_bw_title_from_heading(writer, writer->blocks[0].level);
}

/* With lines behind the text, where MD4C may look. */
void markdown_read(pb_block_writer *writer, pb_str text)
{
    size_t front = front_matter_read(writer, text);
    char *copy = text.size < UINT32_MAX / 4 ? malloc(text.size + BEHIND) : NULL;

    if (copy && writer->status == PB_OK) {
        memcpy(copy, text.data, text.size);
        memset(copy + text.size, '\n', BEHIND);
        read_copy(writer, pb_str_make(copy, text.size), front);
    } else if (writer->status == PB_OK) {
        pb_bw_fail(writer, text.size < UINT32_MAX / 4 ? PB_NO_MEMORY : PB_TOO_LARGE,
                   text.size < UINT32_MAX / 4 ? "out of memory" : "it is too large for Markdown");
    }
    free(copy);
}
