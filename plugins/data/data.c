/* data - reads CSV, JSON and XML into blocks that can be read, and found by their words.
 *
 * The reading is done on a helper thread.
 */
#include "data.h"

static const pb_field data_options[] = {
    PB_SIZE(struct data, max_text, .def = "16MiB", .min = 1024, .max = 1 << 30,
            .help = "Most text that one file may hold."),
    PB_INT(struct data, max_blocks, .def = "200000", .min = 1, .max = 10000000,
           .help = "Most blocks (records, groups of rows) that one file may hold."),
    PB_INT(struct data, depth, .def = "100", .min = 1, .max = 500,
           .help = "How deep values and elements may be nested."),
    PB_INT(struct data, rows, .def = "20", .min = 1, .max = 10000,
           .help = "Most rows of a table in one block; the header stands on top of each."),
    PB_ENUM(struct data, header, .values = PB_VALUES("auto", "yes", "no"), .def = "auto",
            .help = "Is the first row of a CSV file its header? auto: when it holds no numbers."),
    PB_END,
};

enum { NONE, CSV, TSV, JSON, XML };

static int kind_of(const pb_blob *blob)
{
    static const struct {
        const char *type;
        int kind;
    } known[] = {
        {"text/csv", CSV},
        {"application/csv", CSV},
        {"text/tab-separated-values", TSV},
        {"application/json", JSON},
        {"application/x-ndjson", JSON},
        {"application/jsonl", JSON},
        {"application/json-lines", JSON},
        {"text/json", JSON},
        {"application/xml", XML},
        {"text/xml", XML},
    };
    pb_str type = pb_media_bare(blob->type);

    if (!type.size || pb_media_is(type, "application/octet-stream"))
        type = pb_str_of(pb_media_type(blob->bytes, blob->name));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (pb_media_is(type, known[i].type))
            return known[i].kind;
    if (pb_str_ends(type, pb_lit("+json")))
        return JSON;
    return pb_str_ends(type, pb_lit("+xml")) && !pb_media_is(type, "application/xhtml+xml") &&
                   !pb_media_is(type, "image/svg+xml")
               ? XML
               : NONE;
}

static bool data_accepts(void *self, const pb_blob *blob)
{
    (void)self;
    return kind_of(blob) != NONE;
}

/* --- on a helper thread ----------------------------------------------------------------------- */

struct job {
    pb_bytes bytes;
    int kind;
    struct reading reading;
    pb_block_writer writer;
};

void reading_fail(struct reading *reading, int64_t line, const char *format, ...)
{
    int size =
        snprintf(reading->sentence, sizeof reading->sentence, "line %lld: ", (long long)line);
    va_list args;

    va_start(args, format);
    vsnprintf(reading->sentence + size, sizeof reading->sentence - (size_t)size, format, args);
    va_end(args);
    pb_bw_fail(reading->writer, PB_UNPROCESSABLE, reading->sentence);
}

static void read_kind(struct job *job)
{
    if (job->kind == XML)
        xml_read(&job->reading);
    else if (job->kind == JSON)
        json_read(&job->reading);
    else
        csv_read(&job->reading, job->kind == TSV ? '\t' : 0);
}

static pb_status read_data(void *arg)
{
    struct job *job = arg;
    size_t mark;
    int32_t encoding = pb_media_encoding(job->bytes, &mark);
    char *converted = NULL;

    if (job->kind == XML) /* Expat sees to that */
        mark = 0, encoding = PB_ENCODING_UTF8;
    job->reading.text = pb_str_make((const char *)job->bytes.data + mark, job->bytes.size - mark);
    if (encoding != PB_ENCODING_UTF8) {
        converted = malloc(3 * job->bytes.size);
        if (!converted) {
            pb_bw_fail(&job->writer, PB_NO_MEMORY, "out of memory");
            return PB_NO_MEMORY;
        }
        job->reading.text =
            pb_str_make(converted, pb_media_utf8(job->bytes, encoding, mark, converted));
    }
    read_kind(job);
    free(converted);
    return pb_bw_status(&job->writer);
}

static pb_status data_extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    const struct data *data = self;
    struct job job = {.bytes = blob->bytes,
                      .kind = kind_of(blob),
                      .writer =
                          pb_block_writer_make((size_t)data->max_text, (size_t)data->max_blocks)};

    job.reading = (struct reading){.options = data, .writer = &job.writer};
    if (job.kind == NONE)
        return pb_fail(PB_UNSUPPORTED, "it is neither CSV nor JSON nor XML");
    if (!blob->bytes.size)
        return PB_OK;
    pb_status status = pb_offload(read_data, &job);
    return pb_bw_finish(&job.writer, status, out);
}

PB_PLUGIN("data", "0.1.0", "Apache-2.0", "Reads CSV, JSON and XML.",
          PB_EXTRACTOR("data", struct data, data_options, .accepts = data_accepts,
                       .extract = data_extract));
