/* metrics_merge.h - the figures of several processes as those of one service.
 *
 * Counters, histograms and gauges of the same name and labels are added up. Not added up, but taken
 * from who says most: gauges with a label "worker", and what is called …_shared_…, because all
 * workers see the same.
 */
#ifndef HOST_BASE_METRICS_MERGE_H
#define HOST_BASE_METRICS_MERGE_H

#include "base/map.h"
#include <patchbay/memory.h>

struct metrics_merge {
    struct merge_family *first, **last;
    struct map families, series;
};

void metrics_merge_init(struct metrics_merge *merge);

/* Takes a text that metrics_write made, which must live until the end, as the running scope must.
 * PB_INVALID: a line is none of such a text; PB_NO_MEMORY. What was read until then counts. */
pb_status metrics_merge_add(struct metrics_merge *merge, pb_str text);

/* In the order of first appearance, the lines of one name together. */
void metrics_merge_write(const struct metrics_merge *merge, pb_buf *out);

void metrics_merge_fini(struct metrics_merge *merge);

#endif
