/* hub_command.c - the client of a command: a blocking conversation over control.sock. */
#include "base/buf.h"
#include "cluster/hub.h"
#include "cluster/message.h"
#include "cluster/run_dir.h"

#include <errno.h>
#include <patchbay/cluster.h>
#include <unistd.h>

static bool say(int fd, const char *const *words, size_t count)
{
    struct buf text = {0};

    for (size_t i = 0; i < count; i++) {
        if (i)
            buf_add(&text, pb_str_make("", 1));
        buf_add(&text, pb_str_of(words[i]));
    }
    bool sent =
        text.size <= MESSAGE_TEXT && message_send(fd, &(struct message){.kind = MESSAGE_HELLO,
                                                                        .a = HUB_COMMAND,
                                                                        .name = pb_node_id(),
                                                                        .body = buf_str(&text),
                                                                        .fd = -1});
    buf_fini(&text);
    return sent;
}

/* The exit code, or -1 when the server went away before. */
static int listen_to(int fd, void (*each)(void *arg, pb_str text, int fd), void *arg)
{
    struct message message;

    while (message_receive(fd, &message) == MESSAGE_GOT) {
        if (message.kind == MESSAGE_REPLY)
            each(arg, message.body, message.fd);
        if (message.fd >= 0)
            close(message.fd);
        if (message.kind == MESSAGE_REPLY_END)
            return (int)message.a;
    }
    return -1;
}

int hub_command(const char *run_dir, const char *const *words, size_t count,
                void (*each)(void *arg, pb_str text, int fd), void *arg)
{
    int fd = run_dir_connect(run_dir, true);

    if (fd < 0) {
        (void)pb_fail(PB_UNAVAILABLE, "no server runs on %s: %s", run_dir, strerror(errno));
        return -1;
    }
    int result = say(fd, words, count) ? listen_to(fd, each, arg) : -1;
    if (result < 0)
        (void)pb_fail(PB_UNAVAILABLE, "the server on %s went away before it answered", run_dir);
    close(fd);
    return result;
}
