/* select.c - selections: passages in the order of document and index, read by key a page at a time.
 * Conditions are looked up in the index, which says of each document whether it matches. */
#include "embedded.h"

#include <stdlib.h>

enum { PAGE = 500, GET_MOST = 1000, DIRECT_DOCUMENTS = 5000 };

bool selects_parts(const pb_vector_selection *selection)
{
    return selection->ids ||
           (selection->document_id.size && (selection->first > 0 || selection->last >= 0));
}

/* --- conditions
 * ---------------------------------------------------------------------------------------- */

static pb_status match_all(void *arg)
{
    struct choice *choice = arg;

    for (size_t i = 0; i < choice->view->count; i++) {
        if (!match_segment(&choice->match, &choice->view->all[i], &choice->matched[i]))
            return PB_NO_MEMORY;
        choice->rows += choice->matched[i].rows;
    }
    return PB_OK;
}

pb_status choice_open(struct store *self, const pb_vector_selection *selection,
                      struct choice *choice)
{
    pb_filter only = {.size = sizeof only,
                      .type = PB_FILTER_EQUAL,
                      .field = PB_LIT("$document"),
                      .value = pb_json_string(selection->document_id)};

    memset(choice, 0, sizeof *choice);
    choice->place = place_of(selection->collection);
    choice->everybody = selection->all && !selection->filter;
    pb_status status = match_make(&choice->match, selection->filter, selection->access,
                                  selection->access_count, selection->all != 0);
    if (status == PB_OK && selection->document_id.size)
        status = filter_compile(&only, &choice->match.also);
    if (status == PB_OK)
        status = place_find(self, &choice->place);
    if (status != PB_OK || !choice->place.id || choice->everybody)
        return status;
    status = index_show(self, &choice->place, &choice->view);
    if (status != PB_OK)
        return status;
    uint64_t documents = 0;
    for (size_t i = 0; i < choice->view->count; i++)
        documents += choice->view->all[i].segment->header->documents;
    status = documents > DIRECT_DOCUMENTS ? pb_offload(match_all, choice) : match_all(choice);
    return status == PB_NO_MEMORY ? pb_fail(PB_NO_MEMORY, "there is no memory to filter") : status;
}

void choice_close(struct choice *choice)
{
    for (size_t i = 0; i < CHAIN_MOST; i++)
        free(choice->matched[i].bits);
    view_release(choice->view);
    choice->view = NULL;
}

bool choice_has(const struct choice *choice, int64_t document)
{
    if (choice->everybody)
        return true;
    for (size_t i = choice->view->count; i--;) {
        const struct shown *shown = &choice->view->all[i];
        int64_t at = segment_document(shown->segment, document);
        if (at >= 0 && !(shown->dead && bit_is_set(shown->dead, (uint32_t)at)))
            return bit_is_set(choice->matched[i].bits, (uint32_t)at);
    }
    return false;
}

/* --- passages
 * --------------------------------------------------------------------------------------------- */

struct reading {
    struct store *self;
    const pb_vector_selection *selection;
    const struct choice *choice;
    int64_t left;
    pb_status (*fn)(void *arg, const struct chosen *one);
    void *arg;
    int64_t idx, id; /* of the last row */
};

static pb_status give(struct reading *reading, const pb_rows *rows)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < rows->count && status == PB_OK && reading->left > 0; i++) {
        const pb_value *cells = pb_cell(rows, i, 0);
        struct chosen one = {.document = cells[1].integer, .id = cells[0].integer};
        reading->id = cells[0].integer;
        reading->idx = cells[2].integer;
        if (!choice_has(reading->choice, one.document))
            continue;
        status = passage_of_row(rows, i, &one.passage);
        if (status == PB_OK)
            status = reading->fn(reading->arg, &one);
        reading->left--;
    }
    return status;
}

static pb_status read_ids(struct reading *reading)
{
    const pb_vector_selection *selection = reading->selection;
    pb_status status = PB_OK;

    for (size_t from = 0; from < selection->count && status == PB_OK; from += PAGE) {
        size_t count = selection->count - from < PAGE ? selection->count - from : PAGE;
        pb_rows rows = {.size = sizeof rows};
        pb_value values[] = {pb_value_text(strings_text(selection->ids + from, count)),
                             pb_value_int(reading->choice->place.id),
                             pb_value_int(selection->vectors != 0)};
        status = ask(reading->self, sql_get_ids, values, 3, &rows);
        status = status == PB_OK ? give(reading, &rows) : status;
    }
    return status;
}

static pb_status read_document(struct reading *reading, int64_t document)
{
    const pb_vector_selection *selection = reading->selection;
    bool part = selection->document_id.size != 0;
    int64_t last = part && selection->last >= 0 ? selection->last : INT64_MAX;
    pb_status status = PB_OK;
    pb_rows rows = {.size = sizeof rows};

    reading->idx = part ? selection->first : INT64_MIN;
    reading->id = -1;
    do {
        int64_t most = reading->left < PAGE ? reading->left : PAGE;
        pb_value values[] = {pb_value_int(document),     pb_value_int(selection->vectors != 0),
                             pb_value_int(reading->idx), pb_value_int(reading->id),
                             pb_value_int(last),         pb_value_int(most)};
        status = ask(reading->self, sql_get_document, values, 6, &rows);
        status = status == PB_OK ? give(reading, &rows) : status;
    } while (status == PB_OK && rows.count == PAGE && reading->left > 0);
    return status;
}

