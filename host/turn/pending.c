/* pending.c - stands in until the journal is written. */
#include <patchbay/patchbay.h>

pb_status host_turn_launch(const pb_turn_spec *spec, pb_launched *out) { (void)spec; (void)out; return PB_UNSUPPORTED; }
pb_status host_turn_follow(const pb_follow_spec *spec, pb_sink *sink) { (void)spec; (void)sink; return PB_NOT_FOUND; }
pb_status host_turn_set_header(pb_turn *turn, pb_str name, pb_str value) { (void)turn; (void)name; (void)value; return PB_OK; }
const pb_header *host_turn_headers(pb_turn *turn, size_t *count) { (void)turn; *count = 0; return NULL; }
