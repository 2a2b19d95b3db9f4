/* new.h - `patchbay new KIND NAME`: which kinds there are templates for. */
#ifndef HOST_APP_NEW_H
#define HOST_APP_NEW_H

#include <patchbay/types.h>

struct new_kind {
    const char *name;
    const char *summary; /* what the written plugin does */
};

extern const struct new_kind new_kinds[]; /* ends with a NULL name */

/* What the code of a plugin is written in. Its tables are C always. */
struct new_language {
    const char *name; /* and the folder of its templates; those of C stand beside it */
    const char *suffix; /* of the file with the plugin's code */
    const char *summary;
};

extern const struct new_language new_languages[]; /* ends with a NULL name; the first is C */

/* Says on stderr that there is no such language, or no template of `kind` in it and of which there is
 * one, and returns NULL. `templates` is the folder of all; `name` NULL: C. */
const struct new_language *new_language_find(const char *templates, const char *name,
                                             const char *kind);

/* Their part of the help. */
void new_language_help(const char *templates);

/* The folders below `templates` whose files together are a plugin of this kind, NULL at the end: where two
 * have a file, that of the first is taken. In the running scope. */
enum { NEW_PARTS = 5 };
void new_parts(const struct new_language *language, const char *kind, const char *out[NEW_PARTS]);

/* May a plugin be called so? NULL, or why not. Its name is a file, a target of CMake, and with '_' for
 * '-' the beginning of names in C. */
const char *new_name_problem(const char *name);

/* Copies the files of `from` into the folder `to`, which is there, but those that are there already and
 * the one called `skip` (NULL: none); in their names NAME, and in their text @NAME@ and @ID@ (as a word of
 * C), become `name`. Fails with a sentence. */
pb_status new_copy(const char *from, const char *to, const char *name, const char *skip);

#endif
