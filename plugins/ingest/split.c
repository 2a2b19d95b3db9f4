/* split.c - a block as atoms: whole where it fits, else paragraphs by sentences, code by blank
 * lines and lines, tables by rows; what is still too long by words, and a word by characters. */
#include "ingest.h"

/* Walks through a block's text and knows the line in the file. */
struct walk {
    struct chunker *chunker;
    const pb_block *block;
    int64_t newlines; /* in all of the text */
    size_t seen;      /* up to here … */
    int64_t passed;   /* … are so many */
    int64_t head;     /* tokens of a table's header row, for the rows behind it */
    bool glued;       /* the next atom belongs to the one before */
};

static int64_t newlines_in(pb_str text)
{
    int64_t count = 0;

    for (size_t at = 0; (at += pb_str_find(pb_str_slice(text, at, text.size), '\n')) < text.size;
         at++)
        count++;
    return count;
}

/* The line of the byte at `offset`, which grows from call to call; estimated where the text is not
 * broken as the file is. */
static int64_t line_at(struct walk *walk, size_t offset)
{
    const pb_block *block = walk->block;

    if (block->line <= 0 || block->lines <= 1)
        return block->line > 0 ? block->line : 0;
    if (walk->newlines + 1 != block->lines &&
        !(block->type == PB_BLOCK_CODE && walk->newlines + 3 == block->lines))
        return block->line +
               (int64_t)((double)offset * (double)block->lines / (double)(block->text.size + 1));
    walk->passed += newlines_in(pb_str_slice(block->text, walk->seen, offset - walk->seen));
    walk->seen = offset;
    return block->line + walk->passed + (walk->newlines + 1 != block->lines);
}

static pb_status add(struct walk *walk, pb_str text, int64_t tokens)
{
    pb_str trimmed = pb_str_trim(text);
    struct atom atom = {.text = trimmed, .block = walk->block, .tokens = tokens};
    size_t offset = (size_t)(trimmed.data - walk->block->text.data);

    if (!trimmed.size)
        return PB_OK;
    if (walk->block->type == PB_BLOCK_CODE) { /* its indentation stays */
        while (atom.text.data > text.data &&
               (atom.text.data[-1] == ' ' || atom.text.data[-1] == '\t'))
            atom.text.data--, atom.text.size++;
    }
    atom.line = line_at(walk, offset);
    atom.last = line_at(walk, offset + trimmed.size - 1);
    atom.head = walk->head;
    atom.glued = walk->glued;
    walk->glued = false;
    return atoms_add(&walk->chunker->atoms, &atom);
}

/* A word that is too long alone: as many characters as fit. */
static size_t fitting(struct walk *walk, pb_str word, int64_t limit)
{
    size_t fits = whole_characters(word, 4);
    size_t beyond = word.size < walk->chunker->most ? word.size : walk->chunker->most + 1;

    while (fits + 1 < beyond) {
        size_t half = whole_characters(word, fits + (beyond - fits) / 2);
        if (half <= fits) /* less than a character between them */
            break;
        if (count_tokens(walk->chunker, pb_str_slice(word, 0, half)) <= limit)
            fits = half;
        else
            beyond = half;
    }
    return fits;
}

static size_t word_end(pb_str text)
{
    size_t at = 0;

    while (at < text.size && !is_space(text.data[at]))
        at++;
    while (at < text.size && is_space(text.data[at]))
        at++;
    return at;
}

static pb_status by_words(struct walk *walk, pb_str text, int64_t limit)
{
    pb_status status = PB_OK;

    while (text.size && status == PB_OK) {
        size_t size = 0;
        int64_t tokens = 0;
        while (size < text.size) {
            pb_str rest = pb_str_slice(text, size, text.size);
            pb_str word = pb_str_slice(rest, 0, word_end(rest));
            int64_t more = count_tokens(walk->chunker, word);
            if (more > limit && !size) {
                word.size = fitting(walk, word, limit);
                more = count_tokens(walk->chunker, word);
            }
            if (size && (more > limit || tokens + more > limit))
                break;
            tokens += more;
            size += word.size;
        }
        status = add(walk, pb_str_slice(text, 0, size), tokens);
        text = pb_str_slice(text, size, text.size);
        if (status == PB_OK)
            status = pb_step();
    }
    return status;
}

