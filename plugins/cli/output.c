/* output.c - writing to a terminal, pipe or file from a task.
 *
 * The descriptor may be shared with other programs, so it stays in blocking mode; poll() says when
 * a write of up to PIPE_BUF bytes will not block.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

enum { PAUSE_MS = 2 };

struct output output_open(int fd)
{
    struct output output = {.fd = fd, .terminal = isatty(fd) == 1};
    return output;
}

/* Waits until a small write does not block. */
static pb_status wait_ready(struct output *output)
{
    for (;;) {
        struct pollfd ready = {.fd = output->fd, .events = POLLOUT};
        int count = poll(&ready, 1, 0);

        if (count > 0 || (count < 0 && errno != EINTR))
            return PB_OK; /* also when it is broken: write() says so */
        pb_status status = pb_sleep(PAUSE_MS * PB_MILLISECOND);
        if (status != PB_OK)
            return status;
    }
}

static pb_status write_all(struct output *output, const char *data, size_t size)
{
    while (size && !output->broken) {
        pb_status status = wait_ready(output);
        if (status != PB_OK)
            return status;
        ssize_t written = write(output->fd, data, size < PIPE_BUF ? size : PIPE_BUF);
        if (written < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (written < 0 && errno == ENOSPC)
            return pb_fail(PB_NO_SPACE, "no space is left where the reply is written");
        if (written < 0) {
            output->broken = true;
            break;
        }
        data += written;
        size -= (size_t)written;
    }
    return output->broken ? pb_fail(PB_CANCELLED, "nobody reads the reply any more")
                          : (pb_status)PB_OK;
}

static bool is_shown(char c)
{
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\n' || c == '\t';
}

pb_status output_write(struct output *output, pb_str text)
{
    size_t from = 0;

    while (from < text.size) {
        size_t end = from;
        while (end < text.size && (!output->terminal || is_shown(text.data[end])))
            end++;
        pb_status status = write_all(output, text.data + from, end - from);
        if (status != PB_OK)
            return status;
        if (end > from)
            output->line_begun = text.data[end - 1] != '\n';
        from = end < text.size ? end + 1 : end;
    }
    return PB_OK;
}

pb_status output_end_line(struct output *output)
{
    return output->line_begun ? output_write(output, pb_lit("\n")) : (pb_status)PB_OK;
}
