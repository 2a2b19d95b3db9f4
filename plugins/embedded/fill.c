/* fill.c - gives a builder the documents of some versions, read from the tables a page at a time;
 * the work of each page is done on a helper thread. */
#include "embedded.h"

enum { GROUP_ROWS = 512, DIRECT_BYTES = 16 << 10 };

struct group {
    struct builder *builder;
    const pb_rows *documents; /* NULL: rows of the document that was added last */
    size_t first, count;      /* of the documents */
    const pb_rows *rows;
    bool failed;
};

static void add_rows_of(struct group *group, int64_t document, size_t *at)
{
    for (; *at < group->rows->count; ++*at) {
        const pb_value *cells = pb_cell(group->rows, *at, 0);
        if (document && cells[1].integer != document)
            return;
        const pb_str vector = cells[5].type == PB_VALUE_BYTES ? cells[5].text : pb_lit("");
        if (!builder_row(group->builder, cells[0].integer, vector.data, vector.size,
                         cells[3].text.data, cells[3].text.size, cells[4].text.data,
                         cells[4].text.size))
            group->failed = true;
    }
}

static pb_status add_group(void *arg)
{
    struct group *group = arg;
    size_t at = 0;

    if (!group->documents)
        add_rows_of(group, 0, &at);
    for (size_t i = 0; i < group->count && !group->failed; i++) {
        const pb_value *cells = pb_cell(group->documents, group->first + i, 0);
        if (!builder_document(group->builder, cells[0].integer, cells[4].text.data,
                              cells[4].text.size))
            group->failed = true;
        add_rows_of(group, cells[0].integer, &at);
    }
    return group->failed ? PB_NO_MEMORY : PB_OK;
}

static pb_status run_group(struct group *group)
{
    size_t bytes = 0;

    for (size_t i = 0; i < group->rows->count; i++)
        bytes += pb_cell(group->rows, i, 4)->text.size;
    pb_status status = bytes > DIRECT_BYTES ? pb_offload(add_group, group) : add_group(group);
    return group->failed ? pb_fail(PB_NO_MEMORY, "there is no memory to index a collection")
                         : status;
}

/* One document with more passages than a group has. */
static pb_status add_long(struct store *self, struct group *group)
{
    const pb_value *document = pb_cell(group->documents, group->first, 0);
    pb_rows none = {.size = sizeof none}, rows = {.size = sizeof rows};
    int64_t idx = INT64_MIN, id = 0;
    pb_status status;

    group->rows = &none;
    status = run_group(group);
    group->documents = NULL;
    group->count = 0;
    do {
        if (status != PB_OK)
            return status;
        pb_scope *scope = pb_scope_begin();
        pb_value values[] = {pb_value_int(document[0].integer), pb_value_int(idx),
                             pb_value_int(id)};
        status = ask(self, sql_build_long, values, 3, &rows);
        group->rows = &rows;
        status = status == PB_OK ? run_group(group) : status;
        if (status == PB_OK && rows.count) {
            id = pb_cell(&rows, rows.count - 1, 0)->integer;
            idx = pb_cell(&rows, rows.count - 1, 2)->integer;
        }
        pb_scope_end(scope);
    } while (rows.count);
    return status;
}

static pb_status add_short(struct store *self, struct group *group)
{
    int64_t ids[256];
    pb_rows rows = {.size = sizeof rows};

    for (size_t i = 0; i < group->count; i++)
        ids[i] = pb_cell(group->documents, group->first + i, 0)->integer;
    pb_value values[] = {pb_value_text(ids_text(ids, group->count))};
    pb_status status = ask(self, sql_build_passages, values, 1, &rows);
    group->rows = &rows;
    return status == PB_OK ? run_group(group) : status;
}

/* A page of documents, in groups of so many that their passages fit in a query. */
static pb_status add_page(struct store *self, struct builder *builder, const pb_rows *documents,
                          size_t count)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < count && status == PB_OK;) {
        struct group group = {.builder = builder, .documents = documents, .first = i};
        int64_t passages = 0;
        do
            passages += pb_cell(documents, i++, 3)->integer;
        while (i < count && i - group.first < 256 &&
               passages + pb_cell(documents, i, 3)->integer <= GROUP_ROWS);
        group.count = i - group.first;
        pb_scope *scope = pb_scope_begin();
        status = passages > GROUP_ROWS ? add_long(self, &group) : add_short(self, &group);
        pb_scope_end(scope);
    }
    return status;
}

/* How many of the page belong to the piece: a version is never cut in two. */
static size_t count_fitting(struct build *build, const pb_rows *rows, int64_t *passages,
                            int64_t most)
{
    size_t count = 0;

    for (; count < rows->count; count++) {
        const pb_value *cells = pb_cell(rows, count, 0);
        bool next = count == 0 || cells[1].integer != pb_cell(rows, count - 1, 1)->integer;
        if (next && count && *passages >= most) {
            build->to = pb_cell(rows, count - 1, 1)->integer;
            build->to_stamp = pb_cell(rows, count - 1, 2)->integer;
            break;
        }
        *passages += cells[3].integer;
    }
    return count;
}

pb_status fill_documents(struct store *self, struct builder *builder, struct build *build)
{
    int64_t version = build->from, id = INT64_MAX, passages = 0;
    pb_status status = PB_OK;
    size_t count;

    do {
        pb_scope *scope = pb_scope_begin();
        pb_rows rows = {.size = sizeof rows};
        pb_value values[] = {pb_value_int(build->collection), pb_value_int(version),
                             pb_value_int(id), pb_value_int(build->to)};
        status = ask(self, sql_build_documents, values, 4, &rows);
        count = status == PB_OK ? count_fitting(build, &rows, &passages, self->segment) : 0;
        if (count) {
            version = pb_cell(&rows, count - 1, 1)->integer;
            id = pb_cell(&rows, count - 1, 0)->integer;
            status = add_page(self, builder, &rows, count);
            self->figures.built_rows += (double)rows.count;
        }
        pb_scope_end(scope);
    } while (count && status == PB_OK);
    return status;
}

pb_status fill_gone(struct store *self, struct builder *builder, const struct build *build)
{
    int64_t version = build->from, document = INT64_MAX;
    pb_status status = PB_OK;
    size_t count = build->from > 0;

    while (count && status == PB_OK) {
        pb_scope *scope = pb_scope_begin();
        pb_rows rows = {.size = sizeof rows};
        pb_value values[] = {pb_value_int(build->collection), pb_value_int(version),
                             pb_value_int(document), pb_value_int(build->to)};
        status = ask(self, sql_change_page, values, 4, &rows);
        count = status == PB_OK ? rows.count : 0;
        for (size_t i = 0; i < count; i++) {
            version = pb_cell(&rows, i, 0)->integer;
            document = pb_cell(&rows, i, 1)->integer;
            if (!builder_gone(builder, document))
                status = pb_fail(PB_NO_MEMORY, "there is no memory to index a collection");
        }
        pb_scope_end(scope);
    }
    return status;
}
