/* time.h - the host's clocks: host_now() and host_monotonic() of <patchbay/task.h>, and their text.
 *
 * Any thread. Deadlines come from the monotonic clock, everything that people see from the other.
 */
#ifndef HOST_BASE_TIME_H
#define HOST_BASE_TIME_H

#include <patchbay/host_api.h>

enum { TIME_TEXT_SIZE = 25 };

/* For tests: both clocks go forward by this much at once. */
void time_advance(pb_duration by);

/* "2024-05-06T07:08:09.123Z" (RFC 3339, UTC) with its NUL. Years 0 to 9999, else cut to them. */
void time_text(pb_time moment, char out[TIME_TEXT_SIZE]);

#endif
