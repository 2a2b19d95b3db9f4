/* chat_input.c - see chat_input.h. The editor asks for characters on the chat's own task, which
 * parks until the terminal has some: no thread, and the loop goes on.
 */
#include "app/chat_input.h"

#include "base/str.h"
#include "net/engine.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

enum { PLAIN_PIECE = 64 * 1024 };

/* --- signals ---------------------------------------------------------------------------------- */

void chat_input_wake(struct chat_input *input)
{
    if (input->waiting)
        waiter_wake(input->waiting);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct chat_input *input = handle->data;

    if (number == SIGINT)
        input->interrupted = true;
    else if (number == SIGWINCH)
        input->resized = true;
    else if (number == SIGCONT)
        input->resumed = true;
    else
        input->ending = true;
    chat_input_wake(input);
}

static void watch_signals(struct chat_input *input)
{
    static const int numbers[] = {SIGINT, SIGWINCH, SIGCONT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uv_signal_init(loop_uv(), &input->signals[i]);
        input->signals[i].data = input;
        uv_signal_start(&input->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&input->signals[i]);
    }
}

void chat_input_wait(struct chat_input *input, pb_duration limit)
{
    struct waiter waiter = {0};

    if (input->interrupted || input->ending)
        return;
    input->waiting = &waiter;
    (void)task_wait_for(&waiter, limit);
    input->waiting = NULL;
}

