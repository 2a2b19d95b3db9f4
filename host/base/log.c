/* log.c - see log.h. The line is built in memory of its own thread; nothing is allocated. */
#include "base/log.h"

#include "base/scope.h"
#include "base/str.h"
#include "base/time.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Atomic int32_t least = PB_INFO;
static _Atomic bool as_json;
static _Atomic int target = STDERR_FILENO; /* keeps its number when the file is reopened */
static _Atomic uint64_t lost;
static _Atomic uint32_t worker; /* 0: none */
static char *path; /* of the file; NULL: standard error or output */
static void (*fill_context)(struct log_context *context);

struct line {
    char *text;
    size_t size; /* room is kept for what must follow */
    size_t most;
};

static _Thread_local char memory[LOG_LINE_SIZE];

static void add(struct line *line, pb_str text)
{
    if (text.size <= line->most - line->size && text.size) {
        memcpy(line->text + line->size, text.data, text.size);
        line->size += text.size;
    }
}

/* What stands for one byte that must not be in a line as it is; the same in both formats. */
static pb_str escape(unsigned char c, bool quoted, char room[6])
{
    static const char hex[] = "0123456789abcdef";
    static const char *const named = "\nn\tt\rr";

    if (quoted && (c == '"' || c == '\\')) {
        room[0] = '\\', room[1] = (char)c;
        return pb_str_make(room, 2);
    }
    for (const char *at = named; *at; at += 2)
        if (c == (unsigned char)*at) {
            room[0] = '\\', room[1] = at[1];
            return pb_str_make(room, 2);
        }
    if (c < 0x20 || c == 0x7F) {
        memcpy(room, "\\u00", 4);
        room[4] = hex[c >> 4], room[5] = hex[c & 15];
        return pb_str_make(room, 6);
    }
    return pb_str_make(NULL, 0);
}

/* How many bytes from `at` on stand for themselves in both formats. */
static size_t plain_run(pb_str text, size_t at)
{
    size_t end = at;

    while (end < text.size && text.data[end] >= ' ' && text.data[end] < 0x7F &&
           text.data[end] != '"' && text.data[end] != '\\')
        end++;
    return end - at;
}

/* Text from anywhere: no control character and no invalid UTF-8 gets through. False: was cut. */
static bool add_text(struct line *line, pb_str text, bool quoted)
{
    char room[6];

    for (size_t i = 0; i < text.size;) {
        size_t run = plain_run(text, i), left = line->most - line->size;
        add(line, pb_str_slice(text, i, run < left ? run : left));
        if (run > left)
            return false;
        i += run;
        if (i == text.size)
            break;
        size_t size = utf8_sequence(text.data + i, text.size - i);
        pb_str piece = size ? pb_str_make(text.data + i, size) : pb_lit("\xEF\xBF\xBD");
        pb_str other = size == 1 ? escape((unsigned char)text.data[i], quoted, room)
                                 : pb_str_make(NULL, 0);
        if (other.size)
            piece = other;
        if (piece.size > line->most - line->size)
            return false;
        add(line, piece);
        i += size ? size : utf8_skip(text.data + i, text.size - i);
    }
    return true;
}

/* Whole or not at all: an identifier that is cut would name something else. */
static void add_field(struct line *line, const char *name, pb_str value, bool json)
{
    size_t before = line->size;

    if (!value.size)
        return;
    add(line, json ? pb_lit(",\"") : pb_lit(" "));
    add(line, pb_str_of(name));
    add(line, json ? pb_lit("\":\"") : pb_lit("="));
    bool whole = add_text(line, value, json);
    if (!whole || line->most - line->size < 1)
        line->size = before;
    else if (json)
        add(line, pb_lit("\""));
}

void log_worker(uint32_t number)
{
    atomic_store(&worker, number);
}

static void add_worker(struct line *line, bool json)
{
    uint32_t number = atomic_load_explicit(&worker, memory_order_relaxed);
    char text[32];

    if (number) {
        (void)snprintf(text, sizeof text, json ? ",\"worker\":%u" : "[w%u] ", number);
        add(line, pb_str_of(text));
    }
}

const char *log_level_name(int32_t level)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    return names[level < PB_DEBUG ? PB_DEBUG : level > PB_ERROR ? PB_ERROR : level];
}

