/* @NAME@.h - the instance and its functions, for tables.c and @NAME@.cpp. */
#ifndef THIS_PLUGIN_H
#define THIS_PLUGIN_H

#include <patchbay/stage.h>

/* Filled by the host from YAML. */
struct @ID@ {
    pb_map terms; /* of pb_str */
    pb_str intro;
};

#ifdef __cplusplus
#define NEVER_THROWS noexcept
extern "C" {
#else
#define NEVER_THROWS
#endif

void @ID@_check(const void *self, pb_diagnostics *diagnostics) NEVER_THROWS;
pb_status @ID@_run(void *self, pb_turn *turn, const pb_next *next) NEVER_THROWS;

#ifdef __cplusplus
}
#endif

#endif
