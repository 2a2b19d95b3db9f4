/* view.c - a chain of segments with what is gone from each of them. */
#include "embedded.h"

#include <stdlib.h>

static size_t dead_bytes(const struct segment *segment)
{
    return (((size_t)segment->header->documents + 63) / 64 + 1) * sizeof(uint64_t);
}

/* Takes a document out. */
static bool bury(struct shown *shown, int64_t id)
{
    const uint32_t *first = SECTION(shown->segment, uint32_t, DOCUMENT_ROW);
    int64_t at = segment_document(shown->segment, id);

    if (at < 0)
        return true;
    if (!shown->dead && !(shown->dead = calloc(1, dead_bytes(shown->segment))))
        return false;
    uint64_t bit = (uint64_t)1 << (at % 64);
    if (!(shown->dead[at / 64] & bit)) {
        shown->dead[at / 64] |= bit;
        shown->dead_documents++;
        shown->dead_rows += first[at + 1] - first[at];
    }
    return true;
}

static bool bury_all(struct shown *shown, const struct segment *newer)
{
    const int64_t *gone = SECTION(newer, int64_t, GONE);
    bool made = true;

    for (uint32_t i = 0; i < newer->header->gone && made; i++)
        made = bury(shown, gone[i]);
    return made;
}

static const struct shown *find(const struct view *old, const struct segment *segment)
{
    for (size_t i = 0; old && i < old->count; i++)
        if (old->all[i].segment == segment)
            return &old->all[i];
    return NULL;
}

static bool take_over(struct shown *shown, const struct shown *before)
{
    if (!before || !before->dead)
        return true;
    shown->dead = malloc(dead_bytes(shown->segment));
    if (!shown->dead)
        return false;
    memcpy(shown->dead, before->dead, dead_bytes(shown->segment));
    shown->dead_documents = before->dead_documents;
    shown->dead_rows = before->dead_rows;
    return true;
}

struct view *view_new(const struct view *old, struct segment *const *chain, size_t count,
                      int64_t version, int64_t stamp)
{
    struct view *view = calloc(1, sizeof *view);
    bool made = view != NULL;

    for (size_t i = 0; made && i < count; i++) {
        view->all[i].segment = chain[i];
        made = take_over(&view->all[i], find(old, chain[i]));
        for (size_t k = 0; made && k < i; k++)
            if (!find(old, chain[i]) || !find(old, chain[k]))
                made = bury_all(&view->all[k], chain[i]);
    }
    if (made) {
        view->references = 1;
        view->version = version;
        view->stamp = stamp;
        view->count = count;
        return view;
    }
    for (size_t i = 0; view && i < count; i++)
        free(view->all[i].dead);
    free(view);
    return NULL;
}

void view_release(struct view *view)
{
    if (!view || --view->references)
        return;
    for (size_t i = 0; i < view->count; i++) {
        free(view->all[i].dead);
        if (!--view->all[i].segment->references)
            segment_free(view->all[i].segment);
    }
    free(view);
}

uint64_t view_rows(const struct view *view)
{
    uint64_t rows = 0;

    for (size_t i = 0; i < view->count; i++)
        rows += view->all[i].segment->header->rows - view->all[i].dead_rows;
    return rows;
}
