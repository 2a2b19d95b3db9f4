/* fuzz_markdown.c - any bytes as Markdown, plain text and source text: what comes of it is clean
 * text within the limits. */
#include "../../plugins/text/text.h"
#include "extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_str text = pb_str_make((const char *)data, size);

    if (size == 0)
        return 0;
    for (int kind = 0; kind < 3; kind++) {
        pb_block_writer writer = pb_block_writer_make(1 << 16, 1 << 10);
        if (kind == 0)
            markdown_read(&writer, text);
        else
            plain_read(&writer, text, kind == 2);
        fuzz_check(&writer, text);
        pb_bw_free(&writer);
    }
    return 0;
}
