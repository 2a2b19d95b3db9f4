/* pdf.c - the extractor for PDF: poppler's programs, confined, then layout on a helper thread.
 *
 * pdfinfo says how many pages there are; pdftohtml prints some of them at a time, so that neither a
 * pipe nor this process ever holds a whole book of them. */
#include "pages.h"

#include <patchbay/media.h>
#include <patchbay/process.h>

enum { AT_A_TIME = 100, OUTPUT_MOST = 64 << 20 };
#define ZOOM "3" /* sizes of fonts are whole numbers: points times this */

struct pdf {
    int64_t max_text, max_memory, max_pages, memory;
    pb_duration time;
    bool missing; /* the programs, when it was last looked for them */
};

static const pb_field pdf_options[] = {
    PB_SIZE(struct pdf, max_text, .def = "16MiB", .min = 1024, .max = 1 << 30,
            .help = "The most text that one file may give."),
    PB_INT(struct pdf, max_pages, .def = "20000", .min = 1, .max = 1000000,
           .help = "The most pages that it may have."),
    PB_SIZE(struct pdf, max_memory, .def = "256MiB", .min = 1 << 20, .max = 1e11,
            .help = "The most memory of this process that reading one file may hold."),
    PB_SIZE(struct pdf, memory, .def = "512MiB", .min = 64 << 20, .max = 1e11,
            .help = "The most memory that a program that reads pages may take."),
    PB_DURATION(struct pdf, time, .def = "60s", .min = 0.1, .max = 3600,
                .help = "The longest that a program may take for 100 pages."),
    PB_END,
};

static bool accepts(void *self, const pb_blob *blob)
{
    (void)self;
    return pb_str_same(pb_str_slice(blob->type, 0, pb_str_find(blob->type, ';')),
                       pb_lit("application/pdf")) ||
           strcmp(pb_media_type(blob->bytes, blob->name), "application/pdf") == 0;
}

/* --- the programs -------------------------------------------------------------------------------
 */

static pb_status absent(void)
{
    return pb_fail(PB_UNAVAILABLE, "PDF files cannot be read here: 'pdfinfo' and 'pdftohtml' are "
                                   "missing; the Debian package poppler-utils has them");
}

/* What a program's end means for the file. */
static pb_status judge(const struct pdf *pdf, const pb_process_result *result)
{
    if (result->signal)
        return pb_fail(PB_UNPROCESSABLE,
                       "the file cannot be read: a program for PDF ended by signal %d, or needs "
                       "more than the %lld MiB of 'memory'",
                       (int)result->signal, (long long)(pdf->memory >> 20));
    if (result->code == 0)
        return PB_OK;
    if (pb_str_contains(result->complaint, pb_lit("password")))
        return pb_fail(PB_UNPROCESSABLE,
                       "the file cannot be read: it is encrypted; save it without a password");
    if (pb_str_contains(result->complaint, pb_lit("not allowed")))
        return pb_fail(PB_UNPROCESSABLE,
                       "the file cannot be read: its author does not allow to copy text");
    if (pb_str_contains(result->complaint, pb_lit("last page (0)")))
        return pb_fail(PB_UNPROCESSABLE, "the file cannot be read: it has no pages");
    if (pb_str_contains(result->complaint, pb_lit("memory")))
        return pb_fail(PB_UNPROCESSABLE,
                       "the file cannot be read: it needs more than the %lld MiB of 'memory'",
                       (long long)(pdf->memory >> 20));
    return pb_fail(PB_UNPROCESSABLE, "the file cannot be read: it is damaged, or no PDF");
}

static pb_status run(const struct pdf *pdf, const pb_blob *blob, const char *const *argv,
                     pb_process_result *out)
{
    pb_process_spec spec = {.size = (uint32_t)sizeof spec,
                            .confined = 1,
                            .argv = argv,
                            .input = blob->bytes,
                            .max_output = OUTPUT_MOST,
                            .memory = (size_t)pdf->memory,
                            .time = pdf->time};
    pb_duration began = pb_monotonic();
    pb_status status = pb_process_run(&spec, out);

    if (status == PB_NOT_FOUND)
        return absent();
    if (status == PB_TIMEOUT && pb_monotonic() - began >= pdf->time) {
        pb_error_clear(); /* its own time, not a deadline of the turn: another try ends the same */
        return pb_fail(PB_TOO_LARGE,
                       "the file cannot be read: a hundred pages take longer than 'time'");
    }
    if (status == PB_TOO_LARGE)
        return pb_fail(PB_TOO_LARGE, "the file cannot be read: a hundred pages of it have more "
                                     "than 64 MiB of text");
    return status == PB_OK ? judge(pdf, out) : status;
}

