/* chunks.h - for the tests of the chunker: a document made of blocks, and the passages it became.
 */
#ifndef INGEST_TEST_CHUNKS_H
#define INGEST_TEST_CHUNKS_H

#include "bench.h"

enum { BLOCKS_MOST = 2000 };

static pb_block blocks[BLOCKS_MOST];
static const pb_block *block_list[BLOCKS_MOST];
static size_t block_count;

static pb_block *block(int32_t type, int32_t level, const char *text)
{
    pb_block *one = &blocks[block_count];

    *one = (pb_block){.size = sizeof *one, .type = type, .level = level, .text = pb_str_of(text)};
    block_list[block_count++] = one;
    bench.blocks = block_list;
    bench.block_count = block_count;
    return one;
}

/* --- what came out -----------------------------------------------------------------------------
 */

static struct {
    pb_passage all[4096];
    size_t count;
    pb_str title;
} got;

static pb_str hold(pb_str from)
{
    char *copy = malloc(from.size + 1);

    memcpy(copy, from.size ? from.data : "", from.size);
    copy[from.size] = 0;
    return pb_str_make(copy, from.size);
}

static void forget(void)
{
    for (size_t i = 0; i < got.count; i++) {
        free((void *)(uintptr_t)got.all[i].text.data);
        free((void *)(uintptr_t)got.all[i].heading.data);
        free((void *)(uintptr_t)got.all[i].id.data);
    }
    got.count = 0;
}

static void take(const pb_document *document)
{
    forget();
    ck_assert_uint_le(document->chunk_count, 4096);
    got.title = document->title;
    for (size_t i = 0; i < document->chunk_count; i++) {
        pb_passage *copy = &got.all[got.count++];
        *copy = *document->chunks[i];
        copy->text = hold(copy->text);
        copy->heading = hold(copy->heading);
        copy->id = hold(copy->id);
        ck_assert_int_eq(copy->index, (int64_t)i);
    }
}

static void cut_by(const char *options)
{
    char stages[256];
    pb_document document = document_new();

    (void)snprintf(stages, sizeof stages,
                   "[extract: {extractors: [plain]}, chunk: {%s%s}, look: {}]",
                   strstr(options, "overlap") ? "" : "overlap: 0, ", options);
    if (harness)
        end();
    open_stages(stages);
    bench.look = take;
    run(&document);
    ck_assert_msg(outcome->status == PB_OK, "%.*s", PB_ARG(outcome->sentence));
}

static void begin_blocks(void)
{
    begin();
    block_count = 0;
}

static void end_blocks(void)
{
    forget();
    end();
}

#endif
