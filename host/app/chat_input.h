/* chat_input.h - what a person types: edited lines in a terminal, plain ones from a file or pipe; and
 * Ctrl-C at any time.
 */
#ifndef HOST_APP_CHAT_INPUT_H
#define HOST_APP_CHAT_INPUT_H

#include "app/edit.h"
#include "app/terminal.h"
#include "base/buf.h"
#include "runtime/task.h"

struct chat_input {
    const struct terminal *terminal;
    struct edit_host host;
    const struct edit_engine *engine; /* NULL: plain lines */
    void *editor;
    int fd;                 /* the terminal, opened once more: only this one never blocks */
    uv_poll_t readable;
    uv_signal_t signals[5];
    struct waiter *waiting; /* who is to be woken by a signal or a key */
    char bytes[512];        /* came, not yet taken */
    size_t at, have;
    struct buf plain;       /* read from the file or pipe */
    size_t plain_at;
    bool plain_ended;
    bool interrupted; /* Ctrl-C since it was last looked at */
    bool ending;      /* SIGTERM, SIGHUP */
    bool resized, resumed;
};

/* Needs the loop. What cannot be edited is read plainly: not a failure. */
void chat_input_open(struct chat_input *input, const struct terminal *terminal);
void chat_input_close(struct chat_input *input);

/* One message: EDIT_LINE, EDIT_INTERRUPTED or EDIT_END. A backslash at the end of a line goes on in
 * the next. *out is in the running scope. Parks. */
int chat_input_read(struct chat_input *input, pb_str *out);

/* Parks until a signal comes, chat_input_wake is called, or `limit` has passed. */
void chat_input_wait(struct chat_input *input, pb_duration limit);
void chat_input_wake(struct chat_input *input);

/* chat_history.c: the lines of earlier chats, oldest first, and one more for the next. */
void chat_history_each(void (*each)(void *arg, const char *line), void *arg);
void chat_history_add(pb_str line);

/* chat_commands.c: what completes a line that begins with a slash; as edit_host.complete. */
size_t chat_complete(void *arg, const char *line, char *out, size_t room);

#endif
