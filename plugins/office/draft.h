/* draft.h - the result as the readers of formats say it: paragraphs, text, tables, cells.
 *
 * White space is put in order here: runs become one, ends are trimmed, empty paragraphs and rows
 * vanish. Inside a table everything is its text: rows by newline, cells by tab, a table in a table
 * is words of the cell. Invalid UTF-8 becomes U+FFFD; control characters are dropped.
 */
#ifndef OFFICE_DRAFT_H
#define OFFICE_DRAFT_H

#include "job.h"

#include <patchbay/extractor.h>

/* A paragraph begins and ends. Text outside of any makes one of type text. */
void draft_open(struct job *job, int32_t type, int32_t level);
void draft_close(struct job *job);
/* Changes what the running paragraph is; does nothing inside a table. */
void draft_become(struct job *job, int32_t type, int32_t level);

/* Text whose newlines and tabs mean something (office formats), or nothing (XHTML). */
void draft_add(struct job *job, pb_str text);
void draft_flow(struct job *job, pb_str text);
void draft_code_point(struct job *job, uint32_t code);

void draft_table_open(struct job *job);
void draft_cell_end(struct job *job, size_t cells);
void draft_row_end(struct job *job);
void draft_table_close(struct job *job);

#endif
