/* refresh.c - brings a worker's view of a collection up to what the tables say.
 *
 * What is new becomes one more segment at the end of the chain, and takes those before it along
 * that are no larger: so there are few, and a passage is indexed again only as often as the
 * collection doubles. From `tail` passages on it becomes a file, made by one worker for all; that
 * happens in pieces of at most `segment` passages, each of them kept, so that no deadline stops it
 * for ever.
 */
#include "embedded.h"

#include <stdlib.h>

enum { ROUNDS = 16, DIRECT_WEIGHT = 128 };

struct refresh {
    struct store *self;
    struct index *index;
    const struct place *place;
    struct chain chain;
    int64_t end, end_stamp; /* of the chain */
    int64_t weight;         /* passages and changes after it */
    int lock;
};

/* --- one segment
 * ----------------------------------------------------------------------------------- */

struct finishing {
    struct builder *builder;
    const char *folder; /* NULL: it stays in memory */
    struct segment *segment;
    pb_status status;
    size_t bytes;
};

static pb_status finish(void *arg)
{
    struct finishing *finishing = arg;
    void *block = builder_finish(finishing->builder, &finishing->bytes);

    finishing->status = block ? PB_OK : PB_NO_MEMORY;
    if (block && finishing->folder) {
        const struct segment_header header = *(const struct segment_header *)block;
        char path[1024];
        finishing->status = chain_publish(finishing->folder, block, finishing->bytes);
        free(block);
        (void)snprintf(path, sizeof path, "%s/c%lld.%lld-%lld.segment", finishing->folder,
                       (long long)header.collection, (long long)header.from, (long long)header.to);
        if (finishing->status == PB_OK && !(finishing->segment = segment_open(path)))
            finishing->status = PB_UNAVAILABLE;
    } else if (block && !(finishing->segment = segment_of_memory(block, finishing->bytes))) {
        finishing->status = PB_NO_MEMORY;
    }
    return PB_OK;
}

static pb_status finish_failed(struct store *self, pb_status status)
{
    if (status == PB_NO_MEMORY)
        return pb_fail(status, "there is no memory to index a collection");
    return pb_fail(status, "a segment cannot be written in %.*s%s", PB_ARG(self->folder),
                   status == PB_NO_SPACE ? ": the disk is full" : "");
}

/* Makes the segment of `build` and puts it at the end of the chain. */
static pb_status make_segment(struct refresh *refresh, struct build *build, bool file)
{
    struct store *self = refresh->self;
    struct finishing finishing = {.folder = file ? self->folder.data : NULL};
    struct builder *builder = builder_new(build);

    if (!builder)
        return pb_fail(PB_NO_MEMORY, "there is no memory to index a collection");
    pb_status status = fill_documents(self, builder, build);
    status = status == PB_OK ? fill_gone(self, builder, build) : status;
    builder_limit(builder, build);
    finishing.builder = builder;
    if (status == PB_OK && (file || refresh->weight > DIRECT_WEIGHT))
        status = pb_offload(finish, &finishing);
    else if (status == PB_OK)
        status = finish(&finishing);
    builder_free(builder);
    if (status != PB_OK)
        return status;
    if (finishing.status != PB_OK)
        return finish_failed(self, finishing.status);
    finishing.segment->references = 1;
    refresh->chain.all[refresh->chain.count++] = finishing.segment;
    refresh->end = build->to;
    refresh->end_stamp = build->to_stamp;
    refresh->index->last_from = build->from;
    refresh->index->last_weight = refresh->weight;
    self->figures.built_bytes += (double)finishing.bytes;
    self->figures.files += file;
    return PB_OK;
}

/* --- the chain
 * ---------------------------------------------------------------------------------------- */

static void take_end(struct refresh *refresh)
{
    const struct chain *chain = &refresh->chain;
    const struct segment_header *last = chain->count ? chain->all[chain->count - 1]->header : NULL;

    refresh->end = last ? last->to : 0;
    refresh->end_stamp = last ? last->to_stamp : 0;
}

