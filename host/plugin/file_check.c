/* file_check.c - may a plugin file be opened? Owner, mode, every folder above, pinned digest,
 * and where it takes libraries from.
 *
 * A native plugin is trusted code, so nobody but root and the user who runs this may have been able
 * to write it, or to put another file in its place.
 */
#include "plugin/loader.h"

#include "plugin/elf_dynamic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <patchbay/secret.h>
#include <stdio.h>
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

/* --- the way to the file ------------------------------------------------------------------------ */

enum { MOST_LINKS = 40 };

/* One step after the other from the root down, links too: who can change any step chooses the file. */
struct way {
    char done[PATH_MAX]; /* resolved; "" is the root */
    char rest[PATH_MAX]; /* not yet */
    char next[PATH_MAX]; /* the step that is taken */
    int links;
};

static pb_status fail_way(int error)
{
    return pb_fail(error == ENOENT ? PB_NOT_FOUND : PB_FORBIDDEN, "cannot be opened: %s",
                   strerror(error));
}

/* Cuts the next step off `rest` into `next`, behind `done`; false: there is none. */
static bool take_step(struct way *way)
{
    char *from = way->rest + strspn(way->rest, "/");
    size_t size = strcspn(from, "/");

    if (!size)
        return false;
    int length = snprintf(way->next, sizeof way->next, "%s/%.*s", way->done, (int)size, from);
    if (length >= (int)sizeof way->next)
        way->next[0] = 0;
    memmove(way->rest, from + size, strlen(from + size) + 1);
    return true;
}

static pb_status follow(struct way *way, const struct stat *stat)
{
    char *target = calloc(1, PATH_MAX);
    pb_status status = check_owner(way->next, stat, "link");

    if (!target)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    ssize_t size = status == PB_OK ? readlink(way->next, target, PATH_MAX - 1) : 0;
    size_t rest = strlen(way->rest);
    if (status == PB_OK && (size <= 0 || ++way->links > MOST_LINKS))
        status = fail_way(size <= 0 ? errno : ELOOP);
    else if (status == PB_OK && (size_t)size + 1 + rest >= sizeof way->rest)
        status = fail_way(ENAMETOOLONG);
    if (status == PB_OK) {
        memmove(way->rest + size + 1, way->rest, rest + 1);
        memcpy(way->rest, target, (size_t)size);
        way->rest[size] = '/';
        if (target[0] == '/')
            way->done[0] = 0;
    }
    free(target);
    return status;
}

static pb_status step(struct way *way)
{
    const char *name = strrchr(way->next, '/');
    bool last = !way->rest[strspn(way->rest, "/")];
    struct stat stat;

    if (!name)
        return fail_way(ENAMETOOLONG);
    if (strcmp(name, "/.") == 0)
        return PB_OK;
    if (strcmp(name, "/..") == 0) {
        char *slash = strrchr(way->done, '/');
        if (slash)
            *slash = 0;
        return PB_OK;
    }
    pb_status status = check_folder(way->done[0] ? way->done : "/", last);
    if (status != PB_OK)
        return status;
    if (lstat(way->next, &stat) != 0)
        return fail_way(errno);
    if (S_ISLNK(stat.st_mode))
        return follow(way, &stat);
    memcpy(way->done, way->next, sizeof way->done);
    return PB_OK;
}

/* Resolves `path` into way->done. */
static pb_status walk(const char *path, struct way *way)
{
    pb_status status = PB_OK;
    size_t size = 0;

    if (path[0] != '/') {
        if (!getcwd(way->rest, sizeof way->rest))
            return fail_way(errno);
        size = strlen(way->rest);
    }
    if (snprintf(way->rest + size, sizeof way->rest - size, "/%s", path) >=
        (int)(sizeof way->rest - size))
        return fail_way(ENAMETOOLONG);
    while (status == PB_OK && take_step(way))
        status = step(way);
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
    struct way *way = calloc(1, sizeof *way);

    if (!way)
        return pb_fail(PB_NO_MEMORY, "out of memory");
    pb_status status = walk(path, way);
    int fd = status == PB_OK ? open(way->done, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    if (status == PB_OK && fd < 0)
        status = fail_way(errno);
    if (status == PB_OK)
        status = check_file(fd, way->done);
    if (status == PB_OK)
        *out = fd;
    else if (fd >= 0)
        close(fd);
    free(way);
    return status;
}

pb_status loader_search_check(int fd)
{
    struct elf_dynamic dynamic;
    pb_status status = elf_dynamic_read(fd, &dynamic);

    if (status != PB_OK)
        return status;
    if (dynamic.run_path)
        status = pb_fail(PB_FORBIDDEN,
                         "names folders of its own for libraries (RUNPATH %.200s); those of plugins "
                         "come from the system's only: link it without -rpath",
                         dynamic.run_path);
    for (size_t i = 0; status == PB_OK && i < dynamic.count; i++)
        if (strchr(dynamic.libraries[i], '/'))
            status = pb_fail(PB_FORBIDDEN,
                             "asks for the library %.200s by its path; libraries of plugins come from "
                             "the system's folders only: link it by its name",
                             dynamic.libraries[i]);
    elf_dynamic_fini(&dynamic);
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
