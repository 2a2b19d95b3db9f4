/* image.c - the durable image of a folder: what a disk holds for sure when the power fails.
 *
 * The model is the strict one of POSIX. What is written to a file is durable when fsync or
 * fdatasync of that file returned, by whatever process; a name (created, renamed, deleted) when
 * fsync of its folder returned. What comes through mmap is never durable; that is SQLite's -shm,
 * which need not be.
 *
 * Files are known by inode and time of birth. IMAGE/pages/ID has a byte for every page that was
 * written since it was last taken; IMAGE/data/ID is the durable content; IMAGE/names/FOLDER lists
 * the durable names of a folder. All of it is shared by all processes, and any may be killed
 * anywhere. */
#include "unsynced.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 1 << 22, DESCRIPTORS = 1 << 16, RUN = 16 };

/* Of a page: clean, written, or being taken (which is as good as written to who comes after a
 * death). */
enum { CLEAN, DIRTY, TAKING };

struct pages {
    pthread_mutex_t taking; /* robust: one process takes at a time */
    _Atomic uint32_t ready;
    _Atomic uint8_t at[] __attribute__((aligned(PAGE)));
};

struct image_file {
    struct image_file *next;
    dev_t device;
    ino_t inode;
    char id[64];
    char path[1024];
    struct pages *pages;
    int data;
};

static char folder[1024], image[1024];
static useconds_t delay;
static bool deaf;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static struct image_file *known;
static struct image_file other; /* stands for descriptors that are not watched */
static _Atomic(struct image_file *) descriptors[DESCRIPTORS];

static void begin(void) __attribute__((constructor));
static void begin(void)
{
    const char *delay_text = getenv("UNSYNCED_DELAY");
    snprintf(folder, sizeof folder, "%s", getenv("UNSYNCED_FOLDER") ?: "");
    snprintf(image, sizeof image, "%s", getenv("UNSYNCED_IMAGE") ?: "");
    delay = delay_text ? (useconds_t)atoi(delay_text) : 0;
    deaf = getenv("UNSYNCED_DEAF") != NULL;
}

static void broken(const char *what, const char *name)
{
    dprintf(2, "unsynced: %s: %s: %s\n", what, name, strerror(errno));
    abort();
}

bool image_below(const char *path)
{
    size_t size = strlen(folder);
    return size && strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

const char *image_path(const struct image_file *file)
{
    return file->path;
}

/* --- files ----------------------------------------------------------------------------------- */

static int identify(int fd, const char *name, char id[64])
{
    struct statx about;
    int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, &about) != 0)
        return -1;
    snprintf(id, 64, "%llu-%lld.%09u", (unsigned long long)about.stx_ino,
             (long long)about.stx_btime.tv_sec, about.stx_btime.tv_nsec);
    return 0;
}

static int open_part(const char *part, const char *id, int flags)
{
    char path[1200];
    snprintf(path, sizeof path, "%s/%s/%s", image, part, id);
    int fd = NEXT(open64)(path, flags | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        broken("cannot open", path);
    return fd;
}

/* The map of pages, made by whoever comes first. */
static struct pages *map_pages(const char *id)
{
    size_t size = sizeof(struct pages) + PAGES;
    int fd = open_part("pages", id, O_RDWR);

    if (flock(fd, LOCK_EX) != 0 || NEXT(ftruncate64)(fd, (off_t)size) != 0)
        broken("cannot prepare", id);
    struct pages *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pages == MAP_FAILED)
        broken("cannot map", id);
    if (!atomic_load(&pages->ready)) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&pages->taking, &attributes);
        atomic_store(&pages->ready, 1);
    }
    flock(fd, LOCK_UN); /* the mapping keeps the file open, and with it the lock */
    NEXT(close)(fd);
    return pages;
}

/* Under known_lock. */
static struct image_file *file_of(int fd, const struct stat *about, const char *path)
{
    char id[64];
    if (identify(fd, "", id) != 0)
        return &other;
    for (struct image_file *file = known; file; file = file->next)
        if (strcmp(file->id, id) == 0)
            return file;
    struct image_file *file = calloc(1, sizeof *file);
    if (!file)
        broken("no memory", path);
    file->device = about->st_dev;
    file->inode = about->st_ino;
    snprintf(file->id, sizeof file->id, "%s", id);
    snprintf(file->path, sizeof file->path, "%s", path);
    if (image[0]) {
        file->pages = map_pages(id);
        file->data = open_part("data", id, O_RDWR);
    }
    file->next = known;
    known = file;
    return file;
}

static bool path_of(int fd, char *path, size_t size)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0)
        return false;
    path[length] = '\0';
    return true;
}

static struct image_file *look(int fd)
{
    char path[1024];
    struct stat about;
    struct image_file *file = &other;

    if (!folder[0] || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) ||
        !path_of(fd, path, sizeof path) || !image_below(path))
        return file;
    pthread_mutex_lock(&known_lock);
    file = file_of(fd, &about, path);
    pthread_mutex_unlock(&known_lock);
    return file;
}

struct image_file *image_of(int fd)
{
    if (fd < 0 || fd >= DESCRIPTORS || !folder[0])
        return NULL;
    struct image_file *file = atomic_load(&descriptors[fd]);
    if (!file) {
        int kept = errno;
        file = look(fd);
        atomic_store(&descriptors[fd], file);
        errno = kept;
    }
    return file == &other ? NULL : file;
}

void image_closed(int fd)
{
    if (fd >= 0 && fd < DESCRIPTORS)
        atomic_store(&descriptors[fd], NULL);
}

