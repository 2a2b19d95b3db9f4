/* plugin.c - the two components: the service that keeps documents, the retriever that finds in
 * them. */
#include "knowledge.h"

static const pb_field configured_fields[] = {
    PB_LIST(struct configured, sources, PB_KIND_REF, .ref = "source", .max_length = 64,
            .help = "Where its documents come from."),
    PB_LIST(struct configured, access, PB_KIND_STR, .max_length = 64,
            .pattern = "public|owner|owner:.+|group:.+",
            .help = "Who sees them: public, owner, owner:<principal>, group:<role>. None: public."),
    PB_LIST(struct configured, tags, PB_KIND_STR, .max_length = 64, .help = "Tags that they get."),
    PB_STR(struct configured, description, .max_length = 1000, .help = "What is in it."),
    PB_END,
};

static const pb_field knowledge_options[] = {
    PB_REF(struct knowledge, database, "database", .required = 1, .help = "Where rows are kept."),
    PB_REF(struct knowledge, blobs, "blob_store", .required = 1, .help = "Where files are kept."),
    PB_REF(struct knowledge, vectors, "vector_store", .required = 1,
           .help = "Where passages are found."),
    PB_STR(struct knowledge, pipeline, .required = 1, .ref = "pipeline",
           .help = "The pipeline that makes a document into passages."),
    PB_MAP_OF(struct knowledge, collections, struct configured, configured_fields,
              .max_length = 1000, .help = "Collections; `documents` is there in any case."),
    PB_REF(struct knowledge, web, "source",
           .help = "The source that fetches documents by their URL (documents.add)."),
    PB_REF(struct knowledge, retriever, "retriever",
           .help = "What knowledge.search asks; else the retriever over the same database."),
    PB_STR(struct knowledge, tenant, .def = "default", .help = "Whose the collections above are."),
    PB_SIZE(struct knowledge, max_document, .def = "50MiB", .min = 1024, .max = 1024.0 * (1 << 20),
            .help = "The longest document."),
    PB_LIST(struct knowledge, types, PB_KIND_STR, .max_length = 64,
            .help = "Types that are taken, by content: application/pdf, text/*. None: all."),
    PB_INT(struct knowledge, parallel, .def = "1", .min = 1, .max = 64,
           .help = "Documents that each worker processes at once."),
    PB_INT(struct knowledge, attempts, .def = "5", .min = 1, .max = 100,
           .help = "How often a job is begun before it has failed."),
    PB_INT(struct knowledge, versions, .def = "5", .min = 1, .max = 1000,
           .help = "Versions of a document whose files are kept."),
    PB_DURATION(struct knowledge, interval, .def = "15m", .min = 1, .max = 30.0 * 86400,
                .help = "How often sources are read whole, beside what they tell by themselves."),
    PB_DURATION(struct knowledge, keep_jobs, .def = "7d", .min = 1, .max = 3650.0 * 86400,
                .help = "How long jobs that ended, and removed documents, are remembered."),
    PB_END,
};

static const pb_field finder_options[] = {
    PB_REF(struct finder, database, "database", .required = 1,
           .help = "That of the service `knowledge`."),
    PB_REF(struct finder, vectors, "vector_store", .required = 1,
           .help = "Where passages are found."),
    PB_REF(struct finder, embedder, "embedder", .required = 1,
           .help = "Embeds questions: the same model as documents were embedded with."),
    PB_ENUM(struct finder, mode, .values = PB_VALUES("vector", "keyword", "hybrid"),
            .def = "hybrid", .help = "By meaning, by words, or both."),
    PB_FLOAT(struct finder, vector_weight, .def = "0.5", .max = 1,
             .help = "Hybrid: the share of the meaning."),
    PB_LIST(struct finder, collections, PB_KIND_STR, .max_length = 64,
            .help = "Only in these collections; none: in all."),
    PB_DURATION(struct finder, count_delay, .def = "10s", .min = 0.1, .max = 3600,
                .help = "How often it is written down which documents were found."),
    PB_END,
};

static void knowledge_check(const void *arg, pb_diagnostics *diagnostics)
{
    const struct knowledge *self = arg;

    for (size_t i = 0; i < self->collections.count; i++) {
        pb_str name = self->collections.keys[i];
        if (!name.size || name.size > 64)
            pb_problem(diagnostics, "collections", "the name of a collection has 1 to 64 bytes");
    }
}

static void knowledge_stop(void *arg)
{
    sources_stop(arg);
    runner_stop(arg);
    keeper_stop(arg);
}

static pb_status knowledge_start(void *arg)
{
    struct knowledge *self = arg;
    pb_status status = schema_open(self->database);

    self->found = pb_pipeline_find(self->pipeline);
    if (status == PB_OK && !self->found)
        status = pb_fail(PB_NOT_FOUND, "there is no pipeline '%.*s'", PB_ARG(self->pipeline));
    if (status == PB_OK)
        status = collections_configure(self);
    if (status == PB_OK)
        status = keeper_start(self);
    if (status == PB_OK)
        status = runner_start(self);
    if (status == PB_OK)
        status = sources_start(self);
    if (status == PB_OK)
        return PB_OK;
    pb_str why = pb_copy(pb_error_last()->sentence); /* the tasks that began have an end of their own */
    knowledge_stop(self);
    return pb_fail(status, "%.*s", PB_ARG(why));
}

PB_PLUGIN("knowledge", "0.1.0", "Apache-2.0", "Keeps documents, and finds what stands in them.",
          PB_SERVICE("knowledge", struct knowledge, knowledge_options,
                     .operations = knowledge_operations, .check = knowledge_check,
                     .start = knowledge_start, .stop = knowledge_stop),
          PB_RETRIEVER("knowledge", struct finder, finder_options, .start = finder_start,
                       .stop = finder_stop, .retrieve = finder_retrieve,
                       .surround = finder_surround, .version = finder_version));
