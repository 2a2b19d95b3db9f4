/* tables.c - what mask is to the host: its options, and which function does what. */
#include <patchbay/stage.h>

/* The instance, filled by the host from YAML. mask.rs has the same members in the same order. */
struct mask {
    pb_str with;
    pb_list keep; /* of pb_str */
};
_Static_assert(sizeof(struct mask) == 32, "change mask.rs as well");

void mask_check(const void *self, pb_diagnostics *diagnostics);
pb_status mask_run(void *self, pb_turn *turn, const pb_next *next);

static const pb_field mask_options[] = {
    PB_STR(struct mask, with, .def = "[e-mail]", .help = "What the model sees in their place."),
    PB_LIST(struct mask, keep, PB_KIND_STR,
            .help = "Domains whose addresses stay: \"example.com\"."),
    PB_END,
};

PB_PLUGIN("mask", "0.1.0", "Apache-2.0", "Masks e-mail addresses before a model sees them.",
          PB_STAGE("mask", struct mask, mask_options, .check = mask_check, .run = mask_run));
