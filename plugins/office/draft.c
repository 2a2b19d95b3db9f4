/* draft.c - paragraphs, tables and white space put in order; see draft.h. */
#include "draft.h"

#include <patchbay/media.h>

#include <stdlib.h>

enum { LEAF_COST = 128 }; /* what a block takes beside its text */

static bool fits(struct job *job, size_t more)
{
    const struct draft *draft = &job->draft;

    if (job->status != PB_OK)
        return false;
    if (draft->size + draft->count * LEAF_COST + more <= job->limits.text)
        return true;
    (void)job_fail(job, PB_TOO_LARGE, "it has more text than the %zu MiB of 'max_text'",
                   job->limits.text >> 20);
    return false;
}

static void append(struct job *job, const char *data, size_t size)
{
    struct draft *draft = &job->draft;

    if (!fits(job, size))
        return;
    if (size > draft->capacity - draft->size) {
        size_t capacity = draft->capacity ? draft->capacity * 2 : 16384;
        while (capacity - draft->size < size)
            capacity *= 2;
        char *text = job_grow(job, draft->text, draft->capacity, capacity);
        if (!text)
            return;
        draft->text = text;
        draft->capacity = capacity;
    }
    memcpy(draft->text + draft->size, data, size);
    draft->size += size;
}

static struct leaf *last(struct draft *draft)
{
    return &draft->leaves[draft->count - 1];
}

static void begin(struct job *job, int32_t type, int32_t level)
{
    struct draft *draft = &job->draft;

    if (!fits(job, LEAF_COST))
        return;
    if (draft->count == draft->room) {
        size_t room = draft->room ? draft->room * 2 : 128;
        struct leaf *leaves =
            job_grow(job, draft->leaves, draft->room * sizeof *leaves, room * sizeof *leaves);
        if (!leaves)
            return;
        draft->leaves = leaves;
        draft->room = room;
    }
    draft->leaves[draft->count++] = (struct leaf){.type = type,
                                                  .level = level,
                                                  .page = draft->page,
                                                  .breaks = draft->breaks,
                                                  .offset = draft->size};
    draft->start = draft->size;
    draft->pending = 0;
    draft->tabs = 0;
    draft->row = false;
    draft->open = true;
}

static void finish(struct job *job)
{
    struct draft *draft = &job->draft;

    if (!draft->open)
        return;
    struct leaf *leaf = last(draft);
    while (draft->size > leaf->offset && strchr(" \n", draft->text[draft->size - 1]))
        draft->size--;
    leaf->size = draft->size - leaf->offset;
    if (!leaf->size)
        draft->count--;
    draft->open = false;
}

static void separate(struct draft *draft, char space)
{
    if (draft->tables)
        space = ' ';
    if (space == '\n' || !draft->pending || (space == '\t' && draft->pending == ' '))
        draft->pending = space;
}

void draft_open(struct job *job, int32_t type, int32_t level)
{
    if (job->draft.tables) {
        separate(&job->draft, ' ');
        return;
    }
    finish(job);
    begin(job, type, level);
}

void draft_close(struct job *job)
{
    if (job->draft.tables)
        separate(&job->draft, ' ');
    else
        finish(job);
}

void draft_become(struct job *job, int32_t type, int32_t level)
{
    struct draft *draft = &job->draft;

    if (draft->tables || !draft->open)
        return;
    last(draft)->type = type;
    last(draft)->level = level;
}

/* --- characters ------------------------------------------------------------------------------- */

/* The character at `at`, its bytes in *taken; U+FFFD and one byte for what is not UTF-8. */
static uint32_t utf8_read(pb_str text, size_t at, size_t *taken)
{
    const uint8_t *bytes = (const uint8_t *)text.data + at;
    size_t size = pb_utf8_length(bytes, (const uint8_t *)text.data + text.size);
    uint32_t code = size > 1 ? bytes[0] & (0x7Fu >> size) : bytes[0];

    *taken = size ? size : 1;
    for (size_t i = 1; i < size; i++)
        code = code << 6 | (bytes[i] & 0x3F);
    return size ? code : 0xFFFD;
}