/* From which version on the log of changes must be whole. A piece of a longer making knows of later
 * changes than its end. */
static int64_t log_needed(const struct refresh *refresh)
{
    const struct chain *chain = &refresh->chain;
    int64_t needed = INT64_MAX;

    for (size_t i = 0; i < chain->count; i++) {
        int64_t seen = chain->all[i]->header->seen;
        if (seen > refresh->end && seen < needed)
            needed = seen;
    }
    return needed == INT64_MAX ? refresh->end : needed;
}

/* Is the chain's end still a part of this history, and known what has changed since? */
static pb_status is_valid(struct refresh *refresh, bool *valid)
{
    const struct place *place = refresh->place;
    pb_value values[] = {pb_value_int(place->id), pb_value_int(refresh->end)};
    pb_rows rows = {.size = sizeof rows};

    *valid =
        !refresh->end || (refresh->end == place->version && refresh->end_stamp == place->stamp);
    if (*valid || refresh->end >= place->version)
        return PB_OK;
    pb_status status = ask(refresh->self, sql_change_stamp, values, 2, &rows);
    *valid = status == PB_OK && rows.count && pb_cell(&rows, 0, 0)->integer == refresh->end_stamp &&
             pb_cell(&rows, 0, 1)->integer <= log_needed(refresh);
    return status;
}

/* Those of the view, as far as they are files or may stay. */
static void take_view(struct refresh *refresh)
{
    const struct view *view = refresh->index->view;

    chain_clear(&refresh->chain, 0);
    for (size_t i = 0; view && i < view->count; i++) {
        view->all[i].segment->references++;
        refresh->chain.all[refresh->chain.count++] = view->all[i].segment;
    }
    take_end(refresh);
}

static pb_status take_files(struct refresh *refresh)
{
    chain_clear(&refresh->chain, 0);
    pb_status status = chain_load(refresh->self, refresh->place->id, &refresh->chain);
    take_end(refresh);
    return status;
}

/* The view's chain, else that of the files, else none. */
static pb_status take_chain(struct refresh *refresh, bool files)
{
    pb_status status = PB_OK;
    bool valid = false;

    if (!files)
        take_view(refresh);
    if (!files && refresh->chain.count)
        status = is_valid(refresh, &valid);
    if (status == PB_OK && !valid) {
        status = take_files(refresh);
        status = status == PB_OK ? is_valid(refresh, &valid) : status;
    }
    if (status == PB_OK && !valid) {
        chain_clear(&refresh->chain, 0);
        take_end(refresh);
        refresh->self->figures.rebuilds++;
    }
    return status;
}

static pb_status weigh(struct refresh *refresh)
{
    pb_value values[] = {pb_value_int(refresh->place->id), pb_value_int(refresh->end),
                         pb_value_int(refresh->place->version)};
    pb_rows rows[2] = {{.size = sizeof rows[0]}, {.size = sizeof rows[0]}};
    pb_statement statements[] = {pb_statement_make(sql_document_weight, values, 3),
                                 pb_statement_make(sql_change_weight, values, 3)};
    pb_status status = pb_db_batch(refresh->self->database, statements, 2, rows);

    if (status != PB_OK)
        return status;
    refresh->weight = pb_cell(&rows[0], 0, 0)->integer;
    if (refresh->end)
        refresh->weight += pb_cell(&rows[1], 0, 0)->integer;
    return PB_OK;
}

static int64_t rows_of(const struct refresh *refresh, size_t at)
{
    const struct segment *segment = refresh->chain.all[at];
    const struct view *view = refresh->index->view;
    int64_t rows = segment->header->rows;

    for (size_t i = 0; view && i < view->count; i++)
        if (view->all[i].segment == segment)
            rows -= view->all[i].dead_rows;
    return rows;
}