void image_opened(int fd, int flags)
{
    image_closed(fd);
    if (flags & O_TRUNC) {
        struct image_file *file = image_of(fd);
        if (file)
            image_truncate(file, fd, 0);
    }
}

/* --- what changes ---------------------------------------------------------------------------- */

void image_touch(struct image_file *file, off_t at, off_t size)
{
    if (!file->pages || size <= 0)
        return;
    off_t last = (at + size - 1) / PAGE;
    if (last >= PAGES) {
        errno = EFBIG;
        broken("is too large to be watched", file->path);
    }
    for (off_t page = at / PAGE; page <= last; page++)
        atomic_store(&file->pages->at[page], DIRTY);
}

/* Shrinking changes all that may be written again behind the new end, growing what is new. */
void image_truncate(struct image_file *file, int fd, off_t size)
{
    struct stat now, durable;
    if (!file->pages || fstat(fd, &now) != 0 || fstat(file->data, &durable) != 0)
        return;
    off_t end = now.st_size > durable.st_size ? now.st_size : durable.st_size;
    off_t from = size < now.st_size ? size : now.st_size;
    image_touch(file, from, (size > end ? size : end) - from);
}

/* --- what becomes durable -------------------------------------------------------------------- */

static void take_run(struct image_file *file, int fd, off_t first, int count)
{
    static _Thread_local char data[RUN * PAGE];

    for (int i = 0; i < count; i++)
        atomic_store(&file->pages->at[first + i], TAKING);
    ssize_t size = NEXT(pread64)(fd, data, (size_t)count * PAGE, first * PAGE);
    if (size < 0)
        broken("cannot read", file->path);
    if (size && NEXT(pwrite64)(file->data, data, (size_t)size, first * PAGE) != size)
        broken("cannot keep", file->path);
    for (int i = 0; i < count; i++) {
        uint8_t taking = TAKING;
        atomic_compare_exchange_strong(&file->pages->at[first + i], &taking, CLEAN);
    }
}

static void take(struct image_file *file, int fd)
{
    struct stat about, durable;
    if (fstat(fd, &about) != 0)
        broken("cannot look at", file->path);
    /* Cut first: what others append meanwhile may be taken along below. */
    if (fstat(file->data, &durable) != 0 ||
        (durable.st_size > about.st_size && NEXT(ftruncate64)(file->data, about.st_size) != 0))
        broken("cannot cut", file->path);
    off_t pages = (about.st_size + PAGE - 1) / PAGE;
    for (off_t page = 0; page < pages;) {
        int count = 0;
        while (count < RUN && page + count < pages &&
               atomic_load(&file->pages->at[page + count]) != CLEAN)
            count++;
        if (count)
            take_run(file, fd, page, count);
        page += count ? count : 1;
    }
}

/* A descriptor to read the file by. One that can read already must be used: closing another would
 * drop the process's locks on the file. */
static int readable(int fd)
{
    char link[64];
    if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY)
        return fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int own = NEXT(open64)(link, O_RDONLY | O_CLOEXEC);
    if (own < 0)
        broken("cannot read", link);
    return own;
}

static void sync_file(struct image_file *file, int fd)
{
    int reader = readable(fd);
    int error = pthread_mutex_lock(&file->pages->taking);
    if (error == EOWNERDEAD)
        pthread_mutex_consistent(&file->pages->taking);
    else if (error)
        broken("cannot lock", file->path);
    take(file, reader);
    pthread_mutex_unlock(&file->pages->taking);
    if (reader != fd)
        NEXT(close)(reader);
}

/* A sync that failed: the pages count as clean, as Linux has it, and are nowhere. */
void image_drop(struct image_file *file, int fd)
{
    struct stat about;
    if (!file->pages || fstat(fd, &about) != 0)
        return;
    for (off_t page = 0; page < (about.st_size + PAGE - 1) / PAGE; page++)
        atomic_store(&file->pages->at[page], CLEAN);
}

/* The names of a folder as they are now: "ID name" or "/ name" for a folder, a line each. */
static void sync_names(int fd, const char *path)
{
    char key[1024], kept[4096], fresh[4096];
    int size = snprintf(key, sizeof key, "+%s", path + strlen(folder));
    for (int i = 0; i < size; i++)
        if (key[i] == '/')
            key[i] = '+';
    snprintf(kept, sizeof kept, "%s/names/%s", image, key);
    snprintf(fresh, sizeof fresh, "%s/names/.%s.%d.%d", image, key, getpid(), gettid());
    int own = NEXT(openat64)(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = own < 0 ? NULL : fdopendir(own);
    int out = NEXT(open64)(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (!names || out < 0)
        broken("cannot list", path);
    for (struct dirent *entry; (entry = readdir(names));) {
        char id[64];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (entry->d_type == DT_DIR)
            dprintf(out, "/ %s\n", entry->d_name);
        else if (entry->d_type == DT_REG && identify(fd, entry->d_name, id) == 0)
            dprintf(out, "%s %s\n", id, entry->d_name);
    }
    closedir(names);
    NEXT(close)(out);
    if (rename(fresh, kept) != 0)
        broken("cannot keep", kept);
}

void image_sync(int fd)
{
    char path[1024];
    struct stat about;

    if (delay)
        usleep(delay);
    if (!image[0] || deaf || fstat(fd, &about) != 0)
        return;
    if (S_ISREG(about.st_mode)) {
        image_closed(fd); /* looks again: a descriptor may have come in ways that are not seen */
        struct image_file *file = image_of(fd);
        if (file)
            sync_file(file, fd);
    } else if (S_ISDIR(about.st_mode) && path_of(fd, path, sizeof path) && image_below(path)) {
        sync_names(fd, path);
    }
}
