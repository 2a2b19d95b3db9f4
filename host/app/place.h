/* place.h - where a passage stands, in one line for people. */
#ifndef HOST_APP_PLACE_H
#define HOST_APP_PLACE_H

#include <patchbay/json.h>

/* "sdk/README.md › A whole plugin, page 3, lines 7–41" of a source or a passage of the native API; in
 * the running scope, without control characters. What is wider than `room` columns has only the last
 * of its headings, and is cut if need be. */
pb_str place_of(const pb_json *source, size_t room);

#endif
