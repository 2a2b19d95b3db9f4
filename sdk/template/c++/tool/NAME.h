/* @NAME@.h - the instance and its functions, for tables.c and @NAME@.cpp. */
#ifndef THIS_PLUGIN_H
#define THIS_PLUGIN_H

#include <patchbay/tool.h>

/* Filled by the host from YAML. */
struct @ID@ {
    pb_list holidays; /* of pb_str: YYYY-MM-DD */
};

#ifdef __cplusplus
#define NEVER_THROWS noexcept
extern "C" {
#else
#define NEVER_THROWS
#endif

void @ID@_check(const void *self, pb_diagnostics *diagnostics) NEVER_THROWS;
pb_status @ID@_list(void *self, pb_tool_list *out) NEVER_THROWS;
pb_status @ID@_call(void *self, pb_str name, const pb_json *arguments,
                    const pb_json **out) NEVER_THROWS;

#ifdef __cplusplus
}
#endif

#endif
