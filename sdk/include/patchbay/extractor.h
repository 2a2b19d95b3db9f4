/* extractor.h - a file to text and structure. */
#ifndef PATCHBAY_EXTRACTOR_H
#define PATCHBAY_EXTRACTOR_H

#include <patchbay/json.h>
#include <patchbay/plugin.h>

#define PB_EXTRACTOR_REVISION 1

/* The file. Borrowed until the call returns. */
struct pb_blob {
    uint32_t size;
    uint32_t reserved;
    pb_str type; /* "application/pdf"; absent: judge by name and content */
    pb_str name; /* "manual.pdf", or absent */
    pb_bytes bytes;
};

enum {
    PB_BLOCK_TEXT = 0,
    PB_BLOCK_HEADING = 1,
    PB_BLOCK_LIST_ITEM = 2,
    PB_BLOCK_TABLE = 3, /* text: rows by newline, cells by tab */
    PB_BLOCK_CODE = 4,
};

/* One block of text, in reading order. */
struct pb_block {
    uint32_t size;
    int32_t type;  /* PB_BLOCK_… */
    int32_t level; /* of a heading, from 1; of a list item */
    int32_t page;  /* from 1; 0: none */
    int64_t line;  /* first line in the file, from 1; 0: not known */
    int64_t lines;
    pb_str text;   /* UTF-8, without control characters but newline and tab */
};

struct pb_blocks {
    uint32_t size;
    uint32_t reserved;
    const pb_block *const *items;
    size_t count;
    pb_str title; /* of the document, or absent */
    const pb_json *metadata; /* author, language, …: an object, or NULL */
};

/* The interface; both are required.
 * accepts  can it read this? By type, name and first bytes. Does not park.
 * extract  fills `out` (size is set, the rest zero) in the running scope. May park: heavy work goes
 *          through pb_offload. PB_UNPROCESSABLE: damaged, encrypted, or not what it says it is;
 *          PB_TOO_LARGE: it unfolds to more than the extractor's limits. */
typedef struct pb_extractor {
    PB_LIFECYCLE
    bool (*accepts)(void *self, const pb_blob *blob);
    pb_status (*extract)(void *self, const pb_blob *blob, pb_blocks *out);
} pb_extractor;

/* PB_EXTRACTOR("pdf", struct pdf, pdf_options, .accepts = …, .extract = …) */
#define PB_EXTRACTOR(name, owner, options, ...)                                                    \
    PB_COMPONENT(pb_extractor, "extractor", 1, name, owner, options, __VA_ARGS__)

/* --- for those that use one; `extractor` is an option of kind PB_KIND_REF ---------------------- */

static inline bool pb_extractor_accepts(pb_instance *extractor, const pb_blob *blob)
{
    return PB_CALL(extractor_accepts)(extractor, blob);
}

/* Parks. */
static inline pb_status pb_extract(pb_instance *extractor, const pb_blob *blob, pb_blocks *out)
{
    return PB_CALL(extract)(extractor, blob, out);
}

#endif