/* --- what it says about itself ------------------------------------------------------------------
 */

/* The rest of the line that begins so, or absent. */
static pb_str field(pb_str info, const char *name)
{
    while (info.size) {
        pb_str line = pb_str_slice(info, 0, pb_str_find(info, '\n'));
        info = pb_str_slice(info, line.size + 1, info.size);
        if (pb_str_starts(line, pb_str_of(name)))
            return pb_str_trim(pb_str_slice(line, strlen(name), line.size));
    }
    return pb_str_make(NULL, 0);
}

static void add_field(pb_json *metadata, const char *name, pb_str value)
{
    size_t size = value.size < 1000 ? value.size : 1000;

    while (size && size < value.size && ((unsigned char)value.data[size] & 0xC0) == 0x80)
        size--;
    if (size)
        (void)pb_json_add(metadata, pb_str_of(name),
                          pb_json_string(pb_copy(pb_str_make(value.data, size))));
}

/* Reads pdfinfo's words into `out`; the count of pages. */
static pb_status read_info(const struct pdf *pdf, const pb_blob *blob, pb_blocks *out,
                           int64_t *pages)
{
    static const char *const argv[] = {"pdfinfo", "-enc", "UTF-8", "-isodates", "-", NULL};
    pb_process_result result;
    pb_status status = run(pdf, blob, argv, &result);

    if (status != PB_OK)
        return status;
    pb_json *metadata = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));
    if (!metadata)
        return PB_NO_MEMORY;
    pb_str count = field(result.output, "Pages:"), title = field(result.output, "Title:");
    *pages = 0;
    for (size_t i = 0; i < count.size && i < 9 && count.data[i] >= '0' && count.data[i] <= '9'; i++)
        *pages = *pages * 10 + (count.data[i] - '0');
    if (*pages == 0)
        return pb_fail(PB_UNPROCESSABLE, "the file cannot be read: it has no pages");
    if (*pages > pdf->max_pages)
        return pb_fail(PB_TOO_LARGE,
                       "the file cannot be read: it has %lld pages, 'max_pages' allows %lld",
                       (long long)*pages, (long long)pdf->max_pages);
    out->title = title.size ? pb_copy(pb_str_slice(title, 0, 1000)) : pb_str_make(NULL, 0);
    add_field(metadata, "author", field(result.output, "Author:"));
    add_field(metadata, "subject", field(result.output, "Subject:"));
    add_field(metadata, "keywords", field(result.output, "Keywords:"));
    add_field(metadata, "created", field(result.output, "CreationDate:"));
    add_field(metadata, "modified", field(result.output, "ModDate:"));
    (void)pb_json_add(metadata, pb_lit("pages"), pb_json_number((double)*pages));
    out->metadata = metadata;
    return PB_OK;
}

/* --- pages --------------------------------------------------------------------------------------
 */

struct parsing {
    struct pages *pages;
    pb_str output;
};

static pb_status parse(void *arg)
{
    struct parsing *parsing = arg;

    return pages_parse(parsing->pages, parsing->output);
}

static pb_status layout(void *arg)
{
    struct pages *pages = arg;

    (void)pages_drop_repeated(pages);
    return pages_layout(pages);
}

static pb_status read_some(const struct pdf *pdf, const pb_blob *blob, struct pages *pages,
                           int64_t from)
{
    char first[24], last[24];
    const char *const argv[] = {"pdftohtml", "-xml", "-i",      "-q",    "-hidden", "-fontfullname",
                                "-zoom",     ZOOM,   "-enc",    "UTF-8", "-f",      first,
                                "-l",        last,   "-stdout", "-",     "out",     NULL};
    pb_process_result result;
    struct parsing parsing = {.pages = pages};

    (void)snprintf(first, sizeof first, "%lld", (long long)from);
    (void)snprintf(last, sizeof last, "%lld", (long long)(from + AT_A_TIME - 1));
    pb_status status = run(pdf, blob, argv, &result);
    parsing.output = result.output;
    return status == PB_OK ? pb_offload(parse, &parsing) : status;
}

