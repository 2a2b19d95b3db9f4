/* odf.h - what the two halves of the reader of OpenDocument share. */
#ifndef OFFICE_ODF_H
#define OFFICE_ODF_H

#include "names.h"
#include "package.h"

struct odf_style {
    pb_str parent;
    int32_t outline;
    bool code;
};

struct odf {
    struct job *job;
    struct names styles;
    int lists;   /* how deep inside lists */
    int notes;   /* inside of a footnote: its text stays in the paragraph */
    bool sheets; /* a spreadsheet: tables are sheets */
    bool title;  /* inside a slide's title */
    bool titled;
    bool paragraph; /* inside of one: other white space is layout */
    size_t first;   /* leaf of this slide */
    int32_t page;
    int64_t repeat; /* of the running cell */
    size_t cell;    /* where the running cell begins */
};

void odf_table_open(void *self, const char **attributes);
void odf_table_close(void *self);
void odf_row_close(void *self);
void odf_cell_open(void *self, const char **attributes);
void odf_cell_close(void *self);

#endif
