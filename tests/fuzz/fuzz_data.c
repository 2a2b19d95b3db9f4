/* fuzz_data.c - any bytes as CSV, JSON and XML; also what kind of file they are said to be. */
#include "../../plugins/data/data.h"
#include "extract.h"

void reading_fail(struct reading *reading, int64_t line, const char *format, ...)
{
    (void)line, (void)format;
    pb_bw_fail(reading->writer, PB_UNPROCESSABLE, "broken");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct data options = {.depth = 40, .rows = 3};
    pb_str text = pb_str_make((const char *)data, size);

    fuzz_must(pb_media_type((pb_bytes){data, size}, pb_str_make(NULL, 0)) != NULL, "no type");
    if (size == 0)
        return 0;
    for (int kind = 0; kind < 3; kind++) {
        pb_block_writer writer = pb_block_writer_make(1 << 16, 1 << 10);
        struct reading reading = {.options = &options, .writer = &writer, .text = text};
        if (kind == 0)
            csv_read(&reading, 0);
        else if (kind == 1)
            json_read(&reading);
        else
            xml_read(&reading);
        fuzz_check(&writer, text);
        pb_bw_free(&writer);
    }
    return 0;
}
