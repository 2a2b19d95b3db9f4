/* tables.c - what @NAME@ is to the host: its options, and which function does what. */
#include "@NAME@.h"

static const pb_field @ID@_options[] = {
    PB_LIST(struct @ID@, holidays, PB_KIND_STR,
            .help = "Days (YYYY-MM-DD) on which nobody works, beside Saturdays and Sundays."),
    PB_END,
};

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Reckons with dates.",
          PB_TOOL("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check, .list = @ID@_list,
                  .call = @ID@_call));
