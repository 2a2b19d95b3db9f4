/* @NAME@.h - the instance and its functions, for tables.c and @NAME@.cpp. */
#ifndef THIS_PLUGIN_H
#define THIS_PLUGIN_H

#include <patchbay/llm.h>

struct rule {
    pb_str words;
    pb_str reply;
};

/* Filled by the host from YAML. */
struct @ID@ {
    pb_list rules; /* of struct rule */
    pb_str otherwise;
    pb_duration pause;
};

#ifdef __cplusplus
#define NEVER_THROWS noexcept
extern "C" {
#else
#define NEVER_THROWS
#endif

void @ID@_check(const void *self, pb_diagnostics *diagnostics) NEVER_THROWS;
pb_status @ID@_generate(void *self, const pb_llm_request *request, pb_sink *sink) NEVER_THROWS;

#ifdef __cplusplus
}
#endif

#endif
