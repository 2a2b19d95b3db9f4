/* embed - the stage that gives each passage its vector, in batches. What is embedded has the title
 * and the headings in front of it, so that a passage is found by what it is about too. */
#include "ingest.h"

const pb_field embed_options[] = {
    PB_REF(struct embed, embedder, "embedder", .required = 1, .help = "What makes the vectors."),
    PB_INT(struct embed, batch, .def = "64", .min = 1, .max = 2048,
           .help = "Passages in one call of the embedder."),
    PB_BOOL(struct embed, context, .def = "true",
            .help = "The title and the headings above a passage are embedded with it."),
    PB_END,
};

/* Title, headings and text; the title only where the headings do not begin with it. */
static pb_str with_context(const pb_document *document, const pb_passage *passage)
{
    pb_str heading = passage->heading, title = document->title;
    bool again = title.size && pb_str_same(pb_str_slice(heading, 0, title.size), title);

    if (!title.size || again)
        return heading.size ? pb_printf("%.*s\n\n%.*s", PB_ARG(heading), PB_ARG(passage->text))
                            : passage->text;
    return pb_printf("%.*s%s%.*s\n\n%.*s", PB_ARG(title), heading.size ? " > " : "",
                     PB_ARG(heading), PB_ARG(passage->text));
}

static pb_status embed_batch(const struct embed *embed, const pb_document *document, size_t from,
                             float *out)
{
    size_t left = document->chunk_count - from;
    size_t count = left < (size_t)embed->batch ? left : (size_t)embed->batch;
    pb_scope *scope = pb_scope_begin();
    pb_str *texts = PB_NEW_ARRAY(pb_str, count);
    pb_status status = texts ? (pb_status)PB_OK : (pb_status)PB_NO_MEMORY;

    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const pb_passage *passage = document->chunks[from + i];
        texts[i] = embed->context ? with_context(document, passage) : passage->text;
        status = texts[i].data ? pb_step() : (pb_status)PB_NO_MEMORY;
    }
    if (status == PB_OK)
        status = pb_embed(embed->embedder, PB_EMBED_DOCUMENT, texts, count, out);
    pb_scope_end(scope);
    return status;
}

pb_status embed_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct embed *embed = self;
    size_t dimensions = pb_embed_dimensions(embed->embedder);
    pb_document *document;
    pb_status status = ingest_document(turn, "embed", &document);

    if (status != PB_OK)
        return status;
    if (!document->chunk_count)
        return pb_fail(PB_INVALID, "there are no passages to embed: put 'chunk' before 'embed'");
    if (document->chunk_count > SIZE_MAX / sizeof(float) / (dimensions + 1))
        return PB_NO_MEMORY;
    float *vectors = PB_NEW_ARRAY(float, document->chunk_count *dimensions);
    if (!vectors)
        return PB_NO_MEMORY;
    for (size_t at = 0; at < document->chunk_count && status == PB_OK; at += (size_t)embed->batch) {
        status =
            pb_document_progress(document, "embedding", (double)at / (double)document->chunk_count);
        if (status == PB_OK)
            status = embed_batch(embed, document, at, vectors + at * dimensions);
    }
    if (status == PB_OK)
        status = pb_document_progress(document, "embedding", 1);
    document->vectors = vectors;
    document->dimensions = (uint32_t)dimensions;
    document->model = pb_embed_model(embed->embedder);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}
