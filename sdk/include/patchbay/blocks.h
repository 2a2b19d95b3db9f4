/* blocks.h - writes blocks of text, for extractors that read a file on a helper thread.
 *
 *     static pb_status read(void *arg) { … pb_bw_open(w, PB_BLOCK_TEXT, 0, line); pb_bw_add(w, …);
 *                                        pb_bw_close(w, line); … return pb_bw_status(w); }
 *     pb_block_writer writer = pb_block_writer_make(max_text, max_blocks);
 *     pb_status status = pb_offload(read, …);
 *     return pb_bw_finish(&writer, status, out);
 *
 * All but pb_bw_finish: any thread, memory from malloc, errors are remembered and further calls do
 * nothing. Text becomes valid UTF-8 without control characters but newline and tab.
 */
#ifndef PATCHBAY_BLOCKS_H
#define PATCHBAY_BLOCKS_H

#include <patchbay/extractor.h>
#include <patchbay/media.h>
#include <stdlib.h>

/* A block whose text lies in the writer's. */
struct pb_bw_block {
    int32_t type, level, page;
    uint32_t mark; /* the writer's when it was opened: see pb_bw_keep */
    int64_t line, lines;
    size_t at, size;
};

/* Begin with pb_block_writer_make. */
typedef struct pb_block_writer {
    size_t max_text, max_blocks;
    char *text;
    size_t size, room;
    struct pb_bw_block *blocks;
    size_t count, block_room;
    size_t title_at, title_size;
    size_t *meta; /* four numbers each: place and size of key and value */
    size_t meta_count, meta_room;
    uint32_t mark;
    bool open, space; /* a block is open; white space came that is not written yet */
    pb_status status;
    const char *sentence;
} pb_block_writer;

static inline pb_block_writer pb_block_writer_make(size_t max_text, size_t max_blocks)
{
    pb_block_writer writer;

    memset(&writer, 0, sizeof writer);
    writer.max_text = max_text;
    writer.max_blocks = max_blocks;
    return writer;
}

/* Ends it: `sentence` is a constant. The first failure is kept. */
static inline void pb_bw_fail(pb_block_writer *writer, pb_status status, const char *sentence)
{
    if (writer->status == PB_OK) {
        writer->status = status;
        writer->sentence = sentence;
    }
}

/* PB_OK as long as nothing failed; also asks whether the task was told to end. */
static inline pb_status pb_bw_status(pb_block_writer *writer)
{
    if (writer->status == PB_OK && pb_cancelled())
        pb_bw_fail(writer, PB_CANCELLED, "cancelled");
    return writer->status;
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Makes `memory` large enough for `want` items. */
static inline void *pb_bw_grow(pb_block_writer *writer, void *memory, size_t *room, size_t want,
                               size_t item)
{
    size_t more = *room ? *room : 64;

    if (want <= *room)
        return memory;
    while (more < want)
        more *= 2;
    void *grown = realloc(memory, more * item);
    if (!grown) {
        pb_bw_fail(writer, PB_NO_MEMORY, "out of memory");
        return memory;
    }
    *room = more;
    return grown;
}

static inline bool pb_bw_room(pb_block_writer *writer, size_t more)
{
    if (writer->status == PB_OK && more > writer->max_text - writer->size)
        pb_bw_fail(writer, PB_TOO_LARGE, "it holds more text than option 'max_text' allows");
    if (writer->status == PB_OK)
        writer->text =
            (char *)pb_bw_grow(writer, writer->text, &writer->room, writer->size + more, 1);
    return writer->status == PB_OK;
}

/* --- text ------------------------------------------------------------------------------------- */

static inline uint32_t pb_bw_code(const uint8_t *at, size_t size)
{
    return size == 1   ? at[0]
           : size == 2 ? (uint32_t)(at[0] & 0x1F) << 6 | (at[1] & 0x3F)
           : size == 3
               ? (uint32_t)(at[0] & 0xF) << 12 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F)
               : (uint32_t)(at[0] & 7) << 18 | (uint32_t)(at[1] & 0x3F) << 12 |
                     (uint32_t)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
}

/* Characters that are not seen and break words: control characters, soft hyphens, zero widths. */
static inline bool pb_bw_unseen(uint32_t code)
{
    return (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7F && code < 0xA0) ||
           code == 0xAD || code == 0x200B || code == 0x2060 || code == 0xFEFF ||
           (code >= 0xFFFE && code <= 0xFFFF);
}

/* Writes `text` cleaned. The room is there: 3 bytes for each. */
static inline void pb_bw_clean(pb_block_writer *writer, pb_str text)
{
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.size;
    char *out = writer->text + writer->size;

    while (at < end) {
        if (*at >= 0x20 && *at < 0x7F) {
            *out++ = (char)*at++;
            continue;
        }
        size_t size = pb_utf8_length(at, end);
        uint32_t code = size ? pb_bw_code(at, size) : 0xFFFD;
        at += size ? size : 1;
        if (code == '\r' && (at == end || *at != '\n'))
            code = '\n';
        else if (code == 0x2028 || code == 0x2029)
            code = '\n';
        else if (code == 0xA0) /* words are looked for with a plain space */
            code = ' ';
        if (!pb_bw_unseen(code))
            out += pb_utf8_write(code, out);
    }
    writer->size = (size_t)(out - writer->text);
}

