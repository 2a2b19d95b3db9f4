/* edit.h - the line editor, an engine of its own (engine_edit.c: libedit), opened by who needs it.
 *
 * It asks `next` for every character, which may park: so lines are edited on a task like any other,
 * and the loop goes on.
 */
#ifndef HOST_APP_EDIT_H
#define HOST_APP_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

enum { EDIT_LINE, EDIT_INTERRUPTED, EDIT_END };
enum { EDIT_INTERRUPT = 3 }; /* what `next` gives for Ctrl-C */

struct edit_host {
    void *arg;
    /* The next character: 1, 0 at the end of input, -1 when there will be none. Parks. */
    int (*next)(void *arg, wchar_t *out);
    /* What completes `line` up to its cursor: text to insert, of at most `room` bytes with its NUL.
     * 0: nothing does. */
    size_t (*complete)(void *arg, const char *line, char *out, size_t room);
};

struct edit_engine {
    void *(*open)(const struct edit_host *host); /* NULL: the terminal cannot be used */
    /* Reads a line, or several; *out is valid until the next call. EDIT_…. `prompt` may hold style
     * sequences between bytes of 1. */
    int (*read)(void *editor, const char *prompt, const char **out);
    void (*remember)(void *editor, const char *line); /* in the history, not twice in a row */
    void (*resized)(void *editor);                    /* the window */
    void (*resumed)(void *editor);                    /* after Ctrl-Z and fg */
    void (*close)(void *editor);
};

/* The symbol of engine "edit". */
extern const struct edit_engine patchbay_edit_engine;

#endif
