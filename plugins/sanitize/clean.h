/* clean.h - what is taken out of a text. Nothing here parks. */
#ifndef PLUGIN_SANITIZE_CLEAN_H
#define PLUGIN_SANITIZE_CLEAN_H

#include <patchbay/memory.h>

enum { HTML_KEEP, HTML_STRIP, HTML_ESCAPE };

struct clean {
    bool control;   /* control characters but tab and newline; \r\n becomes \n */
    bool invisible; /* zero-width and direction characters, tags, byte order marks */
    int32_t html;
};

/* The cleaned text: `text` itself when there is nothing to do, else a copy in the running scope.
 * Absent data with size 0 when memory is short (pb_error_last). */
pb_str clean_text(const struct clean *clean, pb_str text);

#endif
