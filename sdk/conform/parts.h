/* parts.h - a static plugin with simple parts for others to refer to: no network, no files, and the
 * same answer to the same question, however many ask at once. */
#ifndef CONFORM_PARTS_H
#define CONFORM_PARTS_H

#include <patchbay/abi.h>

extern const pb_plugin conform_parts;

#endif
