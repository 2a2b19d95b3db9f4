/* docs.h - pages for people: the reference (GET /docs), and what a problem means. All are made of text alone:
 * one document with its style and script inside, named by their hashes in the Content-Security-Policy.
 */
#ifndef HOST_TURN_DOCS_H
#define HOST_TURN_DOCS_H

#include "turn/openapi.h"

/* docs_html.c */
void html_text(pb_buf *buf, pb_str text); /* escaped */
/* Text with `code` in it; and paragraphs of that. */
void html_line(pb_buf *buf, pb_str text);
void html_prose(pb_buf *buf, pb_str text);
/* The page up to <body>, and its end. `script`: with that of the reference. */
void html_begin(pb_buf *buf, pb_str title);
void html_end(pb_buf *buf, bool script);
/* type, body and the policy as header; the page's text must live as long as the content. */
pb_status html_answer(pb_content *out, pb_str page, bool script);

/* docs_schema.c: fields with type, range, default and help; links to named schemas. */
void docs_type(pb_buf *buf, const pb_json *schema);
void docs_notes(pb_buf *buf, const pb_json *schema);
/* The members of an object's schema as a table, or what else it is as a line. */
void docs_fields(pb_buf *buf, const pb_json *schema, int depth);

/* docs_operation.c: one operation; `document` is the whole. */
struct docs_entry {
    const pb_json *document;
    pb_str method, path;
    const pb_json *operation;
};
void docs_operation(pb_buf *buf, const struct docs_entry *entry);

/* docs_page.c: made once. May park. */
pb_status docs_page(pb_content *out);
void docs_fini(void);

#endif
