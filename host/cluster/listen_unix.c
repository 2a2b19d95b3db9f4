/* listen_unix.c - Unix sockets: a file that its last owner left behind is replaced, one that somebody
 * listens on never.
 *
 * Between the look and the bind the folder is locked, so that two servers that start at once do not
 * both find the file abandoned. Nobody can connect before listen(), so mode and group are set in
 * time.
 */
#include "cluster/listen_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <patchbay/memory.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MODE = 0660 };

static const char *path_of(const struct listen_address *address)
{
    return ((const struct sockaddr_un *)&address->at)->sun_path;
}

static pb_status fail_at(pb_str address)
{
    switch (errno) {
    case EADDRINUSE:
    case EWOULDBLOCK:
        return pb_fail(PB_CONFLICT, "%.*s is in use already", PB_ARG(address));
    case ENOENT:
        return pb_fail(PB_INVALID, "the folder of %.*s does not exist", PB_ARG(address));
    case EACCES:
    case EPERM:
    case EROFS:
        return pb_fail(PB_FORBIDDEN, "this user may not make %.*s, or not give it that group",
                       PB_ARG(address));
    default:
        return pb_fail(PB_UNAVAILABLE, "%.*s cannot be listened on: %s", PB_ARG(address),
                       strerror(errno));
    }
}

/* Does anybody listen there? Also one who has no room for us now. */
static bool answers(const struct listen_address *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 &&
                   connect(fd, (const struct sockaddr *)&address->at, address->size) != 0 &&
                   errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return !refused;
}

/* Removes what a dead server left. */
static pb_status make_room(pb_str text, const struct listen_address *address)
{
    struct stat found;

    if (lstat(path_of(address), &found) != 0)
        return errno == ENOENT ? PB_OK : fail_at(text);
    if (!S_ISSOCK(found.st_mode))
        return pb_fail(PB_CONFLICT, "there is a file at %.*s that is no socket", PB_ARG(text));
    if (answers(address))
        return pb_fail(PB_CONFLICT, "%.*s is in use already", PB_ARG(text));
    return unlink(path_of(address)) == 0 ? PB_OK : fail_at(text);
}

pb_status listen_unix_permit(const struct listen_wish *wish, const struct listen_address *address)
{
    const char *path = path_of(address);

    if (!path[0])
        return PB_OK;
    if (wish->group >= 0 && chown(path, (uid_t)-1, (gid_t)wish->group) != 0)
        return fail_at(wish->address);
    if (chmod(path, (mode_t)(wish->mode ? wish->mode : MODE)) != 0)
        return fail_at(wish->address);
    return PB_OK;
}

static pb_status bind_file(const struct listen_wish *wish, const struct listen_address *address,
                           int fd)
{
    pb_status status = path_of(address)[0] ? make_room(wish->address, address) : (pb_status)PB_OK;

    if (status != PB_OK)
        return status;
    if (bind(fd, (const struct sockaddr *)&address->at, address->size) != 0)
        return fail_at(wish->address);
    status = listen_unix_permit(wish, address);
    if (status == PB_OK && listen(fd, SOMAXCONN) != 0)
        status = fail_at(wish->address);
    if (status != PB_OK && path_of(address)[0])
        unlink(path_of(address));
    return status;
}

/* The folder, locked; -1 with errno. Of an abstract name there is none. */
static int lock_folder(const char *path)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] != '/')
        size--;
    memcpy(folder, path, size);
    folder[size] = 0;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        fd = -1;
    }
    return fd;
}

pb_status listen_unix_open(const struct listen_wish *wish, const struct listen_address *address,
                           int *out)
{
    bool file = path_of(address)[0] != 0;
    int lock = file ? lock_folder(path_of(address)) : -1;

    if (file && lock < 0)
        return fail_at(wish->address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    pb_status status = fd < 0 ? fail_at(wish->address) : bind_file(wish, address, fd);
    if (lock >= 0)
        close(lock);
    if (status == PB_OK)
        *out = fd;
    else if (fd >= 0)
        close(fd);
    return status;
}

/* --- the end ---------------------------------------------------------------------------------- */

struct listen_file listen_unix_file(pb_str text)
{
    struct listen_address address;
    struct stat found;

    if (listen_address_parse(text, &address) != PB_OK || address.kind != LISTEN_UNIX ||
        !path_of(&address)[0] || lstat(path_of(&address), &found) != 0)
        return (struct listen_file){0};
    return (struct listen_file){.device = found.st_dev, .inode = found.st_ino};
}

void listen_unix_remove(pb_str text, struct listen_file file)
{
    struct listen_address address;
    struct listen_file now = listen_unix_file(text);

    if (file.inode && now.inode == file.inode && now.device == file.device &&
        listen_address_parse(text, &address) == PB_OK)
        unlink(path_of(&address));
}
