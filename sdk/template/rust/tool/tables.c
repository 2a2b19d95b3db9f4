/* tables.c - what @NAME@ is to the host: its options, and which function does what. */
#include <patchbay/tool.h>

/* The instance, filled by the host from YAML. @NAME@.rs has the same members in the same order. */
struct @ID@ {
    pb_list holidays; /* of pb_str: YYYY-MM-DD */
};
_Static_assert(sizeof(struct @ID@) == 16, "change @NAME@.rs as well");

void @ID@_check(const void *self, pb_diagnostics *diagnostics);
pb_status @ID@_list(void *self, pb_tool_list *out);
pb_status @ID@_call(void *self, pb_str name, const pb_json *arguments, const pb_json **out);

static const pb_field @ID@_options[] = {
    PB_LIST(struct @ID@, holidays, PB_KIND_STR,
            .help = "Days (YYYY-MM-DD) on which nobody works, beside Saturdays and Sundays."),
    PB_END,
};

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Reckons with dates.",
          PB_TOOL("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check, .list = @ID@_list,
                  .call = @ID@_call));
