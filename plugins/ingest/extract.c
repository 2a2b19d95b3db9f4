/* extract - the stage that turns the file into blocks of text, by the first extractor that takes
 * it. */
#include "ingest.h"

const pb_field extract_options[] = {
    PB_LIST(struct extract, extractors, PB_KIND_REF, .ref = "extractor", .required = 1,
            .max_length = 32,
            .help = "Tried in this order; the first that accepts the file reads it."),
    PB_END,
};

void extract_check(const void *self, pb_diagnostics *diagnostics)
{
    if (!((const struct extract *)self)->extractors.count)
        pb_problem(diagnostics, "extractors", "name at least one extractor");
}

static pb_status nobody(const struct extract *extract, const pb_document *document)
{
    pb_buf names = {0};

    for (size_t i = 0; i < extract->extractors.count; i++) {
        pb_str name = pb_instance_name(PB_ITEM(extract->extractors, pb_instance *, i));
        pb_buf_printf(&names, "%s%.*s", i ? ", " : "", PB_ARG(name));
    }
    return pb_fail(PB_UNSUPPORTED, "no extractor reads '%.*s'; configured: %.*s",
                   PB_ARG(document->type.size ? document->type : pb_lit("a file of unknown type")),
                   PB_ARG(pb_buf_str(&names)));
}

/* Fields of both; those that whoever brought the document gave win. */
static pb_status merge(pb_document *document, const pb_json *more)
{
    pb_json *object = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    const pb_json *own = document->metadata ? document->metadata->child : NULL;

    if (!more || !more->count)
        return PB_OK;
    for (; own; own = own->next)
        (void)pb_json_add_copy(object, own->key, own);
    for (const pb_json *at = more->child; at; at = at->next)
        if (!pb_json_member(document->metadata, at->key))
            (void)pb_json_add_copy(object, at->key, at);
    if (!object || !object->count)
        return PB_NO_MEMORY;
    document->metadata = object;
    return PB_OK;
}

static bool any_text(const pb_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++)
        if (pb_str_trim(blocks->items[i]->text).size)
            return true;
    return false;
}

static pb_status read_document(const struct extract *extract, pb_document *document)
{
    const pb_blob blob = {.size = sizeof blob,
                          .type = document->type,
                          .name = document->name,
                          .bytes = document->bytes};
    pb_blocks blocks = {.size = sizeof blocks};
    pb_status status = PB_UNSUPPORTED;

    for (size_t i = 0; i < extract->extractors.count && status == PB_UNSUPPORTED; i++) {
        pb_instance *extractor = PB_ITEM(extract->extractors, pb_instance *, i);
        if (!pb_extractor_accepts(extractor, &blob))
            continue;
        pb_error_clear();
        status = pb_extract(extractor, &blob, &blocks);
    }
    if (status == PB_UNSUPPORTED)
        return nobody(extract, document);
    if (status != PB_OK)
        return status;
    if (!any_text(&blocks))
        return pb_fail(PB_UNPROCESSABLE, "there is no text in it");
    document->blocks = blocks.items;
    document->block_count = blocks.count;
    if (blocks.title.size)
        document->title = blocks.title;
    return merge(document, blocks.metadata);
}

pb_status extract_run(void *self, pb_turn *turn, const pb_next *next)
{
    pb_document *document;
    pb_status status = ingest_document(turn, "extract", &document);

    if (status == PB_OK)
        status = pb_document_progress(document, "extracting", 0);
    if (status == PB_OK)
        status = read_document(self, document);
    if (status == PB_OK)
        status = pb_document_progress(document, "extracting", 1);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}
