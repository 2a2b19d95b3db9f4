/* fuzz_html.c - any bytes as a page, in whatever charset they claim. */
#include "../../plugins/html/html.h"
#include "extract.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct html options = {.depth = 64, .time = 5 * PB_SECOND};
    size_t length = 0;

    if (size == 0)
        return 0;
    char *text = charset_convert((pb_bytes){data, size}, pb_lit("text/html"), &length);
    pb_block_writer writer = pb_block_writer_make(1 << 16, 1 << 10);
    struct reader reader = {.options = &options, .writer = &writer, .keep_all = data[0] == '!'};
    fuzz_must(text != NULL, "out of memory");
    html_parse(&reader, pb_str_make(text, length));
    fuzz_check(&writer, pb_str_make(text, length));
    pb_bw_free(&writer);
    free(text);
    return 0;
}
