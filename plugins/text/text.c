/* text - reads plain text, source code and Markdown into blocks.
 *
 * What a text is: its type, and for "text/plain" its name. The reading is done on a helper thread.
 */
#include "text.h"

static const pb_field text_options[] = {
    PB_SIZE(struct text, max_text, .def = "16MiB", .min = 1024, .max = 1 << 30,
            .help = "Most text that one file may hold."),
    PB_INT(struct text, max_blocks, .def = "200000", .min = 1, .max = 10000000,
           .help = "Most blocks (paragraphs, headings, items) that one file may hold."),
    PB_END,
};

enum { PLAIN, MARKDOWN, CODE };

static bool has_end(pb_str name, const char *const *ends)
{
    for (; *ends; ends++) {
        size_t size = strlen(*ends);
        if (name.size > size &&
            pb_str_same(pb_str_slice(name, name.size - size, size), pb_str_of(*ends)))
            return true;
    }
    return false;
}

static int kind_of(pb_str type, pb_str name)
{
    static const char *const markdown[] = {".md", ".markdown", ".mdown", NULL};
    static const char *const code[] = {
        ".c",    ".h",   ".cc",    ".cpp", ".hpp",   ".cs",   ".go",    ".java", ".js",
        ".jsx",  ".ts",  ".tsx",   ".py",  ".rb",    ".rs",   ".php",   ".pl",   ".sh",
        ".bash", ".sql", ".yaml",  ".yml", ".toml",  ".ini",  ".cfg",   ".conf", ".cmake",
        ".css",  ".lua", ".swift", ".kt",  ".scala", ".diff", ".patch", NULL};

    if (pb_media_is(type, "text/markdown") || has_end(name, markdown))
        return MARKDOWN;
    return pb_media_is(type, "application/yaml") || has_end(name, code) ? CODE : PLAIN;
}

static pb_str type_of(const pb_blob *blob)
{
    if (blob->type.size && !pb_media_is(blob->type, "application/octet-stream"))
        return pb_media_bare(blob->type);
    return pb_str_of(pb_media_type(blob->bytes, blob->name));
}

static bool text_accepts(void *self, const pb_blob *blob)
{
    static const char *const others[] = {"text/html", "text/csv", "text/tab-separated-values",
                                         "text/xml",  "text/rtf", NULL};
    pb_str type = type_of(blob);

    (void)self;
    if (pb_media_is(type, "application/yaml"))
        return true;
    if (!pb_str_same(pb_str_slice(type, 0, 5), pb_lit("text/")))
        return false;
    for (const char *const *other = others; *other; other++)
        if (pb_media_is(type, *other))
            return false;
    return true;
}

/* --- on a helper thread ----------------------------------------------------------------------- */

struct job {
    pb_bytes bytes;
    int kind;
    pb_block_writer writer;
};

static void read_kind(struct job *job, pb_str text)
{
    if (job->kind == MARKDOWN)
        markdown_read(&job->writer, text);
    else
        plain_read(&job->writer, text, job->kind == CODE);
}

static pb_status read_text(void *arg)
{
    struct job *job = arg;
    size_t mark;
    int32_t encoding = pb_media_encoding(job->bytes, &mark);
    pb_str text = pb_str_make((const char *)job->bytes.data + mark, job->bytes.size - mark);
    char *converted = NULL;

    if (encoding != PB_ENCODING_UTF8) {
        converted = malloc(3 * job->bytes.size);
        if (!converted) {
            pb_bw_fail(&job->writer, PB_NO_MEMORY, "out of memory");
            return PB_NO_MEMORY;
        }
        text = pb_str_make(converted, pb_media_utf8(job->bytes, encoding, mark, converted));
    }
    read_kind(job, text);
    free(converted);
    return pb_bw_status(&job->writer);
}

static pb_status text_extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    const struct text *text = self;
    struct job job = {.bytes = blob->bytes,
                      .kind = kind_of(type_of(blob), blob->name),
                      .writer =
                          pb_block_writer_make((size_t)text->max_text, (size_t)text->max_blocks)};

    if (!blob->bytes.size)
        return PB_OK;
    if (!pb_media_is_text(blob->bytes))
        return pb_fail(PB_UNPROCESSABLE, "it is not text");
    pb_status status = pb_offload(read_text, &job);
    return pb_bw_finish(&job.writer, status, out);
}

PB_PLUGIN("text", "0.1.0", "Apache-2.0", "Reads plain text, source code and Markdown.",
          PB_EXTRACTOR("text", struct text, text_options, .accepts = text_accepts,
                       .extract = text_extract));