static bool is_mostly_gone(const struct refresh *refresh, size_t at)
{
    int64_t all = refresh->chain.all[at]->header->rows;

    return rows_of(refresh, at) * 3 < all * 2;
}

static int64_t private_rows(const struct refresh *refresh)
{
    int64_t rows = 0;

    for (size_t i = 0; i < refresh->chain.count; i++)
        if (!refresh->chain.all[i]->mapped)
            rows += rows_of(refresh, i) + refresh->chain.all[i]->header->gone;
    return rows;
}

/* From which segment on all is made again: a small one takes those before it along that are not much
 * larger, so that there are few. Where there are too many all the same, one more goes. */
static size_t absorb(const struct refresh *refresh, bool file)
{
    int64_t rows = refresh->weight;
    size_t at = refresh->chain.count;

    while (at) {
        bool mapped = refresh->chain.all[at - 1]->mapped;
        bool crowded = at > (mapped ? FILES_MOST : CHAIN_MOST - 2);
        int64_t more = rows_of(refresh, at - 1);
        bool small = more * 2 <= rows * 3 || is_mostly_gone(refresh, at - 1);
        bool fits = mapped ? file && small && rows + more <= refresh->self->segment : file || small;
        if (!fits && !(crowded && (file || !mapped)))
            break;
        rows += more;
        at--;
    }
    return at;
}

static pb_status lock_and_look(struct refresh *refresh)
{
    pb_status status = chain_lock(refresh->self, refresh->place->id, &refresh->lock);

    if (status != PB_OK) {
        refresh->lock = -1;
        return status;
    }
    status = take_chain(refresh, true);
    return status == PB_OK ? weigh(refresh) : status;
}

/* What is in the log before the files' end is needed by nobody. */
static pb_status prune(struct refresh *refresh)
{
    pb_value values[] = {pb_value_int(refresh->place->id), pb_value_int(refresh->end)};

    return ask(refresh->self, sql_change_prune, values, 2, NULL);
}

static pb_status extend(struct refresh *refresh)
{
    struct store *self = refresh->self;
    pb_status status = weigh(refresh);

    if (status == PB_OK && refresh->weight + private_rows(refresh) >= self->tail)
        status = lock_and_look(refresh);
    if (status != PB_OK || refresh->end == refresh->place->version)
        return status;
    bool file = refresh->lock >= 0 && refresh->weight + private_rows(refresh) >= self->tail;
    chain_clear(&refresh->chain, absorb(refresh, file));
    take_end(refresh);
    struct build build = {.collection = refresh->place->id,
                          .from = refresh->end,
                          .to = refresh->place->version,
                          .from_stamp = refresh->end_stamp,
                          .to_stamp = refresh->place->stamp,
                          .seen = refresh->place->version,
                          .dimensions = refresh->place->dimensions,
                          .variant = chain_variant(self),
                          .stem = self->stem,
                          .lists_above = self->lists_above};
    status = make_segment(refresh, &build, file);
    return status == PB_OK && file ? prune(refresh) : status;
}

static pb_status show(struct refresh *refresh)
{
    struct index *index = refresh->index;
    struct chain *chain = &refresh->chain;
    struct view *view =
        view_new(index->view, chain->all, chain->count, refresh->end, refresh->end_stamp);

    if (!view)
        return pb_fail(PB_NO_MEMORY, "there is no memory to index a collection");
    chain->count = 0; /* taken over */
    view_release(index->view);
    index->view = view;
    index->unseen = 0;
    return PB_OK;
}

static pb_status refresh_once(struct store *self, struct index *index, const struct place *place)
{
    struct refresh refresh = {.self = self, .index = index, .place = place, .lock = -1};
    pb_status status = take_chain(&refresh, false);

    if (status == PB_OK && refresh.end != place->version)
        status = extend(&refresh);
    status = status == PB_OK ? show(&refresh) : status;
    chain_unlock(refresh.lock);
    chain_clear(&refresh.chain, 0);
    return status;
}

