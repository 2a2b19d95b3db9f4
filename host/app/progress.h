/* progress.h - a line at the bottom of the terminal that tells how far something is; plain lines
 * above it. Without a terminal there are the plain lines only.
 */
#ifndef HOST_APP_PROGRESS_H
#define HOST_APP_PROGRESS_H

#include "app/terminal.h"

struct progress {
    const struct terminal *terminal;
    pb_duration drawn; /* when, last */
    bool shown;
    bool silent; /* nothing is printed at all: --json */
};

/* "uploading manual.pdf [#####-----] 45%"; a share below 0 is not known. Draws ten times a second at
 * most. Parks as writing does. */
void progress_show(struct progress *progress, pb_str what, double share);
void progress_clear(struct progress *progress);

/* A line that stays. */
void progress_say(struct progress *progress, unsigned style, pb_str mark, pb_str line);

/* "34 KB" */
pb_str size_text(int64_t bytes);

#endif
