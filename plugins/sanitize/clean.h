/* clean.h - what is taken out of a text. Nothing here parks; the work is linear in the text. */
#ifndef PLUGIN_SANITIZE_CLEAN_H
#define PLUGIN_SANITIZE_CLEAN_H

#include <patchbay/memory.h>

enum { HTML_KEEP, HTML_STRIP, HTML_ESCAPE };

struct clean {
    bool control;   /* control characters but tab and newline; \r\n and \r become \n */
    bool invisible; /* zero-width and direction characters, tags, byte order marks */
    int32_t html;
};

/* The cleaned text: `text` itself when there is nothing to do, else a copy in the running scope.
 * Absent when memory is short (pb_error_last). Bytes that are not UTF-8 stay as they are. */
pb_str clean_text(const struct clean *clean, pb_str text);

/* html.c: `text` without tags, comments, scripts and styles, as clean_text. What is left has no
 * "<name …>" in it, also none that was put together by taking out another. */
pb_str strip_html(pb_str text);

#endif
