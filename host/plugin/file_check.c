/* file_check.c - may a plugin file be opened? Owner, mode, every folder above, pinned digest.
 *
 * A native plugin is trusted code, so nobody but root and the user who runs this may have been able
 * to write it, or to put another file in its place.
 */
#include "plugin/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <patchbay/secret.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST_FILE = 512 * 1024 * 1024 };

static pb_status check_owner(const char *path, const struct stat *stat, const char *what)
{
    if (stat->st_uid == 0 || stat->st_uid == geteuid())
        return PB_OK;
    return pb_fail(PB_FORBIDDEN,
                   "the %s %s belongs to user %u: a plugin and every folder above it must belong "
                   "to root or to the user who runs Patchbay (chown)",
                   what, path, (unsigned)stat->st_uid);
}

/* `holds`: the folder that holds the file. In a sticky folder of root's nobody can replace what is
 * not theirs; but anybody can add to it, so plugins must not lie in it directly. */
static pb_status check_folder(const char *path, bool holds)
{
    struct stat stat;

    if (lstat(path, &stat) != 0)
        return pb_fail(PB_FORBIDDEN, "the folder %s cannot be looked at: %s", path,
                       strerror(errno));
    pb_status status = check_owner(path, &stat, "folder");
    if (status != PB_OK || !(stat.st_mode & (S_IWGRP | S_IWOTH)))
        return status;
    if (!(stat.st_mode & S_ISVTX))
        return pb_fail(PB_FORBIDDEN,
                       "others may write to the folder %s (mode %04o): chmod go-w %s", path,
                       (unsigned)stat.st_mode & 07777, path);
    if (holds || stat.st_uid != 0)
        return pb_fail(PB_FORBIDDEN,
                       "anybody may add files to the folder %s (mode %04o): move the plugin to a "
                       "folder of its own, or chmod go-w %s",
                       path, (unsigned)stat.st_mode & 07777, path);
    return PB_OK;
}

/* Every folder above the resolved `path`, from the root down: what is above can swap what is below. */
static pb_status check_folders(char *path)
{
    const char *last = strrchr(path, '/');
    pb_status status = check_folder("/", last == path);

    for (char *at = strchr(path + 1, '/'); at && status == PB_OK; at = strchr(at + 1, '/')) {
        *at = 0;
        status = check_folder(path, at == last);
        *at = '/';
    }
    return status;
}

static pb_status check_file(int fd, const char *path)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode))
        return pb_fail(PB_UNSUPPORTED, "not a regular file");
    pb_status status = check_owner(path, &stat, "file");
    if (status == PB_OK && (stat.st_mode & (S_IWGRP | S_IWOTH)))
        status = pb_fail(PB_FORBIDDEN, "others may write to the file %s (mode %04o): chmod go-w %s",
                         path, (unsigned)stat.st_mode & 07777, path);
    return status;
}

pb_status loader_file_open(const char *path, int *out)
{
    char resolved[PATH_MAX];

    if (!realpath(path, resolved))
        return pb_fail(errno == ENOENT ? PB_NOT_FOUND : PB_FORBIDDEN, "cannot be opened: %s",
                       strerror(errno));
    pb_status status = check_folders(resolved);
    if (status != PB_OK)
        return status;
    int fd = open(resolved, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return pb_fail(PB_FORBIDDEN, "cannot be opened: %s", strerror(errno));
    status = check_file(fd, resolved);
    if (status != PB_OK)
        close(fd);
    else
        *out = fd;
    return status;
}

static bool read_all(int fd, uint8_t *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(fd, bytes + done, size - done, (off_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

pb_status loader_pin_check(int fd, pb_str pin)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t digest[32];
    char text[65] = {0};
    struct stat stat;

    if (fstat(fd, &stat) != 0 || stat.st_size <= 0 || stat.st_size > LARGEST_FILE)
        return pb_fail(PB_INVALID, "cannot be compared with its pin: empty or too large");
    uint8_t *bytes = malloc((size_t)stat.st_size);
    if (!bytes)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    bool whole = read_all(fd, bytes, (size_t)stat.st_size);
    if (whole)
        pb_sha256((pb_bytes){bytes, (size_t)stat.st_size}, digest);
    free(bytes);
    if (!whole)
        return pb_fail(PB_INVALID, "cannot be compared with its pin: %s", strerror(errno));
    for (size_t i = 0; i < sizeof digest; i++) {
        text[2 * i] = digits[digest[i] >> 4];
        text[2 * i + 1] = digits[digest[i] & 15];
    }
    if (pb_str_same(pin, pb_str_make(text, 64)))
        return PB_OK;
    return pb_fail(PB_FORBIDDEN,
                   "is not the file that plugins.pin asks for: its sha256 is %s, pinned is %.*s",
                   text, PB_ARG(pin));
}