/* One piece that should stay whole. */
static pb_status whole_or_words(struct walk *walk, pb_str piece, int64_t limit)
{
    int64_t tokens = count_tokens(walk->chunker, piece);
    pb_status status = tokens <= limit ? add(walk, piece, tokens) : by_words(walk, piece, limit);

    return status == PB_OK ? pb_step() : status;
}

static pb_status by_sentences(struct walk *walk, pb_str text)
{
    pb_status status = PB_OK;

    while (text.size && status == PB_OK) {
        size_t end = sentence_end(text, walk->chunker->most);
        status = whole_or_words(walk, pb_str_slice(text, 0, end), walk->chunker->limit);
        text = pb_str_slice(text, end, text.size);
    }
    return status;
}

static pb_str take_line(pb_str *text)
{
    size_t end = pb_str_find(*text, '\n');
    pb_str line = pb_str_slice(*text, 0, end < text->size ? end + 1 : end);

    *text = pb_str_slice(*text, line.size, text->size);
    return line;
}

static pb_status by_lines(struct walk *walk, pb_str text, int64_t limit)
{
    pb_status status = PB_OK;

    while (text.size && status == PB_OK)
        status = whole_or_words(walk, take_line(&text), limit);
    return status;
}

/* Code: up to the blank lines. */
static pb_status by_paragraphs(struct walk *walk, pb_str text)
{
    pb_status status = PB_OK;

    while (text.size && status == PB_OK) {
        pb_str rest = text;
        while (rest.size && pb_str_trim(take_line(&rest)).size)
            ;
        pb_str piece = pb_str_slice(text, 0, text.size - rest.size);
        int64_t tokens = count_tokens(walk->chunker, piece);
        if (tokens <= walk->chunker->limit)
            status = add(walk, piece, tokens);
        else
            status = by_lines(walk, piece, walk->chunker->limit);
        text = rest;
        if (status == PB_OK)
            status = pb_step();
    }
    return status;
}

/* A table: its header row, and rows that each leave room for it. */
static pb_status by_rows(struct walk *walk, pb_str text)
{
    int64_t limit = walk->chunker->limit;
    pb_str header = take_line(&text);
    int64_t tokens = count_tokens(walk->chunker, header);
    pb_status status = whole_or_words(walk, header, limit);

    if (tokens + 1 <= limit / 4) {
        walk->head = tokens + 1;
        limit -= walk->head;
    }
    return status == PB_OK ? by_lines(walk, text, limit) : status;
}

/* Does the block go with what stands right before it? */
static bool belongs(const struct atoms *atoms, const pb_block *block)
{
    const struct atom *last = atoms->count ? &atoms->items[atoms->count - 1] : NULL;

    if (!last)
        return false;
    if (block->type == PB_BLOCK_LIST_ITEM && last->block->type == PB_BLOCK_LIST_ITEM)
        return true;
    return block->type != PB_BLOCK_TEXT && last->block->type == PB_BLOCK_TEXT &&
           last->text.data[last->text.size - 1] == ':';
}

pb_status split_block(struct chunker *chunker, const pb_block *block)
{
    struct walk walk = {.chunker = chunker,
                        .block = block,
                        .newlines = newlines_in(block->text),
                        .glued = belongs(&chunker->atoms, block)};
    int64_t tokens = count_tokens(chunker, block->text);

    if (tokens <= chunker->limit)
        return add(&walk, block->text, tokens);
    if (block->type == PB_BLOCK_CODE)
        return by_paragraphs(&walk, block->text);
    if (block->type == PB_BLOCK_TABLE)
        return by_rows(&walk, block->text);
    return by_sentences(&walk, block->text);
}
