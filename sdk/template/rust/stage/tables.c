/* tables.c - what @NAME@ is to the host: its options, and which function does what. */
#include <patchbay/stage.h>

/* The instance, filled by the host from YAML. @NAME@.rs has the same members in the same order. */
struct @ID@ {
    pb_map terms; /* of pb_str */
    pb_str intro;
};
_Static_assert(sizeof(struct @ID@) == 40, "change @NAME@.rs as well");

void @ID@_check(const void *self, pb_diagnostics *diagnostics);
pb_status @ID@_run(void *self, pb_turn *turn, const pb_next *next);

static const pb_field @ID@_options[] = {
    PB_MAP(struct @ID@, terms, PB_KIND_STR, .required = 1, .help = "Terms and what they mean."),
    PB_STR(struct @ID@, intro, .def = "Words that are used here:",
           .help = "Stands above the meanings."),
    PB_END,
};

PB_PLUGIN("@NAME@", "0.1.0", "MIT", "Explains a team's own words to the model.",
          PB_STAGE("@NAME@", struct @ID@, @ID@_options, .check = @ID@_check, .run = @ID@_run));
