/* message.c - see message.h: framing, descriptors, and the queue of a slow reader. */
#include "cluster/message.h"

#include "runtime/loop.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <patchbay/log.h>
#include <patchbay/memory.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAGIC = 0x59424350, /* "PCBY" */
    DESCRIPTORS = 4,    /* room for more than the one that is allowed, so that they are seen */
    AT_ONCE = 32,       /* messages read before others get their turn */
    BUS_ROOM = 1 << 20, /* bytes that may wait for a slow reader … */
    ROOM = 32 << 20,    /* … of answers and grants */
    SOCKET_BUFFER = 512 << 10,
};

struct head {
    uint32_t magic;
    uint16_t version, kind;
    uint32_t name_size, body_size;
    uint64_t number;
    int64_t a, b;
};

struct unsent {
    struct list_link link;
    struct message message;
    char text[];
};

union control {
    struct cmsghdr align;
    char space[CMSG_SPACE(sizeof(int) * DESCRIPTORS)];
};

/* --- one message ------------------------------------------------------------------------------ */

bool message_send(int fd, const struct message *message)
{
    struct head head = {.magic = MAGIC,
                        .version = MESSAGE_VERSION,
                        .kind = message->kind,
                        .name_size = (uint32_t)message->name.size,
                        .body_size = (uint32_t)message->body.size,
                        .number = message->number,
                        .a = message->a,
                        .b = message->b};
    struct iovec parts[3] = {{&head, sizeof head},
                             {(void *)(uintptr_t)message->name.data, message->name.size},
                             {(void *)(uintptr_t)message->body.data, message->body.size}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = 3};
    union control control;
    ssize_t sent;

    if (message->fd >= 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(sizeof(int));
        struct cmsghdr *item = CMSG_FIRSTHDR(&header);
        item->cmsg_level = SOL_SOCKET;
        item->cmsg_type = SCM_RIGHTS;
        item->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(item), &message->fd, sizeof(int));
    }
    do
        sent = sendmsg(fd, &header, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent >= 0;
}

/* The first descriptor that came, or -1; *count is how many came. */
static int take_descriptors(struct msghdr *header, size_t *count)
{
    int first = -1;

    *count = 0;
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        size_t here = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(item) + i * sizeof fd, sizeof fd);
            if (++*count == 1)
                first = fd;
            else
                close(fd);
        }
    }
    return first;
}

static bool parse(const char *text, size_t size, struct message *out)
{
    struct head head;

    if (size < sizeof head)
        return false;
    memcpy(&head, text, sizeof head);
    if (head.magic != MAGIC || head.version != MESSAGE_VERSION || head.kind >= MESSAGE_KINDS ||
        (size_t)head.name_size + head.body_size != size - sizeof head)
        return false;
    out->kind = head.kind;
    out->number = head.number;
    out->a = head.a;
    out->b = head.b;
    out->name = pb_str_make(text + sizeof head, head.name_size);
    out->body = pb_str_make(text + sizeof head + head.name_size, head.body_size);
    return true;
}

enum message_result message_receive(int fd, struct message *out)
{
    static char text[sizeof(struct head) + MESSAGE_TEXT];
    struct iovec part = {text, sizeof text};
    union control control;
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    ssize_t size;
    size_t count;

    *out = (struct message){.fd = -1};
    do /* ECONNRESET: it closed with our messages unread; what it had sent before still comes */
        size = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
    while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0)
        return errno == EAGAIN ? MESSAGE_AGAIN : MESSAGE_END;
    out->fd = take_descriptors(&header, &count);
    if (size == 0 && count == 0)
        return MESSAGE_END;
    bool cut = (header.msg_flags & MSG_CTRUNC) && count; /* none came: we have no room for it */
    if (count > 1 || cut || (header.msg_flags & MSG_TRUNC) || !parse(text, (size_t)size, out)) {
        if (out->fd >= 0)
            close(out->fd);
        out->fd = -1;
        return MESSAGE_BAD;
    }
    return MESSAGE_GOT;
}

bool message_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

/* --- the queue -------------------------------------------------------------------------------- */

static void on_event(uv_poll_t *poll, int status, int events);

static void listen_for(struct channel *channel)
{
    int events = UV_READABLE | (list_empty(&channel->out) ? 0 : UV_WRITABLE);
    uv_poll_start(channel->poll, events, on_event);
}

static size_t cost(const struct message *message)
{
    return sizeof(struct unsent) + message->name.size + message->body.size;
}

static void drop(struct channel *channel, struct unsent *unsent)
{
    list_remove(&unsent->link);
    channel->queued -= cost(&unsent->message);
    if (unsent->message.fd >= 0)
        close(unsent->message.fd);
    free(unsent);
}