/* --- one task at a time
 * -------------------------------------------------------------------------------- */

static pb_status wait_for(struct index *index)
{
    struct waiting waiting = {.next = index->waiting, .signal = pb_signal_new()};
    struct waiting **at = &index->waiting;

    if (!waiting.signal)
        return PB_NO_MEMORY;
    index->waiting = &waiting;
    pb_status status = pb_signal_wait(waiting.signal);
    if (status == PB_OK)
        return status;
    while (*at && *at != &waiting)
        at = &(*at)->next;
    if (*at)
        *at = waiting.next;
    else
        pb_signal_wait_always(waiting.signal); /* it was raised meanwhile */
    return status;
}

static void wake(struct index *index)
{
    while (index->waiting) {
        struct waiting *waiting = index->waiting;
        index->waiting = waiting->next;
        pb_signal_raise(&waiting->signal, 1);
    }
}

static bool is_current(const struct index *index, const struct place *place)
{
    return index->view && index->view->version == place->version &&
           index->view->stamp == place->stamp;
}

static struct index *index_of(struct store *self, int64_t id)
{
    struct index *index = self->indexes;

    while (index && index->id != id)
        index = index->next;
    if (!index && (index = calloc(1, sizeof *index))) {
        index->id = id;
        index->next = self->indexes;
        self->indexes = index;
    }
    return index;
}

/* A document that changed, and once more while the view's last segment was filled, is in the view
 * neither as it was nor as it is: then the view is not whole. Nor where nobody can know: the log was
 * cut, or so much was filled that looking would take long. */
static pb_status is_whole(struct store *self, const struct index *index, bool *whole)
{
    pb_value values[] = {pb_value_int(index->id), pb_value_int(index->view->version),
                         pb_value_int(index->last_from)};
    pb_rows rows = {.size = sizeof rows};

    *whole = false;
    if (index->last_weight > DIRECT_WEIGHT)
        return PB_OK;
    pb_status status = ask(self, sql_change_again, values, 3, &rows);
    *whole = status == PB_OK && !rows.count;
    return status;
}

/* While documents are put all the time the end may never be seen: what was there at the beginning
 * is enough then, if all of it is. */
pb_status index_show(struct store *self, struct place *place, struct view **out)
{
    struct index *index = index_of(self, place->id);
    int64_t wanted = place->version;
    pb_status status = PB_OK;
    bool enough = false;

    if (!index)
        return pb_fail(PB_NO_MEMORY, "there is no memory to index a collection");
    for (int round = 0; status == PB_OK && !enough && !is_current(index, place);) {
        if (index->busy) {
            status = wait_for(index);
        } else {
            index->busy = true;
            status = refresh_once(self, index, place);
            index->busy = false;
            wake(index);
            round += status == PB_OK && index->view->version >= wanted;
        }
        status = status == PB_OK ? place_find(self, place) : status;
        enough = round >= ROUNDS;
        if (status == PB_OK && round && !enough && !is_current(index, place))
            status = is_whole(self, index, &enough);
    }
    if (status != PB_OK)
        return status;
    *out = index->view;
    index->view->references++;
    return PB_OK;
}

/* So that the first search after much was put need not do all of it. It is done again where it
 * fails.
 */
void index_note(struct store *self, struct place *place, int64_t passages)
{
    struct index *index = index_of(self, place->id);
    struct view *view = NULL;

    if (!index || (index->unseen += passages) < self->tail || index->busy)
        return;
    if (place_find(self, place) != PB_OK || !place->id) {
        pb_error_clear();
        return;
    }
    if (index_show(self, place, &view) == PB_OK)
        view_release(view);
    else
        pb_error_clear();
}

void index_free_all(struct store *self)
{
    while (self->indexes) {
        struct index *index = self->indexes;
        self->indexes = index->next;
        view_release(index->view);
        free(index);
    }
}
