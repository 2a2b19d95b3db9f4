/* label.c - scan and classify: what classifiers find in the file's bytes and in its text. scan
 * refuses the document or tags it, and lets nothing through that could not be looked at. */
#include "ingest.h"

const pb_field scan_options[] = {
    PB_LIST(struct scan, classifiers, PB_KIND_REF, .ref = "classifier", .required = 1,
            .max_length = 16, .help = "What looks at the bytes, in this order."),
    PB_ENUM(struct scan, on_found, .values = PB_VALUES("refuse", "tag"), .def = "refuse",
            .help = "What happens to a document in which something was found."),
    PB_FLOAT(struct scan, threshold, .def = "0.5", .max = 1,
             .help = "Findings that are less sure do not count."),
    PB_END,
};

const pb_field classify_options[] = {
    PB_LIST(struct classify, classifiers, PB_KIND_REF, .ref = "classifier", .required = 1,
            .max_length = 16, .help = "What looks at the text."),
    PB_FLOAT(struct classify, threshold, .def = "0.5", .max = 1,
             .help = "Findings that are less sure do not count."),
    PB_SIZE(struct classify, max_text, .def = "64KiB", .min = 1024, .max = 16777216,
            .help = "Only so much of the text is looked at, from its beginning."),
    PB_STR(struct classify, field, .def = "labels", .max_length = 64,
           .help = "The metadata field that lists what was found; empty: none."),
    PB_BOOL(struct classify, tags, .def = "true", .help = "What was found becomes tags too."),
    PB_END,
};

static void check_list(const pb_list *classifiers, pb_diagnostics *diagnostics)
{
    if (!classifiers->count)
        pb_problem(diagnostics, "classifiers", "name at least one classifier");
}

void scan_check(const void *self, pb_diagnostics *diagnostics)
{
    check_list(&((const struct scan *)self)->classifiers, diagnostics);
}

void classify_check(const void *self, pb_diagnostics *diagnostics)
{
    check_list(&((const struct classify *)self)->classifiers, diagnostics);
}

/* --- findings ----------------------------------------------------------------------------------
 */

enum { FOUND_MOST = 64 };

/* Names, each once. */
struct found {
    pb_str names[FOUND_MOST];
    size_t count;
    double threshold;
};

static bool among(const pb_str *names, size_t count, pb_str name)
{
    for (size_t i = 0; i < count; i++)
        if (pb_str_equal(names[i], name))
            return true;
    return false;
}

static void note(struct found *found, const pb_labels *labels)
{
    for (size_t i = 0; i < labels->count && found->count < FOUND_MOST; i++) {
        const pb_label *label = labels->items[i];
        if (label->score >= found->threshold && !among(found->names, found->count, label->name))
            found->names[found->count++] = label->name;
    }
}

/* Asks one after the other. What one cannot judge is left to the others. */
static pb_status ask_all(const pb_list *classifiers, const pb_classify_request *request,
                         struct found *found)
{
    size_t judged = 0;

    for (size_t i = 0; i < classifiers->count; i++) {
        pb_labels labels;
        pb_status status = pb_classify(PB_ITEM(*classifiers, pb_instance *, i), request, &labels);
        if (status == PB_UNSUPPORTED) {
            pb_error_clear();
            continue;
        }
        if (status != PB_OK)
            return status;
        judged++;
        note(found, &labels);
    }
    return judged ? (pb_status)PB_OK : (pb_status)PB_UNSUPPORTED;
}

/* Adds them to the tags of the document, each once. */
static pb_status add_tags(pb_document *document, const struct found *found)
{
    pb_str *tags = PB_NEW_ARRAY(pb_str, document->tag_count + found->count + 1);
    size_t count = document->tag_count;

    if (!tags)
        return PB_NO_MEMORY;
    if (count)
        memcpy(tags, document->tags, count * sizeof *tags);
    for (size_t i = 0; i < found->count; i++)
        if (!among(tags, count, found->names[i]))
            tags[count++] = found->names[i];
    document->tags = tags;
    document->tag_count = count;
    return PB_OK;
}

/* --- scan --------------------------------------------------------------------------------------
 */

pb_status scan_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct scan *scan = self;
    struct found found = {.threshold = scan->threshold};
    pb_document *document;
    pb_status status = ingest_document(turn, "scan", &document);

    if (status != PB_OK)
        return status;
    pb_classify_request request = {
        .size = sizeof request, .bytes = document->bytes, .type = document->type};
    status = ask_all(&scan->classifiers, &request, &found);
    if (status == PB_UNSUPPORTED)
        return pb_fail(PB_UNSUPPORTED, "no classifier of 'scan' can look at '%.*s'",
                       PB_ARG(document->type));
    if (status != PB_OK)
        return status;
    if (found.count && scan->on_found == ON_FOUND_REFUSE)
        return pb_fail(PB_UNPROCESSABLE, "refused: '%.*s' was found in it", PB_ARG(found.names[0]));
    if (found.count && (status = add_tags(document, &found)) != PB_OK)
        return status;
    return pb_run_next(next, turn);
}

/* --- classify ----------------------------------------------------------------------------------
 */

/* The beginning of the text, cut between two characters. */
static pb_status gather(const pb_document *document, size_t most, pb_str *out)
{
    pb_buf buf = {0};

    for (size_t i = 0; i < document->block_count && buf.size < most; i++) {
        pb_str text = document->blocks[i]->text;
        pb_buf_add(&buf, pb_str_slice(text, 0, whole_characters(text, most - buf.size)));
        pb_buf_byte(&buf, '\n');
    }
    *out = pb_buf_str(&buf);
    return pb_buf_status(&buf);
}

/* The document's metadata with one more field in it. */
static pb_status set_field(pb_document *document, pb_str field, const struct found *found)
{
    pb_json *object = pb_json_new(PB_JSON_OBJECT, (pb_str){0});
    pb_json *names = pb_json_new(PB_JSON_ARRAY, (pb_str){0});
    const pb_json *at = document->metadata ? document->metadata->child : NULL;

    for (; at; at = at->next)
        if (!pb_str_equal(at->key, field))
            (void)pb_json_add_copy(object, at->key, at);
    for (size_t i = 0; i < found->count; i++)
        (void)pb_json_add(names, (pb_str){0}, pb_json_string(found->names[i]));
    if (!pb_json_add(object, field, names))
        return PB_NO_MEMORY;
    document->metadata = object;
    return PB_OK;
}

pb_status classify_run(void *self, pb_turn *turn, const pb_next *next)
{
    const struct classify *classify = self;
    struct found found = {.threshold = classify->threshold};
    pb_classify_request request = {.size = sizeof request, .type = pb_lit("text/plain")};
    pb_document *document;
    pb_status status = ingest_document(turn, "classify", &document);

    if (status == PB_OK)
        status = pb_document_progress(document, "classifying", 0);
    if (status == PB_OK)
        status = gather(document, (size_t)classify->max_text, &request.text);
    if (status != PB_OK)
        return status;
    if (request.text.size) {
        request.bytes = (pb_bytes){(const uint8_t *)request.text.data, request.text.size};
        status = ask_all(&classify->classifiers, &request, &found);
    }
    if (status == PB_UNSUPPORTED)
        return pb_fail(PB_UNSUPPORTED, "no classifier of 'classify' can look at text");
    if (status == PB_OK && classify->tags)
        status = add_tags(document, &found);
    if (status == PB_OK && found.count && classify->field.size)
        status = set_field(document, classify->field, &found);
    if (status == PB_OK)
        status = pb_document_progress(document, "classifying", 1);
    return status == PB_OK ? pb_run_next(next, turn) : status;
}
