/* embedded - a vector store without a server: texts, metadata and vectors in a SQLite database, and
 * beside it files made from that for fast searching, which all workers share. */
#include "embedded.h"

#include <errno.h>
#include <sys/stat.h>

enum { PATH_LONGEST = 700 };

static const pb_field embedded_options[] = {
    PB_REF(struct store, database, "database", .required = 1,
           .help = "Where everything is kept; one that speaks SQLite."),
    PB_DATA_PATH(struct store, path, .def = "vectors",
                 .help = "Folder for what is made from it; may be deleted while nothing runs."),
    PB_INT(struct store, lists_above, .def = "120000", .min = 0, .max = 1e9,
           .help =
               "From so many vectors in a file on only the nearest lists are searched; 0: always "
               "all."),
    PB_INT(struct store, probes, .def = "0", .min = 0, .max = 4096,
           .help = "How many lists are searched; 0: a fitting share of them."),
    PB_INT(struct store, rescore, .def = "4", .min = 1, .max = 100,
           .help = "So many times top_k are compared again with their float vectors."),
    PB_INT(struct store, fusion, .def = "60", .min = 1, .max = 1000,
           .help = "The constant of reciprocal rank fusion: small favours the first ranks."),
    PB_FLOAT(struct store, k1, .def = "1.2", .min = 0, .max = 10,
             .help = "BM25: how much a word counts that comes again."),
    PB_FLOAT(struct store, b, .def = "0.75", .min = 0, .max = 1,
             .help = "BM25: how much the length of a passage counts."),
    PB_FLOAT(struct store, common, .def = "0.3", .min = 0.01, .max = 1,
             .help =
                 "Words of a query that more than this share of the passages have are left out."),
    PB_BOOL(struct store, stem, .def = "true",
            .help = "English endings are taken off: 'plugins' finds 'plugin'."),
    PB_INT(struct store, tail, .def = "8192", .min = 64, .max = 1e6,
           .help = "So many new passages each worker indexes in its own memory; then they become a "
                   "file."),
    PB_INT(struct store, segment, .def = "1000000", .min = 1000, .max = 1e8,
           .help = "Passages in one file, at most; making one takes twice its size of memory."),
    PB_END,
};

static pb_status make_folder(pb_str path)
{
    char *text = (char *)(uintptr_t)pb_copy(path).data;

    if (!text)
        return PB_NO_MEMORY;
    for (char *at = text + 1;; at++) {
        char here = *at;
        if (here && here != '/')
            continue;
        *at = 0;
        if (mkdir(text, 0700) != 0 && errno != EEXIST)
            return pb_fail(PB_UNAVAILABLE, "the folder %s cannot be made: %s", text,
                           strerror(errno));
        if (!here)
            return PB_OK;
        *at = here;
    }
}

static pb_status embedded_create(void *arg)
{
    struct store *self = arg;

    (void)kernel_best();
    self->folder = pb_printf("%.*s/%.*s", PB_ARG(self->path), PB_ARG(pb_instance_name(NULL)));
    return self->folder.data ? PB_OK : PB_NO_MEMORY;
}

static void embedded_check(const void *arg, pb_diagnostics *diagnostics)
{
    const struct store *self = arg;

    if (self->path.size > PATH_LONGEST)
        pb_problem(diagnostics, "path", "the path is longer than %d bytes", (int)PATH_LONGEST);
}

/* What somebody began to put and never ended. */
static pb_status forget_begun(struct store *self)
{
    struct place nobody = {.tenant = PB_LIT("default")};
    pb_value values[] = {pb_value_int(pb_now() - (pb_time)60 * 60 * 1000)};
    pb_statement statement = about(&nobody, sql_document_forget, values, 1);
    pb_status status = pb_db_run(self->database, &statement, NULL);

    return status == PB_OK ? store_sweep(self, &nobody) : status;
}

static pb_status embedded_start(void *arg)
{
    struct store *self = arg;
    pb_status status = schema_open(self->database);

    if (status == PB_OK)
        status = make_folder(self->folder);
    return status == PB_OK ? forget_begun(self) : status;
}

static void embedded_destroy(void *arg)
{
    index_free_all(arg);
}

static pb_status embedded_health(void *arg)
{
    struct store *self = arg;
    struct stat stat_of;

    if (stat(self->folder.data, &stat_of) != 0)
        return pb_fail(PB_UNAVAILABLE, "the folder %.*s is gone", PB_ARG(self->folder));
    return PB_OK;
}

static void embedded_stats(void *arg, pb_stats *stats)
{
    const struct store *self = arg;
    double rows = 0, vectors = 0, mapped = 0, memory = 0, segments = 0;

    for (const struct index *index = self->indexes; index; index = index->next)
        for (size_t i = 0; index->view && i < index->view->count; i++) {
            const struct segment *segment = index->view->all[i].segment;
            rows += segment->header->rows - index->view->all[i].dead_rows;
            vectors += segment->header->vectors;
            *(segment->mapped ? &mapped : &memory) += (double)segment->bytes;
            segments++;
        }
    pb_stat(stats, "shared_passages", rows);
    pb_stat(stats, "shared_vectors", vectors);
    pb_stat(stats, "shared_file_bytes", mapped);
    pb_stat(stats, "memory_bytes", memory);
    pb_stat(stats, "segments", segments);
    pb_stat(stats, "searches_total", self->figures.searches);
    pb_stat(stats, "puts_total", self->figures.puts);
    pb_stat(stats, "indexed_documents_total", self->figures.built_rows);
    pb_stat(stats, "indexed_bytes_total", self->figures.built_bytes);
    pb_stat(stats, "files_total", self->figures.files);
    pb_stat(stats, "rebuilds_total", self->figures.rebuilds);
}

PB_PLUGIN("embedded", "1.0.0", "Apache-2.0",
          "A vector store in a local database, with keyword and hybrid search.",
          PB_VECTOR_STORE("embedded", struct store, embedded_options, .check = embedded_check,
                          .create = embedded_create, .start = embedded_start,
                          .destroy = embedded_destroy, .health = embedded_health,
                          .stats = embedded_stats, .put = store_put, .search = store_search,
                          .get = store_get, .relabel = store_relabel, .remove = store_remove,
                          .count = store_count));
