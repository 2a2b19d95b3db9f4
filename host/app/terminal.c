/* terminal.c - see terminal.h. The descriptor may be shared with other programs, so it stays in
 * blocking mode; poll() says when a write of up to PIPE_BUF bytes will not block.
 */
#include "app/terminal.h"

#include "base/str.h"
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <patchbay/task.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum { WIDTH_LEAST = 20, WIDTH_USUAL = 80, ID_SHOWN = 8, UUID_SIZE = 36 };

struct terminal terminal_open(bool no_colour)
{
    const char *term = getenv("TERM"), *none = getenv("NO_COLOR");
    struct terminal terminal = {.out = STDOUT_FILENO};
    bool dumb = !term || !*term || strcmp(term, "dumb") == 0;

    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
    terminal.live = !dumb && isatty(STDOUT_FILENO);
    terminal.edits = terminal.live && isatty(STDIN_FILENO);
    terminal.colour = terminal.live && !no_colour && !(none && *none);
    return terminal;
}

size_t terminal_width(const struct terminal *terminal)
{
    struct winsize size = {0};
    const char *told = getenv("COLUMNS");
    long columns = 0;

    if (ioctl(terminal->out, TIOCGWINSZ, &size) == 0 && size.ws_col)
        columns = size.ws_col;
    else if (told)
        columns = strtol(told, NULL, 10);
    if (columns <= 0 || columns > 10000)
        return WIDTH_USUAL;
    return columns < WIDTH_LEAST ? WIDTH_LEAST : (size_t)columns;
}

/* --- writing ---------------------------------------------------------------------------------- */

static pb_status wait_ready(int fd)
{
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLOUT};
        int count = poll(&ready, 1, 0);
        if (count > 0 || (count < 0 && errno != EINTR))
            return PB_OK; /* also when it is broken: write() says so */
        pb_status status = pb_sleep(2 * PB_MILLISECOND);
        if (status != PB_OK)
            return status;
    }
}

pb_status terminal_write(const struct terminal *terminal, pb_str text)
{
    while (text.size) {
        pb_status status = wait_ready(terminal->out);
        if (status != PB_OK)
            return status;
        ssize_t written =
            write(terminal->out, text.data, text.size < PIPE_BUF ? text.size : PIPE_BUF);
        if (written < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (written < 0 && errno == ENOSPC)
            return pb_fail(PB_NO_SPACE, "no space is left where the reply is written");
        if (written < 0)
            return pb_fail(PB_CANCELLED, "nobody reads the reply any more");
        text = pb_str_slice(text, (size_t)written, text.size);
    }
    return PB_OK;
}

pb_status terminal_print(const struct terminal *terminal, const char *format, ...)
{
    pb_scope *scope = pb_scope_begin();
    va_list args;

    va_start(args, format);
    pb_str text = pb_vprintf(format, args);
    va_end(args);
    pb_status status = text.data ? terminal_write(terminal, text) : (pb_status)PB_NO_MEMORY;
    pb_scope_end(scope);
    return status;
}

pb_str style_sequence(unsigned style, char out[STYLE_SEQUENCE])
{
    static const char *const codes[] = {"1", "3", "36", "4", "9", "35", "2", "1;34", "31", "1;32"};
    size_t size = 3;

    memcpy(out, "\033[0", 3);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (style & 1u << i)
            size += (size_t)snprintf(out + size, STYLE_SEQUENCE - size, ";%s", codes[i]);
    out[size++] = 'm';
    return pb_str_make(out, size);
}

pb_str terminal_styled(const struct terminal *terminal, unsigned style, pb_str text)
{
    char begin[STYLE_SEQUENCE], end[STYLE_SEQUENCE];

    if (!terminal->colour || !text.size)
        return text;
    return pb_printf("%.*s%.*s%.*s", PB_ARG(style_sequence(style, begin)), PB_ARG(text),
                     PB_ARG(style_sequence(0, end)));
}

/* --- what is typed ---------------------------------------------------------------------------- */

static struct termios usual;
static bool is_quiet;

static void set_back(void)
{
    terminal_quiet(false);
}

void terminal_quiet(bool quiet)
{
    static bool registered;
    struct termios silent;

    if (quiet == is_quiet || (quiet && tcgetattr(STDIN_FILENO, &usual) != 0))
        return;
    if (!registered && atexit(set_back) == 0)
        registered = true;
    silent = usual;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ICANON);
    silent.c_lflag |= ISIG;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, quiet ? &silent : &usual) == 0)
        is_quiet = quiet;
}

/* --- text ------------------------------------------------------------------------------------- */

static uint32_t code_point(pb_str character)
{
    const unsigned char *at = (const unsigned char *)character.data;

    switch (character.size) {
    case 1:
        return at[0];
    case 2:
        return (uint32_t)(at[0] & 0x1F) << 6 | (at[1] & 0x3F);
    case 3:
        return (uint32_t)(at[0] & 0x0F) << 12 | (uint32_t)(at[1] & 0x3F) << 6 | (at[2] & 0x3F);
    case 4:
        return (uint32_t)(at[0] & 0x07) << 18 | (uint32_t)(at[1] & 0x3F) << 12 |
               (uint32_t)(at[2] & 0x3F) << 6 | (at[3] & 0x3F);
    default:
        return 0xFFFD;
    }
}

size_t character_width(pb_str character)
{
    int width = wcwidth((wchar_t)code_point(character));
    return width < 0 ? 1 : (size_t)width;
}

bool character_controls(pb_str character)
{
    uint32_t code = code_point(character);

    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0x200E || code == 0x200F;
}

/* The next character; a byte that begins none is one. */
static pb_str next_character(pb_str text, size_t at)
{
    size_t size = utf8_sequence(text.data + at, text.size - at);
    return pb_str_slice(text, at, size ? size : 1);
}

size_t text_width(pb_str text)
{
    size_t width = 0;

    for (size_t at = 0; at < text.size;) {
        pb_str character = next_character(text, at);
        width += character_width(character);
        at += character.size;
    }
    return width;
}

pb_str text_fit(pb_str text, size_t width)
{
    size_t at = 0, used = 0;

    while (at < text.size) {
        pb_str character = next_character(text, at);
        used += character_width(character);
        if (used > width)
            break;
        at += character.size;
    }
    return pb_str_slice(text, 0, at);
}

pb_str text_plain(pb_str text)
{
    pb_buf plain = {0};

    for (size_t at = 0; at < text.size;) {
        pb_str character = next_character(text, at);
        bool whole = utf8_sequence(character.data, character.size) != 0;
        if (!whole)
            pb_buf_add(&plain, pb_lit("\xEF\xBF\xBD"));
        else if (character_controls(character))
            pb_buf_byte(&plain, ' ');
        else
            pb_buf_add(&plain, character);
        at += character.size;
    }
    return plain.data ? pb_buf_str(&plain) : pb_lit("");
}

pb_str id_short(pb_str id)
{
    bool uuid = id.size == UUID_SIZE && id.data[8] == '-' && id.data[23] == '-';
    return uuid ? pb_str_slice(id, id.size - ID_SHOWN, id.size) : id;
}