bool host_log_enabled(int32_t level)
{
    return level >= atomic_load_explicit(&least, memory_order_relaxed);
}

static void put(const char *text, size_t size)
{
    ssize_t written;

    do
        written = write(atomic_load(&target), text, size);
    while (written < 0 && errno == EINTR);
    if (written != (ssize_t)size)
        atomic_fetch_add(&lost, 1);
}

void host_log(int32_t level, pb_str message)
{
    if (!host_log_enabled(level))
        return;
    int error = errno; /* a log line between a call and its errno changes nothing */
    bool json = atomic_load_explicit(&as_json, memory_order_relaxed);
    struct log_context context = {{0}, {0}, {0}, {0}, {0}};
    struct line line = {memory, 0, LOG_LINE_SIZE - 1024};
    char moment[TIME_TEXT_SIZE];

    if (fill_context && scope_current())
        fill_context(&context);
    time_text(host_now(), moment);
    if (json) {
        add(&line, pb_lit("{\"time\":\""));
        add(&line, pb_str_of(moment));
        add(&line, pb_lit("\",\"level\":\""));
        add(&line, pb_str_of(log_level_name(level)));
        add(&line, pb_lit("\""));
        add_worker(&line, true);
        add(&line, pb_lit(",\"message\":\""));
    } else {
        add(&line, pb_str_of(moment));
        add(&line, pb_lit(" "));
        add(&line, pb_str_of(log_level_name(level)));
        add(&line, level == PB_INFO || level == PB_WARN ? pb_lit("  ") : pb_lit(" "));
        add_worker(&line, false);
    }
    bool whole = add_text(&line, message, json);
    line.most = LOG_LINE_SIZE - 2;
    if (!whole)
        add(&line, pb_lit("\xE2\x80\xA6"));
    if (json)
        add(&line, pb_lit("\""));
    add_field(&line, "turn", context.turn, json);
    add_field(&line, "request", context.request, json);
    add_field(&line, "trace", context.trace, json);
    add_field(&line, "stage", context.stage, json);
    add_field(&line, "instance", context.instance, json);
    line.most = LOG_LINE_SIZE;
    add(&line, json ? pb_lit("}\n") : pb_lit("\n"));
    put(line.text, line.size);
    errno = error;
}

/* --- where to --------------------------------------------------------------------------------- */

static int open_file(const char *name)
{
    int fd = open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

    if (fd < 0)
        pb_fail(PB_INVALID, "cannot open the log file '%s': %s", name, strerror(errno));
    return fd;
}

static void leave_file(void)
{
    int fd = atomic_exchange(&target, STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
    free(path);
    path = NULL;
}

pb_status log_setup(int32_t level, bool json, const char *file)
{
    bool output = strcmp(file, "stdout") == 0;
    bool standard = output || strcmp(file, "stderr") == 0;
    char *name = standard ? NULL : strdup(file);
    int fd = standard ? (output ? STDOUT_FILENO : STDERR_FILENO) : name ? open_file(name) : -1;

    if (fd < 0) {
        free(name);
        return name ? PB_INVALID : pb_fail(PB_NO_MEMORY, "not enough memory to open the log file");
    }
    leave_file();
    path = name;
    atomic_store(&target, fd);
    atomic_store(&least, level);
    atomic_store(&as_json, json);
    return PB_OK;
}

/* The new file takes the old one's number, so that a thread in the middle of a line is not left
 * with a number that means something else. */
pb_status log_reopen(void)
{
    int fd = path ? open_file(path) : -1;

    if (!path)
        return PB_OK;
    if (fd < 0)
        return PB_INVALID;
    int moved = dup3(fd, atomic_load(&target), O_CLOEXEC);
    close(fd);
    return moved < 0 ? pb_fail(PB_INTERNAL, "cannot reopen the log: %s", strerror(errno)) : PB_OK;
}

void log_fini(void)
{
    leave_file();
    atomic_store(&least, PB_INFO);
    atomic_store(&as_json, false);
    atomic_store(&worker, 0);
}

void log_context_set(void (*fill)(struct log_context *context))
{
    fill_context = fill;
}

uint64_t log_lost(void)
{
    return atomic_load(&lost);
}