static bool queue(struct channel *channel, const struct message *message)
{
    struct unsent *unsent = malloc(sizeof *unsent + message->name.size + message->body.size);

    if (!unsent)
        return false;
    unsent->message = *message;
    unsent->message.name.data = unsent->text;
    unsent->message.body.data = unsent->text + message->name.size;
    if (message->name.size)
        memcpy(unsent->text, message->name.data, message->name.size);
    if (message->body.size)
        memcpy(unsent->text + message->name.size, message->body.data, message->body.size);
    if (message->fd >= 0 && (unsent->message.fd = fcntl(message->fd, F_DUPFD_CLOEXEC, 0)) < 0) {
        free(unsent);
        return false;
    }
    list_append(&channel->out, &unsent->link);
    channel->queued += cost(message);
    return true;
}

/* Is it away? A channel whose other side is gone swallows everything until `closed`. */
static bool send_now(struct channel *channel, const struct message *message)
{
    if (message_send(channel->fd, message))
        return true;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
        return false;
    if (errno != EPIPE && errno != ECONNRESET && errno != ENOTCONN)
        channel_cut(channel, strerror(errno));
    return true;
}

void channel_send(struct channel *channel, const struct message *message)
{
    bool bus = message->kind == MESSAGE_BUS || message->kind == MESSAGE_GAP;

    if (!channel_is_open(channel))
        return;
    bool was_empty = list_empty(&channel->out);
    if (was_empty && send_now(channel, message))
        return;
    if (channel->queued + cost(message) > (bus ? BUS_ROOM : ROOM) || !queue(channel, message)) {
        if (bus)
            channel->lost_bus = true;
        else
            channel_cut(channel, "it does not read what it is sent");
        return;
    }
    if (was_empty)
        listen_for(channel);
}

static void flush(struct channel *channel)
{
    while (!list_empty(&channel->out)) {
        struct unsent *unsent = list_entry(channel->out.next, struct unsent, link);
        if (!send_now(channel, &unsent->message))
            return;
        drop(channel, unsent);
    }
    if (channel->lost_bus) {
        channel->lost_bus = false;
        channel_send(channel, &(struct message){.kind = MESSAGE_GAP, .fd = -1});
    }
    listen_for(channel);
}

void channel_unsent(struct channel *channel, void (*each)(void *arg, const struct message *message),
                    void *arg)
{
    for (struct list_link *at = channel->out.next; at != &channel->out; at = at->next)
        each(arg, &list_entry(at, struct unsent, link)->message);
    if (channel->lost_bus)
        each(arg, &(struct message){.kind = MESSAGE_GAP, .fd = -1});
}

/* --- the loop --------------------------------------------------------------------------------- */

/* The owner may close the channel, and free it, in a callback: then poll->data is NULL. */
static void receive(uv_poll_t *poll, int limit)
{
    struct channel *channel;
    struct message message;

    while ((channel = poll->data) && limit--) {
        enum message_result result = message_receive(channel->fd, &message);
        if (result == MESSAGE_AGAIN)
            return;
        if (result == MESSAGE_GOT && !channel->cut)
            channel->message(channel, &message);
        else if (result == MESSAGE_BAD && !channel->cut)
            channel_cut(channel, "it does not speak our protocol");
        else if (result == MESSAGE_END)
            channel->closed(channel);
        if (message.fd >= 0)
            close(message.fd);
        if (result == MESSAGE_END)
            return;
    }
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct channel *channel = poll->data;

    if (!channel)
        return;
    if (status == 0 && (events & UV_WRITABLE))
        flush(channel);
    if (status != 0 || (events & (UV_READABLE | UV_DISCONNECT)))
        receive(poll, AT_ONCE);
    if (status != 0 && poll->data) /* libuv stopped looking */
        listen_for(poll->data);
}

void channel_drain(struct channel *channel)
{
    if (channel->poll)
        receive(channel->poll, INT_MAX);
}

pb_status channel_open(struct channel *channel, int fd)
{
    int size = SOCKET_BUFFER, flags = fcntl(fd, F_GETFL);

    channel->fd = -1;
    channel->queued = 0;
    channel->lost_bus = channel->cut = false;
    list_init(&channel->out);
    channel->poll = calloc(1, sizeof *channel->poll);
    if (!channel->poll || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        uv_poll_init(loop_uv(), channel->poll, fd) != 0) {
        free(channel->poll);
        channel->poll = NULL;
        close(fd);
        return pb_fail(PB_INTERNAL, "a socket between supervisor and worker cannot be watched");
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    channel->fd = fd;
    channel->poll->data = channel;
    listen_for(channel);
    return PB_OK;
}

void channel_cut(struct channel *channel, const char *why)
{
    if (!channel_is_open(channel))
        return;
    pb_log(PB_WARN, "a connection between supervisor and worker is cut: %s", why);
    channel->cut = true;
    shutdown(channel->fd, SHUT_RDWR); /* wakes our own poll, which calls `closed` */
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

void channel_close(struct channel *channel)
{
    if (!channel->poll)
        return;
    channel->poll->data = NULL;
    uv_close((uv_handle_t *)channel->poll, on_poll_closed);
    channel->poll = NULL;
    while (!list_empty(&channel->out))
        drop(channel, list_entry(channel->out.next, struct unsent, link));
    close(channel->fd);
    channel->fd = -1;
}