/* --- characters of a terminal ----------------------------------------------------------------- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    uv_poll_stop(poll);
    chat_input_wake(poll->data);
}

/* More bytes, or a signal. False: there will be none. Parks. */
static bool fill(struct chat_input *input)
{
    struct waiter waiter = {0};

    memmove(input->bytes, input->bytes + input->at, input->have - input->at);
    input->have -= input->at;
    input->at = 0;
    ssize_t got = read(input->fd, input->bytes + input->have, sizeof input->bytes - input->have);
    if (got > 0) {
        input->have += (size_t)got;
        return true;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        return false;
    if (uv_poll_start(&input->readable, UV_READABLE | UV_DISCONNECT, on_readable) != 0)
        return false;
    input->waiting = &waiter;
    pb_status status = task_wait(&waiter);
    input->waiting = NULL;
    uv_poll_stop(&input->readable);
    return status == PB_OK;
}

static bool decode(struct chat_input *input, wchar_t *out)
{
    const char *at = input->bytes + input->at;
    size_t left = input->have - input->at;
    size_t size = utf8_sequence(at, left);

    if (!left || (!size && left < 4 && (unsigned char)*at >= 0xC2 && utf8_skip(at, left) == left))
        return false; /* the rest of the character has not come */
    static const unsigned char bits[] = {0xFF, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = size ? (unsigned char)*at & bits[size] : 0xFFFD;
    for (size_t i = 1; i < size; i++)
        code = code << 6 | ((unsigned char)at[i] & 0x3F);
    input->at += size ? size : 1;
    *out = (wchar_t)code;
    return true;
}

static int next(void *arg, wchar_t *out)
{
    struct chat_input *input = arg;

    for (;;) {
        if (input->ending)
            return 0;
        if (input->interrupted) {
            input->interrupted = false;
            *out = EDIT_INTERRUPT;
            return 1;
        }
        if (input->resized) {
            input->resized = false;
            input->engine->resized(input->editor);
        }
        if (input->resumed) {
            input->resumed = false;
            input->engine->resumed(input->editor);
        }
        if (decode(input, out))
            return 1;
        if (!fill(input))
            return 0;
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static void remember(void *arg, const char *line)
{
    struct chat_input *input = arg;

    input->engine->remember(input->editor, line);
}

static void open_editor(void *arg)
{
    struct chat_input *input = arg;

    input->editor = input->engine->open(&input->host);
}

/* The terminal once more, so that reading it without blocking changes nobody else's descriptor. */
static bool open_terminal(struct chat_input *input)
{
    const char *name = ttyname(STDIN_FILENO);

    input->fd = name ? open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC) : -1;
    if (input->fd >= 0 && uv_poll_init(loop_uv(), &input->readable, input->fd) != 0) {
        close(input->fd);
        input->fd = -1;
    }
    return input->fd >= 0;
}

void chat_input_open(struct chat_input *input, const struct terminal *terminal)
{
    memset(input, 0, sizeof *input);
    input->terminal = terminal;
    input->fd = -1;
    if (!terminal->edits)
        return;
    input->engine = engine_open("edit", "patchbay_edit_engine");
    input->host = (struct edit_host){.arg = input, .next = next, .complete = chat_complete};
    if (!input->engine || !open_terminal(input)) {
        input->engine = NULL;
        pb_error_clear();
        return;
    }
    input->readable.data = input;
    task_on_scratch(open_editor, input); /* reading terminfo needs a deep stack */
    if (!input->editor) {
        input->engine = NULL;
        return;
    }
    watch_signals(input);
    chat_history_each(remember, input);
}

void chat_input_close(struct chat_input *input)
{
    if (input->editor) {
        input->engine->close(input->editor);
        for (size_t i = 0; i < sizeof input->signals / sizeof *input->signals; i++)
            uv_close((uv_handle_t *)&input->signals[i], NULL);
    }
    if (input->fd >= 0) {
        uv_close((uv_handle_t *)&input->readable, NULL);
        (void)pb_sleep(0); /* the loop lets go of it first */
        close(input->fd);
    }
    buf_fini(&input->plain);
}

/* --- lines ------------------------------------------------------------------------------------ */

static pb_status read_piece(void *arg)
{
    struct chat_input *input = arg;
    char *room = buf_room(&input->plain, PLAIN_PIECE);
    ssize_t got;

    do
        got = room ? read(STDIN_FILENO, room, PLAIN_PIECE) : 0;
    while (got < 0 && errno == EINTR);
    if (got > 0)
        input->plain.size += (size_t)got;
    input->plain_ended = got <= 0;
    return PB_OK;
}

static int read_plain(struct chat_input *input, pb_str *out)
{
    for (;;) {
        pb_str rest = pb_str_slice(buf_str(&input->plain), input->plain_at, SIZE_MAX / 2);
        size_t end = pb_str_find(rest, '\n');
        if (end < rest.size || (input->plain_ended && rest.size)) {
            input->plain_at += end + (end < rest.size);
            *out = pb_copy(pb_str_slice(rest, 0, end));
            return EDIT_LINE;
        }
        if (input->plain_ended || pb_offload(read_piece, input) != PB_OK)
            return EDIT_END;
    }
}

static int read_edited(struct chat_input *input, bool more, pb_str *out)
{
    const char *line;
    const char *mark = more ? "…" : "›";
    /* libedit shows a sequence with the character behind it: there must be one */
    pb_str shown = input->terminal->colour ? pb_printf("\1\033[0;1;32m\1%s\1\033[0m\1 ", mark)
                                           : pb_printf("%s ", mark);

    int what = input->engine->read(input->editor, shown.data, &line);
    if (what == EDIT_LINE)
        *out = pb_copy(pb_str_of(line));
    return what;
}

int chat_input_read(struct chat_input *input, pb_str *out)
{
    pb_buf whole = {0};
    bool more = false;

    do {
        pb_str line = {0};
        int what = input->engine ? read_edited(input, more, &line) : read_plain(input, &line);
        if (what != EDIT_LINE && !(what == EDIT_END && more))
            return what;
        more = what == EDIT_LINE && line.size && line.data[line.size - 1] == '\\';
        pb_buf_add(&whole, pb_str_slice(line, 0, line.size - more));
        if (more)
            pb_buf_byte(&whole, '\n');
    } while (more);
    *out = pb_str_trim(pb_buf_str(&whole));
    if (input->engine && out->size) {
        pb_str copy = pb_copy(*out);
        input->engine->remember(input->editor, copy.data);
        chat_history_add(copy);
    }
    return EDIT_LINE;
}
