/* html - reads pages of the web into blocks: their content, without what stands around it.
 *
 * Reading is done on a helper thread. A page that consists of nothing but navigation is read a
 * second time, as it is.
 */
#include "html.h"

#include <libxml/parser.h>

static const pb_field html_options[] = {
    PB_SIZE(struct html, max_text, .def = "16MiB", .min = 1024, .max = 1 << 30,
            .help = "Most text that one page may hold."),
    PB_INT(struct html, max_blocks, .def = "200000", .min = 1, .max = 10000000,
           .help = "Most blocks (paragraphs, headings, items) that one page may hold."),
    PB_INT(struct html, depth, .def = "1000", .min = 16, .max = 100000,
           .help = "How deep elements may be nested."),
    PB_DURATION(struct html, time, .def = "20s", .min = 0.01, .max = 3600,
                .help = "Most processor time that one page may take."),
    PB_LIST(struct html, drop, PB_KIND_STR,
            .help = "Classes and ids of elements that are left out, besides the usual ones."),
    PB_BOOL(struct html, whole, .def = "false",
            .help = "Keep what stands around the content: navigation, header, footer."),
    PB_END,
};

static bool html_accepts(void *self, const pb_blob *blob)
{
    pb_str type = blob->type;

    (void)self;
    if (!type.size || pb_media_is(type, "application/octet-stream"))
        type = pb_str_of(pb_media_type(blob->bytes, blob->name));
    return pb_media_is(type, "text/html") || pb_media_is(type, "application/xhtml+xml");
}

struct job {
    const struct html *options;
    const pb_blob *blob;
    pb_block_writer writer;
};

static pb_status read_page(void *arg)
{
    struct job *job = arg;
    size_t size = 0;
    char *text = charset_convert(job->blob->bytes, job->blob->type, &size);
    struct reader reader = {
        .options = job->options, .writer = &job->writer, .keep_all = job->options->whole};

    if (!text) {
        pb_bw_fail(&job->writer, PB_NO_MEMORY, "out of memory");
        return PB_NO_MEMORY;
    }
    pb_status status = html_parse(&reader, pb_str_make(text, size));
    if (status == PB_OK && job->writer.count == 0 && !reader.keep_all) {
        pb_bw_free(&job->writer);
        job->writer =
            pb_block_writer_make((size_t)job->options->max_text, (size_t)job->options->max_blocks);
        reader = (struct reader){.options = job->options, .writer = &job->writer, .keep_all = true};
        status = html_parse(&reader, pb_str_make(text, size));
    }
    free(text);
    return status;
}

static pb_status html_extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    const struct html *html = self;
    struct job job = {.options = html,
                      .blob = blob,
                      .writer =
                          pb_block_writer_make((size_t)html->max_text, (size_t)html->max_blocks)};

    if (!blob->bytes.size)
        return PB_OK;
    pb_status status = pb_offload(read_page, &job);
    return pb_bw_finish(&job.writer, status, out);
}

static pb_status html_create(void *self)
{
    (void)self;
    xmlInitParser(); /* its tables, before helper threads use them */
    return PB_OK;
}

PB_PLUGIN("html", "0.1.0", "Apache-2.0", "Reads pages of the web.",
          PB_EXTRACTOR("html", struct html, html_options, .create = html_create,
                       .accepts = html_accepts, .extract = html_extract));
