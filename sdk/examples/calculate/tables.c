/* tables.c - what calculate is to the host: its options, and which function does what. */
#include "calculate.h"

static const pb_field calculate_options[] = {
    PB_MAP(struct calculate, constants, PB_KIND_FLOAT,
           .help = "Names that an expression may use, and their values; pi and e are there."),
    PB_END,
};

PB_PLUGIN("calculate", "0.1.0", "Apache-2.0", "Calculates for a model.",
          PB_TOOL("calculate", struct calculate, calculate_options, .check = calculate_check,
                  .create = calculate_create, .destroy = calculate_destroy,
                  .list = calculate_list, .call = calculate_call));
