/* diagnostics.h - problems of a configuration, collected in one run and printed sorted by place.
 *
 *     config/quickstart.yaml:14:9: pipelines.support.stages[2].retrieve.topk: unknown option; did you mean 'top_k'?
 *
 * A sentence says what is wrong, then, after a semicolon, what would be right. It never shows a
 * secret. Problems of JSON input have no file; their path is a JSON pointer. All in the running scope.
 */
#ifndef HOST_CONFIG_DIAGNOSTICS_H
#define HOST_CONFIG_DIAGNOSTICS_H

#include "config/tree.h"

struct config_diagnostic {
    struct config_mark mark; /* file NULL: no place in a file */
    pb_str path;             /* "llms.main.model", or a JSON pointer; may be empty */
    pb_str sentence;
    bool warning;
    struct config_diagnostic *next;
};

enum { CONFIG_DIAGNOSTICS = 1000 }; /* so many are kept, the rest is counted */

/* Begin with all zero. */
struct config_diagnostics {
    struct config_diagnostic *first, *last;
    size_t errors, warnings; /* what was reported, kept or not */
    size_t kept;
};

/* Reports a problem or a warning at a node. */
PB_PRINTF(3, 4)
void config_problem(struct config_diagnostics *diagnostics, const struct config_node *node,
                    const char *format, ...);
PB_PRINTF(3, 4)
void config_warning(struct config_diagnostics *diagnostics, const struct config_node *node,
                    const char *format, ...);

/* The same at the node's key: for a name that should not be there. */
PB_PRINTF(3, 4)
void config_problem_key(struct config_diagnostics *diagnostics, const struct config_node *node,
                        const char *format, ...);

/* Reports at the field `field` under `node` ("limits.max", "keys[2].hash"; "" for the node itself),
 * or at the nearest node that is there: what a plugin's check() says. */
void config_report_field(struct config_diagnostics *diagnostics, struct config_node *node,
                         pb_str field, bool warning, pb_str sentence);

/* Reports at any place; `path` and `sentence` are copied. */
void config_report(struct config_diagnostics *diagnostics, const struct config_mark *mark,
                   pb_str path, bool warning, pb_str sentence);

/* Reports every key of the map `node` that is not in `names` (count of them) as unknown, with the
 * nearest match. `what`: "section", "option". */
void config_report_unknown(struct config_diagnostics *diagnostics, const struct config_node *node,
                           const char *what, const pb_str *names, size_t count);

/* Sorts by file, line and column (without a file: as reported). */
void config_diagnostics_sort(struct config_diagnostics *diagnostics);

/* One line each, sorted. */
void config_diagnostics_print(struct config_diagnostics *diagnostics, pb_buf *out);

/* [{"file":…,"line":…,"column":…,"path":…,"sentence":…,"warning":…}, …], sorted. */
void config_diagnostics_json(struct config_diagnostics *diagnostics, pb_json_writer *writer);

#endif
