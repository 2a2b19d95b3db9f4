/* path.c - from a key to a file's path, and the folders above it. */
#include "filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_SIZE = 200 }; /* of a part; with '=' and what copies append it stays below NAME_MAX */

struct name {
    char text[NAME_MAX + 1];
    size_t size;
};

pb_status fault_errno(struct fault *fault, const char *what)
{
    int error = errno;
    char text[128];

    fault->status = error == ENOSPC || error == EDQUOT  ? PB_NO_SPACE
                    : error == ENOENT                   ? PB_NOT_FOUND
                    : error == EACCES || error == EPERM ? PB_FORBIDDEN
                                                        : PB_UNAVAILABLE;
    (void)snprintf(fault->sentence, sizeof fault->sentence, "%s: %s", what,
                   strerror_r(error, text, sizeof text));
    return fault->status;
}

pb_status fault_fail(const struct fault *fault)
{
    return pb_fail(fault->status, "%s", fault->sentence);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* A part too long for a name: what it digests to, behind a '%' that no escape looks like. */
static void name_digest(pb_str part, struct name *out)
{
    static const char digit[] = "0123456789abcdef";
    uint8_t digest[32];

    pb_sha256((pb_bytes){(const uint8_t *)part.data, part.size}, digest);
    out->size = 0;
    out->text[out->size++] = '%';
    for (size_t i = 0; i < sizeof digest; i++) {
        out->text[out->size++] = digit[digest[i] >> 4];
        out->text[out->size++] = digit[digest[i] & 15];
    }
}

static void name_of(pb_str part, struct name *out)
{
    static const char digit[] = "0123456789ABCDEF";
    bool dots = pb_str_is(part, ".") || pb_str_is(part, "..");

    out->size = 0;
    for (size_t i = 0; i < part.size && out->size + 3 <= NAME_SIZE; i++) {
        unsigned char c = (unsigned char)part.data[i];
        if (is_plain((char)c) && !dots) {
            out->text[out->size++] = (char)c;
            continue;
        }
        out->text[out->size++] = '%';
        out->text[out->size++] = digit[c >> 4];
        out->text[out->size++] = digit[c & 15];
        if (i + 1 == part.size)
            return;
    }
    if (part.size > NAME_SIZE - 3 || out->size > NAME_SIZE - 3)
        name_digest(part, out);
}

pb_status path_of(const struct filesystem *self, pb_str key, char out[PATH_MAX])
{
    size_t size = (size_t)snprintf(out, PATH_MAX, "%.*s/blobs", PB_ARG(self->folder));

    while (key.size && size < PATH_MAX) {
        struct name name;
        pb_str part = pb_str_slice(key, 0, pb_str_find(key, '/'));
        bool folder = part.size < key.size;
        key = pb_str_slice(key, part.size + 1, key.size);
        name_of(part, &name);
        size += (size_t)snprintf(out + size, PATH_MAX - size, "/%.*s%s", (int)name.size, name.text,
                                 folder ? "=" : "");
    }
    return size < PATH_MAX ? (pb_status)PB_OK
                           : pb_fail(PB_INVALID, "the key of a blob is too long for a path");
}

void path_up(char *path)
{
    char *slash = strrchr(path, '/');

    if (slash)
        slash[slash == path] = 0;
}

pb_status path_sync(const char *folder, struct fault *fault)
{
    int file = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = file >= 0 && fsync(file) == 0;
    pb_status status = done ? (pb_status)PB_OK : fault_errno(fault, folder);

    if (file >= 0)
        close(file);
    return status;
}

/* A folder that was made is there after a crash only once the one above it was synced. */
static pb_status make_one(char *path, struct fault *fault)
{
    char above[PATH_MAX];

    if (mkdir(path, 0700) != 0)
        return errno == EEXIST ? (pb_status)PB_OK : fault_errno(fault, path);
    (void)snprintf(above, sizeof above, "%s", path);
    path_up(above);
    return path_sync(above, fault);
}

pb_status path_make_folders(char *path, struct fault *fault)
{
    pb_status status = PB_OK;
    char *last = strrchr(path, '/');

    if (!last || last == path)
        return PB_OK;
    *last = 0;
    bool there = access(path, X_OK) == 0;
    *last = '/';
    for (char *slash = strchr(path + 1, '/'); slash && status == PB_OK && !there;
         slash = strchr(slash + 1, '/')) {
        *slash = 0;
        status = make_one(path, fault);
        *slash = '/';
    }
    return status;
}
