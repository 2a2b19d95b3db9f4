/* walk.c - through a folder, name by name in order, with descriptors that never follow a link: what
 * lies outside of the folder cannot be reached, whatever is moved meanwhile. */
#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MOST = 64 };

/* --- files -------------------------------------------------------------------------------------
 */

int paths_compare(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    int left = *a == '/' ? 1 : (unsigned char)*a + (*a ? 1 : 0);
    int right = *b == '/' ? 1 : (unsigned char)*b + (*b ? 1 : 0);
    return left - right;
}

bool file_same(const struct file *a, const struct file *b)
{
    return a->bytes == b->bytes && a->modified == b->modified && a->inode == b->inode;
}

bool files_add(struct files *files, const struct file *file, const char *path)
{
    if (files->count == files->room) {
        size_t room = files->room ? files->room * 2 : 64;
        struct file *items = realloc(files->items, room * sizeof *items);
        if (!items)
            return false;
        files->items = items;
        files->room = room;
    }
    struct file *own = &files->items[files->count];
    *own = *file;
    own->path = strdup(path);
    files->count += own->path != NULL;
    return own->path != NULL;
}

void files_clear(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].path);
    free(files->items);
    memset(files, 0, sizeof *files);
}

/* --- what belongs to the source ------------------------------------------------------------------
 */

static bool any_match(const pb_str *patterns, size_t count, const char *path)
{
    for (size_t i = 0; i < count; i++)
        if (glob_match(patterns[i], pb_str_of(path)))
            return true;
    return false;
}

/* UTF-8 without control characters: a name that can be stored and shown. */
static bool sayable(const char *name)
{
    for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
        int more = *at < 0x80 ? 0 : *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : *at >= 0xC2 ? 1 : -1;
        if (more < 0 || *at < 0x20 || *at == 0x7F || *at > 0xF4)
            return false;
        while (more--)
            if ((*++at & 0xC0) != 0x80)
                return false;
    }
    return true;
}

static bool name_allowed(const struct folder *folder, const char *name)
{
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    return (folder->hidden || name[0] != '.') && sayable(name);
}

static bool path_allowed(const struct folder *folder, const char *path)
{
    return any_match(folder->includes, folder->include_count, path) &&
           !any_match(folder->excludes, folder->exclude_count, path);
}

static bool fill(const struct folder *folder, const struct stat *about, struct file *out)
{
    if (!S_ISREG(about->st_mode) || about->st_size <= 0 || about->st_size > folder->max_size)
        return false;
    out->bytes = about->st_size;
    out->modified = (int64_t)about->st_mtim.tv_sec * 1000000000 + about->st_mtim.tv_nsec;
    out->inode = about->st_ino;
    return true;
}

/* --- one file ----------------------------------------------------------------------------------
 */

