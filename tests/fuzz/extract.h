/* extract.h - what the fuzz targets of extractors share: calls that the host would answer, and what
 * must hold for every text.
 */
#ifndef TESTS_FUZZ_EXTRACT_H
#define TESTS_FUZZ_EXTRACT_H

#include <patchbay/blocks.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void fuzz_must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* Valid UTF-8 without control characters, within the limits, with lines that are in the file. */
static inline void fuzz_check(const pb_block_writer *writer, pb_str file)
{
    int64_t lines = 1;

    for (size_t i = 0; i < file.size; i++)
        lines += file.data[i] == '\n' || file.data[i] == '\r';
    for (size_t i = 0; i < writer->size && writer->status == PB_OK;) {
        const uint8_t *at = (const uint8_t *)writer->text + i;
        size_t size = pb_utf8_length(at, (const uint8_t *)writer->text + writer->size);
        fuzz_must(size > 0, "the text is not UTF-8");
        fuzz_must(*at >= 0x20 || *at == '\n' || *at == '\t', "the text has control characters");
        i += size;
    }
    fuzz_must(writer->status != PB_OK ||
                  (writer->size <= writer->max_text && writer->count <= writer->max_blocks),
              "a limit does not hold");
    for (size_t i = 0; i < writer->count && writer->status == PB_OK; i++) {
        const struct pb_bw_block *block = &writer->blocks[i];
        fuzz_must(block->size > 0 && block->at + block->size <= writer->size, "a block is empty");
        fuzz_must(block->line >= 0 && block->lines >= 0 && block->line + block->lines <= lines + 1,
                  "a block ends behind the file");
    }
}

#endif
