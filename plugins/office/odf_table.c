/* odf_table.c - tables of OpenDocument. A cell may say that it stands there a million times: empty
 * ones are counted and written before the next that is not. */
#include "odf.h"
#include "office.h"
#include "xml.h"

enum { REPEAT_MOST = 100 };

void odf_table_open(void *self, const char **attributes)
{
    struct odf *odf = self;
    const char *name = xml_get(attributes, "name");

    if (odf->sheets && !odf->job->draft.tables) {
        odf->job->draft.page++;
        draft_open(odf->job, PB_BLOCK_HEADING, 1);
        draft_add(odf->job, pb_str_of(name));
        draft_close(odf->job);
    }
    draft_table_open(odf->job);
}

void odf_table_close(void *self)
{
    draft_table_close(((struct odf *)self)->job);
}

void odf_row_close(void *self)
{
    draft_row_end(((struct odf *)self)->job);
}

void odf_cell_open(void *self, const char **attributes)
{
    struct odf *odf = self;

    odf->repeat = xml_number(attributes, "number-columns-repeated", 1);
    if (odf->job->draft.tables == 1)
        odf->cell = odf->job->draft.size;
}

/* The cell's text again, `times` times. */
static void repeat(struct job *job, size_t from, size_t size, int64_t times)
{
    for (; times > 0 && job->status == PB_OK; times--) {
        char *copy = job_keep(job, size);
        if (!copy)
            return;
        memcpy(copy, job->draft.text + from, size);
        draft_cell_end(job, 1);
        draft_add(job, pb_str_make(copy, size));
    }
}

void odf_cell_close(void *self)
{
    struct odf *odf = self;
    struct draft *draft = &odf->job->draft;

    if (draft->tables != 1) {
        draft_cell_end(odf->job, 1);
        return;
    }
    bool empty = draft->size == odf->cell;
    if (!empty && odf->repeat > 1)
        repeat(odf->job, draft->start, draft->size - draft->start,
               (odf->repeat < REPEAT_MOST ? odf->repeat : REPEAT_MOST) - 1);
    int64_t cells = empty && odf->repeat > 1 && odf->repeat <= 16384 ? odf->repeat : 1;
    draft_cell_end(odf->job, (size_t)cells);
    odf->repeat = 1;
}
