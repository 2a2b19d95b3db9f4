/* fetch.c - a file's bytes, read piece by piece on helper threads. */
#include "folder.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 256 * 1024 };

struct reading {
    const struct folder *folder;
    const char *path;
    int fd;
    int why;
    int64_t bytes; /* read so far */
    uint8_t *piece;
    size_t size;
};

static pb_status open_away(void *arg)
{
    struct reading *reading = arg;
    struct stat about;

    reading->fd = walk_open(reading->folder, reading->path);
    if (reading->fd < 0)
        return PB_NOT_FOUND;
    if (fstat(reading->fd, &about) != 0 || !S_ISREG(about.st_mode))
        return PB_NOT_FOUND;
    return about.st_size > reading->folder->max_size ? PB_TOO_LARGE : PB_OK;
}

static pb_status read_away(void *arg)
{
    struct reading *reading = arg;
    ssize_t got;

    do
        got = read(reading->fd, reading->piece, PIECE);
    while (got < 0 && errno == EINTR);
    reading->why = errno;
    reading->size = got > 0 ? (size_t)got : 0;
    return got < 0 ? PB_UNAVAILABLE : PB_OK;
}

static pb_status close_away(void *arg)
{
    const struct reading *reading = arg;

    (void)close(reading->fd);
    return PB_OK;
}

static pb_status close_shielded(void *arg)
{
    return pb_offload(close_away, arg);
}

/* A file may grow while it is read: what was listed is not what counts. */
static pb_status copy(struct reading *reading, pb_writer *writer)
{
    pb_status status;

    while ((status = pb_offload(read_away, reading)) == PB_OK && reading->size) {
        reading->bytes += (int64_t)reading->size;
        if (reading->bytes > reading->folder->max_size)
            return pb_fail(PB_TOO_LARGE, "the file is larger than the source's 'max_size'");
        status = writer->write(writer, (pb_bytes){reading->piece, reading->size});
        if (status != PB_OK)
            return status;
    }
    return status == PB_UNAVAILABLE && reading->why
               ? pb_fail(status, "the file cannot be read: %s", strerror(reading->why))
               : status;
}

pb_status folder_fetch(void *self, pb_str id, pb_writer *writer)
{
    struct reading *reading = PB_NEW(struct reading);
    pb_str path = pb_copy(id);

    if (!reading || !path.data)
        return PB_NO_MEMORY;
    *reading =
        (struct reading){.folder = self, .path = path.data, .fd = -1, .piece = pb_alloc(PIECE)};
    if (!reading->piece)
        return PB_NO_MEMORY;
    if (pb_str_find(id, 0) < id.size)
        return pb_fail(PB_NOT_FOUND, "there is no such file in the folder");
    pb_status status = pb_offload(open_away, reading);
    if (status == PB_OK)
        status = copy(reading, writer);
    else if (status == PB_NOT_FOUND)
        status = pb_fail(status, "there is no such file in the folder");
    else if (status == PB_TOO_LARGE)
        status = pb_fail(status, "the file is larger than the source's 'max_size'");
    if (reading->fd >= 0)
        (void)pb_shield(close_shielded, reading);
    return status;
}
