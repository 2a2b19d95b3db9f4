/* plain.c - plain text: paragraphs by blank lines, as they stand.
 *
 * A title is a line with a ruler below it, or, as in manual pages, one in capitals at the left of
 * what is indented.
 */
#include "text.h"

enum { LONG = 16 * 1024 }; /* a block this long ends with its line */

static bool is_blank(pb_str line)
{
    return pb_str_trim(line).size == 0;
}

/* "=====": three or more of one mark. Which one, or 0. */
static char ruler(pb_str line)
{
    line = pb_str_trim(line);
    if (line.size < 3 || !strchr("=-~^*#\"", line.data[0]))
        return 0;
    for (size_t i = 1; i < line.size; i++)
        if (line.data[i] != line.data[0])
            return 0;
    return line.data[0];
}

/* The level of the title that stands in `line` above `below`; 0: none. */
static int32_t underlined(pb_str line, pb_str below)
{
    char mark = ruler(below);

    if (!mark || is_blank(line) || ruler(line) || line.size > 200 ||
        2 * pb_str_trim(below).size < pb_str_trim(line).size)
        return 0;
    return mark == '=' ? 1 : mark == '-' ? 2 : 3;
}

static bool is_capitals(pb_str line)
{
    size_t letters = 0;

    if (!line.size || line.size > 60 || strchr(" \t", line.data[0]))
        return false;
    for (size_t i = 0; i < line.size; i++) {
        if (line.data[i] >= 'a' && line.data[i] <= 'z')
            return false;
        letters += line.data[i] >= 'A' && line.data[i] <= 'Z';
    }
    return letters >= 3 && letters * 2 > line.size;
}

/* Does an indented line follow? */
static bool indented(pb_str rest)
{
    pb_str line = take_line(&rest);

    if (is_blank(line))
        line = take_line(&rest);
    return !is_blank(line) && strchr(" \t", line.data[0]);
}

struct plain {
    pb_block_writer *writer;
    int64_t line; /* of the one that was taken last */
    bool code;
};

static void heading(struct plain *plain, pb_str line, int32_t level)
{
    pb_bw_close(plain->writer, plain->line - 1);
    pb_bw_open(plain->writer, PB_BLOCK_HEADING, level, plain->line);
    pb_bw_flow(plain->writer, line);
}

/* A title at `line`, with what belongs to it in `rest`? */
static bool take_heading(struct plain *plain, pb_str line, pb_str *rest)
{
    pb_str below = *rest, next = take_line(&below);
    int32_t level = underlined(line, next);

    if (level) {
        heading(plain, line, level);
        pb_bw_close(plain->writer, ++plain->line);
        *rest = below;
        return true;
    }
    if (ruler(line) && !is_blank(next)) { /* a ruler above it too */
        pb_str last = below, closing = take_line(&last);
        level = ruler(closing) == ruler(line) ? underlined(next, closing) : 0;
        if (level) {
            heading(plain, next, level);
            pb_bw_close(plain->writer, plain->line += 2);
            *rest = last;
            return true;
        }
    }
    if (is_capitals(line) && !plain->writer->open && indented(*rest)) {
        heading(plain, line, 1);
        pb_bw_close(plain->writer, plain->line);
        return true;
    }
    return false;
}

static void add_line(struct plain *plain, pb_str line)
{
    pb_block_writer *writer = plain->writer;

    if (writer->open && pb_bw_open_text(writer).size > LONG)
        pb_bw_close(writer, plain->line - 1);
    if (!writer->open)
        pb_bw_open(writer, plain->code ? PB_BLOCK_CODE : PB_BLOCK_TEXT, 0, plain->line);
    else
        pb_bw_byte(writer, '\n');
    pb_bw_add(writer, line);
}

void plain_read(pb_block_writer *writer, pb_str text, bool code)
{
    struct plain plain = {.writer = writer, .code = code};

    while (text.size && pb_bw_status(writer) == PB_OK) {
        pb_str line = take_line(&text);
        plain.line++;
        if (is_blank(line))
            pb_bw_close(writer, plain.line - 1);
        else if (code || !take_heading(&plain, line, &text))
            add_line(&plain, line);
    }
    pb_bw_close(writer, plain.line);
    if (writer->count && writer->blocks[0].type == PB_BLOCK_HEADING)
        pb_bw_title_from_heading(writer, writer->blocks[0].level);
}
