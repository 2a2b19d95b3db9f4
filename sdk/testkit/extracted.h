/* extracted.h - for tests of extractors: what one makes of a file, as text that can be compared.
 *
 * One line a block: its kind ("h1", "text", "item2", "table", "code"), its lines in the file, its
 * text with newline and tab as \n and \t:
 *
 *     title: Manual
 *     h1 1: Manual
 *     text 3-4: Two lines.
 */
#ifndef PATCHBAY_EXTRACTED_H
#define PATCHBAY_EXTRACTED_H

#include "testkit.h"

struct extracted {
    pb_instance *extractor;
    pb_blob blob;
    bool accepts;
    pb_status status;
    size_t count; /* blocks */
    char *text;   /* as above, from malloc; or the error's sentence */
};

static inline void extracted_quote(pb_buf *buf, pb_str text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n')
            pb_buf_add(buf, pb_lit("\\n"));
        else if (text.data[i] == '\t')
            pb_buf_add(buf, pb_lit("\\t"));
        else
            pb_buf_byte(buf, text.data[i]);
    }
    pb_buf_byte(buf, '\n');
}

static inline void extracted_block(pb_buf *buf, const pb_block *block)
{
    static const char *const names[] = {"text", "h", "item", "table", "code"};

    pb_buf_printf(buf, "%s", names[block->type]);
    if (block->level)
        pb_buf_printf(buf, "%d", block->level);
    if (block->line)
        pb_buf_printf(buf, " %lld", (long long)block->line);
    if (block->lines > 1)
        pb_buf_printf(buf, "-%lld", (long long)(block->line + block->lines - 1));
    if (block->page)
        pb_buf_printf(buf, " p%d", block->page);
    pb_buf_add(buf, pb_lit(": "));
    extracted_quote(buf, block->text);
}

static inline pb_status extracted_run(void *arg)
{
    struct extracted *extracted = (struct extracted *)arg;
    pb_blocks blocks;
    pb_buf buf = {0};

    extracted->accepts = pb_extractor_accepts(extracted->extractor, &extracted->blob);
    extracted->status = pb_extract(extracted->extractor, &extracted->blob, &blocks);
    if (extracted->status != PB_OK) {
        pb_buf_add(&buf, pb_error_last()->sentence);
    } else {
        if (blocks.title.size) {
            pb_buf_add(&buf, pb_lit("title: "));
            extracted_quote(&buf, blocks.title);
        }
        for (const pb_json *at = blocks.metadata ? blocks.metadata->child : NULL; at;
             at = at->next) {
            pb_buf_printf(&buf, "meta %.*s: ", PB_ARG(at->key));
            extracted_quote(&buf, at->text);
        }
        for (size_t i = 0; i < blocks.count; i++)
            extracted_block(&buf, blocks.items[i]);
    }
    extracted->count = blocks.count;
    extracted->text = strndup(buf.data ? buf.data : "", buf.size);
    return PB_OK;
}

/* What the extractor `name` makes of these bytes; free() its text. */
static inline struct extracted extracted(pb_harness *harness, const char *name, pb_blob blob)
{
    struct extracted result = {.extractor = pb_harness_instance(harness, "extractor", name),
                               .blob = blob};

    result.blob.size = (uint32_t)sizeof blob;
    pb_harness_run(harness, extracted_run, &result, NULL);
    return result;
}

/* The same of text. `file` and `type` may be NULL. */
static inline struct extracted extracted_text(pb_harness *harness, const char *name,
                                              const char *file, const char *text)
{
    return extracted(
        harness, name,
        (pb_blob){.name = pb_str_of(file), .bytes = {(const uint8_t *)text, strlen(text)}});
}

/* It must be accepted and become `wanted`. */
#define ck_extracted(harness, name, file, content, wanted)                                         \
    do {                                                                                           \
        struct extracted ck_result_ = extracted_text(harness, name, file, content);                \
        ck_assert_msg(ck_result_.accepts, "'%s' is not accepted", (file) ? (file) : "");           \
        ck_assert_str_eq(ck_result_.text, wanted);                                                 \
        ck_assert_int_eq(ck_result_.status, PB_OK);                                                \
        free(ck_result_.text);                                                                     \
    } while (0)

#endif
