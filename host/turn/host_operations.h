/* host_operations.h - the host's operations that have files of their own; for the table of
 * host_operations.c. What holds for the whole service is asked of all workers. */
#ifndef HOST_TURN_HOST_OPERATIONS_H
#define HOST_TURN_HOST_OPERATIONS_H

#include "turn/operations.h"
#include <patchbay/service.h>

/* An answer of JSON. */
pb_status operation_answer(pb_content *out, pb_buf *buf);

/* turn_operations.c */
struct turn_in {
    pb_str id;
};
struct turns_in {
    int64_t limit;
    pb_str cursor;
};
extern const pb_field turn_in_fields[], turns_in_fields[];
pb_status turns_get(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status turns_cancel(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status turns_list(void *self, const pb_call *call, const void *in, pb_content *out);
void turn_operations_setup(void); /* answers to the other workers */

/* state_operations.c */
pb_status health_live(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status health_ready(void *self, const pb_call *call, const void *in, pb_content *out);
pb_status metrics_read(void *self, const pb_call *call, const void *in, pb_content *out);
void state_operations_setup(void);

/* problems.c */
struct problem_in {
    pb_str name;
};
extern const pb_field problem_in_fields[];
extern const char problem_output_schema[];
pb_status problems_get(void *self, const pb_call *call, const void *in, pb_content *out);

/* host_schemas.c */
extern const char turns_list_schema[], turn_explained_schema[], turn_cancelled_schema[],
    pipelines_schema[], instances_schema[], config_schema[], live_schema[], ready_schema[];

#endif