/* Adds text as it is to the open block. */
static inline void pb_bw_add(pb_block_writer *writer, pb_str text)
{
    while (text.size && pb_bw_room(writer, 1)) {
        /* A piece at a time: the text may be as long as max_text allows, three times that is not.
         */
        size_t size = text.size < 4096 ? text.size : 4096;
        while (size < text.size && size > 4000 && ((uint8_t)text.data[size] & 0xC0) == 0x80)
            size--;
        if (size < text.size && text.data[size - 1] == '\r')
            size--;
        writer->text =
            (char *)pb_bw_grow(writer, writer->text, &writer->room, writer->size + 3 * size, 1);
        if (writer->status != PB_OK)
            return;
        pb_bw_clean(writer, pb_str_slice(text, 0, size));
        if (writer->size > writer->max_text)
            pb_bw_fail(writer, PB_TOO_LARGE, "it holds more text than option 'max_text' allows");
        text = pb_str_slice(text, size, text.size);
    }
}

/* A byte of ASCII. */
static inline void pb_bw_byte(pb_block_writer *writer, char byte)
{
    if (pb_bw_room(writer, 1))
        writer->text[writer->size++] = byte;
}

/* White space: one space before the next word, none at the beginning of a block, a line or a cell.
 */
static inline void pb_bw_space(pb_block_writer *writer)
{
    writer->space = true;
}

/* Newline or tab, without the white space around it. */
static inline void pb_bw_break(pb_block_writer *writer, char byte)
{
    writer->space = false;
    pb_bw_byte(writer, byte);
}

/* Adds running text: any run of white space counts as one space. */
static inline void pb_bw_flow(pb_block_writer *writer, pb_str text)
{
    while (text.size) {
        size_t word = 0;
        while (word < text.size && (uint8_t)text.data[word] > ' ')
            word++;
        if (word) {
            size_t at = writer->count ? writer->blocks[writer->count - 1].at : 0;
            char last = writer->open && writer->size > at ? writer->text[writer->size - 1] : '\n';
            if (writer->space && last != '\n' && last != '\t')
                pb_bw_byte(writer, ' ');
            writer->space = false;
            pb_bw_add(writer, pb_str_slice(text, 0, word));
        }
        while (word < text.size && (uint8_t)text.data[word] <= ' ')
            word++, writer->space = true;
        text = pb_str_slice(text, word, text.size);
    }
}

/* --- blocks ----------------------------------------------------------------------------------- */

/* Ends the open block at this line of the file (0: not known). One without text is dropped. */
static inline void pb_bw_close(pb_block_writer *writer, int64_t line)
{
    if (!writer->open || writer->status != PB_OK)
        return;
    struct pb_bw_block *block = &writer->blocks[writer->count - 1];
    size_t from = block->at;

    writer->open = writer->space = false;
    while (writer->size > from && strchr(" \t\n", writer->text[writer->size - 1]))
        writer->size--;
    /* Leading lines without text go; the indentation of the first with text stays. */
    size_t start = from;
    for (size_t at = from; at < writer->size && strchr(" \t\n", writer->text[at]); at++)
        if (writer->text[at] == '\n')
            start = at + 1;
    block->at = start;
    block->size = writer->size - start;
    block->lines = line >= block->line && block->line ? line - block->line + 1 : 0;
    if (block->size == 0)
        writer->count--;
}

/* Begins a block at this line of the file (0: not known); an open one is closed. */
static inline void pb_bw_open(pb_block_writer *writer, int32_t type, int32_t level, int64_t line)
{
    pb_bw_close(writer, line);
    if (writer->status == PB_OK && writer->count >= writer->max_blocks)
        pb_bw_fail(writer, PB_TOO_LARGE, "it has more blocks than option 'max_blocks' allows");
    if (writer->status != PB_OK)
        return;
    writer->blocks = (struct pb_bw_block *)pb_bw_grow(writer, writer->blocks, &writer->block_room,
                                                      writer->count + 1, sizeof *writer->blocks);
    if (writer->status != PB_OK)
        return;
    struct pb_bw_block *block = &writer->blocks[writer->count++];
    memset(block, 0, sizeof *block);
    block->type = type;
    block->level = level;
    block->line = line;
    block->mark = writer->mark;
    block->at = writer->size;
    writer->open = true;
    writer->space = false;
}

/* What the open block holds so far. Borrowed until the next call. */
static inline pb_str pb_bw_open_text(const pb_block_writer *writer)
{
    size_t at = writer->open ? writer->blocks[writer->count - 1].at : writer->size;

    return pb_str_make(writer->text ? writer->text + at : "", writer->size - at);
}

/* Drops all blocks whose mark has not all bits of `mark`. */
static inline void pb_bw_keep(pb_block_writer *writer, uint32_t mark)
{
    size_t kept = 0;

    for (size_t i = 0; i < writer->count; i++)
        if ((writer->blocks[i].mark & mark) == mark)
            writer->blocks[kept++] = writer->blocks[i];
    writer->count = kept;
}

