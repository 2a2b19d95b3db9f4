/* host_table.c - the table of functions that plugins call, built from PB_HOST_API. */
#include "plugin/loader.h"

const pb_host host_table = {
    .size = sizeof(pb_host),
    .level = PB_API_LEVEL,
#define MEMBER(api_level, result, name, arguments) .name = host_##name,
    PB_HOST_API(MEMBER)
#undef MEMBER
};
