/* docx.h - what the two halves of the reader of DOCX share. */
#ifndef OFFICE_DOCX_H
#define OFFICE_DOCX_H

#include "names.h"
#include "package.h"

/* A paragraph style; what it leaves open its parent says. */
struct docx_style {
    pb_str id, based_on;
    int32_t outline; /* 1 to 9: a heading; 0: open; -1: none */
    int32_t list;    /* a list item of this level; 0: open */
    bool code, title;
};

struct docx_styles {
    struct job *job;
    struct names styles;
    struct docx_style *running;
};

pb_status docx_styles_read(struct docx_styles *styles, struct package *package, const char *part);
/* What a style means with its parents; all zero for NULL and for one that is not there. */
struct docx_style docx_style_of(struct docx_styles *styles, const char *id);

#endif
