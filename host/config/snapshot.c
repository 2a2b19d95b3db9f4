/* snapshot.c - see snapshot.h. A file of entries: kind, sizes, key, value; read whole into memory.
 */
#include "config/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char magic[24] = "patchbay snapshot 1\n";

struct header {
    uint32_t kind, key, value; /* sizes */
};

static struct {
    enum { OFF, RECORDING, REPLAYING } mode;
    bool failed;
    char *data; /* malloc'd: entries one after the other */
    size_t size, room;
} snapshot;

/* --- entries ---------------------------------------------------------------------------------- */

struct entry {
    enum snapshot_kind kind;
    pb_str key, value;
};

/* The entry at *at, which is moved behind it; false at the end, or where it is cut. */
static bool next(size_t *at, struct entry *out)
{
    struct header header;
    size_t left = snapshot.size - *at;

    if (left < sizeof header)
        return false;
    memcpy(&header, snapshot.data + *at, sizeof header);
    left -= sizeof header;
    if (header.key > left || header.value > left - header.key)
        return false;
    const char *key = snapshot.data + *at + sizeof header;
    *out = (struct entry){(enum snapshot_kind)header.kind, pb_str_make(key, header.key),
                          pb_str_make(key + header.key, header.value)};
    *at += sizeof header + header.key + header.value;
    return true;
}

static bool find(enum snapshot_kind kind, pb_str key, size_t index, struct entry *out)
{
    for (size_t at = 0; next(&at, out);)
        if (out->kind == kind && pb_str_equal(out->key, key) && index-- == 0)
            return true;
    return false;
}

static bool add(const void *data, size_t size)
{
    if (size > snapshot.room - snapshot.size) {
        size_t room = (snapshot.size + size) * 2 + 4096;
        char *grown = realloc(snapshot.data, room);
        if (!grown)
            return false;
        snapshot.data = grown;
        snapshot.room = room;
    }
    if (size)
        memcpy(snapshot.data + snapshot.size, data, size);
    snapshot.size += size;
    return true;
}

static void append(enum snapshot_kind kind, pb_str key, pb_str value)
{
    struct header header = {(uint32_t)kind, (uint32_t)key.size, (uint32_t)value.size};
    size_t before = snapshot.size;

    if (!add(&header, sizeof header) || !add(key.data, key.size) || !add(value.data, value.size)) {
        snapshot.size = before;
        snapshot.failed = true;
    }
}

/* --- recording -------------------------------------------------------------------------------- */

void snapshot_end(void)
{
    if (snapshot.data)
        explicit_bzero(snapshot.data, snapshot.room); /* it holds secrets */
    free(snapshot.data);
    memset(&snapshot, 0, sizeof snapshot);
}

void snapshot_record(void)
{
    snapshot_end();
    snapshot.mode = RECORDING;
}

void snapshot_keep(enum snapshot_kind kind, pb_str key, pb_str value)
{
    struct entry entry;

    if (snapshot.mode == RECORDING && !find(kind, key, 0, &entry))
        append(kind, key, value);
}

void snapshot_note(const char *key, pb_str value)
{
    if (snapshot.mode == RECORDING)
        append(SNAPSHOT_NOTE, pb_str_of(key), value);
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t done = write(fd, data, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        size -= (size_t)done;
    }
    return true;
}

pb_status snapshot_write(int fd)
{
    if (snapshot.failed)
        return pb_fail(PB_NO_MEMORY, "not enough memory to keep the configuration");
    if (!write_all(fd, magic, sizeof magic) || !write_all(fd, snapshot.data, snapshot.size))
        return pb_fail(PB_INTERNAL, "cannot keep the configuration: %s", strerror(errno));
    return PB_OK;
}

/* --- replaying -------------------------------------------------------------------------------- */

static ssize_t read_at(int fd, char *data, size_t size, size_t at)
{
    ssize_t got;

    do
        got = pread(fd, data, size, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

pb_status snapshot_replay(int fd)
{
    struct stat about;
    char begin[sizeof magic];

    snapshot_end();
    if (fstat(fd, &about) != 0 || about.st_size < (off_t)sizeof magic ||
        read_at(fd, begin, sizeof begin, 0) != (ssize_t)sizeof begin ||
        memcmp(begin, magic, sizeof magic) != 0)
        return pb_fail(PB_INVALID, "this is no kept configuration of this release");
    snapshot.size = (size_t)about.st_size - sizeof magic;
    snapshot.room = snapshot.size + 1;
    snapshot.data = malloc(snapshot.room);
    if (!snapshot.data) {
        snapshot_end();
        return pb_fail(PB_NO_MEMORY, "not enough memory for the configuration");
    }
    for (size_t at = 0; at < snapshot.size;) {
        ssize_t got = read_at(fd, snapshot.data + at, snapshot.size - at, sizeof magic + at);
        if (got <= 0) {
            snapshot_end();
            return pb_fail(PB_INVALID, "the kept configuration is cut short");
        }
        at += (size_t)got;
    }
    snapshot.mode = REPLAYING;
    return PB_OK;
}

pb_str snapshot_noted(const char *key, size_t index)
{
    struct entry entry;

    return find(SNAPSHOT_NOTE, pb_str_of(key), index, &entry) ? entry.value : (pb_str){0};
}

bool snapshot_take(enum snapshot_kind kind, pb_str key, pb_status *status, pb_str *out)
{
    struct entry entry;

    if (snapshot.mode != REPLAYING)
        return false;
    if (!find(kind, key, 0, &entry)) {
        *status = pb_fail(PB_INVALID, "'%.*s' is not part of the configuration that runs",
                          (int)pb_str_find(key, '\n'), key.data);
        return true;
    }
    char *copy = pb_alloc(entry.value.size + 1);
    *status = copy ? (pb_status)PB_OK : pb_fail(PB_NO_MEMORY, "out of memory");
    if (copy) {
        if (entry.value.size)
            memcpy(copy, entry.value.data, entry.value.size);
        copy[entry.value.size] = 0;
        *out = pb_str_make(copy, entry.value.size);
    }
    return true;
}

/* --- comparing -------------------------------------------------------------------------------- */

static const char *map(int fd, size_t *size)
{
    struct stat about;

    if (fstat(fd, &about) != 0 || about.st_size <= 0)
        return NULL;
    *size = (size_t)about.st_size;
    void *memory = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

bool snapshot_same(int one, int other)
{
    size_t size = 0, other_size = 0;
    const char *data = map(one, &size), *other_data = map(other, &other_size);
    bool same = data && other_data && size == other_size && memcmp(data, other_data, size) == 0;

    if (data)
        munmap((void *)(uintptr_t)data, size);
    if (other_data)
        munmap((void *)(uintptr_t)other_data, other_size);
    return same;
}
