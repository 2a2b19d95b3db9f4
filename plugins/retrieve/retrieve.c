/* retrieve - looks for passages of documents that answer the question, and leaves them to the
 * stages behind it: to the model with its request, to templates as the variable `passages`. Sends
 * the sources that the reply cites.
 */
#include "retrieve.h"

static const pb_field retrieve_options[] = {
    PB_REF(struct retrieve, retriever, "retriever", .required = 1, .help = "Who finds passages."),
    PB_REF(struct retrieve, reranker, "reranker",
           .help = "Who orders what was found anew; none: the retriever's order."),
    /* Ten, as by tests/bench/answers the passage that answers is among ten for 0.74 of the
     * questions, and among five for 0.68. */
    PB_INT(struct retrieve, top_k, .def = "10", .min = 1, .max = CITE_MOST,
           .help = "At most so many passages."),
    PB_INT(struct retrieve, candidates, .max = 1000,
           .help = "How many are looked for, to choose from; 0: as many as make sense."),
    PB_ENUM(struct retrieve, mode, .def = "configured",
            .values = PB_VALUES("configured", "vector", "keyword", "hybrid"),
            .help = "By meaning, by words, or both; configured: as the retriever says."),
    PB_FLOAT(struct retrieve, vector_weight, .def = "-1", .min = -1, .max = 1,
             .help = "hybrid: share of the meaning, 0 to 1; below 0: as the retriever says."),
    PB_LIST(struct retrieve, collections, PB_KIND_STR,
            .help = "Only from these; a request may name some of them. None: all there are."),
    PB_JSON(struct retrieve, filter, .help = "Only from documents whose metadata fit."),
    PB_FLOAT(struct retrieve, min_score, .max = 1,
             .help = "Passages that are less relevant, 0 to 1, are left out."),
    PB_INT(struct retrieve, per_document, .max = CITE_MOST,
           .help = "At most so many passages of one document; 0: any number."),
    PB_INT(struct retrieve, neighbours, .max = 50,
           .help = "So many passages before and behind each are joined to it."),
    PB_BOOL(struct retrieve, whole_document, .def = "false",
            .help = "Whole documents instead of passages, those that fit into max_tokens."),
    PB_INT(struct retrieve, max_tokens, .def = "4000", .max = 10000000,
           .help = "At most so many tokens in all; 0: any number."),
    PB_ENUM(struct retrieve, rewrite, .values = PB_VALUES("none", "rules", "model"), .def = "rules",
            .help = "How a question that leans on earlier ones is made to stand alone."),
    PB_REF(struct retrieve, llm, "llm", .help = "rewrite: model: the model to ask."),
    PB_DURATION(struct retrieve, rewrite_timeout, .def = "3s", .min = 0.01, .max = 60,
                .help = "rewrite: model: how long it may take; then the rules do."),
    PB_REF(struct retrieve, cache, "cache", .help = "Where what was found is kept; none: nowhere."),
    PB_DURATION(struct retrieve, ttl, .def = "1m", .min = 1, .max = 7 * 86400.0,
                .help = "How long it is kept."),
    PB_ENUM(struct retrieve, on_failure, .values = PB_VALUES("fail", "continue"), .def = "fail",
            .help = "When nothing can be looked for: the turn fails, or goes on without passages."),
    PB_ENUM(struct retrieve, sources, .values = PB_VALUES("cited", "all", "none"), .def = "cited",
            .help = "Which sources the client gets: those that the reply cites as [1], all, none."),
    PB_END,
};

static pb_status find(struct search *search)
{
    const struct retrieve *stage = search->stage;
    int64_t choice = stage->reranker || stage->per_document || stage->min_score > 0 ? 4 : 1;
    pb_passages found;

    search->request.top_k =
        (uint32_t)(stage->candidates > stage->top_k ? stage->candidates : stage->top_k * choice);
    search->request.mode = stage->mode - 1;
    search->request.vector_weight = stage->vector_weight;
    search->request.vectors = stage->reranker != NULL;
    search->request.query = search->query;
    pb_status status = pb_retrieve(stage->retriever, &search->request, &found);
    if (status != PB_OK)
        return status;
    search->items = PB_NEW_ARRAY(const pb_passage *, found.count + 1);
    if (!search->items)
        return PB_NO_MEMORY;
    if (found.count)
        memcpy(search->items, found.items, found.count * sizeof *found.items);
    search->count = found.count;
    pb_span_note(search->span, pb_lit("found"), pb_printf("%zu", found.count));
    return PB_OK;
}