/* What stands between the last character and the next. */
static void flush(struct job *job)
{
    struct draft *draft = &job->draft;

    if (draft->row && draft->size > last(draft)->offset)
        append(job, "\n", 1);
    if (draft->row || draft->tabs)
        draft->start = draft->size;
    draft->row = false;
    for (; draft->tabs && job->status == PB_OK; draft->tabs--, draft->start++)
        append(job, "\t", 1);
    if (draft->pending && draft->size > draft->start)
        append(job, &draft->pending, 1);
    draft->pending = 0;
}

static void word(struct job *job, const char *data, size_t size)
{
    struct draft *draft = &job->draft;

    if (!draft->open)
        begin(job, PB_BLOCK_TEXT, 0);
    if (job->status != PB_OK)
        return;
    if (draft->pending || draft->tabs || draft->row)
        flush(job);
    append(job, data, size);
}

static bool is_code(const struct draft *draft)
{
    return draft->open && !draft->tables && draft->leaves[draft->count - 1].type == PB_BLOCK_CODE;
}

static void space(struct job *job, char byte, bool flow)
{
    struct draft *draft = &job->draft;

    if (is_code(draft)) {
        if (byte != '\r' && (byte != '\n' || draft->size > draft->start))
            append(job, &byte, 1);
    } else if (draft->open) {
        separate(draft, flow || byte == '\r' ? ' ' : byte);
    }
}

void draft_code_point(struct job *job, uint32_t code)
{
    char bytes[4];

    if (code == ' ' || code == '\t' || code == '\n' || code == '\r')
        space(job, (char)code, false);
    else if (code == 0xA0 || code == 0x2028 || code == 0x85)
        space(job, code == 0xA0 ? ' ' : '\n', false);
    else if (code >= 32 && (code < 127 || code > 0x9F) && code != 0xAD && code != 0xFEFF)
        word(job, bytes, pb_utf8_write(code, bytes));
}

static void add(struct job *job, pb_str text, bool flow)
{
    for (size_t at = 0, taken; at < text.size && job->status == PB_OK; at += taken) {
        size_t plain = at;
        while (plain < text.size && text.data[plain] > ' ' && text.data[plain] < 127)
            plain++;
        taken = plain - at;
        if (taken)
            word(job, text.data + at, taken);
        else if (flow && strchr(" \t\r\n", text.data[at]) && text.data[at])
            space(job, text.data[at], true), taken = 1;
        else
            draft_code_point(job, utf8_read(text, at, &taken));
    }
}

void draft_add(struct job *job, pb_str text)
{
    add(job, text, false);
}

void draft_flow(struct job *job, pb_str text)
{
    add(job, text, true);
}

/* --- tables ----------------------------------------------------------------------------------- */

void draft_table_open(struct job *job)
{
    if (!job->draft.tables) {
        finish(job);
        begin(job, PB_BLOCK_TABLE, 0);
    } else {
        separate(&job->draft, ' ');
    }
    job->draft.tables++;
}

void draft_cell_end(struct job *job, size_t cells)
{
    if (job->draft.tables == 1) {
        job->draft.tabs += cells;
        job->draft.pending = 0;
    } else if (job->draft.tables) {
        separate(&job->draft, ' ');
    }
}

void draft_row_end(struct job *job)
{
    if (job->draft.tables == 1) {
        job->draft.row = true;
        job->draft.tabs = 0;
        job->draft.pending = 0;
    }
}

void draft_table_close(struct job *job)
{
    if (!job->draft.tables)
        return;
    if (--job->draft.tables == 0) {
        job->draft.pending = 0;
        finish(job);
    } else {
        separate(&job->draft, ' ');
    }
}
