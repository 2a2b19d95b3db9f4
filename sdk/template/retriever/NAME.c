/* @NAME@ - finds answers in a list of questions that are asked often.
 *
 * The passage whose question has most of the words is the best. What a retriever cannot do it refuses: a
 * filter that was ignored would show what should not be seen.
 */
#include <patchbay/retriever.h>
#include <patchbay/words.h>

#include <stdlib.h>

struct entry {
    pb_str question;
    pb_str answer;
    pb_str url;
};

/* The instance: filled by the host from YAML. */
struct @ID@ {
    pb_list entries; /* of struct entry */
    double least;
};

static const pb_field entry_fields[] = {
    PB_STR(struct entry, question, .required = 1, .help = "As people ask it."),
    PB_STR(struct entry, answer, .required = 1, .help = "What is known."),
    PB_STR(struct entry, url, .help = "Where it can be read."),
    PB_END,
};

static const pb_field @ID@_options[] = {
    PB_LIST_OF(struct @ID@, entries, struct entry, entry_fields, .required = 1,
               .help = "Questions and answers."),
    PB_FLOAT(struct @ID@, least, .def = "0.3", .min = 0, .max = 1,
             .help = "Less of the asked words in a question is no find."),
    PB_END,
};

static bool has_word(pb_str text, uint64_t key)
{
    pb_word word;

    for (size_t at = 0; pb_word_next(text, &at, &word);)
        if (word.key == key)
            return true;
    return false;
}

/* 0 to 1: how much of what was asked stands in the entry, in the answer for half as much. */
static double score(const struct entry *entry, pb_str query)
{
    double found = 0, asked = 0;
    pb_word word;

    for (size_t at = 0; pb_word_next(query, &at, &word);) {
        if (word.common)
            continue;
        asked++;
        found += has_word(entry->question, word.key) ? 1 : has_word(entry->answer, word.key) ? 0.5 : 0;
    }
    return asked > 0 ? found / asked : 0;
}

static pb_str id_of(size_t number)
{
    return pb_printf("%zu", number);
}

/* Is the document one of those that are asked for? */
static bool is_wanted(const pb_retrieve_request *request, pb_str id)
{
    for (size_t i = 0; i < request->document_count; i++)
        if (pb_str_equal(request->documents[i], id))
            return true;
    return request->document_count == 0;
}

static int better_first(const void *left, const void *right)
{
    const pb_passage *a = *(const pb_passage *const *)left, *b = *(const pb_passage *const *)right;

    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : 1; /* of equals the first in the list */
}

static pb_passage *passage_of(const struct @ID@ *own, size_t number, double points)
{
    const struct entry *entry = &PB_ITEM(own->entries, struct entry, number);
    pb_passage *passage = pb_passage_new(entry->answer);

    if (!passage)
        return NULL;
    passage->score = passage->keyword_score = points;
    passage->id = passage->document_id = id_of(number);
    passage->document = passage->heading = entry->question;
    passage->url = entry->url;
    passage->index = (int64_t)number;
    return passage;
}

static pb_status @ID@_retrieve(void *self, const pb_retrieve_request *request, pb_passages *out)
{
    const struct @ID@ *own = self;
    const pb_passage **items = PB_NEW_ARRAY(const pb_passage *, own->entries.count);
    size_t count = 0;

    if (request->filter)
        return pb_fail(PB_UNSUPPORTED, "questions have no metadata to filter by");
    if (!items)
        return PB_NO_MEMORY;
    for (size_t i = 0; i < own->entries.count; i++) {
        double points = score(&PB_ITEM(own->entries, struct entry, i), request->query);
        if (points <= 0 || points < own->least || !is_wanted(request, id_of(i)))
            continue;
        if (!(items[count++] = passage_of(own, i, points)))
            return PB_NO_MEMORY;
    }
    qsort(items, count, sizeof *items, better_first);
    out->items = items;
    out->count = count < request->top_k ? count : request->top_k;
    return PB_OK;
}

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Finds answers to questions that are asked often.",
          PB_RETRIEVER("@NAME@", struct @ID@, @ID@_options, .retrieve = @ID@_retrieve));