/* What is kept is what came of it all. */
static pb_status look(struct search *search)
{
    char key[KEPT_KEY + 1];
    pb_status status = kept_get(search, key);

    if (status != PB_NOT_FOUND)
        return status;
    status = find(search);
    if (status == PB_OK)
        status = choose(search);
    if (status == PB_OK)
        status = widen(search);
    if (status == PB_OK)
        status = choose_within(search);
    return status == PB_OK ? kept_set(search, key) : status;
}

static pb_status look_if_asked(struct search *search)
{
    pb_status status = rewrite_question(search);

    if (status == PB_OK)
        status = wish_read(search);
    if (status != PB_OK || !search->query.size)
        return status;
    search->stage->searches++;
    status = look(search);
    if (status == PB_OK)
        search->stage->empty += search->count == 0;
    else
        search->stage->failures++;
    return status;
}

/* May the turn go on without? Not when it is over, nor when the request itself is wrong. */
static bool goes_on(const struct search *search, pb_status status)
{
    return search->stage->on_failure == FAILURE_CONTINUE && status != PB_CANCELLED &&
           status != PB_INVALID && status != PB_TOO_LARGE && !pb_cancelled();
}

static pb_status prepare(struct search *search)
{
    search->span = pb_span_begin(pb_lit("retrieve"), pb_lit("passages"));
    pb_status status = look_if_asked(search);
    if (status == PB_OK)
        status = source_leave(search);
    pb_span_note(search->span, pb_lit("kept"), pb_printf("%zu", search->count));
    if (search->count)
        pb_span_note(search->span, pb_lit("best"),
                     pb_printf("%.3f", relevance_of(search->items[0])));
    pb_span_end(search->span, status);
    if (status == PB_OK || !goes_on(search, status))
        return status;
    pb_log(PB_WARN, "documents cannot be searched (%s: %.*s), the turn goes on without",
           pb_status_name(status), PB_ARG(pb_error_last()->sentence));
    pb_error_clear();
    search->count = 0;
    return pb_step(); /* a deadline from outside is over for us too */
}

static pb_status retrieve_run(void *self, pb_turn *turn, const pb_next *next)
{
    struct retrieve *stage = self;
    struct search search = {.stage = stage, .turn = turn};
    struct cite cite;

    search.request.size = (uint32_t)sizeof search.request;
    pb_status status = prepare(&search);
    if (status != PB_OK)
        return status;
    if (!search.count || stage->sources == SOURCES_NONE)
        return pb_run_next(next, turn);
    cite_begin(&cite, &search);
    if (stage->sources == SOURCES_CITED)
        return pb_run_next_with(next, turn, &cite.base);
    status = cite_all(&cite);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}

static void retrieve_check(const void *self, pb_diagnostics *diagnostics)
{
    const struct retrieve *stage = self;
    const pb_filter *filter;

    if (stage->rewrite == REWRITE_MODEL && !stage->llm)
        pb_problem(diagnostics, "llm", "'rewrite: model' needs the model: name one of llms");
    if (stage->rewrite != REWRITE_MODEL && stage->llm)
        pb_warning(diagnostics, "llm", "no model is asked: 'rewrite' is not 'model'");
    if (stage->candidates && stage->candidates < stage->top_k)
        pb_warning(diagnostics, "candidates", "less than top_k, so top_k are looked for");
    if (stage->whole_document && stage->neighbours)
        pb_warning(diagnostics, "neighbours", "whole documents have none");
    if (stage->whole_document && !stage->max_tokens)
        pb_warning(diagnostics, "max_tokens", "nothing limits how long whole documents are");
    if (pb_filter_parse(stage->filter, "", &filter) != PB_OK) {
        pb_problem(diagnostics, "filter", "%.*s %.*s", PB_ARG(pb_error_last()->pointer),
                   PB_ARG(pb_error_last()->sentence));
        pb_error_clear();
    }
}

static pb_status retrieve_create(void *self)
{
    struct retrieve *stage = self;

    return pb_filter_parse(stage->filter, "/filter", &stage->own_filter);
}

static void retrieve_stats(void *self, pb_stats *stats)
{
    const struct retrieve *stage = self;

    pb_stat(stats, "retrieve_searches", (double)stage->searches);
    pb_stat(stats, "retrieve_found_nothing", (double)stage->empty);
    pb_stat(stats, "retrieve_failures", (double)stage->failures);
    pb_stat(stats, "retrieve_cache_hits", (double)stage->hits);
}

PB_PLUGIN("retrieve", "0.1.0", "Apache-2.0", "Finds passages of documents that answer a question.",
          PB_STAGE("retrieve", struct retrieve, retrieve_options, .check = retrieve_check,
                   .create = retrieve_create, .run = retrieve_run, .stats = retrieve_stats));
