/* nearest.h - the known word that a misspelt one most likely means: "did you mean 'top_k'?". */
#ifndef HOST_CONFIG_NEAREST_H
#define HOST_CONFIG_NEAREST_H

#include <patchbay/memory.h>

/* The word of `words` that is nearest to `word`, or the absent string when none is near: about one
 * wrong, missing, extra or swapped letter in three. Letter case and `-` for `_` do not count. */
pb_str nearest_match(pb_str word, const pb_str *words, size_t count);

/* "; did you mean 'top_k'?", or else "; known are 'a', 'b' and 'c'" (the first of them when there
 * are many), or "" with none. In the running scope. */
pb_str nearest_hint(pb_str word, const pb_str *words, size_t count);

#endif