static pb_status read_one(void *arg, const struct chosen *one)
{
    struct reading *reading = arg;
    pb_status status = read_document(reading, one->document);

    return status == PB_OK && reading->left <= 0 ? (pb_status)PB_DECLINED : status;
}

pb_status chosen_passages(struct store *self, const pb_vector_selection *selection,
                          const struct choice *choice, int64_t limit,
                          pb_status (*fn)(void *arg, const struct chosen *one), void *arg)
{
    struct reading reading = {self, selection, choice, limit, fn, arg, 0, 0};

    if (selection->ids)
        return read_ids(&reading);
    return chosen_documents(self, selection, choice, read_one, &reading);
}

/* --- documents
 * ---------------------------------------------------------------------------------------------- */

static pb_status one_document(struct store *self, const pb_vector_selection *selection,
                              const struct choice *choice, struct chosen *one)
{
    pb_value values[] = {pb_value_int(choice->place.id), pb_value_text(selection->document_id)};
    pb_rows rows = {.size = sizeof rows};
    pb_status status = ask(self, sql_document_find, values, 2, &rows);

    if (status != PB_OK || !rows.count || !choice_has(choice, pb_cell(&rows, 0, 0)->integer))
        return status == PB_OK ? (pb_status)PB_DECLINED : status;
    one->document = pb_cell(&rows, 0, 0)->integer;
    one->passages = pb_cell(&rows, 0, 3)->integer;
    return PB_OK;
}

pb_status chosen_documents(struct store *self, const pb_vector_selection *selection,
                           const struct choice *choice,
                           pb_status (*fn)(void *arg, const struct chosen *one), void *arg)
{
    struct chosen one = {.document = 0};
    pb_rows rows = {.size = sizeof rows};
    pb_str after = pb_lit("");
    pb_status status = PB_OK;

    if (selection->document_id.size) {
        status = one_document(self, selection, choice, &one);
        status = status == PB_OK ? fn(arg, &one) : status;
        return status == PB_DECLINED ? (pb_status)PB_OK : status;
    }
    do {
        pb_value values[] = {pb_value_int(choice->place.id), pb_value_text(after)};
        status = ask(self, sql_document_page, values, 2, &rows);
        for (size_t i = 0; status == PB_OK && i < rows.count; i++) {
            const pb_value *cells = pb_cell(&rows, i, 0);
            after = cells[1].text;
            one = (struct chosen){.document = cells[0].integer, .passages = cells[2].integer};
            if (choice_has(choice, one.document))
                status = fn(arg, &one);
        }
    } while (status == PB_OK && rows.count);
    return status == PB_DECLINED ? (pb_status)PB_OK : status;
}

/* --- get, count
 * -----------------------------------------------------------------------------------------------
 */

struct gathering {
    pb_passage **all;
    size_t count, room;
};

static pb_status gather(void *arg, const struct chosen *one)
{
    struct gathering *gathering = arg;

    if (gathering->count == gathering->room) {
        size_t room = gathering->room ? gathering->room * 2 : 64;
        gathering->all = pb_grow(gathering->all, gathering->room * sizeof *gathering->all,
                                 room * sizeof *gathering->all);
        if (!gathering->all)
            return PB_NO_MEMORY;
        gathering->room = room;
    }
    gathering->all[gathering->count++] = one->passage;
    return PB_OK;
}

pb_status store_get(void *arg, const pb_vector_selection *selection, pb_passages *out)
{
    struct gathering gathering = {.count = 0};
    int64_t limit = selection->limit > 0 ? selection->limit : GET_MOST;
    struct choice choice;
    pb_status status = choice_open(arg, selection, &choice);

    if (status == PB_OK && choice.place.id)
        status = chosen_passages(arg, selection, &choice, limit, gather, &gathering);
    choice_close(&choice);
    return status == PB_OK ? passages_collect(out, gathering.all, gathering.count) : status;
}

static pb_status count_passage(void *arg, const struct chosen *one)
{
    (void)one;
    ++*(int64_t *)arg;
    return PB_OK;
}

static pb_status count_document(void *arg, const struct chosen *one)
{
    *(int64_t *)arg += one->passages;
    return PB_OK;
}

static pb_status count_collection(struct store *self, const struct place *place, int64_t *out)
{
    pb_value values[] = {pb_value_int(place->id), pb_value_int(0), pb_value_int(INT64_MAX)};
    pb_rows rows = {.size = sizeof rows};
    pb_status status = ask(self, sql_document_weight, values, 3, &rows);

    if (status == PB_OK)
        *out = pb_cell(&rows, 0, 0)->integer;
    return status;
}

pb_status store_count(void *arg, const pb_vector_selection *selection, int64_t *out)
{
    struct choice choice;
    pb_status status = choice_open(arg, selection, &choice);

    *out = 0;
    if (status == PB_OK && choice.place.id) {
        if (selects_parts(selection))
            status = chosen_passages(arg, selection, &choice, INT64_MAX, count_passage, out);
        else if (!choice.everybody)
            *out = (int64_t)choice.rows;
        else if (selection->document_id.size)
            status = chosen_documents(arg, selection, &choice, count_document, out);
        else
            status = count_collection(arg, &choice.place, out);
    }
    choice_close(&choice);
    return status;
}
