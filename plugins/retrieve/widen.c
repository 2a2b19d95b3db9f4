/* widen.c - what stands around a passage, or its whole document: an answer is often in the
 * paragraph behind the one that was found. Stretches of a document that touch become one, in the
 * place of the best of them; where chunks repeat each other's ends the repetition goes. */
#include "retrieve.h"

/* Passages `first` to `last` (-1: to the end) of the document of `hit`. */
struct stretch {
    const pb_passage *hit;
    int64_t first, last;
};

enum { REPEATED_MOST = 4096, REPEATED_LEAST = 8 };

/* How many bytes at the beginning of `more` stand at the end of `text` already. */
static size_t repeated(pb_str text, pb_str more)
{
    size_t most = more.size < text.size ? more.size : text.size;

    for (size_t size = most < REPEATED_MOST ? most : REPEATED_MOST; size >= REPEATED_LEAST; size--)
        if (text.data[text.size - size] == more.data[0] &&
            memcmp(text.data + text.size - size, more.data, size) == 0)
            return size;
    return 0;
}

static void append(pb_buf *buf, pb_str more)
{
    size_t again = repeated(pb_buf_str(buf), more);

    if (!again && buf->size)
        pb_buf_add(buf, pb_lit("\n\n"));
    pb_buf_add(buf, pb_str_slice(more, again, more.size));
}

/* Its place is that of the first to the last, its scores are the hit's. */
static pb_passage *join(const struct stretch *stretch, const pb_passages *found)
{
    pb_passage *all = passage_copy(stretch->hit);
    pb_buf text = {0};
    int64_t tokens = 0, end = 0;

    for (size_t i = 0; all && i < found->count; i++) {
        const pb_passage *one = found->items[i];
        append(&text, one->text);
        tokens += tokens_of(one);
        if (one->line && one->line + one->lines > end)
            end = one->line + one->lines;
    }
    if (!all || text.failed || !found->count)
        return all;
    all->text = pb_buf_str(&text);
    all->tokens = tokens;
    all->index = found->items[0]->index;
    all->page = found->items[0]->page;
    all->line = found->items[0]->line;
    all->lines = all->line ? end - all->line : 0;
    return all;
}

/* A retriever that knows nothing around a passage: it stays alone. *out is the hit or a wider one.
 */
static pb_status fetch(const struct search *search, const struct stretch *stretch,
                       const pb_passage **out)
{
    pb_surround_request request = {.size = (uint32_t)sizeof request,
                                   .passage = stretch->hit,
                                   .first = stretch->first,
                                   .last = stretch->last};
    pb_passages found;
    pb_status status = pb_surround(search->stage->retriever, &request, &found);

    *out = stretch->hit;
    if (status == PB_UNSUPPORTED) {
        pb_error_clear();
        return PB_OK;
    }
    if (status == PB_OK && found.count)
        *out = join(stretch, &found);
    return *out ? status : (pb_status)PB_NO_MEMORY;
}

static bool touch(const struct stretch *a, const struct stretch *b)
{
    bool a_ends = a->last >= 0 && a->last + 1 < b->first;
    bool b_ends = b->last >= 0 && b->last + 1 < a->first;

    return pb_str_equal(a->hit->document_id, b->hit->document_id) &&
           pb_str_equal(a->hit->collection, b->hit->collection) && !a_ends && !b_ends;
}

static void take_in(struct stretch *into, const struct stretch *other)
{
    into->first = into->first < other->first ? into->first : other->first;
    into->last = into->last < 0 || other->last < 0 ? -1
                 : into->last > other->last        ? into->last
                                                   : other->last;
}

/* One stretch for each passage; those that touch are one, until none do. */
static size_t lay_out(const struct search *search, struct stretch *list)
{
    const struct retrieve *stage = search->stage;
    size_t count = 0;

    for (size_t i = 0; i < search->count; i++) {
        const pb_passage *hit = search->items[i];
        int64_t first = hit->index > stage->neighbours ? hit->index - stage->neighbours : 0;
        list[count++] = stage->whole_document
                            ? (struct stretch){hit, 0, -1}
                            : (struct stretch){hit, first, hit->index + stage->neighbours};
    }
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++)
            if (touch(&list[i], &list[j])) {
                take_in(&list[i], &list[j]);
                memmove(&list[j], &list[j + 1], (--count - j) * sizeof *list);
                j = i; /* it is wider now, and may touch one that it did not */
            }
    return count;
}

pb_status widen(struct search *search)
{
    const struct retrieve *stage = search->stage;
    struct stretch *list;
    int64_t left = stage->max_tokens;
    pb_status status = PB_OK;

    if (!search->count || (!stage->whole_document && !stage->neighbours))
        return PB_OK;
    list = PB_NEW_ARRAY(struct stretch, search->count);
    if (!list)
        return PB_NO_MEMORY;
    size_t count = lay_out(search, list);
    for (size_t i = 0; i < count && status == PB_OK; i++) {
        const pb_passage *wide;
        status = fetch(search, &list[i], &wide);
        if (status != PB_OK)
            return status;
        if (stage->max_tokens && tokens_of(wide) > left) /* the hit alone may still fit */
            wide = list[i].hit;
        left -= tokens_of(wide);
        search->items[i] = wide;
        status = pb_step();
    }
    search->count = count;
    return status;
}
