/* new.h - `patchbay new KIND NAME`: which kinds there are templates for. */
#ifndef HOST_APP_NEW_H
#define HOST_APP_NEW_H

#include <patchbay/types.h>

struct new_kind {
    const char *name;
    const char *summary; /* what the written plugin does */
};

extern const struct new_kind new_kinds[]; /* ends with a NULL name */

/* May a plugin be called so? NULL, or why not. Its name is a file, a target of CMake, and with '_' for
 * '-' the beginning of names in C. */
const char *new_name_problem(const char *name);

/* Copies the files of `from` into the folder `to`, which is there; in their names NAME, and in their text
 * @NAME@ and @ID@ (as a word of C), become `name`. Fails with a sentence. */
pb_status new_copy(const char *from, const char *to, const char *name);

#endif
