/* office.c - the extractor for files of office programs and e-books.
 *
 * A file is read on a helper thread (office_read); what came of it is then copied into the running
 * scope, with a step for the others after every megabyte. */
#include "office.h"

#include <patchbay/extractor.h>
#include <patchbay/media.h>

struct office {
    int64_t max_text, max_unfolded, max_memory, max_parts, max_ratio;
};

static const pb_field office_options[] = {
    PB_SIZE(struct office, max_text, .def = "16MiB", .min = 1024, .max = 1 << 30,
            .help = "The most text that one file may give."),
    PB_SIZE(struct office, max_unfolded, .def = "512MiB", .min = 1024, .max = 1e12,
            .help = "The most that all parts of its archive may unfold to."),
    PB_INT(struct office, max_ratio, .def = "500", .min = 10, .max = 2000,
           .help = "How many times its packed size a part may unfold to, beyond its first MiB."),
    PB_INT(struct office, max_parts, .def = "50000", .min = 10, .max = 65534,
           .help = "The most parts that its archive may have."),
    PB_SIZE(struct office, max_memory, .def = "128MiB", .min = 1 << 20, .max = 1e11,
            .help = "The most memory that reading one file may hold."),
    PB_END,
};

/* --- which files ------------------------------------------------------------------------------ */

static const char *const types[] = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
    "application/vnd.openxmlformats-officedocument.presentationml.template",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    "application/vnd.ms-word.document.macroenabled.12",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "application/vnd.oasis.opendocument.text",
    "application/vnd.oasis.opendocument.text-template",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.presentation",
    "application/epub+zip",
    "application/rtf",
    "text/rtf",
    NULL};

static const char *const endings[] = {".docx", ".docm", ".dotx", ".pptx", ".pptm", ".ppsx",
                                      ".xlsx", ".xlsm", ".xltx", ".odt",  ".ott",  ".ods",
                                      ".odp",  ".epub", ".rtf",  NULL};

static bool is_ours(pb_str type)
{
    int i = 0;

    while (types[i] && !pb_str_same(type, pb_str_of(types[i])))
        i++;
    return types[i] != NULL;
}

static bool has_ending(pb_str name)
{
    for (int i = 0; endings[i]; i++) {
        size_t size = strlen(endings[i]);
        if (name.size > size &&
            pb_str_same(pb_str_slice(name, name.size - size, size), pb_str_of(endings[i])))
            return true;
    }
    return false;
}

static bool begins(pb_bytes bytes, const char *with, size_t size)
{
    return bytes.size >= size && memcmp(bytes.data, with, size) == 0;
}

static bool accepts(void *self, const pb_blob *blob)
{
    (void)self;
    pb_str told = pb_str_slice(blob->type, 0, pb_str_find(blob->type, ';'));

    if (is_ours(pb_str_trim(told)) || is_ours(pb_str_of(pb_media_type(blob->bytes, blob->name))))
        return true;
    /* A damaged archive, or a DOCX with a password, which is none: taken, to say so. */
    return has_ending(blob->name) && (begins(blob->bytes, "PK", 2) ||
                                      begins(blob->bytes, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8));
}

/* --- handing over ----------------------------------------------------------------------------- */

static pb_status work(void *arg)
{
    return office_read(arg);
}

/* The text in one piece, copied so that the loop is not held. */
static pb_status copy_text(const struct draft *draft, char **out)
{
    enum { PIECE = 1 << 20 };
    pb_status status = PB_OK;

    *out = pb_alloc(draft->size + 1);
    if (!*out)
        return PB_NO_MEMORY;
    for (size_t at = 0; at < draft->size && status == PB_OK; at += PIECE) {
        memcpy(*out + at, draft->text + at, draft->size - at < PIECE ? draft->size - at : PIECE);
        status = pb_step();
    }
    return status;
}

static int32_t page_of(const struct draft *draft, const struct leaf *leaf)
{
    if (draft->numbered)
        return leaf->page;
    if (draft->page)
        return leaf->page + 1;
    return draft->breaks ? leaf->breaks + 1 : 0;
}

static pb_status copy_blocks(const struct draft *draft, pb_blocks *out)
{
    char *text = NULL;
    pb_status status = copy_text(draft, &text);

    if (status != PB_OK)
        return status;
    pb_block *blocks = PB_NEW_ARRAY(pb_block, draft->count);
    const pb_block **items = PB_NEW_ARRAY(const pb_block *, draft->count);
    if (draft->count && (!blocks || !items))
        return PB_NO_MEMORY;
    for (size_t i = 0; i < draft->count && status == PB_OK; i++) {
        const struct leaf *leaf = &draft->leaves[i];
        blocks[i] = (pb_block){.size = (uint32_t)sizeof(pb_block),
                               .type = leaf->type,
                               .level = leaf->level,
                               .page = page_of(draft, leaf),
                               .text = pb_str_make(text + leaf->offset, leaf->size)};
        items[i] = &blocks[i];
        if (i % 4096 == 4095)
            status = pb_step();
    }
    out->items = items;
    out->count = draft->count;
    return status;
}

static pb_status copy_meta(const struct job *job, pb_blocks *out)
{
    static const char *const names[META_COUNT] = {
        [META_AUTHOR] = "author",     [META_LANGUAGE] = "language",
        [META_SUBJECT] = "subject",   [META_KEYWORDS] = "keywords",
        [META_CREATED] = "created",   [META_DESCRIPTION] = "description",
        [META_MODIFIED] = "modified", [META_PUBLISHER] = "publisher"};
    pb_json *metadata = pb_json_new(PB_JSON_OBJECT, pb_str_make(NULL, 0));

    for (int i = 0; i < META_COUNT; i++)
        if (names[i] && job->meta[i].size &&
            !pb_json_add(metadata, pb_str_of(names[i]), pb_json_string(pb_copy(job->meta[i]))))
            return PB_NO_MEMORY;
    out->title = pb_copy(job->meta[META_TITLE]);
    out->metadata = metadata && metadata->count ? metadata : NULL;
    return metadata ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;
}

static pb_status extract(void *self, const pb_blob *blob, pb_blocks *out)
{
    const struct office *office = self;
    struct job job = {.file = blob->bytes,
                      .limits = {.text = (size_t)office->max_text,
                                 .unfolded = (size_t)office->max_unfolded,
                                 .memory = (size_t)office->max_memory,
                                 .entries = (size_t)office->max_parts,
                                 .ratio = (size_t)office->max_ratio}};
    pb_status status = pb_offload(work, &job);

    if (job.status != PB_OK)
        status = pb_fail(job.status, "the file cannot be read: %s", job.sentence);
    if (status == PB_OK)
        status = copy_blocks(&job.draft, out);
    if (status == PB_OK)
        status = copy_meta(&job, out);
    job_fini(&job);
    return status;
}

PB_PLUGIN("office", "0.1.0", "Apache-2.0",
          "Reads DOCX, PPTX, XLSX, OpenDocument, EPUB and RTF files.",
          PB_EXTRACTOR("office", struct office, office_options, .accepts = accepts,
                       .extract = extract));
