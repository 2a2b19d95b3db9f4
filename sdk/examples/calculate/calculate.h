/* calculate.h - the instance and its functions, for tables.c and calculate.cpp. */
#ifndef THIS_PLUGIN_H
#define THIS_PLUGIN_H

#include <patchbay/tool.h>

/* Filled by the host from YAML; what needs a constructor stands behind a pointer. */
struct calculate {
    pb_map constants; /* of double */
    struct names *names;
};

#ifdef __cplusplus
#define NEVER_THROWS noexcept
extern "C" {
#else
#define NEVER_THROWS
#endif

void calculate_check(const void *self, pb_diagnostics *diagnostics) NEVER_THROWS;
pb_status calculate_create(void *self) NEVER_THROWS;
void calculate_destroy(void *self) NEVER_THROWS;
pb_status calculate_list(void *self, pb_tool_list *out) NEVER_THROWS;
pb_status calculate_call(void *self, pb_str name, const pb_json *arguments,
                         const pb_json **out) NEVER_THROWS;

#ifdef __cplusplus
}
#endif

#endif
