/* xlsx.h - what the reader of XLSX and its formats of numbers share. */
#ifndef OFFICE_XLSX_H
#define OFFICE_XLSX_H

#include "names.h"
#include "package.h"

enum { SHOW_GENERAL, SHOW_FIXED, SHOW_PERCENT, SHOW_DATE, SHOW_TIME, SHOW_DATE_TIME };

struct xlsx_format {
    int show, decimals;
};

struct xlsx_formats {
    struct job *job;
    struct names codes; /* of this workbook's own, by their number as text */
    struct xlsx_format *cells;
    size_t count, room;
    bool since_1904, in_cells;
};

pb_status xlsx_formats_read(struct xlsx_formats *formats, struct package *package,
                            const char *part);
/* `value` roughly as the sheet shows it: 2026-03-01, 12.5%, 3.00. */
void xlsx_show(const struct xlsx_formats *formats, int64_t style, const char *value, char out[64]);
/* A format's code ("yyyy-mm-dd", "0.00%") as one of the above. */
struct xlsx_format xlsx_format_of(const char *code);

#endif
