/* place.h - where a passage stands, in one line for people. */
#ifndef HOST_APP_PLACE_H
#define HOST_APP_PLACE_H

#include <patchbay/json.h>

/* "sdk/README.md › A whole plugin, page 3, lines 7–41" of a source or a passage of the native API; in
 * the running scope, without control characters. */
pb_str place_of(const pb_json *source);

#endif
