/* office.h - the readers of the formats. Each fills job->draft and job->meta on a helper thread and
 * returns the job's status. */
#ifndef OFFICE_OFFICE_H
#define OFFICE_OFFICE_H

#include "draft.h"
#include "package.h"

/* The whole file, of whatever kind its content says. */
pb_status office_read(struct job *job);

/* `part` is the package's main part. */
pb_status docx_read(struct package *package, const char *part);
pb_status pptx_read(struct package *package, const char *part);
pb_status xlsx_read(struct package *package, const char *part);
pb_status odf_read(struct package *package);
pb_status epub_read(struct package *package);
/* One chapter of a book. */
pb_status xhtml_read(struct package *package, const char *part);
pb_status rtf_read(struct job *job);

/* Title, author, … of docProps/core.xml, meta.xml. */
pb_status properties_read(struct package *package, const char *part);

/* Is this the name of a style or font for code? */
bool names_code(const char *name);
/* 1 to 9 for "Heading 2", "heading_20_2", "Heading2"; 1 for "Title"; 0 for any other. */
int32_t names_heading(const char *name);

#endif
