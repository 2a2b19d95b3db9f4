/* text.h - what the files of plugin `text` share. All but text.c runs on a helper thread. */
#ifndef TEXT_TEXT_H
#define TEXT_TEXT_H

#include <patchbay/blocks.h>

struct text {
    int64_t max_text, max_blocks;
};

/* The line that begins at *rest, without its end; *rest moves behind it. */
static inline pb_str take_line(pb_str *rest)
{
    size_t size = pb_str_find(*rest, '\n');
    pb_str line = pb_str_slice(*rest, 0, size);

    *rest = pb_str_slice(*rest, size + 1, rest->size);
    if (line.size && line.data[line.size - 1] == '\r')
        line.size--;
    return line;
}

/* Paragraphs, underlined titles; `code`: blocks of source text. */
void plain_read(pb_block_writer *writer, pb_str text, bool code);

/* CommonMark with tables, as its structure. */
void markdown_read(pb_block_writer *writer, pb_str text);

/* What a text says about itself in front of it (YAML or TOML between rulers) becomes title and
 * metadata; returns how many bytes that takes, 0: there is none. */
size_t front_matter_read(pb_block_writer *writer, pb_str text);

/* HTML in Markdown: its text without tags and comments. Begin with all zero; a tag may go over
 * several calls. */
struct markup {
    bool in_tag, in_comment;
};
void markup_text(struct markup *markup, pb_block_writer *writer, pb_str html);
/* "&amp;" as its character; unknown ones as they stand. */
void markup_entity(pb_block_writer *writer, pb_str entity);

#endif
