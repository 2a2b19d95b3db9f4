/* explain.h - a turn's trace as a tree, for people. */
#ifndef HOST_APP_EXPLAIN_H
#define HOST_APP_EXPLAIN_H

#include <patchbay/json.h>

/* On standard output; `turn` is what GET /v1/turns/{id} answers. */
void explain_print(const pb_json *turn);

#endif
