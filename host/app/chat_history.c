/* chat_history.c - what was typed in earlier chats: a file of the person alone, a line for each.
 *
 * In $XDG_STATE_HOME/patchbay, mode 0600. Chats beside one another append; who finds it long
 * rewrites it. A history that cannot be kept is no failure.
 */
#include "app/chat_input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT = 1000, LONGEST = 64 * 1024 };

/* Makes the folders of a path that are missing. */
static void make_folders(char *path)
{
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = 0;
        (void)mkdir(path, 0700);
        *at = '/';
    }
}

static bool file_name(char path[PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int size = -1;

    if (state && *state == '/')
        size = snprintf(path, PATH_MAX, "%s/patchbay/history", state);
    else if (home && *home == '/')
        size = snprintf(path, PATH_MAX, "%s/.local/state/patchbay/history", home);
    return size > 0 && size < PATH_MAX - 8;
}

/* \n and \\ stand for a line feed and a backslash. */
static void unescape(char *line)
{
    char *to = line;

    for (const char *from = line; *from; from++) {
        if (*from == '\\' && from[1])
            *to++ = *++from == 'n' ? '\n' : *from;
        else
            *to++ = *from;
    }
    *to = 0;
}

static bool write_line(int fd, pb_str line)
{
    struct buf text = {0};

    for (size_t i = 0; i < line.size; i++) {
        char c = line.data[i];
        (void)buf_add(&text, c == '\n'   ? pb_lit("\\n")
                             : c == '\\' ? pb_lit("\\\\")
                                         : pb_str_slice(line, i, 1));
    }
    (void)buf_add(&text, pb_lit("\n"));
    bool done = write(fd, text.data, text.size) == (ssize_t)text.size; /* in one: none mix */
    buf_fini(&text);
    return done;
}

/* The newest lines to a new file in its place. */
static void shorten(const char *path, char **lines, size_t count)
{
    const char *other = pb_printf("%s.%ld", path, (long)getpid()).data;

    if (!other)
        return;
    int fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool good = fd >= 0;
    for (size_t i = 0; good && i < count; i++)
        good = write_line(fd, pb_str_of(lines[i]));
    if (fd >= 0)
        close(fd);
    if (!good || rename(other, path) != 0)
        unlink(other);
}

void chat_history_each(void (*each)(void *arg, const char *line), void *arg)
{
    char path[PATH_MAX], *line = NULL, **lines = calloc(KEPT, sizeof *lines);
    size_t room = 0, count = 0, all = 0;
    ssize_t size;
    FILE *file = lines && file_name(path) ? fopen(path, "re") : NULL;

    while (file && (size = getline(&line, &room, file)) > 0) {
        line[size - (line[size - 1] == '\n')] = 0;
        if (count == KEPT) {
            free(lines[0]);
            memmove(lines, lines + 1, --count * sizeof *lines);
        }
        lines[count] = strdup(line);
        if (!lines[count])
            break;
        unescape(lines[count++]);
        all++;
    }
    if (file)
        fclose(file);
    if (all > 2 * KEPT)
        shorten(path, lines, count);
    for (size_t i = 0; i < count; i++) {
        each(arg, lines[i]);
        free(lines[i]);
    }
    free(line);
    free(lines);
}

void chat_history_add(pb_str line)
{
    char path[PATH_MAX];

    if (line.size > LONGEST || !file_name(path))
        return;
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == ENOENT) {
        make_folders(path);
        fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    if (fd < 0)
        return;
    (void)fchmod(fd, 0600);
    (void)write_line(fd, line);
    close(fd);
}