static pb_status read_pages(const struct pdf *pdf, const pb_blob *blob, struct pages *pages,
                            int64_t count)
{
    pb_status status = PB_OK;

    for (int64_t from = 1; from <= count && status == PB_OK; from += AT_A_TIME) {
        pb_scope *scope = pb_scope_begin(); /* what the program printed */
        status = read_some(pdf, blob, pages, from);
        pb_scope_end(scope);
    }
    if (status == PB_OK)
        status = pb_offload(layout, pages);
    if (pages->status != PB_OK)
        status = pb_fail(pages->status, "the file cannot be read: %s", pages->sentence);
    if (status == PB_OK && !pages->leaves.count)
        status = pb_fail(PB_UNPROCESSABLE,
                         "the file has no text; it is probably scanned: run OCR on it first");
    return status;
}

/* Into the running scope, with a step for the others after every megabyte. */
static pb_status copy_blocks(const struct pages *pages, pb_blocks *out)
{
    enum { PIECE = 1 << 20 };
    size_t size = pages->out.count, count = pages->leaves.count;
    char *text = pb_alloc(size + 1);
    pb_block *blocks = PB_NEW_ARRAY(pb_block, count);
    const pb_block **items = PB_NEW_ARRAY(const pb_block *, count);
    pb_status status = PB_OK;

    if (!text || !blocks || !items)
        return PB_NO_MEMORY;
    for (size_t at = 0; at < size && status == PB_OK; at += PIECE) {
        memcpy(text + at, (const char *)pages->out.items + at,
               size - at < PIECE ? size - at : PIECE);
        status = pb_step();
    }
    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const struct leaf *leaf = (const struct leaf *)pages->leaves.items + i;
        blocks[i] = (pb_block){.size = (uint32_t)sizeof(pb_block),
                               .type = leaf->type,
                               .level = leaf->level,
                               .page = leaf->page,
                               .text = pb_str_make(text + leaf->offset, leaf->size)};
        items[i] = &blocks[i];
        if (i % 4096 == 4095)
            status = pb_step();
    }
    out->items = items;
    out->count = count;
    return status;
}

/* Without a title of its own: what it begins with, when that is a heading. */
static void guess_title(pb_blocks *out)
{
    if (!out->title.size && out->count && out->items[0]->type == PB_BLOCK_HEADING)
        out->title = out->items[0]->text;
}

static pb_status extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    const struct pdf *pdf = self;
    struct pages pages = {.max_text = (size_t)pdf->max_text, .max_memory = (size_t)pdf->max_memory};
    int64_t count = 0;
    pb_status status = read_info(pdf, blob, out, &count);

    if (status == PB_OK)
        status = read_pages(pdf, blob, &pages, count);
    if (status == PB_OK)
        status = copy_blocks(&pages, out);
    if (status == PB_OK)
        guess_title(out);
    pages_fini(&pages);
    return status;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static pb_status look_for_programs(struct pdf *pdf)
{
    static const char *const argv[] = {"pdftohtml", "-v", NULL};
    pb_process_spec spec = {.size = (uint32_t)sizeof spec,
                            .confined = 1,
                            .argv = argv,
                            .max_output = 65536,
                            .time = 10 * PB_SECOND};
    pb_process_result result;
    pb_scope *scope = pb_scope_begin();
    pb_status status = pb_process_run(&spec, &result);

    pb_scope_end(scope);
    pdf->missing = status == PB_NOT_FOUND;
    if (pdf->missing)
        return absent();
    return status;
}

static pb_status start(void *self)
{
    pb_status status = look_for_programs(self);

    if (status == PB_CANCELLED)
        return status;
    if (status != PB_OK)
        pb_log(PB_WARN, "%.*s", PB_ARG(pb_error_last()->sentence));
    pb_error_clear(); /* everything else works without */
    return PB_OK;
}

static pb_status health(void *self)
{
    struct pdf *pdf = self;

    return pdf->missing ? look_for_programs(pdf) : (pb_status)PB_OK;
}

PB_PLUGIN("pdf", "0.1.0", "Apache-2.0", "Reads PDF files with poppler's programs, confined.",
          PB_EXTRACTOR("pdf", struct pdf, pdf_options, .start = start, .health = health,
                       .accepts = accepts, .extract = extract));