static int open_root(const struct folder *folder)
{
    return open(folder->path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Opens `path` from the folder on, name by name, without following any link. */
static int open_plain(const struct folder *folder, const char *path)
{
    int at = open_root(folder);

    while (at >= 0) {
        char name[NAME_MAX + 1];
        const char *slash = strchr(path, '/');
        size_t size = slash ? (size_t)(slash - path) : strlen(path);
        bool fine = size && size < sizeof name;
        memcpy(name, path, fine ? size : 0);
        name[fine ? size : 0] = 0;
        fine = fine && name_allowed(folder, name);
        int next = fine ? openat(at, name,
                                 O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY |
                                     (slash ? O_DIRECTORY : 0))
                        : -1;
        int why = fine ? errno : ENOENT;
        close(at);
        at = next;
        errno = why;
        if (!slash)
            break;
        path = slash + 1;
    }
    return at;
}

/* Where a link leads to, as a path within the folder; false when it leads out of it. */
static bool resolve(const struct folder *folder, const char *path, char *out)
{
    char *root = realpath(folder->path.data, NULL), *whole = NULL, *real = NULL;
    bool inside = false;

    if (root && asprintf(&whole, "%s/%s", folder->path.data, path) > 0 &&
        (real = realpath(whole, NULL)) != NULL) {
        size_t size = strlen(root);
        inside = strncmp(real, root, size) == 0 && real[size] == '/' &&
                 strlen(real + size + 1) < PATH_MAX;
        if (inside)
            strcpy(out, real + size + 1);
    }
    free(root);
    free(whole);
    free(real);
    return inside;
}

int walk_open(const struct folder *folder, const char *path)
{
    if (!path_allowed(folder, path))
        return -1;
    int fd = open_plain(folder, path);
    if (fd >= 0 || errno != ELOOP || !folder->follow)
        return fd;
    char target[PATH_MAX];
    return resolve(folder, path, target) ? open_plain(folder, target) : -1;
}

pb_status walk_look(const struct folder *folder, const char *path, struct file *out)
{
    struct stat about;
    int fd = walk_open(folder, path);
    bool found = fd >= 0 && fstat(fd, &about) == 0 && fill(folder, &about, out);

    if (fd >= 0)
        close(fd);
    return found ? PB_OK : PB_NOT_FOUND;
}

/* --- all of them ---------------------------------------------------------------------------------
 */

struct names {
    char **items;
    size_t count, room;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool names_add(struct names *names, const char *name)
{
    if (names->count == names->room) {
        size_t room = names->room ? names->room * 2 : 32;
        char **items = realloc(names->items, room * sizeof *items);
        if (!items)
            return false;
        names->items = items;
        names->room = room;
    }
    names->items[names->count] = strdup(name);
    return names->items[names->count] && ++names->count;
}

static void names_clear(struct names *names)
{
    while (names->count)
        free(names->items[--names->count]);
    free(names->items);
}

/* The names in an open folder, sorted; closes it. An errno, or 0. */
static int read_names(const struct folder *folder, int fd, struct names *out)
{
    DIR *open = fdopendir(fd);
    int failed = 0;

    if (!open) {
        failed = errno;
        close(fd);
        return failed;
    }
    for (struct dirent *one; !failed && (errno = 0, one = readdir(open));)
        if (name_allowed(folder, one->d_name) && !names_add(out, one->d_name))
            failed = ENOMEM;
    if (!failed)
        failed = errno;
    closedir(open);
    if (out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    return failed;
}

struct step {
    struct walk *walk;
    char *path; /* PATH_MAX bytes: the folder that is read, with a '/' behind it */
};

static pb_status walk_folder(struct step *step, size_t length, const char *after);

static pb_status fail(struct walk *walk, const char *path, int why)
{
    (void)snprintf(walk->wrong, sizeof walk->wrong, "the folder '%s%s%.200s' cannot be read: %s",
                   walk->folder->path.data, *path ? "/" : "", path, strerror(why));
    return why == ENOMEM ? PB_NO_MEMORY : PB_UNAVAILABLE;
}

static bool told_to_stop(const struct walk *walk)
{
    return walk->stop ? atomic_load(walk->stop) : pb_cancelled();
}

/* A file that stands at step->path. */
static pb_status take(struct step *step, const struct file *file)
{
    struct walk *walk = step->walk;

    if (walk->out->count == walk->most) {
        walk->ended = false;
        return PB_DECLINED; /* enough */
    }
    return files_add(walk->out, file, step->path) ? PB_OK : PB_NO_MEMORY;
}

/* What stands at step->path, `length` bytes long, in the folder `at`. */
static pb_status visit(struct step *step, int at, size_t length, const char *after)
{
    const struct folder *folder = step->walk->folder;
    const char *name = strrchr(step->path, '/');
    struct stat about;
    struct file file = {0};

    name = name ? name + 1 : step->path;
    if (fstatat(at, name, &about, AT_SYMLINK_NOFOLLOW) != 0)
        return PB_OK; /* gone meanwhile */
    if (S_ISDIR(about.st_mode)) {
        if (any_match(folder->excludes, folder->exclude_count, step->path) ||
            length + 1 >= PATH_MAX)
            return PB_OK;
        step->path[length] = '/';
        step->path[length + 1] = 0;
        return walk_folder(step, length + 1, after);
    }
    if (after) /* it was a folder when it was passed */
        return PB_OK;
    if (!path_allowed(folder, step->path))
        return PB_OK;
    if (S_ISLNK(about.st_mode))
        return folder->follow && walk_look(folder, step->path, &file) == PB_OK ? take(step, &file)
                                                                               : PB_OK;
    return fill(folder, &about, &file) ? take(step, &file) : PB_OK;
}

/* Where a name stands to the place that was reached before: below 0: it was passed; 0: it is on the
 * way there; above: it comes behind. */
static int against(const char *name, const char *after)
{
    size_t size = strcspn(after, "/");
    int order = strncmp(name, after, size);

    return order ? order : name[size] ? 1 : 0;
}

static pb_status walk_names(struct step *step, int at, const struct names *names, size_t length,
                            const char *after)
{
    pb_status status = PB_OK;

    for (size_t i = 0; i < names->count && status == PB_OK; i++) {
        const char *name = names->items[i], *rest = NULL;
        int order = after ? against(name, after) : 1;
        size_t size = strlen(name);
        if (order < 0 || length + size + 1 >= PATH_MAX)
            continue;
        if (order == 0) {
            rest = strchr(after, '/');
            rest = rest ? rest + 1 : "";
        }
        memcpy(step->path + length, name, size + 1);
        if (rest && !*rest) /* the file that was the last one */
            continue;
        status = visit(step, at, length + size, rest);
        if (status == PB_OK && told_to_stop(step->walk))
            status = PB_CANCELLED;
    }
    return status;
}

static pb_status walk_folder(struct step *step, size_t length, const char *after)
{
    struct walk *walk = step->walk;
    struct names names = {0};
    int why = 0, depth = 0;

    for (size_t i = 0; i < length; i++)
        depth += step->path[i] == '/';
    if (depth > DEPTH_MOST)
        return PB_OK;
    if (walk->enter)
        walk->enter(walk->arg, step->path);
    if (length)
        step->path[length - 1] = 0;
    int at = length ? open_plain(walk->folder, step->path) : open_root(walk->folder);
    why = errno;
    if (length)
        step->path[length - 1] = '/';
    if (at < 0 && length && (why == ENOENT || why == ENOTDIR || why == ELOOP))
        return PB_OK; /* gone meanwhile */
    if (at < 0 && length && why == EACCES) {
        pb_log(PB_WARN, "the folder '%s/%s' may not be read, it is left out",
               walk->folder->path.data, step->path);
        return PB_OK;
    }
    int again = at < 0 ? -1 : fcntl(at, F_DUPFD_CLOEXEC, 0);
    if (again >= 0)
        why = read_names(walk->folder, again, &names);
    else if (at >= 0)
        why = errno;
    pb_status status =
        at < 0 || why ? fail(walk, step->path, why) : walk_names(step, at, &names, length, after);
    names_clear(&names);
    if (at >= 0)
        close(at);
    return status;
}

pb_status walk_run(struct walk *walk)
{
    struct step step = {.walk = walk, .path = calloc(1, PATH_MAX + 1)};
    pb_status status = PB_NO_MEMORY;

    walk->ended = true;
    if (step.path)
        status = walk_folder(&step, 0, walk->after);
    free(step.path);
    return status == PB_DECLINED ? PB_OK : status;
}