/* --- about the document ----------------------------------------------------------------------- */

/* The first heading of this level as title, unless there is one. No block is open. */
static inline void pb_bw_title_from_heading(pb_block_writer *writer, int32_t level)
{
    for (size_t i = 0; i < writer->count && !writer->title_size; i++)
        if (writer->blocks[i].type == PB_BLOCK_HEADING && writer->blocks[i].level == level) {
            writer->title_at = writer->blocks[i].at;
            writer->title_size = writer->blocks[i].size;
        }
}

/* Text on its own, cleaned and in one line. Not while a block is open. Its place. */
static inline size_t pb_bw_aside(pb_block_writer *writer, pb_str text, size_t *size)
{
    size_t at = writer->size;

    text = pb_str_slice(text, 0, 4096);
    writer->space = false;
    while (text.size) {
        size_t word = 0;
        while (word < text.size && (uint8_t)text.data[word] > ' ')
            word++;
        if (word && writer->size > at)
            pb_bw_byte(writer, ' ');
        pb_bw_add(writer, pb_str_slice(text, 0, word));
        while (word < text.size && (uint8_t)text.data[word] <= ' ')
            word++;
        text = pb_str_slice(text, word, text.size);
    }
    *size = writer->size - at;
    return at;
}

/* The title of the document. Not while a block is open. */
static inline void pb_bw_title(pb_block_writer *writer, pb_str text)
{
    writer->title_at = pb_bw_aside(writer, text, &writer->title_size);
}

/* A member of its metadata; empty ones are left out. Not while a block is open. */
static inline void pb_bw_meta(pb_block_writer *writer, pb_str key, pb_str value)
{
    writer->meta = (size_t *)pb_bw_grow(writer, writer->meta, &writer->meta_room,
                                        4 * (writer->meta_count + 1), sizeof *writer->meta);
    if (writer->status != PB_OK || writer->meta_count >= 64)
        return;
    size_t *at = writer->meta + 4 * writer->meta_count;
    at[0] = pb_bw_aside(writer, key, &at[1]);
    at[2] = pb_bw_aside(writer, value, &at[3]);
    writer->meta_count += at[1] && at[3];
}

static inline void pb_bw_free(pb_block_writer *writer)
{
    free(writer->text);
    free(writer->blocks);
    free(writer->meta);
    memset(writer, 0, sizeof *writer);
}

/* --- on the task ------------------------------------------------------------------------------ */

static inline pb_status pb_bw_copy_meta(const pb_block_writer *writer, const char *text,
                                        pb_blocks *out)
{
    pb_json *object = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));

    for (size_t i = 0; i < writer->meta_count; i++) {
        const size_t *at = writer->meta + 4 * i;
        pb_str key = pb_str_make(text + at[0], at[1]);
        if (!pb_json_member(object, key) &&
            !pb_json_add(object, key, pb_json_string(pb_str_make(text + at[2], at[3]))))
            return PB_NO_MEMORY;
    }
    out->metadata = writer->meta_count ? object : NULL;
    return PB_OK;
}

static inline pb_status pb_bw_copy(const pb_block_writer *writer, pb_blocks *out)
{
    char *text = (char *)pb_alloc(writer->size + 1);
    pb_block *blocks = PB_NEW_ARRAY(pb_block, writer->count + 1);
    const pb_block **items = PB_NEW_ARRAY(const pb_block *, writer->count + 1);
    pb_status status = text && blocks && items ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;

    for (size_t at = 0; at < writer->size && status == PB_OK; at += 65536) {
        size_t size = writer->size - at < 65536 ? writer->size - at : 65536;
        memcpy(text + at, writer->text + at, size);
        status = pb_step();
    }
    for (size_t i = 0; i < writer->count && status == PB_OK; i++) {
        const struct pb_bw_block *from = &writer->blocks[i];
        pb_block *block = &blocks[i];
        block->size = (uint32_t)sizeof *block;
        block->type = from->type;
        block->level = from->level;
        block->page = from->page;
        block->line = from->line;
        block->lines = from->lines;
        block->text = pb_str_make(text + from->at, from->size);
        items[i] = block;
        if (i % 4096 == 4095)
            status = pb_step();
    }
    if (status != PB_OK)
        return status;
    out->items = items;
    out->count = writer->count;
    if (writer->title_size)
        out->title = pb_str_make(text + writer->title_at, writer->title_size);
    return pb_bw_copy_meta(writer, text, out);
}

/* Copies all of it into the running scope and frees the writer, whatever happened. `status` is that
 * of pb_offload: a failure of its own is returned as it is. Parks. */
static inline pb_status pb_bw_finish(pb_block_writer *writer, pb_status status, pb_blocks *out)
{
    if (writer->status != PB_OK && status == writer->status)
        status = pb_fail(status, "%s", writer->sentence);
    if (status == PB_OK)
        status = pb_bw_copy(writer, out);
    pb_bw_free(writer);
    return status;
}

#endif
