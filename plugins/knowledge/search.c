/* search.c - the operation that searches directly: what a pipeline would get, with the scores of
 * both halves. */
#include "knowledge.h"

const pb_field passage_fields[] = {
    PB_STR(struct passage, id, .help = "The passage's id."),
    PB_STR(struct passage, document_id, .help = "The document that it is of."),
    PB_STR(struct passage, document, .help = "Its name or path."),
    PB_STR(struct passage, collection, .help = "The collection."),
    PB_STR(struct passage, title, .help = "The document's title."),
    PB_STR(struct passage, heading, .help = "The headings above it."),
    PB_JSON(struct passage, page, .help = "The page that it begins on."),
    PB_JSON(struct passage, lines, .help = "Its first and last line."),
    PB_STR(struct passage, url, .help = "Where a person can read it."),
    PB_FLOAT(struct passage, score, .help = "Higher is better, within this list."),
    PB_JSON(struct passage, vector_score, .help = "Cosine; absent: not found by its meaning."),
    PB_JSON(struct passage, keyword_score, .help = "BM25; absent: not found by its words."),
    PB_INT(struct passage, index, .help = "Its place in the document, from 0."),
    PB_INT(struct passage, tokens, .help = "How long it is."),
    PB_STR(struct passage, text, .help = "What it says."),
    PB_JSON(struct passage, metadata, .help = "Of the document."),
    PB_END,
};

static const pb_json *score_of(double score)
{
    return isnan(score) ? NULL : pb_json_number(score);
}

void passage_show(const pb_passage *from, struct passage *out)
{
    memset(out, 0, sizeof *out);
    out->id = from->id;
    out->document_id = from->document_id;
    out->document = from->document;
    out->collection = from->collection;
    out->title = from->title;
    out->heading = from->heading;
    out->url = from->url;
    out->text = from->text;
    out->score = from->score;
    out->index = from->index;
    out->tokens = from->tokens;
    out->metadata = from->metadata;
    out->vector_score = score_of(from->vector_score);
    out->keyword_score = score_of(from->keyword_score);
    if (from->page)
        out->page = pb_json_number(from->page);
    if (from->line) {
        pb_json *lines = pb_json_new(PB_JSON_ARRAY, pb_str_make(NULL, 0));
        int64_t last = from->line + (from->lines > 0 ? from->lines - 1 : 0);
        (void)pb_json_add(lines, pb_str_make(NULL, 0), pb_json_number((double)from->line));
        (void)pb_json_add(lines, pb_str_make(NULL, 0), pb_json_number((double)last));
        out->lines = lines;
    }
}

static pb_status find(const struct knowledge *self, const pb_retrieve_request *request,
                      pb_passages *found)
{
    memset(found, 0, sizeof *found);
    if (self->retriever)
        return pb_retrieve(self->retriever, request, found);
    struct finder *finder = finder_over(self->database);
    return finder ? finder_retrieve(finder, request, found)
                  : pb_fail(PB_UNSUPPORTED, "nothing is configured that searches here: a retriever "
                                            "`knowledge` is needed");
}

HANDLER(knowledge_search)
{
    const struct search_in *input = in;
    struct search_out *output = out;
    pb_passages found;
    pb_retrieve_request request = {.size = (uint32_t)sizeof request,
                                   .top_k = (uint32_t)input->top_k,
                                   .query = input->query,
                                   .collections = input->collections.items,
                                   .collection_count = input->collections.count,
                                   .documents = input->documents.items,
                                   .document_count = input->documents.count,
                                   .vector_weight = -1};
    static const int32_t modes[] = {-1, PB_SEARCH_HYBRID, PB_SEARCH_VECTOR, PB_SEARCH_KEYWORD};
    pb_status status = pb_filter_parse(input->filter, "/filter", &request.filter);

    (void)call;
    request.mode = modes[input->mode & 3];
    if (input->vector_weight) {
        request.vector_weight = pb_json_double(input->vector_weight, -1);
        if (!(request.vector_weight >= 0 && request.vector_weight <= 1))
            return pb_fail_at(PB_INVALID, "/vector_weight", "must be a number from 0 to 1");
    }
    if (status == PB_OK)
        status = find(self, &request, &found);
    if (status != PB_OK)
        return status;
    struct passage *items = PB_NEW_ARRAY(struct passage, found.count + 1);
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < found.count; i++)
        passage_show(found.items[i], &items[i]);
    output->passages = (pb_list){items, found.count};
    return PB_OK;
}
